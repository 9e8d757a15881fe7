"""The table of updates: every file of this package is loaded, and each says whose steps it appends."""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

from retrograde.engine.equations.optimisers import OPTIMISERS
from retrograde.engine.ops.update import appending as updates
from retrograde.engine.ops.update.appending import Append


def _load() -> Mapping[str, Append]:
    for module in pkgutil.iter_modules([str(Path(__file__).parent)]):
        if module.name != "table":
            import_module(f"retrograde.engine.ops.update.{module.name}")
    if odd := set(OPTIMISERS) ^ set(updates.APPEND):
        message = f"a row of OPTIMISERS without steps_of, or the other way round: {', '.join(sorted(odd))}"
        raise LookupError(message)
    return updates.APPEND


APPEND = _load()
"""By the name of the optimiser; the rows of ``equations/optimisers.py``."""
