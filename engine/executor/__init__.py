"""Executors: the two ways to compute a frame, bit-identical each with its own live run."""
