"""A scenario becomes one program: names, shapes, the ops of an iteration in their order, and the frame they fill.

Built on scenario. ``network`` is the door; a frame is every value of one iteration and is never changed.
"""
