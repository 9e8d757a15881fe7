"""The words that a scenario file may not give away as names, so that every name means one value.

They are those of the languages that are written in Retrograde, and what the names of arrays and files begin with.
"""

from __future__ import annotations

import re

from retrograde.engine.equations.optimisers import OPTIONS
from retrograde.engine.equations.words import (
    EPOCH_NAMES,
    FUNCTIONS,
    GRAPH_FUNCTIONS,
    JOINING,
    MOMENTS,
    PHASES,
    POSITIONS,
    STOPPING,
    WORDS,
)
from retrograde.engine.scenario.shapes import INPUT_LAYER
from retrograde.engine.text import N_, _

STEMS = ("W", "b", "t", "net", "out", "E", "e", "max", "S")
"""What stands before the name of a layer, and makes the name of an array: ``net_h``."""

_NUMBERED = ("w", "x", "y")
# Numbers that are none, functions that equations print, what files are about, and the learning rate.
_OTHERS = (INPUT_LAYER, "lr", "inf", "nan", "exp", "ln", "log", "batch", "data", "loss")
# Optimisers and schedules keep values of their own: counters, running averages, factors.
_MEMORY = ("beta1", "beta2", "l1", "l2", "t", "cool", "best", "wait", "plateau", "factor", "rate")

LAYERS = WORDS.union(STEMS, _NUMBERED, _OTHERS)
"""What no layer is called, since it would mean two things in ``break at NAME`` or in a formula."""

# Single letters are good names of weights and values; E is the loss.
_LONG = frozenset(word for word in LAYERS if len(word) > 1 or word in {"E", INPUT_LAYER})

VALUES = _LONG.union(GRAPH_FUNCTIONS, _MEMORY, OPTIONS)
"""What no value is called that a layer names itself; it stands in assignments, too."""

GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (N_("a phase of an iteration"), PHASES),
    (N_("a part of the moment at which a formula is decided"), POSITIONS),
    (N_("a loss"), (*EPOCH_NAMES, "E")),
    (N_("a word of conditions and breakpoints"), (*JOINING, *STOPPING, *MOMENTS)),
    (N_("a function of formulas"), (*FUNCTIONS, "exp", "ln", "log")),
    (N_("a function of graphs"), tuple(GRAPH_FUNCTIONS)),
    (N_("what the names of arrays begin with: W_h, b_h, net_h, out_h"), STEMS),
    (N_("what numbered values are called: weights w1, and x1 and y1 in formulas"), _NUMBERED),
    (N_("the inputs of the network"), (INPUT_LAYER,)),
    (N_("the learning rate"), ("lr",)),
    (N_("a number"), ("inf", "nan")),
    (N_("a part of every scenario"), ("batch", "data", "loss")),
    (N_("what an optimiser or a schedule keeps"), _MEMORY),
    (N_("an option of an optimiser"), tuple(OPTIONS)),
)
"""Why a name is taken, and the names; the first that has a name says why."""


def why(name: str) -> str:
    """What a name that is taken means, in a few words."""
    for reason, names in GROUPS:
        if name in names:
            return _(reason)
    return _("what arrays, biases and inputs are called: net_h, b1, i1")


_arrays = "|".join(STEMS)
ARRAYS = re.compile(rf"(?:{_arrays}|slope)_.*")
"""What the names of arrays look like."""

WEIGHTS = re.compile(rf"(?:{_arrays})_.*|[bi]\d+|" + "|".join(sorted(_LONG - {INPUT_LAYER})))
"""What no weight is called."""
