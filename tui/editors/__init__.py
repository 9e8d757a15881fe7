"""A session as a debuggee of an editor: the Debug Adapter Protocol, by the standard library alone."""
