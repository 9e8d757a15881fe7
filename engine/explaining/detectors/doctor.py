"""The doctor: runs a training, looks at it at moments, and says what is wrong with it, the cause first.

A rule that is false at one observed moment and true at the next is judged at every iteration between them, since it may
come and go: its first moment is exact for what was seen.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from retrograde.engine.equations.ailments import AILMENTS
from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.explaining.detectors import data, gradients, initial, progress, rates, units  # noqa: F401
from retrograde.engine.explaining.detectors.case import Case
from retrograde.engine.explaining.detectors.judging import CASE, JUDGES, SIGHT, WATCH, Judge, judges
from retrograde.engine.explaining.detectors.limits import Limits
from retrograde.engine.explaining.detectors.records import Alert, Diagnosis, Found
from retrograde.engine.explaining.detectors.sight import Sight
from retrograde.engine.explaining.detectors.watch import Watch, moments
from retrograde.engine.text import _
from retrograde.engine.travel.branch import Branch
from retrograde.engine.travel.history import LossHistory
from retrograde.engine.travel.running import Run
from retrograde.engine.travel.timeline import Timeline

OnLooked = Callable[[int, int], None]
"""Is told how many iterations or moments are done, and of how many."""

_PROOF, _PROVED = "lr_curvature", "lr_large"
"""The rule that proves what the other one shows."""

_AT_START = frozenset({"twins", "init_large", "init_small", "start_loss"})
"""Rules of the initial values, whose moment is before the first iteration."""


class _EveryLoss(LossHistory):
    """A history that keeps E of every iteration."""

    def __init__(self) -> None:
        super().__init__()
        self.losses: list[float] = []

    def extend(self, start: int, losses: Sequence[float] | Floats) -> None:
        """Adds E of the iterations from ``start`` on."""
        self.losses.extend([*losses][max(0, len(self.losses) - start) :])
        super().extend(start, losses)


def run_of(timeline: Timeline, epochs: int, on_run: OnLooked | None = None) -> list[float]:
    """Runs a training from its start by its own stop rules; returns E of every iteration.

    Args:
        timeline: its states.
        epochs: the most epochs.
        on_run: told how many iterations are done, and of how many.
    """
    history = _EveryLoss()
    branch = Branch(name="doctor", timeline=timeline)
    branch.history = history
    run = Run(branch, timeline.network.scenario.stop, start=0, epochs=epochs)
    whole = epochs * timeline.schedule.per_epoch
    while run.hit is None:
        done = run.advance().iterations
        if on_run is not None:
            on_run(done, whole)
    return history.losses[: run.done]


def diagnose(
    timeline: Timeline,
    limits: Mapping[str, Limits],
    *,
    epochs: int,
    every: bool = False,
    on_run: OnLooked | None = None,
    on_look: OnLooked | None = None,
) -> Diagnosis:
    """What is wrong with a training.

    Args:
        timeline: its states.
        limits: the limits of each rule.
        epochs: the most epochs that are run.
        every: whether every iteration is looked at, and not only some.
        on_run: told how many iterations are run, and of how many.
        on_look: told how many moments are looked at, and of how many.
    """
    with np.errstate(all="ignore"):
        losses = np.array(run_of(timeline, epochs, on_run), dtype=np.float64)
        case = Case(timeline, len(losses))
        examined = Examined(case=case, limits=judged(case, limits))
        examined.look(losses, every=every, on_look=on_look)
        return examined.diagnosis(limits)


def judged(case: Case, limits: Mapping[str, Limits]) -> dict[str, Limits]:
    """The limits of the rules that can be judged."""
    return {name: limits[name] for name in AILMENTS if name in JUDGES and JUDGES[name].needs(case) is None}


@dataclass(kw_only=True, eq=False)
class Examined:
    """A training that is being examined.

    Attributes:
        case: the training.
        limits: the limits of the rules that can be judged.
        found: what each rule has found, with its iteration.
        watch: the run that was watched.
    """

    case: Case
    limits: Mapping[str, Limits]
    found: dict[str, tuple[int, Found]] = field(default_factory=dict)
    watch: Watch | None = None

    def look(self, losses: np.ndarray, *, every: bool, on_look: OnLooked | None) -> None:
        """Judges all rules: of the training before it runs, at moments, and of the run."""
        for judge in judges(CASE, self.limits):
            self._take(judge, 0, judge.function(self.case, self.limits[judge.rule]))
        at = [*range(self.case.iterations)] if every else moments(self.case.iterations)
        seen = judges(SIGHT, self.limits)
        columns: dict[str, list[Found | None]] = {judge.rule: [] for judge in seen}
        sights: list[Sight] = []
        for number, iteration in enumerate(at, 1):
            sight = self._sight(iteration, sights)
            for judge in seen:
                columns[judge.rule].append(judge.function(sight, self.limits[judge.rule]))
            sights.append(sight)
            sight.let_go()
            if on_look is not None:
                on_look(number, len(at))
            if not sight.sound:
                break
        self.fill_gaps(seen, columns, sights)
        self.watch = Watch(case=self.case, losses=losses, sights=tuple(sights))
        for judge in judges(WATCH, self.limits):
            found = judge.function(self.watch, self.limits[judge.rule])
            self._take(judge, 0 if found is None or found.iteration is None else found.iteration, found)

    def _sight(self, iteration: int, sights: list[Sight]) -> Sight:
        return Sight(self.case, iteration, sights[0] if sights else None)

    def _take(self, judge: Judge, iteration: int, found: Found | None) -> None:
        if found is not None:
            self.found[judge.rule] = (max(0, iteration), found)

    @staticmethod
    def _levelled(judge: Judge, found: Found, sight: Sight) -> Found:
        """What was found with E at its moment; of what holds before the first iteration without."""
        return found if judge.rule in _AT_START else replace(found, level=sight.loss)

    def fill_gaps(
        self,
        seen: list[Judge],
        columns: Mapping[str, list[Found | None]],
        sights: list[Sight],
        *,
        replay: bool = True,
    ) -> None:
        """Finds the first moment of each rule, by a replay of the gap before the observed moment where it holds."""
        gaps: dict[int, list[Judge]] = {}
        for judge in seen:
            column = columns[judge.rule]
            at = judge.choose(column, self.limits[judge.rule].moments)
            if at is None:
                continue
            first = column[at]
            assert first is not None
            self._take(judge, sights[at].iteration, self._levelled(judge, first, sights[at]))
            if replay and at and sights[at].iteration - sights[at - 1].iteration > 1 and judge.rule not in _AT_START:
                gaps.setdefault(at, []).append(judge)
        for at, waiting in gaps.items():
            self._replay(sights[at - 1].iteration + 1, sights[at].iteration, waiting, sights)

    def _replay(self, start: int, stop: int, waiting: list[Judge], sights: list[Sight]) -> None:
        """Judges rules at every iteration of a gap, and beyond it where several have to agree."""
        runs: dict[str, list[tuple[int, Found]]] = {judge.rule: [] for judge in waiting}
        longest = max(self.limits[judge.rule].moments for judge in waiting)
        last = min(stop + longest, self.case.iterations)
        for iteration, frame in enumerate(self.case.timeline.frames(start, last), start):
            sight = Sight(self.case, iteration, sights[0], frame)
            for judge in [*waiting]:
                limits, run = self.limits[judge.rule], runs[judge.rule]
                found = judge.function(sight, limits)
                if found is None:
                    run.clear()
                else:
                    run.append((iteration, self._levelled(judge, found, sight)))
                if len(run) >= limits.moments:
                    self._take(judge, *run[0])
                    waiting.remove(judge)
                elif iteration >= stop and not run:
                    # It does not hold for long between the observed moments: the observed one stands.
                    waiting.remove(judge)
            if not waiting:
                return

    def diagnosis(self, limits: Mapping[str, Limits]) -> Diagnosis:
        """What all rules say together."""
        watch = self.watch
        assert watch is not None
        ranked = sorted(self.found, key=self._rank)
        alerts = [self.alert(rule, watch) for rule in ranked]
        alarms = [alert for alert in alerts if not alert.note]
        return Diagnosis(
            headline=alarms[0] if alarms else None,
            alerts=(*alarms, *(alert for alert in alerts if alert.note)),
            not_judged={
                name: JUDGES[name].needs(self.case) or ""
                for name in limits
                if name not in self.limits and name in JUDGES
            },
            iterations=self.case.iterations,
            moments=len(watch.sights),
        )

    def _rank(self, rule: str) -> tuple[float, int]:
        names = [*AILMENTS]
        iteration, found = self.found[rule]
        if rule == _PROOF and _PROVED in self.found and self.found[_PROVED][0] < iteration:
            # What is proved later than it shows is no earlier cause.
            return names.index(_PROVED) + 0.5, 0
        if found.ahead_of:
            return names.index(found.ahead_of) - 0.5, names.index(rule)
        return float(names.index(rule)), 0

    def alert(self, rule: str, watch: Watch | None = None) -> Alert:
        """What a rule has found; a risk that did no harm in the end is a note.

        Args:
            rule: the rule, which has found something.
            watch: the run that was watched to its end; None while it goes on.
        """
        row, (iteration, found) = AILMENTS[rule], self.found[rule]
        harmless = watch is not None and row.risk and not found.always and watch.harmless(found.level)
        at_start = rule in _AT_START or JUDGES[rule].sees == CASE
        return Alert(
            rule=rule,
            iteration=iteration,
            address="start" if at_start else self.case.address(iteration),
            value=found.value,
            threshold=found.threshold,
            cause=found.cause,
            advice=found.advice or _(row.advice),
            note=row.note or harmless,
            place=found.place,
            edit=tuple(pair for pair in found.edit if math.isfinite(pair[1])),
        )
