"""What is handed out: a training as a program of another library, and an iteration as a worked solution.

Nothing here moves or changes a session; it reads programs and steps and writes text.
"""
