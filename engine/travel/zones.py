"""Zone maps: the smallest and the largest value of a slot in each interval of iterations.

A query first asks these which intervals can hold what it looks for; only those are replayed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.formulas.bounds import Bounds, Flags, anything
from retrograde.engine.formulas.tree import Slot

MAX_TRACKS = 64
"""Slots that are remembered; the one that was used longest ago is forgotten first."""

LOSS = Slot("E", ())


@dataclass(slots=True)
class _Track:
    """One slot: bounds of each complete interval, and of the one that is being filled."""

    low: Floats = field(default_factory=lambda: np.full(64, -np.inf))
    high: Floats = field(default_factory=lambda: np.full(64, np.inf))
    nan: Flags = field(default_factory=lambda: np.ones(64, dtype=np.bool_))
    next: int = -1
    open: tuple[float, float, bool] = (np.inf, -np.inf, False)


class Zones:
    """The bounds of slots over intervals of ``spacing`` iterations, from iteration ``base`` on."""

    def __init__(self, spacing: int, base: int = 0) -> None:
        self.spacing = spacing
        self.base = base
        self._tracks: dict[Slot, _Track] = {}

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return sum(track.low.nbytes + track.high.nbytes + track.nan.nbytes for track in self._tracks.values())

    def respace(self, spacing: int) -> None:
        """Joins intervals in pairs until they are ``spacing`` long."""
        while self.spacing < spacing:
            self.spacing *= 2
            for track in self._tracks.values():
                half = len(track.low) // 2
                track.low[:half] = np.minimum(track.low[0::2], track.low[1::2])
                track.high[:half] = np.maximum(track.high[0::2], track.high[1::2])
                track.nan[:half] = track.nan[0::2] | track.nan[1::2]
                track.low[half:], track.high[half:], track.nan[half:] = -np.inf, np.inf, True
                track.next = -1

    def record(self, slot: Slot, start: int, values: Sequence[float]) -> None:
        """Takes the values of consecutive iterations; an interval counts once all of it was seen in order."""
        track = self._tracks.pop(slot, None) or _Track()
        self._tracks[slot] = track
        while len(self._tracks) > MAX_TRACKS:
            del self._tracks[next(iter(self._tracks))]
        array = np.asarray(values, dtype=np.float64)
        at = start
        while at < start + len(array):
            number, within = divmod(at - self.base, self.spacing)
            whole = 0 if within else (start + len(array) - at) // self.spacing
            known = self._which_known(track, number, whole) if whole > 1 else None
            if known is not None and known.all():
                at += whole * self.spacing
                continue
            if known is not None and not known.any():
                stop = at + whole * self.spacing
                self._close_several(track, number, array[at - start : stop - start].reshape(whole, self.spacing))
                at = track.next = stop
                continue
            stop = min(start + len(array), self.base + (number + 1) * self.spacing)
            piece = array[at - start : stop - start]
            if self._known(track, number):
                # What a search replays must not break off the interval that a run is filling.
                at = stop
                continue
            if within == 0:
                track.open = (np.inf, -np.inf, False)
            elif at != track.next:
                at = stop
                continue
            low, high, nan = track.open
            least, most = float(piece.min()), float(piece.max())
            bad = least != least
            if bad and len(good := piece[~np.isnan(piece)]):
                least, most = float(good.min()), float(good.max())
            if least == least:
                low, high = min(low, least), max(high, most)
            track.open = (low, high, nan or bad)
            track.next = stop
            if stop == self.base + (number + 1) * self.spacing:
                self._close(track, number)
            at = stop

    @staticmethod
    def _known(track: _Track, number: int) -> bool:
        if number >= len(track.low):
            return False
        return bool(np.isfinite(track.low[number]) or np.isfinite(track.high[number]) or not track.nan[number])

    @staticmethod
    def _which_known(track: _Track, number: int, count: int) -> Flags:
        """Which of some intervals are known; of those beyond the last, none."""
        found = np.zeros(count, dtype=np.bool_)
        own = slice(number, number + count)
        found[: max(0, len(track.low) - number)] = (
            np.isfinite(track.low[own]) | np.isfinite(track.high[own]) | ~track.nan[own]
        )
        return found

    def _close_several(self, track: _Track, number: int, values: Floats) -> None:
        """Takes all values of some intervals, one a row."""
        low, high = values.min(axis=1), values.max(axis=1)
        nan = np.isnan(low)
        for row in np.flatnonzero(nan):
            good = values[row][~np.isnan(values[row])]
            low[row], high[row] = (good.min(), good.max()) if len(good) else (np.inf, -np.inf)
        own = slice(number, number + len(values))
        self._grow(track, own.stop - 1)
        track.low[own], track.high[own], track.nan[own] = low, high, nan
        track.open = (float(low[-1]), float(high[-1]), bool(nan[-1]))

    def _close(self, track: _Track, number: int) -> None:
        self._grow(track, number)
        track.low[number], track.high[number], track.nan[number] = track.open

    @staticmethod
    def _grow(track: _Track, number: int) -> None:
        while number >= len(track.low):
            size = len(track.low)
            track.low = np.concatenate((track.low, np.full(size, -np.inf)))
            track.high = np.concatenate((track.high, np.full(size, np.inf)))
            track.nan = np.concatenate((track.nan, np.ones(size, dtype=np.bool_)))

    def bounds(self, slot: Slot, count: int, stop: int) -> Bounds:
        """The bounds of a slot over the first ``count`` intervals; everything where nothing is known.

        Args:
            slot: the slot.
            count: how many intervals.
            stop: the iteration up to which the last of them matters.
        """
        low, high, nan = anything(count)
        track = self._tracks.get(slot)
        if track is not None:
            known = min(count, len(track.low))
            low[:known], high[:known], nan[:known] = track.low[:known], track.high[:known], track.nan[:known]
            if track.next >= stop and (track.next - 1 - self.base) // self.spacing == count - 1:
                low[-1], high[-1], nan[-1] = track.open
        return Bounds(low, high, nan)
