"""Looks for inputs that crash, hang or eat memory: ``python -m tests.fuzz``, and a small form among the tests.

A kind of input is one file and a row of ``table.py``; how a case is judged, under which limits, and how what was found
is made smaller, is ``judging.py``, ``working.py`` and ``shrinking.py``.
"""
