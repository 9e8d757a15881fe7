"""Draws the rooms of the code base from the import contracts: `python -m tests.house.rooms`.

The floors are the layers of the contracts in pyproject.toml; what a room is for is said by the docstrings of
``retrograde.engine`` and ``retrograde.tui``. Written are docs/rooms.svg and, in docs/architecture.md, the ladder of the
rooms and the table of turns; and the same in Chinese.
"""

from __future__ import annotations

import ast
import re
import textwrap
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from retrograde.engine.text import LANGUAGES, joined, language, lead, use
from retrograde.tui.cli.support.markdown import markdown_table, say_what_is_untold, told
from retrograde.tui.work.turns import diagram, markdown

ROOT = Path(__file__).parent.parent.parent
PICTURE = ROOT / "docs" / "rooms.svg"
PAGE = ROOT / "docs" / "architecture.md"
CHINESE = {PICTURE: ROOT / "docs" / "rooms.zh.svg", PAGE: ROOT / "docs" / "architecture.zh.md"}

_SIDES = {"retrograde.tui": ("tui", "The app"), "retrograde.engine": ("engine", "The engine")}
_WIDTH, _FLOOR, _GAP, _TOP, _EDGE = 470, 46, 10, 76, 24
_STYLE = """\
text { font-family: "DejaVu Sans", Verdana, sans-serif; font-size: 11px; fill: #445; }
.title { font-size: 17px; font-weight: bold; fill: #112; }
.name { font-size: 13px; font-weight: bold; fill: #112; }
.room { fill: #eef3fb; stroke: #5577aa; }
.closed { fill: #f6f1e8; stroke: #aa8855; stroke-dasharray: 5 3; }
.down { stroke: #99a; stroke-width: 1.5; marker-end: url(#head); }"""
_HEAD = """\
<defs>
<marker id="head" markerWidth="8" markerHeight="8" refX="6" refY="3" orient="auto">
<path d="M0,0 L6,3 L0,6 Z" fill="#99a"/>
</marker>
</defs>"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """The app or the engine.

    Attributes:
        title: what it is called.
        package: its package.
        floors: its rooms from the highest floor down; rooms of one floor know nothing of each other.
        purposes: what a room is for, of those that are packages.
        closed: the rooms that the app does not import.
    """

    title: str
    package: str
    floors: tuple[tuple[str, ...], ...]
    purposes: Mapping[str, str]
    closed: frozenset[str] = frozenset()


def sides(contracts: Sequence[Mapping[str, Any]]) -> Iterator[Side]:
    """The sides, from the contracts of the import linter."""
    layers = {
        contract["containers"][0]: tuple(tuple(floor.split(" | ")) for floor in contract["layers"])
        for contract in contracts
        if contract["type"] == "layers"
    }
    forbidden = {
        module
        for contract in contracts
        if contract["type"] == "forbidden" and contract["source_modules"] == ["retrograde.tui"]
        for module in contract["forbidden_modules"]
    }
    for package, (folder, title) in _SIDES.items():
        rooms = {room for floor in layers[package] for room in floor}
        yield Side(
            title=title,
            package=package,
            floors=layers[package],
            purposes=_purposes(ROOT / folder / "__init__.py"),
            closed=frozenset(room for room in rooms if f"{package}.{room}" in forbidden),
        )


def contracts() -> list[dict[str, Any]]:
    """The contracts of pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = project["tool"]["importlinter"]["contracts"]
    return found


def _purposes(file: Path) -> dict[str, str]:
    """The rooms in the docstring of a package, and what they are for."""
    docstring = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    return dict(re.findall(r"^    (\w+) {2,}(.+)$", docstring, flags=re.MULTILINE))


def picture(made: Sequence[Side]) -> str:
    """An SVG picture: a column a side, a row a floor."""
    height = _TOP + max(sum(_height(side, floor) + _GAP for floor in side.floors) for side in made) + 34
    width = len(made) * (_WIDTH + _EDGE) + _EDGE
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" lang="{language()}"',
        f' width="{width}" height="{height}" viewBox="0 0 {width} {height}">',
        f"<style>\n{_STYLE}\n</style>",
        _HEAD,
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
    ]
    across = _EDGE + _WIDTH + _EDGE
    lines.append(f'<line class="down" x1="{_EDGE + 84}" y1="27" x2="{across - 8}" y2="27"/>')
    for number, side in enumerate(made):
        lines += _column(side, _EDGE + number * (_WIDTH + _EDGE))
    note = told(
        "An arrow says: imports. Higher floors import lower ones, never the other way; dashed: not entered by the app."
    )
    lines += [f'<text x="{_EDGE}" y="{height - 14}">{note}</text>', "</svg>"]
    return "\n".join(lines) + "\n"


def _column(side: Side, left: int) -> Iterator[str]:
    yield f'<text class="title" x="{left}" y="32">{told(side.title)}</text>'
    yield f'<text x="{left}" y="52">{side.package}</text>'
    top = _TOP
    for floor in side.floors:
        if top > _TOP:
            middle = left + _WIDTH // 2
            yield f'<line class="down" x1="{middle}" y1="{top - _GAP}" x2="{middle}" y2="{top - 1}"/>'
        width, height = _width(floor), _height(side, floor)
        for place, room in enumerate(floor):
            yield from _box(side, room, left + place * (width + _GAP), top, (width, height))
        top += height + _GAP


def _width(floor: Sequence[str]) -> int:
    return (_WIDTH - _GAP * (len(floor) - 1)) // len(floor)


def _height(side: Side, floor: Sequence[str]) -> int:
    """As high as what its rooms are for takes."""
    return max(_FLOOR, 30 + 14 * max(len(_told(side, room, _width(floor))) for room in floor))


def _told(side: Side, room: str, width: int) -> list[str]:
    """What a room is for, in the lines of its box."""
    return _wrapped(told(side.purposes[room]), (width - 12) * 10 // 64)


def _box(side: Side, room: str, left: int, top: int, size: tuple[int, int]) -> Iterator[str]:
    width, height = size
    kind = "closed" if room in side.closed else "room"
    yield f'<rect class="{kind}" x="{left}" y="{top}" width="{width}" height="{height}" rx="5"/>'
    yield f'<text class="name" x="{left + 10}" y="{top + 18}">{room}</text>'
    for number, line in enumerate(_told(side, room, width)):
        yield f'<text x="{left + 10}" y="{top + 34 + 14 * number}">{escape(line)}</text>'


def _wrapped(text: str, width: int) -> list[str]:
    """Lines of a text; of Chinese, which breaks anywhere and is twice as wide, by halves."""
    if text.isascii():
        return textwrap.wrap(text, width)
    lines = [""]
    for part in re.findall(r"[!-~]+ ?|.[，。；：、）]?", text):
        if sum(1 + (ord(one) > 255) for one in lines[-1] + part) > width:
            lines.append("")
        lines[-1] += part
    return lines


def ladder(made: Sequence[Side]) -> str:
    """The rooms as Markdown, the highest floor first."""
    lines = []
    for side in made:
        lines += [lead(joined((f"**{told(side.title)}**", f"`{side.package}`"), ", ")).rstrip(), ""]
        rows = (
            (str(len(side.floors) - number), f"`{room}`", told(side.purposes[room]))
            for number, floor in enumerate(side.floors)
            for room in floor
        )
        lines += markdown_table(("floor", "room", "for"), rows)
    return "\n".join(lines)


def inserted(text: str, made: Sequence[Side]) -> str:
    """The page with what is generated between its markers."""
    turns = f"```mermaid\n{diagram(told)}```\n\n{markdown(told)}"
    for name, content in {"rooms": ladder(made), "turns": turns}.items():
        begin = f"<!-- {name}: written by `python -m tests.house.rooms` -->\n"
        before, found, rest = text.partition(begin)
        _, end, after = rest.partition(f"<!-- end of {name} -->\n")
        if not found or not end:
            message = f"no place for {name}"
            raise ValueError(message)
        text = f"{before}{begin}\n{content}\n{end}{after}"
    return text


def made(language: str) -> dict[Path, str]:
    """The picture and the page as they should be, by their files.

    Args:
        language: of both.
    """
    drawn, page = (CHINESE[file] if language == "zh" else file for file in (PICTURE, PAGE))
    now = list(sides(contracts()))
    use(language)
    try:
        return {drawn: picture(now), page: inserted(page.read_text(encoding="utf-8"), now)}
    finally:
        use("en")


if __name__ == "__main__":
    for chosen in LANGUAGES:
        for file, text in made(chosen).items():
            file.write_text(text, encoding="utf-8")
    say_what_is_untold()
