"""What must hold in a scenario beyond the types of its keys; looked at in files that are half valid, too.

``all`` is the door; ``samples`` holds what is asked of samples that are read, and alone needs NumPy.
"""
