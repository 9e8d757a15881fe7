"""What a scenario may bring along: which kinds of files, and how much."""

from __future__ import annotations

_TEXTS = (".csv", ".tsv", ".tab", ".txt", ".dat", ".data")
SUFFIXES = (*_TEXTS, *(f"{suffix}.gz" for suffix in _TEXTS), ".npz", ".npy", ".parquet")
"""What files of samples end in."""
MAX_FILE_BYTES = 2**20
"""The largest scenario file: everything in it is read, checked and located within a second."""
MAX_DATA_BYTES = 512 * 2**20
"""The largest data file, after it is decompressed, and the largest set of samples in memory."""
MAX_FRAME_BYTES = 384 * 2**20
"""The most memory that the values of one iteration may take."""
MAX_BLANK = 2**20
"""The most bytes of blanks and line ends in a row of a file of samples: a small compressed file has room for many."""
MAX_BLANK_LINES = 1_000_000
"""The most lines of a file of samples that may be blank."""
MAX_ROWS = 20_000_000
"""The most rows that a file of samples may have."""
MAX_LINE = 4 * 2**20
"""The longest line of a file of samples, in characters."""
