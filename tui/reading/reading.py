"""What the screen reads of a session at one position: frozen, so that it holds while a run goes on elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from retrograde.engine.equations.array import Array, Extent
from retrograde.engine.equations.evaluation import evaluate
from retrograde.engine.equations.expression import Ref
from retrograde.engine.explaining.step import Step, made_by, running_sum
from retrograde.engine.session.beside import parent_frame

if TYPE_CHECKING:
    from retrograde.engine.network.frame import Frame
    from retrograde.engine.network.network import Network
    from retrograde.engine.network.notation import Notation
    from retrograde.engine.network.program import Program
    from retrograde.engine.recording.recording import Recording
    from retrograde.engine.scenario.models import Scenario
    from retrograde.engine.session.session import Session
    from retrograde.engine.travel.calendar import Schedule
    from retrograde.tui.records.value_types import Floats

MOST_SUMS = 4096
"""Sums over samples that are kept."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reading:
    """A session's values and place; nothing of it changes when the session moves or runs.

    Attributes:
        network: the network and its data.
        schedule: the iterations.
        frame: every value of the iteration, revealed or not.
        iteration: the iteration, from 0 over the whole training.
        revealed: how many steps of the iteration are revealed.
        position: how many steps of the training are revealed.
        term: how many terms of the next step are revealed besides.
        sample: the sample that is shown, from 0.
        length: steps until the maximum of epochs.
        frontier: the furthest position that was reached.
        step: the step on the screen; None in the initial state.
        branch: the name of the branch; empty where there is only one.
        parent: the frame of this iteration on the branch that this one departs from, where it is another one.
        note: what was noted on this step.
        recording: the recording, where it is one.
    """

    network: Network
    schedule: Schedule
    frame: Frame
    iteration: int
    revealed: int
    position: int
    term: int
    sample: int
    length: int
    frontier: int
    step: Step | None
    branch: str = ""
    parent: Frame | None = None
    note: str = ""
    recording: Recording | None = None

    @classmethod
    def of(cls, session: Session) -> Reading:
        """Reads a session, which no other thread may be using."""
        return cls(
            network=session.network,
            schedule=session.schedule,
            frame=session.frame,
            iteration=session.iteration,
            revealed=session.revealed,
            position=session.position,
            term=session.term,
            sample=session.sample,
            length=session.length,
            frontier=session.frontier,
            step=session.current,
            branch=session.branch.name if len(session.branches) > 1 else "",
            parent=parent_frame(session),
            note=session.notes.get((session.branch.name, session.position), ""),
            recording=session.recording,
        )

    @property
    def program(self) -> Program:
        """The program of the iteration."""
        return self.frame.program

    @property
    def notation(self) -> Notation:
        """How the slots are called."""
        return self.network.notation

    @property
    def scenario(self) -> Scenario:
        """The scenario."""
        return self.network.scenario

    def symbol(self, ref: Ref) -> str:
        """The symbol of a slot; another sample than the one that is shown is marked."""
        return self.notation.symbol(ref, sample=self.sample)

    @property
    def loss(self) -> Ref | None:
        """E; None of a recording without a backward pass."""
        array = self.program.named.get("E")
        return None if array is None else Ref(array, (0,) * len(array.shape))

    def visible(self, ref: Ref) -> float | None:
        """The final value of a slot, None before it is computed, or where it is not in the file of a recording."""
        if self.recording is not None and not self.recording.frame.known(ref.array):
            return None
        step = self.program.produced(ref)
        return self.frame.value(ref) if step is None or step < self.revealed else None

    def before(self, ref: Ref) -> float | None:
        """The value of a slot on the parent branch, where it is another one and may be shown."""
        if self.parent is None or self.visible(ref) is None:
            return None
        mine, theirs = self.frame.value(ref), self.parent.value(ref)
        return None if mine == theirs or (mine != mine and theirs != theirs) else theirs

    def partial(self, ref: Ref) -> tuple[float, int] | None:
        """The sum so far of a sum over samples, and of how many; None where no sample was added."""
        program = self.program
        last = program.produced(ref)
        if last is None or last < self.revealed:
            return self.frame.value(ref), program.batch
        op = program.maker(ref.array)
        if op is None or op.extent is not Extent.SUM or program.batch == 1:
            return None
        place = program.place(last)
        first = program.number(place._replace(sample=0))
        if self.revealed <= first:
            return None
        done = min(program.batch, (self.revealed - 1 - first) * (program.batch - 1) // (last - first) + 1)
        return _sums.of(self.frame, ref, done), done

    def known(self, array: Array) -> int:
        """How many slots of an array are computed, in the order of its rows: for the shown sample, or of all."""
        zeros = (0,) * (len(array.shape) - array.batched)
        size = array.size // array.shape[0] if array.batched and array.shape[0] else array.size
        first = self.program.produced(Ref(array, (self.sample, *zeros) if array.batched else zeros))
        return size if first is None else min(max(self.revealed - first, 0), size)

    def values(self, array: Array) -> Floats:
        """The values of the shown sample of an array, NaN for what is not computed; of others all of them."""
        values = self.frame.array(array)
        if array.batched:
            # With the dots a single number is an array too.
            values = values[self.sample, ...]
        known = self.known(array)
        if known < values.size:
            values = values.copy()
            values.reshape(-1)[known:] = float("nan")
        return values

    def made_by(self, ref: Ref) -> int | None:
        """The number of the step that made a slot; None for data and initial values."""
        return made_by(self.schedule, self.iteration, self.program, ref)


class _Sums:
    """Sums so far over the samples of one frame: a step changes only one of them, and many are on the screen."""

    def __init__(self) -> None:
        self._frame: Frame | None = None
        self._known: dict[tuple[Ref, int], float] = {}

    def of(self, frame: Frame, ref: Ref, done: int) -> float:
        """The sum of the contributions of the first samples to a slot."""
        if frame is not self._frame or len(self._known) > MOST_SUMS:
            self._frame, self._known = frame, {}
        found = self._known.get((ref, done))
        if found is None:
            before = self._known.get((ref, done - 1))
            op = frame.program.maker(ref.array)
            if before is None or op is None:
                found = running_sum(frame, ref, done)
            else:
                found = before + evaluate(op.equation((done - 1, *ref.index)), frame.value, frame.mathematics)
            self._known[ref, done] = found
        return found


_sums = _Sums()
