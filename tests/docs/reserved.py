"""The words that a scenario may not use as names, as docs/formulas.md lists them: `python -m tests.docs.reserved`."""

from __future__ import annotations

from pathlib import Path

from retrograde.engine.equations import words
from retrograde.engine.equations.optimisers import OPTIONS
from retrograde.engine.scenario.rules import reserved
from retrograde.engine.text import use
from retrograde.tui.cli.support.markdown import language_of, markdown_table, say_what_is_untold, told

DOCS = Path(__file__).parent.parent.parent / "docs"
PAGES = (DOCS / "formulas.md", DOCS / "formulas.zh.md")
BEGIN = "<!-- reserved: written by `python -m tests.docs.reserved` -->\n"
END = "<!-- end of reserved -->\n"

GROUPS = (
    ("functions of formulas", words.FUNCTIONS),
    ("the moment", words.POSITIONS),
    ("phases", words.PHASES),
    ("known where an epoch ends", words.EPOCH_NAMES),
    ("between conditions", words.JOINING),
    ("words of breakpoints", words.STOPPING),
    ("moments with a name", words.MOMENTS),
    ("what the names of arrays begin with", reserved.STEMS),
)


def table() -> str:
    """The table: each word once, with why it is taken."""
    seen: set[str] = set()
    rows = []
    rest = ("numbers, inputs, files, and the learning rate", sorted(reserved.LAYERS))
    more = ("functions of graphs, and options and values of optimisers: taken for values and weights only",)
    others = sorted({*words.GRAPH_FUNCTIONS, *OPTIONS} | (reserved.VALUES - reserved.LAYERS))
    for why, group in (*GROUPS, rest, (*more, others)):
        found = [word for word in dict.fromkeys(group) if word not in seen]
        seen.update(found)
        if found:
            rows.append((" ".join(f"`{word}`" for word in found), told(why)))
    return "\n".join(markdown_table(("taken", "because they are"), rows))


def written(page: Path) -> str:
    """The page with the table in its place."""
    head, _begin, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    use(language_of(page))
    try:
        return head + BEGIN + "\n" + table() + "\n" + END + rest.partition(END)[2]
    finally:
        use("en")


if __name__ == "__main__":
    for page in PAGES:
        page.write_text(written(page), encoding="utf-8")
    say_what_is_untold()
