"""The debugger: a cursor that travels, stops, marks, edits, saves; published figures; two branches side by side.

The highest room: what a screen, a command or a notebook talks to. ``Session`` is the door.
"""
