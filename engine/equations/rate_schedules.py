"""Learning-rate schedules, one row each: which part of η an iteration learns with, as a pure function of the time.

t counts epochs, or iterations, from 0; η_t = η·f(t). The factor is computed in Python's floats from t alone, never from
the factor before, so that any iteration can be computed by itself. A warm-up of n units before step, exponential or
cosine, f = s + (1 − s)·t / n with the start factor s, begins their t at n (SequentialLR).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from retrograde.engine.equations.options import Option, Value

KEYS: dict[str, Option] = {
    row.key: row
    for row in (
        Option(
            key="unit",
            kind="word",
            words=("epoch", "iteration"),
            text="what t counts; absent: iteration for one_cycle, else epoch",
        ),
        Option(
            key="every", kind="whole", text="of step and inverse_time: after how many units the rate changes", least=1
        ),
        Option(key="decay", text="of inverse_time: κ, how fast the rate falls", least=0),
        Option(key="milestones", kind="places", text="of step, instead of every: when the rate changes"),
        Option(
            key="gamma",
            text="of step and exponential: γ, what the rate is multiplied by; of step 0.1 if absent",
            above=0,
        ),
        Option(
            key="period", kind="whole", text="of cosine: units until end_factor; absent: the whole training", least=1
        ),
        Option(key="end_factor", text="of cosine: the last rate, as a part of η; 0 if absent", least=0, most=1),
        Option(
            key="warm_up", kind="whole", text="units in which the rate rises to η, before the schedule begins", least=0
        ),
        Option(
            key="start_factor", text="the first rate of the warm-up, as a part of η; 1/3 if absent", above=0, most=1
        ),
        Option(key="cycle", kind="whole", text="of one_cycle: its units; absent: the whole training", least=2),
        Option(
            key="peak", text="of one_cycle: the share of it in which the rate rises; 0.3 if absent", above=0, below=1
        ),
        Option(key="div_factor", text="of one_cycle: the first rate is η / div_factor; 25 if absent", least=1),
        Option(
            key="final_div_factor",
            text="of one_cycle: the last rate is the first / final_div_factor; 1e4 if absent",
            least=1,
        ),
        Option(
            key="anneal",
            kind="word",
            words=("cosine", "linear"),
            text="of one_cycle: along half cosines or straight lines; cosine if absent",
        ),
        Option(
            key="three_phases",
            kind="flag",
            text="of one_cycle: down to the first rate as long as up, and then on; false if absent",
        ),
        Option(key="factor", text="of plateau: what the rate is multiplied by; 0.1 if absent", above=0, most=1),
        Option(
            key="patience", kind="whole", text="of plateau: epochs without progress that pass; 10 if absent", least=0
        ),
        Option(
            key="threshold",
            text="of plateau: progress is a loss below best·(1 − threshold); 1e-4 if absent",
            least=0,
            most=1,
        ),
        Option(
            key="cooldown",
            kind="whole",
            text="of plateau: epochs after a reduction in which none is counted; 0 if absent",
            least=0,
        ),
        Option(key="min_factor", text="of plateau: the smallest rate, as a part of η; 0 if absent", least=0, most=1),
    )
}
"""The keys of ``[training.schedule]`` besides its kind."""

Keys = Mapping[str, Any]
"""What a table ``[training.schedule]`` says, complete."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Schedule:
    """A learning-rate schedule.

    Attributes:
        name: the name in scenario files.
        text: what the rate does, in a few words for the schema.
        formula: f(t), in the keys.
        source: the class of ``torch.optim.lr_scheduler`` with the same rates, stepped once per unit.
        keys: the keys that it has with their defaults, those of PyTorch; None where the file has to say.
        factor: f(t), given the keys, t from the end of the warm-up, and the units of the whole training; None where
            the factor is none of the time, but of the state.
        instead: keys that exclude each other, of which the file has to give one.
    """

    name: str
    text: str
    formula: str
    source: str = ""
    keys: Mapping[str, Value | None]
    factor: Callable[[Keys, int, int], float] | None
    instead: tuple[str, ...] = ()

    def at(self, keys: Keys, t: int, whole: int) -> float:
        """The factor.

        Args:
            keys: what the table says.
            t: units from the start of the training.
            whole: the units of the whole training.
        """
        assert self.factor is not None
        begins = keys.get("warm_up") or 0
        if t < begins:
            start: float = keys["start_factor"]
            return start + (1.0 - start) * (t / begins)
        return self.factor(keys, t - begins, whole)


def _step(keys: Keys, t: int, whole: int) -> float:
    """γ^⌊t / every⌋, or γ^(milestones that are reached)."""
    del whole
    places = keys["milestones"]
    return float(keys["gamma"] ** (sum(t >= place for place in places) if places else t // keys["every"]))


def _exponential(keys: Keys, t: int, whole: int) -> float:
    """γ^t."""
    del whole
    return float(keys["gamma"] ** t)


def _inverse_time(keys: Keys, t: int, whole: int) -> float:
    """1 / (1 + κ·⌊t / every⌋)."""
    del whole
    return float(1.0 / (1.0 + keys["decay"] * (t // keys["every"])))


def _cosine(keys: Keys, t: int, whole: int) -> float:
    """Half a cosine, e + (1 − e)·½·(1 + cos(π·t / period)), e being the end factor."""
    end: float = keys["end_factor"]
    period = keys["period"] or max(1, whole - (keys["warm_up"] or 0))
    return end + (1.0 - end) * 0.5 * (1.0 + math.cos(math.pi * t / period))


def _one_cycle(keys: Keys, t: int, whole: int) -> float:
    """From 1 / div_factor up to 1 and down to 1 / (div_factor·final_div_factor), by half cosines or straight lines.

    What comes after the cycle stays at its end.
    """
    length = keys["cycle"] or whole
    first = 1.0 / keys["div_factor"]
    last = first / keys["final_div_factor"]
    peak = keys["peak"] * length - 1.0
    stops = [(peak, first, 1.0)]
    if keys["three_phases"]:
        stops += [(2.0 * keys["peak"] * length - 2.0, 1.0, first), (length - 1.0, first, last)]
    else:
        stops += [(length - 1.0, 1.0, last)]
    start = 0.0
    for stop, low, high in stops:
        if t <= stop or (stop, low, high) == stops[-1]:
            share = min(1.0, (t - start) / (stop - start)) if stop > start else 1.0
            if keys["anneal"] == "linear":
                return float((high - low) * share + low)
            return float(high + (low - high) / 2.0 * (1.0 + math.cos(math.pi * share)))
        start = stop
    raise AssertionError


_WARM_UP: Mapping[str, Value | None] = {"warm_up": 0, "start_factor": 1 / 3}


SCHEDULES: dict[str, Schedule] = {
    row.name: row
    for row in (
        Schedule(
            name="step",
            text="f = γ^⌊t/every⌋",
            formula="γ^⌊t / every⌋, or γ^(milestones that are reached)",
            source="StepLR, MultiStepLR",
            keys={"unit": "epoch", "every": 0, "milestones": (), "gamma": 0.1, **_WARM_UP},
            factor=_step,
            instead=("every", "milestones"),
        ),
        Schedule(
            name="exponential",
            text="γ^t",
            formula="γ^t",
            source="ExponentialLR",
            keys={"unit": "epoch", "gamma": None, **_WARM_UP},
            factor=_exponential,
        ),
        Schedule(
            name="inverse_time",
            text="1 / (1 + decay·⌊t/every⌋)",
            formula="1 / (1 + κ·⌊t / every⌋), κ = `decay`: by updates with `unit` iteration, as Keras did, or by"
            " epochs, as courses do",
            source="LambdaLR; Keras: InverseTimeDecay",
            keys={"unit": "epoch", "decay": None, "every": 1, **_WARM_UP},
            factor=_inverse_time,
        ),
        Schedule(
            name="cosine",
            text="half a cosine from 1 to end_factor",
            formula="e + (1 − e)·½·(1 + cos(π·t / period)), e = `end_factor`; without a period, that of all epochs",
            source="CosineAnnealingLR, eta_min = e·η",
            keys={"unit": "epoch", "period": 0, "end_factor": 0.0, **_WARM_UP},
            factor=_cosine,
        ),
        Schedule(
            name="warm_up",
            text="a line from start_factor to 1",
            formula="s + (1 − s)·min(t, n) / n, n = `warm_up`, s = `start_factor`",
            source="LinearLR",
            keys={"unit": "epoch", **_WARM_UP, "warm_up": None},
            factor=lambda _keys, _t, _whole: 1.0,
        ),
        Schedule(
            name="one_cycle",
            text="up to η and down again",
            formula="from 1 / `div_factor` to 1 and down to 1 / (`div_factor`·`final_div_factor`);"
            " without a cycle, one of all epochs",
            source="OneCycleLR without cycle_momentum",
            keys={
                "unit": "iteration",
                "cycle": 0,
                "peak": 0.3,
                "div_factor": 25.0,
                "final_div_factor": 1e4,
                "anneal": "cosine",
                "three_phases": False,
            },
            factor=_one_cycle,
        ),
        Schedule(
            name="plateau",
            text="smaller when the loss of the epoch does not get better",
            formula="a number of the state: times `factor` after more than `patience` epochs without a"
            " loss below best·(1 − `threshold`)",
            source="ReduceLROnPlateau without its eps",
            keys={"factor": 0.1, "patience": 10, "threshold": 1e-4, "cooldown": 0, "min_factor": 0.0},
            factor=None,
        ),
    )
}
"""Schedules by name. A plateau (ReduceLROnPlateau without its eps) is in ``ops/update/learning_rate.py``."""
