"""The characters a screen is drawn with: of a terminal that has them all, and plain ones."""

from __future__ import annotations

import re
from typing import NamedTuple

from rich.cells import cell_len


class Glyphs(NamedTuple):
    """The characters a screen is drawn with."""

    ascii: bool
    horizontal: str
    vertical: str
    corners: str
    tees: str
    ellipsis: str
    unknown: str
    arrow: str
    back: str
    crumb: str
    check: str
    bar: str
    track: str
    dot: str
    cursor: str
    left_target: str
    right_target: str
    left_operand: str
    right_operand: str
    levels: str
    up: str
    down: str
    overline: str
    edited: str
    target_cell: str
    operand_cell: str
    selected_cell: str
    wires: str
    live_wires: str
    digits: bool
    """Whether a cell of a picture has a digit for its shade, since colours do not tell it."""
    below: str
    """The digits of negative cells, from 0."""


UNICODE = Glyphs(
    ascii=False,
    horizontal="─",
    vertical="│",
    corners="┌┐└┘",
    tees="├┤┴┬",
    ellipsis="…",
    unknown="·",
    arrow="→",
    back="←",
    crumb="▸",
    check="✓",
    bar="█",
    track="░",
    dot="●",
    cursor="▸",
    left_target="▐",
    right_target="▌",
    left_operand="‹",
    right_operand="›",
    levels=" ▁▂▃▄▅▆▇█",
    up="↑",
    down="↓",
    overline="─",
    edited="≠",
    target_cell="◆",
    operand_cell="○",
    selected_cell="◈",
    wires=" │─└││┌├─┘─┴┐┤┬┼",
    live_wires=" ┃━┗┃┃┏┣━┛━┻┓┫┳╋",
    digits=False,
    below="₀₁₂₃₄₅₆₇₈₉",
)

COLOURLESS = UNICODE._replace(digits=True)

ASCII = Glyphs(
    ascii=True,
    horizontal="-",
    vertical="|",
    corners="++++",
    tees="++++",
    ellipsis="...",
    unknown=".",
    arrow="->",
    back="<-",
    crumb=">",
    check="ok",
    bar="#",
    track=".",
    dot="@",
    cursor=">",
    left_target="[",
    right_target="]",
    left_operand="<",
    right_operand=">",
    levels=" .:#",
    up="^",
    down="v",
    overline="-",
    edited="~",
    target_cell="@",
    operand_cell="o",
    selected_cell="&",
    wires=" |-+||++-+-+++++",
    live_wires=" #=#####=#=#####",
    digits=True,
    below="0abcdefghi",
)

_PLAIN = {
    "∂": "d", "δ": "delta", "Σ": "sum", "σ": "sigma", "η": "lr", "·": ".", "×": "x", "−": "-", "–": "-",
    "—": "-",
    "′": "'", "⁺": "+", "²": "^2", "½": "1/2", "√": "sqrt", "π": "pi", "α": "alpha", "ε": "eps", "Δ": "d",
    "μ": "mu", "γ": "gamma", "β": "beta", "\u0302": "hat", "λ": "lambda", "ρ": "rho", "τ": "tau", "κ": "kappa",
    "ψ": "psi", "Ω": "Omega", "ᵗ": "^t", "‖": "|", "₁": "1", "¼": "1/4", "±": "+-",
    "≤": "<=",
    "≥": ">=", "≠": "!=", "→": "->", "←": "<-", "↑": "^", "↓": "v", "▸": ">", "▾": "v", "◂": "<",
    "✓": "ok", "✗": "X", "…": "...",
    "─": "-", "≈": "~", "“": '"', "”": '"', "‘": "'", "’": "'", "│": "|", "‹": "<", "›": ">", "●": "@", "∞": "inf",
    "○": "o", "◆": "+", "∙": ".", "≡": "=", "Π": "prod", "§": "*",
}  # fmt: skip

_PLAIN_TABLE = str.maketrans(_PLAIN)

_TIMES = re.compile(r"(?<= )·(?= \S| $)")
"""A dot between two things multiplies; one alone stands for what is not computed yet."""

_SUBSCRIPT = re.compile("[₀-₉]+")
"""A number below the line: c₂ is called c.2 in plain characters."""


def _numbered(match: re.Match[str]) -> str:
    return "." + "".join(chr(ord(digit) - ord("₀") + ord("0")) for digit in match[0])


def plain(text: str) -> str:
    """The text without ambiguous-width characters: ASCII, but for scripts such as Chinese, always wide."""
    if text.isascii():
        return text
    text = _SUBSCRIPT.sub(_numbered, _TIMES.sub("*", text)).translate(_PLAIN_TABLE)
    if text.isascii():
        return text
    return "".join(c if c.isascii() or cell_len(c) == 2 else "?" for c in text)


_single = {chr(code) for code in range(32, 127)}
_other: set[str] = set()


def single(text: str) -> bool:
    """Whether every character of a text takes one cell, and can be shown.

    What was found of a character is kept: most texts have a minus sign or a Greek letter in them.
    """
    if _single.issuperset(text):
        return True
    for character in set(text) - _single - _other:
        alone = cell_len(character) == 1 and character.isprintable()
        (_single if alone else _other).add(character)
    return _single.issuperset(text)


def width(text: str) -> int:
    """The cells that a text takes."""
    return len(text) if text.isascii() or single(text) else cell_len(text)


def padded(text: str, cells: int) -> str:
    """The text with blanks up to a number of cells."""
    return text + " " * (cells - width(text))
