"""Experiments that are made on request: the same training with one thing changed, and what comes of it in numbers.

Each is a training of its own, beside the session's: nothing of the session changes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from retrograde.engine.errors import EngineError
from retrograde.engine.explaining.detectors.doctor import run_of
from retrograde.engine.network.network import Network
from retrograde.engine.scenario.models import StopTable
from retrograde.engine.text import _
from retrograde.engine.travel.timeline import Change, Timeline

if TYPE_CHECKING:
    from retrograde.engine.scenario.dataset import Dataset
    from retrograde.engine.scenario.models import Scenario

FITTING = 1000
"""Iterations over one batch."""

FITTED = 0.01
"""The share of its first E at which a batch is fitted."""

ALIKE = 0.05
"""How near two losses are that tell nothing apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What came of an experiment.

    Attributes:
        name: the experiment.
        text: what it says, in a sentence.
        passed: whether it came out as it does of a healthy training.
        numbers: the losses that it goes by, by name.
    """

    name: str
    text: str
    passed: bool
    numbers: Mapping[str, float]


def fit_one_batch(timeline: Timeline, epochs: int) -> Trial:
    """Trains on the first batch alone: a network that cannot even learn that by heart has a fault."""
    del epochs
    rows = np.asarray(timeline.schedule.rows(0))
    network = timeline.network
    scenario = network.scenario
    training = scenario.training.model_copy(update={"batch_size": 0, "shuffle": "none"})
    whole = scenario.model_copy(update={"training": training})
    alone = _other(network, whole, _rows(network.dataset, rows), FITTING)
    start, end = alone.data_loss(alone.state(0)), _end(alone, FITTING)
    passed = end <= FITTED * start
    text = _("one batch of {count} samples, {epochs} iterations: E {start:.4g} → {end:.4g}; {verdict}").format(
        count=len(rows),
        epochs=FITTING,
        start=start,
        end=end,
        verdict=_("it can be learned by heart") if passed else _("it is not learned by heart"),
    )
    return Trial(name="fit_one_batch", text=text, passed=passed, numbers={"start": start, "end": end})


def zero_inputs(timeline: Timeline, epochs: int) -> Trial:
    """Trains with all inputs 0: a loss that falls as far has not looked at the data."""
    data = timeline.network.dataset
    zeros = replace(data, inputs=np.zeros_like(data.inputs))
    blind = _other(timeline.network, timeline.network.scenario, zeros, epochs)
    usual, without = _end(timeline, epochs), _end(blind, epochs)
    passed = not abs(usual - without) <= ALIKE * max(abs(usual), abs(without))
    text = _("E ends at {usual:.4g}, with all inputs 0 at {without:.4g}: {verdict}").format(
        usual=usual,
        without=without,
        verdict=_("the loss depends on the inputs") if passed else _("the network does not look at its inputs"),
    )
    return Trial(name="zero_inputs", text=text, passed=passed, numbers={"end": usual, "end_without_inputs": without})


def half_rate(timeline: Timeline, epochs: int) -> Trial:
    """Trains with half the learning rate."""
    rate = timeline.network.scenario.training.learning_rate
    change = Change(base=0, constants={0: {(timeline.network.rate.name, ()): rate / 2}})
    slower = Timeline(timeline.network, parent=timeline, change=change)
    usual, halved = _end(timeline, epochs), _end(slower, epochs)
    better = halved < usual * (1.0 - ALIKE) or (math.isfinite(halved) and not math.isfinite(usual))
    text = _("E ends at {usual:.4g}, with half the learning rate ({rate:g}) at {halved:.4g}: {verdict}").format(
        usual=usual,
        rate=rate / 2,
        halved=halved,
        verdict=_("half of it does better") if better else _("half of it does no better"),
    )
    return Trial(name="half_rate", text=text, passed=not better, numbers={"end": usual, "end_half_rate": halved})


TRIALS: Mapping[str, Callable[[Timeline, int], Trial]] = {
    one.__name__: one for one in (fit_one_batch, zero_inputs, half_rate)
}
"""The experiments by name."""


def trial(timeline: Timeline, name: str, epochs: int) -> Trial:
    """Makes an experiment.

    Args:
        timeline: the states of the training.
        name: one of ``TRIALS``.
        epochs: the most epochs.

    Raises:
        EngineError: there is no such experiment, or it can not be made with this network.
    """
    if name not in TRIALS:
        raise EngineError(
            _("there is no experiment {name}; there are {known}").format(name=name, known=", ".join(TRIALS))
        )
    with np.errstate(all="ignore"):
        return TRIALS[name](timeline, epochs)


def _other(network: Network, scenario: Scenario, data: Dataset, epochs: int) -> Timeline:
    """A training with other samples, that runs for so many epochs."""
    changed = scenario.model_copy(update={"stop": StopTable(epochs=epochs)})
    return Timeline(network.remade(changed.sourced(name=scenario.name, dataset=data)))


def _rows(data: Dataset, rows: np.ndarray) -> Dataset:
    """Some of the samples."""
    lengths = None if data.lengths is None else data.lengths[rows]
    return replace(data, inputs=data.inputs[rows], targets=data.targets[rows], lengths=lengths, held_out=None)


def _end(timeline: Timeline, epochs: int) -> float:
    """E over all samples after a run."""
    return timeline.data_loss(timeline.state(len(run_of(timeline, epochs))))
