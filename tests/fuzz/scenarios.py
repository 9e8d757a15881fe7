"""Mutated scenario files: none may do harm when it is loaded."""

from __future__ import annotations

import random
import re
import shutil
from pathlib import Path

from retrograde.engine.errors import ScenarioError
from retrograde.engine.scenario.catalogue import folder
from retrograde.engine.scenario.file import load_scenario
from retrograde.engine.session.session import Session
from retrograde.tui.cli.support.streams import complain, settled_streams
from tests.fuzz.target import Beat

LONGEST = 2500
"""Characters of a message with its place."""

TOKEN = re.compile(r'"(?:[^"\\\n]|\\.)*"|[A-Za-z0-9_.+-]+|\s+|.', re.DOTALL)
NUMBER = re.compile(r"(?<![\w.\"])[+-]?\d[\d_.eE+-]*(?![\w\"])")
VALUES = (
    *("-1", "0", "1", "2", "3", "7", "-0.0", "1e400", "nan", "inf", "-inf", "1e-320", "1e308", "0.5", "1_0"),
    *("99999", "2147483648", "100000000", "9999999999", "9223372036854775808", "1" + "0" * 30, "0x7fffffff"),
    *("0b1", "true", "false", '""', '"x"', "'y'", "[]", "{}", "[[]]", "[[1]]", "[1, 2]", "{ kind = 1 }"),
    *("1979-05-27", "07:32:00", '"""', "'''", "{ en = 'a', zh = 'b' }", '"softmax"', '"relu"', '"in_place"'),
    *("1" * 2000, "9" * 5000, '"numpy-legacy"', '"source_target"', '"1-4"', '"5-1"', '"1-999999999"', '"0"'),
)
PATHS = (
    *("../secret.csv", "/etc/passwd", "/dev/zero", "data/../../secret.csv", "C:\\\\x.csv", "\\\\\\\\host\\\\x.csv"),
    *(
        "data",
        ".",
        "",
        "data/iris.csv",
        "link.csv",
        "fifo.csv",
        "nowhere.npz",
        "\\u0000.csv",
        "~/x.csv",
        "data//iris.csv",
    ),
    *("a" * 400 + ".csv", "x" * 300, "bomb.csv.gz", "bad.npz", "text.csv", "ragged.csv", "good.npz", "loop.csv"),
)
NOISE = (
    "[",
    "[[",
    "]",
    "]]",
    "{",
    "}",
    ",",
    "=",
    ".",
    '"',
    "'",
    '"""',
    "#",
    "\n",
    "\r",
    "\0",
    "\\",
    "é",
    "神",
    "\u202e",
)


def mutate(rng: random.Random, text: str, others: list[str]) -> bytes:
    """Return a text with one to four changes."""
    for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 4))):
        text = rng.choice(MUTATIONS)(rng, text, others)
    content = text.encode("utf-8", "replace")
    if rng.random() < 0.03 and content:
        at = rng.randrange(len(content))
        content = content[:at] + rng.randbytes(rng.randint(1, 6)) + content[at:]
    return content


def _token(rng: random.Random, text: str, others: list[str]) -> str:
    tokens = TOKEN.findall(text) or [""]
    at = rng.randrange(len(tokens))
    match rng.randrange(5):
        case 0:
            del tokens[at]
        case 1:
            tokens.insert(at, tokens[at])
        case 2:
            other = rng.randrange(len(tokens))
            tokens[at], tokens[other] = tokens[other], tokens[at]
        case 3:
            tokens[at] = rng.choice(TOKEN.findall(rng.choice(others)))
        case _:
            tokens[at] = rng.choice(VALUES)
    return "".join(tokens)


def _number(rng: random.Random, text: str, others: list[str]) -> str:
    del others
    found = list(NUMBER.finditer(text))
    if not found:
        return text
    match = rng.choice(found)
    return text[: match.start()] + rng.choice(VALUES) + text[match.end() :]


def _value(rng: random.Random, text: str, others: list[str]) -> str:
    del others
    lines = text.split("\n")
    at = rng.randrange(len(lines))
    key, equals, _rest = lines[at].partition("=")
    if equals:
        lines[at] = f"{key}= {rng.choice(VALUES)}"
    return "\n".join(lines)


def _lines(rng: random.Random, text: str, others: list[str]) -> str:
    lines = text.split("\n")
    at, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    match rng.randrange(5):
        case 0:
            del lines[at]
        case 1:
            lines.insert(other, lines[at])
        case 2:
            lines[at], lines[other] = lines[other], lines[at]
        case 3:
            lines.insert(at, rng.choice(rng.choice(others).split("\n")))
        case _:
            # Keys change places, values stay.
            one, two = lines[at].partition("="), lines[other].partition("=")
            if one[1] and two[1]:
                lines[at], lines[other] = f"{two[0]}={one[2]}", f"{one[0]}={two[2]}"
    return "\n".join(lines)


def _cut(rng: random.Random, text: str, others: list[str]) -> str:
    del others
    at = rng.randrange(len(text) + 1)
    return text[:at] if rng.random() < 0.5 else text[:at] + text[at + rng.randint(1, 80) :]


def _noise(rng: random.Random, text: str, others: list[str]) -> str:
    del others
    at = rng.randrange(len(text) + 1)
    noise = rng.choice(NOISE) * rng.choice((1, 1, 1, 2, 3, 40, 3000))
    return text[:at] + noise + text[at:]


def _path(rng: random.Random, text: str, others: list[str]) -> str:
    del others
    line = f'file = "{rng.choice(PATHS)}"'
    if re.search(r"^file = ", text, re.MULTILINE):
        return re.sub(r"^file = .*$", lambda _match: line, text, count=1, flags=re.MULTILINE)
    inline = re.sub(r"^(inputs|targets) = \[(?:.|\n)*?\]\n", "", text, flags=re.MULTILINE)
    return inline.replace("[data]", f'[data]\n{line}\ninput_columns = "1-2"\ntarget_columns = "3"', 1)


def _structure(rng: random.Random, text: str, others: list[str]) -> str:
    del others
    lines = text.split("\n")
    piece = rng.choice(
        (
            "[network]",
            "[[network.layers]]",
            "[[network.layers]]\nunits = 5",
            "[network.layers]",
            "[data.inputs]",
            "a" + ".a" * rng.choice((3, 100, 5000)) + " = 1",
            "x = " + "[" * rng.choice((3, 100, 5000)),
            "x = " + "{a=" * rng.choice((3, 100, 5000)),
            "[[expect]]\nvalue = 'E'",
            "units = 4000000",
            "units = 9000",
            "classes = 5000000",
            "batch_size = 1000000",
            "layers = []",
            "weights = [[1], [2, 3]]",
            "biases = 'x'",
            'numbering = [["w1", "w1"], ["E", "h1"]]',
            '"" = 1',
            "'é.é' = 1",
            "name = 'E'",
            "[network.init]\nkind = 'constant'\nvalue = 1e308",
        )
    )
    lines.insert(rng.randrange(len(lines) + 1), piece)
    return "\n".join(lines)


def _section(rng: random.Random, text: str, others: list[str]) -> str:
    """Takes out a table, or its header alone, or writes a table of another scenario in its place."""
    parts = re.split(r"(?m)^(?=\[)", text)
    at = rng.randrange(len(parts))
    match rng.randrange(3):
        case 0:
            del parts[at]
        case 1:
            parts[at] = parts[at].partition("\n")[2]
        case _:
            parts[at] = rng.choice(re.split(r"(?m)^(?=\[)", rng.choice(others)))
    return "".join(parts)


def _size(rng: random.Random, text: str, others: list[str]) -> str:
    """Gives the inputs another number, or other axes."""
    del others
    sizes = ("0", "1", "2", "5", "-1", "true", "4096", "10000000", "2147483648", "1" + "0" * 30)
    if rng.random() < 0.5:
        return re.sub(r"(?m)^inputs = \d+$", f"inputs = {rng.choice(sizes)}", text, count=1)
    line = f"input_shape = [{', '.join(rng.choices(sizes, k=rng.randrange(5)))}]"
    without = re.sub(r"(?m)^input_shape = .*$", "", text)
    return without.replace("[network]", f"[network]\n{line}", 1)


def _ragged(rng: random.Random, text: str, others: list[str]) -> str:
    """Takes an entry out of a list of numbers, or makes one a list."""
    del others
    found = list(re.finditer(r"[\d.]+(, )(?=[\d.]+)", text))
    if not found:
        return text
    match = rng.choice(found)
    one = rng.choice(("", f"[{match[0]}], ", '"x", '))
    return text[: match.start()] + one + text[match.end() :]


def _word(rng: random.Random, text: str, others: list[str]) -> str:
    """Puts a word that goes on and on, or what a terminal obeys, into a text or a comment."""
    del others
    word = rng.choice(("A" * 100_000, "0_" * 50_000, "\\u001b[31m", "\\u009b", "\u202e", "a.b" * 9000, "名" * 5000))
    found = list(re.finditer(r'"|#', text))
    at = rng.choice(found).end() if found else 0
    return text[:at] + word + text[at:]


MUTATIONS = (
    *(_token, _token, _number, _number, _value, _lines, _cut, _noise, _path, _structure, _structure),
    *(_section, _size, _size, _ragged, _word),
)


def prepare(home: Path) -> list[str]:
    """Copy the shipped scenarios and some bad company into a folder; return the texts to mutate."""
    if (home / "data").exists():
        return [path.read_text(encoding="utf-8") for path in sorted(folder().glob("*.toml"))]
    import gzip
    import os

    import numpy as np

    texts = []
    for path in sorted(folder().glob("*.toml")):
        texts.append(path.read_text(encoding="utf-8"))
    shutil.copytree(folder() / "data", home / "data")
    (home.parent / "secret.csv").write_text("1,2,3\n")
    (home / "link.csv").symlink_to(home.parent / "secret.csv")
    (home / "loop.csv").symlink_to(home / "loop.csv")
    os.mkfifo(home / "fifo.csv")
    (home / "text.csv").write_text("a,b,c\n1,2,x\n,,\n1_0,nan,inf\n")
    (home / "ragged.csv").write_text("1,2,3\n1,2\n1,2,3,4\n")
    (home / "bad.npz").write_bytes(b"PK\x03\x04 not a zip")
    with (home / "good.npz").open("wb") as stream:
        np.savez(stream, inputs=np.eye(2), targets=np.ones((2, 1)))
    with gzip.open(home / "bomb.csv.gz", "wb", compresslevel=1) as bomb:
        for _ in range(20):
            bomb.write(b"\0" * 2**20)
    return texts


class Scenarios:
    """Scenario files with one to four changes, read and stepped once."""

    def __init__(self, home: Path) -> None:
        self._file = home / "mutated.toml"
        self._texts = prepare(home)

    def made(self, seed: int) -> bytes:
        return mutate(random.Random(seed), self._texts[seed % len(self._texts)], self._texts)

    def run(self, content: bytes, beat: Beat) -> bool:
        del beat
        self._file.write_bytes(content)
        try:
            Session(load_scenario(self._file)).step()
        except ScenarioError as error:
            with settled_streams():
                complain(str(error), name=False)
            assert error.problems, "no problem is stated"
            assert all(problem.message and problem.path for problem in error.problems), "a problem says nothing"
            assert all(problem.line != 0 and problem.column != 0 for problem in error.problems), "a place counts from 0"
            assert all(len(line) <= LONGEST for line in str(error).split("\n")), "a message is endless"
            return False
        return True

    @staticmethod
    def file(content: bytes) -> tuple[str, bytes]:
        return ".toml", content


TARGET = Scenarios
