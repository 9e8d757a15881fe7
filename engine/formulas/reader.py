"""Reading a formula: a recursive descent over its grammar; names, kinds and lengths are checked as it goes."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from retrograde.engine.equations.scanning import Scanner, Token
from retrograde.engine.equations.words import EPOCH_NAMES, FUNCTIONS, JOINING, NAMING, POSITIONS, PREVIOUS
from retrograde.engine.errors import FormulaError
from retrograde.engine.formulas.resolving import MAX_SLOTS, OfData, Resolver
from retrograde.engine.formulas.tree import (
    Arithmetic,
    Evaluated,
    Formula,
    JoinedPart,
    Kind,
    MomentPart,
    Node,
    Not,
    NumberPart,
    Several,
    Slot,
    Stretch,
    TextPart,
    rebuilt,
    walk,
)
from retrograde.engine.formulas.value_kinds import Kinds, Typed
from retrograde.engine.network.notation import Notation, wrappers
from retrograde.engine.network.program import Program
from retrograde.engine.text import _, suggest

MAX_LENGTH = 4000
"""Characters of a formula."""

MAX_WORD = 100
"""Characters of a name, or of a text in quotes."""

_NUMBER = r"(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"
_TEXT = r"""(?P<text>"[^"]*"|'[^']*')"""
_OP = r"(?P<op><=|>=|==|!=|[<>≤≥≠=+\-−*·×/(),:\[\]])"
_SAMPLE = r"\{\s*(?:\d+|\*(?:\s*\d+)?)\s*\}"
_NAME = rf"(?P<name>(?:(?:∂E/∂|∂L/∂|∂E_)?[^\W\d][\w.~′⁺\u0302]*(?:@\d+)?(?:/∂\w+(?:@\d+)?)?|‖\w+‖²)(?:\s*{_SAMPLE})?)"
_MARK = rf"(?P<mark>⁺?\s*{_SAMPLE}|⁺)"
_TOKEN = re.compile(rf"\s*(?:{_NUMBER}|{_TEXT}|{_OP}|{_NAME}|{_MARK})")

# The path of a module may begin with a number, 3.c2.weight; 3.e5 is a number all the same.
_PATH = r"(?P<name>(?!\d+\.[eE]\d+(?![\w.]))(?:\d+\.)*[^\W\d][\w.]*(?:[~#]\d+)*)"
_VERSION = r"(?P<mark>(?:[~#]\d+)+)"
_TOKEN_OF_PATHS = re.compile(rf"\s*(?:{_PATH}|{_NUMBER}|{_TEXT}|{_OP}|{_VERSION})")
_COMPARISONS = {"<", "<=", ">", ">=", "==", "!="}


class _Grammar:
    """The grammar of the language, a method a rule."""

    def __init__(
        self,
        text: str,
        notation: Notation,
        program: Program,
        *,
        by_epoch: bool,
        evaluation: OfData,
        sensitivity: OfData,
    ) -> None:
        self._text = text
        self._scan = Scanner(
            text,
            _TOKEN_OF_PATHS if notation.dotted else _TOKEN,
            self._error,
            limit=MAX_LENGTH,
            too_long=_("a formula has at most {limit} characters"),
            longest=MAX_WORD,
            advice={
                "&": _("`&` means nothing here; write and"),
                "|": _("`|` means nothing here; write or"),
                "!": _("`!` means nothing here; write not"),
                "^": _("`^` means nothing here; write a product such as w1 * w1"),
            },
        )
        self._kinds = Kinds(self._error)
        self._names = Resolver(notation, program, self._error, evaluation, sensitivity)
        self._places = (*POSITIONS, *EPOCH_NAMES) if by_epoch else POSITIONS
        self._naming = {*NAMING, *wrappers(program)}

    @property
    def sensitive(self) -> bool:
        """Whether a gradient of an input was read."""
        return self._names.sensitive

    def read(self) -> Typed:
        """The whole formula."""
        if self._scan.peek().kind == "end":
            raise self._error(self._scan.peek().column, _("there is no formula"))
        found = self._either()
        self._scan.expect_end()
        return found

    def _error(self, column: int, message: str) -> FormulaError:
        return FormulaError(self._text, column, message)

    def _either(self) -> Typed:
        return self._joined("or", self._both)

    def _both(self) -> Typed:
        return self._joined("and", self._negation)

    def _joined(self, word: str, inner: Callable[[], Typed]) -> Typed:
        found = [inner()]
        while self._scan.take(word):
            found.append(inner())
        return found[0] if len(found) == 1 else self._kinds.joined(word, found)

    def _negation(self) -> Typed:
        token = self._scan.take("not")
        if token is None:
            return self._chain()
        with self._scan.deeper(token.column):
            part = self._negation()
        self._kinds.want(part, Kind.TRUTH)
        return self._kinds.spread(Not, [part], Kind.TRUTH, token.column)

    def _chain(self) -> Typed:
        left = self._sum()
        found: list[Typed] = []
        while token := self._scan.take(*_COMPARISONS, "="):
            if token.text == "=":
                raise self._error(token.column, _("write == for “equals”"))
            right = self._sum()
            found.append(self._kinds.compared(token.text, token.column, left, right))
            left = right
        if len(found) < 2:
            return found[0] if found else left
        return self._kinds.spread(lambda *items: JoinedPart("and", items), found, Kind.TRUTH, found[0].column)

    def _sum(self) -> Typed:
        return self._arithmetic(("+", "-"), self._product)

    def _product(self) -> Typed:
        return self._arithmetic(("*", "/"), self._sign)

    def _arithmetic(self, ops: tuple[str, ...], inner: Callable[[], Typed]) -> Typed:
        left = inner()
        while token := self._scan.take(*ops):
            left = self._kinds.combined(token.text, left, inner())
        return left

    def _sign(self) -> Typed:
        token = self._scan.take("-")
        if token is None:
            return self._atom()
        with self._scan.deeper(token.column):
            part = self._sign()
        self._kinds.want(part, Kind.NUMBER)
        if isinstance(part.node, NumberPart):
            return part._replace(node=NumberPart(-part.node.value), column=token.column)
        return self._kinds.spread(lambda x: Arithmetic("-", NumberPart(0.0), x), [part], Kind.NUMBER, token.column)

    def _atom(self) -> Typed:
        token = self._scan.next()
        if token.kind == "number":
            value = float(token.text)
            if not math.isfinite(value):
                raise self._error(token.column, _("this number is too large"))
            return Typed(NumberPart(value), Kind.NUMBER, None, token.column)
        if token.kind == "text":
            return Typed(TextPart(token.text[1:-1]), Kind.TEXT, None, token.column)
        if token.kind == "op" and token.text == "(":
            with self._scan.deeper(token.column):
                inner = self._either()
                self._scan.expect(")")
            return inner._replace(column=token.column)
        if token.kind != "name" or token.text in JOINING:
            message = _("expected a name, a number or `(`, found {found}")
            raise self._error(token.column, message.format(found=token.shown))
        return self._call(token) if self._scan.take("(") else self._name(token)

    def _call(self, token: Token) -> Typed:
        """What stands behind the name of a function and its bracket."""
        name = token.text
        naming = name in self._naming or name.endswith("′")
        if name not in FUNCTIONS and not naming:
            raise self._error(token.column, _unknown(name, FUNCTIONS, _("there is no function `{name}`")))
        with self._scan.deeper(token.column):
            if naming:
                return self._wrapped(token)
            arguments = [self._either()]
            while name != PREVIOUS and self._scan.take(","):
                arguments.append(self._either())
            self._scan.expect(")")
        return (
            self._previous(token, *arguments)
            if name == PREVIOUS
            else self._kinds.applied(name, token.column, arguments)
        )

    def _wrapped(self, token: Token) -> Typed:
        """``grad(...)``, ``σ′(...)`` and their like name a slot: what stands inside is a name, not a value."""
        word = self._scan.peek()
        if token.text.endswith("′") and word.kind != "name":
            raise self._error(word.column, _("expected a name, found {found}").format(found=word.shown))
        start = word.column
        # grad(out_h1{2}) and grad(out_h1){2} are the same slot.
        text, _brace, inside = self._inside().partition("{")
        mark = f"{{{inside}" if inside else self._mark()
        # A later version of an array, grad(w)~1, is another array.
        version, mark = (mark, "") if mark.startswith(("~", "#")) else ("", mark)
        name, _bracket, picks = text.partition("[")
        picks, brackets = picks.partition("]")[::2]
        if picks and not name.startswith(NAMING):
            array = self._names.array(f"{token.text}({name}{brackets}){version}")
            if array is not None:
                each = [part.strip() for part in picks.split(",")]
                return self._typed(self._names.picked(array, each, start, mark), start)
        if not picks and not mark:
            array = self._names.array(f"{token.text}({text}){version}")
            if array is not None and self._scan.take("["):
                return self._typed(self._names.picked(array, self._picks(), start, self._mark()), start)
        return self._slots(f"{token.text}({text}){version}{mark}", token.column, start)

    def _inside(self) -> str:
        """The text up to the bracket that ends a name, which is taken too."""
        depth, square, text = 1, 0, ""
        while True:
            token = self._scan.next()
            if token.kind == "end":
                raise self._error(token.column, _("expected `)`, found the end"))
            depth += (token.text == "(") - (token.text == ")")
            square += (token.text == "[") - (token.text == "]")
            if token.text == ")" and square > 0:
                message = _("expected `{wanted}`, found {found}").format(wanted="]", found="`)`")
                raise self._error(token.column, message)
            if depth == 0:
                return text
            text += token.text

    def _mark(self) -> str:
        """What stands behind a name in brackets: its sample, as in ``delta(o1){2}``, or ``⁺`` for its new value."""
        return self._scan.next().text if self._scan.peek().kind == "mark" else ""

    def _name(self, token: Token) -> Typed:
        if token.text in self._places:
            kind = Kind.TEXT if token.text == "phase" else Kind.NUMBER
            return Typed(MomentPart(token.text), kind, None, token.column)
        array = self._names.array(token.text)
        if array is None or not self._scan.take("["):
            return self._slots(token.text, token.column, token.column)
        return self._typed(self._names.picked(array, self._picks(), token.column, self._mark()), token.column)

    def _picks(self) -> list[str]:
        """The picks in square brackets, of which the first one was taken."""
        picks: list[str] = [""]
        while not self._scan.take("]"):
            inner = self._scan.next()
            if inner.kind == "end":
                raise self._error(inner.column, _("expected `]`, found the end"))
            if inner.text == ",":
                picks.append("")
            else:
                picks[-1] += inner.text
        return picks

    def _slots(self, name: str, column: int, where: int) -> Typed:
        node = self._names.slots(name, column, where)
        return self._typed(node, where if isinstance(node, Several | Stretch | Evaluated) else column)

    def _typed(self, node: Node, column: int) -> Typed:
        length = node.length if isinstance(node, Stretch | Evaluated) else None
        return Typed(node, Kind.NUMBER, len(node.items) if isinstance(node, Several) else length, column)

    def _previous(self, token: Token, inner: Typed) -> Typed:
        for node in walk(inner.node):
            if isinstance(node, Slot | Stretch) and node.previous:
                raise self._error(token.column, _("prev reaches back one iteration, not two"))
        return inner._replace(node=rebuilt(inner.node, _one_earlier), column=token.column)


def _one_earlier(node: Node) -> Node:
    return replace(node, previous=True) if isinstance(node, Slot | Stretch) else node


def _unknown(name: str, known: Sequence[str], message: str) -> str:
    return message.format(name=name) + suggest(name, known, most=2)


def parse(
    text: str,
    notation: Notation,
    program: Program,
    *,
    kind: Kind | None = None,
    by_epoch: bool = False,
    evaluation: OfData = None,
    several: bool = False,
    sensitivity: OfData = None,
) -> Formula:
    """Reads and checks a formula.

    Args:
        text: the formula.
        notation: the names of the network.
        program: a program of the network.
        kind: what it must be; None takes a number or a condition.
        by_epoch: whether it is decided at the end of an epoch, where E_epoch and E_data are known.
        evaluation: makes the forward pass over all data, where that is known.
        several: whether it may have several values.
        sensitivity: makes the program with the gradients of the inputs, where these are known.

    Raises:
        FormulaError: it cannot be read, a name is unknown, or kinds or lengths do not fit; with the column.
    """
    grammar = _Grammar(text, notation, program, by_epoch=by_epoch, evaluation=evaluation, sensitivity=sensitivity)
    found = grammar.read()
    wanted = kind or found.kind
    if found.kind is not wanted or found.kind is Kind.TEXT or (found.length is not None and not several):
        if found.length is not None and not several:
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
    stretches = tuple(dict.fromkeys(node for node in nodes if isinstance(node, Stretch)))
    return Formula(
        text=text.strip(),
        node=found.node,
        kind=found.kind,
        slots=slots,
        positions=positions,
        stretches=stretches,
        evaluated=tuple(node for node in nodes if isinstance(node, Evaluated)),
        length=found.length,
        sensitive=grammar.sensitive,
    )
