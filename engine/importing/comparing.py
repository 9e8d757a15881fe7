"""A recorded step beside a scenario: what PyTorch made, and what the network makes, one after the other.

Both round differently, and their sums run in different orders. So two arrays agree where no element is further away
from the recorded one than ``STEPS`` roundings of the largest of them: 9·10⁻¹³ of it for float64, 5·10⁻⁴ for float32.

What is left of a sum whose terms cancel may be smaller than their roundings: the gradient of a scale before a norm,
which is ε/(σ² + ε) of its terms, that of a key's bias, which is 0, and what Adam makes of these. So where an element is
further off, its equation decides: how far apart it takes what is apart already, and its own roundings; see
``rounding``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.equations.array import Array
from retrograde.engine.errors import EngineError
from retrograde.engine.importing.draft import Link, Made
from retrograde.engine.importing.recorded import Mapped, map_recording
from retrograde.engine.importing.rounding import running_bounds
from retrograde.engine.network.frame import Frame
from retrograde.engine.recording.checking import FACTOR
from retrograde.engine.recording.form import DTYPES
from retrograde.engine.recording.recording import Recording
from retrograde.engine.recording.window import unflattened
from retrograde.engine.session.session import Session
from retrograde.engine.text import _, visible

STEPS = 4096
"""Roundings by which two arrays may be apart."""
_GRADIENT, _NEW = "grad({})", "new({})"


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
            yield self._row("weight", owner, made.name, recorded)

    def forward(self) -> Iterator[Row]:
        """What operators made, in their order."""
        for link in self._links():
            name = f"{link.stem}_{link.node.name}"
            recorded, value = self._recording.file.floats(link.value), self._recording.records.values[link.value].name
            yield self._row("forward", value, name, recorded, shown=partial(_part, link=link))

    def _links(self) -> Iterator[Link]:
        """What operators made of what layers make, in their order."""
        for link in sorted(self._mapped.draft.links, key=lambda link: self._makers.get(link.value, -1)):
            if self._arrays(f"{link.stem}_{link.node.name}"):
                yield link

    def loss(self) -> Iterator[Row]:
        """The loss."""
        name = self._recording.records.values[self._mapped.loss].name
        yield self._row("loss", name, "E", self._recording.file.floats(self._mapped.loss))

    def update(self) -> Iterator[Row]:
        """Gradients as they came from the backward pass, and the new parameters."""
        for made, pattern in self._updates():
            owner = pattern.format(self._mapped.draft.sources.owner(made.places))
            whole = float(np.abs(self._floats(owner)).max(initial=0.0))
            kind = "gradient" if pattern == _GRADIENT else "update"
            yield self._row(kind, owner, pattern.format(made.name), self._of(made, pattern), scale=whole)

    def _updates(self) -> Iterator[tuple[Made, str]]:
        """The parameters whose gradients, and those whose new values, are in both."""
        for pattern in (_GRADIENT, _NEW):
            for made in self._mapped.draft.parameters():
                owner = self._mapped.draft.sources.owner(made.places)
                if pattern.format(made.name) in self._named and pattern.format(owner) in self._numbers:
                    yield made, pattern

    def _of(self, made: Made, pattern: str) -> Floats:
        """What was recorded of the gradient of a parameter, or of its new value."""
        return self._mapped.draft.sources.numbers(made.places, lambda one: self._floats(pattern.format(one)))

    def _floats(self, name: str) -> Floats:
        return self._recording.file.floats(self._numbers[name])

    def _arrays(self, name: str) -> list[Array]:
        """The arrays that a name stands for: one, or one of each time step of a sequence."""
        if name in self._named:
            return [self._named[name]]
        found: list[Array] = []
        while (step := f"{name}@{len(found) + 1}") in self._named:
            found.append(self._named[step])
        return found

    def _whole(self, name: str, read: Callable[[Array], Floats]) -> Floats:
        """What is read of an array; of a sequence of all of its steps, with the axis of time after the sample's."""
        arrays = self._arrays(name)
        return read(arrays[0]) if name in self._named else np.stack([read(array) for array in arrays], axis=1)

    def _value(self, name: str) -> Floats:
        return self._whole(name, self._frame.array)

    def _row(
        self,
        kind: str,
        name: str,
        computed: str,
        recorded: Floats,
        *,
        shown: Callable[[Floats, Floats], Floats] = lambda values, _others: values,
        scale: float | None = None,
    ) -> Row:
        """An array beside one of the network, of which ``shown`` gives the elements that are recorded."""
        number = self._numbers[name]
        record = self._recording.records.values[number]
        values = shown(self._value(computed), recorded).reshape(recorded.shape)
        with np.errstate(invalid="ignore"):
            apart = np.where(
                (recorded == values) | (np.isnan(recorded) & np.isnan(values)), 0.0, np.abs(recorded - values)
            )
        apart = np.where(np.isnan(apart), np.inf, apart)
        finite = np.abs(recorded[np.isfinite(recorded)])
        largest = float(finite.max(initial=0.0)) if scale is None else scale
        # Weights are copied, not computed.
        limits = np.full(apart.shape, 0.0 if kind == "weight" else STEPS * DTYPES[record.dtype].epsilon * largest)
        if kind != "weight" and (apart > limits).any() and self._bounds is not None:
            bounds = self._whole(computed, self._bounds.__getitem__)
            bounds = shown(bounds, np.zeros(apart.shape)).reshape(apart.shape)
            limits = np.maximum(limits, FACTOR * np.nan_to_num(bounds, posinf=0.0))
        worst = int((apart - limits).argmax()) if apart.size else 0
        difference, limit = (float(one.reshape(-1)[worst]) if apart.size else 0.0 for one in (apart, limits))
        op, module, place = self._place(number)
        return Row(
            kind=kind,
            recorded=name,
            computed=computed,
            op=op,
            module=module,
            place=place,
            difference=difference,
            scale=largest,
            limit=limit,
            element=tuple(int(one) + 1 for one in unflattened(worst, recorded.shape)),
            values=(float(recorded.reshape(-1)[worst]), float(values.reshape(-1)[worst])) if apart.size else (0.0, 0.0),
        )

    @cached_property
    def _bounds(self) -> Mapping[Array, Floats] | None:
        """How far apart rounding in the recorded type can have taken each value of the two."""
        made = {value.dtype for value in self._recording.records.values if value.kind == "made"}
        kinds = [DTYPES[one] for one in made if one in DTYPES and DTYPES[one].epsilon]
        kind = max(kinds, key=lambda one: one.epsilon, default=DTYPES["float64"])
        return running_bounds(self._frame, kind, self._seen())

    def _seen(self) -> Mapping[Array, Floats]:
        """How far apart what both show is."""
        seen: dict[Array, Floats] = {}
        with np.errstate(invalid="ignore", over="ignore"):
            for link in self._links():
                name = f"{link.stem}_{link.node.name}"
                arrays, value = self._arrays(name), self._value(name)
                for array in arrays:
                    seen.setdefault(array, np.full(array.shape, np.inf))
                apart = np.array(self._whole(name, seen.__getitem__)).reshape(-1)
                recorded = self._recording.file.floats(link.value).reshape(-1)
                places, chosen = link.places.reshape(-1), slice(None) if link.chosen is None else link.chosen
                apart[places] = np.abs(recorded[chosen] - value.reshape(-1)[places])
                whole = apart.reshape(value.shape)
                steps = [whole] if name in self._named else [whole[:, time] for time in range(len(arrays))]
                seen |= zip(arrays, steps, strict=True)
            for made, pattern in self._updates():
                array = self._named[pattern.format(made.name)]
                seen[array] = np.abs(self._of(made, pattern) - self._frame.array(array))
        return seen

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


def _part(values: Floats, others: Floats, link: Link) -> Floats:
    """The elements of an array of the network that a recorded value has; where that has more, others beside them."""
    found = np.array(others.reshape(-1))
    found[slice(None) if link.chosen is None else link.chosen] = values.reshape(-1)[link.places].reshape(-1)
    return found.reshape(others.shape)
