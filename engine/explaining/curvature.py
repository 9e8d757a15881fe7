"""The curvature of E along a run: the largest eigenvalue of its Hessian, by gradients of the program itself.

    H·v = (∇E(w + h·v) − ∇E(w − h·v)) / 2h
    v ← H·v / ‖H·v‖,   λ = v·H·v,   until ‖H·v − λ·v‖ is small

Gradient descent on a parabola multiplies the error along v by 1 − η·λ with each update: it grows where η > 2 / λ.
The gradients are those that the program of the iteration gives for other parameters, with its own samples. H being
symmetric, it has an eigenvalue within ‖H·v − λ·v‖ of λ; this, and by how much another h changes H·v, is the error.

Source: LeCun, Simard, Pearlmutter 1993, Automatic learning rate maximization; LeCun et al. 1998, Efficient BackProp, 5.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.equations.array import Role
from retrograde.engine.network.frame import Frame
from retrograde.engine.travel.timeline import Timeline

ROUNDS = 40
"""Products with H at most."""

CLOSE = 1e-4
"""The residual, as a share of λ, at which an eigenvector is good enough; λ itself is then right to its square."""

_STEP = 2.0**-17
"""h, times max(1, ‖w‖); the cube root of the rounding of a gradient."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Curvature:
    """The largest curvature of E at the start of an iteration.

    Attributes:
        iteration: the iteration, from 0.
        largest: λmax, the largest eigenvalue of the Hessian of the iteration's E.
        error: how far the next eigenvalue may be from it at most.
        direction: its eigenvector, over the trained parameters as they stand in the state.
        products: how many products with the Hessian it took.
    """

    iteration: int
    largest: float
    error: float
    direction: Floats
    products: int

    @property
    def rate(self) -> float:
        """The learning rate above which gradient descent grows: 2 / λmax; infinite where E does not curve up."""
        return 2.0 / self.largest if self.largest > 0 else math.inf

    def growth(self, rate: float) -> float:
        """By what an update multiplies the error along the direction: 1 − η·λmax."""
        return 1.0 - rate * self.largest


def gradient(frame: Frame) -> Floats:
    """The gradients of all trained parameters, as they stand in the state."""
    program = frame.program
    pieces = []
    for array in program.state:
        if array.role is Role.MEMORY:
            continue
        made = program.named.get(f"grad({array.name})")
        pieces.append(np.zeros(array.size) if made is None else frame.array(made).reshape(-1))
    found: Floats = np.concatenate(pieces) if pieces else np.empty(0)
    return found


def curvature(timeline: Timeline, iteration: int) -> Curvature | None:
    """The largest curvature of an iteration's E; None where nothing is trained, or not all is finite.

    Args:
        timeline: the states of the run.
        iteration: the iteration, whose samples count.
    """
    state = timeline.state(iteration)
    start = gradient(timeline.frame(iteration))
    size = len(start)
    if not size or not np.all(np.isfinite(start)):
        return None
    compute = timeline.framer(iteration)
    step = _STEP * max(1.0, float(np.linalg.norm(state[:size])))

    def product(v: Floats, h: float = step) -> Floats:
        ends = []
        for sign in (h, -h):
            moved = np.array(state)
            moved[:size] += sign * v
            ends.append(gradient(compute(moved)))
        found: Floats = (ends[0] - ends[1]) / (2.0 * h)
        return found

    # Not the gradient alone: it may be orthogonal to the eigenvector, as that of a symmetric network is.
    norm = float(np.linalg.norm(start))
    seed = start / norm if norm > 0 else np.zeros(size)
    seed = seed + 0.01 * np.random.default_rng(0).standard_normal(size)
    found, rounds = _largest(product, seed, 0.0)
    if found is not None and found[0] < 0:
        # The most negative curvature hides the largest one: the same of H + |λ|.
        found, more = _largest(product, seed, -found[0])
        rounds += more
    if found is None:
        return None
    value, residual, v = found
    wobble = float(np.linalg.norm(product(v, 2.0 * step) - product(v)))
    return Curvature(iteration=iteration, largest=value, error=residual + wobble, direction=v, products=rounds + 2)


def _largest(
    product: Callable[[Floats], Floats], v: Floats, shift: float
) -> tuple[tuple[float, float, Floats] | None, int]:
    """The eigenvalue of H + shift that is largest in size, less the shift, by power iteration.

    Returns:
        The value, the residual and the vector, None where something is not finite; and the number of products.
    """
    v = v / np.linalg.norm(v)
    found: tuple[float, float, Floats] | None = None
    for number in range(1, ROUNDS + 1):
        with np.errstate(all="ignore"):
            image = product(v) + shift * v
        if not np.all(np.isfinite(image)):
            return None, number
        value = float(v @ image)
        residual = float(np.linalg.norm(image - value * v))
        found = (value - shift, residual, v)
        size = float(np.linalg.norm(image))
        if size == 0.0 or residual <= CLOSE * abs(value):
            return found, number
        v = image / size
    return found, ROUNDS


def growth_after(timeline: Timeline, iteration: int, found: Curvature) -> float:
    """By what the update of an iteration multiplies its own gradient along a direction of curvature, measured.

    Args:
        timeline: the states of the run.
        iteration: the iteration.
        found: the curvature there.

    Returns:
        v·∇E(w⁺) / v·∇E(w) over the same samples, NaN where there is none; 1 − η·λ on a parabola.
    """
    frame = timeline.frame(iteration)
    before = float(found.direction @ gradient(frame))
    after = float(found.direction @ gradient(timeline.framer(iteration)(frame.next_state)))
    return after / before if before else math.nan
