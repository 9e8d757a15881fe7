"""The whole chain of a gradient as a tree that folds: by paths, by cuts, or term by term."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING

from retrograde.engine.equations.expression import Ref, refs
from retrograde.engine.equations.rendering import render
from retrograde.engine.explaining.paths import Axis, Cuts, axes
from retrograde.engine.text import N_, _, ngettext
from retrograde.tui.canvas.canvas import Line, Span
from retrograde.tui.canvas.glyphs import width
from retrograde.tui.canvas.inks import Ink, signed
from retrograde.tui.drawing.cells import brief
from retrograde.tui.reading.chain import ChainReading, Way
from retrograde.tui.reading.figures import show, show_signed
from retrograde.tui.records.equation import ChainParts
from retrograde.tui.records.table_view import Cell, Column, TableView
from retrograde.tui.views.debugging import address
from retrograde.tui.views.why import factors_of, percent, units_of

if TYPE_CHECKING:
    from retrograde.engine.equations.array import Array
    from retrograde.engine.explaining.gradient_graph import GraphTerm
    from retrograde.engine.explaining.paths import Cut, CutRow

MOST_ITEMS = 100
"""Terms, or parts of a cut, that are listed; the others add up to a row."""
MOST_PATHS = 64
MOST_BESIDE = 6
"""Rows of a chain that stands beside other things."""
LABEL = 24
"""Cells of a label at least."""

KEYS = (
    ("→ ←", N_("unfold, fold")),
    ("Enter", N_("its step")),
    ("Tab", N_("paths, cuts, terms")),
    ("x", N_("other axis")),
    ("Esc", N_("back")),
)

WAYS = {Way.PATHS: N_("path by path"), Way.CUTS: N_("by what it goes through"), Way.TERMS: N_("term by term")}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Item:
    """A row of the tree.

    Attributes:
        key: where it is in the tree.
        label: what it is.
        value: its value; None for none.
        ref: the slot that it is about, whose step Enter goes to.
        inside: makes what it unfolds to; None where it does not.
        axes: how many axes what it unfolds to may go by.
        faint: whether it is only what the others add up to.
    """

    key: tuple[object, ...]
    label: str
    value: float | None = None
    ref: Ref | None = None
    inside: Callable[[int], tuple[Item, ...]] | None = None
    axes: int = 1
    faint: bool = False


# -- what the tree is made of


def items_of(reading: ChainReading, way: Way) -> tuple[Item, ...]:
    """The first level of the tree."""
    match way:
        case Way.PATHS:
            return _paths(reading)
        case Way.CUTS:
            return _cuts(reading, reading.chain.cuts, (way,))
        case Way.TERMS:
            return _terms(reading, 0, (way,))


def _paths(reading: ChainReading) -> tuple[Item, ...]:
    """The largest paths, and the exact rest."""
    view = reading.chain.paths(MOST_PATHS)
    found = [
        Item(
            key=(Way.PATHS, number),
            label=_path_name(reading, path.terms),
            value=path.value,
            ref=reading.chain.ref,
            inside=partial(_factors_of_path, reading, path.terms, (Way.PATHS, number)),
        )
        for number, path in enumerate(view.paths)
    ]
    if view.others:
        text = _("the other {count}; their sizes add up to {most}")
        label = text.format(count=f"{view.others:,}", most=brief(view.rest_at_most, 2))
        found.append(Item(key=(Way.PATHS, None), label=label, value=view.rest, faint=True))
    return tuple(found)


def _path_name(reading: ChainReading, terms: Sequence[GraphTerm]) -> str:
    """The units that a path goes through, and its factors."""
    units = units_of(reading.moment, reading.chain.graph, terms)
    return ": ".join(filter(None, (units, factors_of(reading.moment, terms))))


def _factors_of_path(
    reading: ChainReading, terms: Sequence[GraphTerm], key: tuple[object, ...], _axis: int
) -> tuple[Item, ...]:
    """The factors along a path, from the gradient to the loss."""
    return tuple(item for number, term in enumerate(terms) for item in _factors(reading, term, (*key, number)))


def _factors(reading: ChainReading, term: GraphTerm, key: tuple[object, ...]) -> tuple[Item, ...]:
    """The factors of a term, each with its number and the slot that it reads."""
    return tuple(
        Item(
            key=(*key, "factor", number),
            label=render(factor.expr, reading.moment.symbol),
            value=value,
            ref=next(refs(factor.expr), None),
        )
        for number, (factor, value) in enumerate(term.factors)
    )


def _terms(reading: ChainReading, node: int, key: tuple[object, ...], _axis: int = 0) -> tuple[Item, ...]:
    """The terms of a gradient, largest first; of a single one its factors and what it reads."""
    graph = reading.chain.graph
    terms = graph.terms(node)
    if len(terms) == 1:
        return _inside_term(reading, terms[0], key, 0)

    def contribution(term: GraphTerm) -> float:
        return term.coefficient * (1.0 if term.above is None else float(graph.value[term.above]))

    ordered = sorted(terms, key=lambda term: -abs(contribution(term)))
    found = []
    for number, term in enumerate(ordered[:MOST_ITEMS]):
        parts = [factors_of(reading.moment, (term,))] if term.factors else []
        if term.above is not None:
            parts.append(f"{_symbol(reading, term.above)} {brief(float(graph.value[term.above]), 3)}")
        own = (*key, number)
        found.append(
            Item(
                key=own,
                label=" · ".join(parts),
                value=contribution(term),
                ref=graph.node(node if term.above is None else term.above).ref,
                inside=partial(_inside_term, reading, term, own),
            )
        )
    if len(ordered) > MOST_ITEMS:
        rest = sum((Fraction(contribution(term)) for term in ordered[MOST_ITEMS:]), Fraction())
        found.append(_rest(key, len(ordered) - MOST_ITEMS, float(rest)))
    return tuple(found)


def _inside_term(reading: ChainReading, term: GraphTerm, key: tuple[object, ...], _axis: int) -> tuple[Item, ...]:
    """The factors of a term, and the gradient that it reads, which unfolds further."""
    found = [*_factors(reading, term, key)]
    if term.above is not None:
        graph, own = reading.chain.graph, (*key, "above")
        found.append(
            Item(
                key=own,
                label=_symbol(reading, term.above),
                value=float(graph.value[term.above]),
                ref=graph.node(term.above).ref,
                inside=partial(_terms, reading, term.above, own),
            )
        )
    return tuple(found)


def _cuts(reading: ChainReading, cuts: Cuts, key: tuple[object, ...], _axis: int = 0) -> tuple[Item, ...]:
    """The arrays that what is divided goes through, nearest first; each unfolds to its parts."""
    found = []
    if (times := cuts.by_time) is not None:
        own = (*key, "time")
        found.append(
            Item(
                key=own,
                label=_("time steps"),
                ref=reading.chain.graph.node(times.rows[0].nodes[0]).ref,
                inside=lambda _axis: _rows(reading, cuts, times, N_("time step"), own),
            )
        )
    for number, array in enumerate(cuts.arrays):
        nodes = reading.chain.graph.nodes(array)
        if len(nodes) < 2:
            continue
        whole = cuts.is_whole(array)
        name = array.of.name if array.of is not None else array.name
        label = name if whole else _("{name}, beside which more goes").format(name=name)
        own = (*key, number)
        found.append(
            Item(
                key=own,
                label=label,
                ref=reading.chain.graph.node(nodes[0]).ref,
                inside=partial(_parts, reading, cuts, array, own),
                axes=max(len(axes(array)), 1),
                faint=not whole,
            )
        )
    return tuple(found)


def _parts(reading: ChainReading, cuts: Cuts, array: Array, key: tuple[object, ...], axis: int) -> tuple[Item, ...]:
    """The parts of a cut along an axis, largest first, and the exact rest; each unfolds to the cuts below it."""
    by, cut = _telling(cuts, array, axis)
    return _rows(reading, cuts, cut, "" if by is None else by.name, (*key, axis))


def _rows(reading: ChainReading, cuts: Cuts, cut: Cut, name: str, key: tuple[object, ...]) -> tuple[Item, ...]:
    found = []
    for number, row in enumerate(cut.rows[:MOST_ITEMS]):
        own = (*key, number)
        found.append(
            Item(
                key=own,
                label=_part_name(reading, name, row, cuts),
                value=row.value,
                ref=reading.chain.graph.node(_largest(cuts, row)).ref,
                inside=partial(_below, reading, cuts, row, own),
            )
        )
    if len(cut.rows) > MOST_ITEMS:
        found.append(_rest(key, len(cut.rows) - MOST_ITEMS, cut.rest(MOST_ITEMS)))
    if not cut.whole:
        found.append(Item(key=(*key, "beside"), label=_("beside it"), value=cut.beside, faint=True))
    return tuple(found)


def _telling(cuts: Cuts, array: Array, axis: int) -> tuple[Axis | None, Cut]:
    """A cut along an axis, or along the next one where there is only one part along it."""
    along = axes(array)
    for number in range(len(along)):
        by = along[(axis + number) % len(along)]
        cut = cuts.at(array, by)
        if len(cut.rows) > 1:
            return by, cut
    return None, cuts.at(array)


def _below(reading: ChainReading, cuts: Cuts, row: CutRow, key: tuple[object, ...], _axis: int) -> tuple[Item, ...]:
    return _cuts(reading, cuts.through(row), key)


def _largest(cuts: Cuts, row: CutRow) -> int:
    """The slot of a part that most goes through."""
    through = cuts.reach * cuts.graph.value
    return max(row.nodes, key=lambda number: abs(float(through[number])))


def _part_name(reading: ChainReading, axis: str, row: CutRow, cuts: Cuts) -> str:
    label = ",".join(str(part + 1) for part in row.label)
    name = _symbol(reading, row.nodes[0]) if len(row.nodes) == 1 else f"{_(axis)} {label}"
    return f"{name}  {percent(cuts.share(row))}" if cuts.value else name


def _rest(key: tuple[object, ...], count: int, value: float) -> Item:
    label = _("the other {count}").format(count=f"{count:,}")
    return Item(key=(*key, "rest"), label=label, value=value, faint=True)


def _symbol(reading: ChainReading, number: int) -> str:
    return reading.moment.symbol(reading.chain.graph.node(number).ref)


# -- the tree as a table


def begun(items: tuple[Item, ...], way: Way) -> dict[object, tuple[Item, ...]]:
    """What is unfolded at first: of cuts the nearest one."""
    first = next((item for item in items if way is Way.CUTS and item.inside is not None and not item.faint), None)
    return {} if first is None or first.inside is None else {first.key: first.inside(0)}


@dataclass(frozen=True, slots=True)
class Placed:
    """An item in sight.

    Attributes:
        item: the item.
        depth: how deep it is in the tree.
    """

    item: Item
    depth: int


def in_sight(
    items: Iterable[Item], opened: Collection[tuple[object, ...]], known: Mapping[object, tuple[Item, ...]]
) -> list[Placed]:
    """The items that are in sight, with what those that are unfolded unfold to.

    Args:
        items: the first level.
        opened: the keys of those that are unfolded.
        known: what they unfold to, by their keys.
    """
    found: list[Placed] = []

    def add(those: Iterable[Item], depth: int) -> None:
        for item in those:
            found.append(Placed(item, depth))
            if item.key in opened:
                add(known.get(item.key, ()), depth + 1)

    add(items, 0)
    return found


def chain_title(reading: ChainReading, way: Way) -> Line:
    """What stands in the edge: what is taken apart, and by what."""
    epoch, iteration = reading.moment.place
    return (
        Span(_("chain of {symbol}").format(symbol=reading.symbol), Ink.TITLE_ON),
        Span(f" = {show(reading.value)}", Ink.STRONG),
        Span(f"  {_(WAYS[way])}  {epoch}:{iteration}", Ink.DIM),
    )


def chain_table(
    reading: ChainReading, placed: Sequence[Placed], opened: Collection[tuple[object, ...]], selected: int
) -> TableView:
    """The tree as it is unfolded."""
    rows: list[tuple[Cell, ...]] = [_row(reading, one, one.item.key in opened) for one in placed]
    foot: tuple[Line, ...] = ()
    if 0 <= selected < len(placed):
        item = placed[selected].item
        value = "" if item.value is None else f"{show(item.value)} = "
        foot = ((Span(f"{value}{item.label}", Ink.DIM),),)
    texts = [row[0].text for row in rows if isinstance(row[0], Span)]
    steps = [row[2].text for row in rows if isinstance(row[2], Span)]
    return TableView(
        columns=(
            Column(title=_("value"), width=max(map(width, texts), default=8), right=True),
            Column(title=_("what it is"), width=LABEL, most=400),
            Column(title=_("step"), width=max(map(width, steps), default=4), right=True, rank=1),
        ),
        rows=tuple(rows),
        first=0,
        count=len(rows),
        selected=selected,
        lines=(*_head(reading), ()),
        foot=foot,
        empty=_("nothing goes through another value"),
        keys=tuple((key, _(word)) for key, word in KEYS),
    )


def chain_parts(reading: ChainReading) -> ChainParts:
    """The largest parts of a gradient, for a panel that shows other things too: what ``H`` shows at first."""
    way = reading.way
    items = items_of(reading, way)
    inside = begun(items, way)
    placed = in_sight(items, [one.key for one in items if one.key in inside], inside)
    count = reading.chain.graph.paths[0] if way is Way.PATHS else len(placed)
    values = ["" if one.item.value is None else show_signed(one.item.value, 6) for one in placed[:MOST_BESIDE]]
    size = max(map(width, values), default=0)
    parts: list[Line] = []
    for one, value in zip(placed, values, strict=False):
        ink = Ink.TEXT if one.item.value is None else signed(one.item.value)
        head, *others = ("  " * one.depth + one.item.label).split(" · ")
        line = [Span(" " * (size - width(value)) + value + "  ", ink), Span(head, Ink.TEXT)]
        for other in others:
            line += [Span(" · ", Ink.DIM), Span(other, Ink.TEXT)]
        parts.append(tuple(line))
    title = _("chain of {symbol}").format(symbol=reading.symbol)
    return ChainParts(
        title=(Span(title, Ink.STRONG), Span(f"  {_head(reading)[0][0].text}", Ink.DIM), Span("  H", Ink.KEY)),
        parts=tuple(parts),
        more=count - len(parts),
    )


def _head(reading: ChainReading) -> tuple[Line, ...]:
    graph = reading.chain.graph
    count = graph.paths[0]
    counted = ngettext("{count} path", "{count} paths", count).format(count=f"{count:,}")
    absolute = float(graph.absolute[0])
    if absolute and math.isfinite(absolute) and count > 1:
        share = percent(abs(reading.value) / absolute)
        counted = _("{paths} to E, which agree to {share}").format(paths=counted, share=share)
    else:
        counted = _("{paths} to E").format(paths=counted)
    if reading.change is None:
        return ((Span(counted, Ink.TEXT),),)
    more = _("1 % more {name}") if reading.amount else _("0.01 more {name}")
    asked = _("{more} moves E by {change}, to first order; {paths}").format(
        more=more.format(name=reading.moment.symbol(reading.asked)),
        change=show_signed(reading.change, 6),
        paths=counted,
    )
    return ((Span(asked, Ink.TEXT),),)


def _row(reading: ChainReading, placed: Placed, opened: bool) -> tuple[Cell, ...]:
    item, moment = placed.item, reading.moment
    sign = " " if item.inside is None else "▾" if opened else "▸"
    value = "" if item.value is None else show_signed(item.value)
    made = None if item.ref is None else moment.made_by(item.ref)
    place = "" if item.ref is None else _("given") if made is None else address(moment.schedule, made)
    ink = Ink.TEXT if item.value is None else signed(item.value) if math.isfinite(item.value) else Ink.BAD
    return (
        Span(value, ink),
        Span(f"{'  ' * placed.depth}{sign} {item.label}", Ink.DIM if item.faint else Ink.TEXT),
        Span(place, Ink.DIM),
    )


def step_of(reading: ChainReading, item: Item) -> int | None:
    """The step that an item is about; None where no step made it."""
    return None if item.ref is None else reading.moment.made_by(item.ref)
