"""`retrograde run`: train without a screen."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrograde.engine.text import N_, _
from retrograde.tui.cli.support.columns import table
from retrograde.tui.cli.support.loading import load
from retrograde.tui.cli.support.numbers import encoded, shown
from retrograde.tui.cli.support.progress import ProgressBar
from retrograde.tui.cli.support.subcommand import DATA, EPOCHS, JSON, Subcommand, argument

if TYPE_CHECKING:
    from retrograde.engine.equations.array import Array
    from retrograde.engine.network.classifying import Classified
    from retrograde.engine.session.session import Session


MOST = 1000
"""Outputs that are listed in JSON: all of as many samples as that is."""


def run(scenario: str, *, epochs: int | None, until: str | None, data: str | None, as_json: bool) -> int:
    """Train, print how it ended, and return the exit code.

    Raises:
        EngineError: The condition can not be read, or names something that is not there.
        ScenarioError: The scenario or its data can not be used.
    """
    from retrograde.engine.session.session import Session

    session = Session(load(scenario, data=None if data is None else Path(data)))
    with ProgressBar() as bar:
        outcome = session.run(epochs=epochs, until=until, on_progress=bar.update)
    end = session.value("E_data")
    values = dict(parameters(session, outcome.iterations))
    if as_json:
        result = {
            "scenario": session.scenario.name,
            "epochs": outcome.epoch,
            "iterations": outcome.iterations,
            "rule": outcome.rule.value,
            "message": outcome.message,
            "loss_last_epoch": encoded(outcome.loss),
            "loss_end": encoded(end),
            **answers(session, outcome.iterations),
            "warnings": [str(warning) for warning in session.scenario.warnings],
            "parameters": {name: encoded(value) for name, value in values.items()},
        }
        print(json.dumps(result, indent=2, ensure_ascii=False, allow_nan=False))
        return 0
    # What ended it comes last, where a terminal still shows it after thousands of parameters.
    if values:
        print("\n".join(table([[name, shown(value)] for name, value in values.items()])))
        print()
    rows = [
        [_("epochs"), str(outcome.epoch), ""],
        [_("loss of the last epoch"), shown(outcome.loss), _("mean of its iterations, each before its update")],
        [_("loss of the end state"), shown(end), _("over the whole data, after the last update")],
    ]
    found = classified(session, outcome.iterations)
    if found is not None:
        right = _("{right} of {samples} samples, after the last update").format(**found._asdict())
        rows.append([_("accuracy"), shown(found.right / found.samples), right])
    print("\n".join(table(rows)))
    print(_("stopped: {message}").format(message=outcome.message))
    return 0


def classified(session: Session, updates: int) -> Classified | None:
    """How many samples are classified rightly after so many updates; None where the targets are no classes."""
    from retrograde.engine.travel.epochs import rightly

    return rightly(session.timeline, session.timeline.state(updates))


def answers(session: Session, updates: int) -> dict[str, Any]:
    """What the network says to each sample after so many updates, of the first ``MOST`` numbers, and the accuracy."""
    if session.network.answer(session.timeline.evaluation) is None:
        return {}
    outputs = session.timeline.predictions(session.timeline.state(updates))
    found = classified(session, updates)
    rows = outputs.reshape(len(outputs), -1)
    few = rows[: max(1, MOST // max(1, rows.shape[1]))]
    return {
        "accuracy": None if found is None else found.right / found.samples,
        "samples": len(rows),
        "outputs": [[encoded(float(value)) for value in row] for row in few],
    }


def parameters(session: Session, updates: int) -> Iterator[tuple[str, float]]:
    """Name and value of every parameter after so many updates, layer by layer, weights before biases."""
    import numpy as np

    from retrograde.engine.equations.expression import Ref

    network = session.network
    current = dict(network.parameters)
    state, start = session.timeline.state(updates), 0
    for array in network.state:
        if array in current:
            current[array] = state[start : start + array.size].reshape(array.shape)
        start += array.size
    seen: set[Array] = set()
    for layer in network.layers:
        for parameter in layer.parameters.values():
            # A layer that shares its parameters has none of its own.
            if parameter not in seen:
                seen.add(parameter)
                for index, value in np.ndenumerate(current[parameter]):
                    yield session.notation.name(Ref(parameter, index)), float(value)


COMMAND = Subcommand(
    name="run",
    help=N_("train without a screen, and print how it ended"),
    arguments=(
        argument("scenario", metavar="NAME|FILE.toml"),
        EPOCHS,
        argument(
            "--until",
            metavar="CONDITION",
            help=N_("stop at the end of the first epoch where it holds, such as 'E_epoch < 0.01 and epoch > 10'"),
        ),
        DATA,
        JSON,
    ),
    run=lambda given: run(given.scenario, epochs=given.epochs, until=given.until, data=given.data, as_json=given.json),
    page="formulas.md",
)
