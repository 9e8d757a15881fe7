"""What a scenario may bring along: which kinds of files, and how much."""

from __future__ import annotations

SUFFIXES = (".csv", ".csv.gz", ".npz")
"""What files of samples end in."""
MAX_FILE_BYTES = 2**20
"""The largest scenario file: everything in it is read, checked and located within a second."""
MAX_DATA_BYTES = 512 * 2**20
"""The largest data file, after it is decompressed, and the largest set of samples in memory."""
MAX_FRAME_BYTES = 384 * 2**20
"""The most memory that the values of one iteration may take."""
