"""How the inks look: their colours in the dark and in the light theme, or those of the terminal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import NamedTuple, Protocol

from rich.color import Color
from rich.style import Style
from textual.theme import BUILTIN_THEMES, Theme

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
    Solid,
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
    dim="#9daabc",
    faint="#8794a6",
    frame="#52667f",
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
    edge_positive="#3e678d",
    edge_negative="#875a3e",
    brand="#7aa2f7",
    selected="#1f2b3e",
    track="#526580",
)

_LIGHT = _Colours(
    paper="#fcfbf8",
    surface="#f1efe9",
    text="#2b3440",
    strong="#0b1118",
    dim="#4e5967",
    faint="#606a75",
    frame="#899194",
    frame_on="#2f5fd0",
    positive="#0a5fc2",
    negative="#b44708",
    target="#ffd34d",
    on_target="#241c00",
    operand="#00776a",
    changed="#8a5a00",
    good="#2b7816",
    bad="#c01543",
    accent="#6f3fb0",
    edge_positive="#5a93d0",
    edge_negative="#c87e40",
    brand="#2f5fd0",
    selected="#e6ecf8",
    track="#958f7a",
)


def _mix(first: str, second: str, share: float) -> str:
    parts = zip(bytes.fromhex(first[1:]), bytes.fromhex(second[1:]), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in parts)


def luminance(colour: str) -> float:
    """How light a colour is, 0 to 1 (WCAG 2.2, relative luminance)."""
    parts = (part / 255 for part in bytes.fromhex(colour[1:]))
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(first: str, second: str) -> float:
    """How much two colours differ, 1 to 21 (WCAG 2.2, contrast ratio)."""
    dark, light = sorted((luminance(first), luminance(second)))
    return (light + 0.05) / (dark + 0.05)


def _written_on(paper: str) -> str:
    """Black or white, whichever can be read on a colour."""
    return max("#000000", "#ffffff", key=lambda colour: contrast(colour, paper))


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
        Ink.MATCH: style(_written_on(c.changed), paper=c.changed),
        Ink.TRACK: style(c.track),
        Ink.DONE: style(c.frame_on),
    }
    for level in range(17):
        colour = _mix(c.surface, c.strong, level / 16)
        styles[GREY + level] = style(colour, paper=colour if level else c.surface)
        styles[MARKED + level] = style(_written_on(colour), bold=True, paper=colour)
    for level in range(LEVELS + 1):
        share = level / LEVELS
        for first, colour in ((HEAT_POSITIVE, c.positive), (HEAT_NEGATIVE, c.negative)):
            paper = _mix(c.surface, colour, 0.85 * share)
            styles[first + level] = style(_written_on(paper), paper=paper)
    return styles


def _shades(c: _Colours) -> list[str]:
    """The colours of fields, in the order of their shades."""
    steps = [level / (STEPS - 1) for level in range(STEPS)]
    found = [_mix(c.surface, colour, 0.9 * step) for colour in (c.positive, c.negative, c.accent) for step in steps]
    classes = (c.positive, c.negative, c.good, c.accent, c.target, c.operand, c.bad, c.dim)
    for colour in classes:
        found += [_mix(c.surface, colour, 0.15 + 0.7 * level / (CLASS_STEPS - 1)) for level in range(CLASS_STEPS)]
    return [*found, c.strong, c.paper, c.target, c.bad, c.positive, c.negative, c.surface]


class Painting(Protocol):
    """What gives an ink its style.

    Attributes:
        exact: whether every style says its colours by their parts, so that none is left to the terminal.
    """

    exact: bool

    def style(self, ink: int) -> Style:
        """The style of an ink, with the selection's background if its flag is set."""
        ...


_TERMINAL: dict[int, Style] = {
    Ink.STRONG: Style(bold=True),
    Ink.FRAME_ON: Style(color="blue", bold=True),
    Ink.TITLE_ON: Style(color="blue", bold=True),
    Ink.POSITIVE: Style(color="blue"),
    Ink.NEGATIVE: Style(color="red"),
    Ink.TARGET: Style(bold=True, reverse=True),
    Ink.OPERAND: Style(color="cyan", bold=True),
    Ink.CHANGED: Style(color="magenta", bold=True),
    Ink.GOOD: Style(color="green"),
    Ink.BAD: Style(color="red", bold=True),
    Ink.ACCENT: Style(color="magenta"),
    Ink.EDGE_POSITIVE: Style(color="blue"),
    Ink.EDGE_NEGATIVE: Style(color="red"),
    Ink.KEY: Style(color="blue", bold=True),
    Ink.BRAND: Style(color="blue", bold=True),
    Ink.MATCH: Style(underline=True, bold=True),
    Ink.DONE: Style(color="blue"),
}
"""Inks in colours of the terminal; others are as the terminal writes. Nothing is said of any background."""


class TerminalPalette:
    """The styles of the inks in the terminal's own colours, whatever its background is."""

    exact = False

    def style(self, ink: int) -> Style:
        """The style of an ink; what is selected is written the other way round, in no colour."""
        if ink < PAIR and ink & SELECTED:
            return _TERMINAL[Ink.TARGET] if ink & (SELECTED - 1) == Ink.TARGET else _SELECTED
        if ink >= POINT:
            return _TERMINAL[Ink.BAD if (ink - POINT) // SHADES == Solid.BAD else Ink.STRONG]
        if ink >= PAIR:
            shade = (ink - PAIR) % SHADES
            return _TERMINAL[Ink.POSITIVE if shade < STEPS else Ink.NEGATIVE] if shade < 2 * STEPS else _PLAIN
        if HEAT_POSITIVE <= ink < HEAT_NEGATIVE:
            return _TERMINAL[Ink.POSITIVE]
        if HEAT_NEGATIVE <= ink < MARKED:
            return _TERMINAL[Ink.NEGATIVE]
        return _TERMINAL.get(ink, _PLAIN)


_SELECTED, _PLAIN = Style(reverse=True), Style()


class Palette:
    """The styles of the inks in one theme."""

    __slots__ = ("_colours", "_selected", "_shades", "_styles")
    exact = True

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
        if ink >= POINT and first == Solid.BAD:
            # Red on another colour is not seen: it is the ground.
            first, second = Solid.STRONG, first
        field = self._shades[second]
        written = _written_on(field) if first == Solid.STRONG else self._shades[first]
        style = Style.from_color(Color.parse(written), Color.parse(field))
        return style + Style(bold=True) if ink >= POINT else style


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """A palette and a set of glyphs."""

    palette: Painting
    glyphs: Glyphs
    name: str


@cache
def look(name: str = "dark", *, ascii_only: bool = False, colourless: bool = False) -> Look:
    """The look of a theme; the same object each time, so that caches can go by identity.

    Args:
        name: one of ``THEME_NAMES``.
        ascii_only: whether to draw with plain characters.
        colourless: whether there are no colours.
    """
    # Shades of a picture are the terminal's business; there they are characters.
    colourless = colourless or name == "terminal"
    glyphs = ASCII if ascii_only else COLOURLESS if colourless else UNICODE
    palettes: dict[str, Callable[[], Painting]] = {
        "dark": lambda: Palette(_DARK),
        "light": lambda: Palette(_LIGHT),
        "terminal": TerminalPalette,
    }
    return Look(palettes[name](), glyphs, name)


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
        # What Textual mixes itself is too faint to be read.
        variables={
            "text-disabled": c.dim,
            "input-selection-background": f"{c.frame_on} 25%",
            "block-cursor-blurred-background": f"{c.frame_on} 20%",
        },
    )


THEME_NAMES = ("dark", "light", "terminal")
"""The themes, in the order in which the key goes through them."""


def theme_called(name: str) -> str:
    """What Textual knows a theme by.

    Args:
        name: one of ``THEME_NAMES``.
    """
    return f"retrograde-{name}"


def themes() -> tuple[Theme, ...]:
    """The themes of the app, for its stylesheet and its modal screens."""
    return (
        _theme(theme_called("dark"), _DARK, dark=True),
        _theme(theme_called("light"), _LIGHT, dark=False),
        replace(BUILTIN_THEMES["ansi-dark"], name=theme_called("terminal")),
    )
