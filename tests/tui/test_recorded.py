"""A recording in the app: real keys, and what is on the screen."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from retrograde.engine import load_scenario
from retrograde.engine.session.saving import open_session
from retrograde.tui.debugger.screen import DebuggerScreen
from retrograde.tui.screens.chain import ChainScreen
from retrograde.tui.screens.doctor import DoctorScreen
from retrograde.tui.screens.flow import FlowScreen
from retrograde.tui.screens.why import WhyScreen
from tests.support.recordings import Writing

STEPS = Path(__file__).parents[1] / "recording" / "steps"
ROOT, LENET = STEPS / "root.rgrec", STEPS / "lenet.rgrec"


async def test_it_opens_with_where_it_stopped_being_finite_and_enter_goes_there(opened) -> None:
    async with opened(ROOT) as driver:
        text = driver.text()
        assert "root.rgrec · PyTorch 2.13.0" in text
        assert "SqrtBackward0, element 4 of 8: 0.125 / 0 = ∞; Enter goes there" in text
        assert "945 steps of 57 ops" in text
        await driver.press("enter")
        assert driver.session.position == 342
        text = driver.text()
        assert "SqrtBackward0.div[4] = MeanBackward0.div[4]" in text
        assert "aten::div.Tensor · SqrtBackward0" in text
        assert "root.py:17  loss = d.sqrt().mean()" in text
        await driver.until(lambda: bool(driver.main.parts.badges.here))
        await driver.settle()
        assert "✓ float64 of this equation gives the" in driver.text()
        await driver.press("down", "down", "w")
        assert driver.session.position == 334
        assert "SqrtBackward0.mul[4]" in driver.text()
        await driver.press("backspace")
        assert driver.session.position == 342


async def test_the_footer_of_a_recording_has_no_key_that_can_do_nothing_there(opened) -> None:
    async with opened(LENET, size=(200, 24)) as driver:
        assert "D doctor" in driver.text()
        assert not {"r run", "]/[ iteration"} & set(re.findall(r"\S+ \w+", driver.text().splitlines()[-1]))
        assert "h why" in driver.text().splitlines()[-1], "of the selected parameter"
        await driver.press("f", "left")
        assert "h why" not in driver.text().splitlines()[-1], "of what the loss reads nobody knows a gradient"


async def test_long_names_keep_their_ends(opened, tmp_path: Path) -> None:
    writing = Writing()
    path = "transformer_encoder.layers.11.attention"
    weight = writing.value(f"{path}.weight", [1.0, 2.0, 4.0], kind="parameter")
    made = writing.value(f"{path}.sqrt", [1.0, 2.0**0.5, 2.0], kind="made")
    writing.call("aten.sqrt.default", {"self": weight}, [made])
    file = writing.write(tmp_path / "lenet-on-mnist-epoch12-rank0-2026-11-30.rgrec")
    async with opened(file, size=(80, 24)) as driver:
        await driver.press("right", "right")
        text = driver.text()
        header = text.splitlines()[0]
        assert "11-30.rgrec" in header and "sqrt[2]" in header and "2/3" in header
        assert ".weight[2]" in text and "attention.sqrt[2]" in text, "the index tells elements apart"


async def test_modules_are_a_tree_in_which_enter_goes_to_their_steps(opened) -> None:
    async with opened(ROOT) as driver:
        text = driver.text()
        for row in ("blocks ", "0 ", "addmm ×2", "tanh ×2", "8×6", "loss.mean"):
            assert row in text
        await driver.press("1", *["down"] * 5, "enter")
        assert driver.session.current is not None
        assert driver.session.current.symbol == "blocks.1.tanh[1,1]"
        await driver.press("2", "n")
        assert driver.session.current.op.layer == "blocks.1"
        await driver.press("1", "up", "up", "up", "up", "up", "enter")
        assert "this was given" in driver.text()


async def test_weights_have_gradients_and_new_values_once_they_are_made(opened) -> None:
    async with opened(LENET, size=(200, 60)) as driver:
        session = driver.session
        slots = [session.resolve(f"{name}[1,1,1,2]") for name in ("0.weight", "grad(0.weight)", "new(0.weight)")]
        value, gradient, new = (f"{session.frame.value(ref):.6f}".replace("-", "−") for ref in slots)
        row = next(line for line in driver.text().splitlines() if "0.weight[1,1,1,2]" in line)
        assert value in row
        assert gradient not in row
        await driver.press("3", "G")
        row = next(line for line in driver.text().splitlines() if "0.weight[1,1,1,2]" in line)
        assert all(number in row for number in (value, gradient, new))
        assert "momentum_buffer" in driver.text()


@pytest.mark.parametrize("key", ["v", "V", "right_square_bracket", "left_curly_bracket", "r", "e", "u", "B", "7", "0"])
async def test_what_it_has_not_is_refused_in_a_sentence(opened, key: str) -> None:
    async with opened(ROOT) as driver:
        await driver.press("s", key)
        rows = driver.main.query_one("#footer").size.height
        assert "recording" in " ".join(driver.text().splitlines()[-rows:])
        assert isinstance(driver.app.screen, DebuggerScreen)
        assert (driver.session.position, len(driver.session.branches)) == (1, 1)


async def test_what_is_written_is_refused_too_and_formulas_know_paths(opened) -> None:
    async with opened(ROOT, size=(200, 60)) as driver:
        for line in ("set blocks.0.bias[1] 0.5", "run 10", "drop 1"):
            await driver.write(line)
            assert "import root.rgrec --as scenario" in driver.text(), line
        await driver.write("first isinf(SqrtBackward0.div[4])")
        assert driver.session.position == 342
        await driver.write("watch max(abs(blocks.0.addmm)) / E")
        await driver.write("break any(isnan(grad(head.bias)))")
        await driver.press("c")
        await driver.idle()
        assert driver.session.current is not None
        assert driver.session.current.symbol == "grad(head.bias)[2]"
        await driver.press("c")
        await driver.idle()
        assert "it is the end of the recording" in driver.text()
        await driver.press("C", "b", "6")
        assert len(driver.session.breakpoints) == 2


async def test_why_chain_flow_and_doctor_answer(opened) -> None:
    async with opened(LENET) as driver:
        await driver.press("G", "H")
        await driver.until(lambda: isinstance(driver.app.screen, ChainScreen))
        await driver.settle()
        assert "1 % more 7.bias[5] moves E" in driver.text()
        await driver.press("escape")
        await driver.write("why grad(7.weight)[2,3]")
        await driver.until(lambda: isinstance(driver.app.screen, WhyScreen))
        await driver.settle()
        assert "why grad(7.weight)[2,3]" in driver.text()
        assert "multiplies up" in driver.text()
        await driver.press("p")
        await driver.until(lambda: isinstance(driver.app.screen, ChainScreen))
        await driver.settle()
        assert "paths to E" in driver.text()
        await driver.press("escape", "escape", "L")
        await driver.until(lambda: isinstance(driver.app.screen, FlowScreen))
        await driver.settle()
        assert "The smallest factor is that from 2 to 1: ×0.25." in driver.text()
        await driver.press("escape", "D")
        await driver.until(lambda: isinstance(driver.app.screen, DoctorScreen))
        await driver.until(lambda: "nothing is wrong" in driver.text())
        await driver.press("escape")
    async with opened(ROOT) as driver:
        await driver.press("D")
        await driver.until(lambda: "numbers that are not finite" in driver.text())
        await driver.press("enter")
        assert driver.session.position == 342
        await driver.write("why blocks.0.bias[1]")
        await driver.until(lambda: isinstance(driver.app.screen, WhyScreen))
        await driver.settle()
        assert "It began at SqrtBackward0.div[4]: x / 0" in driver.text()


async def test_a_session_over_it_is_saved_and_opened_again(opened, tmp_path: Path) -> None:
    here = tmp_path / "root.rgrec"
    here.write_bytes(ROOT.read_bytes())
    saved = tmp_path / "root.session.json"
    async with opened(here) as driver:
        await driver.write("first isinf(SqrtBackward0.div[4])")
        await driver.write("mark a")
        await driver.write("note the distance is 0")
        await driver.write("break at backward")
        await driver.write(f"save {saved}")
        assert saved.is_file()
    async with opened(session=saved) as driver:
        await driver.until(lambda: driver.app.session is not None and isinstance(driver.app.screen, DebuggerScreen))
        await driver.settle()
        session = driver.session
        assert (session.position, session.name, session.marks) == (342, "root.rgrec", {"a": ("main", 342)})
        assert [point.text for point in session.breakpoints.values()] == ["at backward"]
        assert "the distance is 0" in driver.text()
    here.write_bytes(LENET.read_bytes())
    (warning,) = open_session(saved, load_scenario).warnings
    assert "another one than when the session was saved" in warning


async def test_what_says_nothing_says_why(opened, tmp_path: Path) -> None:
    writing = Writing()
    w = writing.value("w", [1.0, 2.0], kind="parameter", left_out="recorded with limit=1")
    x = writing.value("x", [1.0, 2.0])
    y = writing.value("y", [3.0, 4.0], kind="made")
    z = writing.value("z", [3.0, 4.0], kind="made", left_out="recorded with limit=1")
    writing.call("mine.twirl.default", {"self": x}, [y])
    writing.call("aten.add.Tensor", {"self": y, "other": w}, [z])
    writing.call("aten.neg.default", {"self": z}, [writing.value("v", [-4.0, -6.0], kind="made")])
    async with opened(writing.write(tmp_path / "silent.rgrec")) as driver:
        await driver.press("s")
        assert "no equation for mine::twirl.default in this version" in driver.text()
        assert "y[1]" in driver.text()
        await driver.press("s", "s", "i", "down", "up")
        assert "its numbers are not in the file: recorded with limit=1" in driver.text()
        await driver.press("n", "n")
        await driver.write("copy address")
        assert "silent.rgrec@1:1:6" in driver.app.clipboard
        assert "the numbers of z, which it reads, are not in the file" in driver.text()
        await driver.press("h")
        assert "v[2] has no gradient here" in driver.text()
        await driver.press("backspace", "L")
        await driver.settle()


@pytest.mark.parametrize("size", [(40, 12), (60, 20), (200, 60)])
async def test_every_size_has_room_for_it(opened, size: tuple[int, int]) -> None:
    async with opened(STEPS / "adamw.rgrec", size=size, ascii_only=size[0] == 60) as driver:
        await driver.press("n", "n", "s", "f", "f", "z", "1", "z", "down", "3", "G", "4", "5", "6")
        assert driver.text().isascii() or size[0] != 60


async def test_the_figures_of_a_recording_are_its_own(opened) -> None:
    async with opened(ROOT) as driver:
        await driver.press("P")
        assert "nothing was published of a recording" in driver.text()
