"""Where the keys and values of a TOML file stand.

`tomllib` gives no positions for a valid file. This reader walks the text of a file that `tomllib` has
accepted and notes the offset of every key and every value under its path, such as `("network", "layers", 0,
"units")`.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field

Path = tuple[str | int, ...]

_BLANK = re.compile(r"[ \t]*")
_BLANK_LINES = re.compile(r"(?:[ \t\n]+|#[^\n]*)*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_SCALAR = re.compile(r"\d{4}-\d\d-\d\d [0-9][^,\]}\s#]*|[^,\]}\s#]+")
_ESCAPE = re.compile(r'\\(?:([btnfr"\\])|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8}))')
_SHORT = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", '"': '"', "\\": "\\"}
_BASIC = re.compile(r'"((?:[^"\\\n]|\\.)*)"')
_LITERAL = re.compile(r"'([^'\n]*)'")
# A string of several lines may end in up to two quotes of its own before the closing three.
_LONG_BASIC = re.compile(r'"""(?:[^"\\]|\\.|"(?!""))*"{3,5}', re.DOTALL)
_LONG_LITERAL = re.compile(r"'''(?:[^']|'(?!''))*'{3,5}", re.DOTALL)


class LocateError(ValueError):
    """The text is not TOML that this reader understands; `tomllib` would have refused it."""


def line_and_column(text: str, offset: int) -> tuple[int, int]:
    """Return the line and the column, both from 1, of an offset in a text."""
    start = text.rfind("\n", 0, offset) + 1
    return text.count("\n", 0, offset) + 1, offset - start + 1


@dataclass(slots=True, eq=False)
class Positions:
    """The places of all keys and values of a TOML text.

    Attributes:
        text: the text, its lines ended by line feeds alone.
        keys: offset of the key (of an array's element: of the element) by path.
        values: offset of the value by path; of a table, its header.
    """

    text: str
    keys: dict[Path, int] = field(default_factory=dict)
    values: dict[Path, int] = field(default_factory=dict)
    _lines: list[int] = field(default_factory=list)

    def find(self, path: Path, *, key: bool = False) -> tuple[int, int] | None:
        """Return line and column of a value, or of its key; of what holds it if the file does not have it.

        Args:
            path: keys, and indices from 0.
            key: the place of the key instead of the value's.
        """
        while path:
            offset = (self.keys if key else self.values).get(path)
            if offset is not None:
                return self._place(offset)
            path, key = path[:-1], False
        return None

    def _place(self, offset: int) -> tuple[int, int]:
        if not self._lines:
            self._lines = [0, *(match.end() for match in re.finditer("\n", self.text))]
        line = bisect_right(self._lines, offset)
        return line, offset - self._lines[line - 1] + 1


def locate(text: str) -> Positions:
    """Return the places of all keys and values of a text that `tomllib` accepts.

    Raises:
        LocateError: the text is not TOML.
    """
    return _Reader(text.replace("\r\n", "\n")).read()


class _Reader:
    """One pass over the text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.found = Positions(text)
        self.lengths: dict[Path, int] = {}

    def read(self) -> Positions:
        table: Path = ()
        while True:
            self._skip(_BLANK_LINES)
            if self.at >= len(self.text):
                return self.found
            if self.text.startswith("[[", self.at):
                table = self._header(2)
            elif self.text.startswith("[", self.at):
                table = self._header(1)
            else:
                self._pair(table)

    def _fail(self) -> LocateError:
        line, column = line_and_column(self.text, self.at)
        return LocateError(f"not TOML at line {line}, column {column}")

    def _skip(self, blank: re.Pattern[str]) -> None:
        match = blank.match(self.text, self.at)
        if match is not None:
            self.at = match.end()

    def _expect(self, token: str) -> None:
        if not self.text.startswith(token, self.at):
            raise self._fail()
        self.at += len(token)

    def _note(self, path: Path, key: int, value: int) -> None:
        self.found.keys.setdefault(path, key)
        self.found.values.setdefault(path, value)

    def _header(self, brackets: int) -> Path:
        start = self.at
        self.at += brackets
        parts = self._key()
        self._expect("]" * brackets)
        path: Path = ()
        for number, (part, offset) in enumerate(parts):
            path = (*path, part)
            self._note(path, offset, start)
            last = number == len(parts) - 1
            if last and brackets == 2:
                self.lengths[path] = self.lengths.get(path, 0) + 1
            if path in self.lengths and (brackets == 2 or not last):
                path = (*path, self.lengths[path] - 1)
                self._note(path, start, start)
        return path

    def _pair(self, table: Path) -> None:
        parts = self._key()
        path = table
        for part, offset in parts:
            path = (*path, part)
            self._note(path, offset, offset)
        self._expect("=")
        self._skip(_BLANK)
        self.found.values[path] = self.at
        self._value(path)

    def _key(self) -> list[tuple[str, int]]:
        """Read a key with its dots, and the blanks around it."""
        parts = []
        while True:
            self._skip(_BLANK)
            parts.append((self._key_part(), self.at))
            self.at = self.end
            self._skip(_BLANK)
            if not self.text.startswith(".", self.at):
                return parts
            self.at += 1

    def _key_part(self) -> str:
        """Return the part of a key that begins here; where it ends is left in `end`."""
        if match := _BARE_KEY.match(self.text, self.at):
            self.end = match.end()
            return match.group()
        if match := _BASIC.match(self.text, self.at):
            self.end = match.end()
            return _ESCAPE.sub(_unescape, match.group(1))
        if match := _LITERAL.match(self.text, self.at):
            self.end = match.end()
            return match.group(1)
        raise self._fail()

    def _value(self, path: Path) -> None:
        first = self.text[self.at : self.at + 1]
        if first == "[":
            self._array(path)
        elif first == "{":
            self._inline_table(path)
        elif first == '"':
            self._match(_LONG_BASIC if self.text.startswith('"""', self.at) else _BASIC)
        elif first == "'":
            self._match(_LONG_LITERAL if self.text.startswith("'''", self.at) else _LITERAL)
        else:
            self._match(_SCALAR)

    def _match(self, pattern: re.Pattern[str]) -> None:
        match = pattern.match(self.text, self.at)
        if match is None:
            raise self._fail()
        self.at = match.end()

    def _array(self, path: Path) -> None:
        self.at += 1
        index = 0
        while True:
            self._skip(_BLANK_LINES)
            if self.text.startswith("]", self.at):
                self.at += 1
                return
            element = (*path, index)
            self._note(element, self.at, self.at)
            self._value(element)
            index += 1
            self._skip(_BLANK_LINES)
            if self.text.startswith(",", self.at):
                self.at += 1
            elif not self.text.startswith("]", self.at):
                raise self._fail()

    def _inline_table(self, path: Path) -> None:
        self.at += 1
        self._skip(_BLANK_LINES)
        if self.text.startswith("}", self.at):
            self.at += 1
            return
        while True:
            self._skip(_BLANK_LINES)
            self._pair(path)
            self._skip(_BLANK_LINES)
            if self.text.startswith(",", self.at):
                self.at += 1
                continue
            self._expect("}")
            return


def _unescape(match: re.Match[str]) -> str:
    short, four, eight = match.groups()
    return _SHORT[short] if short else chr(int(four or eight, 16))
