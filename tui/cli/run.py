"""`retrograde run`: train without a screen."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from retrograde.engine.text import N_, _
from retrograde.tui.cli.support.columns import table
from retrograde.tui.cli.support.loading import load
from retrograde.tui.cli.support.numbers import encoded, shown
from retrograde.tui.cli.support.progress import ProgressBar
from retrograde.tui.cli.support.subcommand import DATA, EPOCHS, JSON, Subcommand, argument

if TYPE_CHECKING:
    from retrograde.engine.equations.array import Array
    from retrograde.engine.session.session import Session


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
            **held_out(session),
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
    for name, value in held_out(session).items():
        rows.append([_(_HELD_OUT[name]), shown(value), _("over what is held out, after the last update")])
    print("\n".join(table(rows)))
    print(_("stopped: {message}").format(message=outcome.message))
    return 0


_HELD_OUT = {"loss_held_out": N_("loss of held-out data"), "accuracy_held_out": N_("accuracy of held-out data")}


def held_out(session: Session) -> dict[str, float]:
    """The loss of the samples that are held out at the cursor, and how many of them are classified rightly.

    Nothing where none are held out, and no accuracy where the targets are no classes.
    """
    from retrograde.engine.session.scoring import right_answers

    if session.network.dataset.held_out is None:
        return {}
    found = {"loss_held_out": session.value("E_held_out")}
    if (answers := right_answers(session, held_out=True)) is not None:
        found["accuracy_held_out"] = answers[0] / answers[1]
    return found


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
