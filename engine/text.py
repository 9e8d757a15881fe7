"""Text for people: looked up in the catalogue of the chosen language, English where there is none.

The catalogues are `locale/<language>/LC_MESSAGES/retrograde.mo` beside this file. Nothing is read before
`use` is called, so importing this module costs next to nothing.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from gettext import NullTranslations

DOMAIN = "retrograde"
CATALOGUES = Path(__file__).parent / "locale"
LANGUAGES = ("en", "zh")

# Comparing takes the product of the lengths of two words.
_LONGEST = 60

_BETWEEN = {"zh": {" ": "", ", ": "，", "; ": "；", ": ": "：", ". ": "。"}}
"""The marks between texts where they are others than in English: of full width, they bring their own room."""

_OBEYED = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
"""What a terminal obeys instead of showing it, what turns the direction of the text around it, and half characters."""
_RUN = re.compile(r"[^\s,;:，；：、。]{200,}")
_LONGEST_RUN, _LONGEST_MESSAGE = 160, 1000
_MOST_DIGITS = 1000


class _Chosen:
    """The language in use; one for the process, because a screen and its engine speak one language."""

    __slots__ = ("catalogue", "language")

    def __init__(self) -> None:
        self.language = "en"
        self.catalogue: NullTranslations | None = None


_chosen = _Chosen()


def use(language: str | None = None) -> str:
    """Choose the language of every text that follows.

    Args:
        language: A language such as `zh` or a locale such as `zh_CN.UTF-8`; None reads the environment
            (`LANGUAGE`, `LC_ALL`, `LC_MESSAGES`, `LANG`, the first that is set).

    Returns:
        The language that is used: English for one that is not known.
    """
    wanted = _from_environment() if language is None else [language]
    code = next((known for name in wanted if (known := _known(name)) is not None), "en")
    _chosen.language = code
    _chosen.catalogue = None
    if code != "en" and CATALOGUES.is_dir():
        from gettext import translation

        _chosen.catalogue = translation(DOMAIN, CATALOGUES, languages=[code], fallback=True)
    return code


def language() -> str:
    """The language in use, one of `LANGUAGES`; scenarios carry their own texts in each of them."""
    return _chosen.language


def _(message: str) -> str:
    """The message in the language in use; placeholders are filled in afterwards with `.format`."""
    catalogue = _chosen.catalogue
    # The empty message of a catalogue is its header.
    return catalogue.gettext(message) if catalogue is not None and message else message


def N_(message: str) -> str:
    """The message as it is: a table holds it, and `_` looks it up where it is shown."""
    return message


def ngettext(one: str, many: str, count: int) -> str:
    """The form of the message that fits the count, in the language in use."""
    catalogue = _chosen.catalogue
    if catalogue is not None:
        return catalogue.ngettext(one, many, count)
    return one if count == 1 else many


def per_cent(share: float, digits: int = 0) -> str:
    """A share in a sentence."""
    return f"{100 * share:.{digits}f} %"


def joined(parts: Iterable[str], between: str = " ") -> str:
    """Texts for people, one after the other, with the punctuation of the language in use; empty ones are left out.

    Args:
        parts: the texts.
        between: what stands between them in English: a blank between sentences, or a mark with a blank after it.
    """
    return _BETWEEN.get(_chosen.language, {}).get(between, between).join(part for part in parts if part)


def ended(text: str) -> str:
    """A text for people with the full stop of the language in use."""
    return text + _BETWEEN.get(_chosen.language, {}).get(". ", ". ").rstrip()


def lead(word: str) -> str:
    """A word with the colon of the language in use, ready for what it is about; a wide colon brings its own room."""
    return joined((word, "."), ": ")[:-1]


def nearest(word: str, known: Iterable[str], *, most: int = 1, likeness: float = 0.6) -> list[str]:
    """The known words that a wrong one may have been meant for, the most similar first.

    What it is a synonym of is what was meant; only where it is none are similar words named.

    Args:
        word: what was written; of a long text, its beginning counts.
        known: the words that there are.
        most: how many are named.
        likeness: how similar they are at least, from 0 to 1.
    """
    from difflib import get_close_matches

    from retrograde.engine.synonyms import folded, meanings, strange

    names = list(known)
    meant = [row.name for row in meanings(word, names)]
    if not meant and strange(word):
        return []
    short = word[:_LONGEST]
    near = get_close_matches(short, names, n=most, cutoff=likeness)
    if not near and short != short.casefold():
        # A typing slip in a word that is written in capitals.
        spelled = {folded(name): name for name in reversed(names)}
        near = [spelled[key] for key in get_close_matches(folded(short), spelled, n=most, cutoff=likeness)]
    return list(dict.fromkeys(meant or near))[:most]


def suggest(word: str, known: Iterable[str], *, most: int = 1, likeness: float = 0.6, between: str = ", ") -> str:
    """The end of a message about a wrong word, `; did you mean race?`; empty where nothing is similar.

    Args:
        word: what was written.
        known: the words that there are.
        most: how many are named.
        likeness: how similar they are at least, from 0 to 1.
        between: what stands between several.
    """
    from retrograde.engine.synonyms import meanings

    names = list(known)
    near = nearest(word, names, most=most, likeness=likeness)
    if not near:
        return ""
    notes = [_(row.note) for row in meanings(word, names) if row.note and row.name in near]
    message = _("; did you mean {names}?").format(names=between.join(near))
    return message + (f" ({notes[0]})" if notes else "")


def visible(text: str, *, lines: bool = False) -> str:
    r"""A text as a terminal may have it: what it would obey is written as an escape of JSON, such as `\u001b`.

    Args:
        text: the text.
        lines: whether line ends and tabs stay as they are.
    """

    def escape(match: re.Match[str]) -> str:
        if lines and match[0] in "\n\t":
            return match[0]
        units = match[0].encode("utf-16-be", "surrogatepass").hex()
        return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))

    return _OBEYED.sub(escape, text)


def brief(text: str) -> str:
    """A message on one visible line, without most of a word that somebody wrote without an end."""
    text = _RUN.sub(lambda match: match[0][:_LONGEST_RUN] + "…", visible(text))
    return text if len(text) <= _LONGEST_MESSAGE else text[: _LONGEST_MESSAGE - 1] + "…"


def whole_number(word: str, *, grouped: bool = False) -> int | None:
    """The whole number from 0 that a word is; None of others, and of one that is longer than any that is meant.

    Args:
        word: the word.
        grouped: whether it may have commas between its digits, as 1,000.
    """
    digits = word.replace(",", "") if grouped else word
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= _MOST_DIGITS else None


def _from_environment() -> list[str]:
    """The languages that the environment asks for, the most wanted first."""
    for variable in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        if value := os.environ.get(variable):
            return value.split(":")
    return []


def _known(name: str) -> str | None:
    """The language of a locale's name, None for one without texts."""
    code = name.replace("-", "_").split("_")[0].split(".")[0].lower()
    return code if code in LANGUAGES else None
