"""The small language of scalar graphs: assignments such as ``d = a*b + b**3``, read without ``eval``.

A name that is assigned again is another value of the graph: ``c``, then ``c.2``, ``c.3``. With gates, every operation
is a value of its own, called after the assignment that it is part of: the gates of ``c.2`` are ``c.2.a``, ``c.2.b``,
... and, for the last one, ``c.2``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from retrograde.engine.equations.scanning import Scanner, Token
from retrograde.engine.equations.words import GRAPH_FUNCTIONS
from retrograde.engine.text import _, nearest, suggest

MAX_LENGTH = 2000
"""Characters of an assignment."""
MAX_OPERATIONS = 200
"""Operations in an assignment."""
MAX_SIZE = 600
"""How often values are read where an assignment is one step, with functions and powers written out."""
MAX_LEVELS = 60
"""Operations inside each other where an assignment is one step; Python compiles no more than 200 brackets."""
MAX_POWER = 64
"""The largest exponent that is written as a product."""


class AssignmentError(ValueError):
    """An assignment that cannot be read.

    Args:
        column: where, from 1.
        message: what is wrong.
    """

    def __init__(self, column: int, message: str) -> None:
        super().__init__(_("column {column}: {message}").format(column=column, message=message))


@dataclass(frozen=True, slots=True)
class Number:
    """A number, and how it is written."""

    value: float
    text: str


@dataclass(frozen=True, slots=True)
class Name:
    """A value of the graph; ``column`` is where it is read."""

    name: str
    column: int = 0


@dataclass(frozen=True, slots=True)
class Apply:
    """An operation: ``+ - * /`` and ``**`` of two parts, ``neg``, or a function."""

    op: str
    parts: tuple[Node, ...]
    column: int = 0


Node = Number | Name | Apply


class Assignment(NamedTuple):
    """A name and what it becomes."""

    name: str
    node: Node
    column: int


class Gate(NamedTuple):
    """A value of the graph and how it is made; names are those of values.

    Attributes:
        name: its name.
        node: the operation.
        line: the number of the assignment that it is part of, from 0.
    """

    name: str
    node: Node
    line: int


_TOKEN = re.compile(
    r"""\s*(?:
        (?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\w.]))
      | (?P<name>[^\W\d]\w*(?:\.\w+)*)
      | (?P<op>\*\*|[-+*/]=|[-+−*·×/(),=])
    )""",
    re.VERBOSE,
)
_NAME = re.compile(r"[^\W\d]\w*")


class _Reader:
    """A recursive descent over the tokens of one assignment."""

    def __init__(self, text: str) -> None:
        self._scan = Scanner(
            text,
            _TOKEN,
            AssignmentError,
            limit=MAX_LENGTH,
            too_long=_("an assignment has at most {limit} characters"),
            advice={"^": _("write ** for a power")},
        )
        self._operations = 0

    def read(self) -> Assignment:
        name = self._scan.next()
        if name.kind != "name" or not _NAME.fullmatch(name.text):
            raise AssignmentError(name.column, _("expected a name and =, such as c = a + b"))
        sign = self._scan.next()
        if sign.kind != "op" or sign.text not in {"=", "+=", "-=", "*=", "/="}:
            message = _("expected = after {name}, found {found}")
            raise AssignmentError(sign.column, message.format(name=name.text, found=sign.shown))
        node = self._sum()
        self._scan.expect_end()
        if sign.text != "=":
            node = self._apply(sign._replace(text=sign.text[0]), Name(name.text, name.column), node)
        return Assignment(name.text, node, name.column)

    def _sum(self) -> Node:
        return self._chain(("+", "-"), self._product)

    def _product(self) -> Node:
        return self._chain(("*", "/"), self._sign)

    def _chain(self, ops: tuple[str, ...], inner: Callable[[], Node]) -> Node:
        left = inner()
        while token := self._scan.take(*ops):
            left = self._apply(token, left, inner())
        return left

    def _apply(self, token: Token, *parts: Node) -> Node:
        """An operation, as long as there are not too many."""
        self._operations += 1
        if self._operations > MAX_OPERATIONS:
            message = _("more than {limit} operations; write several assignments").format(limit=MAX_OPERATIONS)
            raise AssignmentError(token.column, message)
        return Apply(token.text, parts, token.column)

    def _sign(self) -> Node:
        if self._scan.take("+"):
            return self._deeper(self._sign)
        if token := self._scan.take("-"):
            return self._apply(token._replace(text="neg"), self._deeper(self._sign))
        base = self._atom()
        if token := self._scan.take("**"):
            return self._apply(token, base, self._deeper(self._sign))
        return base

    def _deeper(self, inner: Callable[[], Node]) -> Node:
        with self._scan.deeper(self._scan.peek().column):
            return inner()

    def _atom(self) -> Node:
        token = self._scan.next()
        if token.kind == "number":
            value = float(token.text)
            if math.isinf(value):
                raise AssignmentError(token.column, _("this number is too large"))
            return Number(value, token.text)
        if token.kind == "op" and token.text == "(":
            inner = self._deeper(self._sum)
            self._scan.expect(")")
            return inner
        if token.kind != "name":
            message = _("expected a name, a number or `(`, found {found}")
            raise AssignmentError(token.column, message.format(found=token.shown))
        return self._call(token) if self._scan.take("(") else Name(token.text, token.column)

    def _call(self, token: Token) -> Node:
        name = "log" if token.text == "ln" else token.text
        if name not in GRAPH_FUNCTIONS:
            near = nearest(name, GRAPH_FUNCTIONS) or [", ".join(GRAPH_FUNCTIONS)]
            message = _("there is no function {name}; did you mean {near}?")
            raise AssignmentError(token.column, message.format(name=token.text, near=near[0]))
        arguments = [self._deeper(self._sum)]
        while self._scan.take(","):
            arguments.append(self._deeper(self._sum))
        self._scan.expect(")")
        if len(arguments) != GRAPH_FUNCTIONS[name]:
            message = _("{name} takes {wanted} arguments, found {found}")
            text = message.format(name=name, wanted=GRAPH_FUNCTIONS[name], found=len(arguments))
            raise AssignmentError(token.column, text)
        return self._apply(token._replace(text=name), *arguments)


def read(text: str) -> Assignment:
    """The assignment that a text states.

    Raises:
        AssignmentError: it is none; with the column.
    """
    return _Reader(text).read()


def is_constant(node: Node) -> bool:
    """Whether a part is made of numbers alone."""
    return isinstance(node, Number) or (isinstance(node, Apply) and all(map(is_constant, node.parts)))


def names(node: Node) -> Iterator[Name]:
    """The values that a part reads, in written order."""
    if isinstance(node, Name):
        yield node
    elif isinstance(node, Apply):
        for part in node.parts:
            yield from names(part)


def measure(node: Node) -> tuple[int, int]:
    """How often an operation reads values, with functions and powers written out, and how deep it is."""
    if not isinstance(node, Apply):
        return 1, 0
    sizes, levels = zip(*map(measure, node.parts), strict=True)
    size, level = sum(sizes), max(levels)
    match node.op:
        case "relu":
            return 3 * size, level + 1
        case "sigmoid":
            return size + 4, level + 4
        case "**":
            exponent = whole_power(node.parts[1])
            return (size + 4, level + 3) if exponent is None else (max(1, abs(exponent)) * sizes[0] + 1, level + 2)
        case "+" | "*" if isinstance(node.parts[0], Apply) and node.parts[0].op == node.op:
            # One sum that goes on.
            return size, max(levels[0], levels[1] + 1)
        case _:
            return size, level + 1


def signed_number(node: Node) -> float | None:
    """The number that a part is, with its sign; None where it is none."""
    if isinstance(node, Number):
        return node.value
    if isinstance(node, Apply) and node.op == "neg":
        inner = signed_number(node.parts[0])
        return None if inner is None else -inner
    return None


def whole_power(exponent: Node) -> int | None:
    """The exponent of a power that is written as a product; None for any other."""
    value = signed_number(exponent)
    return int(value) if value is not None and value == int(value) and abs(value) <= MAX_POWER else None


def _unread(layer: str) -> str:
    """The end of a message about a value of a layer that the graph does not name."""
    if layer == "i":
        return _('; the inputs of the network are read with inputs = ["i"]')
    if layer in {"x", "in", "input"}:
        return _('; the inputs of the network are called i1, i2, ... and are read with inputs = ["i"]')
    return _('; what a layer {layer} makes is read with inputs = ["{layer}"]').format(layer=layer)


class Plan:
    """The values of a scalar graph in the order in which they are made.

    Args:
        lines: the assignments, as texts.
        variables: the names that have a value before the first assignment.
        units: the names of single values of other layers; they are not assigned. Each may also be read as it is
            called elsewhere: ``out_h1`` for ``h1``.
        gates: whether every operation is a value of its own; else every assignment.

    Attributes:
        gates: the values that are made.
        latest: the last value that each name stands for.
        faults: what is wrong: the number of the assignment, and the message.
    """

    def __init__(
        self, lines: Sequence[str], variables: Iterable[str], units: Iterable[str] = (), *, gates: bool
    ) -> None:
        self.gates: list[Gate] = []
        self.faults: list[tuple[int, str]] = []
        self._split = gates
        self._units = set(units)
        versions = dict.fromkeys(variables, 1)
        self.latest: dict[str, str] = {name: name for name in versions}
        self._values = {*versions, *self._units}
        for line, text in enumerate(lines):
            try:
                name, node, column = read(text)
                node = self._resolved(node)
                if name in self._units:
                    raise AssignmentError(column, _("{name} is a value of another layer").format(name=name))
            except AssignmentError as error:
                self.faults.append((line, str(error)))
                # What the line would have assigned is not reported as unknown below.
                match = _NAME.match(text.strip())
                if match:
                    self.latest.setdefault(match[0], match[0])
                continue
            versions[name] = versions.get(name, 0) + 1
            value = name if versions[name] == 1 else f"{name}.{versions[name]}"
            if not gates and (measure(node)[0] > MAX_SIZE or measure(node)[1] > MAX_LEVELS):
                message = _("this is too long for one step: write several assignments, or take each gate as a step")
                self.faults.append((line, message))
            self._assign(value, node, line)
            self.latest[name] = value

    def value(self, name: str) -> str | None:
        """The value that a name stands for after the last assignment; None where there is none."""
        if name not in self.latest and name not in self._values and name.removeprefix("out_") in self._units:
            return name.removeprefix("out_")
        return self.latest.get(name, name if name in self._values else None)

    def _resolved(self, node: Node) -> Node:
        """A part with each name replaced by that of the value it stands for now."""
        if isinstance(node, Apply):
            return Apply(node.op, tuple(map(self._resolved, node.parts)), node.column)
        if isinstance(node, Number):
            return node
        found = self.value(node.name)
        if found is None:
            message = _("there is no value called {name} here").format(name=node.name)
            layer = re.fullmatch(r"(?:out_)?([^\W\d]\w*?)\.?\d+", node.name)
            if layer is not None and not any(unit.rstrip("0123456789").rstrip(".") == layer[1] for unit in self._units):
                message += _unread(layer[1])
            near = suggest(node.name, [*self.latest, *self._units], most=3, likeness=0.5)
            raise AssignmentError(node.column, message + near)
        return Name(found, node.column)

    def _assign(self, value: str, node: Node, line: int) -> None:
        if self._split and isinstance(node, Apply) and not is_constant(node):
            letters = _letters()
            node = Apply(node.op, self._parts(node, value, letters, line), node.column)
        self._add(value, node, line)

    def _parts(self, node: Apply, value: str, letters: Iterator[str], line: int) -> tuple[Node, ...]:
        """The parts of an operation as names of values, for which gates are made; numbers stay as they are."""
        found: list[Node] = []
        for part in node.parts:
            if not isinstance(part, Apply) or is_constant(part):
                found.append(part)
                continue
            inner = self._parts(part, value, letters, line)
            name = f"{value}.{next(letters)}"
            self._add(name, Apply(part.op, inner, part.column), line)
            found.append(Name(name, part.column))
        return tuple(found)

    def _add(self, name: str, node: Node, line: int) -> None:
        self.gates.append(Gate(name, node, line))
        self._values.add(name)


def _letters() -> Iterator[str]:
    """a, b, ..., z, aa, ab, ..."""
    alphabet = "abcdefghijklmnopqrstuvwxyz"
    yield from alphabet
    for first in _letters():
        for second in alphabet:
            yield first + second
