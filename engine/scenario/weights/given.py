"""What ``network.weights_file`` gives: parameters, running averages, masks, and what the optimiser remembers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrograde.engine.errors import EngineError, KeyPath, Violation
from retrograde.engine.late import late
from retrograde.engine.layers.base import Layer
from retrograde.engine.scenario.reading import data_file
from retrograde.engine.text import _, suggest, visible

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from retrograde.engine.layers.base import Form
    from retrograde.engine.layers.stored import Stored
    from retrograde.engine.scenario.models import Scenario
    from retrograde.engine.scenario.report import Report
    from retrograde.engine.scenario.rules.parts import Parts
    from retrograde.engine.scenario.weights import files, tensors
    from retrograde.engine.scenario.weights.tensors import TensorFile
else:
    tensors = late("retrograde.engine.scenario.weights.tensors")
    files = late("retrograde.engine.scenario.weights.files")

_FILE: KeyPath = ("network", "weights_file")
_COUNTERS = ("num_batches_tracked",)
"""Tensors of PyTorch's modules that say nothing here."""
_SHOWN = 6
"""Names of tensors that a message lists."""


def with_weights(scenario: Scenario, parts: Parts, path: Path | None, samples: int | None, report: Report) -> Scenario:
    """Return the scenario with the numbers of its file of weights.

    Args:
        scenario: the scenario, valid and not completed.
        parts: its parts, with the shapes of its network.
        path: the scenario's file.
        samples: how many samples there are.
        report: where what is wrong goes.
    """
    name = scenario.network.weights_file
    if name is None:
        report.extend(_without_file(scenario))
        return scenario
    try:
        file = files.open_tensors(_found(name, path))
    except EngineError as error:
        report.add(Violation(path=_FILE, message=str(error)))
        return scenario
    except OSError as error:
        message = _("{file} cannot be read: {reason}").format(file=name, reason=error.strerror or error)
        report.add(Violation(path=_FILE, message=message))
        return scenario
    return _Giving(scenario, parts, file, samples, report).given()


def _found(name: str, path: Path | None) -> Path:
    if path is None:
        raise EngineError(_("a scenario without a file has no file of weights"))
    return data_file(name, path)


def _without_file(scenario: Scenario) -> Iterator[Violation]:
    """Keys that mean nothing where there is no file of weights."""
    for number, layer in enumerate(scenario.network.layers):
        for key in ("weights_from", "first_mask"):
            if getattr(layer, key, None) is not None:
                message = _("{key} names tensors of network.weights_file, and there is none").format(key=key)
                yield Violation(path=("network", "layers", number, key), message=message, key=True)


class _Giving:
    """Takes from a file what a scenario asks for, and notes what is not there, and what nobody asks for."""

    def __init__(self, scenario: Scenario, parts: Parts, file: TensorFile, samples: int | None, report: Report) -> None:
        self._scenario = scenario
        self._parts = parts
        self._file = file
        self._samples = samples
        self._report = report
        self._asked: set[str] = set()

    def given(self) -> Scenario:
        """The scenario with all of it."""
        weights: dict[str, dict[str, NDArray[Any]]] = {}
        layers = list(self._scenario.network.layers)
        for number, layer in enumerate(self._parts.layers):
            sources = self._parts.sources[number]
            assert layer is not None
            assert sources is not None
            if layer.share is not None:
                continue
            layer = layer.model_copy(update={"name": self._parts.names[number]})
            arrays, rows = self._layer(number, layer, layers[number], sources)
            weights[layer.name] = arrays
            if rows:
                layers[number] = layers[number].model_copy(update=rows)
        training = self._scenario.training
        if training.memory is not None:
            training = training.model_copy(update={"memory": self._memory(training.memory)})
        self._unasked()
        network = self._scenario.network.model_copy(update={"layers": tuple(layers)})
        return self._scenario.weighted(weights, {"network": network, "training": training})

    def _fault(self, path: KeyPath, message: str, *, warning: bool = False) -> None:
        self._report.add(Violation(path=path, message=message, warning=warning))

    def _layer(
        self, number: int, layer: Layer, written: Layer, sources: list[Form]
    ) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """The parameters of a layer, and the rows that keys of its table take."""
        path: KeyPath = ("network", "layers", number)
        arrays: dict[str, NDArray[Any]] = {}
        rows: dict[str, Any] = {}
        stored = layer.stored(sources)
        if isinstance(layer.weights_from, dict):
            for name in layer.weights_from:
                if all(one.name != name for one in stored):
                    known = ", ".join(one.name for one in stored) or _("none")
                    message = _("the layer has no tensor {name}; it has: {known}").format(name=name, known=known)
                    self._fault((*path, "weights_from", name), message)
        for one in stored:
            name = layer.tensor(one.name)
            tensor = self._file.tensors.get(name)
            inline = self._inline(written, layer, one, sources)
            if tensor is None:
                if not inline and one.parameters and "init" not in written.model_fields_set:
                    self._fault(path, self._missing(name, one))
                continue
            self._asked.add(name)
            if inline:
                message = _("{name} is in {file} too: drop it here or there")
                self._fault((*path, inline), message.format(name=name, file=tensors.shown(self._file.path)))
                continue
            values = self._values(path, name, one.shape)
            if values is None:
                continue
            if not one.empty(values):
                message = _("{file}: {name} has numbers that are not 0, and the layer has no place for them")
                text = message.format(file=tensors.shown(self._file.path), name=visible(name))
                self._fault(path, text + (_('; bias = "both" gives it one') if "bias_hh" in one.name else ""))
            elif one.key:
                rows[one.key] = tuple(values.tolist())
            else:
                arrays |= one.taken(values)
        first = getattr(layer, "first_mask", None)
        if first is not None:
            arrays |= self._mask((*path, "first_mask"), layer, first, sources)
        self._beside(path, layer, stored)
        return arrays, rows

    def _inline(self, written: Layer, layer: Layer, one: Stored, sources: list[Form]) -> str:
        """The key by which the scenario gives a tensor itself; empty where it does not."""
        if one.key:
            return one.key if one.key in written.model_fields_set else ""
        keys = (row.key for row in layer.parameters(sources) if row.name in one.parameters)
        return next((key for key in keys if key in written.model_fields_set), "")

    def _values(self, path: KeyPath, name: str, shape: tuple[int, ...]) -> NDArray[Any] | None:
        try:
            return self._file.values(name, shape)
        except EngineError as error:
            self._fault(path, str(error))
        except OSError as error:
            self._fault(
                _FILE, _("{file} cannot be read: {reason}").format(file=tensors.shown(self._file.path), reason=error)
            )
        return None

    def _missing(self, name: str, one: Stored) -> str:
        message = _("{file} has no tensor {name} ({shape}) for this layer{hint}: see weights_from")
        hint = suggest(name, list(self._file.tensors), most=3, between=_(" or "))
        return message.format(
            file=tensors.shown(self._file.path), name=visible(name), shape=tensors.axes(one.shape), hint=hint
        )

    def _beside(self, path: KeyPath, layer: Layer, stored: tuple[Stored, ...]) -> None:
        """Tensors that bear the layer's name, and for which it has no parameter: it is another layer in the file."""
        if isinstance(layer.weights_from, dict) or not (prefix := layer.tensor("")):
            return
        for name in self._file.tensors:
            rest = name.removeprefix(prefix)
            if rest == name or "." in rest or rest in _COUNTERS or any(one.name == rest for one in stored):
                continue
            if getattr(layer, "first_mask", None) == name:
                continue
            known = ", ".join(one.name for one in stored) or _("none")
            message = _("{file} has {name}, and the layer has no such tensor; it has: {known}")
            self._fault(path, message.format(file=tensors.shown(self._file.path), name=visible(name), known=known))

    def _mask(self, path: KeyPath, layer: Layer, name: str, sources: list[Form]) -> dict[str, NDArray[Any]]:
        """The mask of the first iteration."""
        self._asked.add(name)
        size, samples = self._scenario.training.batch_size, self._samples or 1
        places = layer.start_shapes("", sources)
        (_time, shape), steps = places[0], len(places) if places[0][0] is not None else 0
        batch = min(size, samples) if size else samples
        values = self._values(path, name, (batch, steps, *shape) if steps else (batch, *shape))
        if values is None:
            return {}
        if not ((values == 0.0) | (values == 1.0)).all():
            self._fault(path, _("{name} is no mask: it has numbers besides 0 and 1").format(name=visible(name)))
        return {f"mask@{time}": values[:, time - 1] for time, _shape in places if time} if steps else {"mask": values}

    def _memory(self, memory: Mapping[str, Any]) -> dict[str, Any]:
        """What the optimiser remembers, with the arrays that are in the file."""
        found = dict(memory)
        for key, value in memory.items():
            if not isinstance(value, str):
                continue
            self._asked.add(value)
            shape = self._shape(key.partition("(")[2].removesuffix(")"))
            values = None if shape is None else self._values(("training", "memory", key), value, shape)
            found[key] = None if values is None else values.tolist()
        return found

    def _shape(self, name: str) -> tuple[int, ...] | None:
        """The shape of an array of parameters, by its name in the network."""
        for number, layer in enumerate(self._parts.layers):
            sources = self._parts.sources[number]
            if layer is None or sources is None or layer.share is not None:
                continue
            for one in layer.parameters(sources):
                if name == (one.name if one.alone else f"{one.name}_{self._parts.names[number]}"):
                    return one.shape
        return None

    def _unasked(self) -> None:
        """Tensors that nobody asks for: odd, and all the same."""
        left = [
            name for name in self._file.tensors if name not in self._asked and name.rpartition(".")[2] not in _COUNTERS
        ]
        if left and not self._report.broken:
            message = _("{file}: {count} tensors belong to no layer: {names}")
            names = ", ".join(visible(name[:100]) for name in left[:_SHOWN]) + (", …" if len(left) > _SHOWN else "")
            text = message.format(file=tensors.shown(self._file.path), count=len(left), names=names)
            self._fault(_FILE, text, warning=True)
