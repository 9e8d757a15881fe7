"""How the ops with many terms are computed in NumPy: same bits as their equations, faster.

Nothing here decides what is computed: a kernel may be replaced by its op's equation, and only the time changes.
"""
