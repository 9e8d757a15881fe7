"""A file becomes a checked, complete record, or a list of everything that is wrong with it, by line and key.

Built on layers, whose models it reads. ``file`` is the door; what must hold beyond the types stands in ``rules``. No
machinery that computes is loaded here.
"""
