"""Updates: how each optimiser makes new parameters, a family a file; and what they share.

The facts about the optimisers, with their options, stand in ``equations/optimisers.py``.
"""
