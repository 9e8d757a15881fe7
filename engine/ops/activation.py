"""Elementwise activations, and the slopes that the backward pass multiplies by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from retrograde.engine.equations.activation_table import elementwise
from retrograde.engine.equations.array import Array, Extent, Phase, Role
from retrograde.engine.equations.expression import ONE, Call, Const, Expr, Function, Index, Product, Ref
from retrograde.engine.ops.base import Op, Part
from retrograde.engine.text import _

if TYPE_CHECKING:
    from retrograde.engine.ops.base import GradientPass


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Activate(Op):
    """out[s, i] = f(net[s, i]).

    Attributes:
        net: the net inputs, (batch, units).
        function: f, or None for the identity.
        activation: the name of f in the table of activations.
        parameter: the parameter of f.
    """

    net: Array
    function: Function | None
    activation: str
    parameter: float

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.net,)

    @property
    def title(self) -> str:
        return _("activation")

    def equation(self, index: Index) -> Expr:
        net = Ref(self.net, index)
        return net if self.function is None else Call(self.function, net)

    def gradient(self, builder: GradientPass) -> None:
        g = builder.close(self.target)
        if g is None:
            return
        if elementwise(self.activation).slope is None:
            builder.contribute(self.net, PassPart(g=g))
            return
        # Several activations may have the same source, which is no net input of their own.
        owner = self.net if self.net.role is Role.NET else self.target
        slope = builder.array(
            f"slope_{owner.name.removeprefix('net_').removeprefix('out_')}",
            self.net.shape,
            role=Role.SLOPE,
            layer=self.layer,
            batched=True,
            of=self.net,
            sign=elementwise(self.activation).symbol,
            time=self.net.time,
        )
        builder.append(
            Slope(
                target=slope,
                phase=Phase.BACKWARD,
                layer=self.layer,
                extent=Extent.SAMPLE,
                net=self.net,
                out=self.target,
                activation=self.activation,
                parameter=self.parameter,
            )
        )
        builder.contribute(self.net, SlopePart(g=g, slope=slope))

    def why(self, target: str) -> str:
        if self.function is None:
            return _("The identity passes the net input on as it is.")
        return _("The activation turns the net input into the neuron's output.")


def make_function(activation: str, parameter: float) -> Function | None:
    """The function of an activation with its parameter filled in; None for the identity."""
    row = elementwise(activation)
    if row.slope is None:
        return None
    constant = Const(parameter)
    return Function(name=row.name, symbol=row.symbol, definition=lambda x: row.value(x, constant))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Slope(Op):
    """f′(net[s, i]), from the net input and the output that the forward pass kept."""

    net: Array
    out: Array
    activation: str
    parameter: float

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.net, self.out)

    @property
    def title(self) -> str:
        return _("slope")

    def equation(self, index: Index) -> Expr:
        slope = elementwise(self.activation).slope
        assert slope is not None
        return slope(Ref(self.net, index), Ref(self.out, index), Const(self.parameter))

    def why(self, target: str) -> str:
        return _("How strongly does the neuron listen here: the slope of its activation.")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SlopePart(Part):
    """The use of net in an activation: ∂E/∂out · f′(net)."""

    g: Array
    slope: Array

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.g, self.slope)

    def term(self, index: Index) -> Expr:
        return Product((Ref(self.g, index), Ref(self.slope, index)))

    def local(self, index: Index) -> tuple[Ref, Expr]:
        return Ref(self.g, index), Ref(self.slope, index)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PassPart(Part):
    """A use that hands the gradient on unchanged."""

    g: Array

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.g,)

    def term(self, index: Index) -> Expr:
        return Ref(self.g, index)

    def local(self, index: Index) -> tuple[Ref, Expr]:
        return Ref(self.g, index), ONE
