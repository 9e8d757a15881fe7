"""What is said of a session as plain values, for JSON: the same to the command line, to agents and to editors."""
