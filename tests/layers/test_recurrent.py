"""Recurrent layers: what holds of every program holds through time; names, masks, truncation, and what is refused."""

from __future__ import annotations

import math
from dataclasses import replace
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrograde.engine import Session
from retrograde.engine.equations.array import Array, Role
from retrograde.engine.equations.expression import Ref
from retrograde.engine.errors import EngineError, FormulaError, ScenarioError
from retrograde.engine.executor.kernels import KernelExecutor
from retrograde.engine.explaining.gradcheck import Verdict
from retrograde.engine.explaining.uses import uses
from retrograde.engine.network.network import Network
from retrograde.engine.network.program import Program
from retrograde.engine.ops.recurrent import GateSum
from retrograde.engine.scenario.file import parse_scenario
from retrograde.engine.session.breakpoints import read
from retrograde.engine.session.gradient_report import check_gradients
from tests.executor.test_kernels import SPECIAL, assert_frame_is_its_equations, executors
from tests.explaining.test_gradcheck import drawn, told
from tests.session import test_walking
from tests.support.effort import examples
from tests.support.networks import EXECUTORS, all_slots, executed_by, randoms
from tests.support.sequences import Recurrent, Sequential, sequential
from tests.travel import test_runs


def networks(**options: Any) -> st.SearchStrategy[Sequential]:
    """Random recurrent networks, each from one seed."""
    return st.integers(0, 2**32).map(lambda seed: sequential(Random(seed), **options))


def frame_of(network: Network, executor: Any, rows: int | None = None, overrides: Any = None) -> Any:
    leaves = executor.leaves(network.columns, range(rows or network.batch))
    return executor.frame(network.initial_state, leaves, overrides)


# -- what holds of every program -----------------------------------------------------------------------------------


@examples(30)
@given(recipe=networks(steps=5, samples=4))
def test_every_slot_is_what_its_equation_says(recipe: Sequential) -> None:
    network = Network(recipe.scenario)
    program = network.program(network.batch)
    for executor in executors(network, program):
        assert_frame_is_its_equations(frame_of(network, executor))


@examples(15)
@given(recipe=networks(steps=3), random=randoms())
def test_inf_nan_and_overflow_have_the_bits_of_the_equations(recipe: Sequential, random: Random) -> None:
    network = Network(recipe.scenario)
    program = network.program(network.batch)
    made = [ref for op in program.ops[:-1] for ref in [Ref(op.target, (0,) * len(op.target.shape))]]
    leaves = [ref for ref in all_slots(program) if program.maker(ref.array) is None]
    overrides = {ref: random.choice(SPECIAL) for ref in random.sample(made, 2) + random.sample(leaves, 2)}
    for executor in executors(network, program):
        frame = frame_of(network, executor, overrides=overrides)
        assert all(frame.value(ref) == value or value != value for ref, value in overrides.items())
        assert_frame_is_its_equations(frame, frozenset(overrides))


def test_wide_layers_have_the_bits_of_the_equations_too() -> None:
    for kind, options in (("lstm", ("peepholes = true",)), ("gru", ('reset = "after"',)), ("rnn", ())):
        layer = Recurrent(kind=kind, units=7, bias="both", direction="both", trained=True, options=options)
        recipe = Sequential(steps=2, features=5, layers=(layer, layer), samples=3, seed=3, lengths=(2, 1, 2))
        network = Network(recipe.scenario)
        executor = KernelExecutor(network.program(3), network.constants)
        frame = frame_of(network, executor)
        assert_frame_is_its_equations(frame)
        blas = frame_of(network, KernelExecutor(network.program(3), network.constants, blas=True))
        np.testing.assert_allclose(blas.flat, frame.flat, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("executor", EXECUTORS)
@examples(4)
@given(recipe=networks(steps=3, samples=2), data=st.data())
def test_tracing_stepping_and_running_give_the_same_bits(executor: str, recipe: Any, data: st.DataObject) -> None:
    inner(test_walking.test_tracing_stepping_and_running_give_the_same_bits)(executor, recipe, data)


@examples(8)
@given(recipe=networks(samples=2), data=st.data())
def test_stops_are_the_ends_of_runs_of_equal_moments_both_ways(recipe: Any, data: st.DataObject) -> None:
    inner(test_walking.test_stops_are_the_ends_of_runs_of_equal_moments_both_ways)(recipe, data)


@examples(4)
@given(recipe=networks(depth=1, steps=3, samples=2, epochs=1))
def test_terms_go_both_ways_and_add_up_in_written_order(recipe: Any) -> None:
    inner(test_walking.test_terms_go_both_ways_and_add_up_in_written_order)(recipe)


@examples(6)
@given(recipe=networks(samples=2), random=randoms())
def test_what_is_visible_is_what_was_revealed(recipe: Any, random: Random) -> None:
    inner(test_walking.test_what_is_visible_is_what_was_revealed)(recipe, random)


@examples(4)
@given(recipe=networks(depth=1, steps=3, units=2, samples=2, epochs=1), data=st.data())
def test_provenance_is_what_a_scan_of_all_equations_finds(recipe: Any, data: st.DataObject) -> None:
    inner(test_walking.test_provenance_is_what_a_scan_of_all_equations_finds)(recipe, data)


@pytest.mark.parametrize(
    "test",
    [
        test_walking.test_every_operand_comes_from_the_step_that_made_it,
        test_walking.test_every_step_has_one_place_and_every_slot_one_name,
        test_walking.test_sums_over_samples_add_their_contributions_in_order,
        test_walking.test_the_factors_of_a_chain_multiply_to_the_contribution,
    ],
)
@examples(4)
@given(recipe=networks(steps=3, samples=2, epochs=1))
def test_steps_say_where_they_are_and_what_they_read(test: Any, recipe: Any) -> None:
    inner(test)(recipe)


@examples(5)
@given(recipe=networks(depth=1, steps=2, samples=2, units=2, epochs=3), random=randoms())
def test_stepping_around_before_a_run_changes_nothing(recipe: Any, random: Random) -> None:
    inner(test_runs.test_stepping_around_before_a_run_changes_nothing)(recipe, random)


@examples(12)
@given(recipe=networks(), random=randoms())
def test_no_gradient_is_said_to_be_wrong(recipe: Sequential, random: Random) -> None:
    session = Session(recipe.scenario)
    session.seek(random.randint(1, session.length))
    checks = drawn(session, 6, seed=random.randrange(100))
    assert not told(session, [check for check in checks if check.verdict is Verdict.DISAGREES])


def inner(test: Any) -> Any:
    """The body of a property test, for other networks."""
    return test.hypothesis.inner_test


# -- names ---------------------------------------------------------------------------------------------------------


def simple(kind: str, *, steps: int = 3, units: int = 2, features: int = 2, **options: Any) -> Sequential:
    layer = Recurrent(kind=kind, units=units, **options)
    return Sequential(steps=steps, features=features, layers=(layer,), samples=2)


@pytest.mark.parametrize("kind", ["rnn", "gru", "lstm"])
@pytest.mark.parametrize("direction", ["forward", "both"])
def test_every_name_and_symbol_through_time_is_read(kind: str, direction: str) -> None:
    options = {"lstm": ("peepholes = true",), "gru": ('reset = "before"',)}.get(kind, ())
    recipe = replace(simple(kind, direction=direction, bias="both", trained=True, options=options), lengths=(3, 2))
    session = Session(recipe.scenario)
    program, notation = session.schedule.full, session.notation
    names: dict[str, Ref] = {}
    for ref in all_slots(program):
        if ref.array.batched and ref.index[0]:
            continue
        for text in (notation.name(ref), notation.symbol(ref)):
            assert notation.resolve(text, program) == ref, text
            assert names.setdefault(text, ref) == ref, text
        name = notation.name(ref)
        if program.maker(ref.array) is not None:
            condition, place = read(f"at {name}", notation, program)
            assert condition is None
            assert place is not None
    for name in [name for name in names if name.isascii()][::5]:
        assert len(session.condition(f"abs({name}) < prev({name})").slots) == 2, name


def test_names_say_gate_unit_and_time() -> None:
    session = Session(replace(simple("lstm"), lengths=(3, 2)).scenario)
    program, notation = session.schedule.full, session.notation
    named = {notation.name(ref) for ref in all_slots(program) if not ref.array.batched or ref.index[0] == 0}
    assert {"i2@3", "t_o1@2", "mask@3", "out_h1@3", "c_h2@1", "f_h1@2", "net_f_h1@2", "E_o1@3"} <= named
    assert {"W_h[f1,2]", "U_h[o2,1]", "b_h[g1]", "h0_h1", "c0_h2", "delta(f_h1@2)", "slope(f_h1@2)"} <= named
    assert {"grad(W_h[f1,2])", "new(b_h[i2])", "grad(c_h1@3)", "grad(out_h2@1)"} <= named
    symbols = {notation.symbol(ref) for ref in all_slots(program)}
    assert {"δ_f_h1@2", "∂E/∂W_h[f1,2]", "W_h[f1,2]⁺", "σ′(net_f_h1@2)", "∂E/∂out_h2@1"} <= symbols
    assert notation.resolve("W_h[f1,2]", program).index == notation.resolve("W_h[3,2]", program).index == (2, 1)
    for wrong in ("out_h1@4", "i3@1", "t_o3@1", "mask@0"):
        with pytest.raises(EngineError, match="no value"):
            notation.resolve(wrong, program)
    for wrong in ("W_h[f3,1]", "W_h[k1,1]", "b_h[f0]", "grad(W_h[k,1])"):
        pick = wrong.partition("[")[2].partition(",")[0].partition("]")[0]
        with pytest.raises(EngineError, match=f"no `{pick}` in .*there are i, f, g, o, each from 1 to 2"):
            notation.resolve(wrong, program)


def test_formulas_take_arrays_through_time_and_blocks() -> None:
    session = Session(simple("lstm").scenario)

    def slots(formula: str) -> int:
        return len(session.condition(formula).slots)

    assert slots("delta(f_h2@3) < 1e-6") == 1
    assert slots("max(abs(delta(f_h@3))) < 1e-6") == 2
    assert slots("max(abs(out_h@2)) < 1") == 2
    assert slots("max(abs(out_h@2[1:2])) < 1") == 2
    assert slots("max(i@2) < 1") == 2
    assert slots("norm(t_o@3) < 1") == 2
    assert slots("norm(grad(U_h[f,:])) < norm(grad(U_h))") == 16
    assert slots("max(W_h[g,1]) < 1") == 2
    assert slots("W_h[o2,1] < b_h[f2]") == 2
    assert slots("E_o1@3 < E_o1@1") == 2
    assert slots("∂E/∂W_h[f1,2] < δ_f_h2@3") == 2
    for wrong, column in (("max(W_h[q,1]) < 1", 5), ("delta(f_h@9) < 1", 1), ("out_h@4 < 1", 1)):
        with pytest.raises(FormulaError) as caught:
            session.condition(wrong)
        assert caught.value.column == column
    session.run(epochs=1)
    hit = session.first("max(abs(delta(f_h@1))) < 10")
    assert hit is not None
    session.seek(hit)
    assert session.current is not None
    assert session.current.name == "delta(f_h2@1)"


# -- states, masks, truncation -------------------------------------------------------------------------------------


def values(recipe: Sequential, name: str) -> Any:
    session = Session(recipe.scenario)
    return session.frame.array(session.schedule.full.named[name])


@pytest.mark.parametrize("kind", ["rnn", "gru", "lstm"])
@pytest.mark.parametrize("direction", ["forward", "backward", "both"])
def test_a_step_that_does_not_count_keeps_the_state_and_has_no_loss(kind: str, direction: str) -> None:
    recipe = replace(simple(kind, steps=4, direction=direction, trained=True), lengths=(4, 2), over_time="sum")
    session = Session(recipe.scenario)
    frame, named = session.frame, session.schedule.full.named
    stems = {"forward": ("out",), "backward": ("out",), "both": ("h", "hr")}[direction]
    for stem in stems:
        back = stem == "hr" or direction == "backward"
        for time in (3, 4):
            held = frame.array(named[f"{stem}_h@{time}"])[1]
            wanted = frame.array(named["h0r_h" if stem == "hr" else "h0_h"]) if back else None
            wanted = frame.array(named[f"{stem}_h@2"])[1] if wanted is None else wanted
            assert held.tolist() == wanted.tolist()
    for time in (3, 4):
        assert frame.array(named[f"E_o@{time}"])[1].tolist() == [0.0, 0.0]
        assert not np.any(frame.array(named[f"grad(net_o@{time})"])[1])
    # The same sample alone, at its own length, has the same outputs and the same gradients.
    text = recipe.text
    whole = {name: frame.array(named[name])[1] for name in ("out_h@1", "out_h@2", "E_o@1", "grad(out_h@1)")}
    rows = parse_scenario(text).data.inputs, parse_scenario(text).data.targets
    short = replace(recipe, steps=2, samples=1, lengths=()).scenario
    data = short.data.model_copy(update={"inputs": (rows[0][1][:4],), "targets": (rows[1][1][:4],)})  # type: ignore[index]
    layers = parse_scenario(text).network.layers
    network = short.network.model_copy(update={"layers": layers})
    alone = Session(short.model_copy(update={"data": data, "network": network}))
    for name, wanted in whole.items():
        np.testing.assert_allclose(alone.frame.array(alone.schedule.full.named[name])[0], wanted, rtol=1e-13)


@pytest.mark.parametrize("over_time", ["sum", "mean"])
def test_the_mean_over_time_is_over_the_steps_of_each_sample_that_count(over_time: str) -> None:
    recipe = replace(simple("rnn", steps=3), lengths=(3, 2), over_time=over_time)
    session = Session(recipe.scenario)
    frame, named = session.frame, session.schedule.full.named
    total = 0.0
    for sample, length in enumerate((3, 2)):
        terms = []
        for time in range(1, length + 1):
            out, goal = frame.array(named[f"out_o@{time}"])[sample], frame.array(named["t_o"])[sample, time - 1]
            terms += (0.5 * (goal - out) ** 2).tolist()
        total += sum(terms) / (length if over_time == "mean" else 1)
    assert math.isclose(frame.array(named["E"]), total, rel_tol=1e-14)


@pytest.mark.parametrize("kind", ["rnn", "gru", "lstm"])
@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize("truncate", [1, 2, 3, 5])
def test_no_gradient_passes_a_boundary_of_a_truncation(kind: str, backward: bool, truncate: int) -> None:
    steps = 5
    recipe = simple(kind, steps=steps, direction="backward" if backward else "forward", truncate=truncate)
    program = Session(recipe.scenario).schedule.full
    # In the order in which the layer runs, δ does not go from step t to t − 1 where that is a multiple of `truncate`.
    for number in range(1, steps):
        here, before = (steps - number, steps - number + 1) if backward else (number + 1, number)
        later = {array.name for array in _sources(program, f"grad(out_h@{before})") if array.time == here}
        assert bool(later) == (number % truncate != 0), (number, later)
        if kind == "lstm":
            cells = {array.name for array in _sources(program, f"grad(c_h@{before})") if array.time == here}
            assert bool(cells) == (number % truncate != 0)


def test_a_truncated_gradient_is_not_held_against_a_difference() -> None:
    session = Session(simple("lstm", steps=4, truncate=2, options=("peepholes = true",)).scenario)
    session.step("iteration")
    report = check_gradients(session, count=None)
    assert {array.name for array in report.late} == {f"grad({name}_h)" for name in ("W", "U", "b", "P")}
    assert report.ok
    assert report.total == 6, "the dense layer's"
    late = session.differences.gradients()[1]
    assert {array.of.time for array in late if array.of is not None} == {None, 1, 2}
    assert all(check.ok for check in [check_gradients(session, names=["out_h1@3", "c_h2@4"])])


def _sources(program: Program, name: str) -> tuple[Array, ...]:
    """The gradients that a gradient is made of."""
    op = program.maker(program.named[name])
    assert op is not None
    return tuple(array for array in op.inputs if array.role is Role.GRADIENT)


def test_the_initial_state_is_a_constant_unless_it_is_trained() -> None:
    fixed, trained = (Network(simple("lstm", trained=flag).scenario) for flag in (False, True))
    assert not {"h0_h", "c0_h"} & {array.name for array in fixed.state}
    assert {"h0_h", "c0_h"} <= {array.name for array in trained.state}
    assert {"h0_h", "c0_h"} <= {array.name for array in fixed.constants}
    drawn_ones = Network(simple("lstm", given=False).scenario)
    start = {array.name: values.tolist() for array, values in drawn_ones.parameters.items()}
    assert start["h0_h"] == start["c0_h"] == [0.0, 0.0], "an initial state is never drawn"
    assert any(start["b_h"])


def test_the_forget_bias_is_where_the_forget_gate_begins() -> None:
    recipe = simple("lstm", given=False, options=("forget_bias = 1.0",))
    network = Network(recipe.scenario)
    (bias,) = (values for array, values in network.parameters.items() if array.name == "b_h")
    assert bias.tolist() == [0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0]


def test_one_array_over_time_and_one_array_a_step_are_read_alike() -> None:
    one = replace(simple("gru", features=1), flat=True)
    two = replace(one, flat=False)
    for name in ("out_h@1", "out_h@3", "grad(W_h)", "grad(U_h)"):
        assert values(one, name).tolist() == values(two, name).tolist()
    assert Session(one.scenario).value("i@2") == Session(two.scenario).value("i1@2")


@pytest.mark.parametrize("executor", ["generated", "kernels"])
def test_an_edit_of_a_state_goes_on_through_time(executor: str) -> None:
    with executed_by(executor):
        session = Session(simple("lstm").scenario)
        session.step("iteration")
        before = session.value("out_h1@1{1}"), session.value("out_h1@3{1}")
        session.set_value("out_h1@2{1}", 0.5)
        assert session.value("out_h1@2{1}") == 0.5
        assert session.value("out_h1@1{1}") == before[0]
        assert session.value("out_h1@3{1}") != before[1]
        edited = session.notation.resolve("out_h1@2{1}", session.schedule.full)
        assert_frame_is_its_equations(session.frame, frozenset({edited}))


def test_who_reads_a_state() -> None:
    session = Session(simple("lstm").scenario)
    program = session.schedule.full
    ref = session.notation.resolve("out_h1@2", program)
    names = {session.notation.name(program.target(place)) for place in uses(program, ref, 0)}
    assert {"net_i_h1@3", "net_f_h2@3", "net_o1@2", "grad(U_h[f2,1])", "grad(w1)"} <= names
    assert not any(name.endswith("@1") for name in names)


def test_the_sums_of_all_gates_are_one_product() -> None:
    layer = Recurrent(kind="lstm", units=3)
    network = Network(Sequential(steps=2, features=2, layers=(layer,)).scenario)
    program = network.program(2)
    stacks = {op.stack for op in program.ops if isinstance(op, GateSum)}
    assert len(stacks) == 1
    assert [segment.parameter.name for segment in stacks.pop().segments] == ["W_h", "b_h", "U_h"]


# -- data ----------------------------------------------------------------------------------------------------------

TEXT = """
format = 1
title = { en = "letters" }
[network]
inputs = 12
input_shape = [3, 4]
[[network.layers]]
name = "h"
kind = "rnn"
units = 3
[[network.layers]]
units = 4
activation = "softmax"
[data]
text = "hello hello"
[loss]
kind = "cross_entropy"
[training]
learning_rate = 0.1
[stop]
epochs = 2
"""


def test_a_text_is_read_in_windows() -> None:
    text = TEXT.replace("inputs = 12", "inputs = 15").replace("[3, 4]", "[3, 5]").replace("units = 4", "units = 5")
    data = Network(parse_scenario(text)).dataset
    assert data.class_names == ("␣", "e", "h", "l", "o")
    letters = np.array([*" ehlo"])
    inputs = letters[data.inputs.reshape(-1, 3, 5).argmax(axis=2)]
    targets = letters[data.targets.reshape(-1, 3, 5).argmax(axis=2)]
    assert ["".join(row) for row in inputs] == ["hel", "lo ", "hel"]
    assert ["".join(row) for row in targets] == ["ell", "o h", "ell"]
    assert data.inputs.sum() == data.targets.sum() == 9
    other = Network(
        parse_scenario(text.replace('hello"', 'hello"\nstride = 1').replace("units = 3", 'units = 3\noutputs = "last"'))
    )
    assert len(other.dataset) == 8
    assert other.dataset.targets.shape == (8, 5)
    assert "".join(letters[other.dataset.targets.argmax(axis=1)]) == "lo hello"


def complaint(text: str) -> str:
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(text)
    return str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "wanted"),
    [
        ("[3, 4]", "[3, 4]", "the text has 5 different characters: network.input_shape is [steps, 5]"),
        ('text = "hello hello"', 'text = "helo"\nclasses = 4', "drop classes or text"),
        ('text = "hello hello"', 'text = "hel"', "different characters"),
        ('text = "hello hello"', 'text = "helo"\nlengths = [1]', "drop lengths or text"),
        ('text = "hello hello"', "stride = 2", "stride belongs to text"),
        ("[3, 4]", "[4, 3]", "different characters"),
        ("units = 4\n", "units = 6\n", "the last layer has 6 units"),
        ("input_shape = [3, 4]", "", "different characters"),
        ('text = "hello hello"', 'text = "helo"\n', "characters are too few"),
    ],
)
def test_a_text_that_does_not_fit_is_refused(old: str, new: str, wanted: str) -> None:
    text = TEXT.replace(old, new)
    if wanted == "characters are too few":
        text = text.replace('"helo"', '"heo"').replace("inputs = 12", "inputs = 9").replace("[3, 4]", "[3, 3]")
    assert wanted in complaint(text)


SEQUENCES = """
format = 1
title = { en = "sequences" }
[network]
inputs = 6
input_shape = [3, 2]
[[network.layers]]
name = "h"
kind = "lstm"
units = 2
[[network.layers]]
units = 3
activation = "softmax"
[data]
inputs = [[1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 0, 0]]
targets = [[0, 1, 2], [2, 1, 0]]
classes = 3
lengths = [3, 2]
[loss]
kind = "cross_entropy"
[training]
learning_rate = 0.1
[stop]
epochs = 2
"""


def test_class_indices_of_each_step_and_lengths_are_read() -> None:
    network = Network(parse_scenario(SEQUENCES))
    assert network.dataset.targets.reshape(2, 3, 3).argmax(axis=2).tolist() == [[0, 1, 2], [2, 1, 0]]
    assert [column.shape for column in network.columns] == [(2, 6), (2, 9), (2, 3), (2, 1)]
    assert network.columns[2].tolist() == [[1, 1, 1], [1, 1, 0]]
    assert network.columns[3].tolist() == [[3], [2]]
    program = network.program(2)
    assert [array.name for array in program.data] == ["i", "t_o", "mask", "length"]


@pytest.mark.parametrize(
    ("old", "new", "wanted"),
    [
        ("lengths = [3, 2]", "lengths = [3, 4]", "data.lengths[2]: 4 is not a length; sequences have 1 to 3 steps"),
        ("lengths = [3, 2]", "lengths = [3, 0]", "0 is not a length"),
        ("lengths = [3, 2]", "lengths = [3]", "1 lengths for 2 rows of inputs"),
        ("lengths = [3, 2]", "length_column = 2", "length_column belongs to a file"),
        ("[[0, 1, 2], [2, 1, 0]]", "[[0, 1, 2], [2, 1]]", "row 2 has the width 2 where 3 is needed (class indices"),
        ("[[0, 1, 2], [2, 1, 0]]", "[0, 1]", "targets of 2×1 where the network needs 2×3 (class indices"),
        ("[[0, 1, 2], [2, 1, 0]]", "[[0, 1, 2], [2, 1, 3]]", "data.targets[2][3]: 3 is not a class index"),
        ("classes = 3", "classes = 4", "4 classes, but the last layer has 3 units"),
        ('kind = "cross_entropy"', 'kind = "cross_entropy"\nover_time = "none"', "over_time"),
        ("input_shape = [3, 2]", "input_shape = [1, 3, 2]", "reads time × features"),
        ("learning_rate = 0.1", 'learning_rate = 0.1\nupdate = "in_place"', "the recurrent layer h uses its own"),
        ("units = 2\n", "units = 2\nbiases = [1, 2]\n", "2 values where the layer needs 8"),
        ("units = 2\n", "units = 2\nh0 = [1]\n", "1 values where the layer needs 2"),
        (
            "units = 2\n",
            'units = 2\nfrozen = ["V"]\n',
            "this layer has no parameter V; it has weights, recurrent_weights, bias, h0, c0",
        ),
        ("units = 2\n", "units = 2\nreset = 1\n", "there is no such key"),
        ('kind = "lstm"\nunits = 2', "units = 2", "there is no recurrent layer"),
        ('name = "h"\n', 'name = "h"\noutputs = "last"\n', "class indices"),
        (
            "[[network.layers]]\nunits = 3",
            '[[network.layers]]\nname = "f_h"\nunits = 3',
            "what a gate of layer h is called",
        ),
    ],
)
def test_sequences_that_do_not_fit_are_refused(old: str, new: str, wanted: str) -> None:
    assert old in SEQUENCES
    assert wanted in complaint(SEQUENCES.replace(old, new))


def test_over_time_belongs_to_a_sequence() -> None:
    text = SEQUENCES.replace("units = 2", 'units = 2\noutputs = "last"').replace("[[0, 1, 2], [2, 1, 0]]", "[0, 1]")
    parse_scenario(text)
    assert "over_time belongs to a sequence" in complaint(
        text.replace('kind = "cross', 'over_time = "sum"\nkind = "cross')
    )


def test_lengths_may_stand_in_a_file(tmp_path: Any) -> None:
    rows = ["1,2,3,4,5,6,0,1,2,3", "1,2,3,4,0,0,2,1,0,2"]
    (tmp_path / "rows.csv").write_text("\n".join(rows) + "\n")
    text = SEQUENCES.partition("[data]")
    data = '[data]\nfile = "rows.csv"\ninput_columns = "1-6"\ntarget_columns = "7-9"\nclasses = 3\nlength_column = 10\n'
    path = tmp_path / "s.toml"
    path.write_text(text[0] + data + "[loss]" + text[2].partition("[loss]")[2])
    from retrograde.engine.scenario.file import load_scenario

    inline = Network(parse_scenario(SEQUENCES))
    for column, wanted in zip(Network(load_scenario(path)).columns, inline.columns, strict=True):
        assert column.tolist() == wanted.tolist()
    np.savez(tmp_path / "rows.npz", inputs=inline.columns[0], targets=[[0, 1, 2], [2, 1, 0]], lengths=[3, 2])
    path.write_text(path.read_text().replace(data, '[data]\nfile = "rows.npz"\nlength_key = "lengths"\nclasses = 3\n'))
    for column, wanted in zip(Network(load_scenario(path)).columns, inline.columns, strict=True):
        assert column.tolist() == wanted.tolist()
    np.savez(tmp_path / "rows.npz", inputs=inline.columns[0], targets=[[0, 1, 2], [2, 1, 0]], lengths=[3, 5])
    with pytest.raises(ScenarioError, match="5 is not a length"):
        load_scenario(path)
