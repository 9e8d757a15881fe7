"""Questions: steps of a training with their result hidden, chosen so that each known mistake shows itself."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property, partial

from retrograde.engine.equations.array import Extent, Phase
from retrograde.engine.equations.evaluation import evaluate
from retrograde.engine.equations.expression import Ref
from retrograde.engine.errors import EngineError
from retrograde.engine.explaining.step import Step, shown
from retrograde.engine.network.frame import Frame
from retrograde.engine.network.program import Place, Program
from retrograde.engine.quizzing.kinds import KINDS
from retrograde.engine.quizzing.marking import MOST_DIGITS, Verdict, marked, typed
from retrograde.engine.quizzing.mistakes import Mistake, alike, mistakes_of, read_by
from retrograde.engine.session.session import Session
from retrograde.engine.text import N_, _, joined

MOST_READ = 12
"""Values that a step may read: more of them nobody works out by hand."""
LEAST_MISTAKES = 3
"""Wrong values that a step must have to be worth a question."""
FIRST_ITERATIONS = 3
"""Iterations that the steps are taken from."""
DRAWN, MOST_DRAWN = 24, 4096
"""Steps that are drawn for each question, and for a level at the most."""
OPTIONS = 4
"""Formulas to choose from."""
FORMULA_EVERY = 3
"""Each third question asks for the formula."""
LETTERS = "ABCD"


class Level(StrEnum):
    """What is asked about."""

    FORWARD = "forward"
    BACKWARD = "backward"
    UPDATE = "update"


PHASES: Mapping[Level, frozenset[Phase]] = {
    Level.FORWARD: frozenset({Phase.FORWARD, Phase.LOSS}),
    Level.BACKWARD: frozenset({Phase.BACKWARD}),
    Level.UPDATE: frozenset({Phase.UPDATE}),
}

LEVEL_TITLES: Mapping[Level, str] = {
    Level.FORWARD: N_("forward"),
    Level.BACKWARD: N_("backward"),
    Level.UPDATE: N_("update"),
}


@dataclass(frozen=True, slots=True)
class Option:
    """A formula to choose; ``mistake`` is None for the right one."""

    letter: str
    formula: str
    mistake: Mistake | None


@dataclass(frozen=True, kw_only=True, eq=False)
class Question:
    """A step with its result hidden.

    Attributes:
        step: the step.
        level: its level.
        mistakes: its known mistakes; none of them gives the right value.
        options: the formulas to choose from; empty where the value is asked for.
    """

    step: Step
    level: Level
    mistakes: tuple[Mistake, ...]
    options: tuple[Option, ...] = ()

    @property
    def value(self) -> float:
        """The right value: of a sum over samples the part of its sample."""
        return self.step.contribution

    @property
    def left(self) -> str:
        """The symbol of what is asked for."""
        return self.step.part

    @property
    def formula(self) -> str:
        """The right formula in symbols."""
        return self.step.text()[0]

    @cached_property
    def digits(self) -> int:
        """Digits of the operands with which the right value comes out to six."""
        frame = self.step.frame
        for digits in (6, 9, 12):
            value = evaluate(self.step.equation, partial(_rounded, frame, digits), frame.mathematics)
            if math.isfinite(value) and typed(shown(value, 6)).fits(self.value):
                return digits
        return 17

    @property
    def operands(self) -> tuple[tuple[str, str], ...]:
        """Symbol and number of each value that the step reads."""
        return tuple((one.symbol, shown(one.value, self.digits)) for one in self.step.operands)

    def marked(self, text: str, own: Mapping[str, int] | None = None) -> Verdict:
        """Marks an answer.

        Args:
            text: the answer: a number, or the letter of a formula.
            own: how often each kind of mistake was made before, by its name.

        Raises:
            EngineError: it is no answer.
        """
        if not self.options:
            return marked(typed(text), self.value, self.mistakes, own)
        letter = text.strip().upper()
        for option in self.options:
            if option.letter == letter:
                mistakes = () if option.mistake is None else (option.mistake,)
                return Verdict(answer=letter, right=option.mistake is None, mistakes=mistakes)
        letters = joined([option.letter for option in self.options], ", ")
        raise EngineError(_("one letter of {letters}, please").format(letters=letters))


def _rounded(frame: Frame, digits: int, ref: Ref) -> float:
    return float(shown(frame.value(ref), digits))


def power(step: Step) -> tuple[float, tuple[Mistake, ...]]:
    """How well a step tells the known mistakes apart: distinct wrong values / mistakes; and the mistakes.

    A step of which one mistake gives the right value has the power 0: it would be taken for understood.
    """
    mistakes = mistakes_of(step)
    value = step.contribution
    if len(mistakes) < LEAST_MISTAKES or not math.isfinite(value):
        return 0.0, mistakes
    if any(_taken_for(one.value, value) for one in mistakes):
        return 0.0, mistakes
    return len(distinct(mistakes)) / len(mistakes), mistakes


def _taken_for(wrong: float, value: float) -> bool:
    """Whether a wrong value is taken for the right one: by its six digits, or as it is written, 0.5 for 0.500000."""
    return alike(wrong, value) or typed(shown(wrong, MOST_DIGITS)).fits(value)


def distinct(mistakes: Sequence[Mistake]) -> list[float]:
    """The values of some mistakes that six digits tell apart."""
    found: list[float] = []
    for value in sorted(one.value for one in mistakes):
        if not found or not alike(found[-1], value):
            found.append(value)
    return found


def questions(
    session: Session,
    *,
    level: Level | None,
    count: int,
    seed: int,
    asked: Callable[[], bool] = lambda: False,
) -> tuple[Question, ...]:
    """Questions about the first iterations of a training, the same ones for the same seed.

    Args:
        session: the session; its cursor stays where it is.
        level: what is asked about; None for all, in the order of an iteration.
        count: how many at the most.
        seed: what they are drawn by.
        asked: whether it was asked to end.

    Raises:
        EngineError: no step can be asked about; or it is a recording, whose steps are only read.
        InterruptedError: it was asked to end.
    """
    if session.recording is not None:
        raise session.recording.only_read()
    levels = tuple(Level) if level is None else (level,)
    shares = [count // len(levels) + (place < count % len(levels)) for place in range(len(levels))]
    drawing = random.Random(seed)
    blind: Counter[str] = Counter()
    chosen = [
        _ranked(_drawn(session, one, min(DRAWN * count, MOST_DRAWN), drawing, asked), count, blind) for one in levels
    ]
    # What one level has too few of, the others ask.
    spare = count - sum(min(len(row), share) for row, share in zip(chosen, shares, strict=True))
    found: list[Question] = []
    for one, row, share in zip(levels, chosen, shares, strict=True):
        more = min(max(len(row) - share, 0), spare)
        spare -= more
        for step, mistakes in sorted(row[: share + more], key=lambda pair: pair[0].number):
            formula = len(found) % FORMULA_EVERY == FORMULA_EVERY - 1
            found.append(_asked(step, one, mistakes, drawing, formula=formula))
    if not found:
        raise EngineError(_why_none(session.name, blind))
    return tuple(found)


def _why_none(name: str, blind: Counter[str]) -> str:
    """Why there are no questions: what mistake most often gives the right value, or that the steps are too long."""
    if not blind:
        return _("{name} has no step to ask about: none is short enough to be worked out").format(name=name)
    ((kind, _times),) = blind.most_common(1)
    return _("{name} has no step to ask about: each has a mistake that gives the right value, such as: {title}").format(
        name=name, title=_(KINDS[kind].title)
    )


def _asked(
    step: Step, level: Level, mistakes: tuple[Mistake, ...], drawing: random.Random, *, formula: bool
) -> Question:
    """The question about a step: its value, or, where there are wrong ones enough, its formula."""
    options: tuple[Option, ...] = ()
    right = step.text()[0]
    wrong: dict[str, Mistake] = {}
    for one in mistakes:
        # −(...) around all of it gives itself away.
        if one.kind.name != "sign" and one.formula != right:
            wrong.setdefault(one.formula, one)
    if formula and len(wrong) >= OPTIONS - 1:
        drawn: list[tuple[str, Mistake | None]] = [(right, None)]
        for text in drawing.sample(sorted(wrong), OPTIONS - 1):
            drawn.append((text, wrong[text]))
        drawing.shuffle(drawn)
        options = tuple(Option(letter, text, mistake) for letter, (text, mistake) in zip(LETTERS, drawn, strict=True))
    return Question(step=step, level=level, mistakes=mistakes, options=options)


def _ranked(drawn: Iterable[Step], count: int, blind: Counter[str]) -> list[tuple[Step, tuple[Mistake, ...]]]:
    """At most so many steps: of the most power, of as many kinds of op as there are.

    Args:
        drawn: the steps to choose from.
        count: how many.
        blind: gets how often each kind of mistake gave the right value.
    """
    kinds: dict[tuple[str, str], list[tuple[float, Step, tuple[Mistake, ...]]]] = {}
    seen: set[int] = set()
    for step in drawn:
        if step.number in seen:
            continue
        seen.add(step.number)
        strength, mistakes = power(step)
        if strength:
            array = step.target.array
            of = "" if array.of is None else array.of.role.name
            kinds.setdefault((array.role.name, of), []).append((strength, step, mistakes))
        else:
            blind.update({one.kind.name for one in mistakes if _taken_for(one.value, step.contribution)})
    for row in kinds.values():
        row.sort(key=lambda one: -one[0])
    found: list[tuple[Step, tuple[Mistake, ...]]] = []
    for place in range(max(map(len, kinds.values()), default=0)):
        found += [row[place][1:] for row in kinds.values() if place < len(row)]
        if len(found) >= count:
            break
    return found[:count]


def _drawn(
    session: Session, level: Level, most: int, drawing: random.Random, asked: Callable[[], bool]
) -> Iterator[Step]:
    """Steps of a level that can be worked out by hand; op by op, so that a small op comes as often as a large one."""
    schedule = session.schedule
    iterations = min(FIRST_ITERATIONS, schedule.locate(session.length)[0] + 1)
    ops: dict[Program, list[int]] = {}
    for _number in range(most):
        if asked():
            raise InterruptedError
        iteration = drawing.randrange(iterations)
        program = schedule.program(iteration)
        if program not in ops:
            ops[program] = [number for number, op in enumerate(program.ops) if op.phase in PHASES[level]]
        if not ops[program]:
            return
        number = drawing.choice(ops[program])
        op = program.ops[number]
        sample = None if op.extent is Extent.ONCE else drawing.randrange(program.batch)
        step = Step(
            frame=session.timeline.frame(iteration),
            schedule=schedule,
            notation=session.notation,
            iteration=iteration,
            place=Place(number, sample, drawing.randrange(math.prod(op.target.element_shape))),
        )
        if 1 <= read_by(step) <= MOST_READ and not isinstance(step.equation, Ref):
            yield step
