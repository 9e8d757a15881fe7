"""The debugger as a conversation: a line asks, a sentence answers. For screen readers, pipes and slow connections.

The words are those of the app: the keys of its table of commands, their ids, and what stands on its command line.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from retrograde.engine.errors import EngineError, FormulaError
from retrograde.engine.text import _, brief, ended, joined, language, suggest, whole_number
from retrograde.tui.cli.support.progress import ProgressBar
from retrograde.tui.commands.command import Command, key_name

if TYPE_CHECKING:
    from retrograde.engine.explaining.step import Moment, Step
    from retrograde.engine.session.session import Halt, Session

MOST_LINES = 20
"""Lines of a list that are said at once."""
_ADDRESS = re.compile(r"[-+−@]?\d")
_MOST_TIMES = 999_999_999
_BACK = "_back"


class Finished(Exception):  # noqa: N818 - no error
    """The conversation is over."""


class LineMode:
    """Answers lines, about a session.

    Args:
        session: the session.
        bar: shows how far a run or a search is.
    """

    def __init__(self, session: Session, bar: ProgressBar) -> None:
        self._session = session
        self._bar = bar
        self._last = "step"
        self._moments: tuple[Moment, ...] = ()
        self._chapter_told = -1

    # -- what is said

    def answer(self, line: str) -> str:
        """What there is to say to a line.

        Args:
            line: a key or an id of a command, with what follows it; an address; an expression; nothing for the last
                motion again.

        Raises:
            EngineError: It makes no sense; nothing has changed.
            Finished: It was asked to end.
        """
        line = line.strip().lstrip(":").strip()
        word, _space, rest = line.partition(" ")
        rest = rest.strip()
        if not line:
            word = self._last
        name = self._ids.get(word, "")
        if name.removesuffix(_BACK) in _MOTIONS:
            self._last = word
            return self._motion(name, rest)
        if name.removesuffix(_BACK) == "chapter" and not rest:
            self._last = word
        if name in _ANSWERS:
            return _ANSWERS[name](self, rest)
        if name in _QUESTIONS:
            return self._ask(name, rest)
        if not rest and (_ADDRESS.match(word) or word in {"start", "end"}):
            return self._seek(self._session.find(f"@{word}" if word.isdigit() else word.rstrip(":")))
        try:
            return self._print(line)
        except EngineError:
            # E is the loss, although its key does something else where there is a screen.
            if name:
                message = _("{word} needs the app's screen: `retrograde open`")
                raise EngineError(message.format(word=word)) from None
            if not word.isalpha():
                raise
            near = suggest(word, self._ids, most=2)
            raise FormulaError(line, 1, _("{text} is no command; help lists them").format(text=word) + near) from None

    def here(self) -> str:
        """Where the cursor is, and what was computed there, in a sentence or two."""
        return joined((self._moment(), *self._told()))

    def _told(self) -> list[str]:
        """What the chapter that is about this moment says."""
        from retrograde.tui.views.chapters import told

        session = self._session
        found = () if session.term else session.chapters.at(session.position)
        if found:
            self._chapter_told = self._chapter_told if self._chapter_told in found else found[0]
            chapter = told(session, self._chapter_told)[language()]
            return [joined((chapter.title, chapter.text), ": ")]
        return []

    def _moment(self) -> str:
        """The place of the cursor, and what was computed there."""
        session = self._session
        step = session.current
        if step is None and session.recording is not None:
            text = _("{name}: a recorded step of a training. Initial state; {count} steps.")
            return text.format(name=session.name, count=session.program.steps)
        if step is None:
            text = _("{scenario}: {title}. Initial state; {count} steps an iteration.")
            scenario = session.scenario
            return text.format(
                scenario=scenario.name, title=scenario.title.text(language()), count=session.program.steps
            )
        return joined((self._place(step.moment), self._said(step), *self._checks()))

    def _place(self, moment: Moment) -> str:
        from retrograde.tui.reading.figures import phase_word

        alone = self._session.schedule.alone
        parts = [_("Step {address}").format(address=moment.step if alone else moment.address)]
        if moment.sample is not None and self._session.program.batch > 1:
            parts.append(_("sample {number}").format(number=moment.sample + 1))
        return ended(joined((*parts, phase_word(moment.phase), moment.layer), ", "))

    def _said(self, step: Step) -> str:
        """A step, or its term, as an equation with symbols and numbers."""
        from retrograde.engine.equations.rendering import render
        from retrograde.tui.reading.figures import show

        if step.term:
            term = step.terms[step.term - 1]
            text = _("Term {number} of {count} of {name}: {term} = {value}; the sum so far is {partial}.")
            return text.format(
                number=step.term,
                count=len(step.terms),
                name=step.symbol,
                term=render(term.expr, step.notation.symbol),
                value=show(term.value),
                partial=show(term.partial),
            )
        recording = self._session.recording
        silence = "" if recording is None else recording.silence(step.place.op)
        if silence:
            value = self._session.visible(step.target)
            return ended(joined((f"{step.symbol} = {show(value)}", silence), "; "))
        symbols, numbers = step.text()
        return ended(" = ".join(dict.fromkeys((step.symbol, symbols, numbers, show(step.result)))))

    def _checks(self) -> list[str]:
        """What the value was held against."""
        from retrograde.tui.reading.reading import Reading
        from retrograde.tui.views.badges import badges

        signs = {True: _("agrees"), False: _("differs"), None: _("unclear")}
        found = badges(self._session, Reading.of(self._session))
        return [ended(joined((badge.text, signs[badge.ok]), ": ")) for badge in found]

    # -- moving

    def _motion(self, name: str, rest: str) -> str:
        granularity, back = name.removesuffix(_BACK), name.endswith(_BACK)
        times = whole_number(rest) if rest else 1
        if times is None or times > _MOST_TIMES:
            raise EngineError(_("{text!r} is no number of times").format(text=brief(rest)))
        session = self._session
        for _time in range(times):
            if not (session.back(granularity) if back else session.step(granularity)):
                ended = _("This is the initial state.") if back else _("This is the end of the training.")
                return ended if session.current is None else joined((ended, self.here()))
        return self.here()

    def _seek(self, where: int) -> str:
        session = self._session
        origin = session.here
        session.seek(where, self._bar.searched)
        if session.here != origin:
            session.visit(origin)
        return self.here()

    def _start(self, _rest: str) -> str:
        return self._seek(0)

    def _end(self, _rest: str) -> str:
        return self._seek(self._session.frontier)

    def _return(self, _rest: str) -> str:
        return self.here() if self._session.revisit() else _("There was no jump to return from.")

    def _forth(self, _rest: str) -> str:
        return self.here() if self._session.revisit(forward=True) else _("There was no return.")

    def _chapter(self, rest: str) -> str:
        """Goes to a chapter, by default the next one."""
        from retrograde.tui.debugger.chaptering import chapter_number

        if rest:
            return self._to_chapter(chapter_number(rest))
        number, count = self._chapter_told + 1, len(self._session.chapters)
        return _("That was the last chapter.") if number == count > 0 else self._to_chapter(number)

    def _chapter_before(self, _rest: str) -> str:
        chapters = self._session.chapters
        number = self._chapter_told - (self._chapter_told in chapters.at(self._session.position))
        return _("This is the first chapter.") if number < 0 < len(chapters) else self._to_chapter(number)

    def _to_chapter(self, number: int) -> str:
        position = self._session.chapters.find(number, self._bar.searched)
        self._chapter_told = number
        return self._seek(position)

    def _chapters(self, _rest: str) -> str:
        from retrograde.tui.views.chapters import chapter_rows

        rows = chapter_rows(self._session)
        return "\n".join(joined(row, ", ") for row in rows) or _("This scenario has no chapters.")

    def _origin(self, rest: str) -> str:
        """The operands with the steps that made them, or the step of one."""
        operands = self._step.operands
        if rest:
            made = operands[_chosen(rest, len(operands))].made_by
            return _("It was given; no step made it.") if made is None else self._seek(made)
        from retrograde.tui.reading.figures import show

        lines = []
        for number, one in enumerate(operands, 1):
            made = one.made_by
            whence = _("given") if made is None else self._session.step_at(made).moment.address
            lines.append(f"{number}. {one.symbol} = {show(one.value)}, {whence}")
        return _listed(lines)

    def _uses(self, rest: str) -> str:
        """The steps that read the value, or one of them."""
        if rest and self._moments:
            return self._seek(self._moments[_chosen(rest, len(self._moments))].number)
        self._moments = self._session.uses(self._step.target)
        if not self._moments:
            return _("{name} is not used again in this iteration").format(name=self._step.symbol)
        lines = []
        for number, moment in enumerate(islice(self._moments, MOST_LINES), 1):
            lines.append(f"{number}. {moment.address}, {self._session.step_at(moment.number).symbol}")
        return _listed(lines, len(self._moments))

    @property
    def _step(self) -> Step:
        step = self._session.current
        if step is None:
            raise EngineError(_("make a step first"))
        return step

    # -- running and stopping

    def _run(self, rest: str) -> str:
        epochs = whole_number(rest)
        if rest and not epochs:
            raise EngineError(_("{text!r} is no number of epochs").format(text=brief(rest)))
        outcome = self._session.run(epochs, on_progress=self._bar.update)
        return joined((outcome.message, self.here()), ". ")

    def _continue(self, _rest: str) -> str:
        return self._halted(self._session.proceed(self._bar.update, None, self._bar.searched))

    def _continue_back(self, _rest: str) -> str:
        return self._halted(self._session.reverse(self._bar.searched))

    def _halted(self, halt: Halt) -> str:
        if halt.breakpoint is not None:
            text = _("breakpoint {number}: {text}").format(number=halt.breakpoint.number, text=halt.breakpoint.text)
        elif halt.outcome is not None:
            text = halt.outcome.message
        else:
            text = _("no hit before: this is the start")
        return joined((text, self.here()), ". ")

    def _break(self, rest: str) -> str:
        if not rest:
            points = self._session.breakpoints.values()
            return _listed([f"{one.number}. {one.text}" for one in points]) or _("There is no breakpoint.")
        point = self._session.add_breakpoint(rest)
        return _("breakpoint {number}: {text}").format(number=point.number, text=point.text)

    def _break_here(self, rest: str) -> str:
        return self._break(rest or f"at {self._session.notation.name(self._step.target)}")

    def _delete(self, rest: str) -> str:
        number = whole_number(rest)
        if number is None:
            raise EngineError(_("delete takes the number of a breakpoint"))
        self._session.remove_breakpoint(number)
        return _("breakpoint {number} is gone").format(number=rest)

    # -- asking

    def _print(self, rest: str) -> str:
        from retrograde.tui.debugger.querying import asked_at, moment, worth

        session = self._session
        expression, where = asked_at(rest)
        formula = session.formula(expression)
        at, when = moment(session, where)
        value = session.look_at(formula, at, self._bar.searched) if where else session.look(formula)
        return worth(expression, value, when, 9)

    def _ask(self, verb: str, text: str) -> str:
        from retrograde.tui.debugger.querying import answer
        from retrograde.tui.views.debugging import address

        session = self._session
        found = answer(session, verb, text, self._bar.searched)
        said = joined((found.title, found.text), ": ")
        if verb == "all":
            return _listed([said, *(address(session.schedule, step) for step in found.steps)], len(found.steps) + 1)
        return joined((said, self._seek(found.steps[0])), ". ") if found.steps else said

    def _why(self, rest: str) -> str:
        session = self._session
        found = session.autopsy(rest or self._step.target)
        beyond = found.finding in {"tiny", "zero"} and found.parameter is not None
        died = session.death(found.ref, self._bar.searched) if beyond else None
        return session.explanations.told(found, died, session.revival(found.ref) if beyond else None)

    # -- changing and keeping

    def _set(self, rest: str) -> str:
        from retrograde.tui.debugger.editing import assignments, slot_name

        session = self._session
        wanted = {slot_name(session, session.resolve(name)): value for name, value in assignments(rest).items()}
        branch = session.edit(wanted)
        return joined((_("Branch {name}: {edit}.").format(name=branch.name, edit=branch.edit), self.here()))

    def _undo(self, _rest: str) -> str:
        if self._session.branch.parent is None:
            raise EngineError(_("there is no edit to undo on this branch"))
        self._session.undo()
        return self.here()

    def _mark(self, rest: str) -> str:
        self._session.mark(rest)
        return _("Marked {letter}.").format(letter=rest)

    def _to_mark(self, rest: str) -> str:
        origin = self._session.here
        self._session.go_to_mark(rest)
        self._session.visit(origin)
        return self.here()

    def _save(self, rest: str) -> str:
        from retrograde.engine.session.saving import save
        from retrograde.tui.cli.support.saved import SUFFIX, is_saved

        if not rest:
            raise EngineError(_("save needs the name of a file"))
        path = Path(rest if is_saved(rest) else rest + SUFFIX)
        if path.exists():
            raise EngineError(_("{path} is there already").format(path=path))
        save(self._session, path)
        return _("saved: retrograde open {path}").format(path=path)

    def _help(self, _rest: str) -> str:
        return "\n".join(help_lines(self._rows))

    def _quit(self, _rest: str) -> str:
        raise Finished

    # -- the words

    @cached_property
    def _rows(self) -> tuple[Command, ...]:
        from retrograde.tui.debugger.table import COMMANDS

        return COMMANDS

    @cached_property
    def _ids(self) -> Mapping[str, str]:
        """The words, with the ids of their commands."""
        found = {"where": "here", "?": "help", "h": "help"}
        for row in self._rows:
            found |= {word: row.id for word in (row.id, row.word, *_letters(row)) if word}
        return found


Answer = Callable[[LineMode, str], str]
_MOTIONS = frozenset({"step", "term", "layer", "phase", "sample", "iteration", "epoch"})
_QUESTIONS = frozenset({"first", "last", "count", "all", "max", "min"})
_ANSWERS: Mapping[str, Answer] = {
    "here": lambda mode, _rest: mode.here(),
    "why": LineMode._why,
    "origin": LineMode._origin,
    "uses": LineMode._uses,
    "return": LineMode._return,
    "forth": LineMode._forth,
    "chapter": LineMode._chapter,
    "chapter_back": LineMode._chapter_before,
    "chapters": LineMode._chapters,
    "start": LineMode._start,
    "end": LineMode._end,
    "run": LineMode._run,
    "continue": LineMode._continue,
    "continue_back": LineMode._continue_back,
    "break": LineMode._break,
    "break_here": LineMode._break_here,
    "delete": LineMode._delete,
    "print": LineMode._print,
    "set": LineMode._set,
    "undo": LineMode._undo,
    "mark": LineMode._mark,
    "go_to_mark": LineMode._to_mark,
    "save": LineMode._save,
    "help": LineMode._help,
    "quit": LineMode._quit,
}


def _letters(row: Command) -> Iterator[str]:
    """The keys of a command that can be written."""
    return (name for key in row.keys if len(name := key_name(key)) == 1 and name.isascii())


def help_lines(rows: tuple[Command, ...]) -> Iterator[str]:
    """The commands of a conversation, a line each; as the app has them."""
    for row in rows:
        if row.id.removesuffix(_BACK) in _MOTIONS or row.id in _ANSWERS or row.id in _QUESTIONS:
            words = dict.fromkeys((*_letters(row), row.line or row.id))
            yield f"{', '.join(words)}: {_(row.title)}"
    yield _("where: says again where this is")
    yield _("2:1:17, 120, 50%: goes there; w5, grad(w1)/grad(w5): its value; an empty line: the last motion again")


def _chosen(text: str, count: int) -> int:
    """The place of an item that was chosen by its number, from 0."""
    number = whole_number(text)
    if number is None or not 1 <= number <= count:
        raise EngineError(_("{text!r} is no number from 1 to {count}").format(text=brief(text), count=count))
    return number - 1


def _listed(lines: list[str], count: int | None = None) -> str:
    """Lines of a list, as many as one can listen to."""
    count = len(lines) if count is None else count
    shown = lines[:MOST_LINES]
    if count > len(shown):
        shown.append(_("… {count} more").format(count=count - len(shown)))
    return "\n".join(shown)
