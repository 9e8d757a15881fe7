"""Acyclic networks and graphs of scalars: their frames are their equations, and stepping them is running them."""

from __future__ import annotations

import math
from itertools import pairwise
from random import Random
from typing import Any

import numpy as np
import pytest

from retrograde.engine import EngineError, Session, trace
from retrograde.engine.equations.arithmetic import same_bits
from retrograde.engine.equations.array import Extent, Role
from retrograde.engine.equations.expression import Ref, refs
from retrograde.engine.executor.kernels import KernelExecutor
from retrograde.engine.explaining.chain import chain
from retrograde.engine.network.network import Network
from retrograde.engine.ops.gradient import Gradient
from retrograde.engine.scenario.file import parse_scenario
from retrograde.engine.session.gradient_report import check_gradients
from tests.executor.test_kernels import SPECIAL, alike, assert_frame_is_its_equations, executors
from tests.support.dags import network, scalars
from tests.support.networks import all_slots, bits, executed_by, slots

SEEDS = range(40)


def text_of(seed: int, **settings: Any) -> str:
    """A network, or, of every third seed, a graph of scalars."""
    random = Random(1000 + seed)
    return scalars(random, updates=2) if seed % 3 == 2 else network(random, updates=2, **settings)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_slot_is_what_its_equation_says(seed: int) -> None:
    made = Network(parse_scenario(text_of(seed, update="in_place" if seed % 4 == 1 else "simultaneous")))
    program = made.program(made.batch)
    frames = []
    for executor in executors(made, program):
        leaves = executor.leaves(made.columns, range(program.batch))
        frame = executor.frame(made.initial_state, leaves)
        assert_frame_is_its_equations(frame)
        losses: list[float] = []
        assert same_bits(executor.advance(made.initial_state, [leaves], losses), frame.next_state)
        frames.append(frame)
    alike(*frames)


@pytest.mark.parametrize("seed", SEEDS)
def test_inf_and_nan_have_the_bits_of_the_equations(seed: int) -> None:
    random = Random(seed)
    made = Network(parse_scenario(text_of(seed)))
    program = made.program(made.batch)
    every = [ref for ref in all_slots(program) if ref.array.role is not Role.TARGET]
    for _ in range(3):
        overrides = {random.choice(every): random.choice(SPECIAL) for _ in range(random.randint(1, 3))}
        for executor in executors(made, program):
            frame = executor.frame(made.initial_state, executor.leaves(made.columns, range(program.batch)), overrides)
            assert_frame_is_its_equations(frame, frozenset(overrides))


@pytest.mark.parametrize("seed", range(24))
def test_tracing_stepping_and_running_give_the_same_bits(seed: int) -> None:
    with executed_by("kernels" if seed % 2 else "generated"):
        scenario = parse_scenario(text_of(seed, arithmetic="blas" if seed % 8 == 3 else "exact"))
        traced = [(step.moment, step.symbol, bits(step.result)) for step in trace(scenario)]
        walker, runner = Session(scenario), Session(scenario)
        for wanted in traced:
            assert walker.step()
            assert walker.current is not None
            assert (walker.current.moment, walker.current.symbol, bits(walker.current.result)) == wanted
        runner.run()
        for number in Random(seed).sample(range(1, len(traced) + 1), 10):
            runner.seek(number)
            assert runner.current is not None
            assert (runner.current.moment, runner.current.symbol, bits(runner.current.result)) == traced[number - 1]


@pytest.mark.parametrize("seed", range(24))
def test_names_provenance_and_chains(seed: int) -> None:
    random = Random(seed)
    session = Session(parse_scenario(text_of(seed)))
    program = session.schedule.full
    names: dict[str, Ref] = {}
    for ref in all_slots(program):
        for name in {session.notation.name(ref, sample=-1), session.notation.symbol(ref, sample=-1)}:
            assert names.setdefault(name, ref) == ref, "no two slots share a name"
            assert session.notation.resolve(name, program) == ref
    steps = [session.step_at(number) for number in range(1, program.steps + 1)]
    reads = [(step.moment, set(refs(step.stated))) for step in steps]
    for ref in random.sample(all_slots(program), 8):
        sample = ref.index[0] if ref.array.batched else random.randrange(program.batch)
        session.seek(next(step.number for step in steps if step.place.sample == sample))
        wanted = [moment for moment, read in reads if ref in read and moment.sample in {None, sample}]
        assert list(session.uses(ref)) == wanted, ref
    for step in steps:
        if isinstance(step.op, Gradient):
            factors = chain(step)
            product = factors[0].value
            for above, factor in pairwise(factors):
                assert factor.above == above.below
                product = product * factor.value
            assert bits(product) == bits(step.contribution)


@pytest.mark.parametrize("seed", range(18))
def test_gradients_agree_with_differences(seed: int) -> None:
    session = Session(parse_scenario(text_of(seed)))
    session.step("iteration")
    report = check_gradients(session, count=12, seed=seed)
    assert report.ok, [check for check in report.checks if not check.agrees]


# ------------------------------------------------------------------ uses of one array, and their order


HEAD = 'format = 1\ntitle = { en = "t", zh = "t" }\n[network]\ninputs = 2\n'
TAIL = "[training]\nlearning_rate = 0.5\n{more}[stop]\nepochs = 5\n"
TIED = (
    HEAD
    + """[[network.layers]]
name = "h"
units = 2
activation = "tanh"
weights = [[0.3, -0.2], [0.1, 0.4]]
biases = [0.1, -0.3]
[[network.layers]]
name = "k"
units = 2
activation = "tanh"
share = "h"
[[network.layers]]
name = "o"
units = 1
activation = "identity"
bias = "none"
weights = [[0.7, -0.6]]
[data]
inputs = [[0.5, -1.0], [0.25, 0.75]]
targets = [[1.0], [-0.5]]
[loss]
kind = "half_squared_error"
"""
)


def tied(in_place: bool = False) -> str:
    return TIED + TAIL.format(more='update = "in_place"\n' if in_place else "")


def gradient(session: Session, name: str) -> Gradient:
    program = session.schedule.full
    op = program.maker(program.named[f"grad({name})"])
    assert isinstance(op, Gradient)
    return op


def test_a_shared_weight_adds_up_its_uses_the_latest_first() -> None:
    session = Session(parse_scenario(tied()))
    assert [array.name for array in session.network.state] == ["W_h", "b_h", "W_o"]
    step = next(step for step in trace(parse_scenario(tied())) if step.symbol == "∂E/∂w1")
    assert step.text()[0] == "δ_k1 · out_h1 + δ_h1 · i1"
    assert gradient(session, "W_h").extent is Extent.SUM


@pytest.mark.parametrize("in_place", [False, True])
def test_a_tied_network_trains_as_numpy_says(in_place: bool) -> None:
    """In place, a weight is updated once its last use, in the first layer, is in."""
    session = Session(parse_scenario(tied(in_place)))
    X, T = np.array([[0.5, -1.0], [0.25, 0.75]]), np.array([[1.0], [-0.5]])
    W, b, V = np.array([[0.3, -0.2], [0.1, 0.4]]), np.array([0.1, -0.3]), np.array([[0.7, -0.6]])
    for _ in range(5):
        h = np.tanh(X @ W.T + b)
        k = np.tanh(h @ W.T + b)
        d = k @ V.T - T
        gV = d.T @ k
        # In place, o is updated before its gradient goes on.
        back = V - 0.5 * gV if in_place else V
        dk = d @ back * (1 - k * k)
        dh = dk @ W * (1 - h * h)
        gW, gb = dk.T @ h + dh.T @ X, dk.sum(axis=0) + dh.sum(axis=0)
        W, b, V = W - 0.5 * gW, b - 0.5 * gb, V - 0.5 * gV
    state = session.timeline.state(5)
    np.testing.assert_allclose(state, np.concatenate([W.ravel(), b, V.ravel()]), rtol=1e-12)


def test_in_place_a_weight_waits_for_its_first_layer() -> None:
    session = Session(parse_scenario(tied(in_place=True)))
    names = [op.target.name for op in session.schedule.full.ops]
    assert names.index("new(W_o)") < names.index("grad(net_k)")
    assert names.index("grad(net_h)") < names.index("new(W_h)")


def test_a_reused_value_is_one_gradient_with_a_term_for_each_use() -> None:
    text = """format = 1
title = { en = "t" }
[[network.layers]]
name = "n"
kind = "graph"
values = { a = 3.0 }
assign = ["b = a + a", "c = a * b"]
[loss]
kind = "value"
[training]
learning_rate = 0.1
[stop]
epochs = 1
"""
    steps = {step.symbol: step for step in trace(parse_scenario(text))}
    assert steps["∂E/∂a"].text()[0] == "∂E/∂c · b + ∂E/∂b + ∂E/∂b"
    assert steps["∂E/∂a"].result == 12.0
    assert [len(terms) for terms in (steps["∂E/∂a"].terms, steps["∂E/∂b"].terms)] == [3, 1]


SKIPS = (
    HEAD
    + """[[network.layers]]
name = "h"
units = 2
edges = [[1, 0], [1, 1]]
weights = [[0.5, 0], [0.3, 0.4]]
[[network.layers]]
name = "o"
units = 2
inputs = ["i", "h"]
edges = [[0, 1, 0, 1], [1, 0, 0, 0]]
numbering = "source"
[data]
inputs = [[0, 1]]
targets = [[1, 0]]
[loss]
kind = "half_squared_error"
"""
    + TAIL.format(more="")
)


def test_single_edges_are_one_weighted_sum_and_absent_ones_are_nowhere() -> None:
    session = Session(parse_scenario(SKIPS))
    steps = {step.symbol: step.text()[0] for step in trace(parse_scenario(SKIPS)) if step.moment.epoch == 0}
    assert steps["net_h1"] == "w1 · i1 + b_h1"
    assert steps["net_h2"] == "w2 · i1 + w3 · i2 + b_h2"
    assert steps["net_o1"] == "w5 · i2 + w6 · out_h2 + b_o1"
    assert steps["net_o2"] == "w4 · i1 + b_o2"
    assert steps["∂E/∂w6"] == "δ_o1 · out_h2"
    assert steps["∂E/∂out_h1"] == "0"
    assert steps["∂E/∂out_h2"] == "w6 · δ_o1"
    assert session.network.parameters[session.network.layers[0].parameters["W"]].tolist() == [0.5, 0.3, 0.4]
    layer = session.network.layers[1]
    assert layer.weights is not None
    edges = [tuple(layer.edge(ref.index)) for ref in slots(layer.weights)]
    assert edges == [("i", 1, 0), ("h", 1, 0), ("i", 0, 1)]
    assert session.notation.name(Ref(layer.weights, (1,))) == "w6"
    assert sum(name.startswith("∂E/∂w") for name in steps) == 6


def test_a_unit_that_no_edge_leaves_has_no_gradient_in_either_executor() -> None:
    made = Network(parse_scenario(SKIPS))
    program = made.program(1)
    for executor in executors(made, program):
        frame = executor.frame(made.initial_state, executor.leaves(made.columns, range(1)))
        zero = float(frame.array(program.named["grad(out_h)"])[0, 0])
        assert (zero, math.copysign(1.0, zero)) == (0.0, 1.0)


LOSSES = (
    HEAD
    + """[[network.layers]]
name = "p"
units = 3
activation = "softmax"
weights = [[0.1, 0.2], [0.3, -0.4], [0.5, 0.6]]
bias = "none"
[[network.layers]]
name = "q"
units = 1
activation = "identity"
inputs = ["i", "p"]
weights = [[0.2, -0.1, 0.4, 0.3, 0.7]]
bias = "none"
[data]
inputs = [[1.0, 0.5], [0.0, -1.0]]
targets = [[0.0, 1.0, 0.0, 2.0], [1.0, 0.0, 0.0, -1.0]]
[loss]
kind = "cross_entropy"
layer = "p"
weight = 0.25
[[losses]]
kind = "half_squared_error"
layer = "q"
weight = 3.0
over_batch = "mean"
"""
    + TAIL.format(more="")
)


def test_several_losses_add_up_with_their_weights_and_columns() -> None:
    session = Session(parse_scenario(LOSSES))
    frame = session.timeline.frame(0)
    named = frame.program.named
    p, q = frame.array(named["out_p"]), frame.array(named["out_q"])
    T = session.network.dataset.targets
    surprise = -(T[:, :3] * np.log(p)) * 0.25 / 2
    square = 3.0 * 0.5 * (q - T[:, 3:]) ** 2 / 2
    np.testing.assert_allclose(frame.array(named["E_p"]), surprise, rtol=1e-12)
    np.testing.assert_allclose(frame.array(named["E_q"]), square, rtol=1e-12)
    np.testing.assert_allclose(float(frame.array(named["E"])), surprise.sum() + square.sum(), rtol=1e-12)
    texts = {step.symbol: step.text()[0] for step in trace(parse_scenario(LOSSES)) if step.moment.number < 40}
    assert texts["E"] == "E_p1 + E_p2 + E_p3 + E_q1"
    assert texts["∂E/∂out_q1"] == "3 · (out_q1 − t_q1) / 2"
    assert session.measure("E_data", 0) == pytest.approx(float(frame.array(named["E"])), rel=1e-12)
    assert [column.shape[1] for column in session.network.columns] == [2, 3, 1]


def test_a_kernel_over_many_samples_has_the_bits_of_a_graph() -> None:
    """One graph over a batch: a mesh of samples, parameters without axes, units of a row."""
    rows = [[round(math.sin(3.0 * n + k), 3) for k in range(2)] for n in range(33)]
    text = f"""{HEAD}[[network.layers]]
name = "n"
kind = "graph"
inputs = ["i"]
values = {{ u = 0.5, v = -1.5, unused = 2.0 }}
assign = ["s = u*i1 + v*i2", "s = tanh(s) * s**2 / (1 + i2*i2)", "r = max(s, u) - relu(v*i1)**-1 * 0"]
outputs = ["s.2", "r"]
[data]
inputs = {rows}
[loss]
kind = "value"
over_outputs = "mean"
over_batch = "mean"
{TAIL.format(more="batch_size = 11" + chr(10))}"""
    made = Network(parse_scenario(text))
    program = made.program(11)
    executor = KernelExecutor(program, made.constants)
    frame = executor.frame(made.initial_state, executor.leaves(made.columns, range(11)))
    assert_frame_is_its_equations(frame)
    assert {array.name for array in program.state} == {"u", "v"}
    assert "grad(unused)" not in program.named


def test_a_term_of_a_gradient_that_is_a_subtotal_is_not_named_by_one_way() -> None:
    text = LOSSES.replace('name = "p"', 'name = "h"\nunits = 1\n[[network.layers]]\nname = "p"')
    lines = [line for line in text.splitlines() if not line.startswith("weights")]
    session = Session(parse_scenario("\n".join(lines).replace('inputs = ["i", "p"]', 'inputs = ["h"]')))
    assert session.measure("∂E_q1/∂out_h1", 0) == session.measure("delta(q1)", 0) * session.measure("w6", 0)
    with pytest.raises(EngineError, match="adds up what comes from each layer first"):
        session.measure("∂E_p1/∂out_h1", 0)
