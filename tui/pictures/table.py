"""The table of pictures: which function makes the pictures of a step, by the class of its op."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path
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


@cache
def pictures() -> Table:
    """All rows of the table: the ``PICTURES`` of every file of this package.

    Raises:
        LookupError: two files claim the same class.
    """
    found: Table = {}
    for module in sorted(info.name for info in pkgutil.iter_modules([str(Path(__file__).parent)])):
        rows: Table = getattr(import_module(f"retrograde.tui.pictures.{module}"), "PICTURES", {})
        for kind, maker in rows.items():
            if kind in found:
                message = f"two pictures of {kind.__name__}"
                raise LookupError(message)
            found[kind] = maker
    return found


def maker_of(op: Op) -> Maker | None:
    """The function that makes the pictures of an op's steps.

    A gradient is pictured by what it is the gradient of: by the first of its parts whose class has a row. Otherwise
    the nearest class of the op that has a row decides; the row of ``Op`` itself serves every op without one.
    """
    table = pictures()
    classes: list[type] = []
    if isinstance(op, Gradient):
        classes += [kind for part in op.parts for kind in type(part).__mro__]
    classes += type(op).__mro__
    return next((table[kind] for kind in classes if kind in table), None)


def pictures_of(reading: Reading, step: Step, digits: int) -> tuple[Picture, ...]:
    """The pictures of the step on the screen, from above.

    Args:
        reading: the reading.
        step: its step.
        digits: significant digits of numbers that are written out.
    """
    maker = maker_of(step.op)
    return () if maker is None else maker(reading, step, digits)
