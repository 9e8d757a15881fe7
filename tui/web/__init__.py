"""The app in a browser: a server on this machine that runs one app a page. Needs the extra `web`."""
