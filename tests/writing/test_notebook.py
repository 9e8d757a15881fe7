"""What a notebook shows: well-formed, without scripts, with the engine's numbers, and names of files as text."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrograde.engine import Session, load_scenario
from retrograde.engine.scenario.catalogue import shipped
from retrograde.engine.text import use
from retrograde.engine.travel.history import LossHistory
from retrograde.engine.writing.notebook import SHOWN
from retrograde.engine.writing.picture import PALE, network_picture
from tests.docs.commands import DOCS, blocks
from tests.support.effort import examples

ALLOWED = {
    *("div", "p", "b", "i", "span", "table", "thead", "tbody", "tr", "th", "td"),
    *("svg", "title", "polyline", "text", "rect", "line", "circle"),
    *("math", "mrow", "mi", "mn", "mo", "mtext", "mfrac", "msub", "msup", "msubsup", "msqrt", "mtable", "mtr", "mtd"),
}


@pytest.fixture(autouse=True)
def english_again() -> Iterator[None]:
    yield
    use("en")


def read(shown: Any) -> ET.Element:
    """What is shown, as XML, held to what every display has to hold to."""
    text = shown._repr_html_()
    root = ET.fromstring(text)
    for element in root.iter():
        assert element.tag.rpartition("}")[2] in ALLOWED, element.tag
        assert not [name for name in element.attrib if name.startswith("on") or name in {"href", "src"}]
    assert "http" not in re.sub(r' xmlns="http://www\.w3\.org/[\w/]+"', "", text)
    return root


def numbers(root: ET.Element) -> list[str]:
    """The numbers with all their digits, in order."""
    return [element.attrib["title"] for element in root.iter() if "title" in element.attrib]


@pytest.mark.parametrize(
    ("name", "language"),
    [("mazur", "zh"), ("xor-2-2-1", "en"), ("tiny-transformer", "en"), ("batch-norm", "zh"), ("cs231n-circuit", "en")],
)
def test_steps_of_every_kind_have_the_engines_numbers(name: str, language: str) -> None:
    use(language)
    session = Session(load_scenario(name))
    seen = set()
    for number in range(1, session.program.steps + 1):
        step = session.step_at(number)
        if type(step.op) in seen:
            continue
        seen.add(type(step.op))
        root = read(step)
        found = numbers(root)
        so_far = [repr(step.result)] if step.running is not None and step.running.of > 1 else []
        operands = [repr(operand.value) for operand in step.operands]
        assert found == [repr(step.contribution), *so_far, *operands][: len(found)]
        assert len(found) == min(1 + len(so_far) + len(operands), 1 + len(so_far) + 40)
        assert re.fullmatch(r"\$\\displaystyle .+\$", step._repr_latex_())


@pytest.mark.parametrize("name", ["mazur", "digits", "lenet-digits", "tiny-transformer", "cs231n-circuit", "elman"])
def test_a_session_is_shown_before_it_ran_and_after(name: str) -> None:
    assert name in shipped()
    session = Session(load_scenario(name))
    read(session)
    session.step()
    root = read(session)
    assert repr(session.step_at(1).contribution) in numbers(root)


def test_explanations_have_the_engines_numbers() -> None:
    session = Session(load_scenario("mazur"))
    session.seek("1:1:18")
    flow = session.flow()
    found = numbers(read(flow))
    expected = [
        repr(value)
        for row in flow
        for value in (row.delta, row.gradient, row.slope, row.size, row.update, row.factor)
        if value is not None
    ]
    assert found == expected
    autopsy = session.autopsy("w1")
    root = read(autopsy)
    assert numbers(root)[0] == repr(autopsy.value) == repr(session.frame.value(autopsy.ref))
    # The product of all factors is the gradient.
    assert float(numbers(root)[-1]) == pytest.approx(abs(autopsy.value), rel=1e-12)
    assert "∂E/∂w1 is ordinary (0.000439): no factor on its way is small." in "".join(root.itertext())
    session.run(epochs=30)
    curve = read(session.losses)
    assert numbers(curve)[0] == repr(session.look_at(session.formula("E"), "1:1:11"))
    read(session.doctor(epochs=20))


def test_the_picture_is_drawn_for_any_paper() -> None:
    """In the dark theme of a notebook: in its own ink, without white, and no edge runs through the name of a weight."""
    root = read(Session(load_scenario("mazur")))
    drawn = [element for element in root.iter() if element.tag.endswith(("line", "circle", "text"))]
    assert {value for one in drawn for key in ("fill", "stroke") if (value := one.get(key))} <= {
        *("currentColor", "none", PALE, "#1f77b4")
    }
    picture = network_picture(Session(load_scenario("mazur")).network)
    lines = [[float(one.attrib[end]) for end in ("x1", "y1", "x2", "y2")] for one in drawn if one.tag.endswith("}line")]
    assert len(lines) > len(picture.lines)
    for label in (one for one in picture.labels if one.on_edge):
        for x1, y1, x2, y2 in lines:
            for share in (0.0, 0.25, 0.5, 0.75, 1.0):
                x, y = x1 + share * (x2 - x1), y1 + share * (y2 - y1)
                assert abs(x - label.x) > 0.25 * label.size * len(label.text) or abs(y - label.y) > label.size / 3


@pytest.mark.parametrize(("language", "words"), [("en", ("start", "learning rate")), ("zh", ("开始", "学习率"))])
def test_what_the_doctor_finds_is_in_words(language: str, words: tuple[str, ...]) -> None:
    use(language)
    root = read(Session(load_scenario("diverging")).doctor(epochs=50))
    cells = ["".join(one.itertext()) for one in root.iter("td")]
    assert all(any(word in cell for cell in cells) for word in words)
    assert not any(cell in {"start", "lr_large"} for cell in cells if language == "zh")
    assert {"lr_large", "start_loss"} <= set(numbers(root))


def test_gradients_without_an_account_are_shown() -> None:
    dead = Session(load_scenario("deep-relu-zeros"))
    dead.seek("end") if dead.frontier else dead.step("iteration")
    assert "0" in "".join(read(dead.autopsy(dead.notation.symbol(next(iter(dead.step_at(1).operands)).ref))).itertext())


@examples(30)
@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=12))
def test_any_curve_is_drawn(values: list[float]) -> None:
    losses = LossHistory()
    losses.extend(0, values)
    root = read(losses)
    for line in root.iter("{http://www.w3.org/2000/svg}polyline"):
        for point in line.attrib["points"].split():
            x, y = map(float, point.split(","))
            assert 0 <= x <= 480 and 0 <= y <= 180


def test_names_of_files_are_text() -> None:
    """What is named in a file can not become markup."""
    session = Session(load_scenario("mazur"))
    session.step()
    session.seek("1:1:18")
    evil = "<script>alert(1)</script>&\"'\x00"
    flow = session.flow()
    shown = type(flow)(replace(row, layer=evil) for row in flow)
    assert "<script" not in shown._repr_html_()
    assert "<script>alert(1)</script>" in "".join(read(shown).itertext())
    diagnosis = session.doctor(epochs=1)
    alert = next(iter(Session(load_scenario("diverging")).doctor(epochs=20).alerts))
    read(replace(diagnosis, headline=None, alerts=(replace(alert, cause=evil, advice=evil),)))


def test_what_is_shown_asks_for_it() -> None:
    assert [kind.__name__ for kind, _write in SHOWN if not hasattr(kind, "_repr_html_")] == []


def test_a_session_does_without_what_writes_it() -> None:
    code = "import sys; from retrograde.engine import Session; print('retrograde.engine.writing' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@pytest.mark.parametrize("page", ["notebook", "notebook.zh"])
def test_the_page_runs_cell_by_cell(page: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """As a kernel does: the last line of a cell is shown."""
    names: dict[str, Any] = {}
    shown = []
    for block in blocks(DOCS / f"{page}.md"):
        if block.language == "text":
            assert block.text == capsys.readouterr().out
        if block.language != "python":
            continue
        *before, last = block.text.splitlines()
        exec("\n".join(before), names)
        value = eval(last, names)
        if value is not None:
            read(value)
            shown.append(type(value).__name__)
    assert shown == ["Session", "Step", "Autopsy", "Flow", "LossHistory", "Diagnosis"]
