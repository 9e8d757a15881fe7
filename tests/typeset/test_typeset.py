"""Worked solutions are typeset: what is written as LaTeX compiles, in both languages and with the oddest names."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from retrograde.engine import Session, load_scenario
from retrograde.engine.scenario.file import parse_scenario
from retrograde.engine.text import use
from retrograde.engine.writing.exporting import as_pdf, as_tex
from retrograde.engine.writing.sheet import sheet_of
from tests.support.odd_names import ODD

pytest.importorskip("jinja2", reason="worked solutions need the extra export: Jinja2 is not installed")
if shutil.which("xelatex") is None:
    pytest.skip("xelatex is not installed, so no worked solution is typeset", allow_module_level=True)


@pytest.fixture
def language() -> Iterator[None]:
    yield
    use("en")


@pytest.mark.parametrize("name", ["mazur", "attention-by-hand", "lstm-two-steps"])
def test_a_scenario_is_typeset(name: str) -> None:
    assert as_pdf(sheet_of(Session(load_scenario(name)))).startswith(b"%PDF")


@pytest.mark.parametrize("spoken", ["en", "zh"])
@pytest.mark.usefixtures("language")
def test_no_name_is_a_command(spoken: str) -> None:
    use(spoken)
    session = Session(parse_scenario(ODD))
    session.seek("1:1:3")
    session.notes[session.branch.name, session.position] = r"50% \input & #_^~ 注意"
    for blank in (False, True):
        sheet = sheet_of(session, blank=blank)
        assert b"\\input{" not in as_tex(sheet)
        assert as_pdf(sheet).startswith(b"%PDF")
