"""The debugger: a cursor that travels through a run, with breakpoints, watches, queries, marks and edits.

The session is the cursor and its parts; what is asked for most often may be asked of the session itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from retrograde.engine.equations.expression import Ref
from retrograde.engine.formulas.tree import Formula
from retrograde.engine.late import late
from retrograde.engine.network.program import require_within
from retrograde.engine.rich import Rich
from retrograde.engine.scenario.models import Scenario
from retrograde.engine.session.branches import Branches
from retrograde.engine.session.breakpoints import Breakpoint
from retrograde.engine.session.chapters import Chapters
from retrograde.engine.session.cursor import Cursor
from retrograde.engine.session.places import Here, Places
from retrograde.engine.session.queries import SPARKS, Queries
from retrograde.engine.session.stops import Halt, LogEntry, Stops
from retrograde.engine.session.tracing import trace
from retrograde.engine.text import _
from retrograde.engine.travel.branch import Branch, BranchComparison, Edit
from retrograde.engine.travel.search import Extreme, OnProgress
from retrograde.engine.travel.timeline import DEFAULT_BUDGET

if TYPE_CHECKING:
    from retrograde.engine.explaining import samples
    from retrograde.engine.explaining.autopsy import Autopsy
    from retrograde.engine.explaining.biography import Biography
    from retrograde.engine.explaining.death import Death
    from retrograde.engine.explaining.detectors.doctor import OnLooked
    from retrograde.engine.explaining.detectors.records import Diagnosis
    from retrograde.engine.explaining.flow import Flow
    from retrograde.engine.explaining.revival import Revival
    from retrograde.engine.explaining.samples import SampleTable
    from retrograde.engine.network.network import Network
    from retrograde.engine.recording.recording import Recording
    from retrograde.engine.session import explanations
    from retrograde.engine.session.explanations import Chain, Explanations
    from retrograde.engine.travel.running import Progress
else:
    samples = late("retrograde.engine.explaining.samples")
    explanations = late("retrograde.engine.session.explanations")

__all__ = ["Halt", "Here", "LogEntry", "Session", "trace"]


class Session(Cursor, Rich):
    """A cursor over the steps of a training that can stop, look, search and change.

    Args:
        source: a validated scenario, or an opened recording; see ``of_recording``.
        budget: bytes of history, shared by the branches.
        network: the network of the scenario where it is there already, as a variant's is; None to make it.

    Attributes:
        branches: the lines of time, the first one first.
        queries: what expressions are worth, here and over the run.
        stops: the breakpoints and logpoints.
        places: marks, notes and the way back.
        chapters: what the scenario tells at moments of the run.
        watches: the watched expressions.
    """

    def __init__(
        self, source: Scenario | Recording, *, budget: int = DEFAULT_BUDGET, network: Network | None = None
    ) -> None:
        super().__init__(source, budget=budget, network=network)
        self.branches = Branches(self)
        self.queries = Queries(self)
        self.stops = Stops(self, self.queries)
        self.places = Places(self, self.branches)
        self.chapters = Chapters(self, self.queries)
        self.watches: list[Formula] = []

    def afresh(self) -> Session:
        """The same training from its start, with nothing set."""
        return Session(self.scenario, budget=self.budget, network=self.network if self.original else None)

    @classmethod
    def of_recording(cls, path: str | Path) -> Session:
        """A session over a step that ran elsewhere: one iteration, which is read, not run or changed.

        Args:
            path: the file, as ``retrograde.torch`` writes it.

        Raises:
            EngineError: it is no recording, or it is damaged.
            OSError: it cannot be read.
        """
        from retrograde.engine.recording.recording import load_recording

        return cls(load_recording(path))

    # -- breakpoints

    @property
    def breakpoints(self) -> dict[int, Breakpoint]:
        """The breakpoints and logpoints, by number."""
        return self.stops.points

    def add_breakpoint(
        self,
        text: str,
        *,
        once: bool = False,
        from_hit: int = 1,
        after: int | None = None,
        log: tuple[str, ...] = (),
    ) -> Breakpoint:
        """Adds a breakpoint, or a logpoint; see ``Stops.add``."""
        return self.stops.add(text, once=once, from_hit=from_hit, after=after, log=log)

    def breakpoint(self, number: int) -> Breakpoint:
        """The breakpoint with a number; see ``Stops.numbered``."""
        return self.stops.numbered(number)

    def remove_breakpoint(self, number: int) -> None:
        """Removes a breakpoint; see ``Stops.remove``."""
        self.stops.remove(number)

    def proceed(
        self,
        on_progress: Callable[[Progress], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
        on_search: OnProgress | None = None,
    ) -> Halt:
        """Goes on to the next hit of a breakpoint; see ``Stops.proceed``."""
        return self.stops.proceed(on_progress, cancelled, on_search)

    def reverse(self, on_progress: OnProgress | None = None) -> Halt:
        """Goes back to the previous hit of a breakpoint; see ``Stops.reverse``."""
        return self.stops.reverse(on_progress)

    def hits(
        self, point: Breakpoint, after: int = 0, stop: int | None = None, on_progress: OnProgress | None = None
    ) -> Iterator[int]:
        """The steps at which a breakpoint is hit; see ``Stops.hits``."""
        return self.stops.hits(point, after, stop, on_progress)

    def hits_of(self, iteration: int) -> tuple[int, ...]:
        """The steps of an iteration at which a breakpoint is hit; see ``Stops.hits_of``."""
        return self.stops.hits_of(iteration)

    def log(
        self, point: Breakpoint, after: int = 0, stop: int | None = None, on_progress: OnProgress | None = None
    ) -> Iterator[LogEntry]:
        """What a logpoint prints over a part of the run; see ``Stops.log``."""
        return self.stops.log(point, after, stop, on_progress)

    # -- why

    @cached_property
    def explanations(self) -> Explanations:
        """Why a gradient is as it is."""
        return explanations.Explanations(self)

    def chain(self, name: str | Ref) -> Chain:
        """The whole chain of a gradient, down to the loss; see ``Explanations.chain``."""
        return self.explanations.chain(name)

    def autopsy(self, name: str | Ref) -> Autopsy:
        """What is the matter with a gradient; see ``Explanations.autopsy``."""
        return self.explanations.autopsy(name)

    def death(self, name: str | Ref, on_progress: OnProgress | None = None) -> Death | None:
        """When the gradient of a parameter died, and who pushed; see ``Explanations.death``."""
        return self.explanations.death(name, on_progress)

    def revival(self, name: str | Ref) -> Revival:
        """What would revive the gradient of a parameter; see ``Explanations.revival``."""
        return self.explanations.revival(name)

    def flow(self) -> Flow:
        """The gradient layer by layer, from the inputs to the loss; see ``Explanations.flow``."""
        return self.explanations.flow()

    def biography(self, name: str | Ref) -> Biography:
        """How a parameter came to be what it is; see ``Explanations.biography``."""
        return self.explanations.biography(name)

    def doctor(
        self,
        *,
        epochs: int | None = None,
        limits: Mapping[str, float] | None = None,
        every: bool = False,
        on_run: OnLooked | None = None,
        on_look: OnLooked | None = None,
    ) -> Diagnosis:
        """What is wrong with the training, the cause first; see ``Explanations.doctor``."""
        return self.explanations.doctor(epochs=epochs, limits=limits, every=every, on_run=on_run, on_look=on_look)

    # -- samples

    def samples(self, *, held_out: bool = False) -> SampleTable:
        """What the parameters at the cursor make of every sample; see ``samples_of``.

        Args:
            held_out: whether the samples are those that are held out.

        Raises:
            EngineError: none are held out, or the step ran elsewhere.
        """
        if self.recording is not None:
            raise self.recording.no_such_motion("sample")
        return samples.samples_of(self.timeline, self.reached, held_out=held_out)

    def step_of_sample(self, sample: int, epoch: int | None = None) -> int:
        """The step that completes the outputs of a sample of the data.

        Args:
            sample: the row of the data, from 1.
            epoch: the epoch, from 1; by default the cursor's.

        Raises:
            EngineError: there is no such sample.
        """
        require_within(_("sample"), sample, self.schedule.samples)
        epoch = self.iteration // self.schedule.per_epoch if epoch is None else epoch - 1
        layer = self.network.losses[0].layer or self.network.layers[-1].name
        return samples.step_of_sample(self.timeline, layer, sample - 1, epoch)

    # -- watches and queries

    def watch(self, text: str) -> Formula:
        """Watches an expression.

        Raises:
            FormulaError: it cannot be read; nothing is added.
        """
        found = self.formula(text)
        self.watches.append(found)
        return found

    def look(self, formula: Formula) -> float | bool | None:
        """The value of an expression at the cursor; see ``Queries.look``."""
        return self.queries.look(formula)

    def look_at(self, formula: Formula, where: int | str, on_progress: OnProgress | None = None) -> float | bool | None:
        """The value of an expression at another moment; see ``Queries.look_at``."""
        return self.queries.look_at(formula, where, on_progress)

    def last_change(self, formula: Formula, on_progress: OnProgress | None = None) -> int | None:
        """The last step up to the cursor at which a number changed; see ``Queries.last_change``."""
        return self.queries.last_change(formula, on_progress)

    def sparks(self, formula: Formula, count: int = SPARKS, on_progress: OnProgress | None = None) -> list[float]:
        """Values of an expression spread over the run; see ``Queries.sparks``."""
        return self.queries.sparks(formula, count, on_progress)

    def first(self, text: str, on_progress: OnProgress | None = None) -> int | None:
        """The first step of the run at which a condition is true."""
        return self.queries.first(text, on_progress)

    def last(self, text: str, on_progress: OnProgress | None = None) -> int | None:
        """The last step of the run at which a condition is true."""
        return self.queries.last(text, on_progress)

    def where(self, text: str, on_progress: OnProgress | None = None) -> Iterator[int]:
        """All steps of the run at which a condition is true, in order."""
        return self.queries.where(text, on_progress)

    def count(self, text: str, on_progress: OnProgress | None = None) -> int:
        """How many steps of the run make a condition true."""
        return self.queries.count(text, on_progress)

    def extreme(self, text: str, *, largest: bool = True, on_progress: OnProgress | None = None) -> Extreme | None:
        """The largest or smallest value of a number over the run; see ``Queries.extreme``."""
        return self.queries.extreme(text, largest=largest, on_progress=on_progress)

    # -- places

    @property
    def marks(self) -> dict[str, tuple[str, int]]:
        """Positions by letter, with the names of their branches."""
        return self.places.marks

    @property
    def notes(self) -> dict[tuple[str, int], str]:
        """Texts by branch name and position."""
        return self.places.notes

    @property
    def here(self) -> Here:
        """The cursor's place, to return to."""
        return self.places.here

    def mark(self, letter: str) -> None:
        """Marks the cursor's place with a letter; see ``Places.mark``."""
        self.places.mark(letter)

    def go_to_mark(self, letter: str) -> None:
        """Goes to a mark; see ``Places.go_to_mark``."""
        self.places.go_to_mark(letter)

    def visit(self, place: Here | None = None) -> None:
        """Remembers a place before a jump, or after it the one that it came from; by default the cursor's."""
        self.places.visit(place)

    def revisit(self, *, forward: bool = False) -> bool:
        """Goes to the place before the last jump, or to the one that was left that way; says whether it moved."""
        return self.places.revisit(forward=forward)

    # -- branches

    def edit(self, values: dict[str, float], *, name: str | None = None) -> Branch:
        """Gives slots other values at the cursor, and goes on in a new branch; see ``Branches.edit``."""
        return self.branches.edit(values, name=name)

    def set_value(self, name: str, value: float) -> Branch:
        """Gives one slot another value; see ``edit``."""
        return self.edit({name: value})

    def drop_sample(self, sample: int | None = None, *, name: str | None = None) -> Branch:
        """Takes a sample (from 1, by default the cursor's) out of the cursor's iteration; see ``edit``."""
        return self.branches.drop_sample(sample, name=name)

    def fork(self, edit: Edit, *, name: str | None = None) -> Branch:
        """Departs from the cursor's branch by an edit of the journal; see ``Branches.fork``."""
        return self.branches.fork(edit, name=name)

    def limit(self, budget: int) -> None:
        """Sets the bytes of history; see ``Branches.limit``."""
        self.branches.limit(budget)

    def undo(self) -> None:
        """Takes back the edit that made the cursor's branch, and what was set on it; see ``Branches.undo``."""
        gone = self.branches.undo()
        self.stops.forget(gone)
        self.places.forget(gone.name)

    def rename(self, name: str) -> None:
        """Gives the cursor's branch another name, also where a mark or a note says it; see ``Branches.rename``."""
        old = self.branch.name
        self.branches.rename(name)
        self.places.renamed(old, self.branch.name)

    def switch(self, name: str) -> None:
        """Goes to another branch, where its cursor was left; see ``Branches.switch``."""
        self.branches.switch(name)

    def branch_called(self, name: str) -> Branch:
        """The branch with a name; see ``Branches.called``."""
        return self.branches.called(name)

    def compare(self, name: str, on_progress: OnProgress | None = None) -> BranchComparison:
        """The cursor's branch beside another one, at the same moment; see ``Branches.compare``."""
        return self.branches.compare(name, on_progress)
