"""How fast files of samples are read, next to NumPy's reader alone and to reading their bytes."""

from __future__ import annotations

import statistics
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from retrograde.engine.scenario.tables.delimited import Reading, read_delimited
from retrograde.engine.scenario.tables.table import Table
from tests.bench.harness import Effort, Row, interleave, ratio, versus


def tables(effort: Effort) -> list[Row]:
    """Reading CSV files of numbers: pixels, and numbers with all their digits."""
    random = np.random.default_rng(5)
    count = effort.count(20_000, 20)
    kinds = {
        "pixels": random.integers(0, 256, (count // 4, 785)).tolist(),
        "decimals": random.random((count * 2, 20)).tolist(),
    }
    rows = []
    labels = ["alpha", "beta", "gamma"]
    with TemporaryDirectory() as folder:
        path = Path(folder) / "labels.csv"
        path.write_text(
            "".join(f"{','.join(map(repr, row))},{labels[n % 3]}\n" for n, row in enumerate(kinds["decimals"]))
        )
        seconds = interleave(
            {"ours": lambda path=path: _table(path), "split": lambda path=path: _split(path)}, effort.rounds
        )
        slower = ratio(seconds["ours"], seconds["split"])
        what = "reading a CSV with a column of words, over splitting its lines and float()"
        rows.append(Row(what=what, figure=slower, unit="×", bound=3.0, detail=versus(list(seconds), seconds)))
        for kind, values in kinds.items():
            path = Path(folder) / f"{kind}.csv"
            path.write_text("".join(",".join(map(repr, row)) + "\n" for row in values))
            sides = {
                "ours": lambda path=path: _read(path),
                "loadtxt": lambda path=path: np.loadtxt(path, delimiter=","),
                "bytes": lambda path=path: path.read_bytes(),
            }
            assert _read(path).tobytes() == np.loadtxt(path, delimiter=",").tobytes()
            seconds = interleave(sides, effort.rounds)
            megabytes = path.stat().st_size / 1e6
            detail = versus(list(sides), seconds)
            what = f"reading a CSV of {kind}, {megabytes:.1f} MB"
            slower = ratio(seconds["ours"], seconds["loadtxt"])
            rows.append(Row(what=f"{what}, over np.loadtxt", figure=slower, unit="×", bound=1.5, detail=detail))
            speed = megabytes / statistics.median(seconds["ours"])
            rows.append(Row(what=what, figure=speed, unit="MB/s", bound=25.0, least=True, detail=detail))
    return rows


def _table(path: Path) -> Table:
    table, _dialect, _encoding = read_delimited(path, path.name, lambda _names, width: range(width), Reading())
    return table


def _read(path: Path) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return np.stack([column.numbers for column in _table(path).columns.values()], axis=1)


def _split(path: Path) -> list[list[float]]:
    return [list(map(float, line.split(",")[:-1])) for line in path.read_text().splitlines()]
