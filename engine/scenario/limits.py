"""How much a scenario may bring along."""

from __future__ import annotations

MAX_FILE_BYTES = 2**20
"""The largest scenario file: everything in it is read, checked and located within a second."""
MAX_DATA_BYTES = 512 * 2**20
"""The largest data file, after it is decompressed, and the largest set of samples in memory."""
MAX_FRAME_BYTES = 384 * 2**20
"""The most memory that the values of one iteration may take."""
