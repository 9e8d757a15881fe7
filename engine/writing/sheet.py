"""A worked solution as a document: what is given, every step with its symbols, numbers and result, and the key.

The document knows no markup; its numbers are those that the engine computed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from retrograde.engine.equations.array import Array, Phase, Role
from retrograde.engine.equations.expression import Expr, Product, Ref, refs, terms
from retrograde.engine.equations.losses import LOSSES
from retrograde.engine.equations.optimisers import OPTIMISERS
from retrograde.engine.errors import EngineError
from retrograde.engine.explaining.chain import chain
from retrograde.engine.explaining.step import Step, made_by
from retrograde.engine.network.program import unravel
from retrograde.engine.scenario.models import TextTable
from retrograde.engine.session.published import compare, reason_of
from retrograde.engine.session.session import Session
from retrograde.engine.text import _, language
from retrograde.engine.travel.search import OnProgress
from retrograde.engine.writing.other_numbers import with_other_numbers
from retrograde.engine.writing.picture import Picture, network_picture

MOST_STEPS = 2_000
"""Steps of a sheet: a hundred pages."""
MOST_GIVEN = 240
"""Numbers of a list or columns of a table that are written; how many more there are is said."""
MOST_COLUMNS = 12
"""Columns of a picture that is written as one."""
MOST_WAYS = 4
"""Ways of a gradient up to which each is written as its chain rule."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Factor:
    """One factor ∂above/∂below of a chain rule, with its value."""

    above: str
    below: str
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A published figure beside what was computed.

    Attributes:
        name: the value that it is about.
        address: the step.
        printed: the figure as its source has it.
        computed: what was computed, with its digits.
        agrees: whether the two are the same.
        reason: why the source is wrong, or how it comes to the figure.
    """

    name: str
    address: str
    printed: str
    computed: str
    agrees: bool
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A note or a mark of the session.

    Attributes:
        address: the step.
        symbol: what the step makes.
        text: the note; of a mark its letter.
        letter: whether it is a mark.
    """

    address: str
    symbol: str
    text: str
    letter: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetStep:
    """One step.

    Attributes:
        number: its number on the sheet, from 1.
        address: its address in the training.
        name: the ASCII name of what it makes.
        symbol: the symbol; of a sum over samples that of the sample's part.
        equation: the equation with the choices that were made.
        symbols: the symbol of each slot that the equation reads.
        values: the number of each.
        ways: the chain rule: the factors of each way, which add up to the gradient; none where there is none.
        result: what the step computes.
        so_far: of a sum over samples the sum up to this one, which it has, and how many there are; else None.
        notes: what was noted at it.
    """

    number: int
    address: str
    name: str
    symbol: str
    equation: Expr
    symbols: Mapping[Ref, str]
    values: Mapping[Ref, float]
    ways: tuple[tuple[Factor, ...], ...]
    result: float
    so_far: tuple[str, float, int, int] | None
    notes: tuple[Note, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Steps of one layer, at one time step; ``layer`` is empty where there is none."""

    layer: str
    steps: tuple[SheetStep, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Steps of one phase, of one sample.

    Attributes:
        iteration: the iteration as epoch and iteration, from 1.
        sample: the sample in the batch, from 1; None where there is one, or the steps are of all.
        phase: the phase.
        groups: the steps.
    """

    iteration: str
    sample: int | None
    phase: Phase
    groups: tuple[Group, ...]

    @property
    def steps(self) -> Iterable[SheetStep]:
        """The steps, in order."""
        return (step for group in self.groups for step in group.steps)

    @property
    def title(self) -> str:
        """The phase, with the sample where there are several."""
        words = {
            Phase.FORWARD: _("Forward"),
            Phase.LOSS: _("Loss"),
            Phase.BACKWARD: _("Backward"),
            Phase.UPDATE: _("Update"),
        }
        if self.sample is None:
            return words[self.phase]
        return _("{phase}, sample {number}").format(phase=words[self.phase], number=self.sample)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """A picture, or one channel of it, of one sample.

    Attributes:
        sample: the sample in the batch, from 1.
        symbol: the array, and the channel.
        rows: the values.
    """

    sample: int
    symbol: str
    rows: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Given numbers as a table: a row a sample.

    Attributes:
        heading: the symbols.
        rows: the values.
        left_out: how many columns are not written.
        grids: what has rows and columns of its own.
    """

    heading: tuple[str, ...]
    rows: tuple[tuple[float, ...], ...]
    left_out: int = 0
    grids: tuple[Grid, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A worked solution.

    Attributes:
        name: the name of the scenario.
        language: the language of its texts.
        title: the title of the scenario.
        about: what the scenario says of itself, where it speaks of these numbers and gives none away.
        source: where its figures come from.
        facts: what there is to know of the network and its training, each with its name.
        picture: the network.
        data: the samples of each iteration.
        given: parameters and other numbers that the steps read and do not make.
        given_left_out: how many of these are not written.
        sections: the steps.
        figures: the published figures about these steps.
        notes: the marks and notes of the session at other steps.
        blank: whether results are left open, with a key at the end.
        seed: which other numbers they are; None for those of the scenario.
    """

    name: str
    language: str
    title: str
    about: tuple[str, ...]
    source: str
    facts: tuple[tuple[str, str], ...]
    picture: Picture
    data: tuple[Table, ...]
    given: tuple[tuple[str, float], ...]
    given_left_out: int
    sections: tuple[Section, ...]
    figures: tuple[Mark, ...]
    notes: tuple[Note, ...]
    blank: bool
    seed: int | None

    @property
    def steps(self) -> Iterable[SheetStep]:
        """The steps of all sections."""
        return (step for section in self.sections for step in section.steps)


def sheet_of(
    session: Session,
    *,
    start: str | None = None,
    end: str | None = None,
    blank: bool = False,
    seed: int | None = None,
    on_progress: OnProgress | None = None,
) -> Sheet:
    """The worked solution of some steps of a training: by default of the iteration that the cursor is in.

    Args:
        session: the session; its cursor stays.
        start: the address of the first step; of an epoch or an iteration, its first step.
        end: the address of the last step.
        blank: whether results are left open.
        seed: draws other weights and inputs in the ranges of the originals; see ``with_other_numbers``.
        on_progress: called while the training is computed as far as the steps, with iterations done and to do.

    Raises:
        EngineError: a moment is not in the training, there are too many steps, or the session is a recording.
    """
    if session.recording is not None:
        raise session.recording.only_read()
    if seed is not None:
        if len(tuple(session.branches)) > 1 or session.notes or session.marks:
            raise EngineError(_("other numbers are drawn for a scenario, not for a session with edits, marks or notes"))
        other = with_other_numbers(session.scenario, seed)
        position, session = session.position, Session(other, network=session.network.remade(other))
        session.position = position
    first, last = _range(session, start, end)
    session.branch.extend(session.schedule.locate(last)[0], on_progress)
    found = [session.step_at(number) for number in range(first, last + 1)]
    noted = _noted(session)
    steps = [_step(step, number, noted.get(step.number, ())) for number, step in enumerate(found, 1)]
    given, left_out = _given(found, first)
    scenario, chosen = session.scenario, language()
    own = seed is None and session.branch.edit is None
    inside = range(first, last + 1)
    return Sheet(
        name=scenario.name,
        language=chosen,
        title=scenario.title.text(chosen) or scenario.name,
        about=() if blank or seed is not None else _about(scenario.about, chosen),
        source=scenario.source or "",
        facts=tuple(_facts(session, first, last)),
        picture=network_picture(session.network),
        data=_data(session, found),
        given=given,
        given_left_out=left_out,
        sections=tuple(_sections(found, steps)),
        figures=tuple(mark for step in found for mark in _figures(session, step)) if own else (),
        notes=tuple(note for number, notes in sorted(noted.items()) if number not in inside for note in notes),
        blank=blank,
        seed=seed,
    )


def _about(text: TextTable | None, chosen: str) -> tuple[str, ...]:
    """The paragraphs of what a scenario says of itself."""
    return () if text is None else tuple(filter(None, text.text(chosen).split("\n\n")))


def _range(session: Session, start: str | None, end: str | None) -> tuple[int, int]:
    """The numbers of the first and the last step."""
    schedule = session.schedule

    def whole(number: int) -> tuple[int, int]:
        iteration = schedule.locate(max(number, 1))[0]
        return schedule.start(iteration) + 1, schedule.start(iteration) + schedule.program(iteration).steps

    first, last = whole(session.position + bool(session.term))
    if start is not None:
        text = start.strip()
        first = max(session.find(text + {0: ":1:1", 1: ":1"}[text.count(":")] if _BROAD.fullmatch(text) else text), 1)
        last = whole(first)[1]
    if end is not None:
        last = max(session.find(end.strip()), 1)
        first = whole(last)[0] if start is None else first
    if first > last:
        message = _("the sheet would start at step {first} and end at step {last}")
        raise EngineError(message.format(first=first, last=last))
    if (count := last - first + 1) > MOST_STEPS:
        message = _("{count} steps are too many for a sheet, which has {most} at most; --from and --to choose some")
        raise EngineError(message.format(count=f"{count:,}", most=f"{MOST_STEPS:,}"))
    return first, last


_BROAD = re.compile(r"\d+(:\d+)?")
"""An epoch, or an iteration."""


# -- steps


def _step(step: Step, number: int, notes: Sequence[Note]) -> SheetStep:
    equation = step.equation
    slots = tuple(dict.fromkeys(refs(equation)))
    running = step.running
    so_far = None
    if running is not None and running.of > 1:
        so_far = (step.symbol, step.result, running.done, running.of)
    return SheetStep(
        number=number,
        address=step.moment.address,
        name=step.name,
        symbol=step.part,
        equation=equation,
        symbols={ref: step.notation.symbol(ref, sample=step.place.sample) for ref in slots},
        values={ref: step.frame.value(ref) for ref in slots},
        ways=_ways(step),
        result=step.contribution,
        so_far=so_far,
        notes=tuple(notes),
    )


def _ways(step: Step) -> tuple[tuple[Factor, ...], ...]:
    """The chain rule of a gradient: the factors of its one way, or of each of a few that add up."""
    total = "L" if step.symbol.startswith("∂L/") else "E"
    factors = tuple(
        Factor(above=total if number == 0 else above, below=below, value=value)
        for number, (above, below, value, _ref) in enumerate(chain(step))
    )
    if len(factors) > 1:
        return (factors,)
    of = step.target.array.of
    parts = terms(step.equation)
    if not factors or of is None or not 1 < len(parts) <= MOST_WAYS:
        return ()
    ways = [_way(step, part, Ref(of, step.target.index), total) for part in parts]
    outers = {way[0].below for way in ways if way}
    return tuple(way for way in ways if way) if len(outers) == len(parts) else ()


def _way(step: Step, part: Expr, below: Ref, total: str) -> tuple[Factor, ...]:
    """The two factors of a way through one slot: the gradient of the slot, and how it depends on the target."""
    factors = part.factors if isinstance(part, Product) else ()
    outer = [one for one in factors if isinstance(one, Ref) and one.array.role is Role.GRADIENT and one.array.of]
    if len(outer) != 1 or len(factors) != 2 or outer[0].array.of is None:
        return ()
    (rest,) = (one for one in factors if one is not outer[0])
    symbol = step.notation.symbol
    through = symbol(Ref(outer[0].array.of, outer[0].index), sample=step.place.sample)
    return (
        Factor(above=total, below=through, value=step.frame.value(outer[0])),
        Factor(above=through, below=symbol(below, sample=step.place.sample), value=step.evaluate(rest)),
    )


def _sections(found: Sequence[Step], steps: Sequence[SheetStep]) -> Iterable[Section]:
    """The steps by iteration, sample and phase, and within by layer and time."""

    def section(pair: tuple[Step, SheetStep]) -> tuple[int, int | None, Phase]:
        step = pair[0]
        sample = step.place.sample
        return step.iteration, None if sample is None or step.program.batch == 1 else sample + 1, step.op.phase

    def layer(pair: tuple[Step, SheetStep]) -> str:
        moment = pair[0].moment
        return moment.layer if moment.time is None else f"{moment.layer}@{moment.time}"

    for (iteration, sample, phase), pairs in groupby(zip(found, steps, strict=True), section):
        groups = [
            Group(layer=name, steps=tuple(step for _step, step in inner)) for name, inner in groupby(pairs, layer)
        ]
        epoch, within = divmod(iteration, found[0].schedule.per_epoch)
        yield Section(iteration=f"{epoch + 1}:{within + 1}", sample=sample, phase=phase, groups=tuple(groups))


# -- what is given


def _facts(session: Session, first: int, last: int) -> Iterable[tuple[str, str]]:
    """The network and its training in a few lines."""
    scenario, schedule = session.scenario, session.schedule
    layers = (
        info.name if info.activation == "identity" else f"{info.name} ({info.activation})"
        for info in session.network.layers
    )
    yield _("Network"), f"{scenario.topology}: {', '.join(layers)}"
    for text in session.network.differs:
        yield _("Variant"), text
    for loss in session.network.losses:
        yield _("Loss function"), _(LOSSES[loss.kind].title)
    optimiser = OPTIMISERS[scenario.training.optimizer]
    rate = session.network.learning_rate
    yield _("Optimiser"), optimiser.title if rate is None else f"{optimiser.title}, η = {rate:.6g}"
    if schedule.batch > 1:
        yield _("Batch"), _("{batch} of {samples} samples").format(batch=schedule.batch, samples=schedule.samples)
    iteration, step = schedule.locate(first)
    last_iteration, last_step = schedule.locate(last)
    ends = [
        f"{one // schedule.per_epoch + 1}:{one % schedule.per_epoch + 1}:{within}"
        for one, within in ((iteration, step), (last_iteration, last_step))
    ]
    yield _("Steps"), _("{first} to {last}, {count} in all").format(first=ends[0], last=ends[1], count=last - first + 1)


def _data(session: Session, found: Sequence[Step]) -> tuple[Table, ...]:
    """The samples of the iterations, each batch once."""
    tables: list[Table] = []
    for _iteration, steps in groupby(found, lambda step: step.iteration):
        step = next(steps)
        data = [array for array in step.program.data if array.role in {Role.INPUT, Role.TARGET}]
        drawn = [array for array in data if _is_picture(array)]
        arrays = [array for array in data if array not in drawn]
        cells = [Ref(array, (0, *unravel(flat, array.element_shape))) for array in arrays for flat in _places(array)]
        shown = cells[:MOST_GIVEN]
        rows = tuple(
            tuple(step.frame.value(Ref(ref.array, (sample, *ref.index[1:]))) for ref in shown)
            for sample in range(step.program.batch)
        )
        heading = tuple(session.notation.symbol(ref) for ref in shown)
        grids = tuple(
            grid for sample in range(step.program.batch) for array in drawn for grid in _grids(step, array, sample)
        )
        table = Table(heading=heading, rows=rows, left_out=len(cells) - len(shown), grids=grids)
        if (cells or grids) and table not in tables:
            tables.append(table)
    return tuple(tables)


def _is_picture(array: Array) -> bool:
    """Whether an array has rows and columns that fit on a page: of a picture, not of steps in time."""
    shape = array.element_shape
    fits = array.size // max(array.shape[0], 1) <= MOST_GIVEN
    return len(shape) > 2 and not array.timed and 1 < shape[-1] <= MOST_COLUMNS and fits


def _grids(step: Step, array: Array, sample: int) -> Iterable[Grid]:
    """The channels of a picture."""
    *channels, height, width = array.element_shape
    for channel in np.ndindex(*channels):
        yield Grid(
            sample=sample + 1,
            symbol=f"{array.name}[{','.join(str(place + 1) for place in channel)}]",
            rows=tuple(
                tuple(step.frame.value(Ref(array, (sample, *channel, row, column))) for column in range(width))
                for row in range(height)
            ),
        )


def _places(array: Array) -> range:
    return range(int(np.prod(array.element_shape)))


def _given(found: Sequence[Step], first: int) -> tuple[tuple[tuple[str, float], ...], int]:
    """Numbers that the steps read and neither they nor the data give, in the order in which they are met."""
    values: dict[str, float] = {}
    places: dict[str, tuple[int, tuple[int, ...]]] = {}
    ranks: dict[Array, int] = {}
    for step in found:
        for ref in dict.fromkeys(refs(step.equation)):
            made = made_by(step.schedule, step.iteration, step.program, ref)
            if ref.array.role in {Role.INPUT, Role.TARGET} or (made is not None and made >= first):
                continue
            symbol = step.notation.symbol(ref)
            if ref.array.batched and step.program.batch > 1:
                symbol += f"{{{ref.index[0] + 1}}}"
            # Array by array, and each in its own order.
            places.setdefault(symbol, (ranks.setdefault(ref.array, len(ranks)), ref.index))
            values.setdefault(symbol, step.frame.value(ref))
    names = sorted(values, key=places.__getitem__)
    return tuple((name, values[name]) for name in names[:MOST_GIVEN]), max(0, len(names) - MOST_GIVEN)


# -- what was published and noted


def _figures(session: Session, step: Step) -> Iterable[Mark]:
    """The published figures about a step, and about terms of it."""
    for expect, value, symbol in session.printed(step):
        found = compare(expect.printed, value, factor=expect.factor, mode=expect.mode)
        yield Mark(
            name=symbol or step.symbol,
            address=step.moment.address,
            printed=expect.printed,
            computed=found.shown,
            agrees=found.matches,
            reason=reason_of(expect),
        )


def _noted(session: Session) -> dict[int, list[Note]]:
    """The marks and notes of the cursor's branch by the number of their step."""
    found: dict[int, list[Note]] = {}
    branch = session.branch.name
    noted = [(position, text, False) for (name, position), text in session.notes.items() if name == branch]
    marked = [(position, letter, True) for letter, (name, position) in session.marks.items() if name == branch]
    for position, text, letter in sorted(marked + noted):
        step = session.step_at(position) if position else None
        note = Note(
            address=_("start") if step is None else step.moment.address,
            symbol="" if step is None else step.symbol,
            text=text,
            letter=letter,
        )
        found.setdefault(position, []).append(note)
    return found
