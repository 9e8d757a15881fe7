"""The ordinary layers of PyTorch models: every slot is what its equation says, in every executor; runs are steps."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrograde.engine import Session
from retrograde.engine.equations.arithmetic import same_bits
from retrograde.engine.equations.expression import Ref
from retrograde.engine.errors import ScenarioError
from retrograde.engine.network.network import Network
from retrograde.engine.scenario.file import parse_scenario
from tests.executor.test_kernels import SPECIAL, assert_frame_is_its_equations, executors
from tests.layers.test_attention import near
from tests.support.effort import examples
from tests.support.networks import all_slots, bits, executed_by
from tests.support.ordinary import MOVES, Ordinary
from tests.support.readers import assert_uses_are_reads

SEEDS = st.integers(0, 2**32)


@pytest.mark.parametrize("kind", MOVES)
@examples(12, least=2)
@given(seed=SEEDS, update=st.sampled_from(("simultaneous", "in_place")))
def test_every_slot_is_what_its_equation_says(kind: str, seed: int, update: str) -> None:
    network = Network(Ordinary(seed=seed, kind=kind, update=update).scenario)
    program = network.program(network.batch)
    frames = []
    for executor in executors(network, program):
        leaves = executor.leaves(network.columns, range(program.batch))
        frame = executor.frame(network.initial_state, leaves)
        assert_frame_is_its_equations(frame)
        frames.append(frame)
        losses: list[float] = []
        after = executor.advance(network.initial_state, [leaves, leaves], losses)
        assert same_bits(after, executor.frame(frame.next_state, leaves).next_state)
    near(*frames)


@pytest.mark.parametrize("kind", MOVES)
@examples(6, least=1)
@given(seed=SEEDS)
def test_edits_inf_and_nan_have_the_bits_of_the_equations(kind: str, seed: int) -> None:
    random = Random(seed)
    network = Network(Ordinary(seed=seed, kind=kind, samples=random.randint(1, 3)).scenario)
    program = network.program(len(network.dataset))
    every = all_slots(program)
    overrides = {random.choice(every): random.choice((*SPECIAL, 0.5, -1.0)) for _ in range(4)}
    for executor in executors(network, program):
        leaves = executor.leaves(network.columns, range(program.batch))
        frame = executor.frame(network.initial_state, leaves, overrides)
        assert_frame_is_its_equations(frame, frozenset(overrides))


@pytest.mark.parametrize("kind", MOVES)
def test_blas_computes_the_same_but_for_rounding(kind: str) -> None:
    frames = []
    for arithmetic in ("exact", "blas"):
        with executed_by("kernels"):
            frames.append(Session(Ordinary(seed=1, kind=kind, arithmetic=arithmetic).scenario).timeline.frame(0))
    other = frames[1].program
    for array in frames[0].program.arrays:
        a, b = frames[0].array(array), frames[1].array(other.named[array.name])
        assert np.allclose(a, b, rtol=1e-9, atol=1e-11), array


@pytest.mark.parametrize("kind", MOVES)
def test_where_a_slot_is_used_is_where_an_equation_reads_it(kind: str) -> None:
    network = Network(Ordinary(seed=2, kind=kind, samples=2).scenario)
    assert_uses_are_reads(network, Random(kind), 3)


@pytest.mark.parametrize("kind", MOVES)
def test_running_is_stepping_and_gradients_agree_with_differences(kind: str) -> None:
    scenario = Ordinary(seed=3, kind=kind, samples=2).scenario
    walker, runner = Session(scenario), Session(scenario)
    runner.run()
    for place in (runner.length, runner.length // 2, 5):
        runner.seek(place)
        walker.seek(place)
        assert runner.current is not None
        assert walker.current is not None
        assert bits(runner.current.result) == bits(walker.current.result)
    session, random = Session(scenario), Random(kind)
    session.step("iteration")
    for array in session.program.arrays:
        if array.name.startswith("grad(") and array.of is not None:
            found = session.check_gradient(Ref(array, tuple(random.randrange(length) for length in array.shape)))
            assert found is None or found.agrees or found.kink, (array, found)
    assert session.explanations.verdict(session.autopsy("grad(W_ka[1,1])"))


REFUSED = [
    ("", 'kind = "group_norm"\ngroups = 3', "groups", "4 channels cannot be divided into 3 groups"),
    ("", 'kind = "group_norm"\ngroups = 4', "groups", "a group has one value, 4 coming before it"),
    ("", 'kind = "instance_norm"', "inputs", "channels with two positions or more; 4 comes before it"),
    ("", 'kind = "rms_norm"\naffine = false\ngamma = [1, 1, 1, 1]', "gamma", "affine = false leaves it out"),
    ("", 'kind = "layer_norm"\naffine = false\nbeta = [1, 1, 1, 1]', "beta", "affine = false leaves it out"),
    ("", 'kind = "rms_norm"\ngamma = [1, 1]', "gamma", "2 values where the layer needs 4"),
    ("", 'kind = "prelu"\nslopes = [1, 1, 1, 1]', "slopes", "that needs per_channel = true"),
    ("", 'kind = "prelu"\nper_channel = true\nslopes = [1, 1]', "slopes", "2 values where the layer needs 4"),
    ("", 'kind = "slice"\nfirst = 5', "first", "there is no place 5: the axis has 4, from 1 on"),
    ("", 'kind = "slice"\nat = 0', "at", "there is no place 0"),
    ("", 'kind = "slice"\nfirst = 3\nlast = -3', "last", "the last place, 2, comes before the first, 3"),
    ("", 'kind = "slice"\nat = 1\nlast = 2', "last", "at is one place"),
    ("", 'kind = "slice"\naxis = 2', "axis", "there is no axis 2"),
    ("", 'kind = "mean"\naxes = [1, -1]', "axes", "an axis is named twice"),
    ("", 'kind = "subtract"\ninputs = ["i", "q"]', "inputs", "or 1 along an axis that is repeated; they have 4, 3"),
    ("[2, 2]", 'kind = "upsample"\nalign_corners = true', "align_corners", 'this needs mode = "linear"'),
    ("[2, 2]", 'kind = "upsample"\nsize = [3]\nfactor = 2', "factor", "drop factor or size"),
    ("[2, 2]", 'kind = "upsample"\nsize = [3, 3]', "size", "2 lengths for 1 axes"),
    ("[2, 2]", 'kind = "attention"\nmask = [[1, 0]]', "mask", "the mask has 1 rows, and there are 2 queries"),
    ("[2, 2]", 'kind = "attention"\nmask = [[1, 0], [1, 0.5]]', "mask[2][2]", "1 for what stays; this is 0.5"),
    ("[2, 2]", 'kind = "attention"\ndropout_mask = [[1, 0]]', "dropout_mask[1]", "2 numbers, and 4 values are masked"),
]
"""The axes of the inputs, a layer, and the key and the words of what is wrong with it."""


@pytest.mark.parametrize(("shape", "layer", "key", "message"), REFUSED)
def test_what_does_not_fit_is_refused_at_its_key(shape: str, layer: str, key: str, message: str) -> None:
    axes = f"input_shape = {shape}\n" if shape else ""
    before = 'name = "q"\ninputs = ["i"]\nunits = 3'
    text = f"""format = 1
title = {{ en = "t" }}
[network]
inputs = 4
{axes}[[network.layers]]
{before}
[[network.layers]]
name = "k"
{layer if "inputs" in layer else layer + chr(10) + 'inputs = ["i"]'}
[[network.layers]]
name = "o"
units = 1
inputs = ["k", "q"]
[data]
inputs = [[1, 2, 3, 4]]
targets = [[1]]
[loss]
kind = "half_squared_error"
[training]
learning_rate = 0.1
[stop]
epochs = 1
"""
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(text)
    (problem,) = caught.value.problems
    assert problem.key == f"network.layers[2].{key}"
    assert message in problem.message
