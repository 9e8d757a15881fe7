"""Machine code has the bits of the generated executor: any network, any numbers, both directions, edits, probes."""

from __future__ import annotations

import json
import math
import os
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from random import Random
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrograde.engine.equations.arithmetic import Floats, same_bits
from retrograde.engine.errors import EngineError
from retrograde.engine.executor.base import Turns
from retrograde.engine.executor.generated import GeneratedExecutor
from retrograde.engine.executor.kernels import KernelExecutor
from retrograde.engine.executor.native import executor as native
from retrograde.engine.executor.native import kernels as native_kernels
from retrograde.engine.executor.native import looking, passing, printing, switch
from retrograde.engine.executor.native.executor import NativeExecutor
from retrograde.engine.executor.native.functions import addresses
from retrograde.engine.formulas import resolving
from retrograde.engine.formulas.probe import Probe, Record, reader
from retrograde.engine.network.frame import Frame
from retrograde.engine.network.network import Network
from retrograde.engine.network.program import Program
from retrograde.engine.scenario.file import load_scenario, parse_scenario
from retrograde.engine.scenario.models import Scenario
from retrograde.engine.session.saving import to_json
from retrograde.engine.session.session import Session
from retrograde.engine.travel.calendar import Schedule
from tests.executor.test_kernels import SPECIAL, assert_frame_is_its_equations
from tests.support.effort import examples
from tests.support.networks import Recipe, all_slots, bits, randoms, recipes

pytestmark = pytest.mark.skipif(not switch.installed(), reason="llvmlite is not installed: pip install '.[native]'")


@contextmanager
def switched(on: bool) -> Iterator[None]:
    """With machine code, or without."""
    with patch.dict(os.environ, {switch.VARIABLE: "" if on else "0"}):
        yield


def both(network: Network, program: Program) -> tuple[GeneratedExecutor, NativeExecutor]:
    """The two executors of a program, the second with its machine code."""
    made = NativeExecutor(program, network.constants)
    assert made.hasten(), "every small program is printed"
    return GeneratedExecutor(program, network.constants), made


def test_functions_are_those_of_pythons_math() -> None:
    assert set(addresses() or ()) >= {"exp", "log", "tanh"}


@examples(60, least=12)
@given(recipe=recipes(samples=4), random=randoms(), small=st.booleans())
def test_frames_and_runs_have_the_same_bits_whatever_the_numbers(recipe: Recipe, random: Random, small: bool) -> None:
    network = Network(recipe.scenario)
    program = network.program(random.randint(1, recipe.samples))
    state, inputs = np.array(network.initial_state), np.array(network.dataset.inputs)
    for values in (state, inputs):
        for _ in range(random.randrange(3)):
            if values.size:
                values.flat[random.randrange(values.size)] = random.choice(SPECIAL)
    columns = (inputs, network.dataset.targets)
    # Written out, and as loops.
    with patch.object(printing, "SMALL", 1 << 30 if small else 0), patch.object(printing, "FLAT", 4):
        plain, made = both(network, program)
    batches = [sorted(random.sample(range(recipe.samples), program.batch)) for _ in range(3)]
    assert_runs_alike(plain, made, columns, batches, state)
    frame = made.frame(state, made.leaves(columns, batches[0]))
    assert_frame_is_its_equations(frame)
    overrides = {random.choice(all_slots(program)): random.choice(SPECIAL)}
    left, right = (one.frame(state, one.leaves(columns, batches[0]), overrides) for one in (plain, made))
    assert same_bits(left.flat, right.flat)


def assert_runs_alike(
    plain: GeneratedExecutor, made: NativeExecutor, columns: tuple[Floats, ...], batches: list[list[int]], state: Floats
) -> None:
    """Batches one by one and coming round, with losses in a list and in an array."""
    found = []
    for one in (plain, made):
        leaves = [one.leaves(columns, rows) for rows in batches]
        losses, more = list[float](), array("d")
        end = one.advance(state, leaves, losses)
        last = one.advance(end, Turns(leaves, 1, 8), more)
        found.append((end, last, [bits(loss) for loss in (*losses, *more)]))
    assert same_bits(found[0][0], found[1][0])
    assert same_bits(found[0][1], found[1][1])
    assert found[0][2] == found[1][2]


@examples(60, least=12)
@given(recipe=recipes(samples=9, width=40, depth=3), random=randoms())
def test_numpys_ops_have_the_same_bits_as_machine_code(recipe: Recipe, random: Random) -> None:
    """Widths that are no multiples of a register's, samples side by side, and whatever numbers."""
    network = Network(recipe.scenario)
    program = network.program(random.randint(1, recipe.samples))
    plain, made = kernels(network, program)
    state, inputs = np.array(network.initial_state), np.array(network.dataset.inputs)
    for values in (state, inputs):
        for _ in range(random.randrange(3)):
            if values.size:
                values.flat[random.randrange(values.size)] = random.choice(SPECIAL)
    columns = (inputs, network.dataset.targets)
    frames = []
    for one in (plain, made):
        batch = one.leaves(columns, range(program.batch))
        losses: list[float] = []
        end = one.advance(state, [batch] * 3, losses)
        frames.append((one.frame(state, batch).flat, end, np.array(losses)))
    assert all(same_bits(left, right) for left, right in zip(*frames, strict=True))
    overrides = {random.choice(all_slots(program)): random.choice(SPECIAL)}
    changed = [one.frame(state, one.leaves(columns, range(program.batch)), overrides).flat for one in (plain, made)]
    assert same_bits(*changed)


def kernels(network: Network, program: Program) -> tuple[KernelExecutor, KernelExecutor]:
    """The kernel executor without machine code and with it."""
    blas = network.scenario.network.arithmetic == "blas"
    with switched(False):
        plain = KernelExecutor(program, network.constants, blas=blas)
    made = KernelExecutor(program, network.constants, blas=blas)
    assert made.hasten()
    return plain, made


@pytest.mark.parametrize(
    "name",
    ["batch-norm", "group-norm-by-hand", "cs231n-max-pool", "attention-by-hand", "gru", "prelu", "optimiser-race"],
)
@pytest.mark.parametrize("arithmetic", ["exact", "blas"])
def test_every_kind_of_layer_has_the_same_bits_in_either_arithmetic(name: str, arithmetic: str) -> None:
    scenario = load_scenario(name)
    network = Network(
        scenario.model_copy(update={"network": scenario.network.model_copy(update={"arithmetic": arithmetic})})
    )
    schedule = Schedule(network)
    found = []
    # By the equations of each element, and by those of three samples.
    with patch.object(native_kernels, "FEW", 1500 if arithmetic == "exact" else 0):
        pair = kernels(network, schedule.full)
    for one in pair:
        leaves = [one.leaves(network.columns, schedule.rows(at), schedule.dated(at)) for at in range(2)]
        losses: list[float] = []
        end = one.advance(network.initial_state, leaves, losses)
        found.append((end, one.frame(end, leaves[0]).flat, np.array(losses)))
    assert all(same_bits(left, right) for left, right in zip(*found, strict=True))


@examples(24, least=6)
@given(random=randoms())
def test_convolutions_and_pools_of_any_shape_have_the_same_bits(random: Random) -> None:
    kernel, stride = random.randint(1, 3), random.randint(1, 2)
    size, channels = random.randint(max(3, kernel), 6), random.randint(1, 9)
    samples, padding = random.randint(1, 5), random.randint(0, kernel - 1)
    rows = np.random.default_rng(random.randrange(99)).normal(size=(samples, size * size)).tolist()
    most = (size + 2 * padding - kernel) // stride + 1
    kind = min(2, most)
    pool = (
        f'[[network.layers]]\nkind = "max_pool"\nname = "p1"\nkernel = [{kind}, {kind}]\n'
        if random.random() < 0.5
        else ""
    )
    network = Network(
        parse_scenario(
            f"""
format = 1
title = {{ en = "conv", zh = "conv" }}
[network]
inputs = {size * size}
input_shape = [1, {size}, {size}]
seed = {random.randrange(99)}
[network.init]
kind = "normal"
std = 0.5
[[network.layers]]
kind = "conv"
name = "c1"
channels = {channels}
kernel = [{kernel}, {kernel}]
padding = {padding}
stride = {stride}
activation = "relu"
{pool}
[[network.layers]]
name = "o"
units = 2
activation = "tanh"
[data]
inputs = {rows}
targets = {[[0.5, -0.5]] * samples}
[loss]
kind = "half_squared_error"
[training]
learning_rate = 0.5
[stop]
epochs = 3
"""
        )
    )
    with patch.object(native_kernels, "FEW", 0):
        pair = kernels(network, network.program(samples))
    ends = []
    for one in pair:
        batch = one.leaves(network.columns, range(samples))
        losses: list[float] = []
        ends.append(
            (one.advance(network.initial_state, [batch] * 2, losses), one.frame(network.initial_state, batch).flat)
        )
    assert all(same_bits(left, right) for left, right in zip(*ends, strict=True))


CONDITIONS = (
    "E < 0.2",
    "E > prev(E)",
    "max(abs(W_h)) > 1 or isnan(E)",
    "any(isnan(W_h))",
    "norm(W_h) > 1.5",
    "abs(W_h[1,1]) > abs(prev(W_h[1,1]))",
    "mean(W_h) > mean(prev(W_h))",
    "epoch >= 2 and iteration == 1",
    "net_h1 > 0.1",
)


def two_layers(random: Random, widths: tuple[int, ...], *, rate: float = 0.5, seed: int = 1) -> Scenario:
    """Tanh and sigmoid, with batches of any size."""
    recipe = Recipe(
        widths=widths,
        activations=("tanh", "sigmoid"),
        biases=("neuron", "shared"),
        frozen=((), ()),
        loss="half_squared_error",
        samples=4,
        batch_size=random.randint(1, 4),
        shuffle="seeded",
        rate=rate,
        seed=seed,
    )
    return recipe.scenario


@examples(24, least=8)
@given(random=randoms(), chosen=st.lists(st.sampled_from(CONDITIONS), min_size=1, max_size=3, unique=True))
def test_a_probe_sees_the_same(random: Random, chosen: list[str]) -> None:
    session = Session(two_layers(random, (2, 3, 1), rate=random.choice((0.5, 30.0)), seed=random.randrange(99)))
    network, program = session.network, session.schedule.full
    plain, made = both(network, program)
    probe = Probe(
        conditions=tuple(map(session.condition, chosen)),
        values=(session.formula("E"), session.formula("norm(W_h)"), session.formula("net_h2")),
    )
    found = []
    state = np.array(network.initial_state)
    if random.random() < 0.3:
        state[random.randrange(len(state))] = random.choice(SPECIAL)
    with patch.object(native, "BLOCK", random.choice((1, 20, 1 << 16))):
        for one in (plain, made):
            batches = [one.leaves(network.columns, range(program.batch)) for _ in range(7)]
            record = Record(start=0, columns=[[] for _ in probe.values])
            middle = one.watch(state, batches[:4], probe, record, 3)
            end = one.watch(middle, batches[4:], probe, record, 3)
            columns = [list(map(bits, column)) for column in (record.losses, *record.columns)]
            found.append((end, record.hits, columns, repr(sorted(map(str, record.before.values())))))
    assert same_bits(found[0][0], found[1][0])
    assert found[0][1:] == found[1][1:]


PASSED = (
    "E",
    "max(abs(grad(W_h)))",
    "min(W_o)",
    "norm(W_h)",
    "grad(w1) * prev(E)",
    "E - prev(E)",
    "net_h1",
    "E / iteration",
)


@examples(40, least=10)
@given(recipe=recipes(samples=5, depth=2), random=randoms(), large=st.booleans())
def test_what_is_passed_over_holds_no_hit(recipe: Recipe, random: Random, large: bool) -> None:
    """Bounds among what the values are, piece by piece, in both kinds of machine code."""
    session = Session(recipe.scenario)
    network, program = session.network, session.schedule.full
    plain, made = kernels(network, program) if large else both(network, program)
    state = np.array(network.initial_state)
    if random.random() < 0.3:
        state[random.randrange(len(state))] = random.choice(SPECIAL)
    batches = [plain.leaves(network.columns, range(program.batch)) for _ in range(12)]
    texts = [text for text in PASSED if _known(session, text)]
    values = Probe(values=tuple(map(session.formula, texts)))
    record = Record(start=0, columns=[[] for _ in values.values])
    plain.watch(state, batches, values, record, 3)
    for text, column in zip(texts, record.columns, strict=True):
        bound = random.choice([*column, max(column) * 2, min(column) - 1.0, 0.0])
        condition = f"isnan({text})" if bound != bound else f"{text} {random.choice(('<', '>', '>=', '=='))} {bound!r}"
        probe = Probe(conditions=(session.condition(condition.replace("inf", "1e999")),))
        found = []
        with patch.object(passing, "MOST_DETAILED", 0):
            for one in (plain, made):
                seen, at = Record(start=0), state
                leaves = [one.leaves(network.columns, range(program.batch)) for _ in range(12)]
                for first, last in pairwise((0, *sorted(random.sample(range(1, 12), 3)), 12)):
                    at = one.watch(at, leaves[first:last], probe, seen, 3)
                found.append((bits(float(at.sum())), seen.hits, list(map(bits, seen.losses))))
        assert found[0] == found[1], condition


@examples(20, least=6)
@given(random=randoms())
def test_what_is_kept_are_the_bounds_of_all_that_is_read(random: Random) -> None:
    """Arrays shorter and longer than a register and no multiple of it, each sample, NaN."""
    widths = (random.randint(1, 9), random.randint(1, 13), 2)
    session = Session(two_layers(random, widths))
    network, program = session.network, session.schedule.full
    with patch.object(resolving, "APART", 4):
        condition = session.condition("norm(W_h) + max(W_o) + net_h1 + E + norm(out_o) + prev(E) + min(W_h[1,:]) > 1")
    probe = Probe(conditions=(condition,))
    kept = passing.Passing(probe, program)
    made = both(network, program)[1]
    code = made._code(1)
    assert code is not None
    flats = [np.array([random.gauss(0, 3) for _ in range(program.size)]) for _ in range(3)]
    for flat in flats:
        flat[random.sample(range(program.size), random.randrange(3))] = random.choice(SPECIAL)
    arguments = kept.begin()
    for flat in flats:
        code.bound(flat.ctypes.data, *arguments)
    assert kept._reads.keys() == set(condition.reads)
    for read, number in kept._reads.items():
        values = np.concatenate(
            [
                np.ravel(reader(Frame(program, flat, made.mathematics), {}, sample)(now))
                for flat in flats
                for sample in (range(program.batch) if read.varies else (0,))
                for now in (replace(read, previous=False),)
            ]
        )
        low, high, bad = kept._bounds[number]
        known = values[~np.isnan(values)]
        assert (low.min(), high.max()) == (known.min(initial=math.inf), known.max(initial=-math.inf))
        assert np.isnan(bad).any() == (len(known) < len(values))


@given(first=st.integers(0, 40), count=st.integers(1, 30), per_epoch=st.integers(1, 12))
def test_the_epochs_and_iterations_of_a_piece_are_within_their_bounds(first: int, count: int, per_epoch: int) -> None:
    for name, part in (("epoch", int.__floordiv__), ("iteration", int.__mod__)):
        found = [part(at, per_epoch) + 1.0 for at in range(first, first + count)]
        low, high, nan = passing._moments(name, 1, first=first, last=first + count - 1, per_epoch=per_epoch)
        assert low[0] <= min(found) and max(found) <= high[0] and not nan[0]


def _known(session: Session, text: str) -> bool:
    try:
        session.formula(text)
    except EngineError:
        return False
    return True


@pytest.mark.parametrize("text", ["E < 1e-30", "max(abs(grad(W_h))) > 1e9", "out_o1 > 2", "sign(w1) != sign(prev(w1))"])
def test_a_condition_that_cannot_be_true_is_not_looked_at(text: str) -> None:
    session = Session(load_scenario("mazur"))
    executor = session.timeline.executor(session.schedule.full)
    assert isinstance(executor, NativeExecutor) and executor.hasten()
    with patch.object(looking.Look, "see", side_effect=AssertionError):
        outcome = session.run(epochs=5000, breaks=(session.condition(text),))
    assert outcome.iterations == 5000


@pytest.mark.parametrize(
    "name", ["mazur-in-place", "xor-2-4-1", "two-moons", "dropout", "prelu", "weight-decay", "gru", "attention-by-hand"]
)
def test_a_training_that_changes_over_has_the_same_bits(name: str) -> None:
    found = []
    for on in (False, True):
        with switched(on), patch.object(native, "WARM", 3000):
            session = Session(load_scenario(name))
            epochs = min(session.scenario.stop.epochs, 12)
            session.run(epochs=epochs // 2)
            executor = session.timeline.executor(session.schedule.full)
            assert isinstance(executor, NativeExecutor) == on
            if isinstance(executor, NativeExecutor):
                assert executor.hasten()
            outcome = session.run(epochs=epochs)
            last = session.timeline.frame(outcome.iterations - 1)
            session.seek(f"{epochs // 3}:1:2")
            middle = session.timeline.frame(session.schedule.locate(session.position)[0])
            found.append((last.flat, middle.flat, [bits(outcome.loss)]))
    assert same_bits(found[0][0], found[1][0])
    assert same_bits(found[0][1], found[1][1])
    assert found[0][2] == found[1][2]


@examples(30, least=5)
@given(recipe=recipes(samples=5, depth=2, epochs=9), random=randoms())
def test_any_session_has_the_same_bits(recipe: Recipe, random: Random) -> None:
    """Batches of two sizes, walks back, and an edit."""
    found = []
    seed = random.random()
    for on in (False, True):
        choice = Random(seed)
        with switched(on), patch.object(native, "WARM", choice.choice((0, 200))):
            session = Session(recipe.scenario)
            session.run(epochs=5)
            executor = session.timeline.executor(session.schedule.full)
            if isinstance(executor, NativeExecutor):
                assert executor.hasten()
            outcome = session.run(epochs=9)
            session.seek(choice.randrange(session.length))
            at = session.schedule.locate(session.position)[0]
            frames = [session.timeline.frame(one).flat for one in (0, at, max(0, outcome.iterations - 1))]
            session.edit({"lr": 0.125})
            session.run(epochs=9)
            frames += [frame.flat for frame in session.timeline.frames(0, 9)]
            found.append(frames)
    assert all(same_bits(left, right) for left, right in zip(*found, strict=True))


def test_an_edit_forks_with_the_same_bits() -> None:
    found = []
    for on in (False, True):
        with switched(on), patch.object(native, "WARM", 0):
            session = Session(load_scenario("mazur"))
            session.run(epochs=50)
            executor = session.timeline.executor(session.schedule.full)
            if isinstance(executor, NativeExecutor):
                assert executor.hasten()
            session.seek("20:1:1")
            session.edit({"w5": 0.75})
            session.run(epochs=60)
            session.seek("10:1:5")
            found.append([session.timeline.frame(at).flat for at in (9, 19, 20, 59)])
    assert all(same_bits(left, right) for left, right in zip(*found, strict=True))


def test_it_is_switched_off_by_the_environment_and_by_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    def kind() -> type[object]:
        session = Session(load_scenario("mazur"))
        return type(session.timeline.executor(session.schedule.full))

    monkeypatch.delenv(switch.VARIABLE, raising=False)
    assert kind() is NativeExecutor
    for word in sorted(switch.OFF):
        monkeypatch.setenv(switch.VARIABLE, word)
        assert kind() is GeneratedExecutor
    monkeypatch.setenv(switch.VARIABLE, "1")
    assert kind() is NativeExecutor


def test_a_saved_session_says_that_machine_code_was_used() -> None:
    session = Session(load_scenario("mazur"))
    assert "machine code" not in json.loads(to_json(session))["arithmetic"]
    executor = session.timeline.executor(session.schedule.full)
    assert isinstance(executor, NativeExecutor)
    assert executor.hasten()
    assert json.loads(to_json(session))["arithmetic"].endswith(", machine code")


def test_what_is_not_known_to_be_the_same_is_not_compiled() -> None:
    network = Network(load_scenario("mazur"))
    with patch("retrograde.engine.executor.native.workshop.addresses", return_value=None):
        made = NativeExecutor(network.program(1), network.constants)
        assert not made.hasten()
    losses: list[float] = []
    batch = made.leaves(network.columns, range(1))
    made.advance(network.initial_state, Turns([batch], 0, 3), losses)
    assert len(losses) == 3
    assert all(map(math.isfinite, losses))


def test_a_table_row_is_picked_by_a_number() -> None:
    network = Network(
        parse_scenario(
            """
format = 1
title = { en = "picked", zh = "picked" }
[network]
inputs = 2
[[network.layers]]
kind = "embedding"
name = "k"
vocabulary = 3
units = 2
[[network.layers]]
name = "o"
units = 1
activation = "tanh"
[data]
inputs = [[0, 2], [1, 1]]
targets = [[0.5], [-0.5]]
[loss]
kind = "half_squared_error"
[training]
learning_rate = 0.5
[stop]
epochs = 3
"""
        )
    )
    plain, made = both(network, network.program(2))
    for number in (0.0, 1.0, 2.0, 3.0, -1.0, 0.5, math.nan, math.inf):
        inputs = np.array([[number, 2.0], [1.0, 1.0]])
        columns = (inputs, network.dataset.targets)
        frames = [one.frame(network.initial_state, one.leaves(columns, range(2))) for one in (plain, made)]
        assert same_bits(frames[0].flat, frames[1].flat)


def test_with_blas_only_what_makes_a_product_stays_with_numpy() -> None:
    scenario = load_scenario("lenet-digits")
    network = Network(
        scenario.model_copy(update={"network": scenario.network.model_copy(update={"arithmetic": "blas"})})
    )
    program = network.program(2)
    made = KernelExecutor(program, network.constants, blas=True)
    stay = {program.ops[number].target.name for number in made.of_blas}
    assert stay == {
        "net_c1",
        "net_c2",
        "net_o",
        *(f"grad({name})" for name in ("W_c1", "W_c2", "W_o", "out_p1", "out_p2")),
    }
