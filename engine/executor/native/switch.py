"""Whether machine code is used: one place that decides."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec

VARIABLE = "RETROGRADE_NATIVE"
"""The variable of the environment that switches it off."""
OFF = {"0", "no", "off", "false"}

_setting = [True]


def allowed(on: bool | None = None) -> bool:
    """Whether neither the environment nor the program has switched it off.

    Args:
        on: what holds from now on for networks that are opened; None leaves it as it is.
    """
    if on is not None:
        _setting[0] = on
    return _setting[0] and os.environ.get(VARIABLE, "").strip().lower() not in OFF


@contextmanager
def switched(on: bool) -> Iterator[None]:
    """Holds the setting for a while."""
    before = _setting[0]
    _setting[0] = on
    try:
        yield
    finally:
        _setting[0] = before


@cache
def installed() -> bool:
    """Whether the extra ``native`` is there."""
    return find_spec("llvmlite") is not None


def used() -> bool:
    """Whether programs become machine code when they run for long."""
    return allowed() and installed()
