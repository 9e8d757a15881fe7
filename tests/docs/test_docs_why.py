"""docs/why.md is true: its table of rules is the engine's."""

from __future__ import annotations

from pathlib import Path

from retrograde.engine.equations.ailments import AILMENTS
from retrograde.tui.cli.reference import why

TEXT = (Path(__file__).parent.parent.parent / "docs" / "why.md").read_text(encoding="utf-8")


def test_the_table_of_rules_is_that_of_the_engine() -> None:
    assert why(TEXT) == TEXT, "run: python -m retrograde.tui.cli.reference docs/why.md"
    assert all(f"| `{name}` |" in TEXT for name in AILMENTS)
