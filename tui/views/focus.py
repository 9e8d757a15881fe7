"""One slot of a network that is too large for nodes and edges: its largest terms, and where it goes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from retrograde.engine.equations.array import Extent, Phase, Role
from retrograde.engine.equations.evaluation import evaluate, taken
from retrograde.engine.equations.expression import Expr, Product, Ref, refs, terms
from retrograde.engine.equations.rendering import render
from retrograde.engine.explaining.uses import uses
from retrograde.engine.network.program import ravel
from retrograde.engine.ops.base import Op, Part
from retrograde.engine.ops.dense import Dense
from retrograde.engine.ops.gradient import Gradient
from retrograde.engine.text import _
from retrograde.tui.canvas.canvas import Span
from retrograde.tui.canvas.inks import Ink, signed
from retrograde.tui.reading.figures import show, show_signed
from retrograde.tui.records.network import FocusRow, FocusView
from retrograde.tui.views.slots import PARAMETERS, base_of, place_name

if TYPE_CHECKING:
    from retrograde.tui.reading.reading import Reading

MOST_ROWS = 4
"""Terms that are listed, and uses."""
MOST_USES = 24
"""Uses whose terms are looked at."""
MOST_LOOKED = 2000
"""Terms that are looked at, over all uses."""
MOST_SEARCHED = 512
"""Elements of an op that are asked one by one whether they read a slot."""


class _Term(NamedTuple):
    label: str
    detail: str
    value: float | None


def focus_view(reading: Reading, chosen: Ref | None) -> FocusView | None:
    """The selected slot, else that of the step.

    Args:
        reading: the reading.
        chosen: the selected slot, if there is one.
    """
    ref = chosen
    if ref is None:
        ref = _opening(reading) if reading.step is None else reading.step.target
    if ref is None:
        return None
    incoming, rest = _incoming(reading, ref)
    outgoing, more = _outgoing(reading, _source(ref))
    return FocusView(
        title=_title(reading, ref),
        incoming=tuple(FocusRow(label=term.label, detail=term.detail, value=term.value) for term in incoming),
        rest=rest,
        outgoing=tuple(FocusRow(label=term.label, detail=term.detail, value=term.value) for term in outgoing),
        more=more,
    )


def _opening(reading: Reading) -> Ref | None:
    """The first slot that is going to be computed."""
    program = reading.program
    return program.target(program.place(0)) if program.steps else None


def _source(ref: Ref) -> Ref:
    """The slot whose uses are of interest: of a new value and of a sum over samples the parameter."""
    base = base_of(ref.array)
    if base.role in PARAMETERS and len(ref.index) == len(base.shape):
        return Ref(base, ref.index)
    return ref


def _title(reading: Reading, ref: Ref) -> tuple[Span, ...]:
    """The slot with what is known of it: net input, output and δ of a neuron; value and gradient of others."""
    program, base = reading.program, base_of(ref.array)
    place = Ref(base, ref.index)
    found: list[tuple[str, Ref]] = []
    time = "" if base.time is None else f"@{base.time}"
    for stem in ("net", "out"):
        array = program.named.get(f"{stem}_{base.layer}{time}")
        if base.role in {Role.NET, Role.OUT} and array is not None and array.shape == base.shape:
            found.append((stem, Ref(array, ref.index)))
    if not found:
        found.append(("=", place))
    gradient = program.named.get(f"grad(net_{base.layer}{time})") if found[0][0] == "net" else None
    word = "δ"
    if gradient is None:
        gradient, word = program.named.get(f"grad({base.name})"), "∂E"
    name = place_name(reading, place) if base.role in {Role.NET, Role.OUT} else reading.symbol(place)
    title = [Span(name, Ink.STRONG)]
    for label, slot in found:
        value = reading.visible(slot)
        title.append(Span(f"  {label} {show(value, 5)}", Ink.FAINT if value is None else Ink.TEXT))
    if gradient is not None and len(gradient.shape) == len(ref.index):
        value = reading.visible(Ref(gradient, ref.index))
        if value is not None:
            title.append(Span(f"  {word} {show_signed(value, 5)}", signed(value)))
    return tuple(title)


# -- where it comes from


def _incoming(reading: Reading, ref: Ref) -> tuple[list[_Term], str]:
    """The largest terms of a slot, and what the others add up to; those that are not computed are left out."""
    program, step = reading.program, reading.step
    array = ref.array
    if array.role is Role.OUT or (array.role is Role.SLOPE and array.of is not None):
        # The activation of a sum says less than the sum.
        op = program.maker(base_of(array))
        nets = [one for one in op.inputs if one.role is Role.NET] if op is not None else []
        if len(nets) == 1 and nets[0].shape == array.shape:
            ref = Ref(nets[0], ref.index)
    op = program.maker(ref.array)
    if op is None:
        return [], ""
    if isinstance(op, Dense) and ref.array.batched:
        return _dense_terms(reading, op, ref)
    if step is not None and not reading.term and step.target == ref:
        known: list[tuple[Expr, float]] = [(term.expr, term.value) for term in step.terms]
    else:
        known = _known_terms(reading, op, ref)
    order = sorted(range(len(known)), key=lambda k: -abs(known[k][1]) if known[k][1] == known[k][1] else -math.inf)
    shown = [_written(reading, *known[k]) for k in order[:MOST_ROWS]]
    return shown, _rest([known[k][1] for k in sorted(order[MOST_ROWS:])])


def _known_terms(reading: Reading, op: Op, ref: Ref) -> list[tuple[Expr, float]]:
    """The terms of a slot's equation all of whose operands are computed, with their values."""
    sample = ref.index if ref.array.batched or op.extent is Extent.ONCE else (reading.sample, *ref.index)
    value, mathematics = reading.frame.value, reading.frame.mathematics
    return [
        (part, evaluate(part, value, mathematics))
        for part in terms(taken(op.equation(sample), value, mathematics))
        if all(reading.visible(one) is not None for one in refs(part))
    ]


def _written(reading: Reading, expr: Expr, value: float) -> _Term:
    detail = ""
    if not isinstance(expr, Ref):
        detail = render(expr, lambda ref: show(reading.frame.value(ref), 4), times=" × ")
    return _Term(render(expr, lambda ref: _short(reading, ref)), detail, value)


def _short(reading: Reading, ref: Ref) -> str:
    """An output by the name of its neuron alone, and a parameter without its layer: ``W[2,1]``."""
    if ref.array.role is Role.OUT:
        return place_name(reading, ref)
    symbol = reading.symbol(ref)
    return symbol.replace(f"_{ref.array.layer}[", "[", 1) if base_of(ref.array).role in PARAMETERS else symbol


def _dense_terms(reading: Reading, op: Dense, ref: Ref) -> tuple[list[_Term], str]:
    """The same of a weighted sum, all terms at once."""
    unit = ref.index[-1]
    inputs = reading.values(op.x).reshape(-1)
    row = reading.frame.array(op.weights)[unit]
    products = row * inputs
    if op.bias is not None:
        bias = Ref(op.bias, (unit if op.bias.size > 1 else 0,))
        products = np.append(products, reading.frame.value(bias))
    known = np.isfinite(products)
    order = np.argsort(-np.abs(np.where(known, products, 0.0)), kind="stable")
    found: list[_Term] = []
    best = [int(k) for k in order[:MOST_ROWS] if known[k]]
    for k in best:
        if k == len(row):
            found.append(_Term(_short(reading, bias), "", float(products[k])))
            continue
        label = f"{_short(reading, Ref(op.weights, (unit, k)))} · {_short(reading, _slot(reading, op, k))}"
        found.append(_Term(label, f"{show(float(row[k]), 4)} × {show(float(inputs[k]), 4)}", float(products[k])))
    known[best] = False
    return found, _rest(products[known].tolist())


def _slot(reading: Reading, op: Dense, column: int) -> Ref:
    return Ref(op.x, (reading.sample, *(int(part) for part in np.unravel_index(column, op.x.shape[1:]))))


def _rest(values: list[float]) -> str:
    if not values:
        return ""
    finite = all(math.isfinite(value) for value in values)
    total = math.fsum(values) if finite else sum(values)
    return _("… {count} more: Σ = {sum}").format(count=f"{len(values):,}", sum=show(total, 4))


# -- where it goes


def _outgoing(reading: Reading, ref: Ref) -> tuple[list[_Term], str]:
    """The uses of a slot with the largest factors, and how many others there are."""
    program = reading.program
    forward = (maker := program.maker(ref.array)) is None or maker.phase in {Phase.FORWARD, Phase.LOSS}
    phases = {Phase.FORWARD, Phase.LOSS} if forward else {Phase.BACKWARD, Phase.UPDATE}
    readers = [program.ops[number] for number in program.readers(ref.array)]
    readers = [op for op in readers if op.phase in phases]
    found: list[_Term] = []
    count = 0
    for op in readers:
        if isinstance(op, Dense):
            found += _dense_uses(reading, op, ref)
            count += op.target.shape[1] if ref.array is op.x else 1
    others = {op for op in readers if not isinstance(op, Dense)}
    if others and all(map(_searchable, readers)):
        looked = 0
        for place in uses(program, ref, reading.sample, reading.frame, phases):
            if program.ops[place.op] not in others:
                continue
            count += 1
            if looked < MOST_LOOKED and len(found) < MOST_USES:
                op = program.ops[place.op]
                equation = op.equation(program.index(place))
                looked += len(terms(equation))
                found.append(_use(reading, equation, ref, program.target(place), op))
    found.sort(key=lambda term: -abs(term.value or 0.0))
    more = count - min(len(found), MOST_ROWS)
    return found[:MOST_ROWS], _("… {count} more").format(count=f"{more:,}") if more else ""


def _searchable(op: Op) -> bool:
    """Whether it is found fast which elements of an op read a slot."""
    if isinstance(op, Gradient):
        parts = (part for part in op.parts if not part.meshable and type(part).reads is Part.reads)
        return op.target.size <= MOST_SEARCHED or not any(parts)
    return op.meshable or type(op).reads is not Op.reads or op.target.size <= MOST_SEARCHED


def _dense_uses(reading: Reading, op: Dense, ref: Ref) -> list[_Term]:
    """The uses of a slot in weighted sums, all at once: its edges, or of a weight the one that it is."""
    if ref.array is op.bias:
        return [] if op.bias.size < op.target.shape[1] else [_Term(f"1 → {_unit(reading, op, ref.index[0])}", "", 1.0)]
    if ref.array is op.weights:
        unit, column = ref.index
        slot = _slot(reading, op, column)
        value = reading.visible(slot)
        return [_Term(f"{_short(reading, slot)} → {_unit(reading, op, unit)}", "", value)]
    column = ravel(ref.index[1:], op.x.shape[1:])
    weights = reading.frame.array(op.weights)[:, column]
    best = np.argsort(-np.abs(weights), kind="stable")[:MOST_ROWS]
    return [
        _Term(
            f"{_short(reading, Ref(op.weights, (int(k), column)))} → {_unit(reading, op, int(k))}",
            "",
            float(weights[k]),
        )
        for k in best
    ]


def _unit(reading: Reading, op: Dense, unit: int) -> str:
    return place_name(reading, Ref(op.target, (reading.sample, unit)))


def _use(reading: Reading, equation: Expr, ref: Ref, target: Ref, op: Op) -> _Term:
    """A use: what the slot is multiplied by, where it is one factor of a product; else what the term comes to."""
    frame = reading.frame
    part = next((term for term in terms(equation) if ref in set(refs(term))), equation)
    goal = place_name(reading, target) if target.array.role in {Role.NET, Role.OUT} else reading.symbol(target)
    if isinstance(part, Product) and len(part.factors) == 2 and ref in part.factors:
        other = part.factors[1 - part.factors.index(ref)]
        if isinstance(other, Ref):
            return _Term(f"{_short(reading, other)} → {goal}", "", frame.value(other))
    visible = reading.visible(target) is not None
    value = evaluate(part, frame.value, frame.mathematics) if visible else None
    return _Term(f"{op.title} → {goal}", "", value)
