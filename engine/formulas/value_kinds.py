"""Kinds and lengths of the parts of a formula: what fits together, and what functions make of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from retrograde.engine.equations.scanning import ErrorAt
from retrograde.engine.equations.words import PHASES, SCALAR
from retrograde.engine.formulas.tree import (
    Applied,
    Arithmetic,
    Comparing,
    JoinedPart,
    Kind,
    Node,
    NumberPart,
    Reduced,
    Several,
    TextPart,
    parts,
)
from retrograde.engine.text import _

MAX_SIZE = 1 << 16
"""Operations in a formula, once its arrays are written out: an array against a mean of itself is its square."""

MAX_LEVELS = 80
"""Operations inside each other; Python compiles no more than 200 brackets inside each other."""


class Typed(NamedTuple):
    """A part with its kind, its length where it is a vector, and the column where it begins."""

    node: Node
    kind: Kind
    length: int | None
    column: int


class Kinds:
    """Puts parts together whose kinds and lengths fit.

    Args:
        error: makes the error that is raised where they do not.
    """

    def __init__(self, error: ErrorAt) -> None:
        self._error = error
        # By identity, as parts are shared; the node is kept so that no other one gets its identity.
        self._measures: dict[int, tuple[Node, int, int]] = {}

    def want(self, part: Typed, kind: Kind) -> None:
        """The part has to be of a kind."""
        if part.kind is not kind:
            messages = {
                Kind.NUMBER: _("expected a number here, this is a {kind}"),
                Kind.TRUTH: _("expected a condition such as E < 0.01 here, this is a {kind}"),
                Kind.TEXT: _("expected a text here, this is a {kind}"),
            }
            raise self._error(part.column, messages[kind].format(kind=_(part.kind.value)))

    def joined(self, word: str, found: Sequence[Typed]) -> Typed:
        """Conditions joined by "and" or "or"."""
        length = None
        for part in found:
            self.want(part, Kind.TRUTH)
            length = self._match(part, length)
        return self.spread(lambda *items: JoinedPart(word, items), found, Kind.TRUTH, found[0].column)

    def compared(self, op: str, column: int, left: Typed, right: Typed) -> Typed:
        """A comparison of two numbers, or of a phase with a text; the sign stands at a column."""
        if Kind.TEXT in {left.kind, right.kind}:
            return self._phase(op, column, left, right)
        return self._paired(lambda a, b: Comparing(op, a, b), Kind.TRUTH, left, right)

    def _phase(self, op: str, column: int, left: Typed, right: Typed) -> Typed:
        if left.kind is not Kind.TEXT or right.kind is not Kind.TEXT or op not in {"==", "!="}:
            raise self._error(column, _('a phase is compared by == or != with a text such as "backward"'))
        for side in (left, right):
            if isinstance(side.node, TextPart) and side.node.value not in PHASES:
                message = _("there is no phase `{found}`; there are {known}")
                raise self._error(side.column, message.format(found=side.node.value, known=", ".join(PHASES)))
        return Typed(Comparing(op, left.node, right.node), Kind.TRUTH, None, left.column)

    def combined(self, op: str, left: Typed, right: Typed) -> Typed:
        """Two numbers with + - * or / between them."""
        return self._paired(lambda a, b: Arithmetic(op, a, b), Kind.NUMBER, left, right)

    def _paired(self, make: Callable[[Node, Node], Node], kind: Kind, left: Typed, right: Typed) -> Typed:
        for side in (left, right):
            self.want(side, Kind.NUMBER)
        self._match(right, self._match(left, None))
        return self.spread(make, [left, right], kind, left.column)

    def applied(self, name: str, column: int, arguments: Sequence[Typed]) -> Typed:
        """A function of numbers or conditions, whose name stands at a column."""
        if name in SCALAR:
            if len(arguments) != 1:
                raise self._error(column, _("`{name}` takes one argument").format(name=name))
            self.want(arguments[0], Kind.NUMBER)
            kind = Kind.TRUTH if name in {"isnan", "isinf"} else Kind.NUMBER
            return self.spread(lambda x: Applied(name, (x,)), arguments, kind, column)
        wanted = Kind.TRUTH if name in {"any", "all", "count"} else Kind.NUMBER
        for argument in arguments:
            self.want(argument, wanted)
        if len(arguments) > 1:
            if name not in {"min", "max"}:
                raise self._error(column, _("`{name}` takes one argument").format(name=name))
            return self.spread(lambda *items: Applied(name, items), arguments, Kind.NUMBER, column)
        (only,) = arguments
        kind = Kind.TRUTH if name in {"any", "all"} else Kind.NUMBER
        if only.length is not None and not isinstance(only.node, Several):
            return self._measured(Typed(Reduced(name, only.node, only.length), kind, None, column))
        items = only.node.items if isinstance(only.node, Several) else (only.node,)
        return self._measured(Typed(_reduced(name, items), kind, None, column))

    def _match(self, part: Typed, length: int | None) -> int | None:
        if part.length is None or length is None or part.length == length:
            return part.length if length is None else length
        raise self._error(
            part.column, _("lengths do not fit: {left} and {right}").format(left=length, right=part.length)
        )

    def spread(self, make: Callable[..., Node], found: Sequence[Typed], kind: Kind, column: int) -> Typed:
        """Applies an operation of scalars element by element; a scalar goes with every element."""
        length = next((part.length for part in found if part.length is not None), None)
        if length is None:
            return self._measured(Typed(make(*(part.node for part in found)), kind, None, column))
        if any(part.length is not None and not isinstance(part.node, Several) for part in found):
            return self._measured(Typed(make(*(part.node for part in found)), kind, length, column))
        columns = [part.node.items if isinstance(part.node, Several) else (part.node,) * length for part in found]
        if any(len(items) != length for items in columns):
            raise self._error(found[-1].column, _("lengths do not fit"))
        items = tuple(make(*items) for items in zip(*columns, strict=True))
        return self._measured(Typed(Several(items), kind, length, column))

    def _measured(self, part: Typed) -> Typed:
        """The part, unless it is too large to be printed and run."""
        size, levels = self._measure(part.node)
        if size > MAX_SIZE:
            message = _("this is too large: it takes more than {limit} operations").format(limit=MAX_SIZE)
            raise self._error(part.column, message)
        if levels > MAX_LEVELS:
            message = _("more than {limit} operations inside each other").format(limit=MAX_LEVELS)
            raise self._error(part.column, message)
        return part

    def _measure(self, node: Node) -> tuple[int, int]:
        """The nodes of a tree, shared ones as often as they occur, and how deep it is."""
        known = self._measures.get(id(node))
        if known is None:
            inner = [self._measure(part) for part in parts(node)]
            size = 1 + sum(part[0] for part in inner)
            known = self._measures[id(node)] = (node, size, 1 + max((part[1] for part in inner), default=0))
        return known[1], known[2]


def _reduced(name: str, items: tuple[Node, ...]) -> Node:
    """A function that makes one value of several."""
    match name:
        case "any":
            return JoinedPart("or", items)
        case "all":
            return JoinedPart("and", items)
        case "min" | "max":
            return Applied(name, items)
        case "count":
            return _added(tuple(Applied("truth", (item,)) for item in items))
        case "sum":
            return _added(items)
        case "mean":
            return Arithmetic("/", _added(items), NumberPart(float(len(items))))
        case _:
            return Applied("sqrt", (_added(tuple(Arithmetic("*", item, item) for item in items)),))


def _added(items: tuple[Node, ...]) -> Node:
    return items[0] if len(items) == 1 else Applied("sum", items)
