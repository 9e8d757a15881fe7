"""Convolution and its transpose: the kernels have the bits of the equations, and each slot knows its readers."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from random import Random
from unittest.mock import patch

import numpy as np
import pytest

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.equations.array import Extent
from retrograde.engine.equations.evaluation import evaluate
from retrograde.engine.equations.expression import Ref, refs
from retrograde.engine.equations.rendering import render
from retrograde.engine.explaining.step import running_sum
from retrograde.engine.explaining.uses import uses
from retrograde.engine.network.program import Place
from retrograde.engine.ops.kernels import correlation, long_sums, products, unfolding, weight_sums
from retrograde.engine.ops.window import Axis, segments
from tests.executor.test_kernels import assert_frame_is_its_equations
from tests.support.networks import all_slots, bits, slots
from tests.support.spatial import Built, Chain, Stage, build, chain

SPECIAL = (math.inf, -math.inf, math.nan, 0.0, -0.0, 1e308, -1e308, 5e-324, 1e160)
CONVOLUTIONS = ("conv", "conv_transpose")


@contextmanager
def limits(size: int) -> Iterator[None]:
    """Cuts the work of the kernels into small pieces."""
    with ExitStack() as stack:
        for module, names in (
            (correlation, {"ACCUMULATORS": size // 4, "SHORT": size // 8}),
            (weight_sums, {"CHUNK": size, "ACCUMULATORS": size // 4, "COLUMNS": 2 * size}),
            (products, {"CHUNK": size}),
            (long_sums, {"CHUNK": size}),
            (unfolding, {"COLUMNS": size}),
        ):
            for name, number in names.items():
                stack.enter_context(patch.object(module, name, max(1, number)))
        yield


@contextmanager
def every_way(number: int) -> Iterator[None]:
    """Sums by einsum however small they are, or all written out."""
    with (
        patch.object(products, "_FEW", 0 if number % 3 else 4096),
        patch.object(products, "FAST", number % 3 < 2),
        patch.object(weight_sums, "NARROW", 1),
    ):
        yield


@pytest.mark.parametrize("number", range(36))
def test_every_slot_is_what_its_equation_says(number: int) -> None:
    random = Random(number)
    built = build(chain(random, CONVOLUTIONS, slots=250))
    with limits(random.choice((1, 16, 64, 1 << 16))), every_way(number):
        for executor in built.executors():
            assert_frame_is_its_equations(built.frame(executor))
        exact, blas = (built.frame(built.kernels(blas=on)).flat for on in (False, True))
    np.testing.assert_allclose(blas, exact, rtol=1e-9, atol=1e-12 * float(np.max(np.abs(exact))))


def spoilt(built: Built, random: Random) -> tuple[Floats, dict[Ref, float]]:
    """Inputs and overrides with infinities, NaN, and zeros of both signs among them."""
    inputs = np.array(built.columns[0])
    for _ in range(random.randrange(4)):
        inputs.flat[random.randrange(inputs.size)] = random.choice(SPECIAL)
    every = all_slots(built.program)
    return inputs, {random.choice(every): random.choice(SPECIAL) for _ in range(random.randrange(4))}


@pytest.mark.parametrize("number", range(36))
def test_infinities_and_zeros_have_the_bits_of_the_equations(number: int) -> None:
    random = Random(1000 + number)
    built = build(chain(random, CONVOLUTIONS, slots=200))
    inputs, overrides = spoilt(built, random)
    with every_way(number):
        executors = built.executors()
    for executor in executors:
        frame = built.frame(executor, overrides, inputs)
        assert_frame_is_its_equations(frame, frozenset(overrides))


@pytest.mark.parametrize("value", [0.0, -0.0])
def test_nothing_of_the_padding_is_added(value: float) -> None:
    """Sums of −0 stay −0: a padded product of +0 would turn them; and where no tap reads, there is +0."""
    stage = Stage(kind="conv", channels=2, kernel=(3, 3), stride=(1, 1), padding=(4, 4), dilation=(1, 1), bias=False)
    built = build(Chain(batch=2, channels=1, lengths=(3, 2), stages=(stage,), seed=1))
    built.state[1:] = -np.abs(built.state[1:])
    for executor in built.executors():
        frame = built.frame(executor, inputs=np.full_like(built.columns[0], value))
        assert_frame_is_its_equations(frame)
        out = frame.array(built.outputs[-1])
        assert math.copysign(1.0, out[0, 0, 0, 0]) == 1.0, "no tap reads here"
        assert math.copysign(1.0, out[0, 0, 4, 4]) == -math.copysign(1.0, value)
    infinite = {Ref(built.program.named["W_1"], (0, 0, 0, 0)): math.inf}
    for executor in built.executors():
        frame = built.frame(executor, infinite, np.ones_like(built.columns[0]))
        assert not np.any(np.isnan(frame.array(built.outputs[-1]))), "a weight times padding is nothing, not NaN"


@pytest.mark.parametrize("number", range(12))
def test_readers_are_what_a_scan_of_all_equations_finds(number: int) -> None:
    random = Random(2000 + number)
    program = build(chain(random, CONVOLUTIONS, slots=120)).program
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


@pytest.mark.parametrize("number", range(8))
def test_running_sums_are_the_first_samples_contributions(number: int) -> None:
    random = Random(3000 + number)
    built = build(chain(random, CONVOLUTIONS, slots=300, batch=7))
    frame = built.frame(built.kernels())
    for op in built.program.ops:
        if op.extent is Extent.SUM:
            ref = random.choice(list(slots(op.target)))
            total = 0.0
            for sample in range(built.program.batch):
                part = evaluate(op.equation((sample, *ref.index)), frame.value, frame.mathematics)
                total = part if sample == 0 else total + part
                assert bits(running_sum(frame, ref, sample + 1)) == bits(total)


def test_an_equation_leaves_out_the_taps_in_the_padding() -> None:
    stage = Stage(kind="conv", channels=1, kernel=(2, 2), stride=(1, 1), padding=(1, 1), dilation=(1, 1))
    program = build(Chain(batch=1, channels=2, lengths=(2, 2), stages=(stage,), seed=1)).program

    def text(name: str, index: tuple[int, ...]) -> str:
        op = program.maker(program.named[name])
        assert op is not None
        return render(op.equation(index), lambda ref: ref.array.name + "".join(f"{part}" for part in ref.index[-3:]))

    assert text("out_1", (0, 0, 0, 0)) == "W_1011 · out_0000 + W_1111 · out_0100 + b_10"
    assert text("out_1", (0, 0, 0, 1)) == (
        "W_1010 · out_0000 + W_1011 · out_0001 + W_1110 · out_0100 + W_1111 · out_0101 + b_10"
    )
    # The gradient of an input: the kernel turned round over the deltas.
    assert text("grad(out_0)", (0, 0, 0, 0)) == (
        "W_1011 · grad(out_1)000 + W_1010 · grad(out_1)001 + W_1001 · grad(out_1)010 + W_1000 · grad(out_1)011"
    )
    assert text("grad(W_1)", (0, 0, 1, 0, 0)) == (
        "grad(out_1)011 · out_0100 + grad(out_1)012 · out_0101 + grad(out_1)021 · out_0110 + grad(out_1)022 · out_0111"
    )


@pytest.mark.parametrize("number", range(100))
def test_axes_and_their_adjoints_hold_the_same_pairs(number: int) -> None:
    random = Random(number)
    taps, stride, dilation = (random.randint(1, 4) for _ in range(3))
    length, before, after = random.randint(1, 9), random.randint(0, 5), random.randint(0, 5)
    count = (length + before + after - dilation * (taps - 1) - 1) // stride + 1
    if count < 1:
        return
    axis = Axis(length=length, count=count, taps=taps, stride=stride, dilation=dilation, before=before)
    pairs = {(p, tap, source) for p in range(count) for tap, source in axis.reach(p)}
    assert pairs == {(p, tap, source) for source in range(length) for tap, p in axis.adjoint.reach(source)}
    assert axis.adjoint.adjoint == axis
    for tap in range(taps):
        first, many, source = axis.reached(tap)
        assert {(first + i, source + i * stride) for i in range(many)} == {(p, s) for p, t, s in pairs if t == tap}
    for side in (axis, axis.adjoint):
        seen: list[int] = []
        for part in segments(side):
            for i, position in enumerate(part.positions):
                seen.append(position)
                found = [(tap, part.base + i * part.across + j * part.along) for j, tap in enumerate(part.taps)]
                assert [(side.taps - 1 - t if side.flipped else t, at) for t, at in found] == side.reach(position)
        assert sorted(seen) == list(range(side.count))
