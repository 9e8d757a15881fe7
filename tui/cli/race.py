"""`retrograde race`: a scenario and its variants, trained one after the other, side by side in a table."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrograde.engine.errors import EngineError
from retrograde.engine.text import N_, _, joined
from retrograde.tui.cli.support.columns import table
from retrograde.tui.cli.support.loading import load
from retrograde.tui.cli.support.progress import ProgressBar
from retrograde.tui.cli.support.subcommand import DATA, EPOCHS, Subcommand, argument
from retrograde.tui.plain.numbers import encoded

if TYPE_CHECKING:
    from retrograde.engine.scenario.models import Scenario
    from retrograde.engine.session.race import Lap


def race(scenario: str, variants: Sequence[str], *, epochs: int | None, data: str | None, as_json: bool) -> int:
    """Train the scenario and its variants, print the loss of each after some epochs, and return the exit code.

    Raises:
        EngineError: there are no variants, or not those that are named.
        ScenarioError: the scenario can not be used.
    """
    from retrograde.engine.session.race import lap_of

    samples = None if data is None else Path(data)
    first = load(scenario, data=samples)
    known = [one.name for one in first.variants]
    if not known:
        raise EngineError(
            _("{name} has no variants to race against; a file lists them as [[variants]]").format(name=scenario)
        )
    for name in variants:
        if name not in known:
            message = _("there is no variant {name}; there are: {known}")
            raise EngineError(message.format(name=name, known=", ".join(known)))
    entrants = [first, *(load(f"{scenario}:{name}", data=samples, said=first.warnings) for name in variants or known)]
    last = epochs or first.stop.epochs
    laps: list[Lap] = []
    for entrant in entrants:
        with ProgressBar() as bar:
            laps.append(lap_of(entrant, epochs, last, bar.update))
    print(_as_json(laps) if as_json else "\n".join(_as_table(laps, last)))
    return 0


def _as_json(laps: Sequence[Lap]) -> str:
    rows = [
        {
            "name": lap.name,
            "scenario": lap.scenario.name,
            "training": _options(lap.scenario),
            "epochs": lap.outcome.epoch,
            "rule": lap.outcome.rule.value,
            "message": lap.outcome.message,
            "loss_last_epoch": encoded(lap.outcome.loss),
            "losses": {str(epoch): encoded(loss) for epoch, loss in lap.losses.items()},
        }
        for lap in laps
    ]
    return json.dumps(rows, indent=2, ensure_ascii=False, allow_nan=False)


def _options(scenario: Scenario) -> dict[str, Any]:
    from retrograde.engine.equations.optimisers import OPTIMISERS

    training = scenario.training
    keys = ("optimizer", "learning_rate", *OPTIMISERS[training.optimizer].options)
    content = training.model_dump(mode="json")
    return {key: content[key] for key in keys}


def _as_table(laps: Sequence[Lap], last: int) -> Iterator[str]:
    from retrograde.engine.equations.optimisers import OPTIMISERS
    from retrograde.engine.session.race import compared
    from retrograde.engine.travel.stopping import StopRule

    columns = compared(tuple(laps), last)
    bound = laps[0].scenario.stop.loss_below
    head = ["", _("optimiser"), "η", *(_("epoch {number}").format(number=epoch) for epoch in columns)]
    if bound is not None:
        head.append(_("below {bound} in epoch").format(bound=f"{bound:g}"))
    rows = [head]
    for lap in laps:
        training = lap.scenario.training
        row = [lap.name, OPTIMISERS[training.optimizer].title, f"{training.learning_rate:g}"]
        row += [f"{lap.losses[epoch]:.4g}" if epoch in lap.losses else "" for epoch in columns]
        if bound is not None:
            row.append(str(lap.outcome.epoch) if lap.outcome.rule is StopRule.LOSS else "·")
        rows.append(row)
    yield from table(rows, right=frozenset(range(2, len(head))))
    yield ""
    yield _("The loss of an epoch is the mean of its iterations' E, each before its own update.")
    for lap in laps:
        if lap.outcome.rule is StopRule.DIVERGED:
            yield joined((lap.name, lap.outcome.message), ": ")


COMMAND = Subcommand(
    name="race",
    help=N_("train a scenario and its variants, and compare their losses"),
    arguments=(
        argument("scenario", metavar="NAME|FILE.toml"),
        argument("variants", nargs="*", metavar="VARIANT", help=N_("default: all of the file")),
        EPOCHS,
        DATA,
        argument("--json", action="store_true", help=N_("one JSON list, numbers in full")),
    ),
    run=lambda given: race(given.scenario, given.variants, epochs=given.epochs, data=given.data, as_json=given.json),
    page="training.md",
)
