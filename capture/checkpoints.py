"""The state of a training, kept and put back: tensors into buffers that are ready, and all random number generators."""

from __future__ import annotations

import copy
import itertools
import random
import sys
from collections.abc import Iterator
from operator import is_
from typing import Any, NamedTuple

import torch

_FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
_FIXED = frozenset({int, float, bool, str, type(None)})
_WORDS = {1: torch.int8, 2: torch.int16, 4: torch.int32, 8: torch.int64}


class Named(NamedTuple):
    """A tensor of the state, and what people call it."""

    name: str
    tensor: Any


class Parts:
    """What training changes, sorted by how it is kept: everything that was passed to the watch.

    Attributes:
        models: modules, with their parameters, gradients, buffers and modes.
        optimizers: optimisers, with their memory and settings.
        others: whatever else has a `state_dict`: schedulers, scalers, averages.
        generators: generators of random numbers, of PyTorch or NumPy.
    """

    def __init__(self, parts: tuple[Any, ...]) -> None:
        self.models = [one for one in parts if isinstance(one, torch.nn.Module)]
        self.optimizers = [one for one in parts if isinstance(one, torch.optim.Optimizer)]
        self.generators = [one for one in parts if isinstance(one, torch.Generator) or hasattr(one, "bit_generator")]
        sorted_out = {id(one) for one in (*self.models, *self.optimizers, *self.generators)}
        self.others = [one for one in parts if one is not None and id(one) not in sorted_out]
        for one in self.others:
            if not hasattr(one, "state_dict") or not hasattr(one, "load_state_dict"):
                raise TypeError(f"watch takes what has a state_dict, or a generator, not {type(one).__name__}")

    @property
    def scaler(self) -> Any:
        """The scaler of gradients; None without one."""
        return next((one for one in self.others if isinstance(one, torch.amp.GradScaler) and one.is_enabled()), None)

    def names(self) -> dict[int, str]:
        """What each parameter is called, by its identity."""
        found: dict[int, str] = {}
        for number, model in enumerate(self.models):
            root = "" if len(self.models) == 1 else f"model{number + 1}."
            for name, tensor in model.named_parameters():
                found.setdefault(id(tensor), root + name)
        return found

    def floats(self) -> list[Named]:
        """The parameters, the buffers and the optimisers' memory that have to stay finite."""
        names = self.names()
        found = {id(one): Named(names[id(one)], one) for model in self.models for one in model.parameters()}
        for model in self.models:
            found |= {id(one): Named(name, one) for name, one in model.named_buffers()}
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                for one in group["params"]:
                    found.setdefault(id(one), Named(names.get(id(one), "parameter"), one))
                    state = optimizer.state.get(one)
                    for key, part in state.items() if isinstance(state, dict) else ():
                        if isinstance(part, torch.Tensor) and part.numel() > 1:
                            found[id(part)] = Named(f"{key}({names.get(id(one), 'parameter')})", part)
        return [one for one in found.values() if one.tensor.dtype in _FLOATS and one.tensor.layout == torch.strided]


class Chance:
    """The states of all generators of random numbers: PyTorch's on every device, Python's, NumPy's, and one's own."""

    def __init__(self, generators: list[Any]) -> None:
        self._torch = torch.get_rng_state()
        self._cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else None
        self._mps = torch.mps.get_rng_state() if torch.backends.mps.is_available() else None
        self._python = random.getstate()
        numpy = sys.modules.get("numpy")
        self._numpy = None if numpy is None else numpy.random.get_state()
        self._own = [(one, _generator_state(one)) for one in generators]

    def give(self, *, torch_state: Any = None) -> None:
        """Puts them back."""
        torch.set_rng_state(self._torch if torch_state is None else torch_state)
        if self._cuda is not None:
            torch.cuda.set_rng_state_all(self._cuda)
        if self._mps is not None:
            torch.mps.set_rng_state(self._mps)
        random.setstate(self._python)
        if self._numpy is not None:
            sys.modules["numpy"].random.set_state(self._numpy)
        for one, state in self._own:
            if isinstance(one, torch.Generator):
                one.set_state(state)
            else:
                one.bit_generator.state = copy.deepcopy(state)


def _generator_state(one: Any) -> Any:
    return one.get_state() if isinstance(one, torch.Generator) else copy.deepcopy(one.bit_generator.state)


_Slot = tuple[dict[Any, Any], Any, Any]
"""A value of the state: the dictionary of a module or of an optimiser that it hangs in, under which key, and which copy
is its (of what is no tensor, the copy itself)."""


class Checkpoint:
    """One moment of a training, to go back to; saved again and again into the same memory."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._copies: list[Any] = []
        self._seen: list[Any] = []
        self._given: list[bool] = []
        self._live: list[Any] = []
        self._slots: list[_Slot] = []
        self._plain: list[_Slot] = []
        self._gradients: list[tuple[Any, int | None]] = []
        self._known: list[tuple[Any, set[int]]] = []
        self._groups: list[tuple[dict[str, Any], dict[str, Any]]] = []
        self._others: list[tuple[Any, Any]] = []
        self._modes: list[tuple[Any, bool]] = []
        self._trained: list[tuple[Any, bool]] = []
        self._modules: list[Any] = []
        self._parameters: list[Any] = []

    def begin(self) -> None:
        """Looks for the modules anew: they stay what they are during a pass over the loader."""
        models = self._parts.models
        self._modules = list(dict.fromkeys(one for model in models for one in model.modules()))
        self._parameters = list(dict.fromkeys(one for model in models for one in model.parameters()))
        self._seen, self._given, self._copies = [], [], []

    def save(self) -> None:
        """Keeps the state as it is now."""
        seen = [one for owner in self._owners() for pair in owner.items() for one in pair]
        grads = [one.grad for one in self._parameters]
        given = [one is not None for one in grads]
        if given != self._given or len(seen) != len(self._seen) or not all(map(is_, seen, self._seen)):
            self._lay_out(grads)
            self._seen, self._given = seen, given
        else:
            self._plain = [(owner, key, _copied(owner[key])) for owner, key, _one in self._plain]
        self._copy([*self._live, *(one for one in grads if one is not None)])
        self._known = [(one, set(map(id, one.state))) for one in self._parts.optimizers]
        self._groups = [
            (group, {key: _copied(one) for key, one in group.items() if key != "params"})
            for optimizer in self._parts.optimizers
            for group in optimizer.param_groups
        ]
        self._others = [(one, copy.deepcopy(one.state_dict())) for one in self._parts.others]
        self._modes = [(one, one.training) for one in self._modules]
        self._trained = [(one, one.requires_grad) for one in self._parameters]

    def _lay_out(self, grads: list[Any]) -> None:
        """Finds out which copy is whose; it stays so while the same values hang in the same places."""
        self._slots, self._plain = [], []
        live: dict[int, Any] = {}
        places: dict[int, int] = {}
        for owner in self._owners():
            for key, one in owner.items():
                if isinstance(one, torch.Tensor):
                    live[id(one)] = one
                    self._slots.append((owner, key, places.setdefault(id(one), len(places))))
                elif one is not None:
                    self._plain.append((owner, key, _copied(one)))
        self._live, self._copies = list(live.values()), []
        # A gradient is a new tensor at each step, of the shape and type of its parameter.
        numbers = itertools.count(len(live))
        self._gradients = [
            (one, None if grad is None else next(numbers)) for one, grad in zip(self._parameters, grads, strict=True)
        ]

    def restore(self) -> None:
        """Puts the state back as it was, into the same tensors where they are still there."""
        for optimizer, known in self._known:
            for key in [key for key in optimizer.state if id(key) not in known]:
                del optimizer.state[key]
        with torch.no_grad():
            for owner, key, place in self._slots:
                kept, now = self._copies[place], owner.get(key)
                if isinstance(now, torch.Tensor) and now.shape == kept.shape and now.dtype == kept.dtype:
                    now.copy_(kept)
                elif isinstance(now, torch.nn.Parameter):
                    now.data = kept.clone()
                else:
                    owner[key] = kept.clone()
            for parameter, at in self._gradients:
                parameter.grad = None if at is None else self._copies[at].clone()
        for owner, key, one in self._plain:
            owner[key] = _copied(one)
        for group, settings in self._groups:
            _settle(group, settings)
        for one, state in self._others:
            one.load_state_dict(copy.deepcopy(state))
        for module, mode in self._modes:
            module.training = mode
        for parameter, wanted in self._trained:
            if parameter.requires_grad != wanted:
                parameter.requires_grad_(wanted)

    def _owners(self) -> Iterator[dict[Any, Any]]:
        """The dictionaries at which the values of modules and of optimisers hang."""
        for module in self._modules:
            yield module._parameters
            yield module._buffers
        for optimizer in self._parts.optimizers:
            yield from (state for state in optimizer.state.values() if isinstance(state, dict))

    def _copy(self, live: list[Any]) -> None:
        with torch.no_grad():
            if self._copies:
                torch._foreach_copy_(self._copies, live)
            else:
                self._copies = [one.detach().clone() for one in live]


def _copied(one: Any) -> Any:
    """A value of its own; of what can not be changed it is the value itself."""
    return one if type(one) in _FIXED else copy.deepcopy(one)


def _settle(group: dict[str, Any], settings: dict[str, Any]) -> None:
    """The settings of a group of parameters as they were; a rate that is a tensor keeps its place in memory."""
    for key, one in settings.items():
        now = group.get(key)
        if isinstance(now, torch.Tensor) and isinstance(one, torch.Tensor):
            now.copy_(one)
        else:
            group[key] = _copied(one)


def checksum(tensors: list[Any]) -> Any:
    """A number for each tensor that changes with every bit of it; they stay where the tensors are."""
    if not tensors:
        return torch.zeros(0, dtype=torch.int64)
    with torch.no_grad():
        sums = [one.detach().view(_WORDS[one.element_size()]).sum() for one in tensors]
    return torch.stack([one.to(sums[0].device) for one in sums])
