"""Gradients of the inputs: asked for by name, checked by differences, and no part of a run that does not ask."""

from __future__ import annotations

import numpy as np
import pytest

from retrograde.engine import Session, load_scenario
from retrograde.engine.equations.arithmetic import same_bits
from retrograde.engine.errors import EngineError
from retrograde.engine.session.gradient_report import check_gradients


@pytest.mark.parametrize("updates", [0, 5])
def test_of_a_dense_layer_it_is_the_sum_of_weights_times_deltas(updates: int) -> None:
    session = Session(load_scenario("mazur"))

    def at(name: str) -> float:
        return float(session.measure(name, updates))

    assert at("grad(i1)") == at("w1") * at("delta(h1)") + at("w3") * at("delta(h2)")
    assert at("∂E/∂i2") == at("w2") * at("delta(h1)") + at("w4") * at("delta(h2)")
    assert session.measure("grad(i)", updates).tolist() == [at("grad(i1)"), at("grad(i2)")]
    assert at("max(abs(grad(i)))") == max(abs(at("grad(i1)")), abs(at("grad(i2)")))


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("lstm-two-steps", ("i2@1", "grad(i1@2)")),
        ("gru", ("grad(i@2)", "i@1")),
        ("batch-norm", ("grad(i1)", "i2{2}")),
        ("cs231n-conv", ("grad(i[1,2,3])", "i[3,4,4]")),
        ("iris", ("grad(i1){3}",)),
    ],
)
def test_it_is_what_a_difference_says(name: str, values: tuple[str, ...]) -> None:
    session = Session(load_scenario(name))
    report = check_gradients(session, names=values)
    assert [check.verdict.value for check in report.checks] == ["agrees"] * len(values)
    for check in report.checks:
        assert check.analytic == session.measure(session.notation.name(check.ref, sample=-1), 0)


@pytest.mark.parametrize("name", ["mazur", "xor-2-4-1", "lstm-two-steps", "weight-decay", "dropout", "mazur-in-place"])
def test_a_run_that_asks_for_it_has_the_same_bits(name: str) -> None:
    session = Session(load_scenario(name))
    for iteration in (0, 3):
        plain, sensitive = session.timeline.frame(iteration), session.timeline.sensitive(iteration)
        assert all(one.name != "grad(i)" for one in plain.program.arrays)
        for array in plain.program.arrays:
            assert same_bits(plain.array(array), sensitive.array(sensitive.program.named[array.name])), array.name


def test_it_is_known_at_the_end_of_the_backward_pass() -> None:
    session = Session(load_scenario("mazur"))
    with pytest.raises(EngineError, match="at the end of the backward pass"):
        session.value("grad(i1)")
    session.run(epochs=6)
    steps = list(session.where("grad(i1) < 0.003"))
    values = [float(session.measure("grad(i1)", updates)) for updates in range(6)]
    start, within = session.schedule.start, session.schedule.full.backward
    assert steps == [start(n) + within for n, value in enumerate(values) if value < 0.003]
    assert session.last("grad(i1) < 0.003") == steps[-1]
    found = session.extreme("grad(i1)")
    assert found is not None
    assert (found.value, found.step) == (max(values), start(int(np.argmax(values))) + within)
    session.seek(steps[0])
    assert session.value("grad(i1)") == session.look(session.watch("grad(i1)")) == values[steps[0] // start(1)]


def test_an_edit_is_seen() -> None:
    session = Session(load_scenario("mazur"))
    session.seek("2:1:0")
    session.edit({"w5": 3.0})
    session.seek("2:1")
    assert check_gradients(session, names=("i1",)).checks[0].verdict.value in {"agrees", "edited"}
    assert session.value("grad(i1)") != session.measure("grad(i1)", 0)


CONDITIONS = [
    ("xor-2-4-1", "grad(i1) > 0.004", 12),
    ("mazur", "grad(i1) < 0.0035 and i1 > 0", 12),
    ("iris", "max(abs(grad(i))) > 0.01", 3),
    ("lstm-two-steps", "abs(grad(i1@1)) < prev(abs(grad(i1@1)))", 12),
    ("descent-mini-batch", "grad(i1) < 0 and prev(grad(i1)) > 0", 4),
    ("digits", "norm(grad(i)) > 0.001", 1),
]


@pytest.mark.parametrize(("name", "condition", "epochs"), CONDITIONS)
def test_a_breakpoint_stops_where_a_query_finds_it(name: str, condition: str, epochs: int) -> None:
    asked = Session(load_scenario(name))
    asked.run(epochs=epochs)
    known = list(asked.where(condition))
    session = Session(load_scenario(name))
    session.run(epochs=epochs)
    session.seek("start")
    point = session.add_breakpoint(condition)
    stops = known[:4]
    for step in stops:
        assert session.proceed().breakpoint is point
        assert session.position == step
    assert stops[-1] in session.hits_of(session.schedule.locate(stops[-1])[0])
    for step in stops[-2::-1]:
        assert session.reverse().breakpoint is point
        assert session.position == step


@pytest.mark.parametrize(("name", "condition", "epochs"), CONDITIONS[:3])
def test_a_run_that_looks_stops_at_the_same_step_with_the_same_bits(name: str, condition: str, epochs: int) -> None:
    asked, fresh = Session(load_scenario(name)), Session(load_scenario(name))
    asked.run(epochs=epochs)
    point = fresh.add_breakpoint(condition)
    assert fresh.proceed().breakpoint is point
    assert fresh.position == asked.first(condition)
    iteration = fresh.iteration
    assert same_bits(fresh.timeline.state(iteration), asked.timeline.state(iteration))


def test_after_an_edit_and_at_the_end_of_an_epoch() -> None:
    session = Session(load_scenario("mazur"))
    session.run(epochs=5)
    session.seek("3:1:1")
    session.edit({"w5": -0.5}, name="other")
    session.run(epochs=8)
    known = list(session.where("grad(i1) < 0"))
    session.seek("start")
    session.add_breakpoint("grad(i1) crosses 0")
    session.proceed()
    assert known[0] == session.position
    until = Session(load_scenario("mazur"))
    outcome = until.run(until="grad(i1) < 0.0036")
    values = [float(until.measure("grad(i1)", updates)) for updates in range(outcome.epoch)]
    assert values[-1] < 0.0036 <= min(values[:-1])


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("cs231n-conv", "grad(i1) > 0", r"grad\(i\) has 3 axes: grad\(i\[1,1,1\]\) is its first value"),
        ("cs231n-conv", "grad(i[9,1,1]) > 0", "`9` is not in 1 to 3 of"),
        ("mazur", "grad(i3) > 0", r"there is no value called grad\(i3\)"),
        ("mazur", "at grad(i1)", r"no step makes grad\(i1\); formulas, breakpoints and gradcheck know it"),
    ],
)
def test_a_wrong_name_is_held_to_its_shape(name: str, text: str, said: str) -> None:
    with pytest.raises(EngineError, match=said):
        Session(load_scenario(name)).add_breakpoint(text)
