"""Samples from CSV files, plain or compressed."""

from __future__ import annotations

import gzip
import math
import zlib
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from retrograde.engine.errors import Problem, ScenarioError
from retrograde.engine.scenario import limits
from retrograde.engine.scenario.dataset import Samples
from retrograde.engine.scenario.picking import picked, too_large, unreadable
from retrograde.engine.scenario.rules.samples import MAX_PROBLEMS
from retrograde.engine.text import _

if TYPE_CHECKING:
    from retrograde.engine.scenario.models import Data


_MAX_LINE = 4 * 2**20


def read_csv(data: Data, path: Path, shown: str) -> Samples:
    """Return the samples of a CSV file.

    Args:
        data: the `[data]` table.
        path: the file; one that ends in `.gz` is decompressed.
        shown: how problems name the file.

    Raises:
        ScenarioError: the file cannot be read, with each row that is malformed.
    """
    try:
        if path.name.lower().endswith(".gz"):
            with gzip.open(path, "rb") as stream:
                table, lines = _csv_table(stream, data.skip_rows, shown)
        else:
            with path.open("rb") as plain:
                table, lines = _csv_table(plain, data.skip_rows, shown)
    except (OSError, EOFError, zlib.error) as error:
        raise unreadable(shown, error) from error
    numbers = np.arange(len(table))
    if data.rows is not None:
        numbers = picked(data.rows, len(table), "data.rows", _("row"), shown)
    columns = table.shape[1]
    found: dict[str, NDArray[np.int64]] = {}
    problems: list[Problem] = []
    for key, text in (("input_columns", data.input_columns), ("target_columns", data.target_columns)):
        try:
            found[key] = picked(text, columns, f"data.{key}", _("column"), shown) if text else np.arange(0)
        except ScenarioError as error:
            problems += error.problems
    if problems:
        raise ScenarioError(problems)
    lengths: NDArray[np.float64] | None = None
    if data.length_column is not None and not problems:
        column = picked(str(data.length_column), columns, "data.length_column", _("column"), shown)
        lengths = table[numbers, column[0]]
    weights = mask = None
    if data.weight_column is not None:
        column = picked(str(data.weight_column), columns, "data.weight_column", _("column"), shown)
        weights = table[numbers, column[0]]
    if data.mask_columns is not None:
        mask = table[np.ix_(numbers, picked(data.mask_columns, columns, "data.mask_columns", _("column"), shown))]
    taken = len(numbers) * sum(len(indices) for indices in found.values())
    if taken > limits.MAX_DATA_BYTES // 8:
        raise ScenarioError([too_large(shown)])
    return Samples(
        inputs=table[np.ix_(numbers, found["input_columns"])],
        targets=table[np.ix_(numbers, found["target_columns"])],
        numbers=numbers + 1,
        lines=lines[numbers],
        lengths=lengths,
        mask=mask,
        weights=weights,
    )


def _csv_table(
    stream: IO[bytes] | gzip.GzipFile, skip: int, shown: str
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return all values (rows, columns) and the line of each row; nothing is read beyond the limit."""
    values = array("d")
    lines = array("q")
    problems: list[Problem] = []
    columns = 0
    read = 0
    for number, line in enumerate(iter(lambda: stream.readline(_MAX_LINE), b""), start=1):
        read += len(line)
        if read > limits.MAX_DATA_BYTES or len(values) > limits.MAX_DATA_BYTES // 8 or len(line) >= _MAX_LINE:
            raise ScenarioError([too_large(shown)])
        if number <= skip or not line.strip():
            continue
        cells = line.split(b",")
        if not columns:
            columns = len(cells)
        if len(cells) != columns:
            message = _("row {row} has {found} columns, the first row has {wanted}")
            problems.append(
                Problem(
                    path=shown,
                    line=number,
                    key="data.file",
                    message=message.format(row=len(lines) + 1, found=len(cells), wanted=columns),
                )
            )
        else:
            numbers = _cells(cells)
            if numbers is None:
                problems += _cell_problems(cells, shown, number, len(lines) + 1, skip)
            else:
                values.extend(numbers)
        lines.append(number)
        if len(problems) > MAX_PROBLEMS:
            problems[MAX_PROBLEMS:] = [
                Problem(
                    path=shown,
                    key="data.file",
                    message=_("there may be more; the first {count} are shown").format(count=MAX_PROBLEMS),
                )
            ]
            break
    if problems:
        raise ScenarioError(problems)
    if not lines:
        message = _("there are no samples in the file after {skip} skipped lines") if skip else _("the file is empty")
        raise ScenarioError([Problem(path=shown, key="data.file", message=message.format(skip=skip))])
    table = np.frombuffer(values, dtype=np.float64).reshape(len(lines), columns)
    return table, np.frombuffer(lines, dtype=np.int64)


def _cells(cells: list[bytes]) -> list[float] | None:
    """Return the numbers of a row, None if one is none."""
    try:
        numbers = [float(cell) for cell in cells]
    except ValueError:
        return None
    # Python reads 1_000 as a number; in a data file it is a mistake.
    return numbers if all(map(math.isfinite, numbers)) and not any(b"_" in cell for cell in cells) else None


def _cell_problems(cells: list[bytes], shown: str, line: int, row: int, skip: int) -> Iterator[Problem]:
    column = 1
    for number, cell in enumerate(cells, start=1):
        if _cells([cell]) is None:
            text = cell.decode("utf-8", "replace").strip()
            if not text:
                message = _("row {row}, column {column}: the cell is empty; a number is needed")
            elif text.lower().lstrip("+-") in {"nan", "inf", "infinity"}:
                message = _("row {row}, column {column}: {text} is not finite")
            else:
                message = _("row {row}, column {column}: {text} is not a number")
            if row == 1 and not skip and text:
                message += _("; if the first line is a heading, say skip_rows = 1")
            shortened = repr(text if len(text) <= 30 else text[:29] + "…")
            yield Problem(
                path=shown,
                line=line,
                column=column,
                key="data.file",
                message=message.format(row=row, column=number, text=shortened),
            )
        column += len(cell.decode("utf-8", "replace")) + 1
