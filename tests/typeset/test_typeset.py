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

pytest.importorskip("jinja2", reason="worked solutions need the extra export: Jinja2 is not installed")
if shutil.which("xelatex") is None:
    pytest.skip("xelatex is not installed, so no worked solution is typeset", allow_module_level=True)

ODD = r"""
format = 1
title = { en = '50% of #1_{x} & $y$ ~^ \input{/etc/passwd} <b>"q"</b> `k` |', zh = '百分之五十 % _ & $' }
about = { en = '\end{document} {{ sheet }} << sheet >> <% for %>' }
source = 'https://example.org/a_b?c=%20#d&e~f'
[network]
inputs = 2
[[network.layers]]
name = "my_layer_2"
units = 2
activation = "gelu"
weights = [[0.5, -0.25], [1e-7, -3.0]]
[data]
inputs = [[1e-12, -2.5]]
targets = [[1.0, 0.0]]
[loss]
kind = "half_squared_error"
[training]
optimizer = "adam"
learning_rate = 0.01
[stop]
epochs = 3
"""


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
