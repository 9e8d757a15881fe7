"""What forensics found as a table: the programs in a text, what else fits, and what is said of the selected one."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from retrograde.engine.text import N_, _, joined
from retrograde.tui.canvas.canvas import Line, Span
from retrograde.tui.canvas.glyphs import width
from retrograde.tui.canvas.inks import Ink
from retrograde.tui.records.table_view import Column, TableView
from retrograde.tui.views.forensics import named, shown, summary_lines

if TYPE_CHECKING:
    from retrograde.engine.forensics.forensics import Explanation, Report
    from retrograde.engine.session.session import Session

KEYS = (
    ("Enter", N_("opens the variant")),
    ("w", N_("its step here")),
    ("Esc", N_("back")),
)


def forensics_title(session: Session, report: Report) -> Line:
    """What stands in the edge."""
    return (
        Span(_("what gives the figures"), Ink.TITLE_ON),
        Span(f"  {session.name}", Ink.DIM),
        Span(f"  {len(report.figures)}", Ink.DIM),
    )


def explanations(report: Report) -> list[tuple[str, Explanation]]:
    """The scenario as it is, the programs in the text, and what else fits, each with its mark."""
    programs = [report.best, *report.more]
    found = [] if not report.best.deviations else [("", report.stated)]
    found += zip("ABCDE", programs, strict=False)
    return found + [("", one) for one in report.others]


def forensics_table(report: Report, selected: int, *, wide: bool) -> TableView:
    """A row an explanation.

    Args:
        report: what was found.
        selected: the selected row.
        wide: whether there is room beside the table; else what is said of an explanation is below it.
    """
    found = explanations(report)
    rows = tuple(_row(letter, one) for letter, one in found)
    titles = ("", _("given"), _("bits"), _("what is done"))
    sizes = [max(width(row[k].text) for row in rows) for k in range(4)]
    about = tuple(_about(report, found[selected][1]))
    return TableView(
        columns=tuple(
            Column(title=title, width=sizes[k], right=k in {1, 2}, rank=(0, 0, 2, 0)[k])
            for k, title in enumerate(titles)
        ),
        rows=rows,
        first=0,
        count=len(rows),
        selected=selected,
        lines=(*summary_lines(report), ()),
        foot=() if wide else about,
        side=about if wide else (),
        empty="",
        keys=tuple((key, _(word)) for key, word in KEYS),
    )


def _row(letter: str, found: Explanation) -> tuple[Span, ...]:
    text = joined([one.text for one in found.deviations], _(", and ")) or _("as stated")
    ink = Ink.GOOD if all(found.fits) else Ink.STRONG if letter else Ink.TEXT
    return (
        Span(letter, Ink.KEY),
        Span(f"{found.count}/{len(found.fits)}", ink),
        Span(f"{found.bits:g}", Ink.DIM),
        Span(text, ink),
    )


def _about(report: Report, found: Explanation) -> list[Line]:
    """What is said of an explanation: its deviations, the equations that they change, gains and losses."""
    lines: list[Line] = []
    for place, (one, without) in enumerate(zip(found.deviations, found.without, strict=True), 1):
        less = _("without it {count} of {all}").format(count=without, all=len(found.fits))
        said = f"   {less}" if len(found.deviations) > 1 else ""
        lines.append((Span(f"{place} ", Ink.DIM), Span(one.text, Ink.ACCENT), Span(said, Ink.DIM)))
    for change in found.changes:
        lines.append((Span(change.made, Ink.STRONG),))
        lines.append((Span(_("for {equation}").format(equation=change.stated), Ink.DIM),))
    pairs = list(enumerate(zip(found.fits, report.stated.fits, found.values, strict=True)))
    gained = [k for k, (fits, stated, _value) in pairs if fits and not stated]
    lost = [k for k, (fits, stated, value) in pairs if stated and not fits and not math.isnan(value)]
    if gained:
        lines.append((Span(_("gives besides: {names}").format(names=named(report, gained)), Ink.GOOD),))
    if lost:
        lines.append((Span(_("does not give: {names}").format(names=named(report, lost)), Ink.CHANGED),))
    chosen = [report.best, *report.more]
    deviating = [one for one in chosen if one.deviations][:1]
    decider = report.decider
    if decider is not None and found in (*deviating, *report.others):
        value = decider.values[(*deviating, *report.others).index(found)]
        said = _("here {name} is {value}").format(name=decider.symbol, value=shown(value))
        lines.append((Span(said),))
    return lines
