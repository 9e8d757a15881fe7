"""Names: every symbol that is shown can be written in a formula, and leads back to its slot."""

from __future__ import annotations

import math
import re
from random import Random

import numpy as np
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


@pytest.mark.parametrize(("name", "hint"), [("E_epo", "E_epoch"), ("E_dat", "E_data"), ("iterationn", "iteration")])
def test_names_that_are_no_slots_are_suggested_in_the_same_words(name: str, hint: str) -> None:
    session = Session(load_scenario("mazur"))
    with pytest.raises(EngineError, match=rf"; did you mean (.*, )?{hint}(, .*)?\?$"):
        session.resolve(name)


@pytest.mark.parametrize("name", ["cs231n-conv", "attention-by-hand", "mazur", "lstm-two-steps", "batch-norm"])
def test_an_index_that_an_array_does_not_have_is_refused_by_every_door(name: str) -> None:
    session = Session(load_scenario(name))
    arrays = session.program.arrays
    for array in Random(1).sample(arrays, min(12, len(arrays))):
        length = array.element_shape[0] if array.element_shape else 0
        if not array.layer or not array.stem or array.time is not None or array.timed or array.of is not None:
            continue
        dot = "." if array.layer[-1:].isdigit() else ""
        beyond = f"{array.stem}_{array.layer}{dot}{length + 1}"
        wrong = [f"{array.name}[{','.join(['1'] * (len(array.element_shape) + 1))}]"]
        if len(array.element_shape) > 1:
            wrong.append(f"{array.stem}_{array.layer}{dot}1")
        elif length:
            wrong.append(f"{array.name}[{length + 1}]")
            wrong += [beyond] if all(one.name != beyond for one in session.program.arrays) else []
        for text in wrong:
            for door in (session.resolve, session.formula):
                with pytest.raises(EngineError, match=r"ax[ie]s|not in 1 to|no value called|not computed"):
                    door(text)


@pytest.mark.parametrize(
    ("name", "text", "part"),
    [
        ("cs231n-conv", "grad(out_c1)", r"has 3 axes: grad\(out_c\[1,1,1\]\)"),
        ("convolution-by-hand", "delta(c1)", r"has 3 axes: delta\(c\[1,1,1\]\)"),
        ("attention-by-hand", "grad(out_o1)", r"has 2 axes: grad\(out_o\[1,1\]\)"),
        ("cs231n-conv", "b_c4", "`4` is not in 1 to 3 of b_c"),
        ("cs231n-conv", "grad(out_c[1,2])", "has 3 axes, not 2"),
    ],
)
def test_a_name_without_its_indices_is_told_how_many_there_are(name: str, text: str, part: str) -> None:
    session = Session(load_scenario(name))
    for door in (session.resolve, session.formula, session.add_breakpoint, lambda text: session.measure(text, 0)):
        with pytest.raises(EngineError, match=part):
            door(text)


EDGES = """
format = 1
[title]
en = "edges"
[network]
inputs = 3
[[network.layers]]
name = "o"
units = 2
edges = [[1, 0, 1], [0, 1, 0]]
[data]
inputs = [[1, 2, 3]]
targets = [[1, 0]]
[loss]
kind = "half_squared_error"
[training]
learning_rate = 0.1
[stop]
epochs = 1
"""


def test_weights_of_edges_are_called_by_row_and_column() -> None:
    session = Session(parse_scenario(EDGES))
    for row, column, name in ((1, 1, "w1"), (1, 3, "w2"), (2, 2, "w3")):
        for around in ("{}", "grad({})", "new({})"):
            text, short = around.format(f"W_o[{row},{column}]"), around.format(name)
            assert session.resolve(text) == session.resolve(short)
            assert session.formula(text).node == session.formula(short).node
    assert session.formula("sum(W_o[1,:])").slots == session.formula("w1 + w2").slots
    for door in (session.resolve, session.formula):
        with pytest.raises(EngineError, match=r"no such edge; there are W_o\[1,1\], W_o\[1,3\], W_o\[2,2\]"):
            door("grad(W_o[1,2])")
        with pytest.raises(EngineError, match="`3` is not in 1 to 2"):
            door("W_o[3,1]")


def test_a_slope_over_several_axes_is_asked_by_its_sign() -> None:
    layer = 'input_shape = [2, 1]\n[[network.layers]]\nname = "h1"\nkind = "batch_norm"\nactivation = "tanh"\n'
    text = EDGES.replace("edges = [[1, 0, 1], [0, 1, 0]]\n", "").replace("inputs = 3\n", "inputs = 2\n" + layer)
    session = Session(parse_scenario(text.replace("[1, 2, 3]", "[1, 2], [3, 5]").replace("[1, 0]", "[1, 0], [0, 1]")))
    assert session.formula("tanh′(net_h1[1,1]{2})").node == session.formula("slope(h1[1,1]){2}").node
    assert session.formula("max(tanh′(net_h1))").slots == session.formula("max(slope(h1))").slots
    assert session.formula("max(tanh′(net_h1[:,1]))").slots == session.formula("max(slope(h1[:,1]))").slots


@pytest.mark.parametrize("where", ["{}", "@{}", "+{}", "1:{}", "{}%"])
def test_an_address_of_many_digits_is_refused_at_once(where: str) -> None:
    session = Session(load_scenario("mazur"))
    with pytest.raises(EngineError, match="at most 100 characters"):
        session.seek(where.format("1" * 5000))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("W_h", "W_h is an array of 2×2; name one of its values, such as w1, or ask a formula"),
        ("out_h", "out_h is an array of 2; name one of its values, such as out_h1, or ask a formula"),
        ("grad(W_o)", "such as grad(w5), or ask a formula"),
        ("norm(W_h)", "norm(W_h) is a formula, not a name"),
    ],
)
def test_a_whole_array_and_a_formula_are_no_slot_but_have_values(name: str, said: str) -> None:
    session = Session(load_scenario("mazur"))
    with pytest.raises(EngineError, match=re.escape(said)):
        session.resolve(name)
    session.seek("1:1")
    assert np.all(np.isfinite(session.value(name)))
    assert np.all(np.isfinite(session.measure(name, 0)))
    assert session.look(session.formula("norm(W_h)")) is not None


@pytest.mark.parametrize("name", ["mazur", "optimiser-race:adam"])
def test_nothing_is_no_name(name: str) -> None:
    session = Session(load_scenario(name))
    for text in ("", " ", "{1}", "grad()", "new()", "grad({1})"):
        with pytest.raises(EngineError):
            session.resolve(text)
