"""The screens: the debugger itself, the scenario picker, help, the command line, a list to choose from."""
