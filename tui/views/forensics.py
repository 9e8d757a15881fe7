"""What forensics found, as lines for a terminal or a panel: what gives the printed figures, and what would decide."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from retrograde.engine.session.published import slip
from retrograde.engine.text import _, joined, ngettext
from retrograde.tui.canvas.canvas import Line, Span, wrapped
from retrograde.tui.canvas.inks import Ink

if TYPE_CHECKING:
    from retrograde.engine.forensics.forensics import Decider, Explanation, Report
    from retrograde.tui.canvas.glyphs import Glyphs

MOST_NAMES = 6
"""Figures that are named in a row."""

_SHOWN = 9


def forensics_lines(report: Report, name: str, columns: int, glyphs: Glyphs) -> Iterator[Line]:
    """What forensics found.

    Args:
        report: what it found.
        name: what the scenario is called.
        columns: the cells of a line.
        glyphs: the characters.
    """
    for line in _lines(report, name, glyphs):
        indent = len(line[0].text) - len(line[0].text.lstrip()) if line else 0
        first, *rest = wrapped(line, columns) if line else [()]
        yield first
        for more in (part for one in rest for part in wrapped(one, max(columns - indent - 3, 20))):
            yield (Span(" " * (indent + 3)), *more)


def title(report: Report, name: str) -> str:
    """What was looked at, and how much was tried."""
    figures = ngettext("{count} figure", "{count} figures", len(report.figures)).format(
        count=f"{len(report.figures):,}"
    )
    tried = ngettext("{count} combination tried", "{count} combinations tried", report.tried)
    seconds = _("{seconds} s").format(seconds=f"{report.seconds:.1f}")
    said = (figures, tried.format(count=f"{report.tried:,}"), seconds)
    return _("Forensics of {name}: {what}").format(name=name, what=joined(said, ", "))


def summary_lines(report: Report) -> Iterator[Line]:
    """How much was tried, what nothing explains, and what would decide."""
    tried = ngettext("{count} combination tried", "{count} combinations tried", report.tried)
    said = tried.format(count=f"{report.tried:,}")
    stated = _("as stated: {count} of {all}").format(count=report.stated.count, all=len(report.figures))
    yield (Span(stated, Ink.STRONG), Span(f"  ·  {said}", Ink.DIM))
    if report.acquitted:
        yield (Span(_("the figures are those of the scenario as it is"), Ink.GOOD),)
    elif report.more:
        yield (Span(_("{count} programs in one text").format(count=len(report.more) + 1)),)
    if report.unexplained:
        text = _("nothing short explains: {names}").format(names=named(report, report.unexplained))
        yield (Span(text, Ink.BAD),)
    if report.decider is not None:
        yield (Span(_("what would decide: {name}").format(name=report.decider.symbol), Ink.ACCENT),)


def _lines(report: Report, name: str, glyphs: Glyphs) -> Iterator[Line]:
    yield (Span(title(report, name), Ink.STRONG),)
    if report.acquitted:
        text = ngettext(
            "as stated: the figure agrees", "as stated: all {count} figures agree", len(report.figures)
        ).format(count=len(report.figures))
        yield (Span(f"{glyphs.check} ", Ink.GOOD), Span(text))
    elif report.more:
        yield from _several(report, glyphs)
    elif report.best.deviations:
        yield from _reproduced(report.best, len(report.figures), glyphs)
        stated = _("as stated: {count} of {all}").format(count=report.stated.count, all=len(report.figures))
        yield (Span(f"  {stated}", Ink.DIM),)
        yield from _broken(report, report.best)
    if not report.explained:
        yield from _unexplained(report)
    yield from _others(report)
    if report.short:
        yield (Span("  " + _("not all combinations were tried: there are too many"), Ink.DIM),)
    for figure, reason in report.left_out:
        yield (Span("  " + _("not used: {name}: {reason}").format(name=figure, reason=reason), Ink.DIM),)


def _reproduced(found: Explanation, among: int, glyphs: Glyphs) -> Iterator[Line]:
    """The deviations, numbered, each with what is given without it."""
    text = _("{count} of {all} are given if").format(count=found.count, all=among)
    yield (Span(f"{glyphs.check} ", Ink.GOOD), Span(text))
    yield from _numbered(found)


def _numbered(found: Explanation) -> Iterator[Line]:
    for number, (one, without) in enumerate(zip(found.deviations, found.without, strict=True), 1):
        less = _("without it {count} of {all}").format(count=without, all=len(found.fits))
        said = f"   {less}" if len(found.deviations) > 1 else ""
        yield (Span(f"    {number}  ", Ink.DIM), Span(one.text, Ink.ACCENT), Span(said, Ink.DIM))
    for change in found.changes:
        stated = _("for {equation}").format(equation=change.stated)
        yield (Span("       "), Span(change.made), Span(f"   {stated}", Ink.DIM))


def _several(report: Report, glyphs: Glyphs) -> Iterator[Line]:
    """Several programs in one text."""
    best, among = report.best, len(report.figures)
    count = len(report.more) + 1
    yield (Span(f"{glyphs.check} ", Ink.GOOD), Span(_("{count} programs in one text").format(count=count), Ink.STRONG))
    if best.deviations:
        yield (Span("  " + _("A gives {count} of {all}, if").format(count=best.count, all=among)),)
        yield from _numbered(best)
    else:
        yield (Span("  " + _("A, as stated, gives {count} of {all}").format(count=best.count, all=among)),)
    missed = [k for k, fits in enumerate(best.fits) if not fits]
    for letter, found in zip("BCDE", report.more, strict=False):
        gained = [k for k in missed if found.fits[k]]
        text = _("{letter} gives {count} of the {missed} that are missed ({names}), if")
        said = text.format(letter=letter, count=len(gained), missed=len(missed), names=named(report, gained))
        yield (Span("  " + said),)
        yield from _numbered(found)
        lost = [k for k, fits in enumerate(found.fits) if best.fits[k] and not fits and not math.isnan(found.values[k])]
        if lost:
            text = _("of those that A gives, {letter} misses {count}: {names}")
            said = text.format(letter=letter, count=len(lost), names=named(report, lost))
            yield (Span("       " + said, Ink.DIM),)
        missed = [k for k in missed if k not in gained]


def _broken(report: Report, found: Explanation) -> Iterator[Line]:
    """The figures that are given as stated, and not with the deviations."""
    lost = [k for k, fits in enumerate(found.fits) if not fits and report.stated.fits[k]]
    if lost:
        said = _("it breaks {count}: {names}").format(count=len(lost), names=named(report, lost))
        yield (Span("  " + said, Ink.DIM),)


def _unexplained(report: Report) -> Iterator[Line]:
    """The figures that nothing gives."""
    yield (Span("  " + _("nothing short explains:"), Ink.BAD),)
    for k in report.unexplained:
        figure, value = report.figures[k], report.best.values[k]
        said = _("{name}: {printed} is printed, {value} is computed")
        said = said.format(name=_called(report, k), printed=figure.printed, value=shown(value))
        yield (Span("    " + joined((said, slip(figure.above(value))), ": ")),)


def _others(report: Report) -> Iterator[Line]:
    """What else gives the same, and what would decide."""
    if not report.others:
        return
    count = len(report.others)
    yield (Span("  " + ngettext("one other explanation fits:", "{count} others fit:", count).format(count=count)),)
    decider = report.decider
    for number, one in enumerate(report.others, 1):
        given = _("gives {count} of {all}").format(count=one.count, all=len(one.fits))
        text = joined([deviation.text for deviation in one.deviations], _(", and "))
        yield (Span("    - ", Ink.DIM), Span(text, Ink.ACCENT), Span(f"   {given}{_if(decider, number)}", Ink.DIM))
    if decider is not None:
        what = decider.symbol
        if decider.updates:
            what = _("{name} after {updates} updates").format(name=what, updates=f"{decider.updates:,}")
        said = _("what would decide: {name}; with the first explanation it is {value}")
        yield (Span("  " + said.format(name=what, value=shown(decider.values[0]))),)


def _if(decider: Decider | None, number: int) -> str:
    """What an explanation makes of the figure that would decide."""
    return "" if decider is None else f"   {decider.symbol} = {shown(decider.values[number])}"


def named(report: Report, numbers: Sequence[int]) -> str:
    """The names of some figures."""
    names = [_called(report, k) for k in numbers[:MOST_NAMES]]
    return joined((*names, "…") if len(numbers) > MOST_NAMES else names, ", ")


def _called(report: Report, number: int) -> str:
    """A figure's name, with the updates that come before it."""
    updates, symbol = report.figures[number].updates, report.symbols[number]
    found = _("{name} after {updates}").format(name=symbol, updates=f"{updates:,}") if updates else symbol
    named_so = zip(report.symbols, (one.updates for one in report.figures), strict=True)
    # Of one value several figures may be printed.
    return found if [*named_so].count((symbol, updates)) == 1 else f"{found} = {report.figures[number].printed}"


def shown(value: float) -> str:
    """A number for people."""
    return f"{value:z.{_SHOWN}g}"
