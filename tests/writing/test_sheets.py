"""Worked solutions: every number on a sheet is the engine's, a blank one gives none away, and nothing is obeyed."""

from __future__ import annotations

import csv
import io
import json
import math
import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrograde.engine import EngineError, Session, load_scenario
from retrograde.engine.explaining.step import Step, shown
from retrograde.engine.scenario.file import parse_scenario
from retrograde.engine.text import use
from retrograde.engine.writing.exporting import FORMATS, as_csv, as_html, as_markdown, as_notebook, as_tex, format_of
from retrograde.engine.writing.other_numbers import with_other_numbers
from retrograde.engine.writing.picture import network_picture
from retrograde.engine.writing.setting import figure
from retrograde.engine.writing.sheet import MOST_STEPS, Sheet, sheet_of
from retrograde.tui.cli.main import main
from tests.support.effort import examples
from tests.support.odd_names import ODD

HANDED_OUT = ("mazur", "prelu", "weight-decay", "attention-by-hand", "micrograd")
"""One sample and several, choices, penalties, arrays, infinity, a free graph."""


_LOWERED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻−", "0123456789--")


def read(text: str) -> float:
    """The number that a text says."""
    return float(text.replace("×10", "e").replace("∞", "inf").translate(_LOWERED))


def untyped(sheet: Sheet) -> str:
    """The LaTeX of a sheet with the signs of its numbers as they were."""
    text = as_tex(sheet).decode()
    for typed, sign in ((r"\ensuremath{-}", "−"), (r"\ensuremath{\times}", "×"), (r"\ensuremath{\infty}", "∞")):
        text = text.replace(typed, sign)
    return re.sub(r"\\ensuremath\{\^\{([-\d])\}\}", lambda found: "⁰¹²³⁴⁵⁶⁷⁸⁹⁻"["0123456789-".index(found[1])], text)


def needs_templates() -> None:
    pytest.importorskip("jinja2", reason="the texts of worked solutions need the extra export: no Jinja2 here")


@pytest.fixture
def chinese() -> Iterator[None]:
    use("zh")
    yield
    use("en")


def opened(name: str) -> Session:
    return Session(load_scenario(name))


def steps_of(session: Session) -> list[Step]:
    return [session.step_at(number) for number in range(1, session.program.steps + 1)]


class Page(HTMLParser):
    """The numbers of a page, its formulas, and what it asks for."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.results: list[float] = []
        self.written: list[str] = []
        self.asked: list[str] = []
        self._inside = False
        self.formulas = re.findall(r"<math.*?</math>", text, flags=re.DOTALL)
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag == "data" and found.get("class") == "result":
            self.results.append(float(found["value"] or "nan"))
            self._inside = True
        if tag in {"script", "link", "img", "iframe", "object", "base"}:
            self.asked.append(tag)
        self.asked += [name for name in found if name in {"src", "href", "srcset", "action"} or name.startswith("on")]

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.written.append(data)
            self._inside = False


@pytest.mark.parametrize("name", HANDED_OUT)
def test_every_number_is_the_engines(name: str) -> None:
    session = opened(name)
    found = steps_of(session)
    wanted = [step.contribution for step in found]
    sheet = sheet_of(session)
    assert session.position == 0
    for step, made in zip(sheet.steps, found, strict=True):
        assert all(made.frame.value(ref) == value for ref, value in step.values.items())
    rows = list(csv.DictReader(io.StringIO(as_csv(sheet).decode())))
    np.testing.assert_array_equal([float(row["result"]) for row in rows], wanted)
    assert [row["sum"] and float(row["sum"]) for row in rows] == [
        made.result if made.running is not None and made.running.of > 1 else "" for made in found
    ]
    needs_templates()
    page = Page(as_html(sheet).decode())
    np.testing.assert_array_equal(page.results, wanted)
    nine = [float(shown(value)) for value in wanted]
    np.testing.assert_array_equal([*map(read, page.written)], nine)
    answers = re.findall(r"^= \*\*(.+?)\*\*", as_markdown(sheet).decode(), flags=re.MULTILINE)
    np.testing.assert_array_equal([*map(read, answers)], nine)
    answers = re.findall(
        r"^\\hangindent=4em\\hangafter=0 \$=\$ \\textbf\{(.+)\}\\par$", untyped(sheet), flags=re.MULTILINE
    )
    np.testing.assert_array_equal([*map(read, answers)], nine)
    for formula in page.formulas:
        ET.fromstring(formula)
    assert not page.asked


@pytest.mark.parametrize("name", HANDED_OUT)
def test_the_chain_rule_multiplies_and_adds_up_to_the_gradient(name: str) -> None:
    for step in sheet_of(opened(name)).steps:
        if step.ways:
            assert sum(math.prod(factor.value for factor in way) for way in step.ways) == step.result
            for way in step.ways:
                assert way[0].above in {"E", "L"}
                assert all(one.below == after.above for one, after in pairwise(way))
                assert "∂E/∂" + way[-1].below == step.symbol or step.symbol[0] in "δ∂"


@pytest.mark.parametrize("form", ["md", "html", "tex", "csv", "ipynb"])
def test_a_blank_sheet_gives_nothing_away_before_its_key(form: str) -> None:
    if form != "csv":
        needs_templates()
    session = opened("mazur")
    sheet = sheet_of(session, blank=True, seed=7)
    text = FORMATS[form](sheet).decode() if form != "tex" else untyped(sheet)
    before, key, after = text.rpartition("Answer key")
    assert key
    given = {shown(value) for _name, value in sheet.given}
    results = {step.result for step in sheet.steps if shown(step.result) not in given}
    for result in results:
        text = figure(result) if form != "csv" else shown(result)
        assert len(text) < 5 or text not in before, text
        assert text in after or form == "csv"
    if form == "html":
        assert not Page(before).results
        assert Page(after).results == [step.result for step in sheet.steps]


@examples(30)
@given(seed=st.integers(0, 10**9), name=st.sampled_from(["mazur", "diverging", "iamtrask"]))
def test_other_numbers_are_round_in_the_ranges_of_the_originals_and_the_key_is_right(seed: int, name: str) -> None:
    scenario = load_scenario(name)
    other = with_other_numbers(scenario, seed)
    first, changed = Session(scenario), Session(other)
    for array, values in first.network.parameters.items():
        drawn = next(each for one, each in changed.network.parameters.items() if one.name == array.name)
        assert np.array_equal(drawn == 0, values == 0)
        free = values[values != 0]
        if free.size and np.ptp(free) >= 0.05:
            assert free.min() - 1e-9 <= drawn[values != 0].min() and drawn.max() <= max(values.max(), 0) + 1e-9
            assert np.array_equal(drawn, np.round(drawn, 2))
    before, after = first.network.dataset, changed.network.dataset
    np.testing.assert_array_equal(before.targets, after.targets)
    if np.array_equal(before.inputs, np.round(before.inputs)):
        np.testing.assert_array_equal(after.inputs, np.round(after.inputs))
    if set(before.inputs.ravel()) <= {0.0, 1.0}:
        np.testing.assert_array_equal(before.inputs, after.inputs)
    sheet = sheet_of(first, seed=seed)
    assert [step.result for step in sheet.steps] == [step.contribution for step in steps_of(changed)]
    assert not sheet.figures


def test_each_seed_has_its_own_numbers() -> None:
    session = opened("mazur")
    assert len({sheet_of(session, seed=seed).given for seed in range(8)}) == 8


@pytest.mark.parametrize("name", ["linear-regression", "convolution-by-hand", "hmkcode", "descent-batch"])
def test_what_is_measured_in_whole_numbers_has_other_whole_numbers(name: str) -> None:
    scenario = load_scenario(name)
    data = [Session(with_other_numbers(scenario, seed)).network.dataset.inputs for seed in range(4)]
    assert len({each.tobytes() for each in data}) > 1
    given = Session(scenario).network.dataset.inputs
    for each in data:
        assert np.array_equal(each == 0, given == 0)
        assert np.array_equal(each, np.round(each)) or not np.array_equal(given, np.round(given))


def test_where_no_number_can_be_another_one_that_is_said() -> None:
    """A sheet that is called the one of seed 3 and has the numbers of all others would be handed out."""
    with pytest.raises(EngineError, match="and-gate has no numbers to draw anew"):
        sheet_of(opened("and-gate"), seed=3)


@pytest.mark.parametrize("form", ["md", "html", "tex", "ipynb"])
def test_pictures_stand_in_rows_and_wide_rows_as_lists(form: str) -> None:
    """A table of 25 columns would be cut off by the edge of the paper."""
    needs_templates()
    text = FORMATS[form](sheet_of(opened("convolution-by-hand"), end="1:1:2", start="1:1:1")).decode()
    row = {"html": "</mtr><mtr>" + "<mtd><mn>0</mn></mtd><mtd><mn>1</mn></mtd><mtd><mn>2</mn></mtd>"}
    assert row.get(form, "0 & 1 & 2 & 0 & 0") in text
    wide = sheet_of(opened("char-rnn"), start="1:1:1", end="1:1:2")
    assert len(wide.data[0].heading) > 12
    text = FORMATS[form](wide).decode()
    before = text[: text.index("Forward")]
    assert "<th" not in before and "| --- |" not in before


def test_a_colon_has_its_blank_in_every_format() -> None:
    needs_templates()
    for form in ("md", "html", "ipynb"):
        assert "Source: https" in FORMATS[form](sheet_of(opened("mazur"))).decode()
    assert r"Source: https" in as_tex(sheet_of(opened("mazur"))).decode()


def saved(tmp_path: Path) -> Path:
    from retrograde.engine.session.saving import save

    session = opened("mazur")
    session.seek("1:1:12")
    session.notes[session.branch.name, session.position] = "look <here> & think"
    session.mark("a")
    session.seek("2:1:3")
    session.notes[session.branch.name, session.position] = "later"
    session.seek("1:1:39")
    path = tmp_path / "own.session.json"
    save(session, path)
    return path


def test_what_was_published_marked_and_noted_is_on_the_sheet(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    needs_templates()
    path = saved(tmp_path)
    assert main(["worksheet", str(path), "--format", "html"]) == 0
    text = capsys.readouterr().out
    assert "look &lt;here&gt; &amp; think" in text
    assert "mark a" in text
    assert "2:1:3" in text and "later" in text
    assert "Published figures" in text and "✗ differs" in text
    assert main(["worksheet", str(path), "--seed", "1"]) == 2
    assert "edits, marks or notes" in capsys.readouterr().err


def test_an_edited_branch_is_held_against_no_figure() -> None:
    session = opened("mazur")
    assert sheet_of(session).figures
    session.edit({"w5": 0.7})
    assert not sheet_of(session).figures


@pytest.mark.parametrize("form", ["md", "html", "tex", "ipynb"])
def test_names_and_titles_are_texts(form: str) -> None:
    needs_templates()
    text = FORMATS[form](sheet_of(Session(parse_scenario(ODD)))).decode()
    first = text.split("my_layer_2")[0] if form != "tex" else text
    assert "<b>50" not in first
    wanted = {
        "html": "&lt;b&gt;50% of #1_{x}&lt;/b&gt; &amp; $y$ | `k` {{ sheet }} &lt;&lt; sheet &gt;&gt;",
        "tex": r"\textless{}b\textgreater{}50\% of \#1\_\{x\}",
        "md": r"\<b\>50% of \#1\_\{x\}\</b\> \& \$y\$ \| \`k\` \{\{ sheet \}\}",
        "ipynb": r"\\<b\\>50% of \\#1\\_\\{x\\}",
    }[form]
    assert wanted in text


def test_a_notebook_is_one() -> None:
    needs_templates()
    found = json.loads(as_notebook(sheet_of(opened("mazur"), blank=True)))
    assert (found["nbformat"], found["nbformat_minor"]) == (4, 5)
    assert len({cell["id"] for cell in found["cells"]}) == len(found["cells"]) > 6
    for cell in found["cells"]:
        assert set(cell) <= {"cell_type", "id", "metadata", "source", "attachments"}
        assert cell["cell_type"] == "markdown" and all(isinstance(line, str) for line in cell["source"])
    assert [cell["attachments"] for cell in found["cells"] if "attachments" in cell]


def test_some_steps_bring_what_they_read() -> None:
    session = opened("mazur")
    sheet = sheet_of(session, start="2:1:16", end="2:1:20")
    assert [step.address for step in sheet.steps] == [f"2:1:{number}" for number in range(16, 21)]
    assert {"∂E/∂out_o1", "σ′(net_o1)", "out_h1"} <= {name for name, _value in sheet.given}
    assert [
        len(list(sheet_of(session, **ends).steps)) for ends in ({"start": "2"}, {"end": "2"}, {"end": "2:1:5"})
    ] == [
        39,
        39,
        5,
    ]


def test_too_many_steps_and_strange_ones_are_refused_in_a_line() -> None:
    session = opened("mazur")
    with pytest.raises(EngineError, match=f"7,800 steps .* {MOST_STEPS:,} .*--from and --to") as error:
        sheet_of(session, start="1", end="200")
    assert "\n" not in str(error.value)
    for ends in ({"start": "2:1:5", "end": "2:1:4"}, {"start": "0"}, {"end": "1:1:40"}, {"start": "moon"}):
        with pytest.raises(EngineError):
            sheet_of(session, **ends)
    with pytest.raises(EngineError, match=r"x\.doc.*\.html"):
        format_of("x.doc")
    assert format_of("A.HTM") == "html"


def test_without_jinja2_the_texts_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    sheet = sheet_of(opened("mazur"))
    for form in ("md", "html", "tex", "pdf", "ipynb"):
        with pytest.raises(EngineError, match=r"^[^\n]*retrograde\[export\][^\n]*$"):
            FORMATS[form](sheet)
    assert FORMATS["csv"](sheet).startswith(b"step,")
    ET.fromstring(FORMATS["svg"](sheet))


@pytest.mark.usefixtures("chinese")
def test_in_chinese_the_scenarios_own_texts_follow() -> None:
    sheet: Sheet = sheet_of(opened("mazur"))
    assert sheet.title == "一步一步学反向传播"
    needs_templates()
    assert '<html lang="zh">' in as_html(sheet).decode()


@pytest.mark.parametrize("name", ["digits", "tiny-transformer", "dropout", "micrograd"])
def test_every_network_has_its_picture(name: str) -> None:
    session = opened(name)
    root = ET.fromstring(FORMATS["svg"](sheet_of(session, start="1:1:1", end="1:1:2")))
    texts = {text for node in root.iter() if (text := "".join(node.itertext()))}
    assert any(text.startswith("g₂" if name == "micrograd" else session.network.layers[-1].name) for text in texts)


@pytest.mark.parametrize("name", ["transformer-step", "char-transformer", "lenet-digits", "vanishing"])
def test_a_long_chain_of_boxes_stays_as_wide_as_a_page(name: str) -> None:
    picture = network_picture(opened(name).network)
    assert picture.width <= 850 or not picture.boxes
    for x, y in (*picture.boxes, *picture.circles, *((label.x, label.y) for label in picture.labels)):
        assert 0 < x < picture.width and 0 < y < picture.height
    assert len(set(picture.boxes)) == len(picture.boxes)
    for line in picture.lines:
        assert min(line[::2]) >= 0 and max(line[::2]) <= picture.width and min(line[1::2]) >= 0
        assert max(line[1::2]) <= picture.height
