"""The scenarios that ship: they load, speak both languages, hold their figures, and show what they say they teach."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from retrograde.engine.scenario.catalogue import shipped, summary
from retrograde.engine.scenario.file import load_scenario
from retrograde.engine.scenario.models import Scenario
from retrograde.engine.session.published import check
from retrograde.engine.session.session import Session
from retrograde.engine.travel.stopping import StopRule

FOLDER = Path(__file__).parent.parent.parent / "scenarios"
HAN = re.compile(r"[\u4e00-\u9fff]")

NAMES = (
    "acyclic-by-example",
    "and-gate",
    "attention-by-hand",
    "batch-norm",
    "bilinear-by-hand",
    "brownlee",
    "brownlee-single",
    "char-rnn",
    "char-transformer",
    "convolution-backward",
    "convolution-by-hand",
    "cs231n-circuit",
    "cs231n-conv",
    "cs231n-max-pool",
    "cs231n-neuron",
    "deep-relu-glorot",
    "deep-relu-he",
    "deep-relu-zeros",
    "descent-batch",
    "descent-mini-batch",
    "descent-stochastic",
    "digits",
    "diverging",
    "dropout",
    "elman",
    "encoder-8-3-8",
    "four-equations",
    "goodfellow-xor",
    "gradient-by-example",
    "group-norm-by-hand",
    "gru",
    "hmkcode",
    "iamtrask",
    "iris",
    "lenet-digits",
    "linear-regression",
    "lstm-two-steps",
    "mazur",
    "mazur-in-place",
    "mean-pool-by-hand",
    "micrograd",
    "micrograd-neuron",
    "neuralblog",
    "optimiser-race",
    "prelu",
    "relu-sigmoid",
    "rms-norm-by-hand",
    "rumelhart-symmetry",
    "rumelhart-xor",
    "saturated",
    "single-layer-xor",
    "symmetric-init",
    "tiny-transformer",
    "transformer-step",
    "two-moons",
    "udacity",
    "vanishing",
    "vectorised-two-layer",
    "victorzhou",
    "victorzhou-forward",
    "weight-decay",
    "xor-2-2-1",
    "xor-2-4-1",
)

VARIANTS = tuple(f"{name}:{variant}" for name in NAMES for variant in summary(name).variants)

TOPOLOGY = {
    "mazur": "2-2-2",
    "mazur-in-place": "2-2-2",
    "neuralblog": "2-2-2",
    "xor-2-2-1": "2-2-1",
    "xor-2-4-1": "2-4-1",
    "iris": "4-8-3",
    "two-moons": "2-8-1",
    "digits": "64-32-10",
    "convolution-by-hand": "25-conv-max_pool-1",
    "lenet-digits": "64-conv-max_pool-conv-max_pool-10",
    "udacity": "3-2-1",
    "batch-norm": "2-3-batch_norm-1",
    "dropout": "2-8-dropout-1",
    "vanishing": "2-2-2-2-2-2-2-2-1",
    "elman": "4-rnn-1",
    "lstm-two-steps": "4-lstm",
    "gru": "6-gru-1",
    "char-rnn": "156-rnn-12",
    "micrograd": "graph",
    "rumelhart-xor": "2-1-1",
    "encoder-8-3-8": "8-3-8",
}


@cache
def scenario(name: str) -> Scenario:
    return load_scenario(name)


@cache
def trained(name: str) -> Session:
    """Return a session whose run has ended; its cursor is not to be moved."""
    session = Session(scenario(name))
    session.run()
    return session


def accuracy(session: Session) -> float:
    assert session.outcome is not None
    outputs = session.timeline.predictions(session.timeline.state(session.outcome.iterations))
    targets = session.network.dataset.targets
    if targets.shape[1] == 1:
        return float(np.mean((outputs > 0.5) == (targets > 0.5)))
    return float(np.mean(outputs.argmax(axis=1) == targets.argmax(axis=1)))


def end_loss(name: str) -> float:
    outcome = trained(name).outcome
    assert outcome is not None
    return trained(name).measure("E_data", outcome.iterations)


def test_exactly_these_ship() -> None:
    assert tuple(sorted(shipped())) == NAMES
    assert tuple(sorted(path.stem for path in FOLDER.glob("*.toml"))) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_it_loads_and_says_in_both_languages_what_it_teaches(name: str) -> None:
    found = scenario(name)
    assert found.topology == TOPOLOGY.get(name, found.topology)
    assert found.teaches is not None
    assert found.about is not None
    for text in (found.title, found.teaches, found.about):
        assert HAN.search(text.zh)
        assert not HAN.search(text.en)
        assert text.en == text.en.strip()
        assert text.zh == text.zh.strip()
        assert "  " not in text.en
    assert "\n" not in found.teaches.en + found.teaches.zh
    assert 200 <= len(found.about.en) <= 900
    assert 60 <= len(found.about.zh) <= 400
    assert found.expect
    for expect in found.expect:
        reason = expect.reason
        assert reason is None or not isinstance(reason, str), "a reason is given in both languages"
        if reason is not None:
            assert HAN.search(reason.zh) or "=" in reason.zh


@pytest.mark.parametrize("name", NAMES)
def test_every_published_figure_holds(name: str) -> None:
    wrong = [finding for finding in check(scenario(name)) if not finding.ok]
    assert not wrong, wrong


@pytest.mark.parametrize("name", NAMES)
def test_a_figure_that_is_no_publication_says_where_it_comes_from(name: str) -> None:
    found = scenario(name)
    if found.source is None:
        assert all(expect.reason is not None for expect in found.expect)
    assert all(expect.reason is not None for expect in found.expect if expect.verdict == "source_wrong")


@pytest.mark.parametrize("name", NAMES)
def test_two_epochs_run_and_step(name: str) -> None:
    session = Session(scenario(name))
    outcome = session.run(epochs=2)
    assert outcome.iterations in {session.schedule.per_epoch, 2 * session.schedule.per_epoch}
    assert np.isfinite(outcome.loss)
    end = session.position
    assert session.back("epoch")
    session.seek("start")
    for granularity in ("term", "step", "layer", "phase", "sample", "iteration"):
        assert session.step(granularity)
    session.seek(end)
    assert session.current is not None


@pytest.mark.parametrize("name", NAMES)
def test_the_file_names_no_other_folder(name: str) -> None:
    text = (FOLDER / f"{name}.toml").read_text(encoding="utf-8")
    assert ".." not in text
    found = tomllib.loads(text)
    data = found.get("data", {})
    reads = found["network"].get("inputs", 0) > 0 if "inputs" in found["network"] else False
    assert (FOLDER / data["file"]).is_file() if "file" in data else reads == bool({"inputs", "text"} & set(data))


# ------------------------------------------------------------------ each shows what it teaches


@pytest.mark.parametrize("name", VARIANTS)
def test_a_variant_holds_its_figures_and_has_a_title_in_both_languages(name: str) -> None:
    found = scenario(name)
    assert HAN.search(found.title.zh)
    assert not HAN.search(found.title.en)
    assert found.title != scenario(name.partition(":")[0]).title
    assert found.expect
    assert all(expect.reason is not None for expect in found.expect)
    wrong = [finding for finding in check(found) if not finding.ok]
    assert not wrong, wrong


def test_six_optimisers_solve_the_same_from_the_same_start() -> None:
    names = ["optimiser-race", *(name for name in VARIANTS if name.startswith("optimiser-race:"))]
    ends = {}
    for name in names:
        outcome = trained(name).outcome
        assert outcome is not None
        assert outcome.rule is StopRule.LOSS
        assert accuracy(trained(name)) == 1
        ends[name.partition(":")[2]] = outcome.epoch
    assert len({trained(name).measure("E", 0) for name in names}) == 1
    assert ends == {"": 728, "momentum": 50, "adagrad": 142, "rmsprop": 97, "adam": 68, "rprop": 19}
    first = trained("optimiser-race:adam")
    steps = [abs(first.measure(f"w{number}", 1) - first.measure(f"w{number}", 0)) for number in range(1, 10)]
    assert all(abs(step - 0.1) < 1e-6 for step in steps), "the first step of Adam is η for every weight"


def test_decay_draws_what_no_gradient_moves() -> None:
    for updates in (0, 7, 200):
        assert trained("weight-decay").measure("grad_loss(w3)", updates) == 0
        assert trained("weight-decay").measure("grad_loss(w6)", updates) == 0
    ends = {name: trained(f"weight-decay{name}").measure("w3", 400) for name in ("", ":none", ":coupled", ":adamw")}
    assert ends[":none"] == 0.8
    assert abs(ends[""] - 0.8 * 0.99**400) < 1e-14
    assert abs(ends[":coupled"] - ends[""]) < 1e-14
    assert abs(ends[":adamw"] - 0.8 * 0.999**400) < 1e-14
    under_adam = [trained("weight-decay:adam-l2").measure("w3", updates) for updates in (0, 1, 17)]
    assert abs(under_adam[1] - 0.75) < 1e-6, "the weak pull becomes a whole step"
    assert abs(under_adam[2]) < 0.05
    crossing = [trained("weight-decay:l1").measure("w3", updates) for updates in (10, 80, 81, 82)]
    assert abs(crossing[0] - 0.7) < 1e-14
    assert abs(crossing[1] - crossing[2]) > 0.009, "past 0 and back"


def test_both_xor_networks_learn() -> None:
    for name in ("xor-2-2-1", "xor-2-4-1"):
        outcome = trained(name).outcome
        assert outcome is not None
        assert outcome.rule is StopRule.LOSS
        assert accuracy(trained(name)) == 1
    # the plateau: a tenth of the way through, the smaller network has gained next to nothing
    plateau = trained("xor-2-2-1").measure("E", 100) / trained("xor-2-2-1").measure("E", 0)
    assert plateau > 0.98


def test_one_layer_can_not_learn_xor_but_learns_and() -> None:
    session = trained("single-layer-xor")
    outputs = session.timeline.predictions(session.timeline.state(20_000))
    assert np.all(abs(outputs - 0.5) < 0.01)
    outcome = trained("and-gate").outcome
    assert outcome is not None
    assert outcome.rule is StopRule.LOSS
    assert accuracy(trained("and-gate")) == 1


def test_equal_hidden_neurons_stay_equal_to_the_last_bit() -> None:
    session = trained("symmetric-init")
    for updates in (0, 1, 10, 777, 5000):
        assert session.measure("w1", updates) == session.measure("w3", updates)
        assert session.measure("w2", updates) == session.measure("w4", updates)
        assert session.measure("b_h1", updates) == session.measure("b_h2", updates)
        assert session.measure("w5", updates) == session.measure("w6", updates)
    assert session.measure("E", 5000) > 0.33


def test_a_saturated_neuron_learns_slowly_first_and_fastest_late() -> None:
    session = trained("saturated")
    outputs = [session.measure("out_o1", updates) for updates in range(301)]
    speed = -np.diff(outputs)
    assert outputs[0] - outputs[50] < 0.01
    assert 200 < int(speed.argmax()) < 260
    assert speed.max() > 100 * speed[0]


def test_gradients_vanish_layer_by_layer() -> None:
    session = Session(scenario("vanishing"))
    frame = session.timeline.frame(0)
    sizes = [
        float(np.abs(frame.array(frame.program.named[f"grad({layer.weights.name})"])).mean())
        for layer in session.network.layers
    ]
    assert len(sizes) == 8
    assert all(earlier < later for earlier, later in pairwise(sizes))
    assert sizes[-1] > 10_000 * sizes[0]


def test_a_learning_rate_too_large_ends_as_diverged() -> None:
    outcome = trained("diverging").outcome
    assert outcome is not None
    assert outcome.rule is StopRule.DIVERGED
    losses = [trained("diverging").measure("E", updates) for updates in range(50)]
    assert all(earlier < later for earlier, later in pairwise(losses))
    steady = trained("linear-regression").outcome
    assert steady is not None
    assert steady.rule is StopRule.CHANGE


def test_the_three_descents_differ_in_speed_and_in_rest() -> None:
    sessions = [trained(f"descent-{kind}") for kind in ("batch", "mini-batch", "stochastic")]
    assert [session.schedule.per_epoch for session in sessions] == [1, 3, 8]
    assert len({session.measure("E_data", 0) for session in sessions}) == 1
    first = [session.measure("E_data", session.schedule.per_epoch) for session in sessions]
    assert first[0] > first[1] > first[2]
    batch = [sessions[0].measure("E_data", updates) for updates in range(41)]
    assert all(earlier > later for earlier, later in pairwise(batch))
    best = 8.3475 - 29.5**2 / 15 / 8 - 1
    assert best < batch[-1] < best + 0.001
    swaying = [sessions[2].measure("E_data", 8 * epoch) for epoch in range(20, 41)]
    assert max(swaying) > best + 0.005


def test_an_order_of_updates_is_the_first_difference_of_the_mazur_scenarios() -> None:
    simultaneous, in_place = (Session(scenario(name)) for name in ("mazur", "mazur-in-place"))
    for name in ("E", "grad(w5)", "new(w5)", "new(w8)"):
        assert simultaneous.measure(name, 0) == in_place.measure(name, 0)
    for name in ("grad(out_h1)", "grad(w1)", "new(w1)"):
        assert simultaneous.measure(name, 0) != in_place.measure(name, 0)


def test_a_network_at_its_minimum_stops_by_its_gradient() -> None:
    outcome = trained("goodfellow-xor").outcome
    assert outcome is not None
    assert outcome.rule is StopRule.GRADIENT
    assert outcome.epoch == 1


def test_data_sets_are_learnt() -> None:
    assert accuracy(trained("iris")) >= 0.97
    assert accuracy(trained("two-moons")) >= 0.98
    assert accuracy(trained("digits")) > 0.95
    assert accuracy(trained("lenet-digits")) > 0.97
    assert accuracy(trained("brownlee")) == 1
    assert accuracy(trained("iamtrask")) == 1
    assert accuracy(trained("victorzhou")) == 1
    for name in ("mazur", "mazur-in-place", "neuralblog", "hmkcode", "convolution-by-hand"):
        assert end_loss(name) < 1e-3


def test_attention_learns_to_look_at_the_mirrored_position() -> None:
    session = trained("tiny-transformer")
    assert session.outcome is not None
    assert session.outcome.rule is StopRule.LOSS
    tables = []
    for iteration in (0, session.outcome.iterations - 1):
        frame = session.timeline.frame(iteration)
        tables.append(frame.array(frame.program.named["a_att"]).mean(axis=0))
    assert np.all(np.abs(tables[0] - 0.2) < 0.06), "at first each position looks everywhere"
    assert np.all(np.diag(tables[1][:, ::-1]) > 0.9)
    outputs = session.timeline.predictions(session.timeline.state(session.outcome.iterations)).reshape(-1, 5, 4)
    said = outputs.argmax(axis=2)
    assert np.array_equal(said, session.network.dataset.inputs[:, ::-1])


def test_a_causal_block_names_what_follows_and_sees_nothing_of_it() -> None:
    session = trained("char-transformer")
    assert session.outcome is not None
    assert session.outcome.rule is StopRule.LOSS
    frame = session.timeline.frame(session.outcome.iterations - 1)
    letters = np.array(session.network.dataset.class_names)
    said = ["".join(letters[row]) for row in frame.array(frame.program.named["out_o"]).argmax(axis=2)]
    assert said == ["he␣sells␣sea␣", "shells␣by␣the", "␣sea␣shore.␣s"]
    weights = frame.array(frame.program.named["a_att"])
    assert np.all(weights[:, *np.triu_indices(13, 1)] == 0)
    assert np.all(np.abs(weights.sum(axis=2) - 1) < 1e-12)


def test_a_vector_is_reached_as_query_as_key_and_as_value() -> None:
    session = Session(scenario("attention-by-hand"))
    step = session.explain(session.resolve("grad(out_emb[2,1])"))
    assert step is not None
    assert step.text()[0].count("∂E/∂dot_att") == 6, "as a query and as a key, of three positions each"
    assert step.text()[0].count("∂E/∂out_att") == 3
    assert session.measure("grad(scores_att[1,2])", 0) == 0
    assert session.measure("dot_att[1,3]", 0) == 1


def test_a_batch_norm_is_a_barrier_and_its_running_averages_lag() -> None:
    session = trained("batch-norm")
    waits = [segment for segment in session.schedule.full.segments if segment.sampled]
    assert len(waits) == 5, "two barriers forward, two backward"
    assert session.measure("E_data", 10) > 1
    assert session.measure("E", 10) < 0.2
    assert accuracy(session) == 1


def test_dropout_makes_the_loss_jump_but_not_that_of_an_evaluation() -> None:
    session = trained("dropout")
    losses = [session.measure("E", updates) for updates in range(300, 400)]
    evaluated = [session.measure("E_data", updates) for updates in range(300, 400)]
    assert np.mean(losses) > 5 * np.mean(evaluated)
    assert np.ptp(losses) > 10 * np.ptp(evaluated)
    assert accuracy(session) == 1


def outputs_through_time(session: Session) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """The outputs of the last layer at the end, (samples, time, units)."""
    assert session.outcome is not None
    frame = session.timeline.frame(session.outcome.iterations)
    last = session.network.layers[-1]
    arrays = [frame.array(frame.program.named[f"out_{last.name}@{time + 1}"]) for time in range(last.form.steps)]
    return np.stack(arrays, axis=1)


def test_a_recurrent_network_counts_ones_after_a_long_plateau() -> None:
    session = trained("elman")
    assert session.outcome is not None
    assert session.outcome.rule is StopRule.LOSS
    outputs = outputs_through_time(session)[:, :, 0]
    assert np.array_equal(outputs > 0.5, session.network.dataset.targets == 1)
    assert session.measure("E", 350) > 0.48


def test_the_update_gate_opens_for_what_is_to_be_kept_alone() -> None:
    session = trained("gru")
    assert session.outcome is not None
    assert session.outcome.rule is StopRule.LOSS
    end = session.outcome.iterations
    for sample in (1, 3, 5):
        assert session.measure(f"z_h1@1{{{sample}}}", end) < 0.2
        assert all(session.measure(f"z_h1@{time}{{{sample}}}", end) > 0.95 for time in range(2, 5))
    frame = session.timeline.frame(end)
    held = [frame.array(frame.program.named[f"out_h@{time}"])[4, 0] for time in (4, 5, 6)]
    assert len(set(held)) == 1, "the fifth sequence ends after four numbers"


def test_a_state_tells_what_comes_after_a_letter_that_does_not() -> None:
    session = trained("char-rnn")
    letters = np.array(session.network.dataset.class_names)
    said = ["".join(letters[row]) for row in outputs_through_time(session).argmax(axis=2)]
    assert said == ["he␣sells␣sea␣", "shells␣by␣the", "␣sea␣shore.␣s"]


def test_the_forget_gate_of_a_first_step_has_nothing_to_forget() -> None:
    session = Session(scenario("lstm-two-steps"))
    assert session.measure("c0_h1", 0) == 0
    assert session.measure("delta(f_h1@1)", 0) == 0
    # The way through the cell: no weight and no slope of tanh stands in it.
    through = session.measure("grad(c_h1@2)", 0) * session.measure("f_h1@2", 0)
    rest = session.measure("grad(out_h1@1)", 0) * session.measure("o_h1@1", 0)
    slope = 1 - np.tanh(session.measure("c_h1@1", 0)) ** 2
    assert np.isclose(session.measure("grad(c_h1@1)", 0), through + rest * slope, rtol=1e-13)


def test_one_hidden_unit_and_direct_edges_solve_xor_as_the_chapter_says() -> None:
    session = trained("rumelhart-xor")
    outcome = session.outcome
    assert outcome is not None
    assert (outcome.rule, outcome.epoch) == (StopRule.LOSS, 3894)
    outputs = session.timeline.predictions(session.timeline.state(outcome.iterations))
    assert np.all(abs(outputs - session.network.dataset.targets) < 0.02)
    printed = {"w1": -6.4, "w2": -6.4, "b_h1": 2.2, "w3": -4.2, "w4": -4.2, "w5": -9.4, "b_o1": 6.3}
    assert all(abs(session.measure(name, outcome.iterations) - value) < 0.1 for name, value in printed.items())


def test_symmetry_is_found_with_weights_as_one_to_two_to_four() -> None:
    session = trained("rumelhart-symmetry")
    outcome = session.outcome
    assert outcome is not None
    assert (outcome.rule, outcome.epoch) == (StopRule.LOSS, 1329)
    assert accuracy(session) == 1
    weights = np.array([session.measure(f"w{number}", 1329) for number in range(1, 13)]).reshape(2, 6)
    assert np.all(abs(weights + weights[:, ::-1]) < 0.01), "they cancel from both sides"
    assert np.all(abs(weights[0] + weights[1]) < 0.2), "one unit is the negative of the other"
    sizes = np.sort(abs(weights[:, :3]), axis=1)
    assert np.all(abs(sizes / sizes[:, :1] - [1, 2, 4]) < 0.05)


def test_three_units_find_the_binary_numbers() -> None:
    session = trained("encoder-8-3-8")
    assert accuracy(session) == 1
    codes = {tuple(round(session.measure(f"out_h{unit}", 40_000 - 8 + row)) for unit in (1, 2, 3)) for row in range(8)}
    assert len(codes) == 8


def test_deep_relu_networks_differ_in_their_initial_weights_alone() -> None:
    def sizes(name: str) -> list[float]:
        frame = Session(scenario(name)).timeline.frame(0)
        arrays = [frame.array(frame.program.named[f"out_h{layer}"]) for layer in (1, 10)]
        return [float(np.sqrt(np.mean(np.square(values)))) for values in arrays]

    he, glorot, zeros = (sizes(f"deep-relu-{kind}") for kind in ("he", "glorot", "zeros"))
    assert he[0] < 4 * he[1]
    assert glorot[0] > 25 * glorot[1]
    assert zeros == [0, 0]
    losses = [end_loss(f"deep-relu-{kind}") for kind in ("he", "glorot", "zeros")]
    assert losses[0] < 0.1
    assert 3 * losses[0] < losses[1] < 0.5
    assert abs(losses[2] - np.log(2)) < 1e-3
    assert accuracy(trained("deep-relu-he")) > 0.95
    stuck = trained("deep-relu-zeros")
    state = stuck.timeline.state(360)
    assert np.count_nonzero(state) == 1, "only the bias of the output has moved"
    assert stuck.measure("b_o1", 360) != 0
