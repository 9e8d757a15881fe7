"""Numbers and words as people write them, and how TOML has them."""

from __future__ import annotations

import math
import re
import unicodedata

from retrograde.engine.synonyms import SYNONYMS, folded
from retrograde.engine.text import _

_DIGITS = r"[0-9]+(?:_[0-9]+)*"
_WORDS = {
    **dict.fromkeys(("True", "TRUE", "yes", "Yes", "on", "On"), "true"),
    **dict.fromkeys(("False", "FALSE", "no", "No", "off", "Off"), "false"),
    **dict.fromkeys(("NaN", "NAN", "Nan"), "nan"),
    **dict.fromkeys(("Inf", "INF", "Infinity", "infinity", "∞"), "inf"),
}
_NOTHING = {"None", "null", "nil", "NULL", "none", "undefined", "N/A"}
_LONGEST = 200
_MINUS = str.maketrans("−–×·", "--**")


def written_so(line: str, column: int) -> str:
    """The end of a message about a line that is not TOML, `; write 0.5`; empty where nothing comes to mind.

    Args:
        line: the line.
        column: where TOML stops to understand it, from 1.
    """
    line = line[:_LONGEST]
    if key := re.match(r"\s*([^\W\d][\w-]*)\s*(=|:(?!=)|[ \t](?=\s*[\d.+-]))(.*)", line):
        plain = key[1] if key[1].isascii() else next((row.name for row in SYNONYMS if folded(key[1]) in row.words), "")
        if plain and (not key[1].isascii() or key[2] != "=") and column <= key.end(2) + 1:
            return _write(f"{plain} = {key[3].strip()}")
    if spaced := re.search(r"=\s*([+-]?\d{1,3}(?: \d{3})+)\s*(?:#.*)?$", line):
        return _write(spaced[1].replace(" ", "_"))
    if spaced := re.search(r"=\s*([+-]?[\d.,]+) +%", line):
        return _hint(f"{spaced[1]}%", apart=True)
    for match in re.finditer(r"[^\s=\[\]{}#\"'][^\s=\[\]{}#\"']*", line):
        before = line[: match.start()].rstrip()
        # TOML stops at the start of what it does not know, or behind what it took for a value.
        if before.endswith(("=", "[", ",")) and match.start() < column <= match.end() + 1:
            if before.endswith("="):
                word = re.sub(r"(?<=[\d.])[,;]+$", "", match[0])
                return _hint(word, apart=True) or (
                    "" if word == match[0] or not _number(word, apart=True) else _write(word)
                )
            words = re.finditer(r"[^,]+", match[0])
            here = (one[0] for one in words if column <= match.start() + one.end() + 1)
            return _hint(next(here, ""), apart=False)
    return ""


def meant_number(value: object) -> str:
    """The end of a message about a text that stands where a number should; empty where it is none."""
    if not isinstance(value, str) or len(value) > 60:
        return ""
    word = value.strip()
    if re.fullmatch(rf"[+-]?{_DIGITS}(?:\.{_DIGITS})?(?:[eE][+-]?[0-9]+)?", word):
        return _("; write {number} without quotes").format(number=word)
    return _hint(word, apart=True, texts=False)


def _hint(word: str, *, apart: bool, texts: bool = True) -> str:
    """What TOML wants instead of a word; of one that stands apart, a comma is no separator."""
    if word in _WORDS:
        return _write(_WORDS[word])
    if word in _NOTHING:
        return _("; there is no such value in TOML: leave the key out")
    if len(word) == 1 and (one := unicodedata.numeric(word, None)) is not None and not word.isdecimal():
        return _write(repr(float(f"{one:.12g}")))
    number = _number(word.translate(_MINUS), apart=apart)
    if number and number != word:
        return _write(number)
    if texts and re.fullmatch(r"[^\W\d][\w-]*", word) and word not in {"true", "false", "nan", "inf"}:
        return _("; a text stands in quotes: {text}").format(text=f'"{word}"')
    return ""


def _write(word: str) -> str:
    return _("; write {word}").format(word=word)


def _number(word: str, *, apart: bool) -> str:
    """A number that is written as TOML does not, as TOML has it; empty where it is none."""
    if apart:
        if re.fullmatch(r"[+-]?[1-9]\d{0,2},\d{3}", word):
            return _("{thousands}, or {decimal} if the comma is a decimal one").format(
                thousands=word.replace(",", ""), decimal=word.replace(",", ".")
            )
        word = word.replace(",", "") if re.fullmatch(r"[+-]?[1-9]\d{0,2}(,\d{3}){2,}(\.\d+)?", word) else word
        word = re.sub(r"^([+-]?\d+),(\d+)", r"\1.\2", word)
    if match := re.fullmatch(r"([+-]?[\d.]+)%", word):
        return _decimal(match[1], 0.01)
    if match := re.fullmatch(r"([+-]?[\d.]+)/([\d.]+)", word):
        below = _float(match[2])
        return _decimal(match[1], 1 / below) if below else ""
    if match := re.fullmatch(r"([+-]?[\d.]+\*)?10(?:\^|\*\*)\(?([+-]?\d+)\)?", word):
        return f"{(match[1] or '1').rstrip('*')}e{int(match[2])}"
    if match := re.fullmatch(r"([+-]?)([\d_]*)(?:\.([\d_]*))?(?:[eE]([+-]?\d+))?", word):
        sign, whole, part, power = match.groups()
        whole, part = (re.sub(r"_+", "_", digits or "").strip("_") for digits in (whole, part))
        whole = whole.lstrip("0").lstrip("_") or "0"
        if match[2] or part:
            return sign + whole + (f".{part or '0'}" if match[3] is not None else "") + (f"e{power}" if power else "")
    return ""


def _float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _decimal(text: str, factor: float) -> str:
    """A product as TOML has it; empty where the text is no number."""
    value = _float(text) * factor
    return "" if math.isnan(value) else repr(float(f"{value:.12g}"))
