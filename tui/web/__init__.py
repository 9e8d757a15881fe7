"""The app in a browser: a server on this machine, one app a page. Needs the extra `web`."""
