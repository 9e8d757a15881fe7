"""What ``[training.memory]`` may say: only what the optimiser remembers, of parameters that are trained."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from typing import Any

from retrograde.engine.equations.array import Role
from retrograde.engine.equations.optimisers import COUNT, OPTIMISERS, Remembered
from retrograde.engine.errors import KeyPath, Violation
from retrograde.engine.layers.base import Layer, Parameter
from retrograde.engine.layers.dense import DenseLayer
from retrograde.engine.scenario.rules.nested_shapes import axes, nested_shape
from retrograde.engine.scenario.rules.parts import Parts
from retrograde.engine.scenario.training import Training
from retrograde.engine.text import _, suggest

MAX_COUNT = 1_000_000
"""How many updates may have come before: β to that power is multiplied one by one."""

NUMBERS = (COUNT, "loss_before")
"""What belongs to no parameter."""

_OF_PARAMETER = re.compile(r"(?P<stem>\w+)\((?P<name>\w+)(?:\[(?P<index>\d{1,9}(?:\s*,\s*\d{1,9})*)\])?\)")


def memory_rules(parts: Parts, training: Training) -> Iterator[Violation]:
    """Yield what is wrong in the table of what is remembered before the first update."""
    known = _known(training)
    for key, value in (training.memory or {}).items():
        path: KeyPath = ("training", "memory", key)
        match = _OF_PARAMETER.fullmatch(key)
        stem = key if match is None else match["stem"]
        if stem not in known:
            yield Violation(path=path, message=_unknown(training, stem, known), key=True)
        elif match is not None and stem in NUMBERS:
            message = _("{name} belongs to no parameter: {name} = 1").format(name=stem)
            yield Violation(path=path, message=message, key=True)
        elif match is not None and match["index"] is None and match["name"] in (found := _trained(parts)):
            if isinstance(value, str) and parts.weights_file is None:
                message = _("{name} names a tensor, and there is no network.weights_file").format(name=repr(value))
                yield Violation(path=path, message=message)
            elif not isinstance(value, str):
                yield from _array_rules(found[match["name"]], value, path)
        elif match is not None and parts.doubtful:
            continue
        elif not _is_number(value):
            yield Violation(path=path, message=_("this is one number"))
        elif stem == COUNT:
            yield from _count_rules(value, path)
        elif match is not None:
            yield from _slot_rules(parts, match, path)
    yield from _dampening_rules(training)


def _known(training: Training) -> dict[str, Remembered]:
    """What the optimiser remembers with the options that it has."""
    row = OPTIMISERS[training.optimizer]
    given = {key: getattr(training, key) for key in row.options}
    options = {key: default if given[key] is None else given[key] for key, default in row.options.items()}
    return {name: one for name, one in row.remembers.items() if one.there(options)}


def _unknown(training: Training, stem: str, known: dict[str, Remembered]) -> str:
    row = OPTIMISERS[training.optimizer]
    needs = row.remembers[stem].needs if stem in row.remembers else None
    if needs is not None:
        message = _("{optimizer} remembers {name} only with {option}")
        option = f'{needs[0]} = "{needs[1][0]}"' if needs[1] else needs[0]
        return message.format(optimizer=row.name, name=stem, option=option)
    listed = ", ".join(f"{name} ({_(one.text)})" for name, one in known.items())
    message = _("{optimizer} does not remember {name}; it remembers {known}")
    text = message.format(optimizer=row.name, name=stem, known=listed or _("nothing"))
    return text + suggest(stem, known)


def _is_number(value: Any) -> bool:
    # A whole number may be larger than any other.
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def _all_numbers(value: Any) -> bool:
    return all(map(_all_numbers, value)) if isinstance(value, list | tuple) else _is_number(value)


def _count_rules(value: float, path: KeyPath) -> Iterator[Violation]:
    if value != int(value) or not 0 <= value <= MAX_COUNT:
        message = _("{found} is no number of updates: a whole number from 0 to {limit}")
        yield Violation(path=path, message=message.format(found=value, limit=f"{MAX_COUNT:,}"))


def _array_rules(parameter: Parameter, value: Any, path: KeyPath) -> Iterator[Violation]:
    if not _all_numbers(value):
        yield Violation(path=path, message=_("these are not numbers only"))
    elif isinstance(value, list | tuple) and nested_shape(value) != parameter.shape:
        message = _("{found} values where the parameter has {wanted}")
        text = message.format(found=axes(nested_shape(value)), wanted=axes(parameter.shape))
        yield Violation(path=path, message=text)


def _parameters(parts: Parts) -> Iterator[tuple[Layer, str, Parameter]]:
    for number, layer in enumerate(parts.layers):
        sources = parts.sources[number]
        if layer is None or layer.share is not None or number in parts.doubtful:
            continue
        if sources is not None and parts.forms[number] is not None:
            for one in layer.parameters(sources):
                yield layer, one.name if one.alone else f"{one.name}_{parts.names[number]}", one


def _trained(parts: Parts) -> dict[str, Parameter]:
    """The arrays of parameters that are trained, by name."""
    return {name: one for layer, name, one in _parameters(parts) if not layer.freezes(one)}


def _slot_rules(parts: Parts, match: re.Match[str], path: KeyPath) -> Iterator[Violation]:
    """A single parameter: an element of an array, or a weight or a bias of a dense layer by its own name."""
    if None in parts.layers or None in parts.forms or parts.doubtful:
        return
    name, found = match["name"], _trained(parts)
    if any(name == other for _layer, other, _one in _parameters(parts)) and name not in found:
        message = _("{name} is frozen, so nothing is remembered of it").format(name=name)
        yield Violation(path=path, message=message, key=True)
    elif match["index"] is not None and name in found:
        index = [int(part) for part in match["index"].split(",")]
        shape = found[name].shape
        if len(index) != len(shape) or not all(1 <= part <= size for part, size in zip(index, shape, strict=True)):
            message = _("{name} has the shape {shape}, counted from 1").format(name=name, shape=axes(shape))
            yield Violation(path=path, message=message, key=True)
    elif match["index"] is not None or name not in _dense_slots(parts):
        message = _("there is no parameter {name}; the arrays are {known}")
        text = message.format(name=name, known=", ".join(found) or _("none")) + suggest(name, found)
        yield Violation(path=path, message=text, key=True)


def _dense_slots(parts: Parts) -> set[str]:
    """The names of the single weights and biases of dense layers, which are called ``w5``, ``b_h1``, ``b1``."""
    found: set[str] = set()
    count = 0
    for number, layer in enumerate(parts.layers):
        sources = parts.sources[number]
        if not isinstance(layer, DenseLayer) or sources is None or layer.share is not None:
            continue
        for one in layer.parameters(sources):
            trained = not layer.freezes(one)
            if one.role is Role.WEIGHT and layer.numbering is not None and not isinstance(layer.numbering, str):
                found |= {name for row in layer.numbering for name in row if name and trained}
            elif one.role is Role.WEIGHT:
                found |= {f"w{place}" for place in range(count + 1, count + 1 + one.size) if trained}
                count += one.size
            elif trained and layer.bias == "shared":
                found.add(f"b{number + 1}")
            elif trained:
                dot = "." if parts.names[number][-1:].isdigit() else ""
                found |= {f"b_{parts.names[number]}{dot}{place + 1}" for place in range(one.size)}
    return found


def _dampening_rules(training: Training) -> Iterator[Violation]:
    memory = training.memory or {}
    if training.dampening and not memory.get(COUNT) and any(key.startswith("v") for key in memory):
        message = _("with dampening the first update takes the gradient in full, without v; say t = 1 or more as well")
        yield Violation(path=("training", "memory"), message=message)
