"""Initial states of recurrent layers that differ from sample to sample: a row for each sample."""

from __future__ import annotations

from collections.abc import Iterator

from retrograde.engine.errors import KeyPath, Violation
from retrograde.engine.layers.recurrent import RecurrentLayer
from retrograde.engine.scenario.rules.parts import Parts
from retrograde.engine.text import _


def start_rules(parts: Parts, count: int) -> Iterator[Violation]:
    """Yield initial states that have another number of rows than there are samples, and names without a file."""
    for number, layer in enumerate(parts.layers):
        if not isinstance(layer, RecurrentLayer) or number in parts.doubtful:
            continue
        for name, rows in layer.starts.items():
            path: KeyPath = ("network", "layers", number, *layer.start_path(name))
            if isinstance(rows, str):
                if parts.data is None or not (parts.data.file or "").lower().endswith(".npz"):
                    message = _("{name} is the name of an array, and there is no NPZ file of samples")
                    yield Violation(path=path, message=message.format(name=rows))
            elif len(rows) != count:
                message = _("{rows} rows of initial states for {count} samples: a row for each of them")
                yield Violation(path=path, message=message.format(rows=len(rows), count=count))
