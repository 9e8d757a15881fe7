"""What is looked at while a training goes on: losses, gradients, and the state, in which a NaN stays once it is there.

Nothing is read from the device before a whole window of steps has run: reading waits for it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch.utils._python_dispatch import _disable_current_modes

from retrograde.engine.text import _
from retrograde.torch.checkpoints import Parts

_BEFORE = 20
"""So many values of a loss have to be known before one can be said to have jumped."""
_PATIENCE = 30
"""So many steps that a scaler skips in a row are no search for its scale any more."""
_MOST = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """What was found at a step.

    Attributes:
        step: the step, counted from 1.
        text: what it is, in words.
        jump: whether all is finite and something is far too large.
    """

    step: int
    text: str
    jump: bool = False


@dataclass(slots=True)
class _Series:
    """The values of one loss or norm: how many were seen, and the largest."""

    seen: int = 0
    largest: float = 0.0

    def jumped(self, value: float, factor: float | None) -> float | None:
        """The largest before, where a value is more than so many times larger; else the value is one of them."""
        if factor is not None and self.seen >= _BEFORE and value > factor * self.largest > 0:
            return self.largest
        self.seen += 1
        self.largest = max(self.largest, abs(value))
        return None


@dataclass(slots=True)
class _Marked:
    """What was caught in one step, still on the device."""

    step: int
    losses: list[Any] = field(default_factory=list)
    norms: list[Any] = field(default_factory=list)
    scale: Any = None


class Limits(NamedTuple):
    """How many times larger than all before is a jump; None where none is one."""

    loss: float | None
    gradient: float | None


class Roots:
    """Catches each loss: the single numbers that `backward()` is called on, as they are when it is."""

    def __init__(self, caught: Callable[[Any], None]) -> None:
        self._caught = caught
        self._before: Any = None
        self._ours: Any = None

    def install(self) -> None:
        """Stands before `torch.autograd.backward`, which `Tensor.backward` calls."""
        self._before = before = torch.autograd.backward

        def backward(tensors: Any, *given: Any, **options: Any) -> Any:
            if isinstance(tensors, torch.Tensor) and tensors.numel() == 1:
                self._caught(tensors)
            return before(tensors, *given, **options)

        self._ours = torch.autograd.backward = backward

    def remove(self) -> None:
        """Steps aside again."""
        if self._ours is not None and torch.autograd.backward is self._ours:
            torch.autograd.backward = self._before
        self._ours = None


class Vitals:
    """Watches one training.

    Attributes:
        log: the losses of each step since the checkpoint, as they were when it first ran.
        skipped: how many steps the scaler of gradients has skipped.
        sees_loss: whether any loss was seen at all.
    """

    def __init__(self, parts: Parts, limits: Limits) -> None:
        self._loud = False
        self._scaler: Any = None
        self.log: dict[int, tuple[float, ...]] = {}
        self.skipped = 0
        self.sees_loss = False
        self._parts, self._limits = parts, limits
        self._now = _Marked(0)
        self._told = False
        self._pending: list[_Marked] = []
        self._losses: list[_Series] = []
        self._norms = _Series()
        self._scale: float | None = None
        self._in_a_row = 0
        self._kept: tuple[Any, ...] = ()
        self._excused: set[int] = set()
        self._roots = Roots(self._rooted)
        self._handles: list[Any] = []

    def begin(self) -> None:
        """Hooks into `backward` and the optimisers."""
        self._roots.install()
        self._scaler = self._parts.scaler
        if self._limits.gradient is not None:
            self._listen()

    def turn(self, *, loud: bool) -> None:
        """Has the gradients looked at as well, each before the optimiser uses it, or no longer."""
        self._loud = loud
        if loud:
            self._listen()

    def _listen(self) -> None:
        if self._handles:
            return
        self._handles = [one.register_step_pre_hook(self._before_update) for one in self._parts.optimizers]

    def leave(self) -> None:
        """Takes every hook away again."""
        self._roots.remove()
        for handle in self._handles:
            handle.remove()
        self._handles = []

    def excuse(self) -> None:
        """Buffers that are not finite from the start are meant to be: masks of −∞."""
        buffers = {id(one) for model in self._parts.models for one in model.buffers()}
        state = self._parts.floats()
        self._excused |= {id(one.tensor) for one in state if id(one.tensor) in buffers and not _is_finite(one.tensor)}

    def told(self, loss: Any) -> None:
        """A loss that the user names; those that `backward` is called on do not count then."""
        if not self._told:
            self._told, self._now.losses = True, []
        self._add(loss)

    def _rooted(self, loss: Any) -> None:
        if not self._told:
            self._add(loss)

    def _add(self, loss: Any) -> None:
        self.sees_loss = True
        value = loss.detach() if isinstance(loss, torch.Tensor) else torch.tensor(float(loss))
        if self._scaler is not None and self._scaler._scale is not None:
            with _disable_current_modes(), torch.no_grad():
                scale = self._scaler._scale.detach()
                self._now.scale = scale.clone()
                if not self._told:
                    value = value / scale
        self._now.losses.append(value if value.dim() == 0 else value.reshape(()))

    def _before_update(self, optimizer: Any, *_given: Any) -> None:
        if not self._loud and self._limits.gradient is None:
            return
        found_inf = getattr(optimizer, "found_inf", None)
        if isinstance(found_inf, torch.Tensor) and found_inf.item():
            return  # A fused optimiser under a scaler that leaves this step out.
        grads = [one.grad for group in optimizer.param_groups for one in group["params"] if one.grad is not None]
        grads = [one for one in grads if one.layout == torch.strided]
        if grads:
            with _disable_current_modes(), torch.no_grad():
                self._now.norms.append(_norm(grads))

    def mark(self, step: int) -> None:
        """A step is over: what was caught is its."""
        self._now.step = step
        self._pending.append(self._now)
        self._now = _Marked(0)

    def drop(self) -> None:
        """What was caught of a step that did not end is none."""
        self._now = _Marked(0)

    def keep(self) -> None:
        """Remembers what is known now, at a checkpoint."""
        self.log.clear()
        series = tuple(_Series(one.seen, one.largest) for one in self._losses)
        self._kept = (series, _Series(self._norms.seen, self._norms.largest), self._scale, self._in_a_row, self.skipped)

    def back(self) -> None:
        """Knows again what was known at the checkpoint."""
        self._pending.clear()
        self.drop()
        losses, norms, self._scale, self._in_a_row, self.skipped = self._kept
        self._losses = [_Series(one.seen, one.largest) for one in losses]
        self._norms = _Series(norms.seen, norms.largest)

    def read(self) -> tuple[list[Alarm], dict[int, tuple[float, ...]]]:
        """Looks at the steps since the last look; gives what is wrong, and the losses by step."""
        pending, self._pending = self._pending, []
        numbers = _read([one for marked in pending for one in (*marked.losses, *marked.norms)])
        scales = _read([marked.scale for marked in pending if marked.scale is not None])
        alarms: list[Alarm] = []
        losses: dict[int, tuple[float, ...]] = {}
        for marked in pending:
            mine = tuple(next(numbers) for _loss in marked.losses)
            losses[marked.step] = mine
            if marked.scale is not None:
                self._scaled(next(scales))
            alarms += self._of_losses(marked, mine)
            for _each in marked.norms:
                alarms += self._of_gradient(marked.step, next(numbers))
            if self._in_a_row == _PATIENCE:
                text = _("the scaler of gradients has skipped {count} steps in a row").format(count=_PATIENCE)
                alarms.append(Alarm(step=marked.step, text=text))
        return alarms, losses

    def _scaled(self, scale: float) -> None:
        """Counts the step before, if the scaler has made its scale smaller since: then it skipped that step."""
        skipped = self._scale is not None and scale < self._scale
        self._scale = scale
        self.skipped += skipped
        self._in_a_row = self._in_a_row + 1 if skipped else 0

    def _of_losses(self, marked: _Marked, losses: tuple[float, ...]) -> list[Alarm]:
        for number, value in enumerate(losses):
            if number == len(self._losses):
                self._losses.append(_Series())
            if not math.isfinite(value):
                if marked.scale is not None and not self._told:
                    continue  # A loss that was scaled may overflow: the scaler skips that step on purpose.
                return [Alarm(step=marked.step, text=_("the loss is {value}").format(value=value))]
            before = self._losses[number].jumped(value, self._limits.loss)
            if before is not None:
                text = _("the loss jumped to {value:.6g}; the largest before was {before:.6g}")
                return [Alarm(step=marked.step, text=text.format(value=value, before=before), jump=True)]
        return []

    def _of_gradient(self, step: int, norm: float) -> list[Alarm]:
        if not math.isfinite(norm):
            return [Alarm(step=step, text=_("a gradient is not finite"))]
        before = self._norms.jumped(norm, self._limits.gradient)
        if before is None:
            return []
        text = _("the norm of the gradients jumped to {value:.6g}; the largest before was {before:.6g}")
        return [Alarm(step=step, text=text.format(value=norm, before=before), jump=True)]

    def broken(self, step: int) -> list[Alarm]:
        """Whether parameters, buffers and the optimisers' memory are finite."""
        state = [one for one in self._parts.floats() if id(one.tensor) not in self._excused]
        if not state or math.isfinite(float(_norm([one.tensor for one in state]))):
            return []
        # A norm can overflow though all numbers are finite.
        names = [one.name for one in state if not _is_finite(one.tensor)]
        if not names:
            return []
        listed = ", ".join(names[:_MOST]) + (" …" if names[_MOST:] else "")
        return [Alarm(step=step, text=_("not finite after it: {names}").format(names=listed))]


def _norm(tensors: list[Any]) -> Any:
    """The norm of many tensors, a single number that stays where they are."""
    with torch.no_grad():
        norms = torch._foreach_norm(tensors)
        first = norms[0]
        return torch.linalg.vector_norm(torch.stack([one.to(first.device, torch.float32) for one in norms]))


def _is_finite(tensor: Any) -> bool:
    return bool(torch.isfinite(tensor.detach()).all())


def _read(numbers: list[Any]) -> Any:
    """The values of many single numbers, in one transfer for each type and device that there is."""
    found: list[float] = [0.0] * len(numbers)
    kinds: dict[Any, list[int]] = {}
    for place, one in enumerate(numbers):
        kinds.setdefault((one.dtype, one.device), []).append(place)
    for places in kinds.values():
        stacked = torch.stack([numbers[place] for place in places]).double().tolist()
        for place, value in zip(places, stacked, strict=True):
            found[place] = value
    return iter(found)
