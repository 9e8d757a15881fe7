"""What a step looks like, besides its equation: one file a kind of picture, found by the table.

A file of this package brings a module-level ``PICTURES``, which maps classes of ops (or of the parts of a gradient) to
functions that make pictures of a step; nothing else has to be edited for it. The pictures are plain records
(``records``); ``retrograde.tui.drawing`` draws them.
"""
