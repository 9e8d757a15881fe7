"""One step of a training that ran elsewhere, as it was recorded: every op, its values, and its equation.

A file of this kind (`.rgrec`) is written by ``retrograde.torch`` and read here, without PyTorch. What is shown is what
was recorded; the equations say what should have been computed, and ``checking`` holds the one to the other.
"""
