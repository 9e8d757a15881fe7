"""Makes an input smaller while it has the same fault."""

from __future__ import annotations

import time
from collections.abc import Callable

TRIES = 400
SECONDS = 60.0


def smaller(content: bytes, same: Callable[[bytes], bool]) -> bytes:
    """The smallest input that was found: first without lines, then without characters.

    Args:
        content: an input that has a fault.
        same: whether an input has the same fault.
    """
    tries = 0
    end = time.monotonic() + SECONDS

    def holds(pieces: list[bytes]) -> bool:
        nonlocal tries
        tries += 1
        return tries <= TRIES and time.monotonic() < end and same(b"".join(pieces))

    lines = _without(content.splitlines(keepends=True), holds)
    shorter = b"".join(lines)
    if len(shorter) > 4000:
        return shorter
    return b"".join(_without([shorter[at : at + 1] for at in range(len(shorter))], holds))


def _without(pieces: list[bytes], holds: Callable[[list[bytes]], bool]) -> list[bytes]:
    """Leaves out runs of pieces, half of them first, then ever shorter ones."""
    size = max(1, len(pieces) // 2)
    while pieces:
        at = 0
        while at < len(pieces):
            rest = pieces[:at] + pieces[at + size :]
            if rest and holds(rest):
                pieces = rest
            else:
                at += size
        if size == 1:
            break
        size //= 2
    return pieces
