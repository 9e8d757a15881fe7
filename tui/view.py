"""From a reading of the session to what is on the screen: pure functions."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from retrograde.engine.array import Array, Phase, Role
from retrograde.engine.expression import (
    PYTHON,
    Const,
    Expr,
    Ref,
    Sum,
    Token,
    evaluate,
    refs,
    render,
    tokens,
)
from retrograde.engine.functions import ACTIVATIONS
from retrograde.engine.ops.activation import Activate
from retrograde.engine.ops.activation import Slope as SlopeOp
from retrograde.engine.text import _, language, ngettext
from retrograde.tui.canvas import Line, Span
from retrograde.tui.figures import phase_word, show, show_signed
from retrograde.tui.look import Ink, plain, signed
from retrograde.tui.reading import Reading
from retrograde.tui.state import (
    NO_PINS,
    Badge,
    CurveView,
    EdgeView,
    EquationView,
    Factor,
    FocusRow,
    FocusView,
    HeaderView,
    LayerView,
    LossView,
    Mark,
    NetworkView,
    NodeView,
    OperandRow,
    PanelId,
    Pins,
    Segment,
    TermRow,
    TimelineView,
    WeightRow,
    WeightsView,
)

if TYPE_CHECKING:
    from retrograde.engine.step import Step
    from retrograde.tui.state import Floats, RunView

MOST_NODES = 24
"""Units of a layer up to which nodes are drawn, where the panel is high enough."""
MOST_TERMS = 8
"""Terms of a sum that are listed; of a longer sum the largest."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lens:
    """What the person at the keyboard chose to look at.

    Attributes:
        focus: the panel in which the arrows move.
        operand: the selected operand of the step, -1 for none.
        weight: the selected parameter.
        node: the selected neuron, counted over all layers, -1 for none.
        digits: significant digits; 17 shows every float exactly.
        search: the text that is searched for in the parameters.
    """

    focus: PanelId = PanelId.EQUATION
    operand: int = -1
    weight: int = 0
    node: int = -1
    digits: int = 9
    search: str = ""


# -- parameters


class Parameters:
    """The rows of the weight table, in the order of their numbers; made once a session.

    Args:
        reading: any reading of the session.
    """

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._refs: list[Ref] = []
        self._number: dict[tuple[str, tuple[int, ...]], int] = {}
        notation = reading.notation
        for info in reading.network.layers:
            here = [
                Ref(info.weights, (target, source))
                for target in range(info.weights.shape[0])
                for source in range(info.weights.shape[1])
            ]
            if len(here) <= 99:
                here.sort(key=lambda ref: _natural(notation.symbol(ref)))
            self._refs += here
            if info.bias is not None:
                self._refs += [Ref(info.bias, (unit,)) for unit in range(info.bias.size)]
        for number, ref in enumerate(self._refs):
            self._number[ref.array.name, ref.index] = number
        self._names: list[str] | None = None

    def __len__(self) -> int:
        """How many parameters there are."""
        return len(self._refs)

    def ref(self, number: int) -> Ref:
        """The slot of a row."""
        return self._refs[number]

    def find(self, ref: Ref) -> int | None:
        """The row of a parameter, or of its gradient or updated value."""
        array = ref.array
        if array.role in {Role.GRADIENT, Role.UPDATED} and array.of is not None:
            array = array.of
        if array.role not in {Role.WEIGHT, Role.BIAS}:
            return None
        return self._number.get((array.name, ref.index))

    def matches(self, text: str) -> list[int]:
        """The rows whose name holds a text."""
        if not text:
            return []
        if self._names is None:
            notation = self._reading.notation
            self._names = [notation.name(ref).casefold() for ref in self._refs]
        wanted = text.casefold().replace(" ", "")
        return [number for number, name in enumerate(self._names) if wanted in name]

    def path(self, ref: Ref) -> str:
        """From where to where a weight leads; the neurons of a bias."""
        notation = self._reading.notation
        info = next(layer for layer in self._reading.network.layers if layer.name == ref.array.layer)
        if ref.array.role is Role.WEIGHT:
            source = notation.neuron(info.source, ref.index[1])
            return f"{source} → {notation.neuron(info.name, ref.index[0])}"
        if ref.array.size == info.units:
            return f"1 → {notation.neuron(info.name, ref.index[0])}"
        return f"1 → {info.name}"


def _natural(text: str) -> tuple[str, int, str]:
    digits = "".join(c for c in text if c.isdigit())
    head = text.rstrip("0123456789")
    return (head, int(digits), text) if digits and head + digits == text else (text, 0, text)


def weights_view(
    reading: Reading, parameters: Parameters, lens: Lens, before: WeightsView | None, *, window: int = 60
) -> WeightsView:
    """The rows around the selected one.

    Args:
        reading: the reading.
        parameters: the rows.
        lens: the selection.
        before: what was shown before the last motion; what differs is marked as changed.
        window: how many rows to make ready on either side of the selected one.
    """
    count = len(parameters)
    selected = min(max(lens.weight, 0), max(count - 1, 0))
    first = max(selected - window, 0)
    last = min(selected + window, count)
    marks = _marks(reading)[1]
    old: dict[int, WeightRow] = {}
    if before is not None:
        old = {before.first + k: row for k, row in enumerate(before.rows)}
    found = set(parameters.matches(lens.search)) if lens.search else set()
    rows = []
    for number in range(first, last):
        row = _weight_row(reading, parameters, number, marks)
        if number in found:
            row = replace(row, match=True)
        past = old.get(number)
        if past is not None and _changed(past, row):
            row = replace(row, changed=True)
        rows.append(row)
    return WeightsView(
        rows=tuple(rows),
        first=first,
        count=count,
        selected=selected,
        decimals={5: 4, 9: 6}.get(lens.digits, 10),
        search=lens.search,
        matches=len(found),
    )


def _changed(past: WeightRow, row: WeightRow) -> bool:
    if past.new is None and row.new is not None:
        return row.new != row.value
    known = past.value if past.new is None else past.new
    return row.new is None and row.value != known


def _weight_row(reading: Reading, parameters: Parameters, number: int, marks: dict[Ref, Mark]) -> WeightRow:
    ref = parameters.ref(number)
    program, frame = reading.program, reading.frame
    name = ref.array.name
    gradient_array = program.named.get(f"grad({name})")
    updated_array = program.named.get(f"new({name})")
    gradient = change = new = None
    partial = False
    if gradient_array is not None:
        slot = Ref(gradient_array, ref.index)
        gradient = reading.visible(slot)
        partial = gradient is None
        step = reading.step
        if gradient is None and step is not None and step.target == slot:
            gradient = step.result
        elif gradient is None:
            so_far = reading.partial(slot)
            gradient = None if so_far is None else so_far[0]
    if updated_array is not None and gradient_array is not None:
        new = reading.visible(Ref(updated_array, ref.index))
        if new is not None:
            change = -(frame.value(Ref(reading.network.rate)) * frame.value(Ref(gradient_array, ref.index)))
    return WeightRow(
        name=reading.notation.symbol(ref),
        path=parameters.path(ref),
        value=frame.value(ref),
        gradient=gradient,
        change=change,
        new=new,
        mark=marks.get(ref, Mark.IDLE),
        frozen=updated_array is None,
        partial=partial and gradient is not None,
        edited=() if reading.parent is None else _edited(reading, ref, gradient_array, updated_array),
    )


def _edited(reading: Reading, ref: Ref, gradient: Array | None, updated: Array | None) -> tuple[bool, ...]:
    """Which of the four numbers of a parameter's row are others on the parent branch."""

    def other(array: Array | None) -> bool:
        return array is not None and reading.before(Ref(array, ref.index)) is not None

    return (reading.before(ref) is not None, other(gradient), other(updated) and other(gradient), other(updated))


# -- what takes part in a step


def _marks(reading: Reading) -> tuple[dict[tuple[str, int], Mark], dict[Ref, Mark]]:
    """The neurons (by layer and unit) and the parameters that take part in the step on the screen."""
    nodes: dict[tuple[str, int], Mark] = {}
    weights: dict[Ref, Mark] = {}
    step = reading.step
    if step is None:
        return nodes, weights
    for ref in dict.fromkeys(refs(step.equation)):
        _mark(ref, Mark.OPERAND, nodes, weights, reading)
    _mark(step.target, Mark.TARGET, nodes, weights, reading)
    return nodes, weights


def _mark(
    ref: Ref,
    mark: Mark,
    nodes: dict[tuple[str, int], Mark],
    weights: dict[Ref, Mark],
    reading: Reading,
) -> None:
    array = ref.array
    if array.role in {Role.GRADIENT, Role.UPDATED} and array.of is not None:
        of = array.of
        if of.role in {Role.WEIGHT, Role.BIAS}:
            weights[Ref(of, ref.index)] = mark
            if of.role is Role.BIAS and of.size > 1:
                nodes[of.layer, ref.index[-1]] = mark
            return
    if array.role in {Role.WEIGHT, Role.BIAS}:
        weights[ref] = mark
    elif array.batched and len(ref.index) == 2:
        nodes[array.layer, ref.index[1]] = mark


# -- network


def node_count(reading: Reading) -> int:
    """How many neurons and inputs there are."""
    return reading.network.inputs + sum(layer.units for layer in reading.network.layers)


def node_at(reading: Reading, number: int) -> tuple[str, int]:
    """The layer and the unit of a neuron, counted over all layers."""
    for name, units in (
        ("i", reading.network.inputs),
        *((layer.name, layer.units) for layer in reading.network.layers),
    ):
        if number < units:
            return name, number
        number -= units
    raise IndexError(number)


def steps_of_parameter(reading: Reading, ref: Ref, *, back: bool) -> int | None:
    """The nearest step that makes the gradient or the new value of a parameter, None for none.

    Args:
        reading: the reading.
        ref: the parameter.
        back: look before the cursor, not after it.
    """
    found: list[int] = []
    schedule = reading.schedule
    for iteration in range(max(reading.iteration - 1, 0), reading.iteration + 2):
        program = schedule.program(iteration)
        for name in (f"grad({ref.array.name})", f"new({ref.array.name})"):
            array = program.named.get(name)
            step = None if array is None else program.produced(Ref(array, ref.index))
            if step is not None:
                found.append(schedule.start(iteration) + step + 1)
    if back:
        return max((number for number in found if number < reading.position), default=None)
    return min((number for number in found if reading.position < number <= reading.length), default=None)


def network_view(reading: Reading, parameters: Parameters, lens: Lens) -> NetworkView:
    """The network with its values, and what takes part in the step."""
    network, program = reading.network, reading.program
    nodes, weights = _marks(reading)
    widths = [network.inputs, *(layer.units for layer in network.layers)]
    edges = sum(a * b for a, b in pairwise(widths))
    small = max(widths) <= MOST_NODES and edges <= 600
    names = ["i", *(layer.name for layer in network.layers)]
    chosen = node_at(reading, lens.node) if 0 <= lens.node < node_count(reading) else ("", -1)
    layers = tuple(
        _layer_view(reading, name, nodes, chosen[1] if chosen[0] == name else -1, small=small, last=k == len(names) - 1)
        for k, name in enumerate(names)
    )
    phase = None if reading.step is None else reading.step.moment.phase
    return NetworkView(
        layers=layers,
        weights=tuple(reading.frame.array(layer.weights) for layer in network.layers) if small else (),
        edges=_edges(reading, parameters, lens, weights) if small else (),
        names=_edge_names(reading) if small else (),
        flow={Phase.FORWARD: 1, Phase.LOSS: 1, Phase.BACKWARD: -1}.get(phase, 0) if phase else 0,
        focus=None if small or not program.ops else _focus(reading, chosen),
        decimals={5: 3, 9: 4}.get(lens.digits, 8),
    )


def _layer_view(
    reading: Reading, name: str, marks: dict[tuple[str, int], Mark], chosen: int, *, small: bool, last: bool
) -> LayerView:
    program, notation, scenario = reading.program, reading.notation, reading.scenario
    own = {unit: mark for (layer, unit), mark in marks.items() if layer == name}
    array = program.named[name if name == "i" else f"out_{name}"]
    values = reading.values(array)
    answer = -1
    if name == "i":
        caption = _("{count} inputs").format(count=values.size)
        shape = scenario.network.input_shape
        finite = np.abs(values[np.isfinite(values)])
        scale = max(float(finite.max()) if finite.size else 1.0, 1e-300)
    else:
        layer = next(one for one in scenario.network.layers if one.name == name)
        caption = f"{layer.units} {layer.activation}"
        shape = None
        finite = np.abs(values[np.isfinite(values)])
        scale = max(1.0, float(finite.max()) if finite.size else 1.0)
    if last:
        goal = reading.values(program.named[f"t_{name}"])
        if goal.size > 1 and float(goal.max()) == 1.0 and float(goal.sum()) == 1.0:
            answer = int(goal.argmax())
    nodes: tuple[NodeView, ...] = ()
    if small or (last and values.size <= MOST_NODES):
        nodes = tuple(
            NodeView(
                name=notation.neuron(name, unit),
                value=None if (value := float(values[unit])) != value and _hidden(reading, array, unit) else value,
                mark=own.get(unit, Mark.IDLE),
                selected=unit == chosen,
                notes=_notes(reading, name, unit, last=last) if small else (),
                edited=reading.parent is not None and reading.before(Ref(array, (reading.sample, unit))) is not None,
            )
            for unit in range(values.size)
        )
    return LayerView(
        name=name,
        caption=caption,
        nodes=nodes,
        values=values,
        marks=own,
        shape=(shape[0], shape[1]) if shape is not None and len(shape) == 2 else None,
        scale=scale,
        answer=answer,
        selected=chosen,
    )


def _hidden(reading: Reading, array: Array, unit: int) -> bool:
    return reading.visible(Ref(array, (reading.sample, unit))) is None


def _notes(reading: Reading, layer: str, unit: int, *, last: bool) -> tuple[tuple[str, float, bool], ...]:
    """The values below a node: net before the output is known, the target, and δ."""
    if layer == "i":
        return ()
    program, sample = reading.program, reading.sample
    notes: list[tuple[str, float, bool]] = []
    if _hidden(reading, program.named[f"out_{layer}"], unit):
        value = reading.visible(Ref(program.named[f"net_{layer}"], (sample, unit)))
        if value is not None:
            notes.append(("net", value, False))
    if last:
        target = reading.frame.value(Ref(program.named[f"t_{layer}"], (sample, unit)))
        notes.append(("t", target, False))
    delta = program.named.get(f"grad(net_{layer})")
    if delta is not None:
        value = reading.visible(Ref(delta, (sample, unit)))
        if value is not None:
            notes.append(("δ", value, True))
    return tuple(notes)


def _edges(reading: Reading, parameters: Parameters, lens: Lens, weights: dict[Ref, Mark]) -> tuple[EdgeView, ...]:
    gaps = {layer.name: gap for gap, layer in enumerate(reading.network.layers)}
    selected: Ref | None = None
    if lens.focus is PanelId.WEIGHTS and len(parameters):
        selected = parameters.ref(min(lens.weight, len(parameters) - 1))
        if selected not in weights:
            weights = {selected: Mark.IDLE, **weights}
    return tuple(
        EdgeView(
            gap=gaps[ref.array.layer],
            source=ref.index[1],
            target=ref.index[0],
            mark=mark,
            label=reading.notation.symbol(ref),
            value=reading.frame.value(ref),
            selected=ref == selected,
        )
        for ref, mark in weights.items()
        if ref.array.role is Role.WEIGHT
    )


def _edge_names(reading: Reading) -> tuple[tuple[tuple[str, ...], ...], ...]:
    return _names_of(reading.notation, tuple(layer.weights for layer in reading.network.layers))


@lru_cache(maxsize=4)
def _names_of(notation: Any, arrays: tuple[Array, ...]) -> tuple[tuple[tuple[str, ...], ...], ...]:
    return tuple(
        tuple(
            tuple(notation.symbol(Ref(array, (target, source))) for source in range(array.shape[1]))
            for target in range(array.shape[0])
        )
        if array.size <= 8
        else ()
        for array in arrays
    )


def _focus(reading: Reading, chosen: tuple[str, int]) -> FocusView:
    """The selected neuron, else that of the step: its largest incoming terms and outgoing weights."""
    network, program, notation = reading.network, reading.program, reading.notation
    step, sample = reading.step, reading.sample
    layer, unit = network.layers[0].name, 0
    if chosen[0] in {one.name for one in network.layers}:
        layer, unit = chosen
    elif step is not None:
        name = step.target.array.layer
        layer = name if name in {one.name for one in network.layers} else layer
        array, index = step.target.array, step.target.index
        weight = array.role in {Role.GRADIENT, Role.UPDATED} and array.of is not None and not array.batched
        if index:
            unit = index[0] if weight else index[-1]
    place = next(k for k, one in enumerate(network.layers) if one.name == layer)
    info = network.layers[place]
    unit = min(unit, info.units - 1)
    source = program.named["i" if info.source == "i" else f"out_{info.source}"]
    inputs = reading.values(source)
    row = reading.frame.array(info.weights)[unit]
    products = row * inputs
    known = np.isfinite(products)
    order = np.argsort(-np.abs(np.where(known, products, 0.0)), kind="stable")[:4]
    incoming = tuple(
        FocusRow(
            label=f"{notation.symbol(Ref(info.weights, (unit, int(k))))} · {notation.neuron(info.source, int(k))}",
            detail=f"{show(float(row[k]), 4)} × {show(float(inputs[k]), 4)}",
            value=float(products[k]),
        )
        for k in order
        if known[k]
    )
    left = [k for k in range(len(row)) if known[k] and k not in set(order.tolist())]
    rest = ""
    if left:
        rest = _("… {count} more: Σ = {sum}").format(
            count=len(left), sum=show(math.fsum(float(products[k]) for k in left), 4)
        )
    outgoing: tuple[FocusRow, ...] = ()
    if place + 1 < len(network.layers):
        following = network.layers[place + 1]
        column = reading.frame.array(following.weights)[:, unit]
        best = np.argsort(-np.abs(column), kind="stable")[:4]
        outgoing = tuple(
            FocusRow(
                label=f"{notation.symbol(Ref(following.weights, (int(k), unit)))} → "
                f"{notation.neuron(following.name, int(k))}",
                detail="",
                value=float(column[k]),
            )
            for k in best
        )
    title: list[Span] = [Span(notation.neuron(layer, unit), Ink.STRONG)]
    for stem, word in (("net", "net"), ("out", "out")):
        value = reading.visible(Ref(program.named[f"{stem}_{layer}"], (sample, unit)))
        title.append(Span(f"  {word} {show(value, 5)}", Ink.FAINT if value is None else Ink.TEXT))
    delta = program.named.get(f"grad(net_{layer})")
    if delta is not None:
        value = reading.visible(Ref(delta, (sample, unit)))
        if value is not None:
            title.append(Span(f"  δ {show_signed(value, 5)}", signed(value)))
    return FocusView(title=tuple(title), incoming=incoming, rest=rest, outgoing=outgoing)


# -- equation


def equation_view(reading: Reading, lens: Lens, badges: tuple[Badge, ...] = ()) -> EquationView:
    """The step on the screen with everything that explains it."""
    step = reading.step
    if step is None:
        return _welcome(reading)
    digits = lens.digits
    equation = step.equation
    many = _count_refs(equation)
    few = digits if many <= 6 or digits >= 17 else 5
    right = _shortened(equation)
    symbols = _spans(right, reading.symbol, " · ")
    numbers = _spans(right, lambda ref: show(reading.frame.value(ref), few), " × ")
    shown_value = step.result if reading.term else step.contribution
    running = step.running
    result = Span(show(shown_value, digits), _value_ink(shown_value))
    notes: list[Line] = []
    if running is not None and running.of > 1:
        text = _("so far {sum}: {done} of {count} samples").format(
            sum=show(step.result, digits), done=running.done, count=running.of
        )
        notes.append((Span(text, Ink.ACCENT),))
    terms, total = _terms(reading, step, digits)
    if reading.term:
        result = Span(f"{result.text} …", result.ink)
    curve = _curve(reading, step)
    left, factors = _chain(reading, step)
    notes += _notes_of(reading, step, digits)
    notes += _notes_of_branch(reading, step, digits)
    operands = tuple(
        OperandRow(
            symbol=operand.symbol,
            value=show(operand.value, digits),
            origin=_origin(reading, operand.made_by, operand.ref) + _elsewhere(reading, operand.ref, digits),
            ink=_value_ink(operand.value),
            made=operand.made_by is not None,
        )
        for operand in operands_of(reading)
    )
    trivial = numbers and len(numbers) == 1 and numbers[0].text == result.text
    return EquationView(
        question=_question(reading, step),
        why=_why(reading, step),
        left=reading.symbol(step.target),
        symbols=symbols,
        numbers=() if trivial else numbers,
        result=result,
        badges=badges,
        terms=terms,
        total=total,
        curve=curve,
        unfolded=left,
        factors=factors,
        notes=tuple(notes),
        operands=operands,
        selected=lens.operand if lens.operand < len(operands) else -1,
    )


def operands_of(reading: Reading) -> tuple[Any, ...]:
    """The operands of the step on the screen, in written order, each once."""
    if reading.step is None:
        return ()
    return reading.step.operands


def _count_refs(expr: Expr) -> int:
    return sum(1 for _ref in refs(expr))


def _value_ink(value: float) -> int:
    if not math.isfinite(value):
        return Ink.BAD
    return signed(value)


def _shortened(expr: Expr) -> Expr:
    """A long sum with its middle left out."""
    if isinstance(expr, Sum) and len(expr.terms) > MOST_TERMS:
        return Sum((*expr.terms[:3], Const(0.0, "…"), expr.terms[-1]))
    return expr


def _spans(expr: Expr, leaf: Callable[[Ref], str], times: str) -> Line:
    spans: list[Span] = []
    made: list[Token] = tokens(expr, leaf, times=times)
    for text, ref in made:
        if ref is None and spans and not text.startswith(" "):
            spans[-1] = Span(spans[-1].text + text, spans[-1].ink) if text == ")" else spans[-1]
            if text == ")":
                continue
        spans.append(Span(text, Ink.OPERAND if ref is not None else Ink.TEXT))
    return tuple(spans)


def _origin(reading: Reading, made: int | None, ref: Ref) -> str:
    """Where an operand comes from, in words."""
    role = ref.array.role
    if made is not None:
        start = reading.schedule.start(reading.iteration)
        if made > start:
            return _("step {number}").format(number=made - start)
        return _("update of the iteration before")
    return {
        Role.INPUT: _("input"),
        Role.TARGET: _("target"),
        Role.RATE: _("learning rate"),
    }.get(role, _("initial value"))


def _neuron(reading: Reading, ref: Ref) -> str:
    return reading.notation.neuron(ref.array.layer, ref.index[-1]) if ref.index else ref.array.layer


def _question(reading: Reading, step: Step) -> str:
    array, symbol = step.target.array, reading.symbol(step.target)
    neuron = _neuron(reading, step.target)
    of = array.of
    inner = ""
    if of is not None:
        inner = reading.symbol(Ref(of, step.target.index))
    match array.role:
        case Role.NET:
            return _("The weighted sum of {neuron}").format(neuron=neuron)
        case Role.OUT:
            return _("The output of {neuron}").format(neuron=neuron)
        case Role.LOSS:
            return _("How wrong is {neuron}?").format(neuron=neuron)
        case Role.TOTAL:
            return _("How wrong is the network?")
        case Role.SLOPE:
            return _("How strongly does {neuron} listen?").format(neuron=neuron)
        case Role.GRADIENT:
            return _("How much does E change with {name}?").format(name=inner)
        case Role.UPDATED:
            return _("The new {name}").format(name=inner)
        case _:
            return f"{step.op.title}: {symbol}"


def _why(reading: Reading, step: Step) -> str:
    """One sentence; for gradients, whose question is asked above, the answer's shape."""
    array = step.target.array
    if array.role is Role.GRADIENT and array.of is not None:
        match array.of.role:
            case Role.NET if f"slope_{array.of.layer}" in reading.program.named:
                return _("What reaches the output, times its slope.")
            case Role.NET if reading.scenario.loss.kind == "cross_entropy" and array.of.layer == _last(reading):
                return _("Softmax and cross-entropy together: p − y.")
            case Role.NET:
                return _("What reaches the output passes on unchanged.")
            case Role.WEIGHT:
                return _("Its target's δ times its source's output.")
            case Role.BIAS:
                return _("The δ of its neuron: its input is always 1.")
            case _:
                return _("Added up over every way that leads from it to E.")
    return step.why


def _terms(reading: Reading, step: Step, digits: int) -> tuple[tuple[TermRow, ...], Line]:
    """The summands of a step: all of a short sum; of a long one the largest, or those around the cursor."""
    equation = step.equation
    if not isinstance(equation, Sum) or len(equation.terms) < 2:
        return (), ()
    found = step.terms
    active = reading.term
    opposing = step.target.array.role is Role.GRADIENT and found[-1].partial != 0
    biggest = max((abs(term.value) for term in found if term.value == term.value), default=0.0) or 1.0
    chosen = list(range(len(found)))
    if len(found) > MOST_TERMS:
        if active:
            start = max(active - 4, 0)
            chosen = list(range(start, min(start + 5, len(found))))
        else:
            order = sorted(chosen, key=lambda k: -abs(found[k].value) if found[k].value == found[k].value else 0.0)
            chosen = sorted(order[:4])
    rows = tuple(
        TermRow(
            label=render(found[k].expr, reading.symbol),
            detail=""
            if isinstance(found[k].expr, Ref)
            else render(found[k].expr, lambda ref: show(reading.frame.value(ref), 5), times=" × "),
            value=None if active and k >= active else found[k].value,
            share=found[k].value / biggest if math.isfinite(found[k].value) else 0.0,
            note=_("opposes") if opposing and found[k].value * found[-1].partial < 0 else "",
            active=bool(active) and k == active - 1,
        )
        for k in chosen
    )
    if active:
        total: Line = (
            Span(
                " "
                + _("{done} of {count} terms: {sum}").format(
                    done=active, count=len(found), sum=show(found[active - 1].partial, digits)
                ),
                Ink.ACCENT,
            ),
        )
    elif len(chosen) < len(found):
        rest = math.fsum(found[k].value for k in range(len(found)) if k not in set(chosen))
        text = _("… {count} more: Σ = {sum}").format(count=len(found) - len(chosen), sum=show(rest, 5))
        total = (Span(" " + text, Ink.DIM),)
    else:
        total = ()
    return rows, total


POINTS = 45


@lru_cache(maxsize=64)
def _curve_points(activation: str, parameter: float, reach: float) -> tuple[Floats, Floats]:
    row = ACTIVATIONS[activation]
    x = np.linspace(-reach, reach, POINTS)
    constant = Const(parameter)
    y = np.array([evaluate(row.value(Const(float(at)), constant), _no_slot, PYTHON) for at in x])
    return x, y


def _no_slot(ref: Ref) -> float:
    raise LookupError(ref)


@lru_cache(maxsize=256)
def _slope_at(activation: str, parameter: float, x: float) -> float:
    row = ACTIVATIONS[activation]
    if row.slope is None:
        return 1.0
    constant = Const(parameter)
    y = evaluate(row.value(Const(x), constant), _no_slot, PYTHON)
    return evaluate(row.slope(Const(x), Const(y), constant), _no_slot, PYTHON)


def _curve(reading: Reading, step: Step) -> CurveView | None:
    """The curve of an activation or a slope step, with a dot where the neuron is and what that means."""
    op = step.op
    if not isinstance(op, Activate | SlopeOp) or op.activation == "identity":
        return None
    net = reading.frame.value(Ref(op.net, step.target.index))
    if not math.isfinite(net):
        return None
    reach = next((r for r in (6.0, 12.0, 30.0, 100.0, 1000.0) if abs(net) <= r), 1.2 * abs(net))
    x, y = _curve_points(op.activation, op.parameter, reach)
    out_array = op.target if isinstance(op, Activate) else op.out
    out = reading.frame.value(Ref(out_array, step.target.index))
    slope = _slope_at(op.activation, op.parameter, net)
    steepest = {"sigmoid": 0.25, "tanh": 1.0}.get(op.activation, 1.0)
    share = abs(slope) / steepest
    if slope == 0.0:
        verdict, ink = _("dead: nothing passes back"), Ink.BAD
    elif share < 0.1:
        verdict, ink = _("saturated: little passes back"), Ink.CHANGED
    else:
        verdict, ink = _("listens"), Ink.GOOD
    symbol = ACTIVATIONS[op.activation].symbol
    lines: list[Line] = [
        (Span(f"{symbol}({show(net, 5)}) = {show(out, 6)}", Ink.TEXT),),
        (Span(_("slope {symbol} = {value}").format(symbol=f"{symbol}′", value=show(slope, 6)), Ink.ACCENT),),
        (Span(verdict, ink),),
    ]
    if op.activation in {"sigmoid", "tanh"}:
        text = _("{percent} % of the steepest").format(percent=show(100 * share, 3))
        lines.append((Span(text, Ink.DIM),))
    return CurveView(x=x, y=y, at=(net, out), lines=tuple(lines))


def _chain(reading: Reading, step: Step) -> tuple[str, tuple[Factor, ...]]:
    """The chain rule of the gradient of a weight or a bias, unfolded into its three factors."""
    array = step.target.array
    of = array.of
    if array.role is not Role.GRADIENT or of is None or reading.term:
        return "", ()
    program, sample = reading.program, reading.sample
    name = of.layer
    outward = program.named.get(f"grad(out_{name})")
    slope = program.named.get(f"slope_{name}")
    if outward is None or slope is None:
        return "", ()
    unit = step.target.index[-1] if of.role is Role.NET else step.target.index[0]
    if of.role is Role.BIAS and of.size == 1 and slope.shape[1] > 1:
        return "", ()
    if of.role not in {Role.WEIGHT, Role.BIAS, Role.NET}:
        return "", ()
    slot = (sample, unit)
    symbol = reading.symbol
    net, out = Ref(program.named[f"net_{name}"], slot), Ref(program.named[f"out_{name}"], slot)
    factors = [
        Factor(
            above=f"∂{symbol(Ref(program.named['E']))}",
            below=f"∂{symbol(Ref(of, step.target.index))}",
            value="",
        ),
        Factor(above="∂E", below=f"∂{symbol(out)}", value=show(reading.frame.value(Ref(outward, slot)), 6)),
        Factor(
            above=f"∂{symbol(out)}",
            below=f"∂{symbol(net)}",
            value=show(reading.frame.value(Ref(slope, slot)), 6),
        ),
    ]
    if of.role is not Role.NET:
        last = "1"
        if of.role is Role.WEIGHT:
            info = next(one for one in reading.network.layers if one.name == name)
            source = program.named["i" if info.source == "i" else f"out_{info.source}"]
            last = show(reading.frame.value(Ref(source, (sample, step.target.index[1]))), 6)
        factors.append(Factor(above=f"∂{symbol(net)}", below=f"∂{symbol(Ref(of, step.target.index))}", value=last))
    return "=", tuple(factors)


def _notes_of(reading: Reading, step: Step, digits: int) -> list[Line]:
    array, scenario = step.target.array, reading.scenario
    of = array.of
    notes: list[Line] = []

    def say(text: str, ink: int = Ink.DIM) -> None:
        notes.append((Span(text, ink),))

    match array.role:
        case Role.GRADIENT if of is not None and of.role in {Role.WEIGHT, Role.BIAS} and step.final:
            value = reading.frame.value(Ref(of, step.target.index))
            moved = 0.01 * value * step.result
            if not reading.term and math.isfinite(moved):
                say(
                    _("1 % more {name} moves E by {change}, to first order").format(
                        name=reading.symbol(Ref(of, step.target.index)), change=show_signed(moved, 3)
                    )
                )
        case Role.GRADIENT if of is not None and of.role is Role.OUT and of.layer != _last(reading):
            if scenario.training.update == "in_place":
                say(_("in place: weights that are updated already count as they are now"))
            else:
                say(_("weights from before the update"))
        case Role.GRADIENT if of is not None and of.role is Role.NET and of.layer == _last(reading):
            if scenario.loss.kind == "cross_entropy":
                say(_("the Jacobian of softmax collapses:"))
                say("∂E/∂net_k = Σ_j ∂E/∂p_j · ∂p_j/∂net_k", Ink.TEXT)
                say("          = Σ_j −y_j/p_j · p_j·([j = k] − p_k)", Ink.TEXT)
                say("          = p_k · Σ_j y_j − y_k = p_k − y_k", Ink.TEXT)
        case Role.LOSS | Role.TOTAL:
            say(_loss_convention(reading))
        case Role.UPDATED if of is not None:
            gradient = reading.program.named.get(f"grad({of.name})")
            if gradient is not None:
                slope = reading.frame.value(Ref(gradient, step.target.index))
                change = -(reading.frame.value(Ref(reading.network.rate)) * slope)
                if change == 0:
                    say(_("no change: the gradient is 0"))
                else:
                    say(
                        _("{name} moves by {change}, against its gradient").format(
                            name=reading.symbol(Ref(of, step.target.index)), change=show_signed(change, digits)
                        ),
                        signed(change),
                    )
        case _:
            pass
    if not math.isfinite(step.result):
        say(_("not a finite number: look where it comes from with w"), Ink.BAD)
    return notes


def _elsewhere(reading: Reading, ref: Ref, digits: int) -> str:
    """What an operand is on the parent branch, where it is something else."""
    before = reading.before(ref)
    return "" if before is None else " · " + _("was {value}").format(value=show(before, digits))


def _notes_of_branch(reading: Reading, step: Step, digits: int) -> list[Line]:
    """What the step makes on the parent branch, where it is something else; and what was noted here."""
    notes: list[Line] = []
    before = None if reading.term else reading.before(step.target)
    if before is not None:
        notes.append((Span(_("without the edit: {value}").format(value=show(before, digits)), Ink.CHANGED),))
    if reading.note:
        notes.append((Span(_("note: {text}").format(text=reading.note), Ink.ACCENT),))
    return notes


def _last(reading: Reading) -> str:
    return reading.network.layers[-1].name


def _loss_convention(reading: Reading) -> str:
    loss = reading.scenario.loss
    names = {
        "half_squared_error": _("half squared error: with the ½"),
        "squared_error": _("squared error: without a ½"),
        "mean_squared_error": _("mean squared error"),
        "mean_absolute_error": _("mean absolute error"),
        "huber": _("Huber loss"),
        "binary_cross_entropy": _("binary cross-entropy"),
        "binary_cross_entropy_logits": _("binary cross-entropy from logits"),
        "cross_entropy": _("cross-entropy"),
    }
    words = {"sum": _("sum"), "mean": _("mean")}
    return _("{loss}; {outputs} over outputs, {batch} over the batch").format(
        loss=names.get(loss.kind, loss.kind),
        outputs=words.get(str(loss.over_outputs), str(loss.over_outputs)),
        batch=words.get(str(loss.over_batch), str(loss.over_batch)),
    )


def _welcome(reading: Reading) -> EquationView:
    scenario = reading.scenario
    chosen = language()
    paragraphs: list[Line] = []
    if scenario.about is not None:
        paragraphs.append((Span(scenario.about.text(chosen), Ink.TEXT),))
    steps = reading.program.steps
    count = ngettext("{count} sample", "{count} samples", reading.schedule.samples)
    facts = _("{samples}, batches of {batch}; {steps} steps an iteration; η = {rate}").format(
        samples=count.format(count=reading.schedule.samples),
        batch=reading.schedule.batch,
        steps=f"{steps:,}",
        rate=show(scenario.training.learning_rate, 6),
    )
    paragraphs.append((Span(facts, Ink.DIM),))
    paragraphs.append((Span(_loss_convention(reading), Ink.DIM),))
    if scenario.source:
        paragraphs.append((Span(scenario.source, Ink.FAINT),))
    keys = (
        Span("→", Ink.KEY),
        Span(_(" makes the first step, "), Ink.TEXT),
        Span("r", Ink.KEY),
        Span(_(" runs, "), Ink.TEXT),
        Span("?", Ink.KEY),
        Span(_(" shows all keys."), Ink.TEXT),
    )
    paragraphs.append(keys)
    return EquationView(
        question=scenario.title.text(chosen),
        why="" if scenario.teaches is None else scenario.teaches.text(chosen),
        prose=tuple(paragraphs),
    )


# -- the other panels


def header_view(reading: Reading) -> HeaderView:
    """The top line."""
    scenario = reading.scenario
    widths = [scenario.network.inputs, *(layer.units for layer in scenario.network.layers)]
    epoch, iteration = divmod(reading.iteration, reading.schedule.per_epoch)
    crumbs = [(_("epoch"), f"{epoch + 1:,}"), (_("iteration"), f"{iteration + 1:,}")]
    if reading.branch:
        crumbs.insert(0, (_("branch"), reading.branch))
    step = reading.step
    if step is None:
        crumbs.append(("", _("initial state")))
    else:
        moment = step.moment
        if moment.sample is not None:
            crumbs.append((_("sample"), str(moment.sample + 1)))
        crumbs.append(("", phase_word(moment.phase)))
        crumbs.append(("", moment.layer))
        target, of = step.target, step.target.array.of
        shown = target if of is None else Ref(of, target.index)
        crumbs.append(("", reading.symbol(shown) if shown.index else reading.symbol(target)))
    place = reading.revealed
    text = _("step {number} of {count}").format(number=f"{place:,}", count=f"{reading.program.steps:,}")
    if reading.term:
        text = _("term {term} of step {number} of {count}").format(
            term=reading.term, number=f"{place + 1:,}", count=f"{reading.program.steps:,}"
        )
    return HeaderView(
        scenario=f"{scenario.name} · {'-'.join(map(str, widths))}",
        crumbs=tuple(crumbs),
        step=text,
        loss=_loss_label(reading, 9),
    )


def _loss_label(reading: Reading, digits: int) -> Line:
    """E of the iteration: the sum so far with its label, never an old one."""
    found = reading.partial(Ref(reading.program.named["E"]))
    if found is None:
        return (Span("E ", Ink.DIM), Span("·", Ink.FAINT))
    value, done = found
    spans = [Span("E ", Ink.DIM), Span(show(value, digits), Ink.STRONG if math.isfinite(value) else Ink.BAD)]
    if done < reading.program.batch:
        text = _("{done} of {count} samples").format(done=done, count=reading.program.batch)
        spans.append(Span(f" ({text})", Ink.CHANGED))
    return tuple(spans)


def timeline_view(reading: Reading, pins: Pins = NO_PINS) -> TimelineView:
    """The iteration as a bar of phases; of several samples, those of the shown one."""
    program, revealed = reading.program, reading.revealed
    runs = program.runs(reading.sample if program.batch > 1 else None)
    at = max(revealed - 1, 0) if not reading.term else revealed
    segments = tuple(
        Segment(
            label=phase_word(run.phase),
            steps=run.stop - run.start,
            done=min(max(revealed - run.start, 0), run.stop - run.start),
            here=reading.step is not None and run.start <= at < run.stop,
            start=run.start,
        )
        for run in runs
    )
    before = ""
    if program.batch > 1:
        before = _("sample {number} of {count}").format(number=reading.sample + 1, count=program.batch)
        if reading.step is not None and reading.step.place.sample is None:
            before = _("{count} samples").format(count=program.batch)
    return TimelineView(
        segments=segments,
        before=before,
        run=reading.position / reading.frontier if reading.frontier else None,
        run_label=_("run: {reached} of {steps} steps").format(
            reached=f"{reading.position:,}", steps=f"{reading.frontier:,}"
        ),
        pins=pins,
    )


def loss_view(
    reading: Reading,
    points: tuple[Floats, Floats, Floats],
    *,
    run: RunView | None,
    message: str = "",
    accuracy: tuple[int, int] | None = None,
    other: tuple[str, tuple[Floats, Floats, Floats]] | None = None,
) -> LossView:
    """The loss curve up to the furthest moment, or of a run that is under way.

    Args:
        reading: the reading.
        points: first iteration, least and greatest loss of each bucket.
        run: a run that is under way.
        message: how the last run ended.
        accuracy: how many samples are classified rightly, and of how many.
        other: the name and the points of a branch to show beside this one.
    """
    if run is not None:
        points = run.points
    first, low, high = points
    lines: list[Line] = []
    progress = None
    names = ("", "")
    iterations = reading.schedule.locate(reading.frontier)[0] + (reading.frontier > 0)
    cursor = reading.iteration
    if run is not None:
        iterations, cursor = max(run.iterations, 1), -1
    if other is not None:
        names = (reading.branch, other[0])
    for known in (first,) if other is None else (first, other[1][0]):
        if len(known):
            iterations = max(iterations, int(known[-1]) + 1)
    if run is not None:
        progress = run.epoch / max(run.epochs, 1)
        lines.append(
            (
                Span(
                    _("epoch {epoch} of {epochs}").format(epoch=f"{run.epoch:,}", epochs=f"{run.epochs:,}"), Ink.STRONG
                ),
                Span(f"   E {show(run.loss, 6)}", Ink.TEXT),
            )
        )
        lines.append(
            (
                Span(
                    _("{rate} epochs/s").format(rate=f"{run.rate:,.0f}" if run.rate >= 10 else f"{run.rate:.1f}"),
                    Ink.DIM,
                ),
                Span("   " + _("at most {time} left").format(time=duration(run.seconds_left)), Ink.DIM),
                Span("   Space ", Ink.KEY),
                Span(_("pauses"), Ink.DIM),
            )
        )
    else:
        if message:
            lines.append((Span(message, Ink.STRONG),))
        label = _loss_label(reading, 9)
        if accuracy is not None:
            right, count = accuracy
            text = _("right: {right} of {count}, {percent} %").format(
                right=f"{right:,}", count=f"{count:,}", percent=f"{100 * right / count:.1f}"
            )
            label = (*label, Span("   " + text, Ink.GOOD))
        lines.append(label)
        if not len(first):
            lines.append((Span(_("The curve begins when the first iteration ends; r runs on."), Ink.DIM),))
        if len(first) < 2:
            lines += _outputs(reading)
    return LossView(
        first=first,
        low=low,
        high=high,
        iterations=max(iterations, 1),
        cursor=cursor,
        lines=tuple(lines),
        progress=progress,
        other=None if other is None else other[1],
        names=names,
    )


def _outputs(reading: Reading) -> list[Line]:
    """Each output beside its target, with its share of E: what there is to see before there is a curve."""
    program, info, sample = reading.program, reading.network.layers[-1], reading.sample
    if info.units > 10:
        return []
    lines: list[Line] = []
    for unit in range(info.units):
        slot = (sample, unit)
        out = reading.visible(Ref(program.named[f"out_{info.name}"], slot))
        target = reading.frame.value(Ref(program.named[f"t_{info.name}"], slot))
        error = reading.visible(Ref(program.named[f"E_{info.name}"], slot))
        name = reading.notation.neuron(info.name, unit)
        lines.append(
            (
                Span(f"{name:<5}", Ink.STRONG),
                Span(_("out {value}").format(value=show(out, 5)).ljust(14), Ink.FAINT if out is None else Ink.TEXT),
                Span(_("target {value}").format(value=show(target, 5)).ljust(14), Ink.DIM),
                Span(f"E_{name} {show(error, 5)}", Ink.FAINT if error is None else Ink.ACCENT),
            )
        )
    return lines


def duration(seconds: float) -> str:
    """A time for people, in its largest unit."""
    if not math.isfinite(seconds):
        return "…"
    if seconds < 1:
        return _("1 s")
    if seconds < 90:
        return _("{count} s").format(count=round(seconds))
    if seconds < 5400:
        return _("{count} min").format(count=round(seconds / 60))
    return _("{count} h").format(count=round(seconds / 3600))


# -- plain characters


def in_ascii(view: T) -> T:
    """The same view with every text in plain characters, so that widths are measured on what is drawn."""
    return _plain(view)  # type: ignore[no-any-return]


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return plain(value)
    if isinstance(value, Span):
        return value if value.text.isascii() else Span(plain(value.text), value.ink)
    if isinstance(value, tuple):
        return tuple(_plain(part) for part in value)
    if is_dataclass(value) and not isinstance(value, type):
        return type(value)(**{field.name: _plain(getattr(value, field.name)) for field in fields(value)})
    return value
