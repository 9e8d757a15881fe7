"""The modules of a recording, as a tree of paths: what each computes, what it hands on, and where its steps are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from retrograde.engine.equations.array import Array, Phase, Role
from retrograde.engine.recording.aten.reading import base_name
from retrograde.engine.recording.program import Recorded, RecordedProgram


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ModuleInfo:
    """A module, by its path.

    Attributes:
        path: its path in the model; empty for what ran outside of all modules.
        depth: how deep it lies in those that are listed.
        ops: the kinds of its own ops in the forward pass, each once.
        calls: how often it ran.
        output: what it hands on: what its last op of the forward pass made; None of one without ops.
        parameters: how many numbers of it, and of what it holds, are trained or could be.
        first: the first of its ops in the forward pass, by number; that of the first module in it where it has none.
    """

    path: str
    depth: int
    ops: tuple[str, ...]
    calls: int
    output: Array | None
    parameters: int
    first: int | None


def modules_of(recorded: RecordedProgram) -> tuple[ModuleInfo, ...]:
    """The modules in the order in which they first ran, each before those that it holds."""
    own: dict[str, list[int]] = {}
    for number, op in enumerate(recorded.program.ops):
        if op.layer and op.phase is Phase.FORWARD:
            own.setdefault(op.layer, []).append(number)
    for array in recorded.arrays:
        if array.role is Role.WEIGHT and array.layer:
            own.setdefault(array.layer, [])
    paths = list(dict.fromkeys(above for path in own for above in _down_to(path)))
    weights = [array for array in recorded.arrays if array.role is Role.WEIGHT]
    return tuple(_module(recorded, path, paths, own, weights) for path in _in_order(paths))


def _down_to(path: str) -> Iterator[str]:
    """The paths of the modules that hold one, and its own."""
    parts = path.split(".")
    return (".".join(parts[: count + 1]) for count in range(len(parts)))


def _in_order(paths: list[str]) -> Iterator[str]:
    """Each path followed by those below it, those of one module in the order in which they came."""
    below: dict[str, list[str]] = {}
    for path in paths:
        below.setdefault(path.rpartition(".")[0], []).append(path)
    ready = list(reversed(below.get("", [])))
    while ready:
        path = ready.pop()
        yield path
        ready += reversed(below.get(path, []))


def _module(
    recorded: RecordedProgram, path: str, paths: list[str], own: dict[str, list[int]], weights: list[Array]
) -> ModuleInfo:
    ops = recorded.program.ops
    numbers = own.get(path, [])
    inside = sorted(number for other, each in own.items() if is_within(other, path) for number in each)
    recorded_ops = [op for op in (ops[number] for number in numbers) if isinstance(op, Recorded)]
    return ModuleInfo(
        path=path,
        depth=path.count("."),
        ops=tuple(dict.fromkeys(base_name(op.call.op) for op in recorded_ops)),
        calls=sum(1 for before, number in zip([-2, *numbers], numbers, strict=False) if number != before + 1),
        output=ops[inside[-1]].target if inside else None,
        parameters=sum(array.size for array in weights if is_within(array.layer, path)),
        first=inside[0] if inside else None,
    )


def is_within(path: str, other: str) -> bool:
    """Whether a module is another one, or lies in it."""
    return path == other or path.startswith(f"{other}.")
