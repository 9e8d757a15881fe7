"""What is in a recording: the records of `step.json`, checked as they are read."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, FailFast, Field

STEP, VALUES = "step.json", "values.bin"
"""The two entries of the file, both stored as they are."""
ALIGNMENT = 64
"""Each array begins at a multiple of this in `values.bin`."""
MAX_AXES = 64
MAX_LENGTH = 2**48
MAX_STEP = 2**28
"""Bytes of the largest `step.json` that is read."""


class Kind(NamedTuple):
    """A type of number as it is stored.

    Attributes:
        stored: the NumPy type of the bytes.
        epsilon: from 1 to the next larger number; 0 where the numbers are whole.
        tiny: the smallest normal number.
        largest: the largest number.
    """

    stored: np.dtype[Any]
    epsilon: float = 0.0
    tiny: float = 0.0
    largest: float = math.inf


DTYPES: dict[str, Kind] = {
    "float64": Kind(np.dtype("<f8"), 2.0**-52, 2.0**-1022, float(np.finfo(np.float64).max)),
    "float32": Kind(np.dtype("<f4"), 2.0**-23, 2.0**-126, float(np.finfo(np.float32).max)),
    "float16": Kind(np.dtype("<f2"), 2.0**-10, 2.0**-14, 65504.0),
    "bfloat16": Kind(np.dtype("<u2"), 2.0**-7, 2.0**-126, float.fromhex("0x1.fep127")),
    "bool": Kind(np.dtype("u1")),
    "uint8": Kind(np.dtype("u1")),
    "int8": Kind(np.dtype("i1")),
    "int16": Kind(np.dtype("<i2")),
    "int32": Kind(np.dtype("<i4")),
    "int64": Kind(np.dtype("<i8")),
}
"""THE types that a recording can hold, by the name that PyTorch gives them."""


def as_float64(raw: NDArray[Any], dtype: str) -> NDArray[np.float64]:
    """Stored numbers as float64, which holds each exactly (whole numbers up to 2⁵³)."""
    if dtype == "bfloat16":
        return (raw.astype("<u4") << 16).view("<f4").astype(np.float64)
    with np.errstate(invalid="ignore"):
        return raw.astype(np.float64)


def product(shape: tuple[int, ...]) -> int:
    """How many elements a shape has."""
    return math.prod(shape)


Whole = Annotated[int, Field(ge=0, le=MAX_LENGTH)]
Shape = Annotated[tuple[Whole, ...], Field(max_length=MAX_AXES), FailFast()]


_ALL: set[str] = set()
"""Which fields of a trusted record were given: nothing that is done with records asks."""
_bare, _put = object.__new__, object.__setattr__


class _Record(BaseModel):
    """What all records have in common: nothing is converted, and nothing unknown is let in."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, ser_json_inf_nan="constants")

    @classmethod
    def trusted(cls, **fields: Any) -> Self:
        """A record whose fields are all given and known to be right: a step has thousands, and checks take time."""
        found = _bare(cls)
        _put(found, "__dict__", fields)
        _put(found, "__pydantic_fields_set__", _ALL)
        _put(found, "__pydantic_extra__", None)
        _put(found, "__pydantic_private__", None)
        return found


class Summary(_Record):
    """What is left of an array that is not in the file.

    Attributes:
        low: its smallest finite number; None where there is none.
        high: its largest.
        mean: the mean of its finite numbers.
        broken: how many are NaN or infinite.
    """

    low: float | None = None
    high: float | None = None
    mean: float | None = None
    broken: Whole = 0


class Value(_Record):
    """One version of one tensor.

    Attributes:
        name: its name, unique in the file.
        kind: what it is: a parameter, ..., what an op drew, or what an op made.
        dtype: its type, a name of ``DTYPES`` where its numbers are in the file.
        shape: its shape.
        strides: how far apart in memory its neighbours were along each axis, in elements.
        of: the name of the parameter that a gradient, a new value or an optimiser's memory belongs to.
        offset: where its numbers begin in `values.bin`, or the nudges of what is made again; None where nothing is.
        crc: the CRC-32 of its numbers; of some of them where it is made again.
        again: how the op that made it makes it again, bit for bit; None where its numbers are stored, or left out.
        summary: what is left where they are not.
        reason: why they are not.
    """

    name: Annotated[str, Field(min_length=1, max_length=500)]
    kind: Literal["parameter", "buffer", "state", "input", "drawn", "empty", "made"]
    dtype: Annotated[str, Field(max_length=40)]
    shape: Shape
    strides: Shape
    of: str | None = None
    offset: Whole | None = None
    crc: Annotated[int, Field(ge=0, lt=2**32)] = 0
    again: Literal["move", "plain", "fused", "lanes8", "lanes16"] | None = None
    summary: Summary | None = None
    reason: str | None = None

    @property
    def held(self) -> bool:
        """Whether its numbers are in the file, or made again of such that are."""
        return self.offset is not None or self.again is not None

    @property
    def size(self) -> int:
        """Number of elements."""
        return product(self.shape)


class Window(_Record):
    """A tensor, as a window on a value: element i is at ``offset`` + Σ i·strides in the memory of the value.

    Attributes:
        value: the number of the value.
        offset: where it begins, in elements.
        shape: its shape.
        strides: its strides, in elements.
    """

    value: Whole
    offset: Whole
    shape: Shape
    strides: Shape


class Result(_Record):
    """What an op made.

    Attributes:
        position: which of its results, from 0.
        item: which of a list, of an op that takes lists of tensors.
        to: the version that it made, and the part of it that it wrote.
        old: the version whose other elements stay; None where it wrote all.
    """

    position: Whole
    item: Whole | None = None
    to: Window
    old: Whole | None = None


class Source(_Record):
    """A line of the user's own code."""

    file: str
    line: Whole
    function: str
    text: str


Scalar = bool | int | float | str | None
Argument = Window | Scalar | list[Window | Scalar | list[Window | Scalar]]
"""An argument; a list of lists is as deep as operators of PyTorch go."""


class Call(_Record):
    """One op, as it ran.

    Attributes:
        op: its full name: ``aten.mm.default``.
        phase: the phase of the training step.
        module: the path of the module, empty outside of all.
        node: the node of the backward pass: ``SqrtBackward0``.
        source: the number of the line in ``sources``, of the forward op for a node of the backward pass.
        forward: the op whose gradient it belongs to, by its number.
        arguments: all arguments by name, defaults filled in.
        results: what it made.
        recomputed: whether it is a forward op that ran again in the backward pass.
    """

    op: Annotated[str, Field(min_length=1, max_length=300)]
    phase: Literal["forward", "loss", "backward", "update"]
    module: str = ""
    node: str = ""
    source: Whole | None = None
    forward: Whole | None = None
    arguments: dict[str, Argument]
    results: Annotated[list[Result], FailFast()]
    recomputed: bool = False


class Group(_Record):
    """Some parameters of an optimiser, and its settings for them.

    Attributes:
        parameters: their names.
        settings: the settings, by PyTorch's names; a tensor is a text.
    """

    parameters: list[str]
    settings: dict[str, Scalar | list[Scalar]]


class OptimizerRecord(_Record):
    """An optimiser, as it was before the step.

    Attributes:
        name: the name of its class.
        groups: its groups of parameters.
    """

    name: Annotated[str, Field(max_length=200)]
    groups: list[Group]


class StepFile(_Record):
    """All of `step.json`.

    Attributes:
        torch: the version of PyTorch that ran.
        device: what the tensors were on, for people.
        notes: what a reader should know: what was left out, and why.
        values: all versions of all tensors.
        calls: the ops in the order in which they ran.
        sources: lines of the user's code.
        optimizers: the optimisers with their settings.
    """

    format: Literal["retrograde recording"]
    version: Literal[1]
    torch: str
    device: str = "cpu"
    notes: Annotated[list[str], FailFast()] = []
    values: Annotated[list[Value], FailFast()]
    calls: Annotated[list[Call], FailFast()]
    sources: Annotated[list[Source], FailFast()]
    optimizers: list[OptimizerRecord] = []
