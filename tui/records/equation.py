"""The equation panel: the symbols of a step, its numbers, its operands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from retrograde.tui.canvas.canvas import Line, Span
from retrograde.tui.canvas.inks import Ink

if TYPE_CHECKING:
    from retrograde.tui.records.pictures import Picture


_NOTHING = Span("")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fraction:
    """A factor of the unfolded chain rule: a fraction of symbols over its value."""

    above: str
    below: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OperandRow:
    """An operand and where it comes from; ``made`` says that a step made it."""

    symbol: str
    value: str
    origin: str
    ink: int = Ink.TEXT
    made: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Badge:
    """A check of the number on the screen; ``ok`` is None while it is being computed."""

    text: str
    ok: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A chapter of the scenario, at its moment."""

    title: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ChainParts:
    """The chain of a gradient beside other things.

    Attributes:
        title: what it is the chain of.
        parts: its largest parts: a value, and spans between which the line may be broken.
        more: how many there are besides.
    """

    title: Line
    parts: tuple[Line, ...]
    more: int


class FlowPart(NamedTuple):
    """A layer of the flow of the gradient, beside other things.

    Attributes:
        name: the layer.
        share: how much of the room its bar takes, 0 to 1; None for none.
        value: how large its δ is.
        factor: what the layer makes of the gradient.
        smallest: whether that factor is the smallest of all.
    """

    name: str
    share: float | None
    value: str
    factor: str
    smallest: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EquationView:
    """One step: always the same things, in the same order.

    Attributes:
        told: the chapter of the scenario that is about this moment.
        question: the step in a few words.
        why: one sentence.
        left: the symbol that is assigned.
        symbols: the right side in symbols; it may be broken between spans.
        numbers: the same with numbers; empty where it would only repeat the symbols.
        result: the value, with its ink.
        total: of a sum over samples, the sum and what it adds up; the step computes one part of it.
        badges: the checks, of the total where there is one.
        pictures: what is drawn below it, from above.
        factors: the unfolded chain rule, with the symbol and the value it unfolds.
        notes: further sentences.
        operands: what the step read; of very many those around the selected one.
        first: the index of the first operand that is given.
        more: how many there are behind the last one that is given.
        selected: the index of the selected operand, -1 for none.
        origins: of very many operands, how many come from where.
        around: the steps before and after, each with its number, where there is plenty of room; and which is here.
        chain: the chain of its gradient down to the loss, where there is plenty of room; None for none.
        flow: the flow of the gradient through the layers between it and the loss, with the chain.
        prose: paragraphs, where there is no step: the scenario's own words.
    """

    told: Told | None = None
    question: str = ""
    why: str = ""
    left: str = ""
    symbols: Line = ()
    numbers: Line = ()
    result: Span = _NOTHING
    total: Line = ()
    badges: tuple[Badge, ...] = ()
    pictures: tuple[Picture, ...] = ()
    unfolded: str = ""
    factors: tuple[Fraction, ...] = ()
    notes: tuple[Line, ...] = ()
    operands: tuple[OperandRow, ...] = ()
    first: int = 0
    more: int = 0
    selected: int = -1
    origins: Line = ()
    around: tuple[Line, ...] = ()
    chain: ChainParts | None = None
    flow: tuple[FlowPart, ...] = ()
    prose: tuple[Line, ...] = ()
