"""The moment at which a gradient died, against all iterations; and the ledger of who pushed, which closes exactly."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrograde.engine import Session
from retrograde.engine.equations.expression import Ref
from retrograde.engine.errors import EngineError
from retrograde.engine.explaining.death import ALIVE, Death, NetLedger
from retrograde.engine.explaining.telling import told_death
from retrograde.engine.explaining.update_parts import PartKind
from retrograde.engine.scenario.file import parse_scenario
from tests.support.effort import examples
from tests.support.gradients import session_of
from tests.support.networks import Recipe, recipes


def network(
    *, rate: float, activations: tuple[str, ...], widths: tuple[int, ...], seed: int, scale: float = 1.0
) -> Session:
    recipe = Recipe(
        widths=widths,
        activations=activations,
        biases=("neuron",) * len(activations),
        frozen=((),) * len(activations),
        loss="mean_squared_error",
        samples=40,
        batch_size=10,
        rate=rate,
        scale=scale,
        seed=seed,
        epochs=12,
    )
    return Session(recipe.scenario)


def at_end(session: Session) -> Session:
    session.seek(session.length)
    return session


def brute_force(session: Session, name: str, now: int) -> int | None:
    """The iteration in which it died, from the frames of all iterations."""
    ref = session.explanations.gradient(name)
    sizes = []
    for iteration in range(now + 1):
        frame = session.timeline.frame(iteration)
        sizes.append(abs(frame.value(Ref(frame.program.named[ref.array.name], ref.index))))
    first = [size for size in sizes[: session.schedule.per_epoch] if math.isfinite(size)]
    best = max(first, default=0.0)
    if not math.isfinite(sizes[-1]) or (best and sizes[-1] >= ALIVE * best):
        return None
    return 1 + max((n for n, size in enumerate(sizes) if best and size >= ALIVE * best), default=-1)


@examples(24)
@given(recipes(depth=3, samples=6, epochs=8, freeze=False), st.floats(0.5, 8.0))
def test_the_moment_is_that_of_all_iterations(recipe: Recipe, rate: float) -> None:
    session = Session(parse_scenario(recipe.text.replace("learning_rate = 0.25", f"learning_rate = {rate!r}")))
    array = session.program.state[0]
    name = f"{array.name}[{','.join('1' for _axis in array.shape)}]"
    for now in (session.length // session.program.steps // 2, 0):
        session.seek(session.schedule.start(now) + 1)
        died = session.death(name)
        assert (None if died is None else died.iteration) == brute_force(session, name, session.iteration)
        if died is not None and died.ledger is not None:
            closes(session, died.ledger)


def closes(session: Session, ledger: NetLedger) -> None:
    """Pushes join up, their parts add up to what moved but for rounding, and rows and causes to the own part."""
    pushes = ledger.pushes
    for push, following in pairwise(pushes):
        assert (push.stop, push.after) == (following.start, following.before)
    for push in pushes:
        assert push.weights + push.bias + push.inputs + push.remainder == push.change
    worst = ledger.worst
    if worst is not None:
        assert sum((share.amount for share in ledger.shares(worst)), Fraction()) == worst.weights + worst.bias


CASES = {
    "tanh": network(rate=2.5, activations=("tanh", "tanh"), widths=(2, 8, 1), seed=3, scale=2.0),
    "sigmoid": network(rate=20.0, activations=("sigmoid", "identity"), widths=(2, 4, 1), seed=2),
    "relu": network(rate=3.0, activations=("relu", "relu", "identity"), widths=(2, 8, 8, 1), seed=1),
}


def deaths(name: str) -> list[Death]:
    session = at_end(CASES[name])
    array = session.program.state[0]
    found = (session.death(f"{array.name}[{unit + 1},1]") for unit in range(2))
    return [one for one in found if one is not None and one.ledger is not None and one.iteration > 0]


@pytest.mark.parametrize("name", ["tanh", "relu"])
def test_the_ledger_of_the_neuron_to_blame_closes(name: str) -> None:
    session = CASES[name]
    found = deaths(name)
    assert found
    for died in found:
        assert died.iteration == brute_force(session, session.notation.name(died.ref), session.iteration)
        ledger = died.ledger
        assert ledger is not None and died.culprit is not None
        closes(session, ledger)
        assert ledger.pushes[0].start == 0
        for push in ledger.pushes:
            program = session.timeline.schedule.program(push.start)
            size = sum(abs(float(part)) for part in (push.weights, push.bias, push.inputs))
            assert abs(push.remainder) <= 1e-12 * max(size, abs(push.before), abs(push.after))
            rows = list(session.schedule.rows(push.start))
            if ledger.row in rows:
                frame = session.timeline.frame(push.start)
                net = Ref(program.named[ledger.net.array.name], (rows.index(ledger.row), *ledger.net.index[1:]))
                assert frame.value(net) == push.before
        assert all(
            share.row is None or share.row in session.schedule.rows(push.start)
            for push in ledger.pushes
            for share in ledger.shares(push)
        )


def test_rows_are_worth_what_their_gradients_move() -> None:
    """Under plain descent a row moves the net by −η · Σ its part of the gradient · the probe's input."""
    session = CASES["relu"]
    died = next(one for one in deaths("relu") if one.culprit is not None and one.culprit.net.array.name == "net_h1")
    ledger = died.ledger
    assert ledger is not None
    for push in ledger.pushes:
        frame = session.timeline.frame(push.start)
        unit = ledger.net.index[1]
        delta = frame.array(frame.program.named["grad(net_h1)"])[:, unit]
        inputs = frame.array(frame.program.named["i"])
        probe = session.network.columns[0][ledger.row]
        expected = -3.0 * delta * (inputs @ probe + 1.0)
        rows = list(session.schedule.rows(push.start))
        found = {share.row: float(share.amount) for share in ledger.shares(push) if share.kind is PartKind.DATA}
        np.testing.assert_allclose([found.get(row, 0.0) for row in rows], expected, rtol=1e-12, atol=1e-15)


def test_a_gradient_that_lives_has_not_died() -> None:
    assert session_of("mazur").death("w1") is None


def test_a_gradient_that_never_was_is_dead_from_the_start() -> None:
    session = session_of("deep-relu-zeros")
    died = session.death("W_h1[1,1]")
    assert died is not None and died.from_the_start
    assert told_death(died, session.network, session.schedule.per_epoch) == "It has been 0 from the start."


def test_a_death_is_told_with_its_update() -> None:
    session = at_end(CASES["relu"])
    text = told_death(deaths("relu")[0], session.network, session.schedule.per_epoch)
    assert text.startswith("It died in iteration 1:") and " moved net_h" in text


def test_a_gradient_that_has_done_its_work_is_blamed_on_no_neuron() -> None:
    session = Session(parse_scenario(LEARNED))
    at_end(session)
    died = session.death("w1")
    assert died is not None and died.culprit is None and died.iteration == brute_force(session, "w1", 59)
    text = told_death(died, session.network, session.schedule.per_epoch)
    assert text == f"Since iteration {died.iteration + 1}:1 it is below 1 % of its largest in the first epoch."


LEARNED = """format = 1
title = { en = "A line", zh = "直线" }
[network]
inputs = 1
[[network.layers]]
name = "o"
units = 1
activation = "identity"
weights = [[0]]
biases = [0]
[data]
inputs = [[1], [-1]]
targets = [[2], [-2]]
[loss]
kind = "mean_squared_error"
[training]
learning_rate = 0.1
[stop]
epochs = 60
"""


def test_only_gradients_of_parameters_die() -> None:
    with pytest.raises(EngineError, match="no gradient of a parameter"):
        session_of("mazur").death("out_h1")
