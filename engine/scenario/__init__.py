"""A file becomes a checked, complete record, or a list of everything that is wrong with it, by line and key.

Built on layers, whose models it reads. ``file`` is the door, ``models`` the format; ``reading`` gives the tables of a
file, ``pieces`` what of them is valid, ``rules`` what must hold beyond the types, and ``report`` where it stands. No
machinery that computes is loaded here.
"""
