"""The published figures of a scenario as a table: what was printed, what is computed, and who is right."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from retrograde.engine.session.published import reason_of, slip, summary
from retrograde.engine.text import N_, _, joined, ngettext
from retrograde.tui.canvas.canvas import Line, Span
from retrograde.tui.canvas.glyphs import width
from retrograde.tui.canvas.inks import Ink
from retrograde.tui.canvas.typesetting import typeset
from retrograde.tui.records.table_view import Column, TableView
from retrograde.tui.views.debugging import address

if TYPE_CHECKING:
    from collections.abc import Sequence

    from retrograde.engine.session.figures import Figure
    from retrograde.engine.session.session import Session

WINDOW = 200
"""Rows that are made around the selected one."""
FURTHER = 2
"""Digits that a computed value has beyond those of the figure that it does not match."""

KEYS = (
    ("Enter", N_("its step")),
    ("f", N_("what gives them")),
    ("[ ] { }", N_("iteration, epoch")),
    ("Esc", N_("back")),
)


def published_title(session: Session, figures: Sequence[Figure]) -> Line:
    """What stands in the edge."""
    return (
        Span(_("published figures"), Ink.TITLE_ON),
        Span(f"  {session.name}", Ink.DIM),
        Span(f"  {len(figures)}", Ink.DIM),
    )


def published_table(
    session: Session, figures: Sequence[Figure], selected: int, *, wide: bool, narrow: bool = False
) -> TableView:
    """A row a figure, in the order of the source.

    Args:
        session: the session, at its cursor.
        figures: the figures, verified.
        selected: the selected row.
        wide: whether there is room beside the table; else what is said of a figure is brief, below it.
        narrow: whether there is no room for all columns; what they have is said of the selected figure.
    """
    about = _about(session, figures[selected], brief=not wide, narrow=narrow) if figures else ()
    first = max(min(selected - WINDOW // 2, len(figures) - WINDOW), 0)
    window = figures[first : first + WINDOW]
    rows = tuple(_row(session, figure) for figure in window)
    return TableView(
        columns=_columns(rows),
        rows=rows,
        first=first,
        count=len(figures),
        selected=selected,
        lines=(_summary(session, figures), *_edited(session), ()),
        foot=() if wide else about,
        side=about if wide else (),
        empty=_("nothing was published"),
        keys=tuple((key, _(word)) for key, word in KEYS if key != "f" or not session.original),
    )


def _summary(session: Session, figures: Sequence[Figure]) -> Line:
    wrong = sum(figure.finding.wrong for figure in figures)
    fail = sum(not figure.finding.ok for figure in figures)
    passed = sum(figure.position <= session.position for figure in figures)
    text = _("{passed} of {count} passed so far").format(passed=f"{passed:,}", count=f"{len(figures):,}")
    said = summary(len(figures) - wrong - fail, wrong, fail)
    return (Span(text, Ink.STRONG), Span("  ·  ", Ink.DIM), Span(said, Ink.BAD if fail else Ink.TEXT))


def _edited(session: Session) -> tuple[Line, ...]:
    """On a branch, that the figures are not about it."""
    if session.branch.parent is None:
        return ()
    return ((Span(_("computed without the edits of this branch"), Ink.CHANGED),),)


def _columns(rows: Sequence[tuple[Span, ...]]) -> tuple[Column, ...]:
    titles = ("", _("value"), _("printed"), _("computed"), _("step"), _("verdict"))
    ranks = (0, 0, 0, 1, 2, 3)
    sizes = [max((width(row[k].text) for row in rows), default=1) for k in range(6)]
    return tuple(
        Column(title=title, width=sizes[k], right=k in {2, 3}, rank=ranks[k]) for k, title in enumerate(titles)
    )


def _row(session: Session, figure: Figure) -> tuple[Span, ...]:
    finding = figure.finding
    passed = figure.position <= session.position
    mark, ink = _verdict(figure)
    return (
        Span(mark, ink),
        Span(figure.symbol, Ink.STRONG if passed else Ink.DIM),
        Span(finding.expect.printed.replace("-", "−"), ink if passed or mark != "✓" else Ink.DIM),
        Span(_computed(figure), Ink.TEXT if passed else Ink.DIM),
        Span(place(session, figure), Ink.KEY if passed else Ink.DIM),
        Span(finding.verdict, ink if passed or mark != "✓" else Ink.DIM),
    )


def _verdict(figure: Figure) -> tuple[str, Ink]:
    """A mark, and its ink."""
    if not figure.finding.ok:
        return "!", Ink.BAD
    return ("✗", Ink.CHANGED) if figure.finding.wrong else ("✓", Ink.GOOD)


def _computed(figure: Figure) -> str:
    """The value that was computed, with a few digits more than what it does not match."""
    finding = figure.finding
    printed = finding.expect.printed
    if finding.wrong:
        digits = len(Decimal(printed).as_tuple().digits) + FURTHER
        shown = min(repr(finding.computed), f"{finding.computed:.{digits}g}", key=len)
    else:
        shown = finding.shown
    return typeset(shown)


def place(session: Session, figure: Figure) -> str:
    """When a value is known: epoch, iteration and step; nothing of what is given."""
    return address(session.schedule, figure.position) if figure.position else _("given")


def _about(session: Session, figure: Figure, *, brief: bool, narrow: bool) -> tuple[Line, ...]:
    """What is said of the selected figure; of little room the verdict and its reason."""
    finding, expect = figure.finding, figure.finding.expect
    mark, ink = _verdict(figure)
    said: Line = (Span(f"{mark} ", ink), Span(figure.symbol, Ink.STRONG), Span("  " + _said(figure), ink))
    reason = reason_of(expect)
    if brief:
        text = _("{value} at {place}").format(value=_computed(figure), place=place(session, figure))
        more: Line = (Span(_("computed {value}").format(value=text), Ink.TEXT),) if narrow else ()
        return tuple(line for line in (said, more, (Span(reason, Ink.TEXT),) if reason else ()) if line)
    updates = ngettext("after {count} update", "after {count} updates", expect.updates)
    lines: list[Line] = [
        said,
        (Span(_("computed {value}").format(value=typeset(repr(finding.computed))), Ink.TEXT),),
        (Span(_when(session, figure), Ink.DIM),),
    ]
    if expect.updates:
        lines.append((Span(updates.format(count=f"{expect.updates:,}"), Ink.DIM),))
    if expect.factor != 1:
        lines.append((Span(_("printed is {factor} times the value").format(factor=f"{expect.factor:g}"), Ink.DIM),))
    if expect.mode == "truncate":
        lines.append((Span(_("the source cuts digits off"), Ink.DIM),))
    if reason:
        lines += [(), (Span(reason, Ink.TEXT),)]
    if session.scenario.source:
        lines += [(), (Span(session.scenario.source, Ink.DIM),)]
    return tuple(lines)


def _said(figure: Figure) -> str:
    """The verdict, and in what the figure is wrong where that is one unit of its last digit."""
    finding = figure.finding
    wrong = slip(finding.above)
    return joined((finding.verdict, wrong), ": ") if wrong else finding.verdict


def _when(session: Session, figure: Figure) -> str:
    if not figure.position:
        return _("given, no step makes it")
    if not figure.made:
        return _("known at {place}").format(place=place(session, figure))
    if figure.position <= session.position:
        return _("passed at {place}").format(place=place(session, figure))
    return _("ahead, at {place}").format(place=place(session, figure))
