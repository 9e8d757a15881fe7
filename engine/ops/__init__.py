"""Op kinds, one file a family: equation, kernel and gradient rule of each.

Built on equations. A new kind of op is one new file; its gradient rule asks ``GradientPass`` and nothing else.
``kernels`` says how fast an op is computed and never what it computes; ``update`` holds the optimisers' steps.
"""
