"""A free graph of scalars: assignments, each of whose operations is a gate."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, PrivateAttr

from retrograde.engine.equations.array import Role
from retrograde.engine.equations.assignments import Plan
from retrograde.engine.errors import KeyPath, Violation
from retrograde.engine.layers.base import Form, Layer, Parameter, ShapeError
from retrograde.engine.text import _

if TYPE_CHECKING:
    from retrograde.engine.layers.base import Forward, Value

VARIABLE = r"^[^\W\d_]\w*$"
MAX_LINES = 500
MAX_GATES = 5000

Variable = Annotated[str, Field(pattern=VARIABLE, max_length=24)]
"""The name of a variable."""


class ScalarGraphLayer(Layer):
    """A free graph of scalars: each assignment is a value that later ones may read.

    The values are called by their own names. A name that is assigned again is another value: ``c``, then ``c.2``. With
    ``gates``, each operation is a value too: those of ``c.2`` are ``c.2.a``, ``c.2.b``, ... and ``c.2`` itself.
    """

    kind: Literal["graph"] = Field(description="the kind of layer")
    inputs: Annotated[tuple[str, ...], Field(strict=False)] | None = Field(
        default=None,
        min_length=1,
        max_length=64,
        description='the layers whose values the assignments read, by the names of their neurons: with ["i"] the inputs'
        ' of the network i1, i2, ..., with ["h"] what the layer h makes, h1 (out_h1 means the same); of a layer whose'
        " name ends in a digit, h1.2; absent: none, also in the first layer",
    )
    values: dict[Variable, float] = Field(
        default_factory=dict,
        max_length=1000,
        description="the variables with their initial values; training changes them, unless they are frozen",
    )
    assign: Annotated[
        tuple[Annotated[str, Field(min_length=1)], ...],
        Field(
            strict=False,
            min_length=1,
            max_length=MAX_LINES,
            description='the assignments in their order, such as "d = a*b + b**3"; operators + - * / **, functions exp,'
            " log, sqrt, abs, sin, cos, tanh, sigmoid, relu, max(a, b), parentheses; += and the like; a power with a"
            " whole exponent is a product, any other is exp(y·log(x))",
        ),
    ]
    gates: bool = Field(
        default=True, description="true: each operation is a step of its own; false: each assignment is one step"
    )
    outputs: Annotated[tuple[str, ...], Field(strict=False)] | None = Field(
        default=None,
        min_length=1,
        max_length=1000,
        description="the names of the values that the layer hands on, as a row; absent: the last one that is assigned,"
        " by itself",
    )

    @property
    def label(self) -> str:
        """The layer in a few words."""
        return _("graph")

    @property
    def arity(self) -> tuple[int, int]:
        """Any number of layers."""
        return 0, 64

    def taken(self, above: str) -> tuple[str, ...]:
        """Only the layers that are named."""
        return self.inputs or ()

    def slots(self, sources: Sequence[Form]) -> int:
        """One value a gate, and the copies of several outputs."""
        return len(self.plan(sources).gates) + len(self.outputs or ())

    _plans: dict[tuple[Any, ...], Plan] = PrivateAttr(default_factory=dict)

    def plan(self, sources: Sequence[Form]) -> Plan:
        """The values in the order in which they are made."""
        key = (self.inputs, *sources)
        found = self._plans.get(key)
        if found is None:
            found = Plan(self.assign, self.values, self._labels(sources), gates=self.gates)
            self._plans[key] = found
        return found

    def _labels(self, sources: Sequence[Form]) -> dict[str, tuple[int, int]]:
        """The names of the values of other layers: of which layer, and which value there, both from 0."""
        found: dict[str, tuple[int, int]] = {}
        for number, (name, form) in enumerate(zip(self.inputs or (), sources, strict=False)):
            dot = "." if name[-1:].isdigit() else ""
            for unit in range(form.size):
                found[f"{name}{dot}{unit + 1}"] = (number, unit)
        return found

    def own_names(self) -> Iterator[tuple[str, KeyPath]]:
        """The variables and what is assigned, each where it is named first."""
        # Of a table with mistakes, the keys that are wrong are None.
        values, lines = self.values or {}, self.assign or ()
        for name in values:
            yield name, ("values", name)
        known = set(values)
        for line, text in enumerate(lines):
            match = re.match(r"\s*([^\W\d_]\w*)\s*[-+*/]?=", text)
            if match and match[1] not in known:
                known.add(match[1])
                yield match[1], ("assign", line)

    def faults(self, sources: Sequence[Form]) -> Iterator[Violation]:
        """Yield every assignment that cannot be read, and outputs that there are not."""
        plan = self.plan(sources)
        for line, message in plan.faults:
            yield Violation(path=("assign", line), message=message)
        if self.share is not None:
            message = _("the variables of a graph belong to it alone; let one graph make both values")
            yield Violation(path=("share",), message=message)
        made = {gate.name for gate in plan.gates}
        for number, name in enumerate(self.outputs or ()):
            if plan.value(name) not in made and not plan.faults:
                message = _("no assignment makes {name}").format(name=name)
                yield Violation(path=("outputs", number), message=message)
        if len(plan.gates) > MAX_GATES:
            message = _("{count} operations; the most are {limit}")
            text = message.format(count=f"{len(plan.gates):,}", limit=f"{MAX_GATES:,}")
            yield Violation(path=("assign",), message=text)

    def form(self, sources: Sequence[Form]) -> Form:
        """A row of the outputs; without them, one number."""
        for number, form in enumerate(sources):
            if form.steps or len(form.shape) > 1:
                message = _("a graph reads single values of rows; {name} has {shape}")
                name = (self.inputs or ())[number]
                raise ShapeError("inputs", message.format(name=name, shape=form))
        fault = next(self.faults(sources), None)
        if fault is not None:
            raise ShapeError(fault.path, fault.message)
        return Form(() if self.outputs is None else (len(self.outputs),))

    def parameters(self, sources: Sequence[Form]) -> tuple[Parameter, ...]:
        """Every variable by itself."""
        return tuple(
            Parameter(
                name=name,
                shape=(),
                role=Role.WEIGHT,
                fans=(1, 1),
                given=value,
                key="values",
                alone=True,
            )
            for name, value in self.values.items()
        )

    def build(self, forward: Forward, sources: Sequence[Value]) -> Value:
        """One op a gate; the output is the last value itself, or a row of copies."""
        from retrograde.engine.equations.array import Array
        from retrograde.engine.ops.gate import append_gate, collect
        from retrograde.engine.ops.pointwise import Operand

        arrays = [source for source in sources if isinstance(source, Array)]
        plan = self.plan([Form(array.element_shape) for array in arrays])
        last = plan.gates[-1].name
        places = {name: Operand(forward.parameter(name), fixed=()) for name in self.values}
        for label, (number, unit) in self._labels([Form(array.element_shape) for array in arrays]).items():
            array = arrays[number]
            places[label] = Operand(array, fixed=(unit,) if array.element_shape else ())
        for gate in plan.gates:
            role = Role.OUT if self.outputs is None and gate.name == last else Role.VALUE
            made = append_gate(
                forward.builder, gate.name, gate.node, places, role=role, layer=self.name, batch=forward.batch
            )
            places[gate.name] = Operand(made, fixed=())
        if self.outputs is None:
            return places[last].array
        row = forward.made("out", (len(self.outputs),), role=Role.OUT)
        return forward.append(collect(row, [places[plan.value(name) or name].array for name in self.outputs]))
