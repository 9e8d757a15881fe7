"""What is handed out: a training as a program of another library, line by line from the equations that run.

Nothing here computes or keeps a session; it reads programs and writes text.
"""
