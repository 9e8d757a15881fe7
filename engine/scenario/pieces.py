"""What is valid of a scenario, whole or not: the parts that the rules run over."""

from __future__ import annotations

from typing import Any, Literal, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError

from retrograde.engine.errors import KeyPath
from retrograde.engine.layers.any_layer import model_of
from retrograde.engine.layers.base import MAX_LAYERS, Layer
from retrograde.engine.layers.dense import DenseLayer
from retrograde.engine.scenario.data_table import Data, HeldOut
from retrograde.engine.scenario.models import (
    Expectation,
    LossTable,
    NetworkInit,
    NetworkTable,
    Scenario,
    StopTable,
    laid_out,
    layer_names,
)
from retrograde.engine.scenario.rules.parts import Parts
from retrograde.engine.scenario.training import Training

MAX_FINDINGS = 1000
"""Problems of one file that are looked at; a file with more is not a scenario."""


_Model = TypeVar("_Model", bound=BaseModel)


def whole(scenario: Scenario) -> Parts:
    """Return the parts of a valid scenario."""
    network = scenario.network
    return Parts(
        inputs=network.inputs,
        input_shape=network.input_shape,
        seed=network.seed,
        weights_file=network.weights_file,
        init=network.init,
        layers=[laid_out(layer, network) for layer in network.layers],
        data=scenario.data,
        held_out=scenario.held_out,
        loss=scenario.loss,
        losses=scenario.losses,
        coefficients=scenario.coefficients,
        training=scenario.training,
        stop=scenario.stop,
        expect=scenario.expect,
        names=layer_names([layer.name for layer in network.layers]),
    )


def pieces(content: dict[str, Any]) -> Parts:
    """Return what is valid of an invalid scenario."""
    unknown: set[KeyPath] = set()
    network = content.get("network")
    if not isinstance(network, dict):
        network = {}
    tables = _list(network, "layers")[:MAX_LAYERS]
    layers = [_valid(model_of(table), table, ("network", "layers", n), unknown) for n, table in enumerate(tables)]
    losses = _list(content, "losses")[:MAX_LAYERS]
    expect = _list(content, "expect")[:MAX_FINDINGS]
    bare = _valid(NetworkTable, {**network, "init": {}, "layers": [{"units": 1}]}, ("network",), unknown)
    if "init" not in network:
        init: NetworkInit | None = NetworkInit()
    else:
        init = _valid(NetworkInit, network["init"], ("network", "init"), unknown)
    names = [getattr(layer, "name", None) or "" for layer in layers]
    data = _valid(Data, content.get("data", {}), ("data",), unknown)
    loss = _valid(LossTable, content.get("loss"), ("loss",), unknown)
    more = [_valid(LossTable, table, ("losses", n), unknown) for n, table in enumerate(losses)]
    kinds = [None if one is None else one.kind for one in (loss, *more)]
    return Parts(
        inputs=bare.inputs if bare and ("inputs" in network or tables) else None,
        input_shape=bare.input_shape if bare else None,
        odd_inputs=not unknown.isdisjoint({("network", "inputs"), ("network", "input_shape")}),
        seed=bare.seed if bare else None,
        weights_file=bare.weights_file if bare else None,
        init=init,
        layers=layers if bare is None else [layer and laid_out(layer, bare) for layer in layers],
        complete=bool(layers) and len(layers) == len(_list(network, "layers")),
        data=data,
        held_out=_valid(HeldOut, content.get("held_out"), ("held_out",), unknown),
        loss=loss,
        losses=more,
        coefficients=data is not None and data.coefficients(kinds),
        training=_valid(Training, content.get("training"), ("training",), unknown),
        stop=_valid(StopTable, content.get("stop"), ("stop",), unknown),
        expect=[_valid(Expectation, table, ("expect", n), unknown) for n, table in enumerate(expect)],
        names=layer_names(names) if names else [],
        unknown=unknown,
        doubtful={n for n in range(len(layers)) if any(path[:3] == ("network", "layers", n) for path in unknown)},
    )


def _list(table: dict[str, Any], key: str) -> list[Any]:
    """Return a list of tables, empty where it is something else."""
    found = table.get(key)
    return found if isinstance(found, list) else []


def _valid(model: type[_Model], table: Any, path: KeyPath, unknown: set[KeyPath]) -> _Model | None:
    """Return the model of a table with None for each key that is wrong; the keys are added to `unknown`."""
    if not isinstance(table, dict):
        return None
    try:
        return model.model_validate(table)
    except ValidationError as error:
        wrong = {str(details["loc"][0]) for details in error.errors(include_url=False) if details["loc"]}
    unknown.update((*path, key) for key in wrong)
    right = {key: value for key, value in table.items() if key not in wrong}
    if issubclass(model, Layer) and model is not DenseLayer:
        # Only the rules of a dense layer look at keys that are None.
        stand_ins = {}
    else:
        required = {key: field for key, field in model.model_fields.items() if key in wrong and field.is_required()}
        stand_ins = {key: _stand_in(field.annotation) for key, field in required.items()}
    try:
        found = model.model_validate({**right, **stand_ins})
    except ValidationError:
        return None
    return found.model_copy(update={key: None for key in wrong if key in model.model_fields})


def _stand_in(annotation: Any) -> Any:
    """A value that stands for a required key which is wrong or missing, until that is set to None."""
    if get_origin(annotation) is Literal:
        return get_args(annotation)[0]
    return {int: 1, float: 1.0, str: "0"}.get(annotation, {})
