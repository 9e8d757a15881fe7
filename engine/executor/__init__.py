"""Executors: the two ways to compute a frame, bit-identical each with its own live run.

Built on formulas, whose conditions run inside the loop. A third way is one new file that keeps ``base.Executor``.
"""
