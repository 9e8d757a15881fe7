"""The steps of an update: elementwise ops over a parameter, its gradient and what is remembered of it.

What belongs to the iteration, such as the learning rate or β1ᵗ, is one step that all parameters share.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from retrograde.engine.equations.array import Array, Extent, Phase, Role
from retrograde.engine.equations.expression import ONE, Product, Sub, Sum
from retrograde.engine.equations.optimisers import OPTIMISERS, OPTIONS
from retrograde.engine.ops.base import GradientPass
from retrograde.engine.ops.pointwise import Operand, Pointwise, Rule
from retrograde.engine.text import N_

if TYPE_CHECKING:
    from retrograde.engine.ops.leaves import Source
    from retrograde.engine.ops.update.starts import Starts


class LayerRate(NamedTuple):
    """The learning rate of a layer that has one of its own.

    Attributes:
        value: the rate, or what η is multiplied by.
        factor: whether it is a factor.
    """

    value: float
    factor: bool


class UpdatePass(GradientPass, Protocol):
    """What the steps of an update may ask of the program that is being built."""

    settings: Mapping[str, Any]
    """The training settings of the scenario, by name."""

    rate: Array
    """η."""

    initial_rate: float
    """η when the training begins."""

    rates: Mapping[str, LayerRate]
    """The layers whose learning rate is another one, by name."""

    starts: Starts
    """What is remembered before the first update."""

    total: Array
    """E."""

    def renewed(self, array: Array) -> Array:
        """A new array that replaces an array of the state after the iteration; an op is going to make it."""
        ...

    def remember(self, array: Array, new: Array) -> None:
        """Lets ``new`` replace an array of the state when the iteration ends."""
        ...

    def changing(self, name: str, source: Source, sign: str = "") -> Array:
        """A number with another value in each iteration, a leaf of its updates."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Update(Pointwise):
    """One step of an update, element by element; no gradient goes back through it.

    Attributes:
        parameter: the parameter that is updated; None for what all parameters of the iteration share.
    """

    parameter: Array | None = None

    def gradient(self, builder: GradientPass) -> None:
        """None: a gradient by a parameter that looked ahead is one by the parameter."""


COUPLED = Rule(
    name="weight decay",
    title=N_("weight decay"),
    why=N_("Weight decay: the gradient of ½·λ·w² is added, so that the optimiser scales it too."),
    value=lambda g, decay, w: Sum((g, Product((decay, w)))),
    source="Krogh, Hertz 1992, eq. 2",
)
DECOUPLED = Rule(
    name="decoupled weight decay",
    title=N_("weight decay"),
    why=N_("Decoupled weight decay: the parameter shrinks by itself, whatever its gradient is."),
    value=lambda w, rate, decay: Product((w, Sub(ONE, Product((rate, decay))))),
    source="Loshchilov, Hutter 2019, algorithm 2, line 12",
)
COUNT = Rule(
    name="count",
    title=N_("count"),
    why=N_("How many updates there were, with this one."),
    value=lambda t: Sum((t, ONE)),
)


class Updates:
    """The updates of an iteration while they are appended.

    Args:
        builder: what the ops are appended to.
        optimiser: the name of the optimiser.
        rate: appends what makes the learning rate of the iteration, of a layer where that has one of its own; asked
            once for each, by the first update that needs it.

    Attributes:
        options: the optimiser's options, by key.
        phase: the phase of the ops that are appended.
        layer: the layer whose parameters are updated.
    """

    def __init__(self, builder: UpdatePass, optimiser: str, rate: Callable[[Updates], Array]) -> None:
        self.builder = builder
        self._rate = rate
        given = {key: value for key, value in builder.settings.items() if value is not None}
        self.options: dict[str, Any] = {
            key: given.get(key, default) for key, default in OPTIMISERS[optimiser].options.items()
        }
        self.phase = Phase.UPDATE
        self.layer = ""
        self._shared: dict[str, Array] = {}

    # -- what the parameters share

    @property
    def rate(self) -> Array:
        """The learning rate of the iteration and the layer: η, or η_t where there is a schedule."""
        name = self.own("lr_now")
        if name not in self._shared:
            self._shared[name] = self._rate(self)
        return self._shared[name]

    @property
    def layer_rate(self) -> LayerRate | None:
        """The learning rate that the layer has of its own."""
        return self.builder.rates.get(self.layer)

    def own(self, name: str) -> str:
        """The name of what is shared by the parameters with one learning rate: by all, or by those of the layer."""
        return name if self.layer_rate is None else f"{name}_{self.layer}"

    def initial_rate(self, parameter: Array) -> float:
        """η of a parameter when the training begins."""
        own, rate = self.builder.rates.get(parameter.layer), self.builder.initial_rate
        if own is None:
            return rate
        return rate * own.value if own.factor else own.value

    def once(self, name: str, make: Callable[[], Array]) -> Array:
        """A number of the iteration that is made when it is asked for the first time."""
        if name not in self._shared:
            self._shared[name] = make()
        return self._shared[name]

    def option(self, key: str) -> Array:
        """The leaf of an option that is a number."""
        return self.setting(key, float(self.options[key]), sign=OPTIONS[key].sign)

    def setting(self, name: str, value: float, *, sign: str = "") -> Array:
        """The leaf of a hyperparameter."""
        return self.builder.leaves.setting(name, value, sign)

    def betas(self) -> tuple[Array, Array]:
        """β1 and β2."""
        beta1, beta2 = self.options["betas"]
        return self.setting("beta1", beta1, sign="β1"), self.setting("beta2", beta2, sign="β2")

    def shared(self, name: str, rule: Rule, *operands: Array, sign: str = "") -> Array:
        """A number of the iteration; computed once, however often it is asked for."""
        if name not in self._shared:
            target = self.builder.array(name, (), role=Role.VALUE, layer="", stem=name, sign=sign)
            self._shared[name] = self._append(target, rule, operands, None)
        return self._shared[name]

    def remembered(self, name: str, initial: float, *, sign: str = "") -> Array:
        """A number that is remembered, as it is before the update."""
        return self.builder.leaves.remembered(name, self.builder.starts.number(name, initial), sign=sign)

    def renewed(self, old: Array, rule: Rule, *operands: Array) -> Array:
        """The new value of a number that is remembered; computed once, however often it is asked for."""
        name = f"new({old.name})"
        if name not in self._shared:
            new = self._append(self.builder.renewed(old), rule, operands, None)
            self.builder.remember(old, new)
            self._shared[name] = new
        return self._shared[name]

    @property
    def count(self) -> Array:
        """t: how many updates there were, with this one."""
        old = self.remembered("updates", float(self.builder.starts.count), sign="t")
        return self.renewed(old, COUNT, old)

    # -- what belongs to a parameter

    def memory(self, stem: str, parameter: Array, initial: float = 0.0, *, sign: str = "") -> Array:
        """What is remembered of a parameter: an array of its shape, with its value before the update."""
        return self.builder.leaves.remembered(
            f"{stem}({parameter.name})",
            self.builder.starts.of(stem, parameter, initial),
            layer=parameter.layer,
            of=parameter,
            stem=stem,
            sign=sign,
        )

    def renew(self, memory: Array, rule: Rule, *operands: Array) -> Array:
        """The new value of what is remembered of a parameter; it is computed from the operands."""
        new = self._append(self.builder.renewed(memory), rule, operands, memory.of)
        self.builder.remember(memory, new)
        return new

    def made(self, stem: str, parameter: Array, rule: Rule, *operands: Array, sign: str = "") -> Array:
        """A value between the gradient of a parameter and its update."""
        target = self.builder.array(
            f"{stem}({parameter.name})",
            parameter.shape,
            role=Role.VALUE,
            layer=parameter.layer,
            of=parameter,
            stem=stem,
            sign=sign,
        )
        return self._append(target, rule, operands, parameter)

    def replace(self, parameter: Array, rule: Rule, *operands: Array) -> Array:
        """w⁺; it is computed from the operands."""
        return self._append(self.builder.renewed(parameter), rule, operands, parameter)

    def decayed(self, parameter: Array, slope: Array) -> tuple[Array, Array]:
        """The parameter and its gradient with weight decay: one of them is changed, or none.

        Coupled: g = ∂E/∂w + λ·w. Decoupled: w·(1 − η·λ).
        """
        if not self.options["weight_decay"] or (parameter.role is Role.BIAS and not self.options["decay_biases"]):
            return parameter, slope
        decay = self.option("weight_decay")
        if self.options["decoupled"]:
            return self.made("decayed", parameter, DECOUPLED, parameter, self.rate, decay), slope
        return parameter, self.made("g", parameter, COUPLED, slope, decay, self.builder.seen(parameter))

    def _append(self, target: Array, rule: Rule, operands: tuple[Array, ...], parameter: Array | None) -> Array:
        return self.builder.append(
            Update(
                target=target,
                phase=self.phase,
                layer=target.layer,
                extent=Extent.ONCE,
                rule=rule,
                operands=tuple(Operand(array, () if array.shape != target.shape else None) for array in operands),
                parameter=parameter,
            )
        )


Ahead = Callable[[Updates, Array], Array]
"""Appends what a parameter is while the network runs; returns the array."""

AHEAD: dict[str, Ahead] = {}
"""By the name of the optimiser, of those that let the network run with other parameters where an option says so."""

Append = Callable[[Updates, Array, Array], Array]
"""Appends the steps that update a parameter, given its gradient; returns the array with the new value."""

APPEND: dict[str, Append] = {}
"""The updates by the name of the optimiser; ``table`` loads the files of this package, which fill it."""


def steps_of(*optimisers: str) -> Callable[[Append], Append]:
    """Says whose steps a function appends.

    Args:
        optimisers: rows of ``OPTIMISERS``.
    """

    def enter(append: Append) -> Append:
        APPEND.update(dict.fromkeys(optimisers, append))
        return append

    return enter
