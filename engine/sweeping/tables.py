"""The runs of a sweep as a table, a row a run in the order of the grid: CSV, or Parquet with the extra of that name."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrograde.engine.atomic import write_bytes
from retrograde.engine.errors import EngineError
from retrograde.engine.scenario.settings import value_text
from retrograde.engine.text import _, visible

if TYPE_CHECKING:
    from collections.abc import Iterable

    from retrograde.engine.sweeping.plan import Plan
    from retrograde.engine.sweeping.running import Result

SUFFIXES = (".csv", ".parquet")


def require_writable(path: Path) -> None:
    """Refuse a file that can not be written, before anything runs.

    Raises:
        EngineError: its name says no known format, there is no such folder, or an extra is missing.
    """
    if path.suffix.lower() not in SUFFIXES:
        message = _("{file}: results are in files that end in {known}")
        raise EngineError(message.format(file=visible(str(path)), known=_(" or ").join(SUFFIXES)))
    if not path.parent.is_dir():
        raise EngineError(_("{folder} is not a folder; nothing was written").format(folder=path.parent))
    if path.suffix.lower() == ".parquet":
        try:
            import pyarrow.parquet  # noqa: F401 - is it there
        except ImportError as error:
            message = _("Parquet files need pyarrow: python -m pip install 'retrograde[parquet]'")
            raise EngineError(message) from error


def rows(plan: Plan, results: Iterable[Result]) -> Iterator[dict[str, Any]]:
    """A row of each result: its setting, what became of it, and the losses of some epochs."""
    marks = plan.work.milestones
    combinations = list(plan.grid.settings)
    for one in results:
        yield {
            "seed": one.seed,
            **combinations[one.setting],
            "fate": one.fate.value,
            "since_epoch": one.epoch or None,
            "rule": one.rule,
            "epochs": one.epochs,
            "iterations": one.iterations,
            "loss": one.loss,
            "best": one.best,
            "best_epoch": one.best_epoch or None,
            "alert": one.alerts[0][0] if one.alerts else None,
            "alerts": " ".join(f"{rule}@{at}" for rule, at in one.alerts) or None,
            "at": one.at or None,
            "opens": plan.called(one.setting, one.seed, one.at),
            "bits": one.bits,
            **{
                f"E_{epoch}": one.curve[number] if number < len(one.curve) else None
                for number, epoch in enumerate(marks)
            },
        }


def write_table(path: Path, plan: Plan, results: Iterable[Result]) -> None:
    """Write the results whole, or leave what was there.

    Raises:
        EngineError: it can not be written.
    """
    made = rows(plan, results)
    write_bytes(path, _parquet(made) if path.suffix.lower() == ".parquet" else _csv(made))


def _csv(made: Iterator[dict[str, Any]]) -> bytes:
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    for number, row in enumerate(made):
        if number == 0:
            writer.writerow(row)
        writer.writerow([_cell(value) for value in row.values()])
    return stream.getvalue().encode("utf-8", errors="backslashreplace")


def _cell(value: Any) -> str:
    """A value in CSV: numbers in full, nothing for what is not there."""
    return "" if value is None else value if isinstance(value, str) else value_text(value)


_TEXTS = frozenset({"fate", "rule", "alert", "alerts", "at", "opens", "bits"})


def _parquet(made: Iterator[dict[str, Any]]) -> bytes:
    import pyarrow as pa
    from pyarrow import parquet

    columns: dict[str, list[Any]] = {}
    for row in made:
        for key, value in row.items():
            columns.setdefault(key, []).append(value)
    table = pa.table({key: _column(key, values) for key, values in columns.items()})
    stream = io.BytesIO()
    parquet.write_table(table, stream)
    return stream.getvalue()


def _column(key: str, values: list[Any]) -> Any:
    """A column of one kind: whole numbers, numbers, truth values, or texts."""
    import pyarrow as pa

    there = [value for value in values if value is not None]
    if key.startswith("E_") or key in {"loss", "best"}:
        return pa.array(values, pa.float64())
    if key in _TEXTS or not there:
        kind = pa.string() if key in _TEXTS else pa.int64()
        return pa.array(values, kind)
    for python, kind in ((bool, pa.bool_()), (int, pa.int64())):
        if all(type(value) is python for value in there):
            return pa.array(values, kind)
    if all(type(value) in {int, float} for value in there):
        return pa.array([None if value is None else float(value) for value in values], pa.float64())
    return pa.array([None if value is None else _cell(value) for value in values], pa.string())
