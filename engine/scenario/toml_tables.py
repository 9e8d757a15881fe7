"""The tables of a scenario file, as the annotations of its models have them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, get_args, get_origin

from pydantic import BaseModel

from retrograde.engine.errors import KeyPath
from retrograde.engine.layers.base import Layer
from retrograde.engine.layers.dense import DenseLayer
from retrograde.engine.layers.late_model import models_in
from retrograde.engine.scenario.models import Scenario


def model_at(path: KeyPath, layer: type[Layer]) -> type[BaseModel] | None:
    """Return the model of the table at a path; ``layer`` is that of a layer on it."""
    model: type[BaseModel] | None = Scenario
    for part in path:
        if isinstance(part, str) and model is not None:
            model = _model_of(model, part, layer)
    return model


def homes(key: str) -> Iterator[tuple[str, type[BaseModel]]]:
    """Yield the tables that have a key, each by its name in a file, empty for the top."""
    for name, model in _tables().items():
        if key in model.model_fields:
            yield name, model


def tables() -> Iterator[type[BaseModel]]:
    """Yield the models of the tables of a file."""
    yield from _tables().values()


@cache
def _tables() -> dict[str, type[BaseModel]]:
    """The models by the name of the first table that has each; one whose keys are all in another is left out."""
    found: dict[str, type[BaseModel]] = {}

    def enter(model: type[BaseModel], name: str, path: str) -> None:
        if model in found.values():
            return
        found[name] = model
        for key, field in model.model_fields.items():
            inner = _model_of(model, key, DenseLayer)
            if inner is not None:
                below = f"{path}.{key}" if path else key
                enter(inner, f"[[{below}]]" if _is_list(field.annotation) else f"[{below}]", below)

    enter(Scenario, "", "")
    models = list(found.values())
    return {
        name: model
        for name, model in found.items()
        if not any(issubclass(other, model) and other is not model for other in models)
    }


def _model_of(model: type[BaseModel], key: str, layer: type[Layer]) -> type[BaseModel] | None:
    """The model of the table under a key; None where there is no table."""
    field = model.model_fields.get(key)
    inner = None if field is None else next(models_in(field.annotation), None)
    return layer if inner is not None and issubclass(inner, Layer) else inner


def _is_list(annotation: Any) -> bool:
    return get_origin(annotation) is tuple or any(get_origin(part) is tuple for part in get_args(annotation))
