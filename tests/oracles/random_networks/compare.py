"""What the engine computed against what a reference computed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from tests.oracles.random_networks.engine_side import Observed
from tests.oracles.random_networks.walk import Floats, Iteration

RELATIVE = 1e-9
ROUNDING = 1e-15
"""What a value may be off by, as a part of the largest number of the iteration.

A gradient can be a small difference of larger numbers: out − t, or the sum over a softmax, which is 0 but for rounding.
Its error is then a few units in the last place (2.2e-16) of those numbers, however small it is itself.
"""


@dataclass(frozen=True)
class Difference:
    """A value that is off.

    Attributes:
        iteration: the iteration, from 0.
        name: the array; ``after`` is before the name of a parameter after the update.
        found: what the engine has.
        wanted: what the reference has.
        error: how far they are apart, as a part of what is allowed.
    """

    iteration: int
    name: str
    found: Floats
    wanted: Floats
    error: float

    def __str__(self) -> str:
        found, wanted = (np.array2string(values.ravel()[:4], precision=17) for values in (self.found, self.wanted))
        return (
            f"iteration {self.iteration + 1}, {self.name}: {found} for {wanted}, {self.error:.3g} times the tolerance"
        )


@dataclass
class Verdict:
    """What became of a comparison.

    Attributes:
        values: how many numbers were compared.
        iterations: in how many iterations.
        relative: the largest relative error, of numbers that are not small beside the largest of their iteration.
        error: the largest error, as a part of what is allowed.
        differences: what is off.
        silent: what the reference had no word on.
    """

    values: int = 0
    iterations: int = 0
    relative: float = 0.0
    error: float = 0.0
    differences: list[Difference] = field(default_factory=list)
    silent: list[str] = field(default_factory=list)

    def add(self, other: Verdict) -> None:
        """Counts another comparison in."""
        self.values += other.values
        self.iterations += other.iterations
        self.relative = max(self.relative, other.relative)
        self.error = max(self.error, other.error)
        self.differences += other.differences
        self.silent += other.silent


def allowance(wanted: Floats, largest: float) -> Floats:
    """How far a value may be off."""
    return np.asarray(RELATIVE * np.abs(wanted) + ROUNDING * largest)


def compare(seen: Observed, reference: Sequence[Iteration]) -> Verdict:
    """Every value that both sides have."""
    verdict = Verdict(iterations=len(reference))
    assert len(reference) == len(seen.iterations)
    for number, (found, wanted) in enumerate(zip(seen.iterations, reference, strict=True)):
        verdict.silent += sorted(seen.wanted[number] - set(wanted.values))
        verdict.silent += sorted(set(seen.given.trainable) - set(wanted.after))
        largest = seen.largest[number]
        for names, prefix in ((wanted.values, ""), (wanted.after, "after ")):
            ours = found.after if prefix else found.values
            for name, value in names.items():
                if name in ours:
                    _compared(verdict, number, prefix + name, ours[name], value, largest)
    return verdict


def _compared(verdict: Verdict, number: int, name: str, found: Floats, wanted: Floats, largest: float) -> None:
    if found.shape != wanted.shape:
        verdict.differences.append(Difference(number, f"{name}: shapes", found, wanted, np.inf))
        return
    off = np.abs(found - wanted)
    verdict.values += found.size
    with np.errstate(divide="ignore", invalid="ignore"):
        error = float(np.max(off / allowance(wanted, largest), initial=0.0))
        large = np.abs(wanted) > 1e-6 * largest
        relative = float(np.max(off[large] / np.abs(wanted)[large], initial=0.0))
    verdict.relative, verdict.error = max(verdict.relative, relative), max(verdict.error, error)
    # A NaN is larger than nothing, and has to be seen.
    if not error <= 1.0:
        verdict.differences.append(Difference(number, name, found, wanted, error))
