"""Data files with bytes flipped, headings, ragged and missing cells, odd separators, and little that becomes much."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import random
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from retrograde.engine.errors import ScenarioError
from retrograde.engine.scenario.catalogue import folder
from retrograde.engine.scenario.file import load_scenario
from retrograde.engine.session.session import Session
from retrograde.tui.cli.support.streams import complain, settled_streams
from tests.fuzz.target import Beat

SCENARIO = """\
format = 1
title = { en = "a", zh = "b" }
[network]
inputs = 4
[[network.layers]]
units = 3
activation = "softmax"
[data]
file = "FILE"
skip_rows = 1
input_columns = "1-4"
target_columns = "5"
classes = 3
[loss]
kind = "cross_entropy"
[training]
learning_rate = 0.1
[stop]
epochs = 1
"""
CELLS = (
    *("", " ", "NaN", "nan", "inf", "-inf", "1e400", "NA", "?", "1_0", "0x1", "1,5", '"1', '"1.5"', "'2'", "+1"),
    *("1 2", "setosa", "\x1b[31mx", "\u202e1", "\x00", "é", "神", "１", "9" * 5000, "=1+1", "2024-01-31", "-", "%5"),
)
BLANKS = ("\n", "\r\n", "\r", " ", "\t", ",", "\0", "0,", ",,,,\n")
RIGHT = {"inputs": np.eye(6)[:, :4], "targets": np.array([0, 1, 2, 0, 1, 2])}
SUFFIXES = {b"csv": ".csv", b"gz": ".csv.gz", b"npz": ".npz"}


def _lines(rng: random.Random, text: str) -> str:
    lines = text.splitlines(keepends=True) or [""]
    at = rng.randrange(len(lines))
    match rng.randrange(6):
        case 0:
            del lines[at : at + rng.choice((1, 1, 200))]
        case 1:
            lines.insert(at, lines[rng.randrange(len(lines))])
        case 2:
            lines[at] = lines[at].rstrip() + rng.choice((",1", ",", ",1,2,3", " ")) + "\n"
        case 3:
            lines[at] = lines[at].rpartition(",")[0] + "\n"
        case 4:
            lines.insert(rng.choice((0, at)), rng.choice(("a,b,c,d,e\n", "# text\n", "\n", "1\n", '"a,\nb"\n')))
        case _:
            lines[at] = ""
    return "".join(lines)


def _cells(rng: random.Random, text: str) -> str:
    lines = text.split("\n")
    at = rng.randrange(len(lines))
    cells = lines[at].split(",")
    cells[rng.randrange(len(cells))] = rng.choice(CELLS)
    lines[at] = ",".join(cells)
    return "\n".join(lines)


def _everywhere(rng: random.Random, text: str) -> str:
    one, other = rng.choice(
        ((",", ";"), (",", "\t"), (",", " "), ("\n", "\r"), ("\n", "\r\n"), (".", ","), ("\n", ""), ("5", ""))
    )
    return text.replace(one, other)


def _much(rng: random.Random, text: str) -> str:
    at = rng.randrange(len(text) + 1)
    return text[:at] + rng.choice(BLANKS) * rng.choice((3, 3000, 300_000, 4_000_000)) + text[at:]


TEXTS: tuple[Callable[[random.Random, str], str], ...] = (_lines, _lines, _cells, _cells, _cells, _everywhere)


def _flipped(rng: random.Random, content: bytes) -> bytes:
    data = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 5, 50))):
        data[rng.randrange(len(data))] = rng.randrange(256)
    at = rng.randrange(len(data))
    return bytes(data if rng.random() < 0.8 else data[:at])


def _array(rng: random.Random, right: np.ndarray) -> bytes:
    """A file of one array, the right one or another, now and then with a header that is not."""
    rows = rng.choice((0, 1, 5))
    kind = rng.choice(("f8", "f4", "i8", "?", "U3", "c16", "f2", ">f8", "g"))
    stream = io.BytesIO()
    other = np.zeros((rows, rng.choice((1, 4, 5))), dtype=kind)
    np.save(stream, right if rng.random() < 0.7 else other, allow_pickle=False)
    content = stream.getvalue()
    shapes = (b"(True, 2)", b"(-1, 4)", b"(10000000000, 4)", b"()", b"[" * 4000, b"(2**40,)", b"'x'")
    if rng.random() < 0.2:
        at = content.index(b"(")
        content = content[:at] + rng.choice(shapes) + content[content.index(b")") + 1 :]
    return content


def _archive(rng: random.Random) -> bytes:
    stream = io.BytesIO()
    pack = rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA))
    with zipfile.ZipFile(stream, "w", pack) as archive:
        for name in ("inputs", "targets", *rng.choice(((), ("\x1b[31mx",), ("../x",), ("\u202ex", "y" * 3000)))):
            if rng.random() < 0.95:
                archive.writestr(f"{name}.npy", _array(rng, RIGHT.get(name, np.ones(3))))
        if rng.random() < 0.05:
            archive.writestr("targets", b"\0" * rng.choice((10, 50_000_000)))
    return stream.getvalue()


class Data:
    """Each input is a line that says which kind of file it is, and the file."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._text = (folder() / "data" / "iris.csv").read_text(encoding="utf-8")

    def made(self, seed: int) -> bytes:
        rng = random.Random(seed)
        kind = rng.choice(("csv", "csv", "csv", "gz", "npz", "npz"))
        if kind == "npz":
            content = _archive(rng)
        else:
            text = self._text
            for _ in range(rng.choice((1, 1, 2, 3))):
                text = rng.choice(TEXTS)(rng, text)
            if rng.random() < 0.05:
                text = _much(rng, text)
            content = text.encode("utf-8", "replace")
            if rng.random() < 0.1:
                content = rng.choice((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")) + content
            if kind == "gz":
                content = rng.choice((gzip.compress, gzip.compress, gzip.compress, bz2.compress, lzma.compress))(
                    content
                )
        if content and rng.random() < 0.4:
            content = _flipped(rng, content)
        return kind.encode() + b"\n" + content

    def run(self, content: bytes, beat: Beat) -> bool:
        del beat
        name, bare = self.file(content)
        file = self._home / f"data{name}"
        file.write_bytes(bare)
        scenario = self._home / "data.toml"
        text = SCENARIO.replace("FILE", file.name)
        if name == ".npz":
            lines = [line for line in text.splitlines() if "_columns" not in line and "skip_rows" not in line]
            text = "\n".join(lines)
        scenario.write_text(text, encoding="utf-8")
        try:
            Session(load_scenario(scenario)).step()
        except ScenarioError as error:
            with settled_streams():
                complain(str(error), name=False)
            assert all(problem.message for problem in error.problems), "a problem says nothing"
            return False
        return True

    @staticmethod
    def file(content: bytes) -> tuple[str, bytes]:
        kind, _line, bare = content.partition(b"\n")
        return SUFFIXES.get(kind, ".csv"), bare


TARGET = Data
