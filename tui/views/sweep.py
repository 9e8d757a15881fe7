"""What came out of a sweep, as lines for a terminal: the fates of each setting with a bar, curves, what to look at."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from shlex import quote
from typing import TYPE_CHECKING

from retrograde.engine.scenario.settings import value_text
from retrograde.engine.sweeping.fates import Fate
from retrograde.engine.sweeping.summary import QUANTILES
from retrograde.engine.text import N_, _, ngettext, per_cent, visible
from retrograde.tui.canvas.canvas import Canvas, Line, Span, wrapped
from retrograde.tui.canvas.glyphs import Glyphs, width
from retrograde.tui.canvas.inks import Ink
from retrograde.tui.drawing.curves import draw_plot
from retrograde.tui.records.curves import CurvePlot, Series

if TYPE_CHECKING:
    from retrograde.engine.sweeping.summary import Causes, Group
    from retrograde.engine.sweeping.sweeping import Sweep

NAMES = {
    Fate.CONVERGED: N_("converged"),
    Fate.SLOW: N_("under way"),
    Fate.STUCK: N_("stuck"),
    Fate.DIVERGED: N_("diverged"),
    Fate.NAN: N_("NaN"),
}
"""What a fate is called."""

SIGNS = {Fate.CONVERGED: "█", Fate.SLOW: "▒", Fate.STUCK: "░", Fate.DIVERGED: "╱", Fate.NAN: "×"}
PLAIN = {Fate.CONVERGED: "#", Fate.SLOW: "=", Fate.STUCK: ".", Fate.DIVERGED: "/", Fate.NAN: "x"}
INKS = {
    Fate.CONVERGED: Ink.GOOD,
    Fate.SLOW: Ink.ACCENT,
    Fate.STUCK: Ink.CHANGED,
    Fate.DIVERGED: Ink.NEGATIVE,
    Fate.NAN: Ink.BAD,
}

LEAST_BAR, MOST_BAR = 10, 40
"""Cells of a bar."""
LEVELS = 5
"""How much the table leaves out where there is little room, from nothing to all but the shares."""
PICTURED = 3
"""Settings whose curves are drawn: where most runs converge, where it is most a matter of luck, where most are lost."""
PLOT_ROWS = 9
ABOVE = 20.0
"""How many times the first losses a curve may rise in the picture."""


def sweep_lines(found: Sweep, columns: int, glyphs: Glyphs) -> Iterator[Line]:
    """What came out of a sweep.

    Args:
        found: the sweep.
        columns: the cells of a line.
        glyphs: the characters.
    """
    groups = found.groups
    yield from wrapped(_head(found), columns)
    yield ()
    yield from fate_lines(groups, columns, glyphs)
    if (causes := found.causes) is not None:
        yield ()
        yield from wrapped((Span(luck(causes, seeded=len(found.plan.grid.lucks) > 1)),), columns)
    # One epoch is a point, and no curve.
    for group in pictured(groups) if len(found.plan.work.milestones) > 1 else ():
        yield ()
        yield from curve_lines(found, group, columns, glyphs)
    yield from _to_open(found, groups)


def _head(found: Sweep) -> Line:
    plan = found.plan
    parts = [ngettext("{count} run", "{count} runs", len(found.results)).format(count=f"{len(found.results):,}")]
    if len(found.results) < plan.grid.runs:
        parts[0] = _("{done} of {total} runs").format(done=f"{len(found.results):,}", total=f"{plan.grid.runs:,}")
    size = plan.grid.size
    parts.append(ngettext("{count} setting", "{count} settings", size).format(count=f"{size:,}"))
    if plan.grid.seeds is not None:
        count = len(plan.grid.seeds)
        parts.append(ngettext("{count} seed", "{count} seeds", count).format(count=f"{count:,}"))
    parts.append(ngettext("{count} epoch", "{count} epochs", plan.epochs).format(count=f"{plan.epochs:,}"))
    return (Span(visible(plan.source), Ink.STRONG), Span("   " + " · ".join(parts)))


def percent(value: float) -> str:
    """A share for a table: a dot for nothing, and never 0 or 100 for what is not."""
    if math.isnan(value) or value == 0:
        return "·"
    if value == 1:
        return "100 %"
    return f"{min(max(value * 100, 0.1), 99.9):.1f} %" if not 0.1 <= value <= 0.9 else f"{value * 100:.0f} %"


def _epochs(quantiles: Sequence[float], *, brief: bool) -> str:
    """The median of some epochs, and the inner 80 % of them."""
    if not quantiles:
        return "·"
    low, middle, high = (f"{one:.0f}" for one in (quantiles[0], quantiles[2], quantiles[-1]))
    return middle if brief or low == high else f"{middle} ({low}–{high})"


def _table(groups: Sequence[Group], level: int) -> list[list[str]]:
    """The rows of the table, its head first, with less and less in them: each level leaves something out."""
    keys = list(groups[0].values)
    interval, brief, runs, epochs = level < 1, level > 1, level < 3, level < 4
    others = [fate for fate in Fate if fate is not Fate.CONVERGED and any(one.fates[fate].count for one in groups)]
    rows = [[key.rpartition(".")[2] for key in keys]]
    rows[0] += [_("runs")] * runs + [_(NAMES[Fate.CONVERGED])] + [""] * interval + [_(NAMES[fate]) for fate in others]
    ends = [
        (title, take)
        for title, take in ((_("in epoch"), _converged), (_("diverges in"), _ended))
        if epochs and any(take(group) for group in groups)
    ]
    rows[0] += [title for title, _take in ends]
    for group in groups:
        good = group.fates[Fate.CONVERGED]
        row = [visible(value_text(group.values[key])) for key in keys]
        row += [f"{group.runs:,}"] * runs + [percent(good.value)]
        row += [f"{good.low * 100:.0f}–{good.high * 100:.0f}" if group.runs > 1 else ""] * interval
        row += [percent(group.fates[fate].value) for fate in others]
        rows.append(row + [_epochs(take(group), brief=brief) for _title, take in ends])
    return rows


def _converged(group: Group) -> tuple[float, ...]:
    return group.converged


def _ended(group: Group) -> tuple[float, ...]:
    return group.ended


def fate_lines(groups: Sequence[Group], columns: int, glyphs: Glyphs) -> Iterator[Line]:
    """The fates of each setting: shares, since when, and a bar where there is room for it."""
    tables = [_table(groups, level) for level in range(LEVELS)]
    rooms = [columns - sum(_sizes(rows)) - 2 * len(rows[0]) for rows in tables]
    barred = next((level for level, room in enumerate(rooms) if room >= LEAST_BAR), None)
    level = barred if barred is not None else next((at for at, room in enumerate(rooms) if room >= -2), LEVELS - 1)
    bar = min(rooms[level], MOST_BAR) if barred is not None else 0
    rows, sizes = tables[level], _sizes(tables[level])
    signs = PLAIN if glyphs.ascii else SIGNS
    for number, row in enumerate(rows):
        text = "  ".join(" " * (size - width(one)) + one for one, size in zip(row, sizes, strict=True))
        if number == 0:
            yield (Span(text, Ink.DIM),)
        else:
            yield (Span(text + "  "), *(_bar(groups[number - 1], bar, signs) if bar else ()))
    if legend := _legend(groups, level, signs if bar else {}):
        yield from wrapped((Span(legend, Ink.DIM),), columns)


def _sizes(rows: list[list[str]]) -> list[int]:
    return [max(width(row[at]) for row in rows) for at in range(len(rows[0]))]


def _bar(group: Group, cells: int, signs: Mapping[Fate, str]) -> list[Span]:
    """A bar of the fates in their order; none that occurs is without a cell while there are enough."""
    counts = {fate: group.fates[fate].count for fate in Fate if group.fates[fate].count}
    if not counts:
        return []
    ends, total = [], 0
    for count in counts.values():
        total += count
        ends.append(total / group.runs * cells)
    sizes = [round(end) - round(start) for start, end in zip([0.0, *ends], ends, strict=False)]
    for at, size in enumerate(sizes):
        if size == 0 and max(sizes) > 1:
            sizes[sizes.index(max(sizes))] -= 1
            sizes[at] = 1
    return [Span(signs[fate] * size, INKS[fate]) for fate, size in zip(counts, sizes, strict=True)]


def _legend(groups: Sequence[Group], level: int, signs: Mapping[Fate, str]) -> str:
    """What the signs of the bars mean, and the numbers behind others."""
    there = [fate for fate in Fate if any(group.fates[fate].count for group in groups)]
    parts = [f"{signs[fate]} {_(NAMES[fate])}" for fate in there if signs]
    if level < 1 and any(group.runs > 1 for group in groups):
        parts.append(_("behind a share: its 95 % interval"))
    if level < 2 and any(group.converged or group.ended for group in groups):
        parts.append(_("epochs: median (10 %–90 %)"))
    return "   ".join(parts)


def luck(causes: Causes, *, seeded: bool) -> str:
    """Whether it is luck or the setting that runs converge, in a sentence."""
    parts = [f"{visible(key)} {per_cent(share)}" for key, share in causes.keys.items()]
    if len(parts) > 1:
        parts.append(_("only together {share}").format(share=per_cent(causes.together)))
    keys = ", ".join(parts)
    if not causes.keys:
        return _("luck or setting: there is one setting, so who converges is luck alone")
    if not seeded:
        return _("who converges goes with: {keys}").format(keys=keys)
    text = _(
        "luck or setting: of the variance of who converges {setting} goes with the setting ({keys}), {seed} with the"
        " seed, and {both} with seeds that suit one setting and not another"
    )
    return text.format(
        setting=per_cent(causes.setting), keys=keys, seed=per_cent(causes.seed), both=per_cent(causes.both)
    )


def pictured(groups: Sequence[Group]) -> list[Group]:
    """The settings whose curves are drawn, in the order of the grid."""
    there = [group for group in groups if group.runs]
    if len(there) <= PICTURED:
        return there

    def good(group: Group) -> float:
        return group.fates[Fate.CONVERGED].value

    def kept(group: Group) -> tuple[float, float]:
        return -group.fates[Fate.DIVERGED].value - group.fates[Fate.NAN].value, good(group)

    chosen: list[Group] = []
    for rank in (lambda one: (-good(one), 0.0), lambda one: (abs(good(one) - 0.5), 0.0), kept):
        chosen.append(min((group for group in there if group not in chosen), key=rank))
    return sorted(chosen, key=lambda group: group.number)


def curve_lines(found: Sweep, group: Group, columns: int, glyphs: Glyphs) -> Iterator[Line]:
    """The loss of a setting over the epochs: the median of its runs, and the band of the inner 80 %."""
    import numpy as np

    marks = np.array(found.plan.work.milestones, dtype=np.float64)
    low, middle, high = group.curves[0], group.curves[QUANTILES.index(0.5)], group.curves[-1]
    finite = group.curves[np.isfinite(group.curves)]
    title: Line = (Span(visible(group.text) or visible(found.plan.source), Ink.STRONG),)
    if group.runs > 1:
        title += (Span("   " + _("E: the median of the runs, and 10 % to 90 % of them"), Ink.DIM),)
    yield from wrapped(title, columns)
    if not len(finite):
        yield (Span("  " + _("no loss is a number"), Ink.DIM),)
        return
    top = ABOVE * float(max(group.curves[-1][0] if np.isfinite(group.curves[-1][0]) else finite.min(), 1e-300))
    most = min(float(finite.max()), top)
    bounded = [np.where(np.isnan(one), np.nan, np.minimum(one, most)) for one in (low, middle, high)]
    series = [Series(name="", x=marks, low=bounded[1], high=bounded[1], ink=Ink.POSITIVE)]
    if group.runs > 1:
        series.insert(0, Series(name="", x=marks, low=bounded[0], high=bounded[2], ink=Ink.DIM, behind=True))
    canvas = Canvas(columns, PLOT_ROWS, glyphs)
    plot = CurvePlot(series=tuple(series), start=1.0, stop=float(marks[-1]), unit=_("epoch"))
    draw_plot(canvas, plot, 0, PLOT_ROWS)
    for text, inks in zip(canvas.text(), canvas.inks(), strict=True):
        if text.strip():
            yield tuple(_spans(text, inks))


def _spans(text: str, inks: Sequence[int]) -> Iterator[Span]:
    """A row of a canvas as pieces in one ink; a cell of two columns has no character for the second."""
    start = 0
    for at in range(1, len(text) + 1):
        if at == len(text) or inks[min(at, len(inks) - 1)] != inks[min(start, len(inks) - 1)]:
            yield Span(text[start:at], inks[min(start, len(inks) - 1)])
            start = at


def _to_open(found: Sweep, groups: Sequence[Group]) -> Iterator[Line]:
    """What opens a run of each bad fate, at the moment to look at."""
    lines = []
    for fate in (Fate.STUCK, Fate.SLOW, Fate.DIVERGED, Fate.NAN):
        having = [group for group in groups if fate in group.examples]
        if having:
            group = max(having, key=lambda one: one.fates[fate].count)
            seed, at = group.examples[fate]
            lines.append((fate, "retrograde " + quote(found.plan.called(group.number, seed, at))))
    alarms = [(group, *next(iter(group.alerts.items()))) for group in groups if group.alerts]
    if alarms:
        yield ()
        yield (Span(_("the most frequent alarm of each setting:"), Ink.DIM),)
        for group, rule, count in alarms:
            yield (
                Span(f"  {visible(group.text) or visible(found.plan.source)}  {rule} {percent(count / group.runs)}"),
            )
    if lines:
        yield ()
        yield (Span(_("to look at one:"), Ink.DIM),)
        for fate, command in lines:
            yield (Span(f"  {visible(command)}"), Span(f"   {_(NAMES[fate])}", Ink.DIM))
