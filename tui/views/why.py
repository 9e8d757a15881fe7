"""Why a gradient is as it is: its account by layer as a table, and what is said above and below it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from retrograde.engine.equations.expression import Ref, refs
from retrograde.engine.equations.rendering import render
from retrograde.engine.explaining.factors import FactorKind
from retrograde.engine.explaining.telling import moment
from retrograde.engine.text import N_, _, joined, lead, ngettext
from retrograde.tui.canvas.canvas import Line, Span
from retrograde.tui.canvas.glyphs import width
from retrograde.tui.canvas.inks import Ink, signed
from retrograde.tui.canvas.typesetting import typeset
from retrograde.tui.drawing.cells import brief
from retrograde.tui.reading.figures import show
from retrograde.tui.records.table_view import Bar, Cell, Column, Spark, TableView
from retrograde.tui.views.debugging import address
from retrograde.tui.views.multiplied import multiplied

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from retrograde.engine.explaining.account import Account, LayerAccount, StageAccount
    from retrograde.engine.explaining.gradient_graph import GradientGraph, GraphTerm
    from retrograde.tui.reading.why import Beyond, Course, Moment, WhyReading

NOTHING = 1e-12
"""Logarithms below this are those of 1."""
DECADES = 3.0
"""Powers of ten that a whole bar stands for, at least."""
MOST_BAR = 40
"""Cells that a bar with its number grows to."""
SPARK = 12
"""Cells of a small curve."""
MOST_ZEROS = 200
"""Factors that are 0 which are listed."""

KEYS = (
    ("Enter", N_("its step")),
    ("p", N_("chain")),
    ("[ ]", N_("iteration")),
    ("Esc", N_("back")),
)


def signed_brief(value: float) -> str:
    """A number in few digits, with a sign always."""
    text = brief(value, 2)
    return text if text.startswith("−") else f"+{text}"


def percent(share: float) -> str:
    """A share in per cent, in few digits."""
    text = f"{100 * share:.2g}" if abs(share) < 0.0995 else f"{100 * share:.0f}"
    return text.replace("-", "−") + " %"


def stage_name(layer: str, time: int | None) -> str:
    """A layer with its time step."""
    return (layer or _("loss")) if time is None else f"{layer}@{time}"


def why_title(reading: WhyReading) -> Line:
    """What stands in the edge: what is asked about, its value and when."""
    epoch, iteration = reading.moment.place
    return (
        Span(_("why {symbol}").format(symbol=reading.symbol), Ink.TITLE_ON),
        Span(f" = {show(reading.found.value)}", Ink.STRONG),
        Span("" if reading.moment.network.notation.dotted else f"  {epoch}:{iteration}", Ink.DIM),
    )


def why_table(
    reading: WhyReading, selected: int, course: Course | None = None, further: Beyond | None = None
) -> TableView:
    """The autopsy of a gradient.

    Args:
        reading: the autopsy.
        selected: the selected row.
        course: how its factors went over the run, where that was looked at.
        further: when it died and what would revive it, where that was looked for.
    """
    head: list[Line] = [(Span(typeset(reading.verdict), Ink.STRONG),)]
    if reading.moment.ahead(reading.found.ref):
        head.append((Span(_("The cursor is not there yet."), Ink.DIM),))
    account = reading.found.account
    columns, rows = _found_rows(reading) if account is None else _account_rows(reading, account, course)
    keys = [(key, _(word)) for key, word in KEYS]
    if further is not None and further.remedy is not None:
        keys.insert(2, ("e", _("try the change")))
    return TableView(
        columns=columns,
        rows=rows,
        first=0,
        count=len(rows),
        selected=selected,
        lines=(*head, ()),
        foot=_foot(reading, further),
        side=(*_side(reading), *_pushed(reading, further)),
        keys=tuple(keys),
    )


def step_of(reading: WhyReading, selected: int) -> int | None:
    """The step that a row is about; None where no step made it."""
    refs_ = _row_refs(reading)
    return reading.moment.made_by(refs_[selected]) if 0 <= selected < len(refs_) else None


def _row_refs(reading: WhyReading) -> tuple[Ref, ...]:
    """The slot that each row is about."""
    found = reading.found
    if found.account is not None:
        own = found.ref
        stages = [(layer.layer, layer.time) for layer in reversed(found.account.layers)]
        return (*(reading.busiest[stage].gradient if stage in reading.busiest else own for stage in stages), own)
    if found.origin is not None:
        return (found.origin.ref, *found.origin.operands)
    if found.zeros is not None:
        return tuple(next(refs(blocker.factor.expr), found.ref) for blocker in found.zeros.blockers[:MOST_ZEROS])
    return (found.ref,)


# -- the account


def _account_rows(
    reading: WhyReading, account: Account, course: Course | None
) -> tuple[tuple[Column, ...], tuple[tuple[Cell, ...], ...]]:
    """A row a layer, the loss first, and one of the gradient itself, with the product so far."""
    layers = tuple(reversed(account.layers))
    sofar, sums = 0.0, list[float]()
    for layer in layers:
        sofar += layer.total
        sums.append(sofar)
    sums.append(sofar + account.own.total)
    top = max(*sums, 0.0)
    span = max(top - min(sums) + math.log(10.0), DECADES * math.log(10.0))
    rows = [
        (*_layer_cells(reading, layer, course), _bar(total, top, span))
        for layer, total in zip(layers, sums, strict=False)
    ]
    rows.append((*_own_cells(account.own, course), _bar(sums[-1], top, span)))
    return _columns(rows), tuple(rows)


def _columns(rows: Sequence[tuple[Cell, ...]]) -> tuple[Column, ...]:
    """The columns of the account, in as many cells as they take."""

    def widest(number: int, least: int = 1) -> int:
        texts = (row[number] for row in rows)
        return max((width(cell.text) for cell in texts if isinstance(cell, Span)), default=least)

    numbers = max((width(row[-1].number) for row in rows if isinstance(row[-1], Bar)), default=8)
    return (
        Column(title=_("layer"), width=widest(0)),
        Column(title=_("slope"), width=widest(1), right=True),
        Column(title=_("weights"), width=widest(2), right=True, rank=1),
        Column(title=_("opp."), width=widest(3), right=True, rank=3),
        Column(title=_("weight"), width=widest(4), right=True, rank=9),
        Column(title=_("ways"), width=widest(5), right=True, rank=8),
        Column(title=_("other"), width=min(widest(6), 24), rank=2),
        Column(title=_("most through"), width=widest(7), rank=6),
        Column(title=_("over the run"), width=SPARK, rank=7 if any(_has_curve(row) for row in rows) else 10),
        Column(title=_("so far"), width=numbers + 1 + 6, most=MOST_BAR),
    )


def _has_curve(row: tuple[Cell, ...]) -> bool:
    return any(isinstance(cell, Spark) and cell.shares for cell in row)


def _bar(logarithm: float, top: float, span: float) -> Bar:
    return Bar(1.0 - (top - logarithm) / span, brief(math.exp(logarithm), 2), Ink.DONE)


def _factor(logarithm: float) -> str:
    return brief(math.exp(logarithm), 2)


def _layer_cells(reading: WhyReading, layer: LayerAccount, course: Course | None) -> tuple[Cell, ...]:
    stage = (layer.layer, layer.time)
    kinds = layer.kinds
    sloped = FactorKind.SLOPE in kinds
    weighed = FactorKind.WEIGHT in kinds or abs(layer.weights) > NOTHING
    busy = reading.busiest.get(stage)
    through = ""
    if busy is not None:
        unit = reading.moment.symbol(busy.ref).removeprefix("net_").removeprefix("out_")
        through = f"{unit}  {percent(busy.share)}  {_('net')} {brief(busy.value, 2)}"
    return (
        Span(stage_name(*stage), Ink.STRONG),
        Span(_factor(layer.slopes) if sloped else "·", Ink.TEXT if sloped else Ink.FAINT),
        Span(_factor(layer.weights) if weighed else "·", Ink.TEXT if weighed else Ink.FAINT),
        _opposed(layer.agreement),
        _small(kinds.get(FactorKind.WEIGHT, 0.0)),
        _small(layer.ways),
        Span(_others(kinds), Ink.TEXT),
        Span(through, Ink.TEXT),
        _curve(course, stage),
    )


def _own_cells(own: StageAccount, course: Course | None) -> tuple[Cell, ...]:
    """The row of the gradient itself: what its inputs and its samples make of it."""
    return (
        Span(_("itself"), Ink.STRONG),
        Span("·", Ink.FAINT),
        Span("·", Ink.FAINT),
        _opposed(own.agreement),
        Span("·", Ink.FAINT),
        _small(own.ways),
        Span(_others(own.kinds), Ink.TEXT),
        Span("", Ink.TEXT),
        _curve(course, None),
    )


def _opposed(agreement: float) -> Span:
    """What opposing ways take away."""
    if agreement > -NOTHING:
        return Span("·", Ink.FAINT)
    return Span(percent(-math.expm1(agreement)), Ink.NEGATIVE)


def _small(logarithm: float) -> Span:
    return Span("·", Ink.FAINT) if abs(logarithm) < NOTHING else Span(_factor(logarithm), Ink.DIM)


def _others(kinds: Mapping[FactorKind, float]) -> str:
    """The factors that have no column."""
    shown = (
        f"{_(str(kind))} {_factor(value)}"
        for kind, value in kinds.items()
        if kind not in {FactorKind.SLOPE, FactorKind.WEIGHT} and abs(value) > NOTHING
    )
    return joined(shown, ", ")


def _curve(course: Course | None, key: object) -> Spark:
    values = () if course is None else course.values.get(key, ())
    return Spark(shares(values))


def shares(values: Sequence[float | None]) -> tuple[float | None, ...]:
    """Values between 0 and 1, for a small curve; what is not finite is left out."""
    finite = [value for value in values if value is not None and math.isfinite(value)]
    if len(finite) < 2:
        return ()
    low, high = min(finite), max(finite)
    reach = high - low
    return tuple(
        None if value is None or not math.isfinite(value) else (value - low) / reach if reach > NOTHING else 0.5
        for value in values
    )


# -- what is said below and beside


def _foot(reading: WhyReading, further: Beyond | None) -> tuple[Line, ...]:
    found = reading.found
    lines: list[Line] = []
    if found.account is not None:
        lines.append(_product(found.account, found.value))
    if reading.paths is not None and found.account is not None:
        lines.append((Span(_count(reading), Ink.TEXT),))
    if further is not None:
        lines += [(Span(typeset(sentence), Ink.CHANGED),) for sentence in (*_since(reading, further), *further.told)]
    if found.step == 0:
        lines.append((Span(_("The update leaves the parameter as it is."), Ink.TEXT),))
    elif found.step is not None and math.isfinite(found.step):
        text = _("The update changes it by {step}").format(step=brief(found.step, 2))
        if found.relative_step is not None:
            text += _(", {share} of the parameter").format(share=brief(found.relative_step, 2))
        lines.append((Span(_("{text}.").format(text=text), Ink.TEXT),))
    return tuple(lines)


def _since(reading: WhyReading, further: Beyond) -> tuple[str, ...]:
    """Since when a gradient is tiny beside the one that it is compared with."""
    beside = reading.found.beside
    if further.since is None or beside is None:
        return ()
    text = _("It first fell below a thousandth of {other} at {place}.")
    place = address(reading.moment.schedule, further.since)
    return (text.format(other=reading.moment.symbol(beside.ref), place=place),)


def _count(reading: WhyReading) -> str:
    view = reading.paths
    assert view is not None
    counted = ngettext("{count} path", "{count} paths", view.count).format(count=f"{view.count:,}")
    if view.count == 1:
        return _("{paths}; p shows it.").format(paths=counted)
    return _("{paths}, which agree to {share}; p shows them.").format(paths=counted, share=percent(view.agreement))


def _product(account: Account, value: float) -> Line:
    """The factors of the whole account by kind, which multiply up to the gradient as they are printed."""
    groups: dict[str, float] = {_("slopes"): 0.0, _("weights"): 0.0}
    for layer in account.layers:
        groups[_("slopes")] += layer.slopes
        groups[_("weights")] += layer.weights
        for kind, part in layer.kinds.items():
            if kind not in {FactorKind.SLOPE, FactorKind.WEIGHT}:
                groups[_(str(kind))] = groups.get(_(str(kind)), 0.0) + part
    for kind, part in account.own.kinds.items():
        groups[_(str(kind))] = groups.get(_(str(kind)), 0.0) + part
    groups[_("ways")] = account.own.ways
    groups[_("samples agree")] = account.own.agreement
    kept = {name: part for name, part in groups.items() if abs(part) > NOTHING}
    found = multiplied([math.exp(part) for part in kept.values()], abs(value))
    text = " × ".join(f"{name} {factor}" for name, factor in zip(kept, found.factors, strict=True))
    sign = "= " if value > 0 else "= −"
    word, ink = (_("✓ multiplies up"), Ink.GOOD) if found.holds else (_("rounded"), Ink.DIM)
    return (Span(lead(word), ink), Span(f"{text} {sign}{found.product}", Ink.STRONG))


def factors_of(moment: Moment, terms: Iterable[GraphTerm]) -> str:
    """The factors of some terms, each with its name and its number."""
    parts = [
        f"{render(factor.expr, moment.symbol)} {brief(value, 3)}" for term in terms for factor, value in term.factors
    ]
    return " · ".join(parts)


def _side(reading: WhyReading) -> tuple[Line, ...]:
    """The largest paths, by the units that they go through."""
    view = reading.paths
    if view is None or not view.count or reading.found.account is None:
        return ()
    lines: list[Line] = [(Span(_("paths, largest first"), Ink.DIM),)]
    for path in view.paths:
        if not path.value:
            continue
        assert reading.chain is not None
        text = units_of(reading.moment, reading.chain.graph, path.terms)
        lines.append((Span(f"{signed_brief(path.value)} ", signed(path.value)), Span(text, Ink.TEXT)))
    if view.others:
        rest = _("the other {count}, at most {most}").format(count=f"{view.others:,}", most=brief(view.rest_at_most, 2))
        lines.append((Span(f"{signed_brief(view.rest)} ", signed(view.rest)), Span(rest, Ink.DIM)))
    return tuple(lines)


def _pushed(reading: WhyReading, further: Beyond | None) -> tuple[Line, ...]:
    """The updates that pushed the neuron to blame, and what did it."""
    if further is None or further.died is None or further.died.ledger is None or not further.pushes:
        return ()
    ledger, per_epoch = further.died.ledger, reading.moment.schedule.per_epoch
    first, last = ledger.pushes[0].before, ledger.pushes[-1].after
    title = _("who pushed {net}: {first} → {last} at row {row}").format(
        net=reading.moment.network.notation.symbol(ledger.net),
        first=brief(first, 2),
        last=brief(last, 2),
        row=ledger.row + 1,
    )
    lines: list[Line] = [(), (Span(title, Ink.DIM),)]
    for push, parts in further.pushes:
        told = [
            _("row {row} {amount}").format(row=part.row + 1, amount=signed_brief(float(part.amount)))
            if part.row is not None
            else f"{_(str(part.kind))} {signed_brief(float(part.amount))}"
            for part in parts
        ]
        if push.inputs:
            told.append(_("its inputs {amount}").format(amount=signed_brief(float(push.inputs))))
        when = moment(push.start, per_epoch)
        lines.append(
            (
                Span(f"{when} ", Ink.DIM),
                Span(f"{signed_brief(float(push.change))} ", signed(float(push.change))),
                Span(joined(told, ", "), Ink.TEXT),
            )
        )
    return tuple(lines)


def units_of(moment: Moment, graph: GradientGraph, terms: Iterable[GraphTerm]) -> str:
    """The units that a path goes through, from the gradient to the loss."""
    found: dict[str, None] = {}
    for term in terms:
        ref = None if term.above is None else graph.node(term.above).ref
        if ref is not None and ref.array.of is not None:
            symbol = moment.symbol(Ref(ref.array.of, ref.index))
            found[symbol.removeprefix("net_").removeprefix("out_")] = None
    return " ".join(found)


# -- exactly 0, rounding, not finite


def _found_rows(reading: WhyReading) -> tuple[tuple[Column, ...], tuple[tuple[Cell, ...], ...]]:
    """The rows where there is no account: what is 0, or where it stopped being finite."""
    found, moment = reading.found, reading.moment
    if found.zeros is not None and found.zeros.blockers:
        rows = [
            (
                Span(render(blocker.factor.expr, moment.symbol), Ink.STRONG),
                Span("0", Ink.BAD),
                Span(_(str(blocker.factor.kind)), Ink.TEXT),
                Span("" if blocker.term.sample is None else str(blocker.term.sample + 1), Ink.TEXT),
            )
            for blocker in found.zeros.blockers[:MOST_ZEROS]
        ]
        titles = (_("what is 0"), _("value"), _("kind"), _("sample"))
        return _plain_columns(rows, titles, right=(1, 3)), tuple(rows)
    at = (found.ref,) if found.origin is None else (found.origin.ref, *found.origin.operands)
    plain = []
    for number, ref in enumerate(at):
        value = moment.frame.value(ref)
        said = "" if found.origin is None else _("began here") if not number else _("it reads")
        ink = Ink.TEXT if math.isfinite(value) else Ink.BAD
        plain.append((Span(moment.symbol(ref), Ink.STRONG), Span(show(value), ink), Span(said, Ink.DIM)))
    return _plain_columns(plain, (_("value"), "", ""), right=(1,)), tuple(plain)


def _plain_columns(
    rows: Sequence[tuple[Span, ...]], titles: tuple[str, ...], right: tuple[int, ...]
) -> tuple[Column, ...]:
    return tuple(
        Column(
            title=title,
            width=min(max((width(row[k].text) for row in rows), default=1), 48),
            right=k in right,
            rank=k,
        )
        for k, title in enumerate(titles)
    )
