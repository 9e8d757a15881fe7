"""Tables from Parquet files, through pyarrow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from retrograde.engine.errors import Problem, ScenarioError
from retrograde.engine.scenario import limits
from retrograde.engine.scenario.picking import too_large, unreadable
from retrograde.engine.scenario.tables.table import Column, Table, Wanted
from retrograde.engine.text import _


def read_parquet(path: Path, shown: str, wanted: Wanted) -> Table:
    """Return the table of a Parquet file.

    Args:
        path: the file.
        shown: how problems name it.
        wanted: which columns are asked for.

    Raises:
        ScenarioError: it cannot be read, or pyarrow is not installed.
    """
    try:
        # Only this needs the extra.
        from pyarrow import parquet
    except ImportError as error:
        message = _("Parquet files need pyarrow: python -m pip install 'retrograde[parquet]'")
        raise ScenarioError([Problem(path=shown, key="data.file", message=message)]) from error
    try:
        with parquet.ParquetFile(path) as file:
            names = tuple(file.schema_arrow.names)
            chosen = list(dict.fromkeys(wanted(names, len(names))))
            count = file.metadata.num_rows
            if count > limits.MAX_ROWS or count * len(chosen) > limits.MAX_DATA_BYTES // 8:
                raise ScenarioError([too_large(shown)])
            # By number: two columns may have one name.
            found = file.read(use_threads=False)
            columns = {place: _column(found.column(place)) for place in chosen}
    except ScenarioError:
        raise
    except Exception as error:
        raise unreadable(shown, error) from error
    if not count:
        raise ScenarioError([Problem(path=shown, key="data.file", message=_("the file is empty"))])
    return Table(names=names, width=len(names), count=count, columns=columns)


def _column(column: Any) -> Column:
    """Return a column of pyarrow: numbers and truth values as numbers, all else as text."""
    from pyarrow import types

    kind = column.type
    values = column.to_pylist()
    numbers = np.full(len(values), np.nan)
    odd: dict[int, str] = {}
    plain = types.is_floating(kind) or types.is_integer(kind) or types.is_boolean(kind) or types.is_decimal(kind)
    for row, value in enumerate(values):
        if plain and value is not None:
            numbers[row] = float(value)
        if not np.isfinite(numbers[row]):
            odd[row] = "" if value is None else str(value).strip()
    return Column(numbers=numbers, odd=odd)
