"""What a sweep is going to do: the scenario of every setting, checked before anything runs, and what identifies it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from retrograde.engine.errors import EngineError
from retrograde.engine.network.network import Network
from retrograde.engine.scenario.data import load_data
from retrograde.engine.scenario.dataset import Dataset
from retrograde.engine.scenario.file import load_scenario, split_source
from retrograde.engine.scenario.models import Scenario
from retrograde.engine.scenario.settings import SEED, seeded
from retrograde.engine.session.session import Session
from retrograde.engine.sweeping.grid import Grid, setting_text
from retrograde.engine.sweeping.running import HISTORY, Work
from retrograde.engine.sweeping.stamp import Stamp, stamp
from retrograde.engine.text import _

POINTS = 20
"""Epochs whose losses are kept of each run: so many in equal steps, and as many in equal factors."""

MOST_ITERATIONS = 50_000_000
"""Iterations of a run; E of each is kept while it goes on, in eight bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A sweep, before it runs.

    Attributes:
        source: the scenario, as it is called.
        grid: the settings and seeds.
        settings: the text of each setting, empty where nothing but the seed varies.
        work: what the processes are given.
        fingerprint: what identifies the scenario, its data and how each run is made.
        epochs: the most epochs of a run.
    """

    source: str
    grid: Grid
    settings: tuple[str, ...]
    work: Work
    fingerprint: str
    epochs: int

    @property
    def stamp(self) -> Stamp:
        """The program that asks."""
        return self.work.stamp

    def called(self, setting: int, seed: int | None, at: str = "") -> str:
        """What opens a run, after `retrograde`."""
        return called(self.source, self.settings[setting], seed) + (f"@{at}" if at else "")


def called(source: str, setting: str, seed: int | None) -> str:
    """A run as a scenario is called."""
    luck = "" if seed is None else f"{SEED}={seed}"
    more = ",".join(part for part in (luck, setting) if part)
    if not more:
        return source
    return f"{source},{more}" if split_source(source).settings else f"{source}:{more}"


def plan_of(
    source: str,
    grid: Grid,
    *,
    epochs: int | None = None,
    until: str | None = None,
    doctor: bool = False,
    data: Path | None = None,
    on_loaded: Callable[[int, int], None] | None = None,
) -> Plan:
    """Return the plan of a sweep; every setting is checked.

    Args:
        source: the scenario, by name or file.
        grid: the settings and seeds.
        epochs: the most epochs of a run; None for those of the scenario.
        until: a condition that ends a run.
        doctor: whether the doctor looks at each run.
        data: a file of samples that replaces that of the scenario.
        on_loaded: told how many settings are checked, and of how many.

    Raises:
        EngineError: a setting can not be, with its key; the condition can not be read; or no seed changes anything.
    """
    base = load_scenario(source, data=data)
    luck = None if grid.seeds is None else grid.seeds[0]
    texts: list[str] = []
    scenarios: list[Scenario] = []
    for values in grid.settings:
        text = setting_text(values)
        scenario = load_scenario(called(source, text, luck), data=data)
        if scenarios:
            scenario = _sharing(scenario, scenarios[0])
        texts.append(text)
        scenarios.append(scenario)
        if on_loaded is not None:
            on_loaded(len(scenarios), grid.size)
    for scenario in scenarios:
        _require_short(scenario, epochs)
    if grid.seeds is not None:
        # Seeds have bounds of their own, which the first one may not reach.
        load_scenario(called(source, texts[0], max(grid.seeds)), data=data)
        _require_luck(source, scenarios, grid.seeds)
    if until is not None:
        _require_readable(until, scenarios, grid)
    most = max(one.stop.epochs for one in scenarios) if epochs is None else epochs
    print_ = fingerprint(base, epochs=epochs, until=until, doctor=doctor)
    marks = milestones(most)
    whole = hashlib.sha256(json.dumps([print_, texts, luck, marks]).encode()).hexdigest()[:16]
    work = Work(
        scenarios=tuple(scenarios),
        epochs=epochs,
        until=until,
        doctor=doctor,
        milestones=marks,
        stamp=stamp(),
        digest=whole,
    )
    return Plan(source=source, grid=grid, settings=tuple(texts), work=work, fingerprint=print_, epochs=most)


def _require_luck(source: str, scenarios: Sequence[Scenario], seeds: Sequence[int]) -> None:
    """Refuse several seeds of what is the same with each.

    Raises:
        EngineError: it is.
    """
    if len(seeds) > 1 and not any(_draws(one, seeds[1]) for one in scenarios):
        message = _("nothing is drawn or shuffled in {name}: its runs are the same with every seed")
        raise EngineError(message.format(name=source))


def _require_readable(until: str, scenarios: Sequence[Scenario], grid: Grid) -> None:
    """Refuse a condition that can not be read; what it may name depends on the network alone.

    Raises:
        EngineError: it can not be.
    """
    same = not any(axis.key.partition(".")[0] in {"network", "loss", "losses", "data"} for axis in grid.axes)
    for scenario in scenarios[:1] if same else scenarios:
        Session(scenario, budget=HISTORY).condition(until, by_epoch=True, asked=True)


def _require_short(scenario: Scenario, epochs: int | None) -> None:
    """Refuse runs that are too long for what is kept of them while they go on.

    Raises:
        EngineError: they are.
    """
    samples = len(load_data(scenario).inputs)
    per_epoch = -(-samples // (scenario.training.batch_size or samples))
    count = (scenario.stop.epochs if epochs is None else epochs) * per_epoch
    if count > MOST_ITERATIONS:
        message = _("{name}: a run of {count} iterations; of a sweep it has at most {limit}: give --epochs")
        text = message.format(name=scenario.name, count=f"{count:,}", limit=f"{MOST_ITERATIONS:,}")
        raise EngineError(text)


def milestones(epochs: int) -> tuple[int, ...]:
    """The epochs whose losses are kept: the first and the last, and between them some for either kind of axis."""
    if epochs <= 2 * POINTS:
        return tuple(range(1, epochs + 1))
    spaced = (*np.geomspace(1, epochs, POINTS), *np.linspace(1, epochs, POINTS))
    return tuple(sorted({round(float(one)) for one in spaced}))


def _draws(scenario: Scenario, seed: int) -> bool:
    """Whether another seed makes another run."""
    if scenario.training.shuffle != "none":
        return True
    network = Network(scenario)
    program = network.program(network.batch)
    if any(hasattr(leaf.source, "seed") for leaf in program.dated):
        return True
    other = network.reseeded(seeded(scenario, seed))
    return any(values.tobytes() != other.parameters[array].tobytes() for array, values in network.parameters.items())


def _sharing(scenario: Scenario, first: Scenario) -> Scenario:
    """The scenario with the samples of another one, where they are the same, so that they are held and sent once."""
    mine, theirs = load_data(scenario), load_data(first)
    if scenario.data != first.data or digest_of(mine) != digest_of(theirs):
        return scenario
    found = scenario.model_copy(update={"data": first.data})
    return found.sourced(
        name=scenario.name,
        path=scenario.path,
        data_path=scenario.data_path,
        dataset=theirs,
        warnings=scenario.warnings,
    )


def digest_of(value: Any) -> str:
    """A digest of arrays and of what holds them."""
    digest = hashlib.sha256()

    def enter(part: Any) -> None:
        if isinstance(part, np.ndarray):
            digest.update(f"{part.shape} {part.dtype}".encode() + np.ascontiguousarray(part).tobytes())
        elif isinstance(part, Dataset):
            for one in fields(part):
                digest.update(one.name.encode())
                enter(getattr(part, one.name))
        elif isinstance(part, dict):
            for key, one in part.items():
                digest.update(str(key).encode())
                enter(one)
        else:
            digest.update(repr(part).encode())

    enter(value)
    return digest.hexdigest()[:16]


def fingerprint(scenario: Scenario, *, epochs: int | None, until: str | None, doctor: bool) -> str:
    """What identifies a scenario, its data, and how each run of a sweep is made of it."""
    tables = {"network", "data", "held_out", "loss", "losses", "training", "stop", "doctor"}
    content = scenario.model_dump(mode="json", include=tables)
    samples = digest_of(load_data(scenario))
    weights = digest_of(dict(scenario.weights))
    made: Sequence[Any] = (content, samples, weights, epochs, until, doctor, POINTS)
    return hashlib.sha256(json.dumps(made, sort_keys=True).encode()).hexdigest()[:16]
