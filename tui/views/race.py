"""A race: the curves of a scenario and its variants, and their losses by epoch in a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retrograde.engine.text import N_, _
from retrograde.tui.canvas.canvas import Line, Span
from retrograde.tui.canvas.glyphs import width
from retrograde.tui.canvas.inks import Ink
from retrograde.tui.canvas.typesetting import typeset
from retrograde.tui.records.curves import DASHED, CurveEvent, Series
from retrograde.tui.records.loss import Losses, LossView
from retrograde.tui.records.table_view import Column, TableView
from retrograde.tui.views.curves import loss_plot

if TYPE_CHECKING:
    from retrograde.engine.session.race import Lap

INKS = (Ink.ACCENT, Ink.NEGATIVE, Ink.OPERAND, Ink.CHANGED, Ink.GOOD, Ink.STRONG, Ink.BAD)
"""The inks of the variants, one after the other; that of the scenario itself is another."""
DASHES = (DASHED, (2, 4), (8, 3, 2, 3), (4, 6), (8, 3, 2, 3, 2, 3), (2, 2, 2, 8))
"""The dashes of the variants, one after the other, told apart without colour; the line of the scenario is whole."""
PIECE = 5
"""Cells of a piece of a line in the legend."""
PER_LINE = 3
"""Names in a line of the legend."""
KEYS = (("Enter", N_("open the variant")), ("Esc", N_("back")))


def race_series(laps: tuple[Lap, ...]) -> tuple[Series, ...]:
    """The curves of variants, each with an ink and dashes of its own."""
    found = []
    for number, lap in enumerate(laps):
        losses = Losses.of(lap.history, lap.per_epoch)
        if not len(losses.ends):
            continue
        found.append(
            Series(
                name="",
                x=losses.ends + 1,
                low=losses.means,
                high=losses.means if losses.over > 1 else losses.high,
                ink=INKS[number % len(INKS)],
                dashes=DASHES[number % len(DASHES)],
            )
        )
    return tuple(found)


def race_legend(laps: tuple[Lap, ...], name: str, *, numbered: bool = False) -> list[Line]:
    """The names of all curves, each with a piece of its line.

    Args:
        laps: the variants.
        name: the name of the scenario itself.
        numbered: whether each has the sign that stands below its end.
    """
    pieces = [(Span("─" * PIECE + " ", Ink.POSITIVE), Span(name, Ink.TEXT))]
    pieces += [
        (Span(_piece(DASHES[number % len(DASHES)]) + " ", INKS[number % len(INKS)]), Span(lap.name, Ink.TEXT))
        for number, lap in enumerate(laps)
    ]
    if numbered:
        pieces = [(line._replace(text=f"{_sign(k)} {line.text}"), words) for k, (line, words) in enumerate(pieces)]
    lines: list[Line] = []
    for start in range(0, len(pieces), PER_LINE):
        line: list[Span] = []
        for column, (mark, words) in enumerate(pieces[start : start + PER_LINE]):
            size = max(width(other.text) for _mark, other in pieces[column::PER_LINE])
            line += [mark, words, Span(" " * (size + 2 - width(words.text)))]
        lines.append(tuple(line[:-1]))
    return lines


def _sign(number: int) -> str:
    """What stands below the end of a curve: a digit, or a letter."""
    return "123456789abcdefghijklmnopqrstuvwxyz"[number % 35]


def _ink(number: int) -> Ink:
    """The ink of a training; the scenario itself is the first."""
    return INKS[(number - 1) % len(INKS)] if number else Ink.POSITIVE


def _piece(dashes: tuple[int, ...]) -> str:
    """A piece of a line with its dashes; those of a mixed line are short, for all of it to be seen."""
    long = 8 if len(dashes) > 2 else 4
    signs = [
        " " * (1 + (dots > 4)) if number % 2 else "∙" if dots < 4 else "─" * (dots // long)
        for number, dots in enumerate(dashes)
    ]
    return ("".join(signs) * PIECE)[:PIECE]


def race_view(laps: tuple[Lap, ...]) -> LossView:
    """The curves of a race in one plot, with their names."""
    first, *others = laps
    ends = tuple(
        CurveEvent(number=lap.history.count, sign=_sign(number), ink=_ink(number))
        for number, lap in enumerate(laps)
        if lap.history.count
    )
    plot = loss_plot(
        Losses.of(first.history, first.per_epoch),
        iterations=max(1, first.history.count),
        per_epoch=first.per_epoch,
        cursor=0,
        events=ends,
        race=race_series(tuple(others)),
    )
    return LossView(plot=plot, lines=tuple(race_legend(tuple(others), first.name, numbered=True)))


def race_table(laps: tuple[Lap, ...], epochs: list[int], selected: int) -> TableView:
    """A row a training: its optimiser, its rate, its loss after some epochs, and when it had reached the goal.

    Args:
        laps: the scenario and its variants.
        epochs: the epochs that are compared.
        selected: the selected row.
    """
    from retrograde.engine.equations.optimisers import OPTIMISERS
    from retrograde.engine.travel.stopping import StopRule

    bound = laps[0].scenario.stop.loss_below
    titles = ["", _("optimiser"), "η", *(_("epoch {number}").format(number=epoch) for epoch in epochs)]
    if bound is not None:
        titles.append(_("below {bound} in epoch").format(bound=typeset(f"{bound:g}")))
    rows = []
    for number, lap in enumerate(laps):
        training = lap.scenario.training
        cells = [Span(lap.name, _ink(number)), Span(OPTIMISERS[training.optimizer].title, Ink.TEXT)]
        cells.append(Span(typeset(f"{training.learning_rate:g}"), Ink.TEXT))
        cells += [Span(typeset(f"{lap.losses[epoch]:.4g}") if epoch in lap.losses else "", Ink.DIM) for epoch in epochs]
        if bound is not None:
            reached = lap.outcome.rule is StopRule.LOSS
            cells.append(Span(str(lap.outcome.epoch) if reached else "·", Ink.GOOD if reached else Ink.FAINT))
        rows.append(tuple(cells))
    last = len(titles) - 1
    columns = tuple(
        Column(
            title=title,
            width=max(width(row[k].text) for row in rows),
            right=k > 1,
            rank=0 if k in (0, last) else 2 if k <= 2 else 3 + k + 20 * sum(not row[k].text for row in rows),
        )
        for k, title in enumerate(titles)
    )
    said = _("The loss of an epoch is the mean of its iterations' E, each before its own update.")
    return TableView(
        columns=columns,
        rows=tuple(rows),
        first=0,
        count=len(rows),
        selected=selected,
        foot=((Span(said, Ink.DIM),),),
        keys=tuple((key, _(word)) for key, word in KEYS),
    )
