"""Programs hold together, and one that does not is said to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from retrograde.engine import load_scenario
from retrograde.engine.equations.array import Array, Extent
from retrograde.engine.equations.expression import Expr, Ref
from retrograde.engine.network.check_program import check_program
from retrograde.engine.network.network import Network
from retrograde.engine.network.program import Program
from retrograde.engine.ops.base import Op, Part
from retrograde.engine.ops.gradient import Gradient
from retrograde.engine.scenario.file import parse_scenario
from tests.oracles.random_networks.texts import COUNT, network

STRIDE = 9
"""Every so many of the random networks are looked at."""


@pytest.mark.parametrize("first", range(0, STRIDE * 6, STRIDE))
def test_the_programs_of_random_networks_hold_together(first: int) -> None:
    for number in range(first, COUNT, STRIDE * 6):
        found = Network(parse_scenario(network(number)))
        least = min(len(found.dataset), 3)
        for program in (found.program(least), found.evaluation(least)):
            assert check_program(program) == (), f"network {number}"


@pytest.fixture
def program() -> Program:
    return Network(load_scenario("elman")).program(2)


def rebuilt(program: Program, ops: Sequence[Op], **other: Any) -> Program:
    """A program with other ops."""
    dated = {leaf.array for leaf in program.dated}
    given: dict[str, Any] = {
        "batch": program.batch,
        "state": program.state,
        "updates": program.updates,
        "data": program.data,
        "constants": [array for array in program.leaves if array not in program.data and array not in dated],
        "dated": program.dated,
    }
    return Program(ops, **{**given, **other})


def said(program: Program, ops: Sequence[Op], **other: Any) -> str:
    return "; ".join(check_program(rebuilt(program, ops, **other)))


def replaced(ops: Sequence[Op], op: Op, other: Op) -> list[Op]:
    return [other if one is op else one for one in ops]


def gradient(program: Program) -> Gradient:
    """The gradient of an array of a sample that has two elements or more."""
    return next(op for op in program.ops if isinstance(op, Gradient) and op.target.batched and op.target.shape[1] > 1)


def test_the_program_itself_has_nothing_wrong(program: Program) -> None:
    assert said(program, program.ops) == ""


def test_an_op_before_its_inputs_is_found(program: Program) -> None:
    first, second, *rest = program.ops
    assert first.target in second.inputs
    assert said(program, [second, first, *rest]) == f"{second.target.name} reads {first.target.name} before it is made"


def test_an_array_that_nothing_makes_is_found(program: Program) -> None:
    name = program.ops[0].target.name
    assert f"reads {name} that nothing makes" in said(program, program.ops[1:])


def test_an_array_with_two_makers_is_found(program: Program) -> None:
    name = program.ops[0].target.name
    assert f"{name} is made twice" in said(program, [program.ops[0], *program.ops])


def test_an_op_that_makes_a_leaf_is_found(program: Program) -> None:
    op, leaf = program.ops[0], program.data[0]
    wrong = said(program, [replace(op, target=leaf), *program.ops])
    assert f"{leaf.name} is made, but it is there from the beginning" in wrong


def test_two_arrays_of_one_name_are_found(program: Program) -> None:
    op = program.ops[-1]
    twin = replace(op.target, name=program.ops[0].target.name)
    assert "two arrays have one name" in said(program, [*program.ops, replace(op, target=twin)])


def test_an_extent_that_does_not_fit_is_found(program: Program) -> None:
    op = program.ops[0]
    wrong = said(program, replaced(program.ops, op, replace(op, extent=Extent.ONCE)))
    assert f"{op.target.name} has the extent once, but is batched" in wrong


def test_an_array_of_another_number_of_samples_is_found(program: Program) -> None:
    op = program.ops[0]
    short = replace(op.target, shape=(1, *op.target.shape[1:]))
    assert f"{op.target.name} {short.shape} is not of 2 samples" in said(
        program, replaced(program.ops, op, replace(op, target=short))
    )


def test_a_gradient_of_another_shape_is_found(program: Program) -> None:
    op = gradient(program)
    wide = replace(op.target, shape=(*op.target.shape[:-1], op.target.shape[-1] + 1))
    wrong = said(program, replaced(program.ops, op, replace(op, target=wide)))
    assert f"is the gradient of {op.of.name} {op.of.shape}" in wrong


def test_a_state_that_is_replaced_by_another_shape_is_found(program: Program) -> None:
    new = program.updates[0]
    wide = replace(new, shape=(*new.shape[:-1], new.shape[-1] + 1))
    wrong = said(program, program.ops, updates=(wide, *program.updates[1:]))
    assert f"{wide.name} {wide.shape} replaces {program.state[0].name}" in wrong
    assert f"{wide.name} is never made" in wrong


class Placed(Part):
    """A use with any region and mask."""

    def __init__(self, part: Part, region: Any, mask: Any) -> None:
        object.__setattr__(self, "_all", (part, region, mask))

    __slots__ = ("_all",)

    @property
    def inputs(self) -> tuple[Array, ...]:
        return self._all[0].inputs

    @property
    def region(self) -> Any:
        return self._all[1]

    @property
    def mask(self) -> Any:
        return self._all[2]

    def term(self, index: Any) -> Expr:
        return self._all[0].term(index)


@pytest.mark.parametrize("outside", [((-1, 1),), ((0, 10_000),), ((1, 1),), ((0, 1), (0, 1))])
def test_a_region_outside_the_array_is_found(program: Program, outside: tuple[tuple[int, int], ...]) -> None:
    op = gradient(program)
    part = Placed(op.parts[0], outside, None)
    wrong = said(program, replaced(program.ops, op, replace(op, parts=(part,))))
    assert wrong == f"Placed uses the region {outside} of {op.target.name} {op.target.shape}"


def test_a_mask_of_another_shape_is_found(program: Program) -> None:
    op = gradient(program)
    part = Placed(op.parts[0], None, np.ones((1,), dtype=np.bool_))
    wrong = said(program, replaced(program.ops, op, replace(op, parts=(part,))))
    assert wrong == f"Placed has a mask (1,) of {op.target.name} {op.target.shape}"


class Straying(Part):
    """A use that reads what it does not say, or a slot that is not there."""

    def __init__(self, ref: Ref, inputs: tuple[Array, ...]) -> None:
        object.__setattr__(self, "_all", (ref, inputs))

    __slots__ = ("_all",)

    @property
    def inputs(self) -> tuple[Array, ...]:
        return self._all[1]

    def term(self, index: Any) -> Expr:
        return self._all[0]


def test_a_reading_that_is_not_stated_or_outside_is_found(program: Program) -> None:
    op, leaf = gradient(program), program.data[0]
    hidden = Straying(Ref(leaf, (0,) * len(leaf.shape)), ())
    wrong = said(program, replaced(program.ops, op, replace(op, parts=(hidden,))))
    assert f"reads {leaf.name}, which is no input of its op" in wrong
    beyond = Straying(Ref(leaf, leaf.shape), (leaf,))
    wrong = said(program, replaced(program.ops, op, replace(op, parts=(beyond,))))
    assert f"reads {leaf.name}{list(leaf.shape)} of {leaf.shape}" in wrong
