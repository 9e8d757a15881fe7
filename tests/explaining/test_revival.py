"""What would revive a gradient: each winner is made by an edit and brings what is said; honest failures are results."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrograde.engine import Session
from retrograde.engine.equations.expression import Ref
from retrograde.engine.explaining.revival import FLOOR, Refusal, Revival, revival
from retrograde.engine.explaining.telling import told_revival
from retrograde.engine.scenario.file import parse_scenario
from tests.explaining.test_gradient_graph import ZEROS
from tests.support.effort import examples
from tests.support.gradients import session_of
from tests.support.networks import Recipe, recipes


@pytest.fixture(scope="module", autouse=True)
def unhurried() -> Iterator[None]:
    """What is found in time is another thing on a busy machine: here the clock stands still."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("retrograde.engine.explaining.revival.perf_counter", lambda: 0.0)
        yield


def edited(session: Session, found: Revival, values: dict[str, float]) -> float:
    """What a gradient becomes by an edit in a session of its own."""
    own = Session(session.scenario)
    own.seek(found.position)
    own.edit(values)
    frame = own.timeline.frame(found.iteration)
    return frame.value(Ref(frame.program.named[found.ref.array.name], found.ref.index))


def comes_true(session: Session, found: Revival) -> None:
    """Whether every remedy is what an edit brings, bit for bit, and the single one is in the range."""
    for remedy in filter(None, (found.single, *found.scaled)):
        values = {session.notation.name(one.ref): one.after for one in remedy.replaced}
        assert edited(session, found, values) == remedy.value
    if found.single is not None:
        (one,) = found.single.replaced
        assert one.before != one.after
        assert found.least <= abs(found.single.value) <= found.most


@examples(40)
@given(recipes(depth=3, samples=4, epochs=4), st.floats(0.05, 4.0), st.integers(0, 3))
def test_what_revives_is_made_by_an_edit(recipe: Recipe, rate: float, now: int) -> None:
    session = Session(parse_scenario(recipe.text.replace("learning_rate = 0.25", f"learning_rate = {rate!r}")))
    trained = [array for array in session.program.state if f"grad({array.name})" in session.program.named]
    if not trained:
        return
    session.seek(session.schedule.start(now) + 1)
    array = trained[0]
    before = [branch.name for branch in session.branches]
    found = session.revival(f"{array.name}[{','.join('1' for _axis in array.shape)}]")
    comes_true(session, found)
    assert [branch.name for branch in session.branches] == before
    assert found.refusal is not None or found.least >= max(FLOOR, 10 * abs(found.value))


@pytest.mark.parametrize(
    ("name", "gradient", "single", "scaled"),
    [
        ("xor-2-2-1", "w1", ("w5", 0.6, 1.066), 2.0),
        ("vanishing", "w1", None, 2.0),
        ("saturated", "w1", None, 0.2),
    ],
)
def test_known_networks(name: str, gradient: str, single: tuple[str, float, float] | None, scaled: float) -> None:
    session = session_of(name)
    found = session.revival(gradient)
    comes_true(session, found)
    if single is None:
        assert found.single is None and found.whole
        assert "No single number revives it" in told_revival(found, session.network)
    else:
        assert found.single is not None
        (one,) = found.single.replaced
        assert (session.notation.name(one.ref), one.before, one.after) == single
        assert "(tried)" in told_revival(found, session.network)
    assert found.scaled[0].factor == scaled


@pytest.mark.parametrize(
    ("session", "gradient", "refusal"),
    [
        (session_of("deep-relu-zeros"), "W_h1[1,1]", Refusal.ZEROS),
        (Session(parse_scenario(ZEROS)), "W_h1[1,1]", Refusal.ZEROS),
        (session_of("digits"), "W_h[1,1]", Refusal.ZEROS),
        (session_of("char-transformer"), "bk_att[1]", Refusal.RESIDUE),
    ],
)
def test_what_nothing_can_revive_is_not_tried(session: Session, gradient: str, refusal: Refusal) -> None:
    found = session.revival(gradient)
    assert (found.refusal, found.tried, found.single) == (refusal, 0, None)


DEAD = """format = 1
title = { en = "Both layers are silent", zh = "两层都不激活" }
[network]
inputs = 1
[[network.layers]]
name = "h1"
units = 1
activation = "relu"
weights = [[1]]
biases = [-2]
[[network.layers]]
name = "h2"
units = 1
activation = "relu"
weights = [[1]]
biases = [-0.5]
[[network.layers]]
name = "o"
units = 1
activation = "identity"
weights = [[1]]
biases = [0]
[data]
inputs = [[1]]
targets = [[1]]
[loss]
kind = "mean_squared_error"
[training]
learning_rate = 0.1
[stop]
epochs = 2
"""


def test_one_bias_may_wake_two_layers_in_series() -> None:
    session = Session(parse_scenario(DEAD))
    zeros = session.autopsy("w1").zeros
    assert zeros is not None and zeros.series == 2 and not zeros.beyond_one_change
    assert "No single change" not in session.explanations.verdict(session.autopsy("w1"))
    found = session.revival("w1")
    comes_true(session, found)
    assert found.single is not None
    (one,) = found.single.replaced
    # Behind −0.5 the second layer wakes when the first hands on more than that.
    assert one.ref.array.name in {"W_h1", "b_h1"} and found.single.value < 0


SATURATED = """format = 1
title = { en = "A large bias", zh = "偏置过大" }
[network]
inputs = 1
[[network.layers]]
name = "h1"
units = 1
activation = "tanh"
weights = [[0.4]]
biases = [9]
[[network.layers]]
name = "o"
units = 1
activation = "identity"
weights = [[0.5]]
biases = [0]
[data]
inputs = [[1]]
targets = [[0]]
[loss]
kind = "mean_squared_error"
[training]
learning_rate = 0.1
[stop]
epochs = 2
"""


def test_no_smaller_change_of_the_same_parameter_does_it() -> None:
    session = Session(parse_scenario(SATURATED))
    found = session.revival("w1")
    comes_true(session, found)
    assert found.single is not None
    (one,) = found.single.replaced
    name = session.notation.name(one.ref)
    assert one.ref.array.name == "b_h1"
    for part in (0.25, 0.5, 0.75, 0.98):
        value = edited(session, found, {name: one.before + part * (one.after - one.before)})
        assert abs(value) < found.least


def test_a_search_that_ran_out_of_time_says_so() -> None:
    session = session_of("vanishing")
    found = revival(session.branch, session.explanations.gradient("w1"), 0, 1.0, seconds=-1.0)
    assert not found.whole and found.single is None
    assert told_revival(found, session.network).startswith(
        "No single number that revives it was found in the time there is"
    )
