"""`retrograde run`: train without a screen."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

from retrograde.engine.text import N_, _, ngettext, visible
from retrograde.tui.cli.support.columns import table
from retrograde.tui.cli.support.loading import load
from retrograde.tui.cli.support.progress import ProgressBar
from retrograde.tui.cli.support.subcommand import DATA, EPOCHS, JSON, Subcommand, argument
from retrograde.tui.plain.numbers import encoded, shown

if TYPE_CHECKING:
    from retrograde.engine.equations.arithmetic import Floats
    from retrograde.engine.equations.array import Array
    from retrograde.engine.network.classifying import Classified
    from retrograde.engine.session.session import Session
    from retrograde.engine.travel.stopping import Outcome


MOST = 1000
"""Outputs that are listed in JSON: all of as many samples as that is."""

MOST_VALUES = 200
"""Parameters up to which a report names each of them, where it is not asked to name all."""


def run(
    scenario: str,
    *,
    epochs: int | None,
    until: str | None,
    data: str | None,
    every_value: bool,
    as_json: bool,
    weights: str | None = None,
) -> int:
    """Train, print how it ended, and return the exit code.

    Raises:
        EngineError: The condition can not be read, or names something that is not there.
        ScenarioError: The scenario or its data can not be used.
    """
    from retrograde.engine.session.session import Session

    session = Session(load(scenario, data=None if data is None else Path(data)))
    if weights is not None:
        _check_weights(weights)
    with ProgressBar() as bar:
        outcome = session.run(epochs=epochs, until=until, on_progress=bar.update)
    count = sum(array.size for array in session.network.parameters)
    values = dict(parameters(session, outcome.iterations)) if every_value or count <= MOST_VALUES else None
    if as_json:
        print(json.dumps(_as_json(session, outcome, values), indent=2, ensure_ascii=False, allow_nan=False))
        _export(session, outcome, weights, say=False)
        return 0
    # What ended it comes last, where a terminal still shows it after thousands of parameters.
    if values:
        print("\n".join(table([[name, shown(value)] for name, value in values.items()])))
        print()
    elif values is None:
        print("\n".join(_summary(session, outcome.iterations)))
        print(_("{count} parameters; --values prints each of them").format(count=f"{count:,}"))
        print()
    epochs_done = outcome.iterations // session.schedule.per_epoch
    print(
        "\n".join(
            table(
                [
                    [_("epochs"), str(epochs_done), ""],
                    *_losses(session, outcome),
                    *_answered(session, outcome),
                    *_held_out_rows(session, outcome.iterations),
                ]
            )
        )
    )
    print(_("stopped: {message}").format(message=outcome.message))
    if outcome.fault is not None:
        message = _("there: retrograde {scenario}, then :{address}")
        print(message.format(scenario=quote(scenario), address=outcome.fault.address))
    _export(session, outcome, weights, say=True)
    return 0


def _check_weights(file: str) -> None:
    """Refuse a file that can not be written, before anything is trained for it.

    Raises:
        EngineError: Its name says no known format, or there is no such folder.
    """
    from retrograde.engine.errors import EngineError
    from retrograde.engine.scenario.weights.tensors import SUFFIXES

    path = Path(file)
    if path.suffix.lower() not in SUFFIXES:
        message = _("{file}: weights are in files that end in {known}")
        raise EngineError(message.format(file=visible(file), known=_(" or ").join(SUFFIXES)))
    if not path.parent.is_dir():
        raise EngineError(_("{folder} is not a folder; nothing was written").format(folder=path.parent))


def _export(session: Session, outcome: Outcome, file: str | None, *, say: bool) -> None:
    """Write the weights after the last update, where they are wanted."""
    if file is None:
        return
    from retrograde.engine.session.weights import export_weights

    count = export_weights(session, outcome.iterations, Path(file))
    if say:
        print(_("wrote {count} numbers of weights to {file}").format(count=f"{count:,}", file=visible(file)))


def classified(session: Session, updates: int, *, held_out: bool = False) -> Classified | None:
    """How many samples are classified rightly after so many updates; None where the targets are no classes."""
    from retrograde.engine.travel.epochs import rightly

    return rightly(session.timeline, session.timeline.state(updates), held_out=held_out)


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


def _answered(session: Session, outcome: Outcome) -> Iterator[list[str]]:
    """The accuracy over the data, where the targets are classes."""
    found = classified(session, outcome.iterations)
    if found is not None:
        right = _("{right} of {samples} samples, after the last update").format(**found._asdict())
        yield [_("accuracy"), shown(found.right / found.samples), right]


def _as_json(session: Session, outcome: Outcome, values: Mapping[str, float] | None) -> dict[str, Any]:
    """The result for programs."""
    fault = outcome.fault
    same_unit = session.timeline.loss_as_iteration(session.timeline.state(outcome.iterations))
    return {
        "scenario": session.scenario.name,
        "epochs": outcome.iterations // session.schedule.per_epoch,
        "iterations": outcome.iterations,
        "rule": outcome.rule.value,
        "message": outcome.message,
        "diverged": None
        if fault is None
        else {"name": fault.name, "value": encoded(fault.value), "address": fault.address, "step": fault.step},
        "loss_last_epoch": encoded(outcome.loss),
        "loss_end": encoded(session.value("E_data")),
        **answers(session, outcome.iterations),
        **{name: encoded(value) for name, value in held_out(session, outcome.iterations).items()},
        "warnings": [str(warning) for warning in session.scenario.warnings],
        "loss_end_as_iteration": None if same_unit is None else encoded(same_unit),
        "parameters": None if values is None else {name: encoded(value) for name, value in values.items()},
        "arrays": {
            one.name: {"shape": one.shape} | {key: encoded(getattr(one, key)) for key in ("min", "max", "rms", "norm")}
            for one in arrays(session, outcome.iterations)
        },
    }


def _losses(session: Session, outcome: Outcome) -> Iterator[list[str]]:
    """The two losses of a run in one unit, each with what it is; and E_data, where that has another unit."""
    timeline = session.timeline
    iterations, samples = timeline.schedule.per_epoch, timeline.schedule.samples
    apart = any(layer.spec.evaluates_apart for layer in session.network.layers)
    text = ngettext(
        "E of its iteration, before the update",
        "E_epoch: the mean of E over its {count} iterations, each before its update",
        iterations,
    ).format(count=iterations)
    yield [_("loss of the last epoch"), shown(outcome.loss), text + (_("; as in training") if apart else "")]
    end = session.value("E_data")
    kinds = {loss.over_batch for loss in session.network.losses}
    if samples == 1:
        text = _("E_data: its sample, after the last update")
    elif kinds == {"mean"}:
        text = _("E_data: the mean over all {count} samples, after the last update")
    elif kinds == {"sum"}:
        text = _("E_data: the sum over all {count} samples, after the last update")
    else:
        text = _("E_data: over all {count} samples, after the last update")
    text = text.format(count=samples) + (_("; as in evaluation") if apart else "")
    same_unit = timeline.loss_as_iteration(timeline.state(outcome.iterations))
    if same_unit is None or iterations == 1 or kinds == {"mean"}:
        yield [_("loss of the end state"), shown(end), text]
        return
    unit = _("as E of an iteration: E_data divided by {count}").format(count=iterations)
    yield [_("loss of the end state"), shown(same_unit), unit]
    yield ["", shown(end), text]


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What there is to say of an array of parameters in one line; NaN where one of them is.

    Attributes:
        name: its name: `W_h`.
        shape: its shape.
        min: the smallest.
        max: the largest.
        rms: the root of the mean of the squares.
        norm: the root of the sum of the squares.
    """

    name: str
    shape: tuple[int, ...]
    min: float
    max: float
    rms: float
    norm: float


def arrays(session: Session, updates: int) -> Iterator[Summary]:
    """Every array of parameters after so many updates in one line each, layer by layer."""
    import numpy as np

    for array, values in _current(session, updates):
        with np.errstate(all="ignore"):
            norm = float(np.sqrt(np.sum(np.square(values))))
        yield Summary(
            name=array.name,
            shape=array.shape,
            min=float(values.min()),
            max=float(values.max()),
            rms=norm / math.sqrt(array.size),
            norm=norm,
        )


def _summary(session: Session, updates: int) -> list[str]:
    """The lines of `arrays`."""
    rows = [["", _("shape"), _("min"), _("max"), _("rms"), _("norm")]]
    for one in arrays(session, updates):
        shape = "×".join(map(str, one.shape)) or "1"
        rows.append([one.name, shape, *(f"{number:.6g}" for number in (one.min, one.max, one.rms, one.norm))])
    return table(rows, right=frozenset(range(1, 6)))


_HELD_OUT = {"loss_held_out": N_("loss of held-out data"), "accuracy_held_out": N_("accuracy of held-out data")}


def _held_out_rows(session: Session, updates: int) -> Iterator[list[str]]:
    """What is said of the samples that are held out."""
    for name, value in held_out(session, updates).items():
        yield [_(_HELD_OUT[name]), shown(value), _("over what is held out, after the last update")]


def held_out(session: Session, updates: int) -> dict[str, float]:
    """The loss of the samples that are held out after so many updates, and the share that is classified rightly.

    Nothing where none are held out, and no accuracy where the targets are no classes.
    """
    if session.network.dataset.held_out is None:
        return {}
    found = {"loss_held_out": session.measure("E_held_out", updates)}
    if (right := classified(session, updates, held_out=True)) is not None:
        found["accuracy_held_out"] = right.right / right.samples
    return found


def parameters(session: Session, updates: int) -> Iterator[tuple[str, float]]:
    """Name and value of every parameter after so many updates, layer by layer, weights before biases."""
    import numpy as np

    from retrograde.engine.equations.expression import Ref

    for array, values in _current(session, updates):
        for index, value in np.ndenumerate(values):
            yield session.notation.name(Ref(array, index)), float(value)


def _current(session: Session, updates: int) -> Iterator[tuple[Array, Floats]]:
    """Every array of parameters with its values after so many updates, layer by layer, weights before biases."""
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
                yield parameter, current[parameter]


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
        argument(
            "--values",
            action="store_true",
            help=N_("name every parameter, also where there are more than 200"),
        ),
        argument(
            "--weights",
            metavar="FILE",
            help=N_("write the weights after the last update to FILE.safetensors or FILE.npz"),
        ),
        DATA,
        JSON,
    ),
    run=lambda given: run(
        given.scenario,
        epochs=given.epochs,
        until=given.until,
        data=given.data,
        every_value=given.values,
        as_json=given.json,
        weights=given.weights,
    ),
    page="formulas.md",
)
