"""The modal screens: the scenario picker, help, the command line, questions, a list to choose from."""
