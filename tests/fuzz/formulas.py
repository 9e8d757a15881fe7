"""Formulas, grown from a grammar or poured from a box of words, through every door that reads a name."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

from retrograde.engine.equations.array import Array
from retrograde.engine.errors import EngineError
from retrograde.engine.scenario.file import load_scenario
from retrograde.engine.session.published import check
from retrograde.engine.session.session import Session
from retrograde.tui.cli.support.streams import complain, settled_streams
from retrograde.tui.debugger.editing import assignments
from tests.fuzz.target import Beat

SCENARIOS = (
    *("mazur", "xor-2-4-1", "cs231n-conv", "convolution-by-hand", "elman", "attention-by-hand", "batch-norm"),
    *("lstm-two-steps", "cs231n-circuit", "dropout", "mazur-in-place"),
)
FUNCTIONS = ("abs", "sqrt", "sign", "min", "max", "mean", "sum", "norm", "count", "any", "all", "isnan", "isinf")
WRAPPERS = ("grad", "grad", "prev", "prev", "delta", "new", "slope", "m", "v", "σ′")
MEASURES = ("epoch", "iteration", "sample", "step", "phase", "lr", "E", "E_epoch", "E_data")
OPERATORS = ("+", "-", "*", "/", "·", "−")
COMPARISONS = ("<", "<=", ">", ">=", "==", "!=", "≤", "≥", "crosses", "=")
NUMBERS = (
    "0",
    "1",
    "0.5",
    "-1",
    "1e-3",
    "1e300",
    "1e999",
    "1e-400",
    "nan",
    "99999999999999999999",
    "1" * 300,
    ".5",
    "1.",
)
SOUP = (
    *("(", ")", "[", "]", "{", "}", ",", ":", ";", "'", '"', "@", "\\", "#", "%", "**", "//", "~", "&", "|", "!", "?"),
    *("\x1b[31m", "\x9b", "\u202e", "\0", "\n", "\t", "²", "٣", "一", "😀", "and", "or", "not", "if", "lambda", "at"),
    *("(" * 200, "-" * 500, "a" * 5000, "1" * 4000, "W_" + "9" * 3000, "{1}", "{99}", "{*}", "[1,:]", "[0]", "′", "⁺"),
)


def _index(rng: random.Random, array: Array) -> str:
    sizes = array.shape[1:] if array.batched else array.shape
    if not sizes and rng.random() < 0.9:
        return ""
    count = len(sizes) if rng.random() < 0.9 else rng.randrange(5)
    parts = []
    for axis in range(count):
        size = sizes[axis] if axis < len(sizes) else 1
        near = (1, size, size + 1, 0, -1, 10**9, 10**30)
        right = str(rng.randint(1, max(1, size)))
        other = rng.choice((str(rng.choice(near)), ":", ":", f"1:{size}", f"{size}:1"))
        parts.append(right if rng.random() < 0.6 else other)
    return f"[{rng.choice((',', ', ')).join(parts)}]"


class Formulas:
    """Each input is a line, a door and a scenario, and the formula."""

    def __init__(self, home: Path) -> None:
        del home
        self._sessions: dict[str, Session] = {}
        self._doors: dict[str, Callable[[Session, str], object]] = {
            "first": lambda session, text: session.first(text),
            "count": lambda session, text: session.count(text),
            "extreme": lambda session, text: session.extreme(text),
            "break": self._broken,
            "watch": self._watched,
            "set": self._set,
            "measure": lambda session, text: session.measure(text, 1),
            "gradcheck": lambda session, text: session.check_gradient(session.resolve(text)),
            "value": lambda session, text: session.value(text),
            "expect": self._expected,
        }

    def made(self, seed: int) -> bytes:
        rng = random.Random(seed)
        name, door = rng.choice(SCENARIOS), rng.choice(tuple(self._doors))
        session = self._session(name)
        if door in {"first", "count", "extreme", "break", "watch"}:
            text = self._soup(rng, session) if rng.random() < 0.3 else self._condition(rng, session, 3)
            if door in {"extreme", "watch"} and rng.random() < 0.8:
                text = self._number(rng, session, 3)
            if door == "break" and rng.random() < 0.3:
                text = f"at {self._name(rng, session)}"
        else:
            text = self._soup(rng, session) if rng.random() < 0.1 else self._name(rng, session)
            if door == "set":
                text = f"{text}{rng.choice((' ', ' = ', '='))}{rng.choice((*NUMBERS, '−2', 'much', ''))}"
        return f"{door} {name}\n{text}".encode()

    def run(self, content: bytes, beat: Beat) -> bool:
        head, _line, rest = content.partition(b"\n")
        door, _blank, name = head.decode("utf-8", "replace").partition(" ")
        if door not in self._doors or name not in SCENARIOS:
            return False
        session = self._session(name)
        beat()
        try:
            self._doors[door](session, rest.decode("utf-8", "replace"))
        except EngineError as error:
            with settled_streams():
                complain(str(error))
            assert str(error).strip(), "the error says nothing"
            return False
        return True

    @staticmethod
    def file(content: bytes) -> tuple[str, bytes]:
        return ".txt", content

    def _session(self, name: str) -> Session:
        if name not in self._sessions:
            session = self._sessions[name] = Session(load_scenario(name))
            session.run(epochs=1)
            session.seek(session.length // 2)
        return self._sessions[name]

    # -- doors

    def _broken(self, session: Session, text: str) -> None:
        number = session.add_breakpoint(text)
        try:
            session.hits_of(0)
        finally:
            session.remove_breakpoint(number if isinstance(number, int) else number.number)

    def _watched(self, session: Session, text: str) -> None:
        formula = session.watch(text)
        try:
            session.look(formula)
            session.last_change(formula)
            session.sparks(formula, 8)
        finally:
            session.watches.clear()

    def _set(self, session: Session, text: str) -> None:
        position = session.position
        session.edit(assignments(text))
        try:
            session.step()
        finally:
            session.undo()
            session.seek(position)

    def _expected(self, session: Session, text: str) -> None:
        expectation = session.scenario.expect[0].model_copy(update={"value": text, "updates": 1})
        check(session.scenario.model_copy(update={"expect": (expectation,)}))

    # -- what is written

    def _name(self, rng: random.Random, session: Session) -> str:
        if rng.random() < 0.15:
            return rng.choice(MEASURES)
        array = rng.choice(session.program.arrays)
        if rng.random() < 0.15:
            number = rng.choice((1, 2, 3, 12, 99999, 10**30))
            text = f"{rng.choice((array.stem or 'w', 'w', 'b', 'i', 'out', 'net'))}_{array.layer}{number}"
        else:
            text = array.name + _index(rng, array)
        for _ in range(rng.choice((0, 0, 0, 0, 1, 1, 2))):
            text = f"{rng.choice(WRAPPERS)}({text})"
        return text + rng.choice((*[""] * 14, "{1}", "{2}", "{0}", "{99}", "⁺", "@1", "@9"))

    def _number(self, rng: random.Random, session: Session, depth: int) -> str:
        dice = rng.random() if depth else rng.random() * 0.45
        if dice < 0.35:
            return self._name(rng, session)
        if dice < 0.45:
            return rng.choice(NUMBERS)
        if dice < 0.7:
            count = rng.choice((1, 1, 1, 2, 3, 0))
            inner = ", ".join(self._number(rng, session, depth - 1) for _ in range(count))
            return f"{rng.choice(FUNCTIONS)}({inner})"
        one, other = self._number(rng, session, depth - 1), self._number(rng, session, depth - 1)
        return f"{one} {rng.choice(OPERATORS)} {other}" if dice < 0.9 else f"-({one})"

    def _condition(self, rng: random.Random, session: Session, depth: int) -> str:
        dice = rng.random() if depth else 0.0
        if dice < 0.6:
            sides = [self._number(rng, session, 2) for _ in range(rng.choice((1, 2, 2, 2, 3)))]
            text = sides[0]
            for side in sides[1:]:
                text += f" {rng.choice(COMPARISONS)} {side}"
            return text
        if dice < 0.75:
            return f"not ({self._condition(rng, session, depth - 1)})"
        one, other = self._condition(rng, session, depth - 1), self._condition(rng, session, depth - 1)
        return f"{one} {rng.choice(('and', 'or'))} {other}"

    def _soup(self, rng: random.Random, session: Session) -> str:
        words = []
        for _ in range(rng.randint(1, 14)):
            words.append(
                rng.choice(
                    (
                        rng.choice(SOUP),
                        rng.choice(FUNCTIONS),
                        self._name(rng, session),
                        rng.choice(OPERATORS),
                        rng.choice(COMPARISONS),
                        rng.choice(NUMBERS),
                    )
                )
            )
        return rng.choice(("", " ")).join(words)


TARGET = Formulas
