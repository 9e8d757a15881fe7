"""A recorded step beside a scenario: what PyTorch made, and what the network makes, one after the other.

Both round differently, and their sums run in different orders. So two arrays agree where no element is further away
from the recorded one than ``STEPS`` roundings of the largest of them: 9·10⁻¹³ of it for float64, 5·10⁻⁴ for float32.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.errors import EngineError
from retrograde.engine.importing.draft import Link, Made
from retrograde.engine.importing.recorded import Mapped, map_recording
from retrograde.engine.network.frame import Frame
from retrograde.engine.recording.form import DTYPES
from retrograde.engine.recording.recording import Recording
from retrograde.engine.recording.window import unflattened
from retrograde.engine.session.session import Session
from retrograde.engine.text import _, visible

STEPS = 4096
"""Roundings by which two arrays may be apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """An array of the recording beside one of the network.

    Attributes:
        kind: "weight", "forward", "loss", "gradient" or "update".
        recorded: its name in the recording.
        computed: its name in the network.
        op: the operator that made it, empty for what was there before.
        module: where that ran.
        place: the user's line of code.
        difference: how far apart the two are at most.
        scale: the largest recorded number, without its sign.
        limit: how far apart they may be.
        element: the element that is furthest off, from 1.
        values: what was recorded of it, and what the network has.
    """

    kind: str
    recorded: str
    computed: str
    op: str
    module: str
    place: str
    difference: float
    scale: float
    limit: float
    element: tuple[int, ...]
    values: tuple[float, float]

    @property
    def agrees(self) -> bool:
        """Whether the two are no further apart than rounding."""
        return self.difference <= self.limit

    @property
    def relative(self) -> float:
        """The difference in terms of the largest number."""
        return self.difference / self.scale if self.scale else self.difference


def compared(recording: Recording, session: Session) -> list[Row]:
    """Returns the recorded step beside the first iteration of a scenario, in the order in which it ran.

    Raises:
        RefusedError: the recording does not become a scenario.
        EngineError: the scenario has other layers than the recording would become.
    """
    comparing = _Comparing(recording, session)
    return [*comparing.weights(), *comparing.forward(), *comparing.loss(), *comparing.update()]


class _Comparing:
    def __init__(self, recording: Recording, session: Session) -> None:
        self._recording = recording
        self._mapped: Mapped = map_recording(recording)
        self._training = session.scenario.training
        self._frame: Frame = session.timeline.frame(0)
        self._named = self._frame.program.named
        self._numbers = {value.name: number for number, value in enumerate(recording.records.values)}
        self._makers = {
            result.to.value: number for number, call in enumerate(recording.records.calls) for result in call.results
        }
        known = {layer.name for layer in session.network.layers}
        lost = [node.name for node in self._mapped.draft.nodes if node.name not in known]
        if lost:
            message = _(
                "the scenario has no layer {name}, which {path} would have: compare with what import made of it"
            )
            raise EngineError(message.format(name=lost[0], path=visible(recording.file.path.name)))

    def weights(self) -> Iterator[Row]:
        """The parameters before the step."""
        for made in self._mapped.draft.parameters():
            owner = self._mapped.draft.sources.owner(made.places)
            recorded = self._mapped.draft.sources.numbers(made.places, self._floats)
            yield self._row("weight", owner, made.name, recorded, self._value(made.name))

    def forward(self) -> Iterator[Row]:
        """What operators made, in their order."""
        for link in sorted(self._mapped.draft.links, key=lambda link: self._makers.get(link.value, -1)):
            name = f"{link.stem}_{link.node.name}"
            if name not in self._named:
                continue
            recorded = self._recording.file.floats(link.value)
            yield self._row(
                "forward", self._recording.records.values[link.value].name, name, *self._pair(recorded, link)
            )

    def _pair(self, recorded: Floats, link: Link) -> tuple[Floats, Floats]:
        computed = self._value(f"{link.stem}_{link.node.name}").reshape(-1)
        if link.chosen is None:
            return recorded, computed[link.places].reshape(recorded.shape)
        # Of a part the numbers that it has in the whole tell which element differs.
        found = np.array(recorded.reshape(-1))
        found[link.chosen] = computed[link.places]
        return recorded, found.reshape(recorded.shape)

    def loss(self) -> Iterator[Row]:
        """The loss."""
        name = self._recording.records.values[self._mapped.loss].name
        yield self._row("loss", name, "E", self._recording.file.floats(self._mapped.loss), self._value("E"))

    def update(self) -> Iterator[Row]:
        """Gradients as they came from the backward pass, and the new parameters."""
        for kind, pattern in (("gradient", "grad({})"), ("update", "new({})")):
            for made in self._mapped.draft.parameters():
                owner, name = self._mapped.draft.sources.owner(made.places), pattern.format(made.name)
                if name not in self._named or pattern.format(owner) not in self._numbers:
                    continue
                recorded = self._mapped.draft.sources.numbers(
                    made.places,
                    lambda one, pattern=pattern: self._floats(pattern.format(one)),  # type: ignore[misc]
                )
                whole = float(np.abs(self._floats(pattern.format(owner))).max(initial=0.0))
                room = self._room(made, owner) if kind == "update" else 0.0
                yield self._row(kind, pattern.format(owner), name, recorded, self._value(name), scale=whole, room=room)

    def _room(self, made: Made, owner: str) -> Any:
        """How far apart new parameters may be because their gradients are, of an optimiser that divides by √v + ε.

        Where a gradient is 0 but for rounding (the bias of the keys of an attention), ε is what it is divided by.
        """
        gradient = f"grad({owner})"
        epsilon, rate = self._training.eps, self._training.learning_rate
        if not epsilon or f"grad({made.name})" not in self._named or gradient not in self._numbers:
            return 0.0
        recorded = self._mapped.draft.sources.numbers(made.places, lambda one: self._floats(f"grad({one})"))
        with np.errstate(invalid="ignore", over="ignore"):
            return abs(rate) / epsilon * np.abs(recorded - self._value(f"grad({made.name})"))

    def _floats(self, name: str) -> Floats:
        return self._recording.file.floats(self._numbers[name])

    def _value(self, name: str) -> Floats:
        return self._frame.array(self._named[name])

    def _row(
        self,
        kind: str,
        name: str,
        computed: str,
        recorded: Floats,
        values: Floats,
        *,
        scale: float | None = None,
        room: Any = 0.0,
    ) -> Row:
        number = self._numbers[name]
        record = self._recording.records.values[number]
        with np.errstate(invalid="ignore"):
            apart = np.where(
                (recorded == values) | (np.isnan(recorded) & np.isnan(values)), 0.0, np.abs(recorded - values)
            )
        apart = np.where(np.isnan(apart), np.inf, apart)
        worst = int((apart - room).argmax()) if apart.size else 0
        room = float(np.broadcast_to(room, apart.shape).reshape(-1)[worst]) if apart.size else 0.0
        finite = np.abs(recorded[np.isfinite(recorded)])
        largest = float(finite.max(initial=0.0)) if scale is None else scale
        op, module, place = self._place(number)
        return Row(
            kind=kind,
            recorded=name,
            computed=computed,
            op=op,
            module=module,
            place=place,
            difference=float(apart.reshape(-1)[worst]) if apart.size else 0.0,
            scale=largest,
            # Weights are copied, not computed.
            limit=0.0 if kind == "weight" else STEPS * DTYPES[record.dtype].epsilon * largest + room,
            element=tuple(int(one) + 1 for one in unflattened(worst, recorded.shape)),
            values=(float(recorded.reshape(-1)[worst]), float(values.reshape(-1)[worst])) if apart.size else (0.0, 0.0),
        )

    def _place(self, number: int) -> tuple[str, str, str]:
        """The operator that made a value, its module, and the user's line of code."""
        maker = self._makers.get(number)
        if maker is None:
            return "", "", ""
        call = self._recording.records.calls[maker]
        source = call.source
        if source is None and call.forward is not None:
            source = self._recording.records.calls[call.forward].source
        if source is None:
            return call.op, call.module, ""
        line = self._recording.records.sources[source]
        return call.op, call.module, f"{line.file}:{line.line}: {line.text}"
