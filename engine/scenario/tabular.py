"""Samples from tables: which columns they are, what is missing in them, and labels as classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from retrograde.engine.errors import Problem, ScenarioError
from retrograde.engine.scenario import limits
from retrograde.engine.scenario.dataset import Samples
from retrograde.engine.scenario.labels import coded
from retrograde.engine.scenario.picking import columns_of, picked, too_large
from retrograde.engine.scenario.ranges import ranges
from retrograde.engine.scenario.tables.cells import missing, number
from retrograde.engine.scenario.tables.delimited import MAX_PROBLEMS, Reading, read_delimited, shown_first
from retrograde.engine.scenario.tables.parquet import read_parquet
from retrograde.engine.scenario.tables.table import Column, Table, shortened
from retrograde.engine.text import _

if TYPE_CHECKING:
    from retrograde.engine.scenario.data_table import Data

_KEYS = ("input_columns", "target_columns", "length_column", "mask_columns", "weight_column")


def read_table(data: Data, path: Path, shown: str, most: int | None = None) -> Samples:
    """Return the samples of a table.

    Args:
        data: the `[data]` table.
        path: the file; one that ends in `.gz` is decompressed.
        shown: how problems name the file.
        most: the most samples that are of use.

    Raises:
        ScenarioError: the file cannot be read, with each row that is malformed.
    """
    chosen: dict[str, list[int]] = {}

    def wanted(names: tuple[str, ...] | None, width: int) -> list[int]:
        chosen.update(_chosen(data, names, width, shown))
        return [column for columns in chosen.values() for column in columns]

    if path.name.lower().endswith(".parquet"):
        table = read_parquet(path, shown, wanted)
    else:
        table, _dialect, _encoding = read_delimited(path, shown, wanted, reading_of(data, most))
    return table_samples(data, table, chosen, shown)


def reading_of(data: Data, most: int | None = None) -> Reading:
    """Return how the keys of `[data]` say that a file of text is to be read."""
    return Reading(
        skip=data.skip_rows,
        separator=data.separator,
        decimal=data.decimal,
        heading=data.heading,
        # Where rows are picked, the file may have more than are of use, and is read to the last of them.
        most=most if data.rows is None else None,
        gaps=data.missing == "drop",
        upto=None if data.rows is None else max(last for _first, last in ranges(data.rows)),
    )


def _chosen(data: Data, names: Sequence[str] | None, width: int, shown: str) -> dict[str, list[int]]:
    """Return the columns that each key asks for."""
    found: dict[str, list[int]] = {}
    problems: list[Problem] = []
    for key in _KEYS:
        asked = getattr(data, key)
        try:
            found[key] = [] if asked is None else columns_of(asked, names, width, f"data.{key}", shown)
        except ScenarioError as error:
            problems += error.problems
    for key, message in (
        ("length_column", _("lengths are one column")),
        ("weight_column", _("weights are one column")),
    ):
        if not problems and len(found[key]) > 1:
            problems.append(Problem(path=shown, key=f"data.{key}", message=message))
    if problems:
        raise ScenarioError(problems)
    return found


def table_samples(data: Data, table: Table, chosen: dict[str, list[int]], shown: str) -> Samples:
    """Return the samples of a table that was read.

    Args:
        data: the `[data]` table.
        table: the table.
        chosen: the columns of inputs, targets and lengths, by their keys.
        shown: how problems name the file.

    Raises:
        ScenarioError: a cell is no number, or is missing and nothing is said about that.
    """
    rows = np.arange(table.count)
    if data.rows is not None:
        rows = picked(data.rows, table.count, "data.rows", _("row"), shown)
    # Where labels are words, they are numbers from here on.
    columns = dict(table.columns)
    labels: tuple[str, ...] = ()
    first: int = data.first_class
    targets = chosen["target_columns"]
    if data.class_total is not None or _are_labels(targets, columns):
        labels, first = coded(data, columns, targets, rows, shown)
    every = [column for columns_of_key in chosen.values() for column in columns_of_key]
    if data.missing == "drop":
        gaps = {row for column in set(every) for row, text in columns[column].odd.items() if missing(text)}
        rows = rows[~np.isin(rows, np.fromiter(gaps, dtype=np.int64, count=len(gaps)))]
        if not len(rows):
            message = _("every row has a value that is missing in a column that is asked for")
            raise ScenarioError([Problem(path=shown, key="data.missing", message=message)])
    if problems := list(_odd_cells(data, table, columns, chosen, rows, labels, shown)):
        raise ScenarioError(shown_first(problems, shown))
    if len(rows) * len(every) > limits.MAX_DATA_BYTES // 8:
        raise ScenarioError([too_large(shown)])
    lengths, weights, mask = (chosen[key] for key in ("length_column", "weight_column", "mask_columns"))
    return Samples(
        inputs=_matrix(columns, chosen["input_columns"], rows),
        targets=_matrix(columns, targets, rows),
        numbers=rows + 1,
        lines=None if table.lines is None else table.lines[rows],
        lengths=columns[lengths[0]].numbers[rows] if lengths else None,
        mask=_matrix(columns, mask, rows) if mask else None,
        weights=columns[weights[0]].numbers[rows] if weights else None,
        labels=labels,
        first=first,
    )


def _are_labels(targets: Sequence[int], columns: dict[int, Column]) -> bool:
    """Whether the only column of targets has nothing but words, and not one alone, which would be a slip."""
    if len(targets) != 1:
        return False
    odd = columns[targets[0]].odd
    return len(odd) == len(columns[targets[0]].numbers) and len({w for w in odd.values() if not missing(w)}) > 1


def _matrix(columns: dict[int, Column], chosen: Sequence[int], rows: NDArray[np.int64]) -> NDArray[np.float64]:
    found = np.empty((len(rows), len(chosen)))
    for place, column in enumerate(chosen):
        found[:, place] = columns[column].numbers[rows]
    return found


def _odd_cells(
    data: Data,
    table: Table,
    columns: dict[int, Column],
    chosen: dict[str, list[int]],
    rows: NDArray[np.int64],
    labels: Sequence[str],
    shown: str,
) -> list[Problem]:
    """Return the cells that are no finite numbers and that no rule covers, in the order of the file."""
    taken = set(rows.tolist()) if data.rows is not None or data.missing == "drop" else None
    found: list[tuple[int, int, Problem]] = []
    for key, indices in chosen.items():
        for column in dict.fromkeys(indices):
            count = 0
            for row, text in columns[column].odd.items():
                if taken is not None and row not in taken:
                    continue
                gap = missing(text)
                if key in {"input_columns", "target_columns"} and (
                    (data.missing == "keep" and (gap or not np.isnan(columns[column].numbers[row])))
                    or (data.missing == "mean" and gap and key == "input_columns")
                ):
                    continue
                message = _cell_message(text, gap, table, key, labels)
                line = None if table.lines is None else int(table.lines[row])
                where = _("row {row}, column {column}: {message}")
                message = where.format(row=row + 1, column=table.title(column), message=message)
                problem = Problem(path=shown, line=line, key="data.file", message=message)
                found.append((row, column, problem))
                if (count := count + 1) > MAX_PROBLEMS:
                    break
    found = sorted(found, key=lambda entry: entry[:2])[: MAX_PROBLEMS + 1]
    starts = table.starts([(problem.line or 0, column) for _row, column, problem in found])
    return [replace(problem, column=start) for (_row, _column, problem), start in zip(found, starts, strict=True)]


def _cell_message(text: str, gap: bool, table: Table, key: str, labels: Sequence[str]) -> str:
    cell = repr(shortened(text))
    if gap:
        message = _("the cell is empty; a value is needed") if not text else _("{text} is no value; one is needed")
        message += _(', or a rule: missing = "drop"')
        if key == "input_columns":
            message += _(' or missing = "mean"')
        return message.format(text=cell)
    if key == "target_columns" and labels:
        listed = ", ".join(repr(shortened(label)) for label in labels[:12]) + (", …" if len(labels) > 12 else "")
        return _("{text} is none of the classes {labels}").format(text=cell, labels=listed)
    if text.lower().lstrip("+-") in {"inf", "infinity"} or (text[-1:].isdigit() and _is_float(text)):
        return _("{text} is not finite").format(text=cell)
    message = _("{text} is not a number").format(text=cell)
    if key == "target_columns":
        message += _("; for labels give classes")
    elif table.decimal == "." and "," in text and number(text, ",") is not None:
        message += _('; for decimal commas say decimal = ","')
    return message


def _is_float(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text
