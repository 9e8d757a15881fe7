"""The whole table: every file of rules, and what is drawn rather than computed."""

from __future__ import annotations

# Each enters its rules.
from retrograde.engine.recording.aten import (
    attention,
    exchanging,
    losses,
    moving,
    normalising,
    pointwise,
    products,
    reductions,
    updates,
)
from retrograde.engine.recording.aten.reading import TABLE, Stated, base_name

FILES = (attention, exchanging, losses, moving, normalising, pointwise, products, reductions, updates)

DRAWN = frozenset(
    [
        "bernoulli",
        "binomial",
        "cauchy",
        "exponential",
        "geometric",
        "log_normal",
        "multinomial",
        "normal",
        "poisson",
        "rand",
        "rand_like",
        "randint",
        "randint_like",
        "randn",
        "randn_like",
        "randperm",
        "random",
        "uniform",
    ]
)
"""Operators that draw: what they make is given, as data is."""

EMPTY = frozenset(
    ["empty", "empty_like", "empty_permuted", "empty_strided", "new_empty", "new_empty_strided", "resize", "set"]
)
"""Operators that only reserve memory."""


def stated(op: str) -> Stated | None:
    """What the table knows of an operator, by its full name; None where it has no equation."""
    return TABLE.get(base_name(op))


def is_drawn(op: str) -> bool:
    """Whether what an operator makes comes from a generator of random numbers."""
    return base_name(op) in DRAWN
