"""One step and everything that explains or checks it: operands, terms, uses, chain rule, differences.

Built on travel. Pure functions of frames: they look, and change nothing.
"""
