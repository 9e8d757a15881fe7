"""Names: every symbol that is shown can be written in a formula, and leads back to its slot."""

from __future__ import annotations

import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrograde.engine import Session, load_scenario, shipped
from retrograde.engine.equations.array import Role
from retrograde.engine.equations.expression import Ref
from retrograde.engine.errors import EngineError
from retrograde.engine.formulas.reader import parse
from retrograde.engine.formulas.tree import Slot
from retrograde.engine.network.network import Network
from retrograde.engine.network.program import unravel
from retrograde.engine.scenario.file import parse_scenario
from retrograde.engine.scenario.models import Scenario
from tests.support import dags
from tests.support.effort import examples
from tests.support.networks import randoms
from tests.support.normed import Normed, normed
from tests.support.sequences import sequential


def follow(scenario: Scenario, random: Random) -> None:
    """Reads the symbol and the ASCII name of a slot of each array, with its sample and without, in both ways."""
    network = Network(scenario)
    program, notation = network.program(network.batch), network.notation
    for array in program.arrays:
        if not array.size:
            continue
        ref = Ref(array, unravel(random.randrange(math.prod(array.shape)), array.shape) if array.shape else ())
        sample = ref.index[0] if array.batched else 0
        bare = ref.index[1:] if array.batched else ref.index
        for text in {notation.symbol(ref), notation.name(ref)}:
            assert notation.resolve(text, program, sample=sample) == ref, text
            assert parse(text, notation, program).node == Slot(array.name, bare, None, array.batched), text
        for text in {notation.symbol(ref, sample=-1), notation.name(ref, sample=-1)}:
            assert notation.resolve(text, program, sample=0 if array.batched else sample) == ref, text
            marked = Slot(array.name, bare, sample if array.batched else None, array.batched)
            assert parse(text, notation, program).node == marked, text


@pytest.mark.parametrize("name", shipped())
def test_what_a_shipped_scenario_shows_can_be_written(name: str) -> None:
    follow(load_scenario(name), Random(1))


@examples(20)
@given(random=randoms(), recipe=normed(depth=2, epochs=1))
def test_what_a_network_with_norms_shows_can_be_written(random: Random, recipe: Normed) -> None:
    follow(recipe.scenario, random)


@examples(20)
@given(random=randoms(), kind=st.sampled_from(("layers", "scalars", "recurrent")))
def test_what_any_network_shows_can_be_written(random: Random, kind: str) -> None:
    match kind:
        case "layers":
            follow(parse_scenario(dags.network(random)), random)
        case "scalars":
            follow(parse_scenario(dags.scalars(random)), random)
        case _:
            follow(sequential(random).scenario, random)


@pytest.mark.parametrize(
    ("text", "array", "index"),
    [
        ("W_h[1,2]⁺", "new(W_h)", (0, 1)),
        ("max(W_h[2,:]⁺)", "new(W_h)", (1, 0)),
        ("running_var_n1⁺", "new(running_var_n)", (0,)),
        ("∂E/∂x̂_n1", "grad(xhat_n)", (0,)),
        ("tanh′(net_n1){2}", "slope_n", (0,)),
    ],
)
def test_signs_are_read_behind_brackets(text: str, array: str, index: tuple[int, ...]) -> None:
    slot = Session(load_scenario("batch-norm")).formula(text).slots[0]
    assert (slot.array, slot.index) == (array, index)


@pytest.mark.parametrize("text", ["new(var_n)", "new(var_n1)", "var_n2⁺", "max(new(var_n))", "max(var_n[1:2]⁺)"])
def test_what_has_no_new_value_is_said_with_what_has_one(text: str) -> None:
    session = Session(load_scenario("batch-norm"))
    with pytest.raises(EngineError, match=r"var_n.? has no new value.*new\(running_var_n\)"):
        session.formula(text)


def test_only_what_is_updated_has_a_new_value() -> None:
    session = Session(load_scenario("batch-norm"))
    for array in session.program.arrays:
        if array.role in {Role.NET, Role.OUT, Role.INPUT, Role.GRADIENT}:
            with pytest.raises(EngineError, match="has no new value"):
                session.resolve(f"new({array.name})")


@pytest.mark.parametrize("name", ["x", "b", "h", "w", "W_h[", "out_h", "out_h1{"])
def test_a_name_of_many_digits_is_refused_at_once(name: str) -> None:
    session = Session(load_scenario("mazur"))
    for count in (150, 5000):
        with pytest.raises(EngineError, match=r"no value called|at most 200|is not in 1 to|has 2 axes"):
            session.resolve(name + "1" * count + {"[": "]", "{": "}"}.get(name[-1], ""))
