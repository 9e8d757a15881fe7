"""What gives the numbers that were printed: each convention and slip is an edit of the program.

It is asked by `retrograde figures` and `retrograde slip`. The equations that are edited are those that run; nothing
here states the arithmetic of a layer or an optimiser a second time.
"""
