"""Places of keys and values: the locator finds exactly what tomllib reads, where it stands."""

from __future__ import annotations

import math
import tomllib
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from retrograde.engine.scenario.catalogue import folder
from retrograde.engine.scenario.locate import LocateError, Positions, locate
from tests.support.effort import examples


def paths(value: Any, path: tuple[str | int, ...] = ()) -> dict[tuple[str | int, ...], Any]:
    """Every path of what tomllib read, with its value."""
    found = {} if path == () else {path: value}
    if isinstance(value, dict):
        for key, inner in value.items():
            found |= paths(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            found |= paths(inner, (*path, index))
    return found


def check(text: str) -> None:
    """The locator knows the same paths as tomllib, and the text at each scalar's place reads as the scalar."""
    content = paths(tomllib.loads(text))
    found = locate(text)
    assert set(found.values) == set(content)
    assert set(found.keys) == set(content)
    for path, value in content.items():
        if isinstance(value, dict | list):
            continue
        rest = found.text[found.values[path] :]
        read = first_value(rest)
        assert read == value or (isinstance(value, float) and math.isnan(value) and math.isnan(read)), (path, rest[:40])
        key = path[-1]
        if isinstance(key, str):
            assert names(found.text[found.keys[path] :], key)


def first_value(rest: str) -> Any:
    """The value that a text begins with: the shortest beginning that reads as one and ends there."""
    for end in range(1, len(rest) + 1):
        if end < len(rest) and rest[end] not in ",]} \t\n#":
            continue
        try:
            read = tomllib.loads("x = " + rest[:end] + "\n")
        except tomllib.TOMLDecodeError:
            continue
        # A date may go on after a blank, and a triple quote begins with an empty string.
        longer = rest[:end].count("-") == 2 and rest[end : end + 1] == " " and rest[end + 1 : end + 2].isdigit()
        if set(read) == {"x"} and not longer:
            return read["x"]
    raise AssertionError(rest[:60])


def names(rest: str, key: str) -> bool:
    """Whether a text begins with a key of this name."""
    for end in range(1, min(len(rest), 200) + 1):
        try:
            if key in tomllib.loads(rest[:end] + " = 1"):
                return True
        except tomllib.TOMLDecodeError:
            continue
    return False


EXAMPLE = """\
# a comment with [brackets] = "and quotes"
title = { en = "a", zh.x = "b" }
a.b . "c d".'e' = 1
list = [ 1, 2.5,   # one
  [ true, "x]#" ],
  { k = "v", l = [ { m = 1979-05-27 07:32:00 } ] },
]
long = \"\"\"
first = "no key"
""second\"\"\"\"\"
plain = '''it's'''

[network]
inputs = 2
[[network.layers]]
units = 1
init = { kind = "x" }
[[network.layers]]
  units = 2
  [network.layers.deep]
  x = 1
  [[network.layers.deep.list]]
  y = 2
  [[network.layers.deep.list]]
  y = 3
[data]
"""


def place(found: Positions, *path: str | int, key: bool = False) -> tuple[int, int] | None:
    return found.find(path, key=key)


class TestPlaces:
    def test_example_agrees_with_tomllib(self) -> None:
        check(EXAMPLE)

    @pytest.mark.parametrize(
        ("path", "line", "column"),
        [
            (("title", "en"), 2, 16),
            (("title", "zh", "x"), 2, 28),
            (("a", "b", "c d", "e"), 3, 19),
            (("list",), 4, 8),
            (("list", 1), 4, 13),
            (("list", 2, 1), 5, 11),
            (("list", 3, "l", 0, "m"), 6, 26),
            (("long",), 8, 8),
            (("network", "layers", 0), 15, 1),
            (("network", "layers", 0, "init", "kind"), 17, 17),
            (("network", "layers", 1, "units"), 19, 11),
            (("network", "layers", 1, "deep", "list", 1, "y"), 25, 7),
            (("data",), 26, 1),
        ],
    )
    def test_values(self, path: tuple[str | int, ...], line: int, column: int) -> None:
        assert place(locate(EXAMPLE), *path) == (line, column)

    def test_keys(self) -> None:
        found = locate(EXAMPLE)
        assert place(found, "a", "b", "c d", "e", key=True) == (3, 13)
        assert place(found, "network", "layers", 1, "units", key=True) == (19, 3)
        assert place(found, "title", "zh", "x", key=True) == (2, 24)
        assert place(found, "network", "layers", 1, "deep", key=True) == (20, 19)

    def test_what_is_not_there_is_placed_at_what_holds_it(self) -> None:
        found = locate(EXAMPLE)
        assert place(found, "network", "layers", 1, "bias") == (18, 1)
        assert place(found, "network", "layers", 7, "bias") == (15, 1)
        assert place(found, "nothing", "at", "all") is None

    def test_windows_line_ends_count_once(self) -> None:
        assert place(locate(EXAMPLE.replace("\n", "\r\n")), "network", "layers", 1, "units") == (19, 11)

    def test_columns_count_characters(self) -> None:
        assert place(locate('k = ["神经", 1]'), "k", 1) == (1, 12)

    @pytest.mark.parametrize("path", sorted(folder().glob("*.toml")), ids=lambda path: path.stem)
    def test_shipped_files(self, path: Any) -> None:
        text = path.read_text(encoding="utf-8")
        assert set(locate(text).values) == set(paths(tomllib.loads(text)))


KEYS = st.one_of(
    st.from_regex(r"[A-Za-z0-9_-]{1,4}", fullmatch=True),
    st.sampled_from(['"a.b"', '"q\\"x"', "'l.i'", '""', '"\\u00e9"', '"é"', "1", "true"]),
)
SCALARS = st.one_of(
    st.integers(-(10**6), 10**6).map(str),
    st.sampled_from(
        ["1.5", "-0.0", "1e-3", "inf", "-nan", "true", "false", "0x1F", "1_000", "1979-05-27", "1979-05-27 07:32:00"]
    ),
    st.sampled_from(
        ['""', '"a # b"', '"]"', '"\\"],"', "''", "'\\'", '"""\na\n"""', '"""a""b"""""', "'''a'b''''", "'}'"]
    ),
    st.sampled_from(['"""\\\n   folded"""', "'''\n[x]\ny = 1'''", '"神"', "07:32:00.5"]),
)
GAPS = st.sampled_from(["", " ", "  ", "\t"])
BREAKS = st.sampled_from(["", " ", "\n", " # note, ] } \" '\n", "\n\n  "])


@st.composite
def values(draw: st.DrawFn, depth: int = 2) -> str:
    kind = draw(st.integers(0, 5)) if depth else 5
    if kind == 0:
        items = draw(st.lists(values(depth=depth - 1), max_size=4))
        gap = draw(BREAKS)
        comma = draw(st.sampled_from(["", ","])) if items else ""
        return f"[{gap}" + f"{gap},{gap}".join(items) + f"{gap}{comma}{gap}]"
    if kind == 1:
        pairs = draw(st.lists(st.tuples(dotted(), values(depth=depth - 1)), max_size=3))
        gap = draw(GAPS)
        return "{" + gap + ", ".join(f"{key}{gap}={gap}{value}" for key, value in pairs) + gap + "}"
    return draw(SCALARS)


def dotted() -> st.SearchStrategy[str]:
    return st.tuples(st.lists(KEYS, min_size=1, max_size=3), GAPS).map(
        lambda pair: f"{pair[1]}.{pair[1]}".join(pair[0])
    )


@st.composite
def documents(draw: st.DrawFn) -> str:
    lines = []
    for _ in range(draw(st.integers(0, 8))):
        indent = draw(GAPS)
        kind = draw(st.integers(0, 5))
        if kind == 0:
            lines.append(f"{indent}[{draw(GAPS)}{draw(dotted())}{draw(GAPS)}]")
        elif kind == 1:
            lines.append(f"{indent}[[{draw(dotted())}]]")
        elif kind == 2:
            lines.append(f"{indent}# [not] a = 'header")
        else:
            lines.append(f"{indent}{draw(dotted())}{draw(GAPS)}={draw(GAPS)}{draw(values())}{draw(GAPS)}")
    return "\n".join(lines) + draw(st.sampled_from(["", "\n", "\n# end"]))


@examples(300)
@given(documents())
def test_every_document_agrees_with_tomllib(text: str) -> None:
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        assume(False)
    check(text)


@examples(200)
@given(st.text(alphabet="[]{}=.,'\"#\\ \nab1-é", max_size=40))
def test_other_texts_end_in_places_or_in_one_error(text: str) -> None:
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        with suppress(LocateError):
            locate(text)
        return
    assert set(locate(text).values) == set(paths(content))
