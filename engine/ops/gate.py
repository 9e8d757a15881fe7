"""Gates: single values of a graph of scalars, each an operation on other single values.

The formula of a gate is stated once, as an expression over places that stand for its operands; the local derivatives
follow from it, except where the result gives a better form (1 − y² of tanh).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.equations.array import Array, Extent, Phase, Role
from retrograde.engine.equations.assignments import Apply, Name, Node, Number, is_constant, signed_number, whole_power
from retrograde.engine.equations.derivative import derivative
from retrograde.engine.equations.expression import (
    HALF,
    ONE,
    SQUARE,
    Call,
    Const,
    Div,
    Expr,
    Function,
    Index,
    Max,
    Neg,
    Product,
    Ref,
    Sub,
    Sum,
    refs,
)
from retrograde.engine.equations.functions import ABS, COS, EXP, LOG, SIGMOID, SIN, SQRT, TANH
from retrograde.engine.ops.activation import make_function
from retrograde.engine.ops.base import Kernel, Op, Part, Workspace
from retrograde.engine.ops.pointwise import Operand, filled
from retrograde.engine.text import N_, _

if TYPE_CHECKING:
    from retrograde.engine.ops.base import GradientPass

_RELU = make_function("relu", 0.0)
assert _RELU is not None

FUNCTIONS: dict[str, Function] = {
    "exp": EXP,
    "log": LOG,
    "sqrt": SQRT,
    "abs": ABS,
    "sin": SIN,
    "cos": COS,
    "tanh": TANH,
    "sigmoid": SIGMOID,
    "relu": _RELU,
}
"""The functions of one argument, by the names that assignments use."""

_RESULT = Ref(Array(name="result", shape=(), role=Role.VALUE))

_FROM_RESULT: dict[str, Callable[[Ref], Expr]] = {
    "exp": lambda y: y,
    "tanh": lambda y: Sub(ONE, Product((y, y))),
    "sigmoid": lambda y: Product((y, Sub(ONE, y))),
    "sqrt": lambda y: Div(HALF, y),
}
"""f′ from the result y = f(x), where that is the usual form."""


class StandIn(NamedTuple):
    """A place in a formula, and the single value that stands there."""

    place: Ref
    operand: Operand


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Gate(Op):
    """v[s] = f(operands): one value of a graph of scalars.

    Attributes:
        formula: f, over the places of the operands.
        operands: what it reads, in written order; a value that is read twice is there twice where that is one gate.
        operation: the operation at the top of the formula; empty for a copy.

    Source: Karpathy, CS231n notes, Backpropagation, intuitions; github.com/karpathy/micrograd.
    """

    formula: Expr
    operands: tuple[StandIn, ...]
    operation: str

    @property
    def inputs(self) -> tuple[Array, ...]:
        return tuple(one.operand.array for one in self.operands)

    @property
    def title(self) -> str:
        return _(_TITLES.get(self.operation, self.operation))

    def equation(self, index: Index) -> Expr:
        return _stated(self.formula, self.operands, index[0])

    def gradient(self, builder: GradientPass) -> None:
        g = builder.close(self.target)
        if g is None:
            return
        for number in reversed(range(len(self.operands))):
            used = self.operands[number].operand
            part = GatePart(g=g, slope=self._slope(number), operands=self.operands, used=used, result=self.target)
            builder.contribute(used.array, part)

    def _slope(self, number: int) -> Expr:
        """The local derivative by an operand, over the places."""
        place = self.operands[number].place
        if self.formula == Call(FUNCTIONS.get(self.operation, SQUARE), place) and self.operation in _FROM_RESULT:
            return _FROM_RESULT[self.operation](_RESULT)
        return derivative(self.formula, place)

    def why(self, target: str) -> str:
        return _(_WHY.get(self.operation, N_("One value of the graph, from the values before it.")))


_TITLES = {
    "": N_("copy"),
    "+": N_("sum"),
    "-": N_("difference"),
    "*": N_("product"),
    "/": N_("quotient"),
    "**": N_("power"),
    "neg": N_("sign"),
    "max": N_("maximum"),
}
_WHY = {
    "+": N_("A sum hands the gradient on to each of its terms unchanged."),
    "-": N_("A difference hands the gradient on, with the other sign to what is taken away."),
    "*": N_("A product gives each factor the gradient times the other factor."),
    "max": N_("A maximum hands the whole gradient to its largest operand, of equal ones to the first."),
    "relu": N_("ReLU lets the gradient through where its operand is positive."),
}


def _stated(formula: Expr, operands: Sequence[StandIn], sample: Any, **more: Ref) -> Expr:
    slots = {place.array: operand.at((sample,)) for place, operand in operands}
    if more:
        slots[_RESULT.array] = more["result"]
    return filled(formula, slots)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GatePart(Part):
    """The use of a value in a gate: the gradient of the gate times its local derivative.

    Attributes:
        g: the gradient of the gate's value.
        slope: the local derivative, over the places of the operands and of the result.
        operands: the operands of the gate.
        used: the value that is used.
        result: the gate's value.
    """

    g: Array
    slope: Expr
    operands: tuple[StandIn, ...]
    used: Operand
    result: Array

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.g, *dict.fromkeys(ref.array for ref in refs(self._at(0))))

    @property
    def region(self) -> tuple[tuple[int, int], ...] | None:
        return tuple((part, part + 1) for part in self.used.fixed) if self.used.fixed else None

    def _at(self, sample: Any) -> Expr:
        return _stated(self.slope, self.operands, sample, result=Ref(self.result, (sample,)))

    def term(self, index: Index) -> Expr:
        return _times_slope(Ref(self.g, (index[0],)), self._at(index[0]))

    def local(self, index: Index) -> tuple[Ref, Expr]:
        return Ref(self.g, (index[0],)), self._at(index[0])


def _times_slope(g: Ref, slope: Expr) -> Expr:
    """The gradient from above times the local derivative, which stays one factor; its sign goes in front."""
    match slope:
        case Const(1.0):
            return g
        case Neg(operand):
            return Neg(_times_slope(g, operand))
        case _:
            return Product((g, slope))


def append_gate(
    builder: GradientPass, name: str, node: Node, places: Mapping[str, Operand], *, role: Role, layer: str, batch: int
) -> Array:
    """Appends the op that makes one value of a graph of scalars.

    Args:
        builder: what the op is appended to.
        name: the value's name.
        node: how it is made.
        places: the values that are there.
        role: OUT for the layer's output, else VALUE.
        layer: the layer's name.
        batch: samples in the iteration.
    """
    operation = node.op if isinstance(node, Apply) else ""
    single = isinstance(node, Apply) and not any(
        isinstance(part, Apply) and not is_constant(part) for part in node.parts
    )
    operands: list[StandIn] = []
    known: dict[str, Ref] = {}

    def read(found: Name) -> Ref:
        # In a gate each reading is a use of its own; in a longer formula a value is one operand.
        place = None if single else known.get(found.name)
        if place is None:
            place = Ref(Array(name=f"operand {len(operands)}", shape=(), role=Role.VALUE))
            known[found.name] = place
            operands.append(StandIn(place, places[found.name]))
        return place

    array = builder.array(name, (batch,), role=role, layer=layer, batched=True, sign=_sign(name))
    return builder.append(
        Gate(
            target=array,
            phase=Phase.FORWARD,
            layer=layer,
            extent=Extent.SAMPLE,
            formula=expression(node, read),
            operands=tuple(operands),
            operation=operation,
        )
    )


_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def _sign(name: str) -> str:
    """``c₂`` for the second value that is called c, ``c₂.a`` for its first gate."""
    head, _dot, rest = name.partition(".")
    version, dot, gate = rest.partition(".")
    if not version.isdigit():
        return ""
    return head + version.translate(_SUBSCRIPTS) + dot + gate


def expression(node: Node, read: Callable[[Name], Ref]) -> Expr:
    """The formula that a part of an assignment states.

    Args:
        node: the part.
        read: the slot of a name.
    """
    if isinstance(node, Number):
        return Const(node.value, "" if node.text == f"{node.value:g}" else node.text)
    if isinstance(node, Name):
        return read(node)
    if node.op == "**":
        return _power(node, read)
    parts = tuple(expression(part, read) for part in node.parts)
    match node.op:
        case "+":
            return Sum((*_chained(parts[0], Sum, node.parts[0], "+"), parts[1]))
        case "*":
            return Product((*_chained(parts[0], Product, node.parts[0], "*"), parts[1]))
        case "-":
            return Sub(*parts)
        case "/":
            return Div(*parts)
        case "neg":
            return Neg(*parts)
        case "max":
            return Max(parts)
        case _:
            return Call(FUNCTIONS[node.op], *parts)


def _chained(left: Expr, kind: type[Sum | Product], node: Node, op: str) -> tuple[Expr, ...]:
    """The terms of a sum that goes on, or of a product; they are added from left to right either way."""
    if isinstance(node, Apply) and node.op == op and isinstance(left, kind):
        return left.terms if isinstance(left, Sum) else left.factors
    return (left,)


def _power(node: Apply, read: Callable[[Name], Ref]) -> Expr:
    """xⁿ as a product for a whole n, √x for a half, else exp(y · ln x)."""
    base, exponent = node.parts
    x = expression(base, read)
    whole, value = whole_power(exponent), signed_number(exponent)
    if whole is not None:
        count = abs(whole)
        above = ONE if count == 0 else _times(x, count)
        return above if whole >= 0 else Div(ONE, above)
    if value is not None and abs(value) == 0.5:
        root = Call(SQRT, x)
        return root if value > 0 else Div(ONE, root)
    y = expression(exponent, read)
    return Call(EXP, Product((y, Call(LOG, x))))


def _times(x: Expr, count: int) -> Expr:
    if count == 1:
        return x
    return Call(SQUARE, x) if count == 2 else Product((x,) * count)


def collect(target: Array, values: Sequence[Array]) -> Collect:
    """The op that makes a row of copies of single values.

    Args:
        target: the row, (batch, values).
        values: each (batch,).
    """
    return Collect(target=target, phase=Phase.FORWARD, layer=target.layer, extent=Extent.SAMPLE, values=tuple(values))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Collect(Op):
    """out[s, k] = v_k[s]: single values as a row.

    Attributes:
        values: v_k, each (batch,).
    """

    values: tuple[Array, ...]

    @property
    def inputs(self) -> tuple[Array, ...]:
        return self.values

    @property
    def title(self) -> str:
        return _("output")

    meshable = False

    def equation(self, index: Index) -> Expr:
        return Ref(self.values[index[1]], index[:1])

    def reads(self, ref: Ref) -> NDArray[np.bool_]:
        return np.array([value is ref.array for value in self.values])

    def kernel(self, space: Workspace) -> Kernel:
        out = space.view(self.target)
        columns = [(out[:, number], space.view(value)) for number, value in enumerate(self.values)]

        def run() -> None:
            for column, value in columns:
                np.copyto(column, value)

        return run

    def gradient(self, builder: GradientPass) -> None:
        g = builder.close(self.target)
        if g is None:
            return
        for number in reversed(range(len(self.values))):
            builder.contribute(self.values[number], CollectPart(g=g, number=number))

    def why(self, target: str) -> str:
        return _("A value that the graph hands on.")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CollectPart(Part):
    """The use of a single value in a row of outputs."""

    g: Array
    number: int

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.g,)

    def term(self, index: Index) -> Expr:
        return Ref(self.g, (index[0], self.number))

    def local(self, index: Index) -> tuple[Ref, Expr]:
        return Ref(self.g, (index[0], self.number)), ONE

    def kernel(self, space: Workspace, out: Floats, summed: bool) -> Kernel | None:
        column = space.view(self.g)[:, self.number]

        def run() -> None:
            np.copyto(out, column)

        return run
