"""The words that a scenario may not use as names, as docs/formulas.md lists them: `python -m tests.docs.reserved`."""

from __future__ import annotations

from pathlib import Path

from retrograde.engine.equations import words
from retrograde.engine.equations.optimisers import OPTIONS
from retrograde.engine.scenario.rules import reserved

PAGE = Path(__file__).parent.parent.parent / "docs" / "formulas.md"
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
    rows = ["| taken | because they are |", "| --- | --- |"]
    rest = ("numbers, inputs, files, and the learning rate", sorted(reserved.LAYERS))
    more = ("functions of graphs, and options and values of optimisers: taken for values and weights only",)
    others = sorted({*words.GRAPH_FUNCTIONS, *OPTIONS} | (reserved.VALUES - reserved.LAYERS))
    for why, group in (*GROUPS, rest, (*more, others)):
        found = [word for word in dict.fromkeys(group) if word not in seen]
        seen.update(found)
        if found:
            rows.append(f"| {' '.join(f'`{word}`' for word in found)} | {why} |")
    return "\n".join(rows) + "\n"


def written(text: str) -> str:
    """The page with the table in its place."""
    head, _begin, rest = text.partition(BEGIN)
    return head + BEGIN + "\n" + table() + "\n" + END + rest.partition(END)[2]


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
