"""Recurrent modules that PyTorch ran step by step: their operators, found by what they compute, become one layer.

A tensor of a step is some columns of some rows of a matrix. What it is stands as a term over the blocks of matrices
that are made otherwise, so a step of a layer is where the terms of its equation are, in whatever order they were made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from retrograde.engine.recording.aten.reading import base_name
from retrograde.engine.recording.form import Call, Window
from retrograde.engine.recording.recording import Recording

Term = int
"""The number of a term; equal terms have one number."""

_TERMWISE = frozenset({"sigmoid", "tanh", "relu"})
_JOINING: Mapping[str, str] = {"add": "+", "mul": "*", "sub": "-"}
_BLOCK = "block"
_DEEPEST = 100
"""Operators one on the other of which columns are followed."""


class _Block(NamedTuple):
    """Columns of rows of the matrix that a value is in memory.

    Attributes:
        value: the number of the value.
        row: the first row.
        rows: how many.
        column: the first column.
        columns: how many.
        width: the length of a row of the matrix.
    """

    value: int
    row: int
    rows: int
    column: int
    columns: int
    width: int

    def overlaps(self, other: _Block) -> bool:
        """Whether the two may have numbers in common."""
        rows = self.row < other.row + other.rows and other.row < self.row + self.rows
        columns = self.column < other.column + other.columns and other.column < self.column + self.columns
        return self.width != other.width or (rows and columns)

    def has(self, other: _Block) -> bool:
        """Whether another is columns of it."""
        same = (self.width, self.row, self.rows) == (other.width, other.row, other.rows)
        return same and self.column <= other.column and other.column + other.columns <= self.column + self.columns

    @property
    def window(self) -> Window:
        """The tensor."""
        offset = self.row * self.width + self.column
        return Window(value=self.value, offset=offset, shape=(self.rows, self.columns), strides=(self.width, 1))


class Step(NamedTuple):
    """One step of a layer.

    Attributes:
        product: the operator that multiplies the state before it.
        x: the weighted inputs, of all gates.
        last: the state before it.
        last_cell: the cell state before it, of an LSTM.
        state: the number of the value that the new state is.
        calls: its operators.
    """

    product: int
    x: Window
    last: Window
    last_cell: Window | None
    state: int
    calls: frozenset[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unrolled:
    """A layer.

    Attributes:
        kind: its kind.
        activation: that of a simple one.
        weight: the matrix that its state is multiplied by, transposed.
        bias: what is added to that product; None where nothing is.
        steps: its steps, in the order in which they ran.
    """

    kind: str
    activation: str
    weight: Window
    bias: Window | None
    steps: list[Step]


def unrolled(recording: Recording, calls: Sequence[int]) -> list[Unrolled]:
    """Returns the recurrent layers that stand step by step among operators."""
    terms = _Terms(recording, calls)
    layers: list[Unrolled] = []
    ends: list[_Found] = []
    for number in calls:
        found = terms.step(number)
        if found is None:
            continue
        weight, bias = _factors(recording.records.calls[number])
        assert weight is not None
        for place, layer in enumerate(layers):
            same = (layer.kind, layer.activation, layer.weight, layer.bias) == (*found[:2], weight, bias)
            if same and (found.last, found.last_cell) == (ends[place].state, ends[place].cell):
                layer.steps.append(found.step)
                ends[place] = found
                break
        else:
            layers.append(
                Unrolled(kind=found.kind, activation=found.activation, weight=weight, bias=bias, steps=[found.step])
            )
            ends.append(found)
    return layers


class _New(NamedTuple):
    """What the equations of a step give.

    Attributes:
        activation: that of a simple layer.
        state: the new state.
        last_cell: the cell state before, of an LSTM.
        cell: the new one.
    """

    activation: str
    state: Term
    last_cell: Term | None = None
    cell: Term | None = None


class _Found(NamedTuple):
    """A step, with the terms that join it to the next one."""

    kind: str
    activation: str
    step: Step
    last: Term
    last_cell: Term | None
    state: Term
    cell: Term | None


def _factors(call: Call) -> tuple[Window | None, Window | None]:
    """What a product of matrices has as its second factor, and what is added to it."""
    base, given = base_name(call.op), call.arguments
    plain = given.get("beta", 1) == 1 and given.get("alpha", 1) == 1
    weight = given.get("mat2") if base in {"mm", "addmm"} and plain else None
    bias = given.get("self") if base == "addmm" else None
    return (weight if isinstance(weight, Window) else None), (bias if isinstance(bias, Window) else None)


def _windows(call: Call) -> Iterator[Window]:
    for one in call.arguments.values():
        yield from (part for part in (one if isinstance(one, list) else [one]) if isinstance(part, Window))


class _Terms:
    """The terms of what operators made."""

    def __init__(self, recording: Recording, calls: Sequence[int]) -> None:
        self._records = recording.records
        self._nodes: list[tuple[object, ...]] = []
        self._numbers: dict[tuple[object, ...], Term] = {}
        self._depths: list[int] = []
        self._users: dict[Term, list[Term]] = {}
        self._parts: dict[tuple[Term, int, int], Term] = {}
        self._written: dict[int, tuple[_Block, Term, int | None]] = {}
        self._whole: dict[Term, int] = {}
        self._makers: dict[int, int] = {}
        for number in calls:
            self._read(number)

    def _read(self, number: int) -> None:
        """Notes what an operator made, where it goes value by value."""
        call = self._records.calls[number]
        for result in call.results:
            self._makers[result.to.value] = number
        base, given = base_name(call.op), call.arguments
        if len(call.results) != 1 or call.results[0].position or (base not in _TERMWISE and base not in _JOINING):
            return
        (result,) = call.results
        operands = [given.get("self")] if base in _TERMWISE else [given.get("self"), given.get("other")]
        terms = [self.of(one) if isinstance(one, Window) and one.shape == result.to.shape else None for one in operands]
        block = self._block(result.to)
        if block is None or given.get("alpha", 1) != 1 or None in terms:
            return
        found = self._term(_JOINING.get(base, base), *(one for one in terms if one is not None))
        self._written[block.value] = (block, found, result.old)
        if result.old is None:
            self._whole.setdefault(found, block.value)

    def _term(self, op: str, *parts: Term) -> Term:
        return self._node((op, *(sorted(parts) if op in {"+", "*"} else parts)))

    def _node(self, node: tuple[object, ...]) -> Term:
        if node not in self._numbers:
            self._numbers[node] = len(self._nodes)
            self._nodes.append(node)
            parts = {part for part in node[1:] if isinstance(part, int)} if node[0] != _BLOCK else set()
            self._depths.append(1 + max((self._depths[part] for part in parts), default=0))
            for part in parts:
                self._users.setdefault(part, []).append(self._numbers[node])
        return self._numbers[node]

    def _known(self, op: str, *parts: Term | None) -> Term | None:
        """A term, where it is anywhere."""
        given = [one for one in parts if one is not None]
        if len(given) < len(parts):
            return None
        return self._numbers.get((op, *(sorted(given) if op in {"+", "*"} else given)))

    def _beside(self, op: str, part: Term) -> Iterator[tuple[Term, Term]]:
        """The terms of two parts that a term is one of, and the other part."""
        for user in self._users.get(part, ()):
            name, *parts = self._nodes[user]
            if name == op and len(parts) == 2:
                other = parts[0] if parts[1] == part else parts[1]
                assert isinstance(other, int)
                yield user, other

    def _block(self, window: Window) -> _Block | None:
        """The block that a tensor of two axes is."""
        if len(window.shape) != 2 or not all(window.shape) or (window.strides[1] != 1 and window.shape[1] > 1):
            return None
        rows, columns = window.shape
        width = max(window.strides[0], columns) if rows == 1 else window.strides[0]
        row, column = divmod(window.offset, max(width, 1))
        return _Block(window.value, row, rows, column, columns, width) if column + columns <= width else None

    def of(self, window: Window) -> Term | None:
        """The term of a tensor."""
        block = self._block(window)
        return None if block is None else self._of(block)

    def _of(self, block: _Block) -> Term:
        while block.value in self._written:
            piece, term, old = self._written[block.value]
            if piece.has(block) and self._depths[term] < _DEEPEST:
                return self._part(term, block.column - piece.column, block.columns, piece.columns)
            if piece.overlaps(block) or old is None or old >= block.value:
                break
            block = block._replace(value=old)
        return self._node((_BLOCK, *block))

    def _part(self, term: Term, first: int, count: int, whole: int) -> Term:
        """Columns of a term."""
        if (first, count) == (0, whole):
            return term
        if (term, first, count) not in self._parts:
            block = self._as_block(term)
            if block is not None:
                found = self._of(block._replace(column=block.column + first, columns=count))
            else:
                name, *parts = self._nodes[term]
                found = self._term(
                    str(name), *(self._part(part, first, count, whole) for part in parts if isinstance(part, int))
                )
            self._parts[term, first, count] = found
        return self._parts[term, first, count]

    def _as_block(self, term: Term) -> _Block | None:
        name, *parts = self._nodes[term]
        return _Block(*parts) if name == _BLOCK else None  # type: ignore[arg-type]

    def step(self, number: int) -> _Found | None:
        """The step of a layer that an operator begins, where it does."""
        call = self._records.calls[number]
        weight = _factors(call)[0]
        last = call.arguments.get("mat1", call.arguments.get("self"))
        if weight is None or len(weight.shape) != 2 or not isinstance(last, Window):
            return None
        (units, rows), before = weight.shape, self.of(last)
        product = self._block(call.results[0].to)
        if before is None or product is None or not units or last.shape[1] != units or rows % units:
            return None
        if rows // units not in _EQUATIONS:
            return None
        kind, look = _EQUATIONS[rows // units]
        own = [
            self._of(product._replace(column=product.column + gate * units, columns=units))
            for gate in range(rows // units)
        ]
        for _sum, other in list(self._beside("+", own[0])):
            x = self._as_block(other)
            if x is None or x.column + rows > x.width:
                continue
            inputs = [self._of(x._replace(column=x.column + gate * units)) for gate in range(rows // units)]
            found = look(self, own, inputs, before)
            if found is not None and found.state in self._whole:
                return self._found(number, kind, found, (x._replace(columns=rows).window, last, before))
        return None

    def _found(self, number: int, kind: str, new: _New, given: tuple[Window, Window, Term]) -> _Found | None:
        """A step with the operators that it is."""
        x, last, before = given
        cell = self._whole.get(new.last_cell) if new.last_cell is not None else None
        first = None if new.last_cell is None or cell is not None else self._as_block(new.last_cell)
        state = self._whole[new.state]
        wanted, calls = [state], set[int]()
        stops = {x.value, last.value, cell, None if first is None else first.value}
        while wanted:
            value = wanted.pop()
            maker = self._makers.get(value)
            if value in stops or maker is None or maker in calls:
                continue
            calls.add(maker)
            call = self._records.calls[maker]
            wanted += [one.value for one in _windows(call)]
            wanted += [result.old for result in call.results if result.old is not None]
        step = Step(number, x, last, None if first is None else first.window, state, frozenset(calls))
        return _Found(kind, new.activation, step, before, new.last_cell, new.state, new.cell)

    def rnn(self, own: Sequence[Term], inputs: Sequence[Term], _before: Term) -> _New | None:
        """State tanh(x + u), or ReLU."""
        net = self._known("+", own[0], inputs[0])
        for activation in ("tanh", "relu"):
            if (state := self._known(activation, net)) is not None:
                return _New(activation, state)
        return None

    def gru(self, own: Sequence[Term], inputs: Sequence[Term], before: Term) -> _New | None:
        """Gates r and z = σ(x + u), what is new n = tanh(x + u·r), state (h′ − n)·z + n."""
        r, z = (self._known("sigmoid", self._known("+", own[gate], inputs[gate])) for gate in (0, 1))
        n = self._known("tanh", self._known("+", inputs[2], self._known("*", own[2], r)))
        state = self._known("+", self._known("*", self._known("-", before, n), z), n)
        return None if state is None else _New("", state)

    def lstm(self, own: Sequence[Term], inputs: Sequence[Term], _before: Term) -> _New | None:
        """Gates i, f and o = σ(x + u), g = tanh(x + u), cell state c = f·c′ + i·g, state o·tanh(c)."""
        nets = [self._known("+", net, x) for net, x in zip(own, inputs, strict=True)]
        i, f, o = (self._known("sigmoid", nets[gate]) for gate in (0, 1, 3))
        new = self._known("*", i, self._known("tanh", nets[2]))
        for kept, last in list(self._beside("*", f)) if f is not None else ():
            cell = self._known("+", kept, new)
            state = self._known("*", o, self._known("tanh", cell))
            if state is not None:
                return _New("", state, last, cell)
        return None


_EQUATIONS: Mapping[int, tuple[str, Callable[[_Terms, Sequence[Term], Sequence[Term], Term], _New | None]]] = {
    1: ("rnn", _Terms.rnn),
    3: ("gru", _Terms.gru),
    4: ("lstm", _Terms.lstm),
}
"""The kinds of layer, by how many gates they have, and what finds the new state."""
