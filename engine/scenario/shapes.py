"""What the inputs and the layers of a network hand on, and what its losses compare, as far as the file says it."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from math import prod
from typing import NamedTuple, Protocol

from retrograde.engine.equations.losses import VALUE
from retrograde.engine.layers.base import Form, Layer, ShapeError
from retrograde.engine.layers.dense import DenseLayer
from retrograde.engine.scenario.sequences import steps_of

INPUT_LAYER = "i"
"""The name of the inputs."""


class Goal(NamedTuple):
    """What a loss compares an output with.

    Attributes:
        kind: the kind of the loss.
        width: how many columns of the targets it takes.
        positions: how many distributions these are, one a time step of a sequence.
        number: the number of the layer; None where it is not known.
    """

    kind: str
    width: int
    positions: int
    number: int | None = None

    @classmethod
    def of(cls, kind: str, form: Form, number: int | None = None) -> Goal:
        """The goal of a loss of an output."""
        return cls(kind, form.size, form.size // form.shape[-1] if form.shape else form.size, number)


class Loss(Protocol):
    """What is asked of the table of a loss."""

    @property
    def kind(self) -> str:
        """The kind of the loss."""

    @property
    def layer(self) -> str | None:
        """The layer whose outputs are compared; None for the last one."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shapes:
    """The shapes of a network; None stands for what is not known, as a layer that is not valid by itself.

    Attributes:
        inputs: number of inputs.
        input_shape: their axes, where the file states them.
        odd_inputs: whether what the file says of them is wrong, so that neither counts.
        layers: the layers in their order.
        names: their names.
        doubtful: the numbers of the layers with a key that is wrong, so that None does not mean that it is absent.
        complete: whether all layers are there, valid or not.
        loss: the loss.
        losses: those besides it.
        coefficients: whether the targets are what the outputs are multiplied by, of a loss that is an output itself.
        forms: what each layer hands on.
        sources: what the layers before each layer hand on.
    """

    inputs: int | None = None
    input_shape: tuple[int, ...] | None = None
    odd_inputs: bool = False
    layers: Sequence[Layer | None] = ()
    names: Sequence[str] = ()
    doubtful: AbstractSet[int] = frozenset()
    complete: bool = True
    loss: Loss | None = None
    losses: Sequence[Loss | None] = ()
    coefficients: bool = False

    forms: list[Form | None] = field(init=False, default_factory=list)
    sources: list[list[Form] | None] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        """Works out what each layer hands on."""
        known: dict[str, Form | None] = {INPUT_LAYER: self.input_form}
        above = INPUT_LAYER
        for number, (name, layer) in enumerate(zip(self.names, self.layers, strict=True)):
            before = None if layer is None else _whole([known.get(taken) for taken in layer.taken(above)])
            self.sources.append(before)
            self.forms.append(None if layer is None else self._form(number, layer, before))
            above, known[name] = name, self.forms[number]

    def _form(self, number: int, layer: Layer, before: list[Form] | None) -> Form | None:
        if isinstance(layer, DenseLayer):
            # Whatever comes before it, and whatever else is wrong with it.
            steps = before[0].steps if before else 0
            return None if layer.units is None else Form((layer.units,), steps)
        if before is None or number in self.doubtful:
            return None
        low, high = layer.arity
        if not low <= len(before) <= high:
            return None
        try:
            return layer.form(before)
        except ShapeError:
            return None

    @property
    def input_form(self) -> Form | None:
        """What the inputs hand on: a row of numbers where only dense layers read it, else an array of their shape."""
        if self.inputs is None or not self.whole_inputs:
            return None
        if self.input_shape is None or all(isinstance(layer, DenseLayer) for layer in self.readers):
            return Form((self.inputs,))
        return Form(self.input_shape)

    @property
    def input_width(self) -> int | None:
        """How many inputs a sample has; None where it is not known, as of none with layers that read some."""
        return None if self.inputs == 0 and self.readers else self.inputs

    @property
    def whole_inputs(self) -> bool:
        """Whether nothing that the file says of the inputs is known to be wrong."""
        width, axes = self.input_width, self.input_shape
        return not self.odd_inputs and width is not None and (axes is None or prod(axes) == width)

    @property
    def readers(self) -> list[Layer]:
        """The layers that read the inputs of the network."""
        return [
            layer
            for number, layer in enumerate(self.layers)
            if layer is not None and INPUT_LAYER in layer.taken("" if number else INPUT_LAYER)
        ]

    def number(self, name: str | None) -> int | None:
        """The number of the layer with a name, of the last one without; None where there is none."""
        if name is None:
            return len(self.layers) - 1 if self.complete and self.layers else None
        return next((number for number, other in enumerate(self.names) if other == name), None)

    @property
    def steps(self) -> int | None:
        """Time steps of the inputs, if they are sequences; None where it is not known."""
        return None if self.inputs is None or not self.whole_inputs else steps_of(self.inputs, self.input_shape)

    @property
    def positions(self) -> int | None:
        """How many class indices or distributions a sample has: one, or one a time step; None where it is not known."""
        goals = self.goals
        if goals is None:
            return 1 if self.losses else None
        # Several losses share the columns, each with positions of its own; one that is an output itself has none.
        return goals[0].positions if len(goals) == 1 else 1

    @property
    def goals(self) -> list[Goal] | None:
        """What each loss compares with, in the order of the columns of the targets; None where it is not known."""
        found: list[Goal] = []
        for loss in (self.loss, *self.losses):
            if loss is not None and loss.kind == VALUE.name and not self.coefficients:
                continue
            number = self.number(None if loss is None else loss.layer)
            form = None if number is None else self.forms[number]
            if form is None:
                return None
            found.append(Goal("", form.size, 1) if loss is None else Goal.of(loss.kind, form, number))
        return found

    @property
    def outputs(self) -> int | None:
        """Width of the targets: that of all layers that have a loss with targets; None where it is not known."""
        goals = self.goals
        return None if goals is None else sum(goal.width for goal in goals)

    @property
    def vocabulary(self) -> int | None:
        """How many different indices the inputs may be; None where no layer takes them as indices."""
        found = (layer.indices for layer in self.layers if layer is not None)
        return min((size for size in found if size is not None), default=None)


def _whole(found: list[Form | None]) -> list[Form] | None:
    return None if None in found else [form for form in found if form is not None]
