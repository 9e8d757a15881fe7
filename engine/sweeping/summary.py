"""What the runs of a sweep say together: shares of fates with their intervals, quantiles, and the part of luck."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from retrograde.engine.sweeping.fates import Fate

if TYPE_CHECKING:
    from retrograde.engine.equations.arithmetic import Floats
    from retrograde.engine.sweeping.plan import Plan
    from retrograde.engine.sweeping.running import Result

QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)
"""The quantiles of curves and of epochs."""

Z = 1.959963984540054
"""The 97.5 % quantile of the normal distribution."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A share of runs, with the 95 % interval of Wilson (1927, J. Am. Stat. Assoc. 22, 209).

    Attributes:
        count: how many.
        of: of how many.
        low: the lower end of the interval.
        high: the upper end.
    """

    count: int
    of: int
    low: float
    high: float

    @property
    def value(self) -> float:
        """The share; NaN of none."""
        return self.count / self.of if self.of else math.nan


def share(count: int, of: int) -> Share:
    """The share of some runs: centre (p + z²/2n) / (1 + z²/n), half width z·√(p(1 − p)/n + z²/4n²) / (1 + z²/n)."""
    if not of:
        return Share(count=count, of=of, low=math.nan, high=math.nan)
    p, squared = count / of, Z * Z / of
    centre = (p + squared / 2) / (1 + squared)
    half = Z * math.sqrt(p * (1 - p) / of + squared / (4 * of)) / (1 + squared)
    return Share(
        count=count,
        of=of,
        low=0.0 if count == 0 else max(0.0, centre - half),
        high=1.0 if count == of else min(1.0, centre + half),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class Group:
    """The runs of one setting.

    Attributes:
        number: the number of the setting, from 0.
        values: its values by key.
        text: the setting as it is written.
        runs: how many runs were made.
        fates: the share of each fate.
        converged: quantiles of the epochs in which runs converged; none where none did.
        ended: quantiles of the epochs from which on runs diverged or were no numbers; none where none did.
        alerts: how many runs each rule of the doctor raised an alarm in, the most frequent first.
        curves: quantiles of the loss, (quantiles, milestones); NaN where no run was.
        examples: of each fate a run to look at: its seed and moment.
    """

    number: int
    values: Mapping[str, Any]
    text: str
    runs: int
    fates: Mapping[Fate, Share]
    converged: tuple[float, ...]
    ended: tuple[float, ...]
    alerts: Mapping[str, int]
    curves: Floats = field(repr=False)
    examples: Mapping[Fate, tuple[int | None, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Causes:
    """Which part of the variance of "it converges" goes with what; the parts add up to 1.

    It is the analysis of variance of a full grid of settings and seeds with one run in each place: Fisher 1925,
    Statistical Methods for Research Workers, chapter VII.

    Attributes:
        setting: with the setting.
        seed: with the seed, over all settings.
        both: with neither alone: a seed that helps one setting and not another.
        keys: the part of ``setting`` that goes with each key alone.
    """

    setting: float
    seed: float
    both: float
    keys: Mapping[str, float]

    @property
    def together(self) -> float:
        """The part of ``setting`` that goes with no key alone: a rate that suits one optimiser and not another."""
        return max(0.0, self.setting - sum(self.keys.values()))


def groups_of(plan: Plan, results: Sequence[Result]) -> tuple[Group, ...]:
    """The runs of each setting, in the order of the grid."""
    by_setting: list[list[Result]] = [[] for _setting in plan.settings]
    for one in results:
        by_setting[one.setting].append(one)
    return tuple(_group(plan, number, values, by_setting[number]) for number, values in enumerate(plan.grid.settings))


def _group(plan: Plan, number: int, values: Mapping[str, Any], results: Sequence[Result]) -> Group:
    counts = Counter(one.fate for one in results)
    converged = [one.epoch for one in results if one.fate is Fate.CONVERGED]
    ended = [one.epoch for one in results if one.fate in {Fate.DIVERGED, Fate.NAN}]
    rules = Counter(rule for one in results for rule, _at in one.alerts)
    examples: dict[Fate, tuple[int | None, str]] = {}
    for one in results:
        examples.setdefault(one.fate, (one.seed, one.at))
    return Group(
        number=number,
        values=values,
        text=plan.settings[number],
        runs=len(results),
        fates={fate: share(counts[fate], len(results)) for fate in Fate},
        converged=quantiles(converged),
        ended=quantiles(ended),
        alerts=dict(rules.most_common()),
        curves=curves_of(results, len(plan.work.milestones)),
        examples=examples,
    )


def quantiles(numbers: Sequence[float]) -> tuple[float, ...]:
    """The quantiles of some numbers, each one of them; none of none."""
    if not numbers:
        return ()
    return tuple(float(one) for one in np.quantile(np.array(numbers), QUANTILES, method="inverted_cdf"))


def curves_of(results: Sequence[Result], points: int) -> Floats:
    """Quantiles of the losses of runs at each milestone, (quantiles, milestones), each the loss of one of the runs.

    A run that has ended keeps its last loss; one that is not a number is above all others.
    """
    found = np.full((len(QUANTILES), points), np.nan)
    if not results or not points:
        return found
    table = np.full((len(results), points), np.inf)
    for row, one in enumerate(results):
        count = len(one.curve)
        table[row, :count] = one.curve
        if one.fate is not Fate.NAN and count:
            table[row, count:] = one.loss
    table[np.isnan(table)] = np.inf
    made: Floats = np.quantile(table, QUANTILES, axis=0, method="inverted_cdf")
    return made


def causes_of(plan: Plan, results: Sequence[Result]) -> Causes | None:
    """What it goes with that runs converge; None where all do, none does, or not every run was made."""
    lucks = {seed: number for number, seed in enumerate(plan.grid.lucks)}
    if len(results) < plan.grid.runs or len(results) < 2:
        return None
    good = np.zeros((len(plan.settings), len(lucks)))
    for one in results:
        good[one.setting, lucks[one.seed]] = one.fate is Fate.CONVERGED
    centred = good - good.mean()
    total = float(np.square(centred).sum())
    if total == 0.0:
        return None
    by_setting, by_seed = centred.mean(axis=1), centred.mean(axis=0)
    setting = float(np.square(by_setting).sum()) * good.shape[1] / total
    seed = float(np.square(by_seed).sum()) * good.shape[0] / total
    shape = [len(axis.values) for axis in plan.grid.axes]
    cube = by_setting.reshape(shape)
    keys = {}
    for number, axis in enumerate(plan.grid.axes):
        others = tuple(other for other in range(len(shape)) if other != number)
        part = cube.mean(axis=others) if others else cube
        keys[axis.key] = float(np.square(part).sum()) * (good.size / len(axis.values)) / total
    return Causes(setting=setting, seed=seed, both=max(0.0, 1.0 - setting - seed), keys=keys)
