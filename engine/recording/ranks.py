"""A step that several ranks took together: what they exchanged, where the files of all of them lie side by side.

Each rank writes a file of its own, `step.rank0.rgrec`. What an all-reduce gave is then a step whose operands are the
ranks' own numbers, read from their files; where one of them is missing, or of another step, it is given from outside.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from retrograde.engine.errors import EngineError
from retrograde.engine.recording.aten.exchanging import LARGEST, MEAN, PRODUCT, REDUCTIONS, ROOT, SMALLEST, SUM
from retrograde.engine.recording.file import RecordingFile
from retrograde.engine.recording.form import DTYPES, Call, Result, Value, Window, as_float64
from retrograde.engine.text import _, joined

_NAME = re.compile(r"(?P<stem>.+)\.rank(?P<rank>\d{1,6})(?P<suffix>\.\w+)")
_SAMPLED = 1024
"""Elements of an exchange that say what was done."""
_EXCHANGES = frozenset({"c10d.allreduce_.default", "c10d.broadcast_.default"})


class _Operand(NamedTuple):
    """What a rank brought to an exchange: the window on it, in the file of that rank."""

    rank: int
    file: RecordingFile
    window: Window


class RankFile(RecordingFile):
    """A recording of one rank, joined with those of the others; of a process that was alone it is its own."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._elsewhere: dict[int, tuple[RecordingFile, int]] = {}
        exchanges = list(_exchanges(self))
        if exchanges:
            self._join(path, exchanges)

    def raw(self, number: int) -> NDArray[Any]:
        """The numbers of a value as they were recorded, by this rank or by another."""
        file, at = self._elsewhere.get(number, (None, number))
        return super().raw(number) if file is None else file.raw(at)

    def _join(self, path: Path, exchanges: list[tuple[str, int, Call]]) -> None:
        match = _NAME.fullmatch(path.name)
        own = int(match["rank"]) if match else -1
        ranks = {int(one) for _key, _number, call in exchanges for one in str(call.arguments["ranks"]).split(",")}
        files = {own: self} | {
            rank: file for rank in ranks - {own} if match and (file := _beside(path, match, rank)) is not None
        }
        known = {rank: {key: call for key, _number, call in _exchanges(file)} for rank, file in files.items()}
        calls, values = list(self.step.calls), list(self.step.values)
        missing: set[str] = set()
        strange = False
        for key, number, call in exchanges:
            rest, made = [], dict(call.arguments)
            for result in call.results:
                operands = [*_operands(key, call, result, files, known)]
                how = self._how(call, result, operands)
                wanted = str(call.arguments["ranks"]).split(",")
                if how is None:
                    value = values[result.to.value]
                    values[result.to.value] = value.model_copy(update={"kind": "input"})
                    absent = {one for one in wanted if int(one) not in files}
                    missing, strange = missing | absent, strange or not absent
                    continue
                rest.append(result)
                made["reduce"] = how
                for operand in operands:
                    window = self._brought(operand, own, values)
                    made.setdefault(f"rank:{operand.rank}", []).append(window)  # type: ignore[union-attr]
            calls[number] = call.model_copy(update={"arguments": made, "results": rest})
        notes = list(self.step.notes)
        if missing:
            message = _(
                "what the ranks exchanged is given, as if from outside: the files of ranks {ranks} are not here"
            )
            notes.append(message.format(ranks=joined(sorted(missing, key=int), ", ")))
        if strange:
            notes.append(_("the files of the other ranks are of another step: what was exchanged does not fit them"))
        self.step = self.step.model_copy(update={"calls": calls, "values": values, "notes": notes})

    def _brought(self, operand: _Operand, own: int, values: list[Value]) -> Window:
        """The window on what a rank brought; of another rank it is given, under a name that says whose it is."""
        if operand.rank == own:
            return operand.window
        value = operand.file.step.values[operand.window.value]
        number = len(values)
        names = {one.name for one in values}
        name = f"rank{operand.rank}:{value.name}"
        while name in names:
            name += "'"
        values.append(value.model_copy(update={"name": name, "kind": "input", "of": None}))
        self._elsewhere[number] = operand.file, operand.window.value
        return operand.window.model_copy(update={"value": number})

    def _how(self, call: Call, result: Result, operands: list[_Operand]) -> str | None:
        """What was done with the ranks' numbers; None where they are not all there, or do not give what is recorded."""
        count = len(str(call.arguments["ranks"]).split(","))
        if len(operands) != count:
            return None
        try:
            found = _elements(self, result.to)
            parts = np.stack([_elements(one.file, one.window) for one in operands])
        except EngineError:
            return None
        if call.op.startswith("c10d.broadcast"):
            root = int(call.arguments.get("root_rank") or 0)  # type: ignore[arg-type]
            operands[:] = [operands[root]] if root < count else []
            return ROOT if root < count and np.array_equal(parts[root], found, equal_nan=True) else None
        epsilon = DTYPES[self.step.values[result.to.value].dtype].epsilon
        with np.errstate(all="ignore"):
            results = {
                SUM: parts.sum(0), MEAN: parts.mean(0), LARGEST: parts.max(0), SMALLEST: parts.min(0),
                PRODUCT: parts.prod(0),
            }  # fmt: skip
            bound = 2 * count * epsilon * np.abs(parts).sum(0)
            for how in REDUCTIONS:
                room = 2 * count * epsilon * np.abs(results[how]) if how == PRODUCT else bound
                same = (results[how] == found) | (np.abs(results[how] - found) <= room)
                # An overflow of the type, or a NaN of one of them, is like any other.
                if bool((same | ~np.isfinite(results[how]) | ~np.isfinite(found)).all()):
                    return how
        return None


def _exchanges(file: RecordingFile) -> Iterator[tuple[str, int, Call]]:
    """Each exchange of a recording: the same key in the files of all ranks, its number, and the call."""
    seen: dict[str, int] = {}
    for number, call in enumerate(file.step.calls):
        if call.op in _EXCHANGES and re.fullmatch(r"\d{1,6}(,\d{1,6})*", str(call.arguments.get("ranks"))):
            kind = f"{call.op} {call.arguments['ranks']}"
            seen[kind] = seen.get(kind, 0) + 1
            yield f"{kind} {seen[kind]}", number, call


def _operands(
    key: str, call: Call, result: Result, files: dict[int, RecordingFile], known: dict[int, dict[str, Call]]
) -> Iterator[_Operand]:
    """What each rank whose file is there brought to an exchange."""
    for rank in map(int, str(call.arguments["ranks"]).split(",")):
        theirs = known.get(rank, {}).get(key)
        tensors = None if theirs is None else theirs.arguments.get("tensors")
        item = result.item or 0
        if not isinstance(tensors, list) or item >= len(tensors):
            continue
        window = tensors[item]
        if isinstance(window, Window) and window.shape == result.to.shape:
            yield _Operand(rank, files[rank], window)


def _beside(path: Path, match: re.Match[str], rank: int) -> RecordingFile | None:
    """The recording of another rank; None where there is none that can be read."""
    try:
        return RecordingFile(path.with_name(f"{match['stem']}.rank{rank}{match['suffix']}"))
    except (EngineError, OSError):
        return None


def _elements(file: RecordingFile, window: Window) -> NDArray[np.float64]:
    """Some of the elements that a window shows, the same of each rank."""
    value = file.step.values[window.value]
    raw = RecordingFile.raw(file, window.value)
    order = np.argsort([-stride for stride in value.strides], kind="stable")
    memory = raw.transpose(order).reshape(-1)
    size = int(np.prod(window.shape, dtype=np.int64))
    chosen = np.unique(np.linspace(0, size - 1, min(size, _SAMPLED)).astype(np.int64))
    places = np.full(len(chosen), window.offset, dtype=np.int64)
    for axis in reversed(range(len(window.shape))):
        places += chosen % window.shape[axis] * window.strides[axis]
        chosen = chosen // window.shape[axis]
    return as_float64(memory[places], value.dtype)
