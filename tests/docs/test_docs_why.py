"""docs/why.md is true: its table of rules is the engine's."""

from __future__ import annotations

from pathlib import Path

import pytest

from retrograde.engine.equations.ailments import AILMENTS
from retrograde.tui.cli.reference import why

DOCS = Path(__file__).parent.parent.parent / "docs"


@pytest.mark.parametrize(("name", "language"), [("why.md", "en"), ("why.zh.md", "zh")])
def test_the_table_of_rules_is_that_of_the_engine(name: str, language: str) -> None:
    text = (DOCS / name).read_text(encoding="utf-8")
    assert why(text, language) == text, f"run: python -m retrograde.tui.cli.reference docs/{name}"
    assert all(f"| `{name}` |" in text for name in AILMENTS)
