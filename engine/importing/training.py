"""The optimiser of a recorded step: its settings, what it remembered, and clipping, as a table ``[training]``."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrograde.engine.equations.array import Role
from retrograde.engine.errors import EngineError
from retrograde.engine.importing.draft import Draft, Made
from retrograde.engine.recording.aten.reading import base_name
from retrograde.engine.recording.form import Group, OptimizerRecord, Window
from retrograde.engine.recording.recording import Recording
from retrograde.engine.text import _, suggest

_SETTINGS: Mapping[str, tuple[str, ...]] = {
    "SGD": ("momentum", "dampening", "nesterov"),
    "Adam": ("betas", "eps", "amsgrad"),
    "AdamW": ("betas", "eps", "amsgrad"),
    "RMSprop": ("alpha", "eps", "momentum", "centered"),
    "Adagrad": ("lr_decay", "eps"),
    "Adadelta": ("rho", "eps"),
    "Adamax": ("betas", "eps"),
    "NAdam": ("betas", "eps", "momentum_decay"),
    "RAdam": ("betas", "eps"),
    "Rprop": ("etas", "step_sizes"),
}
"""PyTorch's optimisers, with the settings that are called the same here."""

_MOMENTS = {"exp_avg": "m", "exp_avg_sq": "v", "max_exp_avg_sq": "vmax"}
_REMEMBERED: Mapping[str, Mapping[str, str]] = {
    "SGD": {"momentum_buffer": "v"},
    "Adam": _MOMENTS,
    "AdamW": _MOMENTS,
    "RMSprop": {"square_avg": "s", "grad_avg": "a", "momentum_buffer": "v"},
    "Adagrad": {"sum": "s"},
    "Adadelta": {"square_avg": "s", "acc_delta": "u"},
    "Adamax": {"exp_avg": "m", "exp_inf": "u"},
    "NAdam": _MOMENTS,
    "RAdam": _MOMENTS,
    "Rprop": {"prev": "last", "step_size": "size"},
}
"""What each remembers of a parameter, by PyTorch's names."""

_COUNTING = frozenset({"Adam", "AdamW", "Adamax", "NAdam", "RAdam"})
"""Optimisers that count their updates."""


class TrainingFound:
    """What a recording says of the training.

    Attributes:
        table: the table ``[training]``.
        tensors: what the optimiser remembered, by the names that the table has for it.
        notes: what a reader should know.
    """

    def __init__(self, recording: Recording, draft: Draft) -> None:
        self.table: dict[str, Any] = {}
        self.tensors: dict[str, NDArray[np.float64]] = {}
        self.notes: list[str] = []
        self._recording = recording
        self._draft = draft
        self._names = {value.name: number for number, value in enumerate(recording.records.values)}
        made = list(draft.parameters())
        optimizers = recording.records.optimizers
        if len(optimizers) != 1:
            self.table = {"optimizer": "sgd", "learning_rate": 0.01}
            count = len(optimizers)
            self.notes.append(
                _("the recording has {count} optimisers; [training] is to be written by hand").format(count=count)
            )
            return
        self._optimizer(optimizers[0], made)
        self._memory(optimizers[0].name, made)
        self.table |= self._clipping()

    def _optimizer(self, record: OptimizerRecord, made: Sequence[Made]) -> None:
        """The settings, which must be those of all parameters.

        Raises:
            EngineError: the optimiser has no counterpart, or its groups have settings that layers can not have.
        """
        known = _SETTINGS.get(record.name)
        if known is None:
            message = _("the optimiser {name} has no counterpart here; there are: {known}{hint}")
            hint = suggest(record.name, list(_SETTINGS))
            raise EngineError(message.format(name=record.name, known=", ".join(_SETTINGS), hint=hint))
        groups = [group for group in record.groups if group.parameters]
        if not groups:
            raise EngineError(_("the optimiser {name} has no parameter of the model").format(name=record.name))
        first = groups[0].settings
        for key in (*known, "maximize", "decoupled_weight_decay"):
            if any(group.settings.get(key) != first.get(key) for group in groups):
                message = _("its groups of parameters differ in {key}, which all of a scenario have in common")
                raise EngineError(message.format(key=key))
        if first.get("maximize"):
            raise EngineError(_("the optimiser maximises; here E is made smaller"))
        self.table = {"optimizer": record.name.lower(), "learning_rate": self._number(first.get("lr"))}
        for key in known:
            if first.get(key) is not None:
                found = first[key]
                self.table[key] = [self._number(one) for one in found] if isinstance(found, list) else found
        if first.get("decoupled_weight_decay") and record.name != "AdamW":
            self.table["decoupled"] = True
        self._groups(groups, made)

    @staticmethod
    def _number(found: Any) -> float:
        if not isinstance(found, int | float):
            raise EngineError(_("a setting of the optimiser is a tensor, whose value the recording does not have"))
        return float(found)

    def _groups(self, groups: Sequence[Group], made: Sequence[Made]) -> None:
        """Rates and decay, which may differ from group to group, and parameters that are in none."""
        of = {name: group.settings for group in groups for name in group.parameters}
        decays: dict[Role, set[float]] = {Role.WEIGHT: set(), Role.BIAS: set()}
        rates: dict[int, set[float]] = {}
        for one in made:
            settings = of.get(self._draft.sources.owner(one.places))
            if settings is None or f"grad({self._draft.sources.owner(one.places)})" not in self._names:
                one.node.keys.setdefault("frozen", []).append(one.word)
                continue
            decays[one.role].add(self._number(settings.get("weight_decay", 0.0)))
            rates.setdefault(id(one.node), set()).add(self._number(settings.get("lr")))
        weights, biases = decays[Role.WEIGHT], decays[Role.BIAS]
        if len(weights) > 1 or len(biases) > 1 or (weights and biases and biases not in (weights, {0.0})):
            raise EngineError(
                _("its groups of parameters differ in weight_decay, which all of a scenario have in common")
            )
        decay = next(iter(weights or biases), 0.0)
        if decay or self.table["optimizer"] == "adamw":
            self.table["weight_decay"] = decay
        if weights and biases and weights != biases:
            self.table["decay_biases"] = False
        for one in made:
            found = rates.get(id(one.node), set())
            if len(found) > 1:
                message = _("layer {name} has parameters with different learning rates")
                raise EngineError(message.format(name=one.node.name))
            if found and found != {self.table["learning_rate"]}:
                one.node.keys["learning_rate"] = next(iter(found))

    def _memory(self, name: str, made: Sequence[Made]) -> None:
        """What is remembered of each parameter that is trained."""
        memory: dict[str, Any] = {}
        counts: set[float] = set()
        for one in made:
            owner = self._draft.sources.owner(one.places)
            if one.word in one.node.keys.get("frozen", ()):
                continue
            for state, stem in _REMEMBERED[name].items():
                if f"{state}({owner})" in self._names:
                    key = f"{stem}({one.name})"
                    self.tensors[key] = self._draft.sources.numbers(one.places, self._state(state))
                    memory[key] = key
            if name in _COUNTING:
                step = f"step({owner})"
                counts.add(float(self.floats(step).reshape(-1)[0]) if step in self._names else 0.0)
        if len(counts) > 1:
            raise EngineError(_("its parameters were updated different numbers of times"))
        if counts - {0.0}:
            memory["t"] = int(counts.pop())
        if memory:
            self.table["memory"] = memory

    def floats(self, name: str) -> NDArray[np.float64]:
        """The numbers of a value of the recording, by its name."""
        return self._recording.file.floats(self._names[name])

    def _state(self, state: str) -> Any:
        return lambda name: self.floats(f"{state}({name})")

    def _clipping(self) -> dict[str, float]:
        """How gradients were clipped between the backward pass and the update."""
        calls = self._recording.records.calls
        bases = [base_name(call.op) for call in calls]
        last = max((n for n, call in enumerate(calls) if call.phase == "backward"), default=0)
        for number in range(last + 1, len(calls)):
            call = calls[number]
            if bases[number] == "reciprocal" and number + 1 < len(calls) and bases[number + 1] == "mul":
                most = calls[number + 1].arguments.get("other")
                if isinstance(most, int | float):
                    return {"clip_norm": float(most)}
            if bases[number] in {"clamp", "clamp_min", "clamp_max"} and self._is_gradient(call.arguments.get("self")):
                bounds = [one for key, one in call.arguments.items() if key in {"min", "max", "scalar", "scalars"}]
                numbers = [abs(float(one)) for one in bounds if isinstance(one, int | float) and math.isfinite(one)]
                if numbers:
                    return {"clip_value": max(numbers)}
        return {}

    def _is_gradient(self, one: Any) -> bool:
        window = one[0] if isinstance(one, list) and one else one
        if not isinstance(window, Window):
            return False
        return self._recording.records.values[window.value].name.startswith("grad(")
