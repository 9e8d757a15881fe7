"""Formulas over places: filled with slots, and asked what they read, whatever nodes they are made of."""

from __future__ import annotations

import pytest
from hypothesis import given

from retrograde.engine.equations.array import Array, Role
from retrograde.engine.equations.expression import ArgMax, Expr, Max, Pick, Ref, Sum, mapped, refs
from retrograde.engine.ops.pointwise import filled
from tests.support.expressions import EXPRESSIONS

TABLE = Array(name="W_e", shape=(3, 2), role=Role.WEIGHT)
PLACES = [Ref(Array(name=f"place {number}", shape=(), role=Role.VALUE)) for number in range(3)]
SLOTS = {
    place.array: Ref(Array(name=f"slot {number}", shape=(), role=Role.VALUE)) for number, place in enumerate(PLACES)
}
A, B, _C = PLACES


@pytest.mark.parametrize(
    "expr",
    [ArgMax(Max((A, B)), (1, 2)), Pick(TABLE, A, (1,)), Sum((Pick(TABLE, ArgMax(Max((B, A)), (0, 1)), (0,)), A))],
)
def test_choices_by_number_are_filled(expr: Expr) -> None:
    found = filled(expr, SLOTS)
    assert [ref.array for ref in refs(found)] == [SLOTS[ref.array].array for ref in refs(expr)]
    back = {slot.array: Ref(array) for array, slot in SLOTS.items()}
    assert filled(found, back) == expr


@given(expr=EXPRESSIONS)
def test_an_expression_filled_with_its_own_slots_is_itself(expr: Expr) -> None:
    assert filled(expr, {ref.array: ref for ref in refs(expr)}) == expr
    assert mapped(expr, lambda part: part) == expr
