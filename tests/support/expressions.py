"""Random expressions of every class of node."""

from __future__ import annotations

from hypothesis import strategies as st

from retrograde.engine.equations.array import Array, Role
from retrograde.engine.equations.expression import (
    SQUARE,
    ArgMax,
    Call,
    Compare,
    Comparison,
    Const,
    Div,
    Expr,
    Max,
    Neg,
    Pick,
    Product,
    Ref,
    Select,
    Sub,
    Sum,
)
from retrograde.engine.equations.functions import PRIMITIVES, SIGMOID

TABLE = Array(name="W_e", shape=(3, 2), role=Role.WEIGHT)
SLOTS = [Ref(Array(name=name, shape=(4,), role=Role.VALUE), (2,)) for name in "abx"]


FUNCTIONS = (*PRIMITIVES, SQUARE, SIGMOID)


def branches(inner: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
    """Nodes of some parts whose value is continuous in those, or jumps where a choice changes."""
    several = st.lists(inner, min_size=1, max_size=4).map(tuple)
    condition = st.builds(Compare, st.sampled_from(Comparison), inner, inner)
    return st.one_of(
        st.builds(Neg, inner),
        st.builds(Sum, several),
        st.builds(Product, several),
        st.builds(Sub, inner, inner),
        st.builds(Div, inner, inner),
        st.builds(Call, st.sampled_from(FUNCTIONS), inner),
        st.builds(Select, condition, inner, inner),
        st.builds(Max, several),
    )


def every_branch(inner: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
    """These, and the nodes that make a whole number of their parts, or take one."""
    several = st.lists(inner, min_size=1, max_size=4).map(tuple)
    return st.one_of(
        branches(inner),
        several.map(lambda parts: ArgMax(Max(parts), tuple(range(1, len(parts) + 1)))),
        st.builds(Pick, st.just(TABLE), inner, st.sampled_from(((0,), (1,)))),
    )


EXPRESSIONS = st.recursive(st.sampled_from((*SLOTS, Const(1.0), Const(0.5, "½"))), every_branch, max_leaves=12)
"""Random expressions of every class of node, whose slots are those of three arrays."""
