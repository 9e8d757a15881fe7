"""Pooling and up-sampling: winners, ties, NaN; the kernels have the bits of the equations."""

from __future__ import annotations

import math
from random import Random

import numpy as np
import pytest

from retrograde.engine.equations.array import Extent
from retrograde.engine.equations.evaluation import taken
from retrograde.engine.equations.expression import Ref, refs
from retrograde.engine.equations.rendering import render
from retrograde.engine.explaining.uses import uses
from retrograde.engine.network.frame import Frame
from retrograde.engine.network.program import Place
from retrograde.engine.session.session import Session
from tests.layers.test_conv import SPECIAL, assert_frame_is_its_equations, spoilt
from tests.support.networks import Recipe, all_slots, executed_by
from tests.support.spatial import KINDS, Chain, Stage, build, chain

POOLS = ("max_pool", "average_pool", "global_average_pool", "upsample")
MAX = ("max_pool",)


@pytest.mark.parametrize("number", range(36))
def test_every_slot_is_what_its_equation_says(number: int) -> None:
    built = build(chain(Random(number), POOLS if number % 2 else KINDS, most=3, slots=250))
    for executor in built.executors():
        assert_frame_is_its_equations(built.frame(executor))


@pytest.mark.parametrize("number", range(40))
def test_infinities_and_zeros_have_the_bits_of_the_equations(number: int) -> None:
    random = Random(1000 + number)
    built = build(chain(random, MAX if number % 2 else POOLS, slots=200))
    inputs, overrides = spoilt(built, random)
    for executor in built.executors():
        assert_frame_is_its_equations(built.frame(executor, overrides, inputs), frozenset(overrides))


@pytest.mark.parametrize("number", range(12))
def test_readers_are_what_a_scan_of_all_equations_finds(number: int) -> None:
    random = Random(2000 + number)
    program = build(chain(random, POOLS, slots=120)).program
    read: dict[Ref, set[Place]] = {}
    for step in range(program.steps):
        place = program.place(step)
        for ref in set(refs(program.ops[place.op].equation(program.index(place)))):
            read.setdefault(ref, set()).add(place)
    for ref in random.choices(all_slots(program), k=60):
        sample = random.randrange(program.batch)
        own = ref.index[0] if ref.array.batched else sample
        wanted = {place for place in read.get(ref, set()) if place.sample in {None, own}}
        assert set(uses(program, ref, sample)) == wanted, ref


def pooled(values: list[list[float]], *, padding: int = 0, stride: int = 2) -> list[Frame]:
    stage = Stage(
        kind="max_pool", channels=1, kernel=(2, 2), stride=(stride,) * 2, padding=(padding,) * 2, dilation=(1, 1)
    )
    lengths = (len(values), len(values[0]))
    built = build(Chain(batch=1, channels=1, lengths=lengths, stages=(stage,), seed=1))
    return [built.frame(executor, inputs=np.array([values]).reshape(1, -1)) for executor in built.executors()]


def test_of_equal_values_the_first_in_row_order_wins() -> None:
    frames = pooled([[3.0, 3.0], [3.0, 1.0]])
    for frame in frames:
        named = frame.program.named
        assert frame.array(named["k_1"]).item() == 1.0
        gradient = frame.array(named["grad(out_0)"])
        assert np.count_nonzero(gradient) == 1
        assert gradient[0, 0, 0, 0] == frame.array(named["grad(out_1)"]).item()


def test_zeros_of_both_signs_are_equal() -> None:
    for values, sign in (([[-0.0, 0.0], [0.0, -0.0]], -1.0), ([[0.0, -0.0], [-0.0, 0.0]], 1.0)):
        frames = pooled(values)
        for frame in frames:
            assert math.copysign(1.0, frame.array(frame.program.named["out_1"]).item()) == sign


def test_the_first_nan_wins() -> None:
    frames = pooled([[3.0, math.nan], [math.nan, math.inf]])
    for frame in frames:
        assert frame.array(frame.program.named["k_1"]).item() == 2.0
        assert math.isnan(frame.array(frame.program.named["out_1"]).item())


def test_padding_never_wins() -> None:
    frames = pooled([[-5.0, -6.0], [-math.inf, -7.0]], padding=1)
    for frame in frames:
        named = frame.program.named
        assert frame.array(named["k_1"]).ravel().tolist() == [4.0, 3.0, 2.0, 1.0]
        assert frame.array(named["out_1"]).ravel().tolist() == [-5.0, -6.0, -math.inf, -7.0]


def test_overlapping_windows_add_up_what_they_send_back() -> None:
    frames = pooled([[0.0, 1.0, 0.0], [2.0, 9.0, 3.0], [0.0, 4.0, 0.0]], stride=1)
    for frame in frames:
        named = frame.program.named
        deltas = frame.array(named["grad(out_1)"]).ravel().tolist()
        assert frame.array(named["k_1"]).ravel().tolist() == [4.0, 3.0, 2.0, 1.0]
        total = deltas[0]
        for delta in deltas[1:]:
            total = total + delta
        assert frame.array(named["grad(out_0)"]).ravel().tolist() == [0.0] * 4 + [total] + [0.0] * 4


def test_with_the_values_a_pooled_slot_is_used_where_it_won() -> None:
    frames = pooled([[1.0, 2.0], [5.0, 4.0]])
    for frame in frames:
        program = frame.program
        readers = {}
        for index in np.ndindex(2, 2):
            places = uses(program, Ref(program.named["out_0"], (0, 0, *index)), 0, frame)
            readers[index] = [program.ops[place.op].target.name for place in places]
        assert readers == {index: ["k_1", "out_1"] if index == (1, 0) else ["k_1"] for index in np.ndindex(2, 2)}


def test_equations_for_people() -> None:
    frames = pooled([[1.0, 2.0, 3.0], [5.0, 4.0, 6.0], [7.0, 8.0, 9.0]], stride=1, padding=1)
    frame = frames[0]
    program = frame.program

    def text(name: str, index: tuple[int, ...]) -> str:
        op = program.maker(program.named[name])
        assert op is not None
        equation = taken(op.equation(index), frame.value, frame.mathematics)
        return render(equation, lambda ref: ref.array.name + "".join(f"{part}" for part in ref.index[-2:]))

    assert text("k_1", (0, 0, 1, 1)) == "argmax(out_000, out_001, out_010, out_011)"
    assert text("k_1", (0, 0, 0, 1)) == "argmax(3: out_000, 4: out_001)"
    assert text("k_1", (0, 0, 0, 0)) == "argmax(4: out_000)"
    assert text("out_1", (0, 0, 1, 1)) == "out_010"
    assert text("grad(out_0)", (0, 0, 1, 0)) == "grad(out_1)10 + grad(out_1)11"


def test_the_whole_image_in_one_window_compiles() -> None:
    """A window of 256 taps: long chains of choices would go beyond what the compiler can nest."""
    stage = Stage(kind="max_pool", channels=1, kernel=(16, 16), stride=(1, 1), padding=(0, 0), dilation=(1, 1))
    built = build(Chain(batch=1, channels=1, lengths=(16, 16), stages=(stage,), seed=1))
    for executor in built.executors():
        frame = built.frame(executor)
        assert frame.array(built.outputs[-1]).item() == np.max(frame.array(built.outputs[0]))


def test_a_softmax_of_many_units_compiles() -> None:
    recipe = Recipe(
        widths=(1, 300),
        activations=("softmax",),
        biases=("none",),
        frozen=((),),
        loss="cross_entropy",
        samples=1,
        batch_size=0,
    )
    with executed_by("generated"):
        session = Session(recipe.scenario)
        frame = session.timeline.frame(0)
    assert frame.array(frame.program.named["max_o"]).item() == frame.array(frame.program.named["net_o"]).max()


@pytest.mark.parametrize("value", [*SPECIAL, 2.5, -1.0])
def test_a_winner_that_was_edited_selects_the_same_in_both_executors(value: float) -> None:
    stage = Stage(kind="max_pool", channels=1, kernel=(2, 3), stride=(1, 1), padding=(1, 1), dilation=(1, 1))
    built = build(Chain(batch=1, channels=1, lengths=(2, 3), stages=(stage,), seed=3))
    winners = built.program.named["k_1"]
    overrides = {Ref(winners, (0, 0, *index)): value for index in np.ndindex(*winners.shape[2:])}
    for executor in built.executors():
        assert_frame_is_its_equations(built.frame(executor, overrides), frozenset(overrides))


def test_ops_say_what_they_are() -> None:
    kinds = set()
    for number in range(40):
        program = build(chain(Random(number), KINDS, most=3)).program
        for op in program.ops:
            kinds.add(type(op).__name__)
            assert op.title
            assert op.why("h[1,2,3]")
            assert op.extent in {Extent.SAMPLE, Extent.SUM, Extent.ONCE}
    assert {"Convolve", "ConvolveTransposed", "Winner", "MaxPool", "AveragePool", "GlobalAverage", "Upsample"} <= kinds
