"""How the inks look: their colours in the dark and in the light theme."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from rich.color import Color
from rich.style import Style
from textual.theme import Theme

from retrograde.tui.canvas.glyphs import ASCII, COLOURLESS, UNICODE, Glyphs
from retrograde.tui.canvas.inks import (
    CLASS_STEPS,
    GREY,
    HEAT_NEGATIVE,
    HEAT_POSITIVE,
    LEVELS,
    MARKED,
    PAIR,
    POINT,
    SELECTED,
    SHADES,
    STEPS,
    Ink,
)


class _Colours(NamedTuple):
    paper: str
    surface: str
    text: str
    strong: str
    dim: str
    faint: str
    frame: str
    frame_on: str
    positive: str
    negative: str
    target: str
    on_target: str
    operand: str
    changed: str
    good: str
    bad: str
    accent: str
    edge_positive: str
    edge_negative: str
    brand: str
    selected: str
    track: str


_DARK = _Colours(
    paper="#10141b",
    surface="#171d27",
    text="#c9d3e0",
    strong="#f3f6fb",
    dim="#93a1b5",
    faint="#5a6779",
    frame="#364354",
    frame_on="#7aa2f7",
    positive="#6cb8ff",
    negative="#ffa066",
    target="#ffd666",
    on_target="#1b1605",
    operand="#73daca",
    changed="#e0af68",
    good="#9ece6a",
    bad="#ff7a93",
    accent="#c3a6ff",
    edge_positive="#36597a",
    edge_negative="#7a5138",
    brand="#7aa2f7",
    selected="#26344a",
    track="#2a3442",
)

_LIGHT = _Colours(
    paper="#fcfbf8",
    surface="#f1efe9",
    text="#2b3440",
    strong="#0b1118",
    dim="#596675",
    faint="#939ca6",
    frame="#c3c7c9",
    frame_on="#2f5fd0",
    positive="#0a5fc2",
    negative="#b54708",
    target="#ffd34d",
    on_target="#241c00",
    operand="#00776a",
    changed="#8a5a00",
    good="#2c7a16",
    bad="#c01543",
    accent="#6f3fb0",
    edge_positive="#9dbfe3",
    edge_negative="#e3bd9d",
    brand="#2f5fd0",
    selected="#dfe7f6",
    track="#dcdad3",
)


def _mix(first: str, second: str, share: float) -> str:
    parts = zip(bytes.fromhex(first[1:]), bytes.fromhex(second[1:]), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in parts)


def _styles(c: _Colours) -> dict[int, Style]:
    def style(colour: str, *, bold: bool = False, paper: str = c.paper, underline: bool = False) -> Style:
        return Style.from_color(Color.parse(colour), Color.parse(paper)) + Style(
            bold=bold or None, underline=underline or None
        )

    styles: dict[int, Style] = {
        Ink.TEXT: style(c.text),
        Ink.STRONG: style(c.strong, bold=True),
        Ink.DIM: style(c.dim),
        Ink.FAINT: style(c.faint),
        Ink.FRAME: style(c.frame),
        Ink.FRAME_ON: style(c.frame_on),
        Ink.TITLE: style(c.dim),
        Ink.TITLE_ON: style(c.frame_on, bold=True),
        Ink.POSITIVE: style(c.positive),
        Ink.NEGATIVE: style(c.negative),
        Ink.TARGET: style(c.on_target, bold=True, paper=c.target),
        Ink.OPERAND: style(c.operand, bold=True),
        Ink.CHANGED: style(c.changed, bold=True),
        Ink.GOOD: style(c.good),
        Ink.BAD: style(c.bad, bold=True),
        Ink.ACCENT: style(c.accent),
        Ink.EDGE_POSITIVE: style(c.edge_positive),
        Ink.EDGE_NEGATIVE: style(c.edge_negative),
        Ink.KEY: style(c.frame_on, bold=True),
        Ink.BRAND: style(c.brand, bold=True),
        Ink.MATCH: style(c.on_target, paper=c.changed),
        Ink.TRACK: style(c.track),
        Ink.DONE: style(c.frame_on),
    }
    for level in range(17):
        colour = _mix(c.surface, c.strong, level / 16)
        styles[GREY + level] = style(colour, paper=colour if level else c.surface)
        styles[MARKED + level] = style(c.paper if level > 8 else c.strong, bold=True, paper=colour)
    for level in range(LEVELS + 1):
        share = level / LEVELS
        styles[HEAT_POSITIVE + level] = style(c.strong, paper=_mix(c.surface, c.positive, 0.85 * share))
        styles[HEAT_NEGATIVE + level] = style(c.strong, paper=_mix(c.surface, c.negative, 0.85 * share))
    return styles


def _shades(c: _Colours) -> list[str]:
    """The colours of fields, in the order of their shades."""
    steps = [level / (STEPS - 1) for level in range(STEPS)]
    found = [_mix(c.surface, colour, 0.9 * step) for colour in (c.positive, c.negative, c.accent) for step in steps]
    classes = (c.positive, c.negative, c.good, c.accent, c.target, c.operand, c.bad, c.dim)
    for colour in classes:
        found += [_mix(c.surface, colour, 0.15 + 0.7 * level / (CLASS_STEPS - 1)) for level in range(CLASS_STEPS)]
    return [*found, c.strong, c.paper, c.target, c.bad, c.positive, c.negative, c.surface]


class Palette:
    """The styles of the inks in one theme."""

    __slots__ = ("_colours", "_selected", "_shades", "_styles")

    def __init__(self, colours: _Colours) -> None:
        self._colours = colours
        self._styles = _styles(colours)
        self._shades = _shades(colours)
        self._selected = Style(bgcolor=colours.selected)

    def style(self, ink: int) -> Style:
        """The style of an ink, with the selection's background if its flag is set."""
        try:
            return self._styles[ink]
        except KeyError:
            if ink >= PAIR:
                made = self._styles[ink] = self._of_field(ink)
                return made
            base = self._styles[ink & (SELECTED - 1)]
            made = base if ink & (SELECTED - 1) in (Ink.TARGET, Ink.MATCH) else base + self._selected
            self._styles[ink] = made
            return made

    def _of_field(self, ink: int) -> Style:
        """The style of a cell of a field, or of a character on one."""
        first, second = divmod(ink - (POINT if ink >= POINT else PAIR), SHADES)
        style = Style.from_color(Color.parse(self._shades[first]), Color.parse(self._shades[second]))
        return style + Style(bold=True) if ink >= POINT else style


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """A palette and a set of glyphs."""

    palette: Palette
    glyphs: Glyphs
    dark: bool


@cache
def look(*, dark: bool = True, ascii_only: bool = False, colourless: bool = False) -> Look:
    """The look of a theme; the same object each time, so that caches can go by identity."""
    glyphs = ASCII if ascii_only else COLOURLESS if colourless else UNICODE
    return Look(Palette(_DARK if dark else _LIGHT), glyphs, dark)


def _theme(name: str, c: _Colours, *, dark: bool) -> Theme:
    return Theme(
        name=name,
        primary=c.frame_on,
        secondary=c.accent,
        warning=c.changed,
        error=c.bad,
        success=c.good,
        accent=c.operand,
        foreground=c.text,
        background=c.paper,
        surface=c.surface,
        panel=c.surface,
        dark=dark,
    )


DARK, LIGHT = "retrograde-dark", "retrograde-light"


def themes() -> tuple[Theme, Theme]:
    """The two themes of the app, for its stylesheet and its modal screens."""
    return _theme(DARK, _DARK, dark=True), _theme(LIGHT, _LIGHT, dark=False)
