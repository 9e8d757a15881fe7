"""The table of pictures: which function makes the pictures of a step, by the class of its op."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, TypeAlias

from retrograde.engine.ops.base import Op, Part
from retrograde.engine.ops.gradient import Gradient

if TYPE_CHECKING:
    from retrograde.engine.explaining.step import Step
    from retrograde.tui.reading.reading import Reading
    from retrograde.tui.records.pictures import Picture

    Maker: TypeAlias = Callable[[Reading, Step, int], tuple[Picture, ...]]
    """Makes the pictures of a step, from above; the number is how many significant digits are shown."""

    Table: TypeAlias = dict[type[Op | Part], Maker]


_OPS = "retrograde.engine.ops."

FILES: Mapping[str, tuple[str, ...]] = {
    "activation": ("activation",),
    "attention": ("attention", "contract", "softmax"),
    "batch": ("batch_norm",),
    "convolution": ("conv",),
    "embedding": ("embedding",),
    "layer_norm": ("layer_norm", "scale_shift"),
    "mask": ("dropout",),
    "pooling": ("blend", "pool", "resample"),
    "recurrent": ("activation", "cells", "recurrent"),
    "terms": ("base",),
    "update": ("update.appending",),
}
"""The files of this package with pictures, and the files of ops whose classes each has in its ``PICTURES``."""


@cache
def pictures() -> Table:
    """All rows of the table: the ``PICTURES`` of every file.

    Raises:
        LookupError: two files claim the same class, or one has a class of a file of ops that it does not name.
    """
    found: Table = {}
    for file, places in FILES.items():
        for kind, maker in _rows(file).items():
            if kind in found or kind.__module__ not in {f"{_OPS}{place}" for place in places}:
                message = f"two pictures of {kind.__name__}, or none of its file"
                raise LookupError(message)
            found[kind] = maker
    return found


def _rows(file: str) -> Table:
    rows: Table = import_module(f"{__package__}.{file}").PICTURES
    return rows


@cache
def rows_of(module: str) -> Table:
    """The rows for the classes of a module; only the files that name it are loaded, which a key may wait for.

    Args:
        module: the full name of the module of ops.
    """
    place = module.removeprefix(_OPS)
    files = (file for file, places in FILES.items() if place in places)
    return {kind: maker for file in files for kind, maker in _rows(file).items()}


def maker_of(op: Op) -> Maker | None:
    """The function that makes the pictures of an op's steps.

    A gradient is pictured by what it is the gradient of: by the first of its parts whose class has a row. Otherwise
    the nearest class of the op that has a row decides; the row of ``Op`` itself serves every op without one.
    """
    classes: list[type] = []
    if isinstance(op, Gradient):
        classes += [kind for part in op.parts for kind in type(part).__mro__]
    classes += type(op).__mro__
    makers = (rows_of(kind.__module__).get(kind) for kind in classes)
    return next((maker for maker in makers if maker is not None), None)


def pictures_of(reading: Reading, step: Step, digits: int) -> tuple[Picture, ...]:
    """The pictures of the step on the screen, from above.

    Args:
        reading: the reading.
        step: its step.
        digits: significant digits of numbers that are written out.
    """
    maker = maker_of(step.op)
    return () if maker is None else maker(reading, step, digits)
