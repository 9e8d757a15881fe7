// Keys go to the app from the start, and after a click anywhere: xterm.js reads them from a hidden field.
const focus = () => document.querySelector(".xterm-helper-textarea")?.focus();
new MutationObserver(focus).observe(document.body, { attributes: true, attributeFilter: ["class"] });
addEventListener("click", focus);
addEventListener("focus", focus);
