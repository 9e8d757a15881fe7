"""Where deviations are possible in the update: η, momentum, decay, running averages and what divides by them.

As in ``rules``, they look at the form of an equation and at the roles of what it reads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from retrograde.engine.equations.array import Array, Phase, Role
from retrograde.engine.equations.expression import ONE, ZERO, Call, Const, Div, Expr, Product, Ref, Sub, Sum, refs
from retrograde.engine.forensics.facts import Facts, Site, parameter_of
from retrograde.engine.forensics.switches import Edit, instead, times

Found = tuple[str, str, Edit]
"""A kind of deviation, where it is, and the edit."""

Rule = Callable[[Site, Facts], Iterator[Found]]

MINUS = Const(-1.0, "−1")
OTHER_RATES = ((10.0, "10"), (2.0, "2"), (0.5, "½"), (0.1, "1/10"))
"""Factors of a learning rate that was taken for another one."""


def updates(site: Site, facts: Facts) -> Iterator[Found]:
    """η, the sign of the update, and the number of samples in it."""
    node, op = site.node, site.op
    if op.phase is not Phase.UPDATE or not isinstance(node, Ref):
        return
    of_bias = parameter_of(op.target).role is Role.BIAS
    if (node.array.role is Role.RATE or node.array.name.startswith("lr_now")) and isinstance(site.parent, Product):
        yield "no rate", "", instead(ONE)
        if of_bias:
            yield "no rate of biases", "", instead(ONE)
        for factor, name in OTHER_RATES:
            yield "other rate", name, times(Const(factor, name))
    if node.array.role is Role.GRADIENT:
        yield "ascent", "", times(MINUS)
        if of_bias:
            yield "ascent of biases", "", times(MINUS)
        batch = facts.program.batch
        if batch > 1:
            yield "mean gradient", "", times(Const(1.0 / batch, f"1/{batch}"))
            yield "summed gradient", "", times(Const(float(batch)))


def options(site: Site, facts: Facts) -> Iterator[Found]:
    """Weight decay, momentum and running averages: left out, turned round, taken for each other."""
    node, op = site.node, site.op
    if op.phase is not Phase.UPDATE or not isinstance(node, Ref) or node.array.role is not Role.HYPER:
        return
    if node.array.name == "weight_decay":
        yield "no decay", "", instead(ZERO)
        yield "decay turned", "", times(MINUS)
        if parameter_of(op.target).role is Role.BIAS:
            yield "no decay of biases", "", instead(ZERO)
    if node.array.name == "momentum":
        yield "no momentum", "", instead(ZERO)
    other = facts.swapped.get(node.array)
    if other is not None:
        yield "betas swapped", "", instead(Ref(other, node.index))


def velocities(site: Site, facts: Facts) -> Iterator[Found]:
    """What is new in a velocity as a share of itself, and Nesterov's look ahead, or none."""
    node = site.node
    if site.op.phase is not Phase.UPDATE:
        return
    kept = _kept(site.root, site.op.target)
    if kept is not None and site.path == (1,) and kept not in set(refs(node)):
        yield "averaged", "", times(Sub(ONE, kept))
    if isinstance(node, Sum) and len(node.terms) == 2 and site.op.target.of is not None:
        last = node.terms[1]
        velocity = last.factors[-1] if isinstance(last, Product) else None
        if isinstance(velocity, Ref) and _is_new_memory(velocity.array) and _is_ofparameter_of(site):
            yield "no look ahead", "", instead(velocity)
    if not (isinstance(node, Ref) and _is_new_memory(node.array) and _is_ofparameter_of(site)):
        return
    maker = facts.program.maker(node.array)
    equation = None if maker is None else maker.equation(node.index)
    share = None if equation is None else _kept(equation, node.array)
    if share is not None and isinstance(equation, Sum) and isinstance(site.parent, Product) and site.path == (1, 1):
        yield "look ahead", "", instead(Sum((equation.terms[1], Product((share, node)))))


def _kept(equation: Expr, target: Array) -> Ref | None:
    """The share μ that is kept, of a memory that is renewed as μ·v + something."""
    if target.role is not Role.UPDATED or not isinstance(equation, Sum) or len(equation.terms) != 2:
        return None
    first = equation.terms[0]
    if not (isinstance(first, Product) and len(first.factors) == 2):
        return None
    share, old = first.factors
    if isinstance(share, Ref) and isinstance(old, Ref) and old.array is target.of and share.array.role is Role.HYPER:
        return share
    return None


def _is_new_memory(array: Array) -> bool:
    return array.role is Role.UPDATED and array.of is not None and array.of.role is Role.MEMORY


def _is_ofparameter_of(site: Site) -> bool:
    """Whether it is a parameter that is updated here."""
    of = site.op.target.of
    return site.op.target.role is Role.UPDATED and of is not None and of.role in {Role.WEIGHT, Role.BIAS}


def denominators(site: Site, facts: Facts) -> Iterator[Found]:
    """The root of a running average, ε in it or beside it, and its correction."""
    del facts
    node = site.node
    if site.op.phase is not Phase.UPDATE:
        return
    if _is_root(node):
        assert isinstance(node, Call)
        inner = node.argument
        yield "no root", "", instead(inner)
        if isinstance(inner, Sum) and len(inner.terms) == 2:
            yield "ε beside the root", "", instead(Sum((Call(node.function, inner.terms[0]), inner.terms[1])))
    if isinstance(node, Sum) and len(node.terms) == 2:
        root, epsilon = node.terms
        if _is_root(root) and isinstance(epsilon, Ref) and epsilon.array.role is Role.HYPER:
            assert isinstance(root, Call)
            yield "ε in the root", "", instead(Call(root.function, Sum((root.argument, epsilon))))
    if isinstance(node, Div) and isinstance(node.denominator, Sub) and node.denominator.left == ONE:
        power = node.denominator.right
        if isinstance(power, Ref) and _is_new_memory(power.array) and not power.index:
            yield "no correction", "", instead(node.numerator)


def _is_root(node: Expr) -> bool:
    return isinstance(node, Call) and node.function.name == "sqrt"


UPDATE_RULES: tuple[Rule, ...] = (updates, options, velocities, denominators)
"""The rules of the update."""

__all__ = ["MINUS", "UPDATE_RULES", "Found", "Rule"]
