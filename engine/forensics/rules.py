"""Where each kind of deviation is possible in a program: functions from a node of an equation to edits of it.

They look at the form of an equation and at the roles of what it reads, never at the kind of a layer or an optimiser.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from retrograde.engine.equations.activation_table import elementwise
from retrograde.engine.equations.array import Array, Extent, Phase, Role
from retrograde.engine.equations.expression import (
    HALF,
    ONE,
    TWO,
    ZERO,
    Call,
    Compare,
    Const,
    Div,
    Expr,
    Neg,
    Product,
    Ref,
    Sub,
    Sum,
    children,
    refs,
)
from retrograde.engine.forensics.facts import STEP, Alike, Facts, Site, Where, step_of
from retrograde.engine.forensics.switches import Edit, Way, instead, times
from retrograde.engine.forensics.update_rules import MINUS, UPDATE_RULES, Found, Rule
from retrograde.engine.ops.activation import Activate, Slope, make_function
from retrograde.engine.ops.update.appending import Update

OTHERS = ("sigmoid", "tanh", "relu", "identity")
"""The activations that another one is taken for."""

BASES = ((1.0 / math.log(2.0), "1/ln 2", "2"), (1.0 / math.log(10.0), "1/ln 10", "10"))
"""What a natural logarithm is multiplied by to be another one."""

MOST_TERMS = 6
"""Terms of a sum of which each is tried alone."""

MOST_SAMPLES = 64


def _losses(site: Site, facts: Facts) -> Iterator[Found]:
    """E and its slope: ½, and what means run over."""
    scenario = facts.network.scenario
    term = site.op.target.role is Role.LOSS and site.op.phase is Phase.LOSS and not site.path
    if not term and not _is_slope_of_loss(site):
        return
    yield from (("E twice", "", times(TWO)), ("E half", "", times(HALF))) if term else ()
    if not term:
        yield "slope twice as large", "", times(TWO)
        yield "slope half as large", "", times(HALF)
        yield "error turned", "", times(MINUS)
    for count, mean, what in (
        (
            site.op.target.element_shape[-1] if site.op.target.element_shape else 1,
            scenario.loss.over_outputs,
            "outputs",
        ),
        (facts.program.batch, scenario.loss.over_batch, "samples"),
    ):
        if count > 1 and mean == "mean":
            yield f"sum of {what}", "", times(Const(float(count)))
        elif count > 1:
            yield f"mean of {what}", "", times(Const(1.0 / count, f"1/{count}"))


def _is_slope_of_loss(site: Site) -> bool:
    """Whether a node is all that a loss term hands to the gradient of an output."""
    if site.of is None or site.of.role in {Role.WEIGHT, Role.BIAS} or not site.reads(Role.TARGET):
        return False
    return not site.path or (len(site.path) == 1 and isinstance(site.parent, Sum))


def _biases(site: Site, facts: Facts) -> Iterator[Found]:
    """A bias that is missing, kept, trained, or one for all."""
    node, op = site.node, site.op
    added = isinstance(site.parent, Sum) and op.phase is Phase.FORWARD
    if added and isinstance(node, Ref) and node.array.role is Role.BIAS:
        yield "no bias", node.array.layer, instead(ZERO)
    parameter = op.target.of
    if not site.path and op.target.role is Role.UPDATED and parameter is not None and parameter.role is Role.BIAS:
        kept = Ref(parameter, site.index)
        if parameter in facts.frozen:
            yield "bias trained", parameter.layer, Edit(Way.STATED, kept)
        else:
            yield "bias kept", parameter.layer, instead(kept)
    if site.of is not None and site.of.role is Role.BIAS and isinstance(node, Ref) and site.of.size > 1:
        values = facts.network.parameters[site.of].ravel()
        if not site.path and node.array.element_shape == site.of.shape and (values == values[0]).all():
            all_units = (Ref(node.array, (*node.index[:-1], unit)) for unit in range(site.of.size))
            yield "bias shared", site.of.layer, instead(Sum(tuple(all_units)))


def _weights(site: Site, facts: Facts) -> Iterator[Found]:
    """A weight that is another one, the updated one, or none at all."""
    node = site.node
    if not isinstance(node, Ref):
        return
    array = node.array
    updated = array.role is Role.UPDATED and array.of is not None
    weight = array.of if updated else array
    assert weight is not None
    if updated and site.op.phase is Phase.BACKWARD:
        before = Ref(weight, node.index)
        stated = ("out of place", "", instead(before)) if facts.stated_in_place else None
        yield stated or ("in place", "", Edit(Way.STATED, before))
    if weight.role is not Role.WEIGHT or not isinstance(site.parent, Product | Sum):
        return
    if site.op.phase is Phase.FORWARD and not updated:
        yield from ((kind, array.name, instead(turned)) for kind, turned in _turned(node, "forward"))
    if site.op.phase is not Phase.BACKWARD or site.by_parameter:
        return
    where = facts.where("{}", site.op.target)
    yield from ((kind, weight.name, instead(turned)) for kind, turned in _turned(Ref(weight, node.index), "backward"))
    yield "no weights", where, instead(ONE)
    if site.of is not None and site.of.role is Role.OUT:
        yield "out for weight", where, instead(Ref(site.of, site.index))


def _turned(ref: Ref, way: str) -> Iterator[tuple[str, Ref]]:
    """The slot that stands where a matrix is filled column by column."""
    shape = ref.array.shape
    if len(shape) == 2 and 1 not in shape:
        rows, columns = shape
        i, j = ref.index
        turned = Ref(ref.array, divmod(j * rows + i, columns))
        yield f"turned {way}", turned


def _slopes(site: Site, facts: Facts) -> Iterator[Found]:
    """A slope that is left out, squared, or taken at another place."""
    node, op = site.node, site.op
    if not isinstance(node, Ref):
        return
    if node.array.role is Role.SLOPE and isinstance(site.parent, Product):
        yield "no slope", node.array.layer, instead(ONE)
        yield "slope squared", node.array.layer, times(node)
    if isinstance(op, Slope) and node.array is op.out:
        function = make_function(op.activation, op.parameter)
        if function is not None:
            yield "slope of out", op.layer, instead(Call(function, node))


def _siblings(site: Site, facts: Facts) -> Iterator[Found]:
    """In the backward pass: the input for the output of an activation or a function, and the other way round."""
    node = site.node
    if site.op.phase is not Phase.BACKWARD or not isinstance(node, Ref):
        return
    target = site.op.target
    below, above = facts.below.get(node.array), facts.above.get(node.array)
    if below is not None:
        yield "out of net", facts.where("{}: {} ← {}", target, below, node.array), instead(Ref(below, node.index))
    if above is not None:
        yield "net of out", facts.where("{}: {} ← {}", target, above, node.array), instead(Ref(above, node.index))
    raw = facts.raw(node.array)
    if raw is not None:
        yield "raw error", facts.where("{}", target), instead(Ref(raw, node.index))


def _paths(site: Site, facts: Facts) -> Iterator[Found]:
    """A gradient that has only one of its paths, or misses one."""
    parent = site.parent
    if site.of is None or not isinstance(parent, Sum) or len(parent.terms) > MOST_TERMS or site.by_parameter:
        return
    count, own = len(parent.terms), site.path[-1]
    for number, term in enumerate(parent.terms):
        where = _way(site.op.target, term, number, facts)
        if number != own:
            yield "one path", where, instead(ZERO)
        elif count > 2:
            yield "not this path", where, instead(ZERO)


def _times(site: Site, facts: Facts) -> Iterator[Found]:
    """A gradient that does not come from the time step behind."""
    node, own = site.node, step_of(site.op.target)
    if site.of is None or own is None or not isinstance(node, Ref) or node.array.role is not Role.GRADIENT:
        return
    other = step_of(node.array)
    if other is not None and other != own:
        yield "not through time", "", instead(ZERO)


def _states(site: Site, facts: Facts) -> Iterator[Found]:
    """In the gradient by recurrent weights: the state of the same time step, where the one before belongs."""
    node, parent = site.node, site.parent
    if not site.by_parameter or not isinstance(node, Ref) or not isinstance(parent, Product):
        return
    deltas = {step_of(ref.array) for ref in refs(parent) if ref.array.role is Role.GRADIENT}
    step = deltas.pop() if len(deltas) == 1 else None
    if step is None or node.array.role in {Role.GRADIENT, Role.INPUT}:
        return
    # Before the first step there is the start, which the others have no name of.
    states = {STEP.sub("@{}", ref.array.name) for ref in refs(site.root) if _is_state(ref.array)}
    if len(states) == 1 and step_of(node.array) != step:
        same = facts.known.get(states.pop().format(step))
        if same is not None:
            yield "state of the step", "", instead(Ref(same, (site.index[0], node.index[-1])))


def _is_state(array: Array) -> bool:
    return array.role is not Role.GRADIENT and step_of(array) is not None


def _way(target: Array, term: Expr, number: int, facts: Facts) -> Where:
    """A gradient, and what one of its terms comes through."""
    for ref in refs(term):
        if ref.array.role is Role.GRADIENT:
            return facts.where("{} ← {} ({})", target, ref, str(number + 1))
    return facts.where("{} ← {}", target, str(number + 1))


def _samples(site: Site, facts: Facts) -> Iterator[Found]:
    """The gradients of one sample where the batch's belong."""
    batch = facts.program.batch
    if site.path or not site.by_parameter or site.op.extent is not Extent.SUM or not 1 < batch <= MOST_SAMPLES:
        return
    for sample in {0, batch - 1} - {site.index[0]}:
        yield "one sample", str(sample + 1), instead(ZERO)


def _parents(site: Site, facts: Facts) -> Iterator[Found]:
    """A value that is read more than once and hands on its gradient each time that a part of it arrives."""
    node = site.node
    if site.op.phase is not Phase.BACKWARD or not isinstance(node, Ref) or node.array.role is not Role.GRADIENT:
        return
    maker = facts.program.maker(node.array)
    parts = getattr(maker, "parts", ())
    if maker is None or len(parts) < 2 or maker is site.op or maker.extent is not Extent.SAMPLE:
        return
    equation = maker.equation(node.index)
    if isinstance(equation, Sum) and len(equation.terms) == len(parts) <= MOST_TERMS:
        # The first part is handed on with every later one.
        parts = equation.terms
        each = [term for number in range(len(parts)) for term in parts[: number + 1]]
        yield "handed on", facts.where("{}", node.array), instead(Sum(tuple(each)))


def _shares(site: Site, facts: Facts) -> Iterator[Found]:
    """The gradients by parameters as means over the samples, which δ is not, or the other way round."""
    batch = facts.program.batch
    if site.path or not site.by_parameter or site.op.extent is not Extent.SUM or batch < 2:
        return
    mean = times(Const(1.0 / batch, f"1/{batch}"))
    yield "mean of shares", "", mean
    yield "sum of shares", "", times(Const(float(batch)))
    if site.of is not None and site.of.role is Role.BIAS:
        yield "mean of shares of biases", "", mean


def _bases(site: Site, facts: Facts) -> Iterator[Found]:
    """E with another logarithm."""
    del facts
    if site.path or site.op.target.role is not Role.LOSS or site.op.phase is not Phase.LOSS:
        return
    if any(True for _call in _logarithms(site.root)):
        for factor, text, base in BASES:
            yield "base", base, times(Const(factor, text))


def _logarithms(expr: Expr | Compare) -> Iterator[Call]:
    if isinstance(expr, Call) and expr.function.name == "log":
        yield expr
    for part in children(expr):
        yield from _logarithms(part)


def _activations(site: Site, facts: Facts) -> Iterator[Found]:
    """Another activation, forward and in its slope."""
    op = site.op
    if site.path:
        return
    if isinstance(op, Activate):
        for name in OTHERS:
            if name != op.activation:
                yield "activation", f"{name}, {op.layer}", instead(_value(name, Ref(op.net, site.index)))
    elif isinstance(op, Slope):
        for name in OTHERS:
            if name != op.activation:
                yield "activation", f"{name}, {op.layer}", instead(_slope(name, op.net, op.out, site))
    elif site.of is not None and isinstance(site.node, Ref):
        made = facts.program.maker(facts.above[site.of]) if site.of in facts.above else None
        if isinstance(made, Activate) and made.function is None:
            for name in OTHERS[:-1]:
                yield "activation", f"{name}, {made.layer}", times(_slope(name, made.net, made.target, site))


def _value(name: str, x: Expr) -> Expr:
    function = make_function(name, 0.0)
    return x if function is None else Call(function, x)


def _slope(name: str, net: Array, out: Array, site: Site) -> Expr:
    slope = elementwise(name).slope
    return ONE if slope is None else slope(Ref(net, site.index), Ref(out, site.index), Const(0.0))


def _forms(site: Site, facts: Facts) -> Iterator[Found]:
    """What can be left out of an equation by its form alone: a factor, a sign, a divisor, a term."""
    node, op, parent = site.node, site.op, site.parent
    if op.phase is Phase.LOSS:
        return
    what = Alike(node) if isinstance(op, Update) else node.array if isinstance(node, Ref) else node
    where = facts.where("{}: {}", _group(site), what)
    covered = isinstance(node, Ref) and node.array.role in {Role.SLOPE, Role.WEIGHT, Role.RATE}
    if isinstance(parent, Product) and not covered and not (isinstance(node, Ref) and node.array.role is Role.INPUT):
        yield "factor left out", where, instead(ONE)
        if any(other == node for other in parent.factors[: site.path[-1]]):
            yield "factor once", where, instead(ONE)
    if isinstance(node, Neg):
        yield "sign left out", where, times(MINUS)
    if isinstance(parent, Div) and site.path[-1] == 1:
        yield "divisor left out", where, instead(ONE)
    if isinstance(parent, Sub) or (isinstance(parent, Sum) and op.phase is Phase.UPDATE):
        yield "term left out", where, instead(ZERO)


def _group(site: Site) -> Array | str:
    """The equations that are edited together: of an update those of all parameters, else the one of an array."""
    return site.op.rule.name if isinstance(site.op, Update) else site.op.target


def _scales(site: Site, facts: Facts) -> Iterator[Found]:
    """A gradient with a factor."""
    if site.path or site.of is None:
        return
    where = facts.where("{}", site.op.target)
    for kind, factor in (("doubled", TWO), ("halved", HALF), ("negated", MINUS)):
        yield kind, where, times(factor)


RULES: tuple[Rule, ...] = (
    _losses,
    _biases,
    _weights,
    _slopes,
    _siblings,
    _paths,
    _times,
    _states,
    _samples,
    _parents,
    *UPDATE_RULES,
    _shares,
    _bases,
    _activations,
    _forms,
    _scales,
)
"""THE rules, those of the commonest deviations first."""

__all__ = ["RULES", "Found", "Rule"]
