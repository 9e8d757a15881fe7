"""Readers of an equation: each is a table of rules, and has one for every class of node."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import retrograde.engine
from retrograde.engine.equations.derivative import derivative
from retrograde.engine.equations.evaluation import NUMPY, evaluate
from retrograde.engine.equations.expression import (
    Compare,
    Expr,
    Neg,
    Pick,
    Ref,
    children,
    folded,
    form,
    key_of,
    mapped,
    refs,
)
from retrograde.engine.equations.fixed_forms import same
from retrograde.engine.equations.meshes import values
from tests.support.expressions import EXPRESSIONS, SLOTS, TABLE

NODES = frozenset(get_args(Expr))


def tables(module: ModuleType) -> Iterator[tuple[str, Mapping[Any, Any]]]:
    """The tables by class of node that a module states: what has a rule for at least one of them."""
    for name, value in vars(module).items():
        if isinstance(value, Mapping) and not NODES.isdisjoint(key for key in value if isinstance(key, type)):
            yield f"{module.__name__}.{name}".removeprefix("retrograde.engine."), value


def modules() -> Iterator[ModuleType]:
    for found in pkgutil.walk_packages(retrograde.engine.__path__, "retrograde.engine."):
        yield importlib.import_module(found.name)


READERS: dict[str, Mapping[Any, Any]] = {}
for _name, _table in (table for module in modules() for table in tables(module)):
    if not any(_table is known for known in READERS.values()):  # the same one, imported by another module
        READERS[_name] = _table


def test_every_reader_is_found() -> None:
    assert set(READERS) == {
        "equations.derivative.RULES",
        "equations.meshes.RULES",
        "equations.evaluation.RULES",
        "equations.expression.STRUCTURE",
        "equations.rendering.RULES",
        "executor.mesh.RULES",
        "executor.code_printing.RULES",
        "executor.native.lowering.RULES",
        "explaining.kinks.CHOICES",
        "recording.bounding.RULES",
        "writing.mathematics.RULES",
    }


@pytest.mark.parametrize("reader", READERS)
def test_a_reader_has_a_rule_for_every_node(reader: str) -> None:
    # A reader may have nodes of its own, which stand for what it has read already.
    stated = {kind for kind in READERS[reader] if kind.__module__ == Compare.__module__}
    assert stated - {Compare} == NODES


def test_a_rule_that_is_missing_is_noticed() -> None:
    module = ModuleType("forgetful")
    module.RULES = dict.fromkeys(NODES - {Pick}, repr)  # type: ignore[attr-defined]
    ((_name, table),) = tables(module)
    assert set(table) != NODES


def test_the_random_expressions_have_every_node() -> None:
    seen: set[type] = set()

    @settings(max_examples=400, database=None, derandomize=True)
    @given(expr=EXPRESSIONS)
    def collect(expr: Expr) -> None:
        folded(expr, lambda node, _parts: seen.add(type(node)))

    collect()
    assert seen == NODES


@given(expr=EXPRESSIONS)
def test_what_is_mapped_is_what_the_parts_are(expr: Expr) -> None:
    seen: list[Expr] = []
    mapped(expr, lambda part: seen.append(part) or part)  # type: ignore[func-returns-value]
    assert tuple(seen) == children(expr)
    flat: list[Ref] = folded(
        expr, lambda node, parts: [node] if isinstance(node, Ref) else [ref for part in parts for ref in part]
    )
    assert flat == list(refs(expr))


@given(expr=EXPRESSIONS)
def test_a_form_leaves_the_indices_out(expr: Expr) -> None:
    def moved(part: Expr) -> Expr:
        return Ref(part.array, (3,)) if isinstance(part, Ref) else mapped(part, moved)

    assert form(moved(expr)) == form(expr)
    assert same(moved(expr), expr) == (not list(refs(expr)))
    assert (form(Neg(expr)), key_of(Neg(expr))) != (form(expr), key_of(expr))


@given(expr=EXPRESSIONS, numbers=st.lists(st.floats(-3.0, 3.0), min_size=12, max_size=12))
def test_over_arrays_it_has_the_values_that_it_has_slot_by_slot(expr: Expr, numbers: list[float]) -> None:
    arrays = {slot.array: np.array(numbers[4 * place : 4 * place + 4]) for place, slot in enumerate(SLOTS)}
    arrays[TABLE] = np.arange(6.0).reshape(3, 2)

    def meshed(part: Expr) -> Expr:
        return Ref(part.array, (np.arange(4),)) if isinstance(part, Ref) else mapped(part, meshed)

    def at(place: int) -> Expr:
        def placed(part: Expr) -> Expr:
            return Ref(part.array, (place,)) if isinstance(part, Ref) else mapped(part, placed)

        return placed(expr)

    with np.errstate(all="ignore"):
        together = np.broadcast_to(values(meshed(expr), arrays.__getitem__), (4,))
    for place in range(4):
        alone = evaluate(at(place), lambda ref: float(arrays[ref.array][ref.index]), NUMPY)
        assert together[place] == pytest.approx(alone, rel=1e-12, nan_ok=True)


@given(expr=EXPRESSIONS)
def test_a_derivative_reads_no_other_slots(expr: Expr) -> None:
    assert set(refs(derivative(expr, SLOTS[0]))) <= set(refs(expr))
