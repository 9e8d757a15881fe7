"""How mathematics is written in a language of markup: MathML and LaTeX."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape

NEGATIVE = "⁻"
"""The minus of a negative number, which stands before it and not between two."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spelling:
    """How mathematics is written in one language of markup.

    Attributes:
        digits: a number without sign and exponent.
        word: a name: one letter as a variable, several as a word.
        small: what stands in an index.
        sign: an operator: ``·``, ``×``, ``−``, ``+``, ``=``, ``(``; and ``NEGATIVE``.
        row: pieces one after the other, as one piece.
        fraction: a numerator above a denominator.
        script: a piece with what stands below and above it on the right; either may be empty.
        fenced: a piece between two brackets.
        root: the square root.
        cases: values, each with its condition.
        matrix: rows of numbers between brackets.
        whole: a formula within text.
    """

    digits: Callable[[str], str]
    word: Callable[[str], str]
    small: Callable[[str], str]
    sign: Callable[[str], str]
    row: Callable[[Iterable[str]], str]
    fraction: Callable[[str, str], str]
    script: Callable[[str, str, str], str]
    fenced: Callable[[str, str, str], str]
    root: Callable[[str], str]
    cases: Callable[[Sequence[tuple[str, str]]], str]
    matrix: Callable[[Sequence[Sequence[str]]], str]
    whole: Callable[[str], str]


# -- MathML

_WITHIN = '<mo stretchy="false">{}</mo>'


def _element(tag: str, *inner: str) -> str:
    return f"<{tag}>{''.join(inner)}</{tag}>"


def _mathml_script(base: str, below: str, above: str) -> str:
    if below and above:
        return _element("msubsup", base, below, above)
    if below or above:
        return _element("msub" if below else "msup", base, below or above)
    return base


def _mathml_small(text: str) -> str:
    return _element("mn" if re.fullmatch(r"\d+", text) else "mtext", escape(text).replace(" ", "\u00a0"))


def _mathml_cases(rows: Sequence[tuple[str, str]]) -> str:
    table = "".join(_element("mtr", *(_element("mtd", cell) for cell in row)) for row in rows)
    return _element("mrow", "<mo>{</mo>", _element("mtable", table))


def _mathml_matrix(rows: Sequence[Sequence[str]]) -> str:
    table = "".join(_element("mtr", *(_element("mtd", cell) for cell in row)) for row in rows)
    return _element("mrow", "<mo>[</mo>", _element("mtable", table), "<mo>]</mo>")


def _mathml_sign(text: str) -> str:
    if text == "∂":
        return '<mi mathvariant="normal">∂</mi>'
    if text == NEGATIVE:
        return '<mo form="prefix">−</mo>'
    if text in {"+", "−", "=", "·", "×"}:
        # At the start of a line it stands between two all the same.
        return f'<mo form="infix">{text}</mo>'
    return _WITHIN.format(text) if text in "()[]|‖" else _element("mo", escape(text))


MATHML = Spelling(
    digits=lambda text: _element("mn", escape(text)),
    word=lambda text: _element("mi", escape(text)),
    small=_mathml_small,
    sign=_mathml_sign,
    row=lambda parts: _element("mrow", *parts),
    fraction=lambda above, below: _element("mfrac", above, below),
    script=_mathml_script,
    fenced=lambda inner, left, right: _element("mrow", _mathml_sign(left), inner, _mathml_sign(right)),
    root=lambda inner: _element("msqrt", inner),
    cases=_mathml_cases,
    matrix=_mathml_matrix,
    whole=lambda inner: f'<math xmlns="http://www.w3.org/1998/Math/MathML">{inner}</math>',
)
"""MathML Core, as browsers show it without any help."""


# -- LaTeX

_GREEK = {
    "αβγδεζηθικλμ": "alpha beta gamma delta varepsilon zeta eta theta iota kappa lambda mu",
    "νξπρστυφχψω": "nu xi pi rho sigma tau upsilon varphi chi psi omega",
    "ΓΔΘΛΞΠΣΦΨΩ": "Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega",
}

_LETTERS = {
    **{letter: f"\\{name}" for row, names in _GREEK.items() for letter, name in zip(row, names.split(), strict=True)},
    "∂": r"\partial",
    "∞": r"\infty",
    "′": "'",
    "·": r"\cdot",
    "×": r"\times",
    "−": "-",
    "≤": r"\le",
    "≥": r"\ge",
    "≠": r"\ne",
    "‖": r"\|",
    "√": r"\surd",
    "∘": r"\circ",
    "⊙": r"\odot",
    "→": r"\to",
    "~": r"\sim",
    **{letter: f"^{{{digit}}}" for letter, digit in zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻", "0123456789+-", strict=True)},
    **{letter: f"_{{{digit}}}" for letter, digit in zip("₀₁₂₃₄₅₆₇₈₉", "0123456789", strict=True)},
}

_ESCAPED = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{sign: "\\" + sign for sign in "&%$#_{}"},
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "`": r"\textasciigrave{}",
    "'": "'",
    "\n": " ",
}


def latex_text(text: str) -> str:
    """A text for people as LaTeX: what it would obey is escaped, and mathematical letters stand in formulas."""
    found: list[str] = []
    for letter in text:
        if letter in _ESCAPED:
            found.append(_ESCAPED[letter])
        elif letter in _LETTERS:
            found.append(rf"\ensuremath{{{_LETTERS[letter]}}}")
        elif not unicodedata.category(letter).startswith("C"):
            found.append(letter)
    return "".join(found)


def _latex_letters(text: str) -> str:
    """Letters within a formula, with Greek ones and hats by their commands."""
    found: list[str] = []
    for letter in unicodedata.normalize("NFD", text):
        if letter == "\u0302" and found:
            found[-1] = rf"\hat{{{found[-1]}}}"
        elif letter in _LETTERS:
            found.append(_LETTERS[letter] + (" " if _LETTERS[letter].startswith("\\") else ""))
        elif letter.isascii() and letter.isalnum():
            found.append(letter)
        else:
            found.append(rf"\text{{{latex_text(letter)}}}")
    return "".join(found)


def _latex_word(text: str) -> str:
    plain = [letter for letter in unicodedata.normalize("NFD", text) if letter not in "\u0302′"]
    found = _latex_letters(text)
    # Upright Greek letters are in no font.
    return found if len(plain) <= 1 or any(letter in _LETTERS for letter in plain) else rf"\mathrm{{{found}}}"


def _latex_small(text: str) -> str:
    return text if re.fullmatch(r"[\d+]+", text) else rf"\text{{{latex_text(text)}}}"


def _latex_script(base: str, below: str, above: str) -> str:
    under = f"_{{{below}}}" if below else ""
    over = f"^{{{above}}}" if above else ""
    return f"{{{base}}}{under}{over}" if under or over else base


def _latex_sign(text: str) -> str:
    return "-" if text == NEGATIVE else f" {_LETTERS.get(text, text)} "


def _latex_fenced(inner: str, left: str, right: str) -> str:
    # \left and \right keep a line from ending between them.
    tall = r"\frac" in inner or r"\sqrt" in inner
    edges = [_LETTERS.get(sign, sign) for sign in (left, right)]
    if tall and _width(inner) > WIDEST:
        return rf"\biggl{edges[0]} {inner} \biggr{edges[1]}"
    return rf"\left{edges[0]} {inner} \right{edges[1]}" if tall else f"{edges[0]}{inner}{edges[1]}"


WIDEST = 70
"""Characters in a row that a line of a page holds; what is wider has to let a line end within."""


_SILENT = "text|mathrm|frac|left|right|biggl|biggr|Big"


def _width(text: str) -> int:
    """About how many characters stand side by side in a formula."""
    plain = re.sub(rf"\\(?!(?:{_SILENT})\b)[a-zA-Z]+", "x", text)
    return len(re.sub(rf"\\(?:{_SILENT})\b|[{{}}_^\s]", "", plain))


def _latex_fraction(above: str, below: str) -> str:
    """A fraction; where no line holds it, with a slash."""
    if max(map(_width, (above, below))) <= WIDEST:
        return rf"\frac{{{above}}}{{{below}}}"
    over, under = (
        rf"\biggl( {part} \biggr)" if " " in part.strip() or part.startswith("-") else part for part in (above, below)
    )
    return rf"{over} \Big/ {under}"


def _latex_matrix(rows: Sequence[Sequence[str]]) -> str:
    # The environments of matrices have ten columns at most, unless they are told.
    columns = "r" * max(map(len, rows), default=1)
    return (
        rf"\left[\begin{{array}}{{{columns}}}" + r" \\ ".join(" & ".join(row) for row in rows) + r"\end{array}\right]"
    )


LATEX = Spelling(
    digits=lambda text: text,
    word=_latex_word,
    small=_latex_small,
    sign=_latex_sign,
    row="".join,
    fraction=_latex_fraction,
    script=_latex_script,
    fenced=_latex_fenced,
    root=lambda inner: rf"\sqrt{{{inner}}}",
    cases=lambda rows: r"\begin{cases}" + r" \\ ".join(" & ".join(row) for row in rows) + r"\end{cases}",
    matrix=_latex_matrix,
    whole=lambda inner: f"${inner.strip()}$",
)
"""LaTeX with amsmath, which MathJax and KaTeX read too."""
