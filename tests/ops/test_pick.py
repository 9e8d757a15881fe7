"""A slot whose place is a number that is computed: every reader of an equation knows it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from retrograde.engine.equations.array import Array, Extent, Phase, Role
from retrograde.engine.equations.derivative import derivative
from retrograde.engine.equations.evaluation import NUMPY, PYTHON, evaluate, taken
from retrograde.engine.equations.expression import (
    TWO,
    Call,
    Expr,
    Index,
    Pick,
    Product,
    Ref,
    Sum,
    children,
    mapped,
    refs,
)
from retrograde.engine.equations.functions import EXP
from retrograde.engine.equations.meshes import values
from retrograde.engine.equations.rendering import render
from retrograde.engine.executor.generated import GeneratedExecutor
from retrograde.engine.executor.kernels import KernelExecutor
from retrograde.engine.network.builder import Builder
from retrograde.engine.network.program import Program
from retrograde.engine.ops.base import Op
from retrograde.engine.ops.loss import Total

TABLE = Array(name="W_e", shape=(3, 2), role=Role.WEIGHT)
NUMBER = Ref(Array(name="n", shape=(), role=Role.VALUE))
OTHER = Ref(Array(name="x", shape=(), role=Role.VALUE))
PICK = Pick(TABLE, NUMBER, (1,))
EXPR = Sum((Product((OTHER, PICK)), Call(EXP, NUMBER)))
NUMBERS = (0.0, 1.0, 2.0, -0.0, -1.0, 3.0, 0.5, math.nan, math.inf, -math.inf)


def reader(number: float) -> dict[tuple[str, tuple[int, ...]], float]:
    table = {("W_e", (row, column)): 10.0 * row + column for row in range(3) for column in range(2)}
    return {**table, ("n", ()): number, ("x", ()): 3.0}


@pytest.mark.parametrize("number", NUMBERS)
def test_it_is_the_slot_of_the_row_or_nan(number: float) -> None:
    values = reader(number)
    found = evaluate(PICK, lambda ref: values[ref.array.name, ref.index], PYTHON)
    assert found == 10.0 * number + 1 if number in {0.0, 1.0, 2.0} else math.isnan(found)


def test_people_read_the_slot_that_is_taken() -> None:
    values = reader(2.0)
    shown = taken(EXPR, lambda ref: values[ref.array.name, ref.index], NUMPY)
    assert Ref(TABLE, (2, 1)) in list(refs(shown))
    values = reader(7.0)
    shown = taken(EXPR, lambda ref: values[ref.array.name, ref.index], NUMPY)
    assert "NaN" in render(shown, lambda ref: ref.array.name)


def test_what_is_read_of_it_before_its_number_is_known() -> None:
    assert children(PICK) == (NUMBER,)
    assert list(refs(EXPR)) == [OTHER, NUMBER, NUMBER]
    assert render(EXPR, lambda ref: ref.array.name) == "x · W_e[n,2] + exp(n)"
    assert mapped(PICK, lambda _number: TWO) == Pick(TABLE, TWO, (1,))


def test_its_derivative_is_one_by_the_slot_that_is_taken_and_none_by_its_number() -> None:
    by = derivative(EXPR, Ref(TABLE, (1, 1)))
    for number, wanted in ((1.0, 3.0), (2.0, 0.0)):
        values = reader(number)
        assert evaluate(by, lambda ref, of=values: of[ref.array.name, ref.index], PYTHON) == wanted
    assert render(derivative(EXPR, NUMBER), lambda ref: ref.array.name) == "exp(n)"
    assert render(derivative(EXPR, OTHER), lambda ref: ref.array.name) == "W_e[n,2]"
    assert derivative(PICK, Ref(TABLE, (1, 0))).value == 0.0  # type: ignore[union-attr]


class Lookup(Op):
    """target[s, i] = table[n[s], i]."""

    numbers: Array
    table: Array

    def __init__(self, numbers: Array, table: Array, target: Array) -> None:
        for name, value in {
            "target": target,
            "phase": Phase.FORWARD,
            "layer": "e",
            "extent": Extent.SAMPLE,
            "numbers": numbers,
            "table": table,
        }.items():
            object.__setattr__(self, name, value)

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.numbers, self.table)

    def equation(self, index: Index) -> Expr:
        s, i = index
        return Sum((Pick(self.table, Ref(self.numbers, (s,)), (i,)), Ref(self.numbers, (s,))))


def test_both_executors_take_the_slot() -> None:
    batch = len(NUMBERS)
    numbers = Array(name="n", shape=(batch,), role=Role.INPUT, batched=True)
    target = Array(name="out", shape=(batch, 2), role=Role.LOSS, batched=True)
    rate = Array(name="lr", shape=(), role=Role.RATE)
    builder = Builder(batch=batch, rate=rate, trainable=(), in_place=False)
    builder.append(Lookup(numbers, TABLE, target))
    total = builder.array("E", (), role=Role.TOTAL, layer="e")
    builder.append(Total(target=total, phase=Phase.LOSS, layer="e", extent=Extent.SUM, loss_terms=(target,)))
    program = Program(builder.ops, batch=batch, state=(), updates=(), data=[numbers], constants=[rate, TABLE])
    constants = {rate: np.array(1.0), TABLE: np.arange(6.0).reshape(3, 2)}
    column = np.array(NUMBERS)[:, None]
    with np.errstate(all="ignore"):
        read = {numbers: column[:, 0], TABLE: constants[TABLE]}.__getitem__
        wanted = values(program.ops[0].equation(tuple(np.ix_(range(batch), range(2)))), read)
    for executor in (GeneratedExecutor(program, constants), KernelExecutor(program, constants)):
        frame = executor.frame(np.empty(0), executor.leaves([column], range(batch)))
        assert np.array_equal(frame.array(target), wanted, equal_nan=True)
        for number in range(batch):
            for place in range(2):
                stated = evaluate(program.ops[0].equation((number, place)), frame.value, frame.mathematics)
                assert stated == wanted[number, place] or (math.isnan(stated) and math.isnan(wanted[number, place]))
    assert wanted[1].tolist() == [3.0, 4.0]
    assert np.isnan(wanted[4:]).all()
