"""`retrograde run`: train without a screen."""

from __future__ import annotations

import json

from retrograde.engine.condition import parse
from retrograde.engine.scenario import load_scenario
from retrograde.engine.session import Session
from retrograde.engine.text import _
from retrograde.tui.headless.columns import table
from retrograde.tui.headless.numbers import encoded, shown
from retrograde.tui.headless.progress import Progress


def run(scenario: str, *, epochs: int | None, until: str | None, data: str | None, as_json: bool) -> int:
    """Train, print how it ended, and return the exit code.

    Raises:
        EngineError: The condition can not be read, or names something that is not there.
        ScenarioError: The scenario or its data can not be used.
    """
    condition = None if until is None else parse(until)
    session = Session(load_scenario(scenario, data=data))
    total = epochs or session.scenario.stop.epochs
    with Progress(total) as progress:
        outcome = session.run(epochs=epochs, until=condition, on_progress=progress.update)
    end = session.value("E_data")
    parameters = dict(session.parameters())
    if as_json:
        result = {
            "scenario": session.scenario.name,
            "epochs": outcome.epoch,
            "rule": outcome.rule,
            "message": outcome.message,
            "loss_last_epoch": encoded(outcome.loss),
            "loss_end": encoded(end),
            "parameters": {name: encoded(value) for name, value in parameters.items()},
        }
        print(json.dumps(result, indent=2, ensure_ascii=False, allow_nan=False))
        return 0
    rows = [
        [_("epochs run"), str(outcome.epoch)],
        [_("loss of the last epoch"), shown(outcome.loss)],
        [_("loss of the end state"), shown(end)],
        [_("stopped"), outcome.message],
    ]
    print("\n".join(table(rows)))
    print()
    rows = [[name, shown(value)] for name, value in parameters.items()]
    print("\n".join("  " + line for line in table(rows)))
    return 0
