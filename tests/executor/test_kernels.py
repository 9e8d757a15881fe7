"""Every slot of a frame is what its equation says, bit for bit, in both executors; and what overrides change."""

from __future__ import annotations

import math
from random import Random
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from retrograde.engine.equations.arithmetic import Floats, same_bits
from retrograde.engine.equations.array import Extent
from retrograde.engine.equations.evaluation import evaluate
from retrograde.engine.equations.expression import Ref
from retrograde.engine.executor import code_printing as printing
from retrograde.engine.executor.base import Executor
from retrograde.engine.executor.generated import GeneratedExecutor
from retrograde.engine.executor.kernels import KernelExecutor
from retrograde.engine.network.frame import Frame
from retrograde.engine.network.network import Network
from retrograde.engine.network.program import Program
from retrograde.engine.ops.kernels import long_sums
from retrograde.engine.scenario.file import parse_scenario
from retrograde.engine.travel.timeline import Timeline
from tests.support.effort import examples
from tests.support.networks import (
    ACTIVATIONS,
    BIASES,
    LOSSES,
    Recipe,
    all_slots,
    bits,
    executed_by,
    randoms,
    recipes,
    slots,
)

SPECIAL = (math.inf, -math.inf, math.nan, 0.0, -0.0, 710.0, -746.0, 1e308, -1e308, 1e-308, 5e-324, 1e160)


def executors(network: Network, program: Program) -> list[Executor]:
    """Both executors of one program."""
    constants = network.constants
    return [GeneratedExecutor(program, constants), KernelExecutor(program, constants)]


def stated(frame: Frame, ref: Ref) -> float:
    """A slot's value by its op's equation, over the frame's own slots."""
    op = frame.program.maker(ref.array)
    assert op is not None
    if op.extent is not Extent.SUM:
        return evaluate(op.equation(ref.index), frame.value, frame.mathematics)
    total = 0.0
    for sample in range(frame.program.batch):
        part = evaluate(op.equation((sample, *ref.index)), frame.value, frame.mathematics)
        total = part if sample == 0 else total + part
    return total


def assert_frame_is_its_equations(frame: Frame, overridden: frozenset[Ref] = frozenset()) -> None:
    """Every slot that an op makes holds what the op states."""
    for op in frame.program.ops:
        for ref in slots(op.target):
            if ref not in overridden:
                assert bits(frame.value(ref)) == bits(stated(frame, ref)), (ref, frame.mathematics)


def batch_of(network: Network, executor: Executor, rows: int) -> object:
    data = network.dataset
    return executor.leaves((data.inputs, data.targets), range(rows))


def alike(left: Frame, right: Frame) -> None:
    """Two frames that differ by rounding alone.

    Each value may be off by 1e-12 of the largest of its array, and, where it is a small difference of larger numbers,
    by a few units in the last place of the largest value of the frame.
    """
    largest = float(np.max(np.abs(left.flat)))
    for array in left.program.arrays:
        a, b = left.array(array), right.array(array)
        allowed = 1e-12 * float(np.max(np.abs(a))) + 1e-15 * largest
        assert np.all(np.abs(a - b) <= allowed), array


@examples(80)
@given(recipe=recipes(samples=5), chunk=st.sampled_from((1, 7, 30, 1 << 16)), data=st.data())
def test_every_slot_is_what_its_equation_says(recipe: Recipe, chunk: int, data: st.DataObject) -> None:
    network = Network(recipe.scenario)
    program = network.program(data.draw(st.integers(1, recipe.samples)))
    frames = []
    # However a long sum is cut into pieces, they are added in one row.
    with patch.object(long_sums, "CHUNK", chunk), patch.object(printing, "SUM_LIMIT", 500 if chunk > 100 else 2):
        for executor in executors(network, program):
            frame = executor.frame(network.initial_state, batch_of(network, executor, program.batch))
            assert_frame_is_its_equations(frame)
            frames.append(frame)
    alike(*frames)


SHAPES = [
    ((1, 1), 1),
    ((7, 1), 1),
    ((1, 7), 1),
    ((9, 1), 9),
    ((1, 9), 3),
    ((17, 1, 17), 1),
    ((1, 33, 1), 2),
    ((33, 2), 33),
    ((64, 3), 1),
    ((5, 40, 3), 33),
    ((257, 1), 33),
    ((9, 2), 257),
]
"""Widths and batches at which NumPy changes the order of a sum or the layout of a product, if it is allowed to."""


@pytest.mark.parametrize(("widths", "samples"), SHAPES)
@pytest.mark.parametrize("chunk", [1 << 16, 100])
@pytest.mark.parametrize("bias", BIASES)
def test_thin_and_long_shapes_add_in_written_order(
    widths: tuple[int, ...], samples: int, chunk: int, bias: str
) -> None:
    layers = len(widths) - 1
    recipe = Recipe(
        widths=widths,
        activations=("softmax", "softplus")[-layers:],
        biases=(bias,) * layers,
        frozen=((),) * layers,
        loss="huber",
        samples=samples,
        batch_size=0,
        seed=widths[0],
    )
    network = Network(recipe.scenario)
    program = network.program(samples)
    with patch.object(long_sums, "CHUNK", chunk):
        executor = KernelExecutor(program, network.constants)
        assert_frame_is_its_equations(executor.frame(network.initial_state, batch_of(network, executor, samples)))


def test_a_layer_larger_than_a_block_adds_in_written_order() -> None:
    recipe = Recipe(
        widths=(300, 100, 4),
        activations=("tanh", "softmax"),
        biases=("neuron", "shared"),
        frozen=((), ()),
        loss="cross_entropy",
        samples=5,
        batch_size=0,
    )
    network = Network(recipe.scenario)
    program = network.program(5)
    assert program.named["net_h"].size * 300 > long_sums.CHUNK
    executor = KernelExecutor(program, network.constants)
    frame = executor.frame(network.initial_state, batch_of(network, executor, 5))
    random = Random(1)
    for op in program.ops:
        every = list(slots(op.target))
        for ref in random.sample(every, min(len(every), 400)):
            assert bits(frame.value(ref)) == bits(stated(frame, ref)), ref


@examples(150)
@given(recipe=recipes(depth=3, samples=3), random=randoms())
def test_inf_nan_and_overflow_have_the_bits_of_the_equations_and_raise_nothing(recipe: Recipe, random: Random) -> None:
    network = Network(recipe.scenario)
    program = network.program(recipe.samples)
    data = network.dataset
    state, inputs = np.array(network.initial_state), np.array(data.inputs)
    for values in (state, inputs):
        for _ in range(random.randrange(3)):
            if values.size:
                values.flat[random.randrange(values.size)] = random.choice(SPECIAL)
    overrides = {random.choice(all_slots(program)): random.choice(SPECIAL) for _ in range(random.randrange(3))}
    for executor in executors(network, program):
        leaves = executor.leaves((inputs, data.targets), range(recipe.samples))
        frame = executor.frame(state, leaves, overrides)
        assert_frame_is_its_equations(frame, frozenset(overrides))
        for ref, value in overrides.items():
            assert bits(frame.value(ref)) == bits(value)
        plain = executor.frame(state, leaves)
        losses: list[float] = []
        after = executor.advance(state, [leaves, leaves], losses)
        second = executor.frame(plain.next_state, leaves)
        assert same_bits(after, second.next_state), "advancing is what the frames say, whatever the numbers"
        total = program.named["E"]
        assert [bits(loss) for loss in losses] == [bits(float(f.array(total))) for f in (plain, second)]


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("net", SPECIAL)
def test_every_activation_at_the_ends_of_the_numbers(activation: str, net: float) -> None:
    """A value too large for exp, 1/0 and ln 0 are inf and NaN, the same in the equation and in both executors."""
    recipe = Recipe(
        widths=(2, 2),
        activations=(activation,),
        biases=("neuron",),
        frozen=((),),
        loss="squared_error",
        samples=1,
        batch_size=0,
    )
    network = Network(recipe.scenario)
    program = network.program(1)
    overrides = {Ref(program.named["net_o"], (0, 0)): net}
    outs = []
    for executor in executors(network, program):
        frame = executor.frame(network.initial_state, batch_of(network, executor, 1), overrides)
        assert_frame_is_its_equations(frame, frozenset(overrides))
        outs.append(frame.array(program.named["out_o"]))
    assert np.array_equal(np.isfinite(outs[0]), np.isfinite(outs[1]))
    assert np.array_equal(np.isnan(outs[0]), np.isnan(outs[1]))
    if math.isnan(net):
        assert math.isnan(outs[0][0, 0]), "NaN is not hidden"
    elif math.isfinite(net) and abs(net) < 1e3 and activation not in {"identity", "exp"}:
        assert np.all(np.isfinite(outs[0]))


@pytest.mark.parametrize("loss", [loss for loss in LOSSES if loss != "cross_entropy"])
@pytest.mark.parametrize("out", [*SPECIAL, 1.0])
@pytest.mark.parametrize("target", [0.0, 1.0, 0.25])
def test_every_loss_at_the_ends_of_the_numbers(loss: str, out: float, target: float) -> None:
    recipe = Recipe(
        widths=(1, 1),
        activations=("sigmoid" if loss == "binary_cross_entropy" else "identity",),
        biases=("none",),
        frozen=((),),
        loss=loss,
        samples=2,
        batch_size=0,
    )
    network = Network(recipe.scenario)
    program = network.program(2)
    made = program.named["out_o"]
    overrides = {Ref(made, (0, 0)): out, Ref(program.named["t_o"], (0, 0)): target}
    for executor in executors(network, program):
        frame = executor.frame(network.initial_state, batch_of(network, executor, 2), overrides)
        assert_frame_is_its_equations(frame, frozenset(overrides))
        # As cross_entropy, nll reads nothing of a class that is not the sample's.
        if math.isnan(out) and not (loss == "nll" and target == 0.0):
            assert math.isnan(float(frame.array(program.named["E"])))
        if loss == "binary_cross_entropy" and out == target:
            assert frame.array(program.named["E_o"])[0, 0] == 0.0, "0 · ln 0 is 0"


@examples(80)
@given(recipe=recipes(depth=3, samples=3), random=randoms())
def test_an_override_of_a_slot_by_its_own_value_changes_no_bit(recipe: Recipe, random: Random) -> None:
    network = Network(recipe.scenario)
    program = network.program(recipe.samples)
    for executor in executors(network, program):
        leaves = batch_of(network, executor, recipe.samples)
        frame = executor.frame(network.initial_state, leaves)
        for ref in random.choices(all_slots(program), k=3):
            assert same_bits(executor.frame(network.initial_state, leaves, {ref: frame.value(ref)}).flat, frame.flat)


@examples(80)
@given(
    recipe=recipes(depth=3, samples=3),
    random=randoms(),
    value=st.sampled_from((*SPECIAL, 0.123456789)),
)
def test_an_override_changes_nothing_before_it_and_does_not_linger(
    recipe: Recipe, random: Random, value: float
) -> None:
    network = Network(recipe.scenario)
    program = network.program(recipe.samples)
    every = all_slots(program)
    for executor in executors(network, program):
        leaves = batch_of(network, executor, recipe.samples)
        frame = executor.frame(network.initial_state, leaves)
        before: Floats = np.array(frame.flat)
        for ref in random.choices(every, k=3):
            changed = executor.frame(network.initial_state, leaves, {ref: value})
            assert bits(changed.value(ref)) == bits(value)
            made = program.produced(ref)
            for other in every:
                at = program.produced(other)
                earlier = at is None if made is None else at is None or at < made
                if earlier and other != ref:
                    assert bits(changed.value(other)) == bits(frame.value(other)), (ref, other)
            assert same_bits(frame.flat, before), "a frame that was made stays as it is"
            again = executor.frame(network.initial_state, leaves)
            assert same_bits(again.flat, before)


@examples(60)
@given(x=st.floats(), y=st.floats())
@example(x=710.0, y=0.0)
@example(x=-0.0, y=-1.0)
@example(x=math.nan, y=math.nan)
def test_frames_are_read_only(x: float, y: float) -> None:
    network = Network(
        Recipe(
            widths=(1, 1),
            activations=("relu",),
            biases=("none",),
            frozen=((),),
            loss="half_squared_error",
            samples=1,
            batch_size=0,
        ).scenario
    )
    program = network.program(1)
    for executor in executors(network, program):
        leaves = executor.leaves((np.array([[x]]), np.array([[y]])), range(1))
        frame = executor.frame(network.initial_state, leaves)
        assert_frame_is_its_equations(frame)
        for values in (frame.flat, frame.next_state, frame.array(program.named["net_o"])):
            with pytest.raises(ValueError, match="read-only"):
                values[...] = 0.0


def test_numbers_without_axes_are_read_when_the_iteration_runs() -> None:
    recipe = Recipe(
        widths=(2, 3, 1),
        activations=("tanh", "identity"),
        biases=("neuron", "none"),
        frozen=((), ()),
        loss="half_squared_error",
        samples=3,
        batch_size=2,
        seed=5,
    )
    text = recipe.text.replace("[stop]", '[training.schedule]\nkind = "exponential"\ngamma = 0.5\n[stop]')
    text = text.replace("[training]", '[training]\noptimizer = "adam"\nl1 = 0.01')
    found = []
    for executor in ("generated", "kernels"):
        with executed_by(executor):
            frame = Timeline(Network(parse_scenario(text))).frame(0)
        found.append([frame.array(frame.program.named[n]) for n in ("E", "lr_now", "new(beta1_power)", "new(W_h)")])
    for by_code, by_kernel in zip(*found, strict=True):
        assert np.all(by_kernel != 0)
        np.testing.assert_allclose(by_kernel, by_code, rtol=1e-14)
