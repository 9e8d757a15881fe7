"""From what was recorded to the file: which numbers are kept, and summaries of the rest."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from pydantic_core import to_json

from retrograde.engine.recording.again import Numbers, makers_of, numbers_of, operands_of
from retrograde.engine.recording.form import (
    ALIGNMENT,
    DTYPES,
    Call,
    OptimizerRecord,
    Source,
    StepFile,
    Summary,
    Value,
    as_float64,
)
from retrograde.engine.recording.writing import Piece, RecordingWriter
from retrograde.torch.noting import Note, as_call, as_value
from retrograde.torch.tensors import Version

AROUND = 10
"""Ops on either side of the focus whose numbers are kept before all others."""
DEFAULT_LIMIT = 2**30


class Kept(NamedTuple):
    """Which numbers are kept; see ``record``."""

    modules: tuple[str, ...]
    values: bool
    limit: int


def save(
    path: Path,
    written: RecordingWriter,
    versions: Sequence[Version],
    *,
    calls: Sequence[Note],
    sources: Sequence[Source],
    notes: list[str],
    device: str,
    kept: Kept,
    optimizers: Sequence[OptimizerRecord] = (),
) -> None:
    """Writes a recording.

    Raises:
        EngineError: it cannot be written.
    """
    head: Note = {"format": "retrograde recording", "version": 1, "torch": torch.__version__}
    if device != "cpu":
        head["device"] = device
    if notes:
        head["notes"] = notes
    values = [_value(version) for version in versions]
    if _all_stay(versions, kept):
        records = head | {"values": values, "calls": calls, "sources": [one.model_dump() for one in sources]}
        if optimizers:
            records["optimizers"] = [one.model_dump() for one in optimizers]
        written.finish(to_json(records, inf_nan_mode="constants"))
        return
    stored = {number: one.piece for number, one in enumerate(versions) if one.piece is not None}
    step = _Step([as_value(one) for one in values], [as_call(one) for one in calls], stored, written)
    reasons = step.left_out(kept)
    file, pieces = step.chosen(path, reasons)
    chosen = [step.value(number, pieces.get(number), reasons.get(number)) for number in range(len(values))]
    if reasons:
        notes = [*notes, f"{len(reasons)} of {len(values)} arrays are left out: {next(iter(reasons.values()))}"]
    more = {"values": chosen, "calls": step.calls, "sources": list(sources), "optimizers": list(optimizers)}
    file.finish(StepFile.trusted(**head | {"device": device, "notes": notes} | more))


def _all_stay(versions: Sequence[Version], kept: Kept) -> bool:
    """Whether all numbers are kept, which is seen without a look at what is made of what."""
    if not kept.values or kept.modules or not all(one.piece is not None or one.again is not None for one in versions):
        return False
    return sum(one.piece.length + ALIGNMENT for one in versions if one.piece is not None) <= kept.limit


def _value(version: Version) -> Note:
    found: Note = {
        "name": version.name,
        "kind": version.kind,
        "dtype": version.dtype,
        "shape": version.shape,
        "strides": version.strides,
    }
    if version.of is not None:
        found["of"] = version.of
    if version.piece is not None:
        found["offset"] = version.piece.offset
    if version.crc:
        found["crc"] = version.crc
    if version.again is not None:
        found["again"] = version.again.way
    return found


class _Step:
    """A step of which a part is chosen.

    Attributes:
        calls: its ops.
        rewritten: the values that are stored after all, since what they are made again of is larger, and left out.
    """

    def __init__(
        self, values: Sequence[Value], calls: Sequence[Call], stored: Mapping[int, Piece], file: RecordingWriter
    ) -> None:
        self._values = values
        self.calls = calls
        self._stored = stored
        self._makers = makers_of(calls)
        self._file = file
        self._numbers = Numbers(values, self._makers, self._read, self._nudges)
        self._finite: dict[int, bool] = {}
        self.rewritten: set[int] = set()

    def value(self, number: int, piece: Piece | None, reason: str | None) -> Value:
        """The record of a value, as it is in the file."""
        changes: dict[str, Any] = {"offset": None if piece is None else piece.offset}
        if piece is not None and number in self.rewritten:
            changes |= {"again": None, "crc": piece.crc}
        if reason is not None:
            changes = {"offset": None, "crc": 0, "again": None, "summary": self.summary(number), "reason": reason}
        return Value.trusted(**{**self._values[number].__dict__, **changes})

    def chosen(self, path: Path, left: Mapping[int, str]) -> tuple[RecordingWriter, Mapping[int, Piece]]:
        """The file with the numbers that stay, and where they are: the one that was written where all stay."""
        if not self.rewritten and not set(left) & set(self._stored):
            return self._file, self._stored
        file = RecordingWriter(path)
        pieces = {}
        try:
            for number in range(len(self._values)):
                if number in self.rewritten:
                    pieces[number] = file.add(np.ascontiguousarray(self._numbers.of(number)).reshape(-1).view(np.uint8))
                elif number in self._stored and number not in left:
                    pieces[number] = file.add(self._file.read(self._stored[number]))
        except OSError:
            file.abandon()
            raise
        return file, pieces

    def _read(self, number: int) -> Any:
        value, content = self._values[number], self._file.read(self._stored[number])
        return np.frombuffer(content, dtype=DTYPES[value.dtype].stored).reshape(value.shape)

    def _nudges(self, number: int) -> Any:
        piece = self._stored.get(number)
        return None if piece is None else np.frombuffer(self._file.read(piece), np.uint8)

    def _is_held(self, number: int) -> bool:
        return number in self._stored or self._values[number].again is not None

    def left_out(self, kept: Kept) -> dict[int, str]:
        """The values whose numbers are not kept, and why."""
        everything = range(len(self._values))
        if not kept.values:
            return dict.fromkeys(everything, "recorded with values=False")
        found = {n: f"{self._values[n].dtype} is not stored" for n in everything if not self._is_held(n)}
        wanted = set(everything) - set(found)
        if kept.modules:
            touched = {number for call in self.calls if _is_in(call, kept.modules) for number in _touched(call)}
            chosen = self._within(sorted(touched & wanted), 2**62)
            found |= dict.fromkeys(wanted - chosen, f"recorded with modules={list(kept.modules)}")
            wanted = chosen
        if self._cost(wanted) > kept.limit:
            order = self._by_weight()
            self.rewritten.clear()
            chosen = self._within([number for number in order if number in wanted], kept.limit)
            found |= dict.fromkeys(wanted - chosen, f"recorded with limit={kept.limit}")
        return found

    def _within(self, order: Sequence[int], limit: int) -> set[int]:
        """As many of the values as fit, in this order, each with all that it is made of."""
        chosen: set[int] = set()
        for number in order:
            if number in chosen:
                continue
            more = self._needed(number) - chosen
            cost, own = self._cost(more), self._size(number)
            if own < cost and self._values[number].again is not None:
                more, cost = {number}, own
            if cost <= limit:
                if more == {number} and cost == own and self._values[number].again is not None:
                    self.rewritten.add(number)
                chosen |= more
                limit -= cost
        return chosen

    def _size(self, number: int) -> int:
        value = self._values[number]
        return value.size * DTYPES[value.dtype].stored.itemsize + ALIGNMENT

    def _cost(self, numbers: Iterable[int]) -> int:
        return sum(self._stored[number].length + ALIGNMENT for number in numbers if number in self._stored)

    def _needed(self, number: int) -> set[int]:
        """A value, and all that it is made again of."""
        found, ready = {number}, [number]
        while ready:
            one = ready.pop()
            if self._values[one].again is not None and one not in self.rewritten:
                more = set(numbers_of(list(operands_of(*self._makers[one]).values()))) - found
                found |= more
                ready += more
        return found

    def _by_weight(self) -> list[int]:
        """The values: those around the focus, the gradients of the parameters, the others by their distance from it.

        One op of an optimiser may read all parameters, so those come last of each.
        """
        focus = self._focus()
        updating = focus < len(self.calls) and self.calls[focus].phase == "update"

        def touched(*, near: bool, update: bool) -> list[int]:
            found: list[int] = []
            for place in sorted(range(len(self.calls)), key=lambda place: abs(place - focus)):
                call = self.calls[place]
                last = call.phase == "update" and not updating
                if (abs(place - focus) <= AROUND) == near and last == update:
                    found += sorted(_touched(call))
            return found

        gradients = [number for number, one in enumerate(self._values) if one.name.startswith("grad(")]
        around = touched(near=True, update=False)
        others = touched(near=False, update=False)
        updates = touched(near=True, update=True), touched(near=False, update=True)
        return list(dict.fromkeys([*around, *gradients, *updates[0], *others, *updates[1], *range(len(self._values))]))

    def _focus(self) -> int:
        """The op that matters: the first that made what is not finite of what is; else the backward pass's last."""
        last = len(self.calls)
        for place, call in enumerate(self.calls):
            if call.phase == "backward":
                last = place
            results = [result.to.value for result in call.results]
            meant = any(isinstance(one, float) and math.isinf(one) for one in call.arguments.values())
            if meant or all(map(self._is_finite, results)):
                continue
            if all(map(self._is_finite, numbers_of(list(call.arguments.values())))):
                return place
        return last

    def _is_finite(self, number: int) -> bool:
        if number not in self._finite:
            value = self._values[number]
            if not value.dtype.startswith(("float", "bfloat")) or not self._is_held(number):
                self._finite[number] = True
            else:
                raw = self._numbers.of(number)
                numbers = raw if raw.dtype.kind == "f" else as_float64(raw, value.dtype)
                self._finite[number] = bool(np.isfinite(numbers).all())
        return self._finite[number]

    def summary(self, number: int) -> Summary | None:
        """What is left of a value."""
        value = self._values[number]
        if not self._is_held(number) or not value.size:
            return None
        numbers = as_float64(self._numbers.of(number), value.dtype)
        finite = numbers[np.isfinite(numbers)]
        broken = numbers.size - finite.size
        if not finite.size:
            return Summary(broken=broken)
        with np.errstate(over="ignore"):
            return Summary(low=float(finite.min()), high=float(finite.max()), mean=float(finite.mean()), broken=broken)


def _is_in(call: Call, modules: Sequence[str]) -> bool:
    return any(call.module == path or call.module.startswith(f"{path}.") for path in modules)


def _touched(call: Call) -> set[int]:
    """The values that an op reads or makes."""
    found = {result.to.value for result in call.results} | {
        result.old for result in call.results if result.old is not None
    }
    return found | set(numbers_of(list(call.arguments.values())))
