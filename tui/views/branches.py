"""The list of branches and the differences of two of them, as tables: pure functions of a session."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from retrograde.engine.equations.expression import Ref
from retrograde.engine.explaining.step import made_by
from retrograde.engine.text import _, ngettext
from retrograde.tui.canvas.canvas import Line, Span
from retrograde.tui.canvas.glyphs import width
from retrograde.tui.canvas.inks import Ink, signed
from retrograde.tui.canvas.typesetting import typeset
from retrograde.tui.reading.figures import show
from retrograde.tui.records.loss import Losses, LossView
from retrograde.tui.records.table_view import Column, TableView
from retrograde.tui.views.curves import loss_plot
from retrograde.tui.views.debugging import address

if TYPE_CHECKING:
    from collections.abc import Sequence

    from retrograde.engine.session.session import Session
    from retrograde.engine.travel.branch import Branch, BranchComparison, Difference

DECIMALS = 9
"""Digits after the point in the table of differences."""


def in_order(branches: Sequence[Branch]) -> list[tuple[Branch, int]]:
    """The branches with their depth, each after the one that it departs from."""
    found: list[tuple[Branch, int]] = []

    def add(branch: Branch, depth: int) -> None:
        found.append((branch, depth))
        for other in branches:
            if other.parent is branch:
                add(other, depth + 1)

    for branch in branches:
        if branch.parent is None:
            add(branch, 0)
    return found


def last_loss(session: Session, branch: Branch) -> float | None:
    """E of the last complete iteration that a branch has reached; None before the first."""
    frontier = max(branch.frontier, session.position if branch is session.branch else 0)
    iteration, step = session.schedule.locate(frontier)
    complete = iteration + (frontier > 0 and step == session.schedule.program(iteration).steps)
    if not complete:
        return None
    frame = branch.timeline.frame(complete - 1)
    return float(frame.array(frame.program.named["E"]))


def branches_table(
    session: Session, losses: dict[str, float | None], selected: int, compared: str, notice: str = ""
) -> TableView:
    """The list of branches.

    Args:
        session: the session.
        losses: E of each branch at its end, by name.
        selected: the selected row.
        compared: the name of the branch whose loss is drawn beside.
        notice: a line above the list.
    """
    rows: list[Line] = []
    for branch, depth in in_order(session.branches):
        here = branch is session.branch
        frontier = max(branch.frontier, session.position if here else 0)
        loss = losses.get(branch.name)
        edit = _("the scenario as it is") if branch.edit is None else str(branch.edit)
        bad = loss is not None and not math.isfinite(loss)
        rows.append(
            (
                Span("●" if here else "≈" if branch.name == compared else " ", Ink.KEY if here else Ink.DIM),
                Span("  " * depth + branch.name, Ink.STRONG if here else Ink.TEXT),
                Span(edit, Ink.DIM if branch.edit is None else Ink.CHANGED),
                Span("" if branch.edit is None else address(session.schedule, branch.edit.position), Ink.TEXT),
                Span(address(session.schedule, frontier), Ink.TEXT),
                Span(show(loss, 6), Ink.FAINT if loss is None else Ink.BAD if bad else Ink.STRONG),
            )
        )
    return TableView(
        columns=(
            Column(title="", width=1, rank=5),
            Column(title=_("branch"), width=_widest(rows, 1)),
            Column(title=_("edit"), width=min(_widest(rows, 2), 40), rank=1),
            Column(title=_("departs at"), width=_widest(rows, 3), right=True, rank=4),
            Column(title=_("reached"), width=_widest(rows, 4), right=True, rank=3),
            Column(title="E", width=_widest(rows, 5), right=True, rank=2),
        ),
        rows=tuple(rows),
        first=0,
        count=len(rows),
        selected=selected,
        lines=((Span(notice, Ink.CHANGED),),) if notice else (),
        keys=(
            ("Enter", _("go there")),
            ("d", _("differences")),
            ("u", _("undo its edit")),
            ("Esc", _("back")),
        ),
    )


def _widest(rows: list[Line], column: int) -> int:
    return max((width(row[column].text) for row in rows), default=1)


def fixed(value: float, *, sign: bool = False) -> str:
    """A number with a fixed count of decimals, so that points stand below each other; exponents for the rest."""
    if not math.isfinite(value):
        text = show(value)
    elif value and not 0.5 * 10.0**-DECIMALS <= abs(value) < 1e5:
        text = f"{value:.4e}"
    else:
        text = f"{value:.{DECIMALS}f}"
    text = typeset(text)
    return f"+{text}" if sign and not text.startswith("−") and value == value else text


def differences_table(session: Session, comparison: BranchComparison, selected: int, window: int) -> TableView:
    """Every value that differs at the cursor, after the first step of the run that does.

    Args:
        session: the session.
        comparison: the two branches at the cursor.
        selected: the selected row.
        window: how many rows to make ready on either side of the selected one.
    """
    mine, theirs = comparison.mine.name, comparison.theirs.name
    differences = comparison.differences
    lead = 0 if comparison.first is None else 1
    count = lead + len(differences)
    first, last = max(selected - window, 0), min(selected + window, count)
    rows = [
        _first_row(session, comparison) if row < lead else _difference_row(session, differences[row - lead])
        for row in range(first, last)
    ]
    number = max(width(fixed(0.0)) + 1, _widest(rows, 1), _widest(rows, 2)) if rows else 12
    return TableView(
        columns=(
            Column(title=_("value"), width=max(_widest(rows, 0), 8)),
            Column(title=mine, width=number, right=True, rank=2),
            Column(title=theirs, width=number, right=True, rank=3),
            Column(title=_("difference"), width=max(number, _widest(rows, 3)), right=True),
            Column(title=_("made by"), width=max(_widest(rows, 4), 10), rank=1),
        ),
        rows=tuple(rows),
        first=first,
        count=count,
        selected=selected,
        lines=_compared(session, comparison),
        empty=_("nothing differs up to here"),
        keys=(("Enter", _("go to the step")), ("d", _("branches")), ("↑ ↓", _("scroll")), ("Esc", _("back"))),
    )


def _compared(session: Session, comparison: BranchComparison) -> tuple[Line, ...]:
    """Which branches are held against each other, where, how many values differ, and the edits that made them."""
    mine, theirs, count = comparison.mine, comparison.theirs, len(comparison.differences)
    here = address(session.schedule, session.position)
    head = _("{mine} and {theirs} at {place}: ").format(mine=mine.name, theirs=theirs.name, place=here)
    said = _("the same values")
    if count:
        said = ngettext("{count} value differs", "{count} values differ", count).format(count=f"{count:,}")
    edits = " · ".join(f"{branch.name}: {branch.edit}" for branch in (mine, theirs) if branch.edit is not None)
    line = (Span(head, Ink.TEXT), Span(said, Ink.STRONG))
    return (line, (Span(edits, Ink.CHANGED),)) if edits else (line,)


def _difference_row(session: Session, found: Difference) -> Line:
    made = made_by(session.schedule, session.iteration, session.program, found.ref)
    place = _("given") if made is None else address(session.schedule, made)
    return _row(session.symbol(found.ref), found.mine, found.theirs, Span(place, Ink.DIM))


def _row(symbol: str, mine: float, theirs: float, place: Span) -> Line:
    gap = mine - theirs
    return (
        Span(symbol, Ink.STRONG),
        Span(fixed(mine), Ink.TEXT if math.isfinite(mine) else Ink.BAD),
        Span(fixed(theirs), Ink.DIM if math.isfinite(theirs) else Ink.BAD),
        Span(fixed(gap, sign=True), signed(gap) if gap == gap else Ink.BAD),
        place,
    )


def _first_row(session: Session, comparison: BranchComparison) -> Line:
    """The first step of the run at which the two differ."""
    assert comparison.first is not None
    iteration, step = session.schedule.locate(comparison.first)
    mine, theirs = comparison.mine.timeline.frame(iteration), comparison.theirs.timeline.frame(iteration)
    ref = mine.program.target(mine.program.place(step - 1))
    name = _("first: {name}").format(name=session.symbol(ref))
    place = Span(address(session.schedule, comparison.first), Ink.KEY)
    return _row(name, mine.value(ref), theirs.value(ref), place)


def target_of(session: Session, comparison: BranchComparison, selected: int) -> int | None:
    """The step that a row of the differences names; None where no step made its value."""
    lead = 0 if comparison.first is None else 1
    if selected < lead:
        return comparison.first
    if selected - lead >= len(comparison.differences):
        return None
    ref: Ref = comparison.differences[selected - lead].ref
    return made_by(session.schedule, session.iteration, session.program, ref)


def curves_view(session: Session, mine: Branch, theirs: Branch | None) -> LossView:
    """The loss curves of two branches in one plot."""
    per_epoch = session.schedule.per_epoch
    other = None if theirs is None or theirs is mine else (theirs.name, Losses.of(theirs.history, per_epoch))
    plot = loss_plot(
        Losses.of(mine.history, per_epoch),
        iterations=max(1, mine.history.count),
        per_epoch=per_epoch,
        cursor=session.iteration + 1,
        others=() if other is None else (other,),
        name=mine.name,
    )
    lines: tuple[Line, ...] = ()
    if plot is None:
        lines = ((Span(_("The curve begins with the first E; r runs on."), Ink.DIM),),)
    return LossView(plot=plot, lines=lines)
