"""The command line: a file a command, which states its arguments and what it does; most need no screen."""
