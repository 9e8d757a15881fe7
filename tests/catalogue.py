"""The catalogues of messages, made from the code: `python -m tests.catalogue` after a message is added or changed.

It finds every message (`_`, `N_`, `ngettext`), brings the `.po` file of each language up to date, compiles it to the
`.mo` file that is shipped, and prints what is left to translate. Translations are written into the `.po` file by hand.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from retrograde.engine.text import CATALOGUES, DOMAIN, LANGUAGES

ROOT = Path(__file__).parents[1]
KEYWORDS = {"_": None, "N_": None, "ngettext": (1, 2)}
TRANSLATED = tuple(language for language in LANGUAGES if language != "en")


def template() -> Catalog:
    """Every message of the code, untranslated."""
    found = Catalog(domain=DOMAIN, project="Retrograde")
    for room in ("engine", "tui"):
        folder = ROOT / room
        for file, _line, message, comments, context in extract_from_dir(
            str(folder), [("**.py", "python")], keywords=KEYWORDS
        ):
            found.add(message, None, [(f"{room}/{file}", 0)], auto_comments=comments, context=context)
    return found


def path(language: str, ending: str = "po") -> Path:
    """The file of a language."""
    return CATALOGUES / language / "LC_MESSAGES" / f"{DOMAIN}.{ending}"


def committed(language: str) -> Catalog:
    """The catalogue of a language as it is in the repository."""
    with path(language).open("rb") as file:
        return read_po(file, locale=language, domain=DOMAIN)


def compiled(catalogue: Catalog) -> bytes:
    """A catalogue as gettext reads it."""
    made = io.BytesIO()
    write_mo(made, catalogue)
    return made.getvalue()


def written(catalogue: Catalog) -> bytes:
    """A catalogue as people read it: in the order of the files, without what every merge would touch."""
    made = io.BytesIO()
    write_po(
        made, catalogue, width=0, sort_by_file=True, ignore_obsolete=True, include_lineno=False, include_previous=False
    )
    return made.getvalue()


def strings(message: Message) -> tuple[str, ...]:
    """What a message is in a language: its plural forms, or the one text; empty where there is none yet."""
    text = message.string
    return tuple(text) if isinstance(text, (list, tuple)) else (text or "",)


def main() -> int:
    """Bring the catalogues up to date, and say what is left to translate."""
    messages = template()
    left = 0
    for language in TRANSLATED:
        catalogue = committed(language)
        catalogue.update(messages, no_fuzzy_matching=True, update_creation_date=False)
        path(language).write_bytes(written(catalogue))
        path(language, "mo").write_bytes(compiled(catalogue))
        for message in catalogue:
            if message.id and not all(strings(message)):
                print(f"{language}: {message.locations[0][0]}: {message.id}")
                left += 1
    print(f"{len(messages)} messages, {left} left to translate")
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
