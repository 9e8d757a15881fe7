"""What is seen of one observed iteration: its frame, every unit over all data before it, and their numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.explaining.detectors.data import constant_loss
from retrograde.engine.explaining.nonfinite import is_sound
from retrograde.engine.network.frame import Frame, gradient_norm
from retrograde.engine.travel.timeline import total_loss

if TYPE_CHECKING:
    from retrograde.engine.equations.array import Array
    from retrograde.engine.explaining.detectors.case import Case, Weighed


def rms(pieces: list[Floats]) -> float:
    """The root mean square of all elements; 0 of none."""
    count = sum(piece.size for piece in pieces)
    if not count:
        return 0.0
    largest = max(float(np.abs(piece).max(initial=0.0)) for piece in pieces)
    if largest == 0.0 or not math.isfinite(largest):
        return largest
    return largest * math.sqrt(math.fsum(float(np.square(piece / largest).sum()) for piece in pieces) / count)


class Sight:
    """An observed iteration. What is large is made when it is asked for and let go with ``let_go``; numbers stay.

    Args:
        case: the training.
        iteration: the iteration, from 0.
        first: what was seen of the first one; None where this is it.
        frame: every value of the iteration, where it is at hand.

    Attributes:
        case: the training.
        iteration: the iteration.
    """

    def __init__(self, case: Case, iteration: int, first: Sight | None = None, frame: Frame | None = None) -> None:
        self.case = case
        self.iteration = iteration
        self._first = first
        if frame is not None:
            self.__dict__["frame"] = frame

    @property
    def first(self) -> Sight:
        """What was seen of the first iteration."""
        return self._first or self

    @cached_property
    def frame(self) -> Frame:
        """Every value of the iteration."""
        return self.case.timeline.frame(self.iteration)

    @cached_property
    def view(self) -> Frame:
        """Every unit for every sample, with the weights before the iteration."""
        return self.case.evaluated(self.frame.flat[: self.frame.program.state_size])

    def let_go(self) -> None:
        """Lets the large arrays go, once the numbers that the whole run is judged by are made."""
        for name in ("loss", "norm", "rate", "sizes", "updates", "held_out", "sound"):
            getattr(self, name)
        for name in ("frame", "view"):
            self.__dict__.pop(name, None)

    @cached_property
    def rate(self) -> float:
        """η, without what a schedule makes of it."""
        return float(self.frame.array(self.case.network.rate))

    @cached_property
    def sound(self) -> bool:
        """Whether E, the gradients and the new weights are finite."""
        return is_sound(self.frame)

    @cached_property
    def loss(self) -> float:
        """E over all samples, before the iteration."""
        return total_loss(self.view)

    @cached_property
    def held_out(self) -> float:
        """E over the samples that are held out, before the iteration; NaN where none are."""
        if self.case.network.held_columns is None:
            return math.nan
        return self.case.timeline.held_out_loss(self.frame.flat[: self.frame.program.state_size])

    @property
    def share(self) -> float:
        """E as a share of E0; NaN where that tells nothing."""
        start = self.first.loss
        return self.loss / start if start > 0 and self.case.outputs else math.nan

    @property
    def learning(self) -> bool:
        """Whether there is something left to learn: E > 0.1 · E0."""
        return not self.share <= 0.1

    @property
    def stalled(self) -> bool:
        """Whether a gradient of 0 is no minimum: E is that of a constant output, or no sample has a gradient.

        At a minimum the samples have gradients that cancel, and E is less.
        """
        if self.loss >= 0.99 * constant_loss(self.case):
            return True
        named = self._named
        names = [f"grad({kind}_{output.layer.name})" for output in self.case.outputs for kind in ("net", "out")]
        found = [self.frame.array(named[name]) for name in names if name in named]
        return bool(found) and rms(found[:1]) < 1e-7

    @cached_property
    def norm(self) -> float:
        """The norm of all gradients."""
        return gradient_norm(self.frame)

    @cached_property
    def gradients(self) -> Mapping[str, float]:
        """The root mean square of the gradient of the weights of each layer that has one."""
        found = {}
        for layer in self.case.weighed:
            own = [self.frame.array(array) for array in self._of(layer, "grad")]
            if own:
                found[layer.layer] = rms(own)
        return found

    @cached_property
    def sizes(self) -> Mapping[str, float]:
        """The root mean square of the weights of each layer."""
        return {one.layer: rms([self.frame.array(array) for array in one.weights]) for one in self.case.weighed}

    @cached_property
    def updates(self) -> Mapping[str, float]:
        """By how much of their size each layer's weights are changed; of layers whose weights are not all 0.

        Their size at the start counts where they are smaller now: weights that go through 0 are no fault.
        """
        found = {}
        for layer in self.case.weighed:
            size = max(self.sizes[layer.layer], self.first.sizes[layer.layer])
            moved = [self._moved(array) for array in layer.weights if f"new({array.name})" in self._named]
            if size > 0 and moved:
                found[layer.layer] = rms(moved) / size
        return found

    @property
    def changed(self) -> bool:
        """Whether any trained weight is another one after the iteration; a bias of 0 takes any step."""
        weights = [array for layer in self.case.weighed for array in layer.weights]
        return any(bool(np.any(self._moved(array))) for array in weights if f"new({array.name})" in self._named)

    @property
    def _named(self) -> Mapping[str, Array]:
        return self.frame.program.named

    def _moved(self, array: Array) -> Floats:
        with np.errstate(all="ignore"):
            return self.frame.array(self._named[f"new({array.name})"]) - self.frame.array(array)

    def _of(self, layer: Weighed, what: str) -> list[Array]:
        return [made for array in layer.weights if (made := self._named.get(f"{what}({array.name})")) is not None]
