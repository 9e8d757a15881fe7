"""What the person at the keyboard chose to look at."""

from __future__ import annotations

from dataclasses import dataclass

from retrograde.tui.records.marks import PanelId


@dataclass(frozen=True, slots=True, kw_only=True)
class Lens:
    """What the person at the keyboard chose to look at.

    Attributes:
        focus: the panel in which the arrows move.
        operand: the selected operand of the step, -1 for none.
        weight: the selected parameter.
        node: the selected neuron, counted over all layers, -1 for none.
        digits: significant digits; 17 shows every float exactly.
        search: the text that is searched for in the parameters.
        order: what the parameters are sorted by, one of ``WEIGHT_ORDERS``.
        library: the library whose line of code stands beside the equation; empty for none.
        kept: the text that the names of the parameters that are shown have in them.
    """

    focus: str = PanelId.EQUATION
    operand: int = -1
    weight: int = 0
    node: int = -1
    digits: int = 9
    search: str = ""
    order: str = "file"
    kept: str = ""
    library: str = ""
