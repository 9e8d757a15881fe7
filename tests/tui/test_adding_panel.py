"""A newcomer adds a panel: one file and one row, and it is everywhere."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from retrograde.tui.debugger.arrangement import Arrangement
from retrograde.tui.debugger.panels.table import PANELS
from retrograde.tui.debugger.rooms import LAYOUTS, Seat, Seated


def test_one_file_and_one_row_are_a_panel_everywhere() -> None:
    made = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("made_up_panel.py"))], capture_output=True, text=True, timeout=120
    )
    assert made.returncode == 0, made.stderr


def test_a_panel_may_sit_anywhere() -> None:
    for seat in Seat:
        panels = [*(row.seated for row in PANELS), Seated("new", "8", "new", seat)]
        for layout in LAYOUTS:
            arrangement = Arrangement(panels)
            arrangement.focus = "new"
            arrangement.bring("new")
            made = arrangement.divide(layout.width, max(layout.height, 16))
            shown = {panel.id for group in made.tabs.values() for panel in group}
            assert shown == {panel.id for panel in panels}, (seat, layout.width)
