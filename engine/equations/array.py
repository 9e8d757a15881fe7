"""Arrays: the named tensors of one training iteration, whose scalars are the slots."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum


class Role(Enum):
    """What an array is in the network; notation and screens go by it, never by a name."""

    INPUT = "input"
    TARGET = "target"
    WEIGHT = "weight"
    BIAS = "bias"
    RATE = "learning rate"
    NET = "net input"
    OUT = "output"
    MAXIMUM = "maximum"
    EXPONENTIAL = "exponential"
    NORMALISER = "normaliser"
    LOSS = "loss term"
    TOTAL = "loss"
    SLOPE = "slope"
    GRADIENT = "gradient"
    UPDATED = "updated parameter"
    VALUE = "intermediate value"
    HYPER = "hyperparameter"
    MASK = "mask"
    MEMORY = "memory"


class Phase(StrEnum):
    """The part of an iteration that an op belongs to."""

    FORWARD = "forward"
    LOSS = "loss"
    BACKWARD = "backward"
    UPDATE = "update"


class Extent(Enum):
    """How often an op is revealed in an iteration."""

    SAMPLE = "sample"
    """One value per sample."""
    SUM = "sum"
    """One value per iteration, to which every sample contributes one step."""
    ONCE = "once"
    """One value and one step per iteration."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Array:
    """A named tensor of slots.

    Attributes:
        name: ASCII name, unique in a program: ``net_h``, ``W_o``, ``grad(W_o)``.
        shape: the shape; of a batched array the first axis is the sample.
        role: what it is.
        layer: the layer it belongs to; the input layer for inputs.
        batched: whether the first axis is the sample.
        of: the array that a gradient, a slope, an updated value or an optimiser's memory belongs to.
        stem: what its slots are called before the layer's name: ``net``, ``c``; empty where the name itself is used.
        sign: the stem as it is written on the screen, where that is not plain ASCII: ``μ`` for ``mu``.
        time: the time step, from 1, of an array that a recurrent layer makes; None elsewhere.
        timed: whether the first axis after the sample is time, so that its slots are called ``i2@3``.
        blocks: what the first axis is stacked of: ``("i", "f", "g", "o")``, the gates of an LSTM, in W_h[f1,2]; empty
            where it is not.
        nameless: whether nobody knows what its axes are: of an array of a recording.
    """

    name: str
    shape: tuple[int, ...]
    role: Role
    layer: str = ""
    batched: bool = False
    of: Array | None = None
    stem: str = ""
    sign: str = ""
    time: int | None = None
    timed: bool = False
    blocks: tuple[str, ...] = ()
    nameless: bool = False

    @property
    def size(self) -> int:
        """Number of slots."""
        size = 1
        for length in self.shape:
            size *= length
        return size

    @property
    def element_shape(self) -> tuple[int, ...]:
        """The shape without the sample axis."""
        return self.shape[1:] if self.batched else self.shape

    def __repr__(self) -> str:
        return f"<Array {self.name} {self.shape}>"
