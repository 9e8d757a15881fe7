"""Why: the chain of a gradient and its autopsy, at the cursor's iteration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from retrograde.engine.equations.expression import Ref
from retrograde.engine.errors import EngineError
from retrograde.engine.explaining.account import parameter_of
from retrograde.engine.explaining.autopsy import Autopsy, autopsy
from retrograde.engine.explaining.biography import Biography
from retrograde.engine.explaining.death import Death, death, largest_of_first_epoch
from retrograde.engine.explaining.detectors.doctor import OnLooked, diagnose
from retrograde.engine.explaining.detectors.limits import limits_of
from retrograde.engine.explaining.detectors.live import LiveWatch
from retrograde.engine.explaining.detectors.records import Diagnosis
from retrograde.engine.explaining.detectors.trials import Trial, trial
from retrograde.engine.explaining.flow import Flow, flow
from retrograde.engine.explaining.gradient_graph import GradientGraph
from retrograde.engine.explaining.paths import Cuts, PathView, path_view, paths_tell
from retrograde.engine.explaining.revival import Revival, revival
from retrograde.engine.explaining.telling import told_death, told_revival
from retrograde.engine.explaining.verdict import verdict
from retrograde.engine.network.frame import Frame
from retrograde.engine.session.cursor import Cursor
from retrograde.engine.session.gradients import gradient_meant
from retrograde.engine.text import _, joined
from retrograde.engine.travel.search import OnProgress

MANY = 8
"""Paths that are listed where it is not said how many."""

MOMENTS = 40
"""Iterations at which a course over the run is looked at."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Chain:
    """The whole chain of a gradient: what it is made of, down to the loss.

    Attributes:
        ref: the slot of the gradient.
        iteration: the iteration, from 0.
        graph: its terms; ``graph.terms(node)`` unfolds one level.
    """

    ref: Ref
    iteration: int
    graph: GradientGraph

    @cached_property
    def by_paths(self) -> bool:
        """Whether the largest paths tell something; else cuts do."""
        return paths_tell(self.graph)

    def paths(self, most: int = MANY) -> PathView:
        """The largest paths, and what the others add up to."""
        return path_view(self.graph, most)

    @cached_property
    def cuts(self) -> Cuts:
        """The cuts, nearest first."""
        return Cuts(graph=self.graph)


class Explanations:
    """What asks why; looks at the cursor's iteration and changes nothing.

    Args:
        cursor: the cursor.
    """

    def __init__(self, cursor: Cursor) -> None:
        self._cursor = cursor

    @property
    def frame(self) -> Frame:
        """The iteration that is looked at."""
        return self._cursor.frame

    def gradient(self, name: str | Ref) -> Ref:
        """The gradient that is meant by a name: its own, or that of the slot that is called so.

        Args:
            name: ``grad(w1)``, ``w1``, ``out_h1``, ``delta(h1)``; of a value with a sample at the cursor's sample.

        Raises:
            EngineError: there is no such slot, or it has no gradient.
        """
        return gradient_meant(self._cursor, name)

    def moments(self, most: int = MOMENTS) -> tuple[int, ...]:
        """Iterations that have run, spread over the run, the first and the last one among them.

        Args:
            most: how many.
        """
        cursor = self._cursor
        iteration, step = cursor.schedule.locate(cursor.frontier)
        last = max(iteration if step == cursor.schedule.program(iteration).steps else iteration - 1, 0)
        return tuple(dict.fromkeys(round(last * k / max(most - 1, 1)) for k in range(most)))

    def frame_of(self, iteration: int) -> Frame:
        """Every value of another iteration of the cursor's branch.

        Args:
            iteration: the iteration, from 0.
        """
        return self._cursor.timeline.frame(iteration)

    def chain(self, name: str | Ref) -> Chain:
        """The chain of a gradient; see ``gradient`` for names.

        Raises:
            EngineError: as for ``gradient``.
        """
        ref = self.gradient(name)
        return Chain(ref=ref, iteration=self._cursor.iteration, graph=GradientGraph(self.frame, ref))

    def autopsy(self, name: str | Ref) -> Autopsy:
        """What is the matter with a gradient; see ``gradient`` for names.

        Raises:
            EngineError: as for ``gradient``.
        """
        ref = self.gradient(name)
        first = self._cursor.timeline.frame(0)
        own = first.program.named.get(ref.array.name)
        before = first.value(ref) if own is ref.array and self._cursor.iteration else None
        recording = self._cursor.recording
        broken = None if recording is None else recording.broken
        began = None if broken is None else broken.origin
        return autopsy(self.frame, self._cursor.network, ref, first=before, began=began)

    def death(self, name: str | Ref, on_progress: OnProgress | None = None) -> Death | None:
        """When the gradient of a parameter died, and who pushed; None where it is alive in the cursor's iteration.

        Args:
            name: the parameter, or its gradient.
            on_progress: called with iterations done and to do; True cancels.

        Raises:
            EngineError: there is no such slot, or it is no parameter's gradient.
            SearchCancelledError: ``on_progress`` said so.
        """
        branch = self._cursor.branch
        ref = self._of_parameter(name)
        if self._cursor.recording is not None:
            # Nothing is known of the iterations before.
            return None
        return death(branch.search, branch.timeline, ref, self._cursor.iteration, on_progress)

    def revival(self, name: str | Ref) -> Revival:
        """The smallest change that would revive the gradient of a parameter in the cursor's iteration.

        Nothing is changed; what is reported was tried on a branch that is thrown away.

        Args:
            name: the parameter, or its gradient.

        Raises:
            EngineError: there is no such slot, or it is no parameter's gradient.
        """
        branch, iteration = self._cursor.branch, self._cursor.iteration
        ref = self._of_parameter(name)
        if self._cursor.recording is not None:
            raise self._cursor.recording.only_read()
        best = largest_of_first_epoch(branch.search, branch.timeline, ref, iteration)
        return revival(branch, ref, iteration, best)

    def _of_parameter(self, name: str | Ref) -> Ref:
        """The gradient of a trained parameter."""
        ref = self.gradient(name)
        if parameter_of(ref.array) is None:
            shown = self._cursor.notation.name(ref)
            raise EngineError(_("{name} is no gradient of a parameter").format(name=shown))
        return ref

    def flow(self) -> Flow:
        """How large the gradient is at each layer, and what each makes of it; see ``explaining.flow``."""
        recording = self._cursor.recording
        if recording is not None:
            from retrograde.engine.recording.flow import recorded_flow

            return Flow(recorded_flow(recording.recorded))
        return flow(self.frame)

    def biography(self, name: str | Ref) -> Biography:
        """What a parameter went through up to the end of the cursor's iteration.

        Args:
            name: a trained parameter, as ``w1``.

        Raises:
            EngineError: there is no such slot, or it is not trained.
        """
        ref = self._cursor.resolve(name) if isinstance(name, str) else name
        if self._cursor.recording is not None:
            raise self._cursor.recording.only_read()
        done = self._cursor.iteration + (1 if self._cursor.position else 0)
        return Biography(timeline=self._cursor.timeline, parameter=ref, stop=done)

    def doctor(
        self,
        *,
        epochs: int | None = None,
        limits: Mapping[str, float] | None = None,
        every: bool = False,
        on_run: OnLooked | None = None,
        on_look: OnLooked | None = None,
    ) -> Diagnosis:
        """What is wrong with the training of the cursor's branch, from its start on; the cursor stays.

        Args:
            epochs: the most epochs that are run; by default those of the scenario.
            limits: limits of rules, as ``{"lr_large.once": 5.0}``.
            every: whether every iteration is looked at, and not only some.
            on_run: told how many iterations are run, and of how many.
            on_look: told how many moments are looked at, and of how many.

        Raises:
            EngineError: there is no such limit.
        """
        recording = self._cursor.recording
        if recording is not None:
            from retrograde.engine.recording.doctoring import diagnose_recording

            return diagnose_recording(recording, limits_of(None, limits))
        scenario = self._cursor.scenario
        return diagnose(
            self._cursor.timeline,
            limits_of(scenario, limits),
            epochs=scenario.stop.epochs if epochs is None else epochs,
            every=every,
            on_run=on_run,
            on_look=on_look,
        )

    def trial(self, name: str, *, epochs: int | None = None) -> Trial:
        """Makes an experiment with the training of the cursor's branch, beside the session.

        Args:
            name: ``fit_one_batch``, ``zero_inputs`` or ``half_rate``.
            epochs: the most epochs; by default those of the scenario.

        Raises:
            EngineError: there is no such experiment, or it can not be made with this network.
        """
        most = self._cursor.scenario.stop.epochs if epochs is None else epochs
        return trial(self._cursor.timeline, name, most)

    def live_watch(self) -> LiveWatch:
        """The doctor for a run of the cursor's branch while it goes on; see ``detectors.live``."""
        return LiveWatch(self._cursor.timeline, limits_of(self._cursor.scenario))

    def verdict(self, found: Autopsy) -> str:
        """An autopsy in a sentence or two."""
        return verdict(found, self._cursor.network, self.frame)

    def told(self, found: Autopsy, died: Death | None, revived: Revival | None) -> str:
        """An autopsy, when it died and what would revive it, in sentences."""
        return joined((self.verdict(found), *self.told_beyond(found, died, revived)))

    def told_beyond(self, found: Autopsy, died: Death | None, revived: Revival | None) -> tuple[str, ...]:
        """When a gradient died and what would revive it, in a sentence or two each."""
        cursor = self._cursor
        sentences: list[str] = []
        if died is not None:
            sentences.append(told_death(died, cursor.network, cursor.schedule.per_epoch))
        said = found.zeros is not None and found.zeros.series > 1 and found.zeros.beyond_one_change
        if revived is not None and not said:
            sentences.append(told_revival(revived, cursor.network))
        return tuple(filter(None, sentences))
