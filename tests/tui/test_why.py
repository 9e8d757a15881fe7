"""The screens that ask why: their numbers are those of the engine, and every row leads to its step."""

from __future__ import annotations

import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrograde.engine.explaining.account import Account
from retrograde.engine.explaining.gradient_graph import GradientGraph
from retrograde.tui.debugger.screen import DebuggerScreen
from retrograde.tui.drawing.cells import brief
from retrograde.tui.reading.chain import ChainReading, Way
from retrograde.tui.reading.why import FlowReading, WhyReading, busiest
from retrograde.tui.screens.chain import ChainScreen
from retrograde.tui.screens.flow import FlowScreen
from retrograde.tui.screens.looking import LookingScreen
from retrograde.tui.screens.why import WhyScreen
from retrograde.tui.views.flow import flow_table
from retrograde.tui.views.multiplied import multiplied
from retrograde.tui.views.unfolding import items_of
from retrograde.tui.views.why import shares, typeset, why_table
from tests.support.effort import examples
from tests.support.gradients import session_of

SIZES = ((20, 6), (40, 12), (60, 20), (80, 24), (100, 30), (120, 36), (200, 60))


@given(st.lists(st.floats(1e-12, 1e12), min_size=1, max_size=12))
@examples(100)
def test_printed_factors_multiply_up_to_the_printed_product(factors: list[float]) -> None:
    product = math.prod(factors)
    found = multiplied(factors, product)
    assert found.holds
    *texts, shown = (Decimal(text.replace("−", "-")) for text in (*found.factors, found.product))
    digits = max(len(shown.normalize().as_tuple().digits), 3)
    assert Decimal(f"{math.prod(texts, start=Decimal(1)):.{digits}g}") == shown
    assert float(shown) == pytest.approx(product, rel=0.005)


@pytest.mark.parametrize(("name", "factors"), [("mazur", 1), ("xor-2-4-1", 1), ("vanishing", 2)])
def test_the_flow_says_each_factor_once(name: str, factors: int) -> None:
    session = session_of(name)
    said = flow_table(FlowReading.of(session), 0).lines[0][0].text
    assert said.count("×") == factors


def test_factors_that_do_not_multiply_up_are_not_said_to() -> None:
    assert not multiplied([2.0, 3.0], 7.0).holds


def test_a_sentence_is_set_with_signs_and_short_exponents() -> None:
    assert typeset("is -2.53e-06, of 1e+05; w-1 2-2-1") == "is −2.53e−6, of 1e5; w-1 2-2-1"


@given(st.lists(st.one_of(st.none(), st.floats()), max_size=20))
@examples(100)
def test_small_curves_are_within_their_rows(values: list[float | None]) -> None:
    assert all(share is None or 0.0 <= share <= 1.0 for share in shares(values))


def test_what_goes_through_a_unit_is_a_share_of_its_layer() -> None:
    session = session_of("xor-2-2-1")
    account = Account(GradientGraph(session.frame, session.explanations.gradient("w1")))
    for (layer, _time), found in busiest(account).items():
        assert found.ref.array.layer == layer
        assert 0.0 < found.share <= 1.0 + 1e-12
        assert found.value == session.frame.value(found.ref)


@pytest.mark.parametrize("name", ["w1", "w13", "b_o1", "delta(h1.1)"])
def test_the_last_product_is_the_gradient(name: str) -> None:
    session = session_of("vanishing")
    reading = WhyReading.of(session, session.explanations.gradient(name))
    table = why_table(reading, 0)
    assert table.rows[-1][-1].number == brief(abs(reading.found.value), 2)
    assert len(table.rows) == table.count


@pytest.mark.parametrize("way", list(Way))
@pytest.mark.parametrize(
    ("name", "asked"), [("mazur", "w1"), ("vanishing", "w1"), ("xor-2-2-1", "w1"), ("elman", "W_h[1,1]")]
)
def test_what_a_row_unfolds_to_is_what_the_row_is(name: str, asked: str, way: Way) -> None:
    session = session_of(name)
    reading = ChainReading.of(session, session.explanations.gradient(asked))
    items = items_of(reading, way)
    assert items
    if way is not Way.CUTS:
        if len(reading.chain.graph.terms(0)) > 1 or way is Way.PATHS:
            assert math.fsum(item.value or 0.0 for item in items) == pytest.approx(reading.value, rel=1e-9, abs=1e-18)
        return
    for item in items:
        assert item.inside is not None
        for axis in range(item.axes):
            parts = item.inside(axis)
            assert math.fsum(part.value or 0.0 for part in parts) == pytest.approx(reading.value, rel=1e-9)


def test_a_part_of_a_cut_is_divided_by_the_cuts_below_it() -> None:
    session = session_of("xor-2-2-1")
    cuts = session.chain("w1").cuts
    whole = [array for array in cuts.arrays if cuts.is_whole(array)]
    for row in cuts.at(whole[0]).rows:
        through = cuts.through(row)
        assert through.value == pytest.approx(row.value)
        for array in through.arrays:
            if through.is_whole(array):
                assert through.at(array).through == pytest.approx(row.value)


# -- on the screen


async def _shown(driver, kind: type[LookingScreen]) -> None:
    await driver.until(lambda: isinstance(driver.app.screen, kind))
    await driver.pilot.pause()


async def _settled(driver) -> None:
    """Waits for what is looked for behind the screen."""
    await driver.until(lambda: driver.app.screen_stack[1].parts.working.work is None)
    await driver.pilot.pause()


async def test_one_key_says_why_and_enter_goes_to_the_layers_step(opened, monkeypatch: pytest.MonkeyPatch) -> None:
    # The search for what would revive it ends in time on any machine: its clock stands still.
    monkeypatch.setattr("retrograde.engine.explaining.revival.perf_counter", lambda: 0.0)
    async with opened("vanishing", size=(80, 24)) as driver:
        await driver.press("h")
        await _shown(driver, WhyScreen)
        await _settled(driver)
        await driver.until(lambda: "No single number revives it" in driver.text())
        text = driver.text()
        assert "∂E/∂w1 is 2.53e−6, 25,000 times less than ∂E/∂w29" in text
        assert "✓ multiplies up: slopes 1.077e−5 × weights 0.9492 × error 0.4953 × input 0.5 = 2.53e−6" in " ".join(
            text.replace("│", "").split()
        )
        await driver.press("down", "enter")
        await driver.until(lambda: isinstance(driver.app.screen, DebuggerScreen))
        await driver.idle()
        step = driver.session.current
        assert step is not None and step.op.target.name == "grad(net_h7)"
        await driver.press("backspace")
        assert driver.session.position == 0, "Backspace comes back"


async def test_the_change_that_would_revive_it_is_made_on_a_branch(opened) -> None:
    async with opened("saturated", size=(120, 36)) as driver:
        await driver.write("why w1")
        await _shown(driver, WhyScreen)
        await _settled(driver)
        assert "All weights × 0.2: 0.0699" in driver.text()
        await driver.press("e")
        await driver.until(lambda: isinstance(driver.app.screen, DebuggerScreen))
        await driver.idle()
        assert [branch.name for branch in driver.session.branches] == ["main", "edit1"]
        assert "= 0.069912665" in driver.text()
        assert "without the edit: 0.017345021" in driver.text()


async def test_zeros_and_what_is_not_finite_have_rows_that_lead_to_their_steps(opened) -> None:
    async with opened("deep-relu-zeros", size=(80, 24)) as driver:
        await driver.write("why W_h1[1,1]")
        await _shown(driver, WhyScreen)
        assert "Every way to it has at least 20 factors that are 0" in " ".join(driver.text().replace("│", "").split())
        await driver.press("enter")
        await driver.until(lambda: isinstance(driver.app.screen, DebuggerScreen))
        await driver.idle()
        step = driver.session.current
        assert step is not None and driver.session.symbol(step.target) == "ReLU′(net_h1.1)"
    async with opened("mazur", size=(80, 24)) as driver:
        await driver.write("set i1 nan")
        await driver.write("why w1")
        await _shown(driver, WhyScreen)
        assert "not finite" not in driver.text()
        assert "began here" in driver.text()
        assert "It began in the data: the input i1 is NaN." in driver.text()
        assert "The update changes it" not in driver.text()


async def test_the_chain_unfolds_folds_and_goes_other_ways(opened) -> None:
    async with opened("mazur", size=(100, 30)) as driver:
        await driver.write("chain w1")
        await _shown(driver, ChainScreen)
        await _settled(driver)
        text = driver.text()
        assert "1 % more w1 moves E by" in text and "2 paths to E, which agree to 49 %" in text
        assert "+0.000668396021" in text and "−0.000229828287" in text
        await driver.press("right")
        await _settled(driver)
        assert "▾ h1 o1: i1 0.05" in driver.text()
        await driver.press("down", "down", "left", "left")
        assert "▾" not in driver.text(), "from a factor to its path, which folds"
        await driver.press("tab", "tab")
        await _settled(driver)
        assert "term by term" in driver.text()
        await driver.press("enter")
        assert isinstance(driver.app.screen, ChainScreen), "i1 was given"
        await driver.press("down", "enter")
        await driver.until(lambda: isinstance(driver.app.screen, DebuggerScreen))


async def test_the_chain_of_a_value_says_what_of_e_goes_through_it(opened) -> None:
    async with opened("mazur", size=(80, 24)) as driver:
        await driver.press("right", "H")
        await _shown(driver, ChainScreen)
        await _settled(driver)
        assert "moves E by" in driver.text()
        await driver.press("escape")
        await driver.until(lambda: isinstance(driver.app.screen, DebuggerScreen))
        await driver.write("chain i1")
        assert "i1 has no gradient in this network" in driver.text()
        await driver.write("why E")
        assert "ask about a value that E depends on" in driver.text()


async def test_the_flow_goes_with_the_iterations_and_over_the_run(opened) -> None:
    async with opened("vanishing", size=(120, 36)) as driver:
        await driver.press("L")
        await _shown(driver, FlowScreen)
        await _settled(driver)
        text = driver.text()
        assert "The smallest factor is that from o to h7: ×0.0959" in text
        rows = FlowReading.of(driver.session).rows
        assert all(brief(row.delta, 2) in text for row in rows)
        await driver.press("right_square_bracket")
        await _settled(driver)
        assert driver.session.iteration == 0 and driver.session.position, "to the end of the iteration"
        await driver.press("right_square_bracket", "tab")
        await _settled(driver)
        assert "2:1" in driver.text() and "Over 2 of the iterations from 1 to 2" in driver.text()
        await driver.press("end", "enter")
        await driver.until(lambda: isinstance(driver.app.screen, DebuggerScreen))
        await driver.idle()
        step = driver.session.current
        assert step is not None and step.op.target.name == "net_o"


async def test_the_screens_are_drawn_at_every_size_in_plain_characters_too(opened) -> None:
    async with opened("vanishing", size=(80, 24), ascii_only=True) as driver:
        for key in ("h", "H", "L"):
            await driver.press(key)
            await _shown(driver, LookingScreen)
            await _settled(driver)
            for width, height in SIZES:
                await driver.resize(width, height)
                text = driver.text()
                assert text.isascii() and "?" not in text
                assert {len(row) for row in text.splitlines()} == {width}
            await driver.press("escape")
            await driver.until(lambda: isinstance(driver.app.screen, DebuggerScreen))


async def test_an_update_of_0_is_no_change(opened) -> None:
    async with opened("mazur", size=(80, 24)) as driver:
        await driver.write("set i1 0")
        await driver.write("why w1")
        await driver.until(lambda: "∂E/∂w1 is exactly 0" in driver.text())
        assert "The update leaves the parameter as it is." in driver.text()


async def test_a_value_is_asked_for_by_its_name_here_and_after_another_step(opened) -> None:
    async with opened("mazur", size=(100, 24)) as driver:
        await driver.write("w5")
        assert "w5 = 0.4 at" in driver.text()
        await driver.write("grad(w5)")
        assert "grad(w5) is not computed yet at" in driver.text()
        await driver.write("grad(w5)/grad(w6) after 1:1")
        assert "grad(w5)/grad(w6) = " in driver.text()
        await driver.write("w5 after 1:1")
        assert "w5 = 0.35891648" in driver.text()
        assert driver.session.position == 0, "the cursor stays"
        for round_ in ("3", "epoch 3", "round 3"):
            await driver.write(f"w5 after {round_}")
            assert "w5 = 0.275360214 after epoch 3 (3:1:39)" in driver.text(), "a round, as in 3:1, and said so"
        await driver.write("out_h1 after @3")
        assert "out_h1 = 0.593269992 at 1:1:3" in driver.text()
        await driver.write("w55")
        assert "there is no value called w55; did you mean w5?" in driver.text()
