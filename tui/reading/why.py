"""What is read of a session where somebody asks why: of one gradient, frozen, and of its course over the run."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from retrograde.engine.equations.array import Role
from retrograde.engine.equations.expression import Ref
from retrograde.engine.errors import SearchCancelledError
from retrograde.engine.explaining.account import Account
from retrograde.engine.explaining.autopsy import TINY, Finding
from retrograde.engine.explaining.flow import flow
from retrograde.engine.explaining.gradient_graph import GradientGraph
from retrograde.engine.explaining.step import made_by

if TYPE_CHECKING:
    from collections.abc import Callable

    from retrograde.engine.explaining.account import LayerAccount
    from retrograde.engine.explaining.autopsy import Autopsy
    from retrograde.engine.explaining.death import Death, Push, Share
    from retrograde.engine.explaining.flow import FlowRow
    from retrograde.engine.explaining.paths import PathView
    from retrograde.engine.explaining.revival import Remedy, Revival
    from retrograde.engine.network.frame import Frame
    from retrograde.engine.network.network import Network
    from retrograde.engine.session.explanations import Chain
    from retrograde.engine.session.session import Session
    from retrograde.engine.travel.calendar import Schedule
    from retrograde.engine.travel.search import OnProgress

COURSE_SECONDS = 2.0
"""How long the run is looked at for a course; what was seen by then is shown."""

Stage = tuple[str, int | None]
"""A layer, and its time step where it has one."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Moment:
    """The iteration that is read, and how its slots are called.

    Attributes:
        network: the network.
        schedule: the iterations.
        frame: the iteration's values.
        iteration: the iteration, from 0 over the whole training.
        revealed: how many of its steps are revealed at the cursor.
        sample: the sample that is shown, from 0.
    """

    network: Network
    schedule: Schedule
    frame: Frame
    iteration: int
    revealed: int
    sample: int

    @classmethod
    def of(cls, session: Session) -> Moment:
        """Where a session is, which no other thread may be using."""
        return cls(
            network=session.network,
            schedule=session.schedule,
            frame=session.frame,
            iteration=session.iteration,
            revealed=session.revealed,
            sample=session.sample,
        )

    def symbol(self, ref: Ref) -> str:
        """The symbol of a slot; another sample than the one that is shown is marked."""
        return self.network.notation.symbol(ref, sample=self.sample)

    def made_by(self, ref: Ref) -> int | None:
        """The number of the step that made a slot; None for data and initial values."""
        return made_by(self.schedule, self.iteration, self.frame.program, ref)

    @property
    def place(self) -> tuple[int, int]:
        """The epoch, and the iteration in it, from 1."""
        epoch, iteration = divmod(self.iteration, self.schedule.per_epoch)
        return epoch + 1, iteration + 1

    def ahead(self, ref: Ref) -> bool:
        """Whether the cursor has not yet come to the step that makes a slot."""
        step = self.frame.program.produced(ref)
        return step is not None and step >= self.revealed


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Busiest:
    """The unit of a layer that most of a gradient goes through.

    Attributes:
        ref: its net input, or its output where it has none, at the sample that most goes through.
        share: how much of what goes through the layer goes through the unit.
        value: the net input.
        gradient: the slot of its gradient.
    """

    ref: Ref
    share: float
    value: float
    gradient: Ref


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WhyReading:
    """A gradient and why it is as it is.

    Attributes:
        moment: when.
        asked: the slot that was asked about: the gradient itself, or what it is the gradient of.
        found: its autopsy.
        chain: its chain; None of a recording where the gradient is not finite.
        verdict: the autopsy in words.
        paths: the largest paths; None where it is not finite.
        busiest: of each stage the unit that most goes through.
    """

    moment: Moment
    asked: Ref
    found: Autopsy
    chain: Chain | None
    verdict: str
    paths: PathView | None
    busiest: dict[Stage, Busiest]

    @classmethod
    def of(cls, session: Session, asked: Ref) -> WhyReading:
        """Asks a session, which no other thread may be using.

        Args:
            session: the session.
            asked: a gradient, or a value that has one.

        Raises:
            EngineError: it has none.
        """
        from retrograde.engine.session.explanations import Chain

        found = session.autopsy(asked)
        chain: Chain | None = None
        if found.graph is None and session.recording is None:
            chain = session.chain(asked)
        elif found.graph is not None:
            chain = Chain(ref=found.ref, iteration=session.iteration, graph=found.graph)
        return cls(
            moment=Moment.of(session),
            asked=meant(asked, found.ref),
            found=found,
            chain=chain,
            verdict=session.explanations.verdict(found),
            paths=chain.paths() if chain is not None and math.isfinite(found.value) and chain.by_paths else None,
            busiest={} if found.account is None else busiest(found.account),
        )

    @property
    def symbol(self) -> str:
        """The symbol of the gradient."""
        return self.moment.symbol(self.found.ref)


def meant(asked: Ref, gradient: Ref) -> Ref:
    """The value whose gradient is told: of a new value the parameter itself, of what is made of a gradient that one.

    Args:
        asked: the slot that was asked about.
        gradient: the slot of the gradient.
    """
    array = asked.array
    if array.role is Role.UPDATED and array.of is not None:
        return Ref(array.of, asked.index)
    return gradient if array.role in {Role.GRADIENT, Role.MEMORY} else asked


def busiest(account: Account) -> dict[Stage, Busiest]:
    """Of each layer and time step the unit that most of a gradient goes through, over all samples."""
    graph, found = account.graph, dict[Stage, Busiest]()
    for role in (Role.NET, Role.OUT):
        for array in graph.arrays[1:]:
            of, stage = array.of, (array.layer, array.time)
            if of is None or of.role is not role or stage in found:
                continue
            nodes = graph.nodes(array)
            units: dict[tuple[int, ...], list[int]] = {}
            for number in nodes:
                units.setdefault(graph.node(number).ref.index[1 if array.batched else 0 :], []).append(number)
            mass = {unit: math.fsum(float(account.mass[n]) for n in numbers) for unit, numbers in units.items()}
            whole = math.fsum(mass.values())
            if not whole > 0:
                continue
            unit = max(mass, key=mass.__getitem__)
            number = max(units[unit], key=lambda n: float(account.mass[n]))
            index = graph.node(number).ref.index
            ref = Ref(of, index)
            found[stage] = Busiest(
                ref=ref, share=mass[unit] / whole, value=graph.frame.value(ref), gradient=Ref(array, index)
            )
    return found


# -- when it died, and what would revive it

PUSHES = 4
"""Updates that pushed which are listed, and what is listed of each."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Beyond:
    """When the gradient of a parameter died, who pushed, and what would revive it.

    Attributes:
        told: both in words.
        died: when it died; None where it is alive.
        pushes: the updates that pushed most, in order, each with what did it, most first.
        revived: what would revive it.
        since: the step at which it first was tiny beside the gradient it is compared with; None where it never was.
    """

    told: tuple[str, ...]
    died: Death | None
    pushes: tuple[tuple[Push, tuple[Share, ...]], ...]
    revived: Revival
    since: int | None = None

    @property
    def remedy(self) -> Remedy | None:
        """The change to try: of a single parameter, else of all weights."""
        return self.revived.single or next(iter(self.revived.scaled), None)


def beyond(session: Session, found: Autopsy, on_progress: OnProgress) -> Beyond | None:
    """When a gradient died and what would revive it; only of a parameter's that is tiny or 0.

    Args:
        session: the session, which no other thread may be using.
        found: the autopsy.
        on_progress: called with iterations done and to do; True cancels.

    Raises:
        SearchCancelledError: ``on_progress`` said so.
    """
    dead = found.finding in {Finding.TINY, Finding.ZERO} and found.parameter is not None
    if not dead or session.recording is not None:
        return None
    died = session.death(found.ref, on_progress)
    ledger = None if died is None else died.ledger
    pushes: tuple[tuple[Push, tuple[Share, ...]], ...] = ()
    if ledger is not None:
        most = sorted(ledger.pushes, key=lambda push: -abs(push.change))[:PUSHES]
        pushes = tuple((push, ledger.shares(push)[:PUSHES]) for push in sorted(most, key=lambda push: push.start))
    if on_progress(1, 2):
        raise SearchCancelledError(found.ref.array.name)
    revived = session.revival(found.ref)
    told = session.explanations.told_beyond(found, died, revived)
    return Beyond(told=told, died=died, pushes=pushes, revived=revived, since=_since(session, found, on_progress))


def _since(session: Session, found: Autopsy, on_progress: OnProgress) -> int | None:
    """Since when a gradient is less than a thousandth of the one that it is compared with, in what has run."""
    if found.beside is None or abs(found.value) >= TINY * abs(found.beside.value) or not session.frontier:
        return None
    own, other = (session.notation.name(ref) for ref in (found.ref, found.beside.ref))
    return session.first(f"abs({own}) < {TINY} * abs({other})", on_progress)


# -- over the run


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """How numbers went over the run, at some of its iterations.

    Attributes:
        iterations: the iterations, in order.
        values: the numbers by what they are of; None where there is none.
    """

    iterations: tuple[int, ...] = ()
    values: dict[object, tuple[float | None, ...]] = field(default_factory=dict)


def _spread(count: int) -> list[int]:
    """The numbers up to a count, so that the first few of them are spread over all."""
    found: dict[int, None] = {}
    step = count
    while step >= 1:
        found.update(dict.fromkeys(range(0, count, step)))
        found[count - 1] = None
        step //= 2
    return list(found)


def _course(
    session: Session, at: Callable[[Frame], dict[object, float]], stop: Callable[[], bool], seconds: float
) -> Course:
    """Looks at some iterations, coarsely first, until time is up."""
    explanations = session.explanations
    if session.recording is not None:
        return Course()
    moments = explanations.moments()
    seen: dict[int, dict[object, float]] = {}
    end = time.perf_counter() + seconds
    for number in _spread(len(moments)):
        if stop() or (len(seen) > 1 and time.perf_counter() > end):
            break
        seen[moments[number]] = at(explanations.frame_of(moments[number]))
    iterations = tuple(sorted(seen))
    keys = dict.fromkeys(key for found in seen.values() for key in found)
    return Course(
        iterations=iterations,
        values={key: tuple(seen[iteration].get(key) for iteration in iterations) for key in keys},
    )


def course_of_gradient(session: Session, ref: Ref, stop: Callable[[], bool], seconds: float = COURSE_SECONDS) -> Course:
    """The factors of a gradient by layer over the run, and its own size as that of ``None``; by logarithms.

    Args:
        session: the session, which no other thread may be using.
        ref: the slot of the gradient.
        stop: says whether to stop.
        seconds: how long it may take.
    """

    def at(frame: Frame) -> dict[object, float]:
        array = frame.program.named.get(ref.array.name)
        if array is None or any(part >= size for part, size in zip(ref.index, array.shape, strict=True)):
            return {}
        own = Ref(array, ref.index)
        value = frame.value(own)
        if not value or not math.isfinite(value):
            return {}
        account = Account(GradientGraph(frame, own))
        return {None: math.log(abs(value)), **{_stage(layer): layer.total for layer in account.layers}}

    return _course(session, at, stop, seconds)


def _stage(layer: LayerAccount) -> Stage:
    return layer.layer, layer.time


FLOWING = ("delta", "gradient", "slope", "size", "update", "factor")
"""The numbers of a row of the flow."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FlowReading:
    """The flow of the gradient in one iteration.

    Attributes:
        moment: when.
        rows: a row a layer and time step, from the inputs to the loss.
    """

    moment: Moment
    rows: tuple[FlowRow, ...]

    @classmethod
    def of(cls, session: Session) -> FlowReading:
        """Asks a session, which no other thread may be using."""
        return cls(moment=Moment.of(session), rows=session.flow())


def course_of_flow(session: Session, stop: Callable[[], bool], seconds: float = COURSE_SECONDS) -> Course:
    """The flow over the run: each number by its row's name and its own.

    Args:
        session: the session, which no other thread may be using.
        stop: says whether to stop.
        seconds: how long it may take.
    """

    def at(frame: Frame) -> dict[object, float]:
        return {
            (row.name, name): value
            for row in flow(frame)
            for name in FLOWING
            if (value := getattr(row, name)) is not None
        }

    return _course(session, at, stop, seconds)
