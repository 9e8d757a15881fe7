"""Reading a formula: a recursive descent that resolves names and checks kinds and lengths as it goes."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import product
from typing import NamedTuple

from retrograde.engine.equations.array import Array
from retrograde.engine.equations.expression import Ref
from retrograde.engine.equations.words import (
    EPOCH_NAMES,
    FUNCTIONS,
    JOINING,
    NAMING,
    PHASES,
    POSITIONS,
    PREVIOUS,
    SCALAR,
)
from retrograde.engine.errors import EngineError, FormulaError
from retrograde.engine.formulas.tree import (
    Applied,
    Arithmetic,
    Comparing,
    Formula,
    JoinedPart,
    Kind,
    MomentPart,
    Node,
    Not,
    NumberPart,
    Several,
    Slot,
    TextPart,
    rebuilt,
    walk,
)
from retrograde.engine.formulas.tree import parts as parts_of
from retrograde.engine.network.notation import Notation, span, spelled_out, wrappers
from retrograde.engine.network.program import Program
from retrograde.engine.text import _

MAX_SLOTS = 4096
"""Slots that one formula may read."""

MAX_DEPTH = 40
"""Brackets inside brackets."""

MAX_LENGTH = 4000
"""Characters of a formula."""

MAX_WORD = 100
"""Characters of a name, or of a text in quotes."""

MAX_SIZE = 1 << 16
"""Operations in a formula, once its arrays are written out: an array against a mean of itself is its square."""

MAX_LEVELS = 80
"""Operations inside each other; Python compiles no more than 200 brackets inside each other."""


_TOKEN = re.compile(
    r"""\s*(?:
        (?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
      | (?P<text>"[^"]*"|'[^']*')
      | (?P<op><=|>=|==|!=|[<>≤≥≠=+\-−*·×/(),:\[\]])
      | (?P<name>(?:∂E/∂|∂L/∂|∂E_)?[^\W\d][\w.~′⁺\u0302]*(?:@\d+)?(?:/∂\w+(?:@\d+)?)?(?:\s*\{\s*\d+\s*\})?)
      | (?P<mark>\{\s*\d+\s*\})
    )""",
    re.VERBOSE,
)
_SPELLINGS = {"≤": "<=", "≥": ">=", "≠": "!=", "−": "-", "·": "*", "×": "*"}
_COMPARISONS = {"<", "<=", ">", ">=", "==", "!="}


class _Token(NamedTuple):
    kind: str
    text: str
    column: int


def _tokens(text: str) -> list[_Token]:
    if len(text) > MAX_LENGTH:
        message = _("a formula has at most {limit} characters").format(limit=MAX_LENGTH)
        raise FormulaError(text, MAX_LENGTH + 1, message)
    found: list[_Token] = []
    at = 0
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        if match is None:
            column = at + len(text[at:]) - len(text[at:].lstrip()) + 1
            raise FormulaError(text, column, _("`{found}` means nothing here").format(found=text[column - 1]))
        kind = match.lastgroup or ""
        word = match[kind]
        if kind in {"name", "text"} and len(word) > MAX_WORD:
            raise FormulaError(text, match.start(kind) + 1, _("this word is too long"))
        found.append(_Token(kind, _SPELLINGS.get(word, word), match.start(kind) + 1))
        at = match.end()
    found.append(_Token("end", "", len(text) + 1))
    return found


class _Whole(NamedTuple):
    """An array with the axes that are still open, those after ``picks``."""

    array: Array
    picks: tuple[str, ...]

    @property
    def axes(self) -> int:
        return len(self.array.element_shape) - len(self.picks)


class _Typed(NamedTuple):
    """A part with its kind, and its length where it is a vector."""

    node: Node
    kind: Kind
    length: int | None
    column: int


class _Reader:
    """A recursive descent over the tokens that resolves names and checks kinds and lengths as it goes."""

    def __init__(self, text: str, notation: Notation, program: Program, *, by_epoch: bool = False) -> None:
        self._places = (*POSITIONS, *EPOCH_NAMES) if by_epoch else POSITIONS
        self._naming = {*NAMING, *wrappers(program)}
        self._text = text
        self._tokens = _tokens(text)
        self._at = 0
        self._notation = notation
        self._program = program
        self._depth = 0
        # By identity, as parts are shared; the node is kept so that no other one gets its identity.
        self._measures: dict[int, tuple[Node, int, int]] = {}

    def read(self) -> _Typed:
        if self._peek().kind == "end":
            raise self._error(self._peek(), _("there is no formula"))
        found = self._either()
        if self._peek().kind != "end":
            raise self._error(
                self._peek(), _("expected an operator or the end, found {found}").format(found=self._shown())
            )
        return found

    # -- tokens

    def _peek(self) -> _Token:
        return self._tokens[self._at]

    def _take(self, *texts: str) -> _Token | None:
        token = self._peek()
        if token.kind in {"op", "name"} and token.text in texts:
            self._at += 1
            return token
        return None

    def _expect(self, text: str) -> _Token:
        token = self._take(text)
        if token is None:
            raise self._error(
                self._peek(), _("expected `{wanted}`, found {found}").format(wanted=text, found=self._shown())
            )
        return token

    def _shown(self) -> str:
        token = self._peek()
        return _("the end") if token.kind == "end" else f"`{token.text}`"

    def _error(self, where: _Token | _Typed, message: str) -> FormulaError:
        return FormulaError(self._text, where.column, message)

    # -- grammar

    def _either(self) -> _Typed:
        return self._joined("or", self._both)

    def _both(self) -> _Typed:
        return self._joined("and", self._negation)

    def _joined(self, word: str, inner: Callable[[], _Typed]) -> _Typed:
        first = inner()
        parts = [first]
        while self._take(word):
            parts.append(inner())
        if len(parts) == 1:
            return first
        length = None
        for part in parts:
            self._want(part, Kind.TRUTH)
            length = self._match(part, length)
        return self._spread(lambda *items: JoinedPart(word, items), parts, Kind.TRUTH, first.column)

    def _negation(self) -> _Typed:
        token = self._take("not")
        if token is None:
            return self._chain()
        self._depth += 1
        self._check_depth(token)
        part = self._negation()
        self._depth -= 1
        self._want(part, Kind.TRUTH)
        return self._spread(Not, [part], Kind.TRUTH, token.column)

    def _chain(self) -> _Typed:
        left = self._sum()
        found: list[_Typed] = []
        while True:
            token = self._peek()
            if token.kind == "op" and token.text == "=":
                raise self._error(token, _("write == for “equals”"))
            if token.kind != "op" or token.text not in _COMPARISONS:
                break
            self._at += 1
            right = self._sum()
            found.append(self._comparison(token, left, right))
            left = right
        if not found:
            return left
        if len(found) == 1:
            return found[0]
        return self._spread(lambda *items: JoinedPart("and", items), found, Kind.TRUTH, found[0].column)

    def _comparison(self, token: _Token, left: _Typed, right: _Typed) -> _Typed:
        if Kind.TEXT in {left.kind, right.kind}:
            return self._phase(token, left, right)
        for side in (left, right):
            self._want(side, Kind.NUMBER)
        self._match(right, self._match(left, None))
        op = token.text
        return self._spread(lambda a, b: Comparing(op, a, b), [left, right], Kind.TRUTH, left.column)

    def _phase(self, token: _Token, left: _Typed, right: _Typed) -> _Typed:
        if left.kind is not Kind.TEXT or right.kind is not Kind.TEXT or token.text not in {"==", "!="}:
            raise self._error(token, _('a phase is compared by == or != with a text such as "backward"'))
        for side in (left, right):
            if isinstance(side.node, TextPart) and side.node.value not in PHASES:
                near = ", ".join(PHASES)
                raise self._error(
                    side, _("there is no phase `{found}`; there are {known}").format(found=side.node.value, known=near)
                )
        return _Typed(Comparing(token.text, left.node, right.node), Kind.TRUTH, None, left.column)

    def _sum(self) -> _Typed:
        return self._arithmetic(("+", "-"), self._product)

    def _product(self) -> _Typed:
        return self._arithmetic(("*", "/"), self._sign)

    def _arithmetic(self, ops: tuple[str, ...], inner: Callable[[], _Typed]) -> _Typed:
        left = inner()
        while token := self._take(*ops):
            right = inner()
            for side in (left, right):
                self._want(side, Kind.NUMBER)
            self._match(right, self._match(left, None))
            left = self._spread(_combine(token.text), [left, right], Kind.NUMBER, left.column)
        return left

    def _sign(self) -> _Typed:
        token = self._take("-")
        if token is None:
            return self._atom()
        self._depth += 1
        self._check_depth(token)
        part = self._sign()
        self._depth -= 1
        self._want(part, Kind.NUMBER)
        if isinstance(part.node, NumberPart):
            return part._replace(node=NumberPart(-part.node.value), column=token.column)
        return self._spread(lambda x: Arithmetic("-", NumberPart(0.0), x), [part], Kind.NUMBER, token.column)

    def _atom(self) -> _Typed:
        token = self._peek()
        if token.kind == "number":
            self._at += 1
            value = float(token.text)
            if not math.isfinite(value):
                raise self._error(token, _("this number is too large"))
            return _Typed(NumberPart(value), Kind.NUMBER, None, token.column)
        if token.kind == "text":
            self._at += 1
            return _Typed(TextPart(token.text[1:-1]), Kind.TEXT, None, token.column)
        if self._take("("):
            self._depth += 1
            self._check_depth(token)
            inner = self._either()
            self._expect(")")
            self._depth -= 1
            return inner._replace(column=token.column)
        if token.kind != "name" or token.text in JOINING:
            raise self._error(token, _("expected a name, a number or `(`, found {found}").format(found=self._shown()))
        self._at += 1
        if self._peek().text == "(" and self._peek().kind == "op":
            return self._call(token)
        return self._name(token)

    def _call(self, token: _Token) -> _Typed:
        name = token.text
        if name.endswith("′"):
            self._at += 1
            word = self._peek()
            if word.kind != "name":
                raise self._error(word, _("expected a name, found {found}").format(found=self._shown()))
            self._at += 1
            self._expect(")")
            return self._resolved(f"{name}({word.text}){self._mark()}", word, full=token)
        if name not in FUNCTIONS and name not in self._naming:
            raise self._error(token, _unknown(name, FUNCTIONS, _("there is no function `{name}`")))
        self._depth += 1
        self._check_depth(token)
        self._expect("(")
        if name in self._naming:
            found = self._wrapped(token)
        elif name == PREVIOUS:
            inner = self._either()
            self._expect(")")
            found = self._previous(token, inner)
        else:
            arguments = [self._either()]
            while self._take(","):
                arguments.append(self._either())
            self._expect(")")
            found = self._applied(token, arguments)
        self._depth -= 1
        return found

    def _wrapped(self, token: _Token) -> _Typed:
        """``grad(...)`` and its like name a slot: what stands inside is a name, not a value."""
        start = self._peek()
        depth, square, text = 1, 0, ""
        while True:
            inner = self._peek()
            if inner.kind == "end":
                raise self._error(inner, _("expected `)`, found the end"))
            self._at += 1
            if inner.text == "(":
                depth += 1
            square += (inner.text == "[") - (inner.text == "]")
            if inner.text == ")":
                if square > 0:
                    raise self._error(inner, _("expected `{wanted}`, found {found}").format(wanted="]", found="`)`"))
                depth -= 1
                if depth == 0:
                    break
            text += inner.text
        # grad(out_h1{2}) and grad(out_h1){2} are the same slot.
        text, _brace, inside = text.partition("{")
        mark = f"{{{inside}" if inside else self._mark()
        name, _bracket, picks = text.partition("[")
        if picks and not name.startswith(NAMING):
            array = self._array(f"{token.text}({name})")
            if array is not None:
                return self._picked(array, _split_picks(picks), start, mark)
        return self._resolved(f"{token.text}({text}){mark}", start, full=token)

    def _mark(self) -> str:
        """The sample that stands behind a name in brackets, as in ``delta(o1){2}``; nothing where none does."""
        if self._peek().kind != "mark":
            return ""
        self._at += 1
        return self._tokens[self._at - 1].text

    def _name(self, token: _Token) -> _Typed:
        if token.text in self._places:
            kind = Kind.TEXT if token.text == "phase" else Kind.NUMBER
            return _Typed(MomentPart(token.text), kind, None, token.column)
        array = self._array(token.text)
        if array is not None and self._peek().text == "[":
            self._at += 1
            picks: list[str] = [""]
            while not self._take("]"):
                inner = self._peek()
                if inner.kind == "end":
                    raise self._error(inner, _("expected `]`, found the end"))
                self._at += 1
                if inner.text == ",":
                    picks.append("")
                else:
                    picks[-1] += inner.text
            return self._picked(array, picks, token, self._mark())
        return self._resolved(token.text, token)

    # -- names

    def _array(self, name: str) -> _Whole | None:
        """The array that a name means, in ASCII: ``W_h``, ``net_h@3``, ``grad(W_h)``, ``delta(h)``, ``t_o@3``."""
        name = spelled_out(name, self._program)
        match = re.fullmatch(r"(delta|slope)\((\w+(?:@\d+)?)\)", name)
        if match:
            name = f"grad(net_{match[2]})" if match[1] == "delta" else f"slope_{match[2]}"
        elif name.startswith(("∂E/∂", "δ_")):
            name = f"grad({name.removeprefix('∂E/∂')})" if name[0] == "∂" else f"grad(net_{name.removeprefix('δ_')})"
        array = self._program.named.get(name)
        if array is not None:
            return _Whole(array, ())
        bare, _at, time = name.partition("@")
        array = self._program.named.get(bare) if time.isdecimal() else None
        return _Whole(array, (time,)) if array is not None and array.timed else None

    def _resolved(self, name: str, where: _Token, full: _Token | None = None) -> _Typed:
        whole = self._array(name)
        column = (full or where).column
        if whole is not None and (whole.axes or whole.array.name != name):
            return self._picked(whole, [":"] * whole.axes, where)
        marked = "{" in name
        if name in EPOCH_NAMES:
            message = _("{name} is known at the end of an epoch only; E is the loss of an iteration").format(name=name)
            raise FormulaError(self._text, column, message)
        try:
            ref = self._notation.resolve(name, self._program)
        except EngineError as error:
            raise FormulaError(self._text, column, str(error)) from None
        return _Typed(_slot(ref, marked), Kind.NUMBER, None, column)

    def _picked(self, whole: _Whole, picks: Sequence[str], where: _Token, mark: str = "") -> _Typed:
        array = whole.array
        sample = int(mark.strip("{ }")) - 1 if mark and array.batched else 0
        if not 0 <= sample < self._program.batch:
            message = _("{name}: sample {sample} is not in 1 to {batch}")
            text = message.format(name=array.name, sample=sample + 1, batch=self._program.batch)
            raise self._error(where, text)
        if len(picks) != whole.axes:
            message = _("{name} has {count} axes, not {given}")
            raise self._error(where, message.format(name=array.name, count=whole.axes, given=len(picks)))
        ranges: list[range] = []
        single = True
        for axis, (pick, length) in enumerate(zip((*whole.picks, *picks), array.element_shape, strict=True)):
            found = span(array, axis, pick)
            if found is None:
                raise self._error(where, _("`{pick}` is neither a number nor a slice such as 2:5").format(pick=pick))
            first, stop = found
            if not 0 <= first < stop <= length:
                raise self._error(
                    where,
                    _("`{pick}` is not in 1 to {length} of {name}").format(pick=pick, length=length, name=array.name),
                )
            single = single and ":" not in pick and stop - first == 1
            ranges.append(range(first, stop))
        if math.prod(len(part) for part in ranges) > MAX_SLOTS:
            raise self._error(where, _("{name} has more than {limit} slots").format(name=array.name, limit=MAX_SLOTS))
        before = (sample,) if array.batched else ()
        slots = tuple(_slot(Ref(array, before + index), bool(mark)) for index in product(*ranges))
        if single:
            return _Typed(slots[0], Kind.NUMBER, None, where.column)
        return _Typed(Several(slots), Kind.NUMBER, len(slots), where.column)

    def _previous(self, token: _Token, inner: _Typed) -> _Typed:
        for node in walk(inner.node):
            if isinstance(node, Slot) and node.previous:
                raise self._error(token, _("prev reaches back one iteration, not two"))
        return inner._replace(node=rebuilt(inner.node, _one_earlier), column=token.column)

    # -- functions

    def _applied(self, token: _Token, arguments: list[_Typed]) -> _Typed:
        name, column = token.text, token.column
        if name in SCALAR:
            if len(arguments) != 1:
                raise self._error(token, _("`{name}` takes one argument").format(name=name))
            self._want(arguments[0], Kind.NUMBER)
            kind = Kind.TRUTH if name in {"isnan", "isinf"} else Kind.NUMBER
            return self._spread(lambda x: Applied(name, (x,)), arguments, kind, column)
        wanted = Kind.TRUTH if name in {"any", "all", "count"} else Kind.NUMBER
        for argument in arguments:
            self._want(argument, wanted)
        if len(arguments) > 1:
            if name not in {"min", "max"}:
                raise self._error(token, _("`{name}` takes one argument").format(name=name))
            return self._spread(lambda *items: Applied(name, items), arguments, Kind.NUMBER, column)
        (only,) = arguments
        items = only.node.items if isinstance(only.node, Several) else (only.node,)
        kind = Kind.TRUTH if name in {"any", "all"} else Kind.NUMBER
        return self._measured(_Typed(_reduce(name, items), kind, None, column))

    # -- kinds and lengths

    def _want(self, part: _Typed, kind: Kind) -> None:
        if part.kind is not kind:
            messages = {
                Kind.NUMBER: _("expected a number here, this is a {kind}"),
                Kind.TRUTH: _("expected a condition such as E < 0.01 here, this is a {kind}"),
                Kind.TEXT: _("expected a text here, this is a {kind}"),
            }
            raise self._error(part, messages[kind].format(kind=_(part.kind.value)))

    def _match(self, part: _Typed, length: int | None) -> int | None:
        if part.length is None or length is None or part.length == length:
            return part.length if length is None else length
        raise self._error(part, _("lengths do not fit: {left} and {right}").format(left=length, right=part.length))

    def _spread(self, make: Callable[..., Node], parts: Sequence[_Typed], kind: Kind, column: int) -> _Typed:
        """Applies an operation of scalars element by element; a scalar goes with every element."""
        length = next((part.length for part in parts if part.length is not None), None)
        if length is None:
            return self._measured(_Typed(make(*(part.node for part in parts)), kind, None, column))
        columns = [part.node.items if isinstance(part.node, Several) else (part.node,) * length for part in parts]
        if any(len(items) != length for items in columns):
            raise self._error(parts[-1], _("lengths do not fit"))
        items = tuple(make(*items) for items in zip(*columns, strict=True))
        return self._measured(_Typed(Several(items), kind, length, column))

    # -- sizes

    def _measured(self, part: _Typed) -> _Typed:
        """The part, unless it is too large to be printed and run."""
        size, levels = self._measure(part.node)
        if size > MAX_SIZE:
            raise self._error(
                part, _("this is too large: it takes more than {limit} operations").format(limit=MAX_SIZE)
            )
        if levels > MAX_LEVELS:
            raise self._error(part, _("more than {limit} operations inside each other").format(limit=MAX_LEVELS))
        return part

    def _measure(self, node: Node) -> tuple[int, int]:
        """The nodes of a tree, shared ones as often as they occur, and how deep it is."""
        known = self._measures.get(id(node))
        if known is None:
            inner = [self._measure(part) for part in parts_of(node)]
            size = 1 + sum(part[0] for part in inner)
            known = self._measures[id(node)] = (node, size, 1 + max((part[1] for part in inner), default=0))
        return known[1], known[2]

    def _check_depth(self, token: _Token) -> None:
        if self._depth > MAX_DEPTH:
            raise self._error(token, _("more than {limit} brackets inside each other").format(limit=MAX_DEPTH))


def _combine(op: str) -> Callable[[Node, Node], Node]:
    return lambda left, right: Arithmetic(op, left, right)


def _split_picks(text: str) -> list[str]:
    return [part.strip() for part in text.rstrip("]").split(",")]


def _reduce(name: str, items: tuple[Node, ...]) -> Node:
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


def _slot(ref: Ref, marked: bool) -> Slot:
    array = ref.array
    if not array.batched:
        return Slot(array.name, ref.index)
    return Slot(array.name, ref.index[1:], ref.index[0] if marked else None, True)


def _one_earlier(node: Node) -> Node:
    return replace(node, previous=True) if isinstance(node, Slot) else node


def _unknown(name: str, known: Sequence[str], message: str) -> str:
    text = message.format(name=name)
    near = difflib.get_close_matches(name, known, n=2)
    return text + (_("; did you mean {names}?").format(names=", ".join(near)) if near else "")


def parse(
    text: str, notation: Notation, program: Program, *, kind: Kind | None = None, by_epoch: bool = False
) -> Formula:
    """Reads and checks a formula.

    Args:
        text: the formula.
        notation: the names of the network.
        program: a program of the network.
        kind: what it must be; None takes a number or a condition.
        by_epoch: whether it is decided at the end of an epoch, where E_epoch and E_data are known.

    Raises:
        FormulaError: it cannot be read, a name is unknown, or kinds or lengths do not fit; with the column.
    """
    found = _Reader(text, notation, program, by_epoch=by_epoch).read()
    wanted = kind or found.kind
    if found.kind is not wanted or found.kind is Kind.TEXT or found.length is not None:
        if found.length is not None:
            message = _("this is {length} values; any(...), all(...), max(...) and the like make one of them").format(
                length=found.length
            )
        elif wanted is Kind.TRUTH:
            message = _("expected a condition such as E < 0.01")
        else:
            message = _("expected a number such as abs(grad(w5))")
        raise FormulaError(text, 1, message)
    nodes = tuple(walk(found.node))
    slots = tuple(dict.fromkeys(node for node in nodes if isinstance(node, Slot)))
    if len(slots) > MAX_SLOTS:
        raise FormulaError(text, 1, _("it reads more than {limit} slots").format(limit=MAX_SLOTS))
    positions = frozenset(node.name for node in nodes if isinstance(node, MomentPart))
    return Formula(text=text.strip(), node=found.node, kind=found.kind, slots=slots, positions=positions)
