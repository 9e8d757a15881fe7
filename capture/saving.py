"""From what was recorded to the file: which numbers are kept, and summaries of the rest."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from retrograde.engine.recording.file import laid_out, write_recording
from retrograde.engine.recording.form import (
    DTYPES,
    Call,
    OptimizerRecord,
    Source,
    StepFile,
    Summary,
    Value,
    Window,
    as_float64,
)
from retrograde.torch.tensors import Memory, Version

DEFAULT_LIMIT = 2**30


class Kept(NamedTuple):
    """Which numbers are kept; see ``record``."""

    modules: tuple[str, ...]
    values: bool
    limit: int


def save(
    path: Path,
    memory: Memory,
    *,
    calls: Sequence[Call],
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
    reasons = _left_out(memory.versions, calls, kept)
    chosen = [number for number in range(len(memory.versions)) if number not in reasons]
    offsets = dict(zip(chosen, laid_out([memory.versions[number].length for number in chosen]), strict=True))
    values = []
    for number, version in enumerate(memory.versions):
        stored = number in offsets
        values.append(
            Value(
                name=version.name,
                kind=version.kind,  # type: ignore[arg-type]
                dtype=version.dtype,
                shape=version.shape,
                strides=version.strides,
                of=version.of,
                offset=offsets.get(number),
                crc=version.crc if stored else 0,
                summary=None if stored else _summary(memory, version),
                reason=reasons.get(number),
            )
        )
    if reasons:
        notes = [*notes, f"{len(reasons)} of {len(values)} arrays are left out: {next(iter(reasons.values()))}"]
    step = StepFile(
        format="retrograde recording",
        version=1,
        torch=torch.__version__,
        device=device,
        notes=notes,
        values=values,
        calls=list(calls),
        sources=list(sources),
        optimizers=list(optimizers),
    )
    pieces = [(memory.versions[number].begin or 0, memory.versions[number].length) for number in chosen]
    write_recording(path, step, memory.spool, pieces)
    memory.spool.close()


def _left_out(versions: Sequence[Version], calls: Sequence[Call], kept: Kept) -> dict[int, str]:
    """The versions whose numbers are not kept, and why."""
    if not kept.values:
        return dict.fromkeys(range(len(versions)), "recorded with values=False")
    found = {number: f"{one.dtype} is not stored" for number, one in enumerate(versions) if one.begin is None}
    if kept.modules:
        touched = {
            number
            for call in calls
            if any(call.module == path or call.module.startswith(f"{path}.") for path in kept.modules)
            for number in _numbers(call)
        }
        why = f"recorded with modules={list(kept.modules)}"
        found |= {number: why for number in range(len(versions)) if number not in touched}
    left = kept.limit
    for number in _by_distance(versions, calls):
        if number in found:
            continue
        left -= versions[number].length + 64
        if left < 0:
            found[number] = f"recorded with limit={kept.limit}"
    return found


def _numbers(call: Call) -> set[int]:
    found = {result.to.value for result in call.results} | {
        result.old for result in call.results if result.old is not None
    }
    for one in call.arguments.values():
        parts: list[Any] = one if isinstance(one, list) else [one]
        found |= {part.value for part in parts if isinstance(part, Window)}
    return found


def _by_distance(versions: Sequence[Version], calls: Sequence[Call]) -> list[int]:
    """The versions, those first that matter most: by how many ops lie between them and the focus."""
    broken = {number for number, one in enumerate(versions) if not one.finite}
    focus = next(
        (place for place, call in enumerate(calls) if any(result.to.value in broken for result in call.results)), None
    )
    distance = dict.fromkeys(range(len(versions)), len(calls))
    if focus is None:
        gradients = [place for place, call in enumerate(calls) if call.phase == "backward"]
        focus = gradients[-1] if gradients else len(calls)
    for place, call in enumerate(calls):
        for number in _numbers(call):
            distance[number] = min(distance[number], abs(place - focus))
    near = 20

    def order(number: int) -> tuple[int, int]:
        if distance[number] <= near:
            return 0, distance[number]
        return (1 if versions[number].name.startswith("grad(") else 2), distance[number]

    return sorted(distance, key=order)


def _summary(memory: Memory, version: Version) -> Summary | None:
    if version.begin is None or not version.length:
        return None
    memory.spool.seek(version.begin)
    raw = np.frombuffer(memory.spool.read(version.length), dtype=DTYPES[version.dtype].stored)
    numbers = as_float64(raw, version.dtype)
    finite = numbers[np.isfinite(numbers)]
    broken = len(numbers) - len(finite)
    if not len(finite):
        return Summary(broken=broken)
    with np.errstate(over="ignore"):
        return Summary(low=float(finite.min()), high=float(finite.max()), mean=float(finite.mean()), broken=broken)
