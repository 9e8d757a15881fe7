"""What would be read from a file of samples, column by column, before there is a scenario."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrograde.engine.errors import Problem, ScenarioError
from retrograde.engine.scenario.arrays import array_of, arrays_of
from retrograde.engine.scenario.images import read_images
from retrograde.engine.scenario.limits import SUFFIXES
from retrograde.engine.scenario.rules.data import kind_of
from retrograde.engine.scenario.tables.cells import missing
from retrograde.engine.scenario.tables.delimited import Reading, read_delimited
from retrograde.engine.scenario.tables.dialect import SEPARATORS
from retrograde.engine.scenario.tables.parquet import read_parquet
from retrograde.engine.scenario.tables.table import Column, Table, shortened
from retrograde.engine.text import _

_EXAMPLES = 3
_MOST_CLASSES = 50
_DATE = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([T ]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnSurvey:
    """What a column of a table holds, or an array.

    Attributes:
        number: its number, from 1.
        name: its name, empty where it has none.
        kind: number, class, text, date or empty.
        minimum: the least number; None where there are none.
        maximum: the greatest.
        mean: their mean.
        missing: how many values are missing.
        wrong: how many cells of a column of numbers are neither a number nor missing.
        distinct: how many different values there are.
        examples: the first different values, as they are written; of wrong cells, these.
        shape: the axes of an array; empty for a column.
    """

    number: int
    name: str
    kind: str
    minimum: float | None = None
    maximum: float | None = None
    mean: float | None = None
    missing: int = 0
    wrong: int = 0
    distinct: int = 0
    examples: tuple[str, ...] = ()
    shape: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What would be read from a file.

    Attributes:
        facts: how it is written: kind, encoding, separator, decimal sign, heading, rows; by name.
        columns: what its columns or arrays hold.
        section: the tables of a scenario that would read it, to be pasted.
    """

    facts: Mapping[str, str | int | bool]
    columns: tuple[ColumnSurvey, ...]
    section: str


def survey(path: Path) -> Survey:
    """Return what would be read from a file or a folder.

    Raises:
        ScenarioError: it cannot be read, or is of no kind that is.
    """
    shown = str(path)
    if not path.exists():
        raise ScenarioError([Problem(path=shown, message=_("there is no such file"))])
    kind = "folder" if path.is_dir() else kind_of(path.name)
    if kind is None or (kind == "folder") != path.is_dir() or not (path.is_dir() or path.is_file()):
        message = _("this is not a kind of file that is read: {kinds}, or a folder of PNG images")
        raise ScenarioError([Problem(path=shown, message=message.format(kinds=", ".join(SUFFIXES)))])
    return _WAYS[kind](path, shown)


def _text(path: Path, shown: str) -> Survey:
    table, dialect, encoding = read_delimited(path, shown, _every, Reading())
    facts: dict[str, str | int | bool] = {
        "kind": "text",
        "encoding": encoding,
        "separator": SEPARATORS.get(dialect.separator, dialect.separator),
        "decimal": table.decimal,
        "heading": dialect.names is not None,
        "rows": table.count,
    }
    return _of_table(facts, table, path)


def _parquet(path: Path, shown: str) -> Survey:
    table = read_parquet(path, shown, _every)
    return _of_table({"kind": "Parquet", "rows": table.count}, table, path)


def _every(_names: tuple[str, ...] | None, width: int) -> Sequence[int]:
    return range(width)


def _of_table(facts: Mapping[str, str | int | bool], table: Table, path: Path) -> Survey:
    columns = tuple(
        _column(place + 1, "" if table.names is None else table.names[place], table.columns[place])
        for place in range(table.width)
    )
    return Survey(facts=facts, columns=columns, section=_section(path, columns, table))


def _column(number: int, name: str, column: Column) -> ColumnSurvey:
    gaps = sum(map(missing, column.odd.values()))
    words = [text for text in column.odd.values() if not missing(text)]
    finite = column.numbers[np.isfinite(column.numbers)]
    distinct = len(np.unique(finite)) + len(set(words))
    numeric = len(finite) > len(words)
    kind = "number" if numeric else _kind_of_words(words)
    examples = words or [format(value, ".15g") for value in finite[:50].tolist()]
    with np.errstate(all="ignore"):
        mean = float(finite.mean()) if numeric else None
    return ColumnSurvey(
        number=number,
        name=name,
        kind=kind,
        minimum=float(finite.min()) if numeric else None,
        maximum=float(finite.max()) if numeric else None,
        mean=mean,
        missing=gaps,
        wrong=len(words) if numeric else 0,
        distinct=distinct,
        examples=tuple(shortened(text) for text in list(dict.fromkeys(examples))[:_EXAMPLES]),
    )


def _kind_of_words(words: Sequence[str]) -> str:
    if not words:
        return "empty"
    if all(map(_DATE.fullmatch, words)):
        return "date"
    distinct = len(set(words))
    return "class" if 2 <= distinct <= min(_MOST_CLASSES, len(words) // 2) else "text"


def _section(path: Path, columns: Sequence[ColumnSurvey], table: Table) -> str:
    """Return the table `[data]` that reads a table of samples: the last column as target, numbers before as inputs."""
    usable = [column for column in columns if column.kind in {"number", "class"}]
    classes = [column for column in usable if column.kind == "class"]
    target = classes[-1] if classes else usable[-1] if usable else None
    inputs = [
        column for column in usable if column is not target and column.kind == "number" and not _counts(column, table)
    ]
    lines = ["[data]", f"file = {_quoted(path.name)}"]
    lines.append(f"input_columns = {_columns(inputs, columns)}")
    if target is not None:
        lines += [f"target_columns = {_columns([target], columns)}", *_class_lines(target, table)]
    if any(column.missing for column in (*inputs, *([target] if target is not None else []))):
        lines.append('missing = "drop"  # or "mean"')
    lines.append(f"# network.inputs = {len(inputs)}")
    return "\n".join(lines) + "\n"


def _counts(column: ColumnSurvey, table: Table) -> bool:
    """Whether a column counts the rows, as an index that a program wrote does."""
    numbers = table.columns[column.number - 1].numbers
    if len(numbers) < 3 or column.number != 1 or not np.isfinite(numbers[0]):
        return False
    return numbers[0] in {0, 1} and bool(np.array_equal(numbers, numbers[0] + np.arange(len(numbers))))


def _class_lines(target: ColumnSurvey, table: Table) -> list[str]:
    column = table.columns[target.number - 1]
    if target.kind == "class":
        names = sorted({text for text in column.odd.values() if not missing(text)})
        return [f"classes = [{', '.join(map(_quoted, names))}]"]
    values = np.unique(column.numbers[np.isfinite(column.numbers)])
    first = values[0] if len(values) else -1
    if not 2 <= len(values) <= min(_MOST_CLASSES, table.count // 2) or first not in {0, 1}:
        return []
    if not np.array_equal(values, first + np.arange(len(values))):
        return []
    lines = [f"classes = {len(values)}"]
    return [*lines, "first_class = 1"] if first == 1 else lines


def _columns(chosen: Sequence[ColumnSurvey], every: Sequence[ColumnSurvey]) -> str:
    """Return columns as a scenario names them: by name where each has its own, else by number."""
    names = [column.name for column in every]
    own = all(column.name and names.count(column.name) == 1 for column in chosen)
    if own and 0 < len(chosen) <= 20 and not any(re.fullmatch(r"[\d\s,-]+", column.name) for column in chosen):
        return "[" + ", ".join(_quoted(column.name) for column in chosen) + "]"
    return _quoted(_ranges([column.number for column in chosen]))


def _ranges(numbers: Iterable[int]) -> str:
    pieces: list[list[int]] = []
    for number in numbers:
        if pieces and number == pieces[-1][1] + 1:
            pieces[-1][1] = number
        else:
            pieces.append([number, number])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in pieces)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=not text.isprintable())


def _npz(path: Path, shown: str) -> Survey:
    arrays = arrays_of(path, shown)
    columns = tuple(_array(number, name, values) for number, (name, values) in enumerate(arrays.items(), start=1))
    largest = max(arrays, key=lambda name: arrays[name].size, default="inputs")
    rows = len(arrays[largest]) if arrays else 0
    goals = next((name for name in arrays if name != largest and len(arrays[name]) == rows), "targets")
    lines = ["[data]", f"file = {_quoted(path.name)}", f"input_key = {_quoted(largest)}"]
    lines.append(f"target_key = {_quoted(goals)}")
    return Survey(facts={"kind": "NPZ", "rows": rows}, columns=columns, section="\n".join(lines) + "\n")


def _npy(path: Path, shown: str) -> Survey:
    values = array_of(path, shown, words=True)
    lines = ["[data]", f"file = {_quoted(path.name)}", 'target_file = "…"  # or input_columns and target_columns']
    facts: dict[str, str | int | bool] = {"kind": "NPY", "rows": len(values)}
    return Survey(facts=facts, columns=(_array(1, path.stem, values),), section="\n".join(lines) + "\n")


def _array(number: int, name: str, values: NDArray[Any]) -> ColumnSurvey:
    flat = values.ravel()
    if flat.dtype.kind in "US":
        words = flat.astype(str) if flat.dtype.kind == "U" else np.char.decode(flat, "utf-8", "replace")
        found = _column(number, name, Column(numbers=np.full(len(flat), np.nan), odd=dict(enumerate(words.tolist()))))
    else:
        with np.errstate(all="ignore"):
            numbers = flat.astype(np.float64)
        odd = {int(place): str(numbers[place]) for place in np.flatnonzero(~np.isfinite(numbers))[:100_000]}
        found = _column(number, name, Column(numbers=numbers, odd=odd))
    return ColumnSurvey(
        **{key: getattr(found, key) for key in ColumnSurvey.__slots__ if key != "shape"}, shape=values.shape
    )


def _images(path: Path, shown: str) -> Survey:
    samples = read_images(path, shown, None, None)
    shape = samples.shape or ()
    pixels = _column(1, "", Column(numbers=samples.inputs.ravel()))
    columns = (replace(pixels, shape=(len(samples), *shape)),)
    facts: dict[str, str | int | bool] = {"kind": "PNG", "rows": len(samples)}
    lines = ["[data]", f"file = {_quoted(path.name + '/')}"]
    if samples.labels:
        facts["classes"] = ", ".join(map(shortened, samples.labels))
        lines.append(f"classes = [{', '.join(map(_quoted, samples.labels))}]")
    lines += ["divide_inputs_by = 255", f"# network.input_shape = {list(shape)}"]
    return Survey(facts=facts, columns=columns, section="\n".join(lines) + "\n")


_WAYS: Mapping[str, Callable[[Path, str], Survey]] = {
    "text": _text,
    "parquet": _parquet,
    "npz": _npz,
    "npy": _npy,
    "folder": _images,
}
