"""Embeddings, positions, attention, layer norms and linear layers: every slot is what its equation says."""

from __future__ import annotations

import math
from random import Random
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrograde.engine import Session
from retrograde.engine.equations.arithmetic import same_bits
from retrograde.engine.equations.expression import Ref
from retrograde.engine.network.frame import Frame
from retrograde.engine.network.network import Network
from retrograde.engine.ops.kernels import products
from retrograde.engine.scenario.file import parse_scenario
from tests.executor.test_kernels import SPECIAL, assert_frame_is_its_equations, executors
from tests.support.attended import Attended
from tests.support.effort import examples
from tests.support.networks import all_slots, bits, executed_by
from tests.support.readers import assert_uses_are_reads


def near(left: Frame, right: Frame) -> None:
    """Two frames that differ by rounding alone; −∞ where the other is."""
    largest = float(np.max(np.abs(left.flat[np.isfinite(left.flat)])))
    for array in left.program.arrays:
        a, b = left.array(array), right.array(array)
        with np.errstate(invalid="ignore"):
            gap = np.where(a == b, 0.0, np.abs(a - b))
        allowed = 1e-11 * float(np.max(np.abs(a), initial=0.0, where=np.isfinite(a))) + 1e-14 * largest
        assert np.all(gap <= allowed), array


@examples(24)
@given(
    seed=st.integers(0, 2**32),
    update=st.sampled_from(("simultaneous", "in_place")),
    fast=st.booleans(),
    chunk=st.sampled_from((1, 30, 1 << 16)),
)
def test_every_slot_is_what_its_equation_says(seed: int, update: str, fast: bool, chunk: int) -> None:
    network = Network(Attended(seed=seed, update=update).scenario)
    program = network.program(network.batch)
    frames = []
    with patch.multiple(products, FAST=fast, CHUNK=chunk, _FEW=0):
        for executor in executors(network, program):
            frame = executor.frame(network.initial_state, executor.leaves(network.columns, range(program.batch)))
            assert_frame_is_its_equations(frame)
            frames.append(frame)
    near(*frames)


@examples(12)
@given(seed=st.integers(0, 2**32))
def test_edits_inf_and_nan_have_the_bits_of_the_equations(seed: int) -> None:
    random = Random(seed)
    network = Network(Attended(seed=seed % 1000, samples=random.randint(1, 3)).scenario)
    program = network.program(len(network.dataset))
    every = all_slots(program)
    overrides = {random.choice(every): random.choice((*SPECIAL, 0.5, 1.0, -1.0)) for _ in range(random.randrange(4))}
    for executor in executors(network, program):
        leaves = executor.leaves(network.columns, range(program.batch))
        frame = executor.frame(network.initial_state, leaves, overrides)
        assert_frame_is_its_equations(frame, frozenset(overrides))
        for ref, value in overrides.items():
            assert bits(frame.value(ref)) == bits(value)
        plain = executor.frame(network.initial_state, leaves)
        losses: list[float] = []
        after = executor.advance(network.initial_state, [leaves, leaves], losses)
        assert same_bits(after, executor.frame(plain.next_state, leaves).next_state)


@pytest.mark.parametrize("seed", range(12))
def test_blas_computes_the_same_but_for_rounding(seed: int) -> None:
    frames = []
    for arithmetic in ("exact", "blas"):
        with executed_by("kernels"):
            frames.append(Session(Attended(seed=seed, arithmetic=arithmetic).scenario).timeline.frame(0))
    other = frames[1].program
    assert [array.name for array in frames[0].program.arrays] == [array.name for array in other.arrays]
    for array in frames[0].program.arrays:
        a, b = frames[0].array(array), frames[1].array(other.named[array.name])
        assert np.allclose(a, b, rtol=1e-9, atol=1e-11), array


@pytest.mark.parametrize("seed", range(8))
def test_where_a_slot_is_used_is_where_an_equation_reads_it(seed: int) -> None:
    network = Network(Attended(seed=seed, samples=2).scenario)
    assert_uses_are_reads(network, Random(seed), 4)


def lines(*layers: str, inputs: str, targets: str, more: str = "") -> str:
    """A scenario with some layers on one sample."""
    return "\n".join(
        (
            'format = 1\ntitle = { en = "t", zh = "t" }\n[network]',
            *layers,
            f"[data]\ninputs = {inputs}\ntargets = {targets}",
            '[loss]\nkind = "half_squared_error"\n[training]\nlearning_rate = 0.5\n[stop]\nepochs = 2',
            more,
        )
    )


PLAIN = lines(
    "inputs = 6\ninput_shape = [3, 2]",
    '[[network.layers]]\nname = "a"\nkind = "attention"\nprojections = []\ncausal = true',
    '[[network.layers]]\nname = "o"\nkind = "linear"\nunits = 1\nweights = [[1.0, 2.0]]\nbias = "none"',
    inputs="[[1.0, 0.0, 0.0, 1.0, 1.0, 1.0]]",
    targets="[[0.0, 0.0, 0.0]]",
)


def test_causal_attention_by_hand() -> None:
    """Three positions, each its own query, key and value: (1,0), (0,1), (1,1)."""
    session = Session(parse_scenario(PLAIN))
    session.seek(session.length)
    e = math.exp(1 / math.sqrt(2))
    # The second sees itself with score 1/√2 and the first with 0; the third all three with 1/√2, 1/√2, 2/√2.
    for name, wanted in {
        "dot_a[2,1]": 0.0,
        "dot_a[1,3]": 1.0,
        "scores_a[1,3]": -math.inf,
        "scores_a[3,3]": 2 / math.sqrt(2),
        "a_a[1,1]": 1.0,
        "a_a[1,2]": 0.0,
        "a_a[2,1]": 1 / (1 + e),
        "a_a[2,2]": e / (1 + e),
        "a_a[3,1]": e / (2 * e + e * e),
        "S_a2": 1 + math.exp(-1 / math.sqrt(2)),
        "out_a[2,2]": e / (1 + e),
        "out_a[3,1]": (e + e * e) / (2 * e + e * e),
    }.items():
        assert session.value(name) == pytest.approx(wanted, rel=1e-14), name


def test_masked_positions_are_left_out_of_the_equations() -> None:
    session = Session(parse_scenario(PLAIN))
    texts = {}
    for number in range(1, session.length // 2 + 1):
        session.seek(number)
        step = session.current
        assert step is not None
        texts[step.name] = step.text(digits=4)[0]
    assert texts["scores_a[1,2]"] == "−∞"
    assert texts["scores_a[2,2]"] == "dot_a[2,2] / √2"
    assert texts["S_a2"] == "e_a[2,1] + e_a[2,2]"
    assert texts["max_a1"] == "scores_a[1,1]"
    assert texts["e_a[1,3]"] == texts["a_a[1,3]"] == "0"
    assert texts["out_a[1,1]"] == "a_a[1,1] · i[1,1] + a_a[1,2] · i[2,1] + a_a[1,3] · i[3,1]"


EMBEDDED = lines(
    "inputs = 3",
    '[[network.layers]]\nname = "m"\nkind = "embedding"\nvocabulary = 4\nunits = 2',
    "weights = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]]",
    '[[network.layers]]\nname = "o"\nkind = "linear"\nunits = 1\nweights = [[1.0, 10.0]]\nbiases = 0.0',
    inputs="[[2.0, 0.0, 2.0]]",
    targets="[[65.0, 20.0, 64.0]]",
)


def test_the_gradient_of_an_embedding_goes_to_the_rows_that_were_read() -> None:
    session = Session(parse_scenario(EMBEDDED))
    session.seek(1)
    assert session.current is not None
    assert (session.current.name, session.current.text()[0]) == ("out_m[1,1]", "W_m[3,1]")
    session.seek(session.length // 2)
    # The outputs are 65, 21 and 65; the errors 0, 1 and 1.
    assert [session.value(f"grad(W_m[{row},2])") for row in (1, 2, 3, 4)] == [10.0, 0.0, 10.0, 0.0]
    assert session.value("grad(W_m[3,1])") == 1.0
    step = session.explain(session.resolve("grad(W_m[3,2])"))
    assert step is not None
    assert step.text()[0] == "∂E/∂out_m[1,2] + ∂E/∂out_m[3,2]"
    moments = session.uses(session.resolve("W_m[3,2]"))
    assert {session.step_at(moment.number).name for moment in moments} == {"out_m[1,2]", "out_m[3,2]", "new(W_m[3,2])"}


THROUGH_TIME = lines(
    "inputs = 6\ninput_shape = [3, 2]\nseed = 3",
    '[[network.layers]]\nname = "h"\nkind = "rnn"\nunits = 3',
    '[[network.layers]]\nname = "n"\nkind = "layer_norm"',
    '[[network.layers]]\nname = "f"\nkind = "linear"\nunits = 2\nactivation = "gelu"',
    '[[network.layers]]\nname = "o"\nkind = "linear"\nunits = 1',
    inputs="[[1.0, 0.0, 0.0, 1.0, 1.0, 1.0], [0.5, 0.25, -1.0, 1.0, 0.0, 2.0]]",
    targets="[[0.0, 1.0, 0.0], [1.0, 0.0, 1.0]]",
)


def test_norms_and_linear_layers_work_at_each_time_step() -> None:
    network = Network(parse_scenario(THROUGH_TIME))
    program = network.program(2)
    assert {"mu_n@1", "xhat_n@3", "net_f@2", "out_o@3", "grad(out_n@2)"} <= set(program.named)
    frames = []
    for executor in executors(network, program):
        frame = executor.frame(network.initial_state, executor.leaves(network.columns, range(2)))
        assert_frame_is_its_equations(frame)
        frames.append(frame)
    near(*frames)
    session = Session(parse_scenario(THROUGH_TIME))
    session.step("iteration")
    checked = [
        session.check_gradient(session.resolve(name)) for name in ("grad(gamma_n1)", "grad(W_f[2,1])", "grad(b_o1)")
    ]
    assert all(one is not None and one.agrees for one in checked)


def test_gradients_agree_with_differences() -> None:
    for seed in range(6):
        session = Session(Attended(seed=seed, samples=2).scenario)
        session.step("iteration")
        random = Random(seed)
        gradients = [
            array for array in session.program.arrays if array.name.startswith("grad(") and array.of is not None
        ]
        for array in gradients:
            index = tuple(random.randrange(length) for length in array.shape)
            found = session.check_gradient(Ref(array, index))
            assert found is None or found.agrees or found.kink, (seed, array, index, found)
