"""The groups in which scenarios are listed, in their order; a scenario names its own with the key ``group``."""

from __future__ import annotations

from typing import Literal, get_args

from retrograde.engine.text import N_, _

ScenarioGroup = Literal["hand", "training", "wrong", "convolution", "recurrent", "attention", "graph"]

GROUPS: dict[str, str] = {
    "hand": N_("by hand"),
    "training": N_("training"),
    "wrong": N_("what goes wrong"),
    "convolution": N_("convolution"),
    "recurrent": N_("recurrent"),
    "attention": N_("attention"),
    "graph": N_("free graphs"),
}
"""The headings by the value of the key; what names none is listed last, under ``others``."""

assert tuple(GROUPS) == get_args(ScenarioGroup)

START = "mazur"
"""The scenario that a first visitor is led to."""


def group_heading(group: str) -> str:
    """The heading of a group, in the language in use."""
    return _(GROUPS[group]) if group in GROUPS else _("others")


def group_rank(group: str) -> int:
    """Where a group stands among the others."""
    return list(GROUPS).index(group) if group in GROUPS else len(GROUPS)
