"""THE table of panels, in the order of the Tab key. Adding a panel is adding its file and its row."""

from __future__ import annotations

from retrograde.tui.debugger.panels.debug import DEBUG
from retrograde.tui.debugger.panels.equation import EQUATION
from retrograde.tui.debugger.panels.loss import LOSS
from retrograde.tui.debugger.panels.network import NETWORK
from retrograde.tui.debugger.panels.panel import PanelRow
from retrograde.tui.debugger.panels.timeline import TIMELINE
from retrograde.tui.debugger.panels.weights import WEIGHTS

PANELS: tuple[PanelRow, ...] = (NETWORK, EQUATION, WEIGHTS, LOSS, TIMELINE, DEBUG)
