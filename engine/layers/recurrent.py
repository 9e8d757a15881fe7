"""What the recurrent layers have in common: their keys, their shapes, their parameters, and the walk through time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Discriminator, Field, Tag

from retrograde.engine.equations.array import Role
from retrograde.engine.layers.base import MAX_UNITS, Form, Layer, Matrix, Model, Parameter, Row, ShapeError
from retrograde.engine.layers.layouts import Arrangement, Numbers, Table
from retrograde.engine.layers.stored import Stored
from retrograde.engine.text import N_, _

if TYPE_CHECKING:
    from retrograde.engine.equations.array import Array
    from retrograde.engine.errors import KeyPath
    from retrograde.engine.layers.base import Forward, Value
    from retrograde.engine.ops.pointwise import Rule
    from retrograde.engine.ops.recurrent import Read, Stack

STACKED: Mapping[str, str] = dict.fromkeys(
    ("num_layers", "layers"), N_("write a table for each layer; each reads all steps of the one above it in the file")
)
"""What is said to those who want several layers in one."""

MAX_STEPS = 1000
"""Time steps of a sequence: each is some ops of the program."""

REVERSE = "r"
"""What the names of the second direction of a layer end in: ``Wr_h``, ``net_ir_h1@3``."""


def state_form(value: Any) -> str:
    """The tag of an initial state: a row for all samples, a row for each of them, or the name of an array."""
    if isinstance(value, str):
        return "<name>"
    return "<rows>" if isinstance(value, list | tuple) and value and isinstance(value[0], list | tuple) else "<row>"


if TYPE_CHECKING:
    State = Row | Matrix | str
else:
    State = Annotated[
        Annotated[Row, Tag("<row>")]
        | Annotated[Matrix, Tag("<rows>")]
        | Annotated[Annotated[str, Field(min_length=1, max_length=200)], Tag("<name>")],
        Discriminator(state_form),
    ]
"""The state before the first step: for all samples, for each, or the name of an array of the file of samples."""


class GivenStart(Model):
    """The values of the parameters of one direction."""

    weights: Table | None = Field(
        default=None,
        description="initial W; a row per gate and unit, gate after gate, a column per input; or a table like that for"
        " each gate",
    )
    recurrent_weights: Table | None = Field(
        default=None, description="initial U; a row per gate and unit, gate after gate, a column per unit; or as W"
    )
    concatenated_weights: Table | None = Field(
        default=None,
        description="initial U and W side by side, instead of both: a row per gate and unit, a column per unit and per"
        " input, in the order that concatenation says",
    )
    biases: Numbers | None = Field(
        default=None, description="initial b, one per gate and unit, gate after gate; or a list of them for each gate"
    )
    recurrent_biases: Numbers | None = Field(default=None, description='initial b of U, of a layer with bias = "both"')
    h0: State | None = Field(
        default=None,
        description="the state before the first step, a number per unit; or a row of these per sample, inline or as the"
        " name of an array of the NPZ file of samples, or the columns of a table; 0 if absent",
    )


class RecurrentLayer(GivenStart, Layer):
    """A layer that goes through a sequence step by step, with a state that each step hands to the next."""

    units: int = Field(ge=1, le=MAX_UNITS, description="number of units: the width of the state")
    outputs: Literal["all", "last"] = Field(
        default="all", description="all: the state at every step; last: that after the last step (that counts)"
    )
    direction: Literal["forward", "backward", "both"] = Field(
        default="forward",
        description="forward or backward in time; both: two sets of parameters, and both states side by side",
    )
    bias: Literal["one", "both", "none"] = Field(
        default="one", description="one bias per gate and unit; both: one beside W and one beside U; or none"
    )
    truncate: int | None = Field(
        default=None,
        ge=1,
        description="truncated backpropagation: in the order in which the layer runs, no gradient goes from a step t to"
        " t - 1 where t - 1 is a multiple of this; absent: it goes all the way",
    )
    initial: Literal["fixed", "trained"] = Field(
        default="fixed", description="whether the state before the first step is trained like a parameter"
    )
    gate_order: str | None = Field(
        default=None,
        min_length=1,
        max_length=8,
        description="the order of the gates in the tables of the file: of an lstm ifgo (as here and in PyTorch),"
        " ifog, ifco (Keras), iofc (ONNX), ...; of a gru rzn, zrh (Keras, ONNX), ...; absent: as network.lstm_gates or"
        " network.gru_gates say",
    )
    concatenation: Literal["hx", "xh"] = Field(
        default="hx", description="of concatenated_weights: the columns of the state h first, or those of the inputs x"
    )
    reverse: GivenStart | None = Field(
        default=None, description='of direction = "both": the values of the second direction'
    )

    absent: ClassVar[Mapping[str, str]] = STACKED
    gates: ClassVar[tuple[str, ...]] = ()
    """The names of the gates in the order of the rows of the parameters; one without a name where there is only one."""

    other_names: ClassVar[Mapping[str, str]] = {}
    """What else the gates are called, with the names that they have here."""

    @property
    def label(self) -> str:
        """The layer in a few words."""
        return f"{self.units} {self.kind}"

    @property
    def gate_names(self) -> tuple[str, ...]:
        """The gates, in each direction."""
        gates = [gate for gate in self.gates if gate]
        return (*gates, *(gate + REVERSE for gate in (*gates, "")))

    @property
    def sequential(self) -> bool:
        """Whether it reads the first axis of an array as time."""
        return True

    @property
    def states(self) -> tuple[str, ...]:
        """The names of the initial states."""
        return ("h0",)

    @property
    def directions(self) -> tuple[str, ...]:
        """What the names of each direction end in."""
        return ("", REVERSE) if self.direction == "both" else ("",)

    def given(self, direction: str) -> Any:
        """The table that has the values of the parameters of a direction."""
        return self if direction == "" else self.reverse or GivenStart()

    @property
    def file_gates(self) -> tuple[str, ...]:
        """The gates in the order of the file, by the names that they have here."""
        if self.gate_order is None or len(self.gates) == 1:
            return self.gates
        return tuple(self.other_names.get(letter, letter) for letter in self.gate_order)

    def arrangement(self, parameter: Parameter) -> Arrangement:
        """How the file lays out a parameter: gates in its order, U and W perhaps side by side."""
        found = super().arrangement(parameter)
        in_file = [gate for gate in self.file_gates if gate in parameter.blocks]
        found = replace(found, order=tuple(map(in_file.index, parameter.blocks)))
        if not parameter.beside:
            return found
        own = parameter.shape[1]
        leads = (parameter.name[0] == "U") is (self.concatenation == "hx")
        return replace(found, whole=own + parameter.beside, first=0 if leads else parameter.beside)

    def _check_file(self) -> None:
        """Refuses an order of gates that are not the layer's, and weights that are given twice.

        Raises:
            ShapeError: with what there is.
        """
        one = len(self.gates) == 1
        if self.gate_order is not None and (one or sorted(self.file_gates) != sorted(self.gates)):
            message = _("there are no gates") if one else _("{found} is no order of the gates {gates}")
            raise ShapeError("gate_order", message.format(found=self.gate_order, gates=", ".join(self.gates)))
        for direction in self.directions:
            given = self.given(direction)
            if given.concatenated_weights is not None and (given.weights or given.recurrent_weights):
                message = _("U and W are given twice: drop weights and recurrent_weights, or this")
                path = ("concatenated_weights",) if not direction else ("reverse", "concatenated_weights")
                raise ShapeError(path, message)

    @property
    def starts(self) -> dict[str, Any]:
        """The initial states that differ from sample to sample, by name: rows, or the name of an array of a file."""
        found = {}
        for direction in self.directions:
            table = self.given(direction)
            for name in self.states:
                given = getattr(table, name)
                if given is not None and state_form(given) != "<row>":
                    found[name + direction] = given
        return found

    @property
    def state_width(self) -> int:
        """How many numbers an initial state has."""
        return self.units

    def start_path(self, name: str) -> KeyPath:
        """Where an initial state stands in the layer's table."""
        return (name,) if name in self.states else ("reverse", name.removesuffix(REVERSE))

    def form(self, sources: Sequence[Form]) -> Form:
        """The state at each step, or after the last; of both directions, twice as wide."""
        steps, _features = sequence(sources[0])
        self._check_file()
        for name, rows in self.starts.items():
            if self.initial == "trained":
                raise ShapeError(self.start_path(name), _("states that are trained are the same for all samples"))
            if not isinstance(rows, str) and {len(row) for row in rows} != {self.units}:
                message = _("a row of the states before the first step has {units} numbers, one per unit")
                raise ShapeError(self.start_path(name), message.format(units=self.units))
        if steps > MAX_STEPS:
            raise ShapeError("units", _("{steps} time steps; at most {limit}").format(steps=steps, limit=MAX_STEPS))
        width = self.units * len(self.directions)
        return Form((width,), steps if self.outputs == "all" else 0)

    def slots(self, sources: Sequence[Form]) -> int:
        """Net inputs and outputs of the gates, and the states, at each step."""
        steps, _features = sequence(sources[0])
        return steps * self.units * (len(self.gates) + 2) * len(self.directions)

    def parameters(self, sources: Sequence[Form]) -> tuple[Parameter, ...]:
        """W (gates · units, features), U (gates · units, units), b, perhaps b of U, and the initial states."""
        _steps, features = sequence(sources[0])
        found = (one for direction in self.directions for one in self._parameters(direction, features))
        # What is drawn does not depend on whether the states before the first step are data.
        return tuple(replace(one, draw=draw) for draw, one in enumerate(found) if one.name not in self.starts)

    def _parameters(self, direction: str, features: int) -> Iterator[Parameter]:
        rows, given = len(self.gates) * self.units, self.given(direction)
        blocks = self.gates if len(self.gates) > 1 else ()
        tables: list[tuple[str, str, tuple[int, ...], Role, tuple[int, int]]] = [
            ("W", "weights", (rows, features), Role.WEIGHT, (self.units, features)),
            ("U", "recurrent_weights", (rows, self.units), Role.WEIGHT, (self.units, self.units)),
        ]
        if self.bias != "none":
            tables.append(("b", "biases", (rows,), Role.BIAS, (self.units, features)))
        if self.bias == "both":
            tables.append(("bu", "recurrent_biases", (rows,), Role.BIAS, (self.units, self.units)))
        for name, key, shape, role, fans in tables:
            beside = 0
            if role is Role.WEIGHT and given.concatenated_weights is not None:
                key, beside = "concatenated_weights", self.units + features - shape[1]
            yield Parameter(
                name=name + direction,
                shape=shape,
                role=role,
                fans=fans,
                given=self.values(key, given),
                key=key if direction == "" else "reverse",
                blocks=blocks,
                beside=beside,
            )
        for name in self.states:
            yield Parameter(
                name=name + direction,
                shape=(self.units,),
                role=Role.BIAS,
                fans=(self.units, self.units),
                given=getattr(given, name),
                key=name if direction == "" else "reverse",
                drawn=False,
                frozen=self.initial == "fixed",
            )

    def stored(self, sources: Sequence[Form]) -> tuple[Stored, ...]:
        """The tensors of PyTorch's recurrent modules, which have two biases, and states that are trained."""
        found = [
            Stored(name=_stored_name(one.name), shape=one.shape, parameters=(one.name,), heights=one.shape[:1])
            for one in self.parameters(sources)
            if self.initial == "trained" or one.name.removesuffix(REVERSE) not in self.states
        ]
        rows = len(self.gates) * self.units
        if self.bias == "one":
            found += [Stored(name=_stored_name("bu" + direction), shape=(rows,)) for direction in self.directions]
        return tuple(found)

    def values(self, key: str, given: Any) -> Any:
        """The initial values that a table gives for one of its keys."""
        return getattr(given, key)

    def build(self, forward: Forward, sources: Sequence[Value]) -> Value:
        """Unrolls the layer through time, in each of its directions."""
        from retrograde.engine.equations.array import Extent, Phase
        from retrograde.engine.ops.rearrange import Join

        runs: list[tuple[Array, ...]] = []
        cells: list[tuple[Array, ...]] = []
        for direction in self.directions:
            stem = "h" + direction if self.direction == "both" else "out"
            walk = Walk(forward=forward, layer=self, direction=direction, stem=stem, reads=reads(sources[0]))
            runs.append(walk.run(backward=direction == REVERSE or self.direction == "backward"))
            cells.append(walk.cells)
        forward.cells[self.name] = self._handed(cells) if all(cells) else None

        def joined(states: tuple[Array, ...], time: int | None) -> Array:
            return forward.append(
                Join(
                    target=forward.made("out", (self.units * len(states),), role=Role.OUT, time=time),
                    phase=Phase.FORWARD,
                    layer=self.name,
                    extent=Extent.SAMPLE,
                    sources=states,
                    axis=1,
                )
            )

        handed = self._handed(runs)
        if self.outputs == "last":
            return joined(handed[0], None)
        if len(runs) == 1:
            return runs[0]
        return tuple(joined(states, time) for time, states in enumerate(handed, 1))

    def _handed(self, runs: Sequence[tuple[Array, ...]]) -> list[tuple[Array, ...]]:
        """The states of all directions at each step that is handed on: at all steps, or after the last of each."""
        if self.outputs == "all":
            return list(zip(*runs, strict=True))
        ends = [states[0] if self.direction == "backward" else states[-1] for states in runs[:1]]
        return [(*ends, *(states[0] for states in runs[1:]))]

    def step(self, walk: Walk, now: CellStep) -> None:
        """Appends the ops of one step; sets the states of ``walk``."""
        raise NotImplementedError


_STORED: Mapping[str, str] = {
    "W": "weight_ih_l0",
    "U": "weight_hh_l0",
    "b": "bias_ih_l0",
    "bu": "bias_hh_l0",
    "P": "peephole_l0",
    "h0": "h0_l0",
    "c0": "c0_l0",
}
"""What PyTorch calls the parameters of a recurrent layer; peepholes and initial states it does not have."""


def _stored_name(name: str) -> str:
    if name in _STORED:
        return _STORED[name]
    return _STORED[name.removesuffix(REVERSE)] + "_reverse"


def sequence(source: Form) -> tuple[int, int]:
    """The time steps and the features of what a recurrent layer reads: (time, features), or time with one feature.

    Raises:
        ShapeError: it is no sequence.
    """
    if source.steps and len(source.shape) == 1:
        return source.steps, source.shape[0]
    if not source.steps and len(source.shape) == 2:
        return source.shape[0], source.shape[1]
    if not source.steps and len(source.shape) == 1:
        return source.shape[0], 1
    message = _("a recurrent layer reads time × features, or a row of numbers over time, not {shape}")
    raise ShapeError("inputs", message.format(shape=source))


def reads(source: Value) -> tuple[Read, ...]:
    """What is read at each time step."""
    from retrograde.engine.equations.array import Array
    from retrograde.engine.ops.recurrent import Read

    if not isinstance(source, Array):
        return tuple(Read(array=array, size=array.shape[1]) for array in source)
    if len(source.shape) == 2:
        return tuple(Read(array=source, size=1, first=time) for time in range(source.shape[1]))
    return tuple(Read(array=source, size=source.shape[2], at=(time,)) for time in range(source.shape[1]))


@dataclass(frozen=True, slots=True, kw_only=True)
class CellStep:
    """A time step while it is being built.

    Attributes:
        number: its number in the order in which the layer runs, from 0.
        time: its place in the sequence, from 1.
        x: what is read.
        cut: whether no gradient goes back to the step before.
    """

    number: int
    time: int
    x: Read
    cut: bool


@dataclass(slots=True, kw_only=True)
class Walk:
    """One direction of a layer while it is being unrolled.

    Attributes:
        forward: the forward pass so far.
        layer: the layer.
        direction: what the names of this direction end in.
        stem: what the states are called.
        reads: the inputs of each time step.
        states: the arrays of the state by name; those before the first step, then those of the last step built.
        stacks: the gates that are computed together, by name.
        cells: the cells in the order of time, of a layer that has them.
    """

    forward: Forward
    layer: RecurrentLayer
    direction: str
    stem: str
    reads: tuple[Read, ...]
    states: dict[str, Array] = field(init=False)
    stacks: dict[str, Stack] = field(init=False, default_factory=dict)
    cells: tuple[Array, ...] = field(init=False, default=())

    def __post_init__(self) -> None:
        """The states before the first step are parameters, or data where each sample has its own."""
        self.states = {name[0]: self.start(name) for name in self.layer.states}

    def start(self, name: str) -> Array:
        """The state before the first step."""
        own = name + self.direction
        return self.forward.starts[own] if own in self.layer.starts else self.parameter(name)

    def parameter(self, name: str) -> Array:
        """A parameter of this direction."""
        return self.forward.parameter(name + self.direction)

    def run(self, *, backward: bool) -> tuple[Array, ...]:
        """Builds all steps; returns the states in the order of time."""
        count = len(self.reads)
        found: list[Array] = []
        cells: list[Array] = []
        for number in range(count):
            place = count - 1 - number if backward else number
            cut = bool(self.layer.truncate and number and number % self.layer.truncate == 0)
            self.layer.step(self, CellStep(number=number, time=place + 1, x=self.reads[place], cut=cut))
            found.append(self.states["h"])
            cells += [self.states["c"]] if "c" in self.states else []
        self.cells = tuple(reversed(cells)) if backward else tuple(cells)
        return tuple(reversed(found)) if backward else tuple(found)

    def state(self, name: str) -> Read:
        """A state as a gate reads it."""
        from retrograde.engine.ops.recurrent import Read

        return Read(array=self.states[name], size=self.layer.units)

    def stack(self, name: str, gates: Sequence[str], *, inputs: bool, state: bool) -> Stack:
        """The gates that are computed together.

        Args:
            name: what they are known by.
            gates: their names, which follow each other in the layer.
            inputs: whether they read the inputs.
            state: whether they read the state, or what takes its place.
        """
        from retrograde.engine.ops.recurrent import RowSegment, Stack

        if name not in self.stacks:
            layer, units = self.layer, self.layer.units
            segments: list[RowSegment] = []
            pairs = (("W", "b", inputs, layer.bias != "none"), ("U", "bu", state, layer.bias == "both"))
            for weights, bias, there, biased in pairs:
                if there:
                    parameter = self.parameter(weights)
                    segments.append(RowSegment(parameter=parameter, width=parameter.shape[1]))
                    segments += [RowSegment(parameter=self.parameter(bias), width=1)] if biased else []
            self.stacks[name] = Stack(
                units=units,
                gates=len(gates),
                first=layer.gates.index(gates[0]) * units,
                segments=tuple(segments),
                steps=len(self.reads),
            )
        return self.stacks[name]

    def net(
        self,
        now: CellStep,
        stack: Stack,
        gate: int,
        name: str,
        state: Read | None,
        *,
        inputs: bool = True,
        extra: tuple[Read, Read] | None = None,
        extra_before: bool = False,
        cut: bool | None = None,
        value: bool = False,
    ) -> Array:
        """Appends the weighted sum of a gate.

        Args:
            now: the step.
            stack: the gates that it belongs to.
            gate: its number there.
            name: its name; empty for the only one.
            state: the state, or what takes its place; None where it is not read.
            inputs: whether the inputs are read.
            extra: two factors of a last term.
            extra_before: whether the second of them comes from the step before.
            cut: whether no gradient goes back to the state; as the step says, if absent.
            value: whether it is a value by itself, not what an activation takes.
        """
        from retrograde.engine.equations.array import Extent, Phase
        from retrograde.engine.ops.recurrent import GateSum

        sources: list[Read | None] = []
        still: list[int] = []
        for weights, there, read in (("W", inputs, now.x), ("U", state is not None, state)):
            if not there:
                continue
            if weights == "U" and (now.cut if cut is None else cut):
                still.append(len(sources))
            sources.append(read)
            if len(sources) < len(stack.segments) and stack.segments[len(sources)].biased:
                sources.append(None)
        label = name + self.direction
        stem = label if value else "_".join(part for part in ("net", label) if part)
        return self.forward.append(
            GateSum(
                target=self.forward.made(
                    stem, (self.layer.units,), role=Role.VALUE if value else Role.NET, time=now.time
                ),
                phase=Phase.FORWARD,
                layer=self.layer.name,
                extent=Extent.SAMPLE,
                stack=stack,
                gate=gate,
                step=now.number,
                sources=tuple(sources),
                extra=extra,
                extra_still=extra_before and now.cut,
                still=tuple(still),
            )
        )

    def activated(self, net: Array, stem: str, activation: str) -> Array:
        """Appends the activation of a gate."""
        from retrograde.engine.equations.activation_table import ACTIVATIONS
        from retrograde.engine.equations.array import Extent, Phase
        from retrograde.engine.ops.activation import Activate, make_function

        parameter = ACTIVATIONS[activation].default
        role = Role.OUT if stem == self.stem else Role.VALUE
        return self.forward.append(
            Activate(
                target=self.forward.made(stem, net.element_shape, role=role, time=net.time),
                phase=Phase.FORWARD,
                layer=self.layer.name,
                extent=Extent.SAMPLE,
                net=net,
                function=make_function(activation, parameter),
                activation=activation,
                parameter=parameter,
            )
        )

    def gate(self, net: Array, name: str, activation: str = "sigmoid") -> Array:
        """Appends the activation of a gate, which is called by its name."""
        return self.activated(net, name + self.direction, activation)

    def made(
        self,
        now: CellStep,
        stem: str,
        rules: tuple[Rule, Rule | None],
        operands: Sequence[Array],
        *,
        before: Sequence[int] = (),
        held: Array | None = None,
    ) -> Array:
        """Appends what is made of gates and states, element by element.

        Args:
            now: the step.
            stem: what it is called.
            rules: the formula where all steps count, and that with the mask before its operands, if it has one.
            operands: what the formulas read.
            before: the operands, by number, that come from the step before.
            held: the state before, of a formula that reads it only to hold it where the mask is 0; it then stands
                between the mask and the other operands.
        """
        from retrograde.engine.equations.array import Extent, Phase
        from retrograde.engine.ops.cells import CellStep
        from retrograde.engine.ops.pointwise import Operand

        rule, masked = rules
        found = [Operand(array, None if array.batched else (1,)) for array in operands]
        still = list(before)
        if masked is not None and self.mask is not None:
            front = [Operand(self.mask, fixed=(now.time - 1,))]
            if held is not None:
                front.append(Operand(held, None if held.batched else (1,)))
            still = [number + len(front) for number in still] + ([1] if held is not None else [])
            rule, found = masked, front + found
        return self.forward.append(
            CellStep(
                target=self.forward.made(
                    stem, (self.layer.units,), role=Role.OUT if stem == self.stem else Role.VALUE, time=now.time
                ),
                phase=Phase.FORWARD,
                layer=self.layer.name,
                extent=Extent.SAMPLE,
                rule=rule,
                operands=tuple(found),
                still=tuple(still) if now.cut else (),
            )
        )

    @property
    def mask(self) -> Array | None:
        """Which steps of each sample count; None where all do."""
        return self.forward.masked(len(self.reads))
