"""Kinds of layer, one file each: what a scenario states of it, its shape, its parameters, and how it is built.

Built on ops. A new kind is one file and one row of ``table``; ``build`` asks ``Forward`` and nothing else.
"""
