"""The table of updates: which function appends the steps of which optimiser."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from retrograde.engine.equations.array import Array
from retrograde.engine.ops.update.adam import adam, adamax, amsgrad, nadam, radam
from retrograde.engine.ops.update.adaptive import adadelta, adagrad, rmsprop
from retrograde.engine.ops.update.descent import sgd
from retrograde.engine.ops.update.signs import lion, rprop
from retrograde.engine.ops.update.updates import Updates

Append = Callable[[Updates, Array, Array], Array]
"""Appends the steps that update a parameter, given its gradient; returns the array with the new value."""

APPEND: Mapping[str, Append] = {
    "sgd": sgd,
    "adagrad": adagrad,
    "rmsprop": rmsprop,
    "adadelta": adadelta,
    "adam": adam,
    "amsgrad": amsgrad,
    "adamw": adam,
    "adamax": adamax,
    "nadam": nadam,
    "radam": radam,
    "rprop": rprop,
    "lion": lion,
}
"""By the name of the optimiser; the rows of ``engine/optimisers.py``."""
