"""The views of all panels in one place; each is written in its own file of ``views``."""

from __future__ import annotations

from retrograde.tui.views.equation import equation_view, operands_of
from retrograde.tui.views.lens import Lens
from retrograde.tui.views.loss import duration, loss_view
from retrograde.tui.views.network import network_view
from retrograde.tui.views.parameters import Parameters, steps_of_parameter
from retrograde.tui.views.plain import in_ascii
from retrograde.tui.views.slots import node_at, node_count, node_ref
from retrograde.tui.views.status import header_view, timeline_view
from retrograde.tui.views.topology import first_node
from retrograde.tui.views.weights import weights_view

__all__ = [
    "Lens",
    "Parameters",
    "duration",
    "equation_view",
    "first_node",
    "header_view",
    "in_ascii",
    "loss_view",
    "network_view",
    "node_at",
    "node_count",
    "node_ref",
    "operands_of",
    "steps_of_parameter",
    "timeline_view",
    "weights_view",
]
