"""The ledger of a weight closes exactly, for every optimiser, in both columns; printed columns add up as printed."""

from __future__ import annotations

import math
import re
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrograde.engine import Session, load_scenario
from retrograde.engine.equations.optimisers import OPTIMISERS
from retrograde.engine.errors import EngineError
from retrograde.engine.explaining.biography import printed
from retrograde.engine.explaining.exact_sums import Wide, products, sums
from retrograde.engine.explaining.update_parts import PartKind
from retrograde.engine.scenario.catalogue import folder
from retrograde.engine.scenario.file import parse_scenario
from tests.support.effort import examples

MAZUR = (Path(folder()) / "mazur.toml").read_text(encoding="utf-8")
SETTINGS = [
    *((name, "") for name in OPTIMISERS),
    ("sgd", "momentum = 0.9"),
    ("sgd", "momentum = 0.9\nnesterov = true"),
    ("sgd", "momentum = 0.9\ndampening = 0.1\nweight_decay = 0.01"),
    ("adamw", "weight_decay = 0.01\nclip_norm = 0.001"),
    ("adam", "clip_value = 0.0001"),
    ("sgd", "l1 = 0.01\nl2 = 0.02"),
    ("sgd", "momentum = 0.9\nnesterov = true\nlook_ahead = true\nmemory = { v = 0.01 }"),
    ("sgd", 'momentum = 0.9\nnesterov = true\nlook_ahead = true\nmomentum_form = "step"'),
    ("rprop", 'rprop_form = "rprop_minus"'),
    ("rprop", 'rprop_form = "irprop_plus"'),
    ("adam", "eps_inside = true\nmemory = { t = 3, m = 0.01, v = 0.02 }"),
]


def trained(optimiser: str, settings: str, iterations: int) -> Session:
    text = re.sub(r"\noptimizer *=.*", f'\noptimizer = "{optimiser}"\n{settings}', MAZUR)
    session = Session(parse_scenario(text.replace("learning_rate = 0.5", "learning_rate = 0.01")))
    session.seek(f"{iterations}")
    return session


@pytest.mark.parametrize(("optimiser", "settings"), SETTINGS)
def test_the_ledger_closes_exactly(optimiser: str, settings: str) -> None:
    story = trained(optimiser, settings, 12).biography("w1")
    ledger = story.ledger()
    assert sum((bucket.change for bucket in story.buckets()), Fraction()) == ledger.bucket.change
    for column in ("at_once", "in_all"):
        assert sum((getattr(row, column) for row in ledger.rows), Fraction()) == ledger.bucket.change
    last = ledger.rows[-1]
    # Each update rounds the parameter once, and its own parts a few times.
    moved = max(abs(row.in_all) for row in ledger.rows)
    most = 12 * Fraction(math.ulp(0.15)) + Fraction(1e-14) * moved
    assert last.kind is PartKind.ROUNDING
    assert abs(last.at_once) <= most
    assert abs(last.in_all) <= most


def test_the_weight_of_mazur_is_moved_by_its_data_alone() -> None:
    session = Session(load_scenario("mazur"))
    session.seek("1000")
    ledger = session.biography("w5").ledger()
    assert (ledger.bucket.before, ledger.bucket.after) == (0.4, -3.0640975297007556)
    assert float(ledger.of(PartKind.DATA)) == -3.4640975297007572
    assert f"{float(ledger.of(PartKind.ROUNDING)):.2g}" == "1.7e-15"
    assert ledger.straightness == pytest.approx(1.0)


def test_rows_of_the_data_are_told_apart() -> None:
    session = Session(load_scenario("two-moons"))
    session.run(epochs=360 // session.schedule.per_epoch)
    session.seek("end")
    ledger = session.biography("w1").ledger()
    found = {row.sample: float(row.at_once) for row in ledger.rows if row.kind is PartKind.DATA}
    assert [f"{found[row]:.4f}" for row in (1, 118, 115, 2)] == ["6.0653", "-4.4920", "-2.8374", "2.8238"]
    assert f"{ledger.walked:.3g} {ledger.straightness:.2g}" == "26.5 0.048"


def test_momentum_goes_on_acting() -> None:
    ledger = trained("sgd", "momentum = 0.9", 3).biography("w1").ledger()
    data = next(row for row in ledger.rows if row.kind is PartKind.DATA)
    carried = next(row for row in ledger.rows if row.kind is PartKind.CARRIED)
    assert abs(data.in_all) > abs(data.at_once)
    assert carried.in_all == 0
    assert carried.at_once != 0


@pytest.mark.parametrize("name", ["i1", "out_h1", "grad(w1)", "w99"])
def test_only_what_is_trained_has_a_biography(name: str) -> None:
    session = Session(load_scenario("mazur"))
    with pytest.raises(EngineError):
        session.biography(name)


@examples(300)
@given(
    st.lists(st.fractions(min_value=-1000, max_value=1000, max_denominator=10**9), min_size=1, max_size=12),
    st.integers(0, 9),
)
def test_printed_columns_add_up_as_printed(values: list[Fraction], digits: int) -> None:
    total = sum(values, Fraction())
    texts, whole = printed(values, total, digits)
    read = [Fraction(text.replace("−", "-")) for text in texts]
    assert sum(read, Fraction()) == Fraction(whole.replace("−", "-"))
    unit = Fraction(1, 10**digits)
    assert all(abs(text - value) <= unit for text, value in zip(read, values, strict=True))
    assert abs(Fraction(whole.replace("−", "-")) - total) <= unit / 2


def test_a_span_is_split_by_whole_epochs() -> None:
    session = Session(load_scenario("two-moons"))
    session.run(epochs=7)
    session.seek("end")
    story, per_epoch = session.biography("w1"), session.schedule.per_epoch
    buckets = story.buckets(unit=per_epoch)
    assert [bucket.start for bucket in buckets] == [epoch * per_epoch for epoch in range(7)]
    within = story.buckets(3, 2 * per_epoch + 1, unit=per_epoch)
    assert (within[0].start, within[0].stop, within[-1].stop) == (3, per_epoch, 2 * per_epoch + 1)


@pytest.mark.parametrize(("optimiser", "settings"), [("adam", ""), ("rprop", ""), ("sgd", "momentum = 0.9\nl1 = 0.01")])
def test_a_span_is_the_same_in_pieces_of_any_size(
    monkeypatch: pytest.MonkeyPatch, optimiser: str, settings: str
) -> None:
    story = trained(optimiser, settings, 40).biography("w1")
    whole = story.ledger()
    monkeypatch.setattr("retrograde.engine.explaining.biography.PIECE_BYTES", 1)
    apart = story.ledger()
    by_cause = {(row.kind, row.sample): row for row in apart.rows[:-1]}
    assert len(by_cause) == len(whole.rows) - 1
    for row in whole.rows[:-1]:
        other = by_cause[row.kind, row.sample]
        assert row.at_once == other.at_once
        assert float(row.in_all) == pytest.approx(float(other.in_all), rel=1e-13, abs=1e-15)


@examples(200)
@given(st.lists(st.tuples(st.integers(0, 2), st.floats(allow_nan=False, allow_infinity=False)), max_size=20))
def test_sums_of_floats_are_exact(values: list[tuple[int, float]]) -> None:
    groups = np.array([group for group, _value in values], np.int64)
    found = sums(groups, np.array([value for _group, value in values]), 3)
    assert found == [sum((Fraction(v) for g, v in values if g == group), Fraction()) for group in range(3)]


@examples(200)
@given(st.lists(st.tuples(st.floats(-1e300, 1e300), st.floats(-1e300, 1e300)), min_size=1, max_size=8))
def test_sums_of_products_are_exact(pairs: list[tuple[float, float]]) -> None:
    left, right = np.array(pairs).T
    with np.errstate(all="ignore"):
        found = products(np.zeros(len(pairs), np.int64), Wide(left, np.zeros(len(pairs))), right, 1)
    assert found == [sum((Fraction(x) * Fraction(y) for x, y in pairs), Fraction())]
