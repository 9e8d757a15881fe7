"""Whether machine code is used: one place that decides."""

from __future__ import annotations

import os
from functools import cache
from importlib.util import find_spec

VARIABLE = "RETROGRADE_NATIVE"
"""The variable of the environment that switches it off, as does the option `--no-native`, which sets it."""
OFF = {"0", "no", "off", "false"}


@cache
def installed() -> bool:
    """Whether the extra ``native`` is there."""
    return find_spec("llvmlite") is not None


def used() -> bool:
    """Whether programs become machine code when they run for long: the networks that are opened from now on."""
    return os.environ.get(VARIABLE, "").strip().lower() not in OFF and installed()
