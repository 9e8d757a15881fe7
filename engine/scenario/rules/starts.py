"""What layers are given for each sample, initial states and masks: a row for each sample."""

from __future__ import annotations

from collections.abc import Iterator

from retrograde.engine.equations.array import Role
from retrograde.engine.errors import KeyPath, Violation
from retrograde.engine.scenario.rules.data import kind_of
from retrograde.engine.scenario.rules.parts import Parts
from retrograde.engine.text import _


def start_rules(parts: Parts, count: int) -> Iterator[Violation]:
    """Yield what has another number of rows than there are samples, and names without a file."""
    for number, layer in enumerate(parts.layers):
        if layer is None or number in parts.doubtful:
            continue
        for name, rows in layer.starts.items():
            path: KeyPath = ("network", "layers", number, *layer.start_path(name))
            if isinstance(rows, str):
                file = "" if parts.data is None else parts.data.file or ""
                if kind_of(file) not in {"npz", "text", "parquet"}:
                    message = _("{name} names an array or columns, and there is no NPZ file or table of samples")
                    yield Violation(path=path, message=message.format(name=rows))
            elif len(rows) != count:
                message = _("{rows} rows of initial states for {count} samples: a row for each of them")
                if layer.start_role is Role.MASK:
                    message = _("{rows} rows of masks for {count} samples: a row for each of them")
                yield Violation(path=path, message=message.format(rows=len(rows), count=count))
