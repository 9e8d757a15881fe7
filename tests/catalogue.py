"""The catalogues of messages, made from the code: `python -m tests.catalogue` after a message is added or changed.

It finds every message (`_`, `N_`, `ngettext`), brings the `.po` file of each language up to date, compiles it to the
`.mo` file that is shipped, and prints what is left to translate or wrong. Translations are written into the `.po` file.
"""

from __future__ import annotations

import ast
import io
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import cast

from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from retrograde.engine.text import CATALOGUES, DOMAIN, LANGUAGES

ROOT = Path(__file__).parents[1]
MESSAGES = {"_": 1, "N_": 1, "ngettext": 2}
"""The functions that take messages, and how many of their arguments are."""
TRANSLATED = tuple(language for language in LANGUAGES if language != "en")

_FIELD = re.compile(r"\{\w*[!:]?[^{}]*\}|%\(\w+\)[srd]|%[srd]")
_CODE = re.compile(r"`[^`]*`|'[^']*'|\[[^\]]*\]")
_HAN, _WIDE = r"[\u4e00-\u9fff]", r"[\u3001\u3002\u300a\u300b\uff01\uff08\uff09\uff0c\uff1a\uff1b\uff1f]"
_UGLY = (
    (rf"{_HAN}[A-Za-z0-9]|[A-Za-z0-9]{_HAN}", "a blank between Chinese and Latin"),
    (rf"{_HAN} {_HAN}", "no blank between Chinese"),
    (rf"{_HAN}[,;:!?()]|[,;:!?()]{_HAN}", "a mark of full width beside Chinese"),
    (rf" {_WIDE}|{_WIDE} (?!$)", "no blank beside a mark of full width"),
)
"""What is never beside each other in Chinese, and what should be there."""
_WORDS = {"kind", "what", "where", "paused", "outputs", "batch", "time", "rows", "span", "hint", "moment"}
"""Fields that may stand for Chinese words, which have no blank beside them."""


_EMPTY_HEADERS = re.compile(rb'"(?:Report-|PO-Rev|Last-|Language-Team|Generated-)[^"]*"\n')


def sources() -> Iterator[tuple[str, ast.Module]]:
    """The files that have texts for people, read as code."""
    for room in ("capture", "engine", "tui"):
        for file in sorted((ROOT / room).rglob("*.py")):
            source = file.read_text(encoding="utf-8")
            if re.search(r"\b(?:_|N_|ngettext)\(", source):
                yield file.relative_to(ROOT).as_posix(), ast.parse(source)


def template(read: Iterable[tuple[str, ast.Module]] | None = None) -> Catalog:
    """Every message of the code, untranslated.

    Args:
        read: the files, where they have been read before.
    """
    found = Catalog(domain=DOMAIN)
    for file, tree in sources() if read is None else read:
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
        for call in sorted(calls, key=lambda call: (call.lineno, call.col_offset)):
            count = MESSAGES.get(cast(ast.Name, call.func).id, 0)
            texts = [part.value for part in call.args[:count] if isinstance(part, ast.Constant)]
            if count and len(texts) == count and texts[0]:
                found.add(texts[0] if count == 1 else tuple(texts), None, [(file, 0)])
    return found


def path(language: str, ending: str = "po") -> Path:
    """The file of a language."""
    return CATALOGUES / language / "LC_MESSAGES" / f"{DOMAIN}.{ending}"


def committed(language: str) -> Catalog:
    """The catalogue of a language as it is in the repository."""
    with path(language).open("rb") as file:
        return read_po(file, locale=language, domain=DOMAIN)


def updated(language: str, messages: Catalog) -> Catalog:
    """The catalogue of a language with the messages that there are now, and no others."""
    catalogue = committed(language)
    catalogue.update(messages, no_fuzzy_matching=True, update_creation_date=False)
    return catalogue


def compiled(catalogue: Catalog) -> bytes:
    """A catalogue as gettext reads it."""
    made = io.BytesIO()
    write_mo(made, catalogue)
    return made.getvalue()


def written(catalogue: Catalog) -> bytes:
    """A catalogue as people read it: in the order of the files, and without what every change would touch."""
    made = io.BytesIO()
    write_po(
        made, catalogue, width=0, sort_by_file=True, ignore_obsolete=True, include_lineno=False, include_previous=False
    )
    return _EMPTY_HEADERS.sub(b"", made.getvalue())


def forms(text: str | tuple[str, ...] | list[str] | None) -> tuple[str, ...]:
    """The plural forms of a message, or of what it is in a language; one of a text, which may be empty."""
    return tuple(text) if isinstance(text, (list, tuple)) else (text or "",)


def problems(catalogue: Catalog) -> Iterator[str]:
    """What is left to translate in a catalogue, or wrong in it."""
    for message in catalogue:
        if message.id:
            where = message.locations[0][0] if message.locations else "nowhere"
            for wrong in _wrong(message):
                yield f"{where}: {forms(message.id)[0]!r}: {wrong}"


def _wrong(message: Message) -> Iterator[str]:
    english, texts = forms(message.id), forms(message.string)
    if not all(texts):
        yield "not translated"
        return
    if message.fuzzy:
        yield "fuzzy: look at it, and remove the flag"
    for text in texts:
        if sorted(set(_FIELD.findall(text))) != sorted(set(_FIELD.findall(english[-1]))):
            yield f"other fields: {text!r}"
        if text.count("{{") != english[-1].count("{{") or text.endswith("\n") != english[0].endswith("\n"):
            yield f"other braces or another end: {text!r}"
        if ("  " in text) != ("  " in english[-1]):
            yield f"other blanks: {text!r}"
        yield from _ugly(text)


def _ugly(text: str) -> Iterator[str]:
    """Where Chinese has a blank too few or too many, or a mark of half width."""

    def stand_in(field: re.Match[str]) -> str:
        name = re.match(r"\{(\w+)", field[0])
        return "·" if name is not None and name[1] in _WORDS else "x"

    plain = re.sub(r":(?=[a-z])", "", _FIELD.sub(stand_in, _CODE.sub("x", text)))
    if not re.search(_HAN, _FIELD.sub("", text)):
        return
    for pattern, rule in _UGLY:
        if (found := re.search(pattern, plain)) is not None:
            yield f"{rule}: {plain[max(found.start() - 4, 0) : found.end() + 4]!r} in {text!r}"


def main() -> int:
    """Bring the catalogues up to date, and say what is left to translate or wrong."""
    messages, left = template(), 0
    for language in TRANSLATED:
        catalogue = updated(language, messages)
        path(language).write_bytes(written(catalogue))
        path(language, "mo").write_bytes(compiled(catalogue))
        for problem in problems(catalogue):
            print(f"{language}: {problem}")
            left += 1
    print(f"{len(messages)} messages; {left} to look at")
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
