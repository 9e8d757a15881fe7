"""The table ``[doctor]`` of a scenario file: limits of the rules of `retrograde doctor` that are other than usual."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field, create_model

from retrograde.engine.equations.ailments import AILMENTS, Ailment
from retrograde.engine.layers.base import Model
from retrograde.engine.layers.options import with_options


def _limits(row: Ailment) -> Any:
    """The model of the limits of a rule."""
    base = type(row.name.title().replace("_", ""), (Model,), {"__doc__": row.formula, "__module__": __name__})
    return with_options(base, ((limit.option, f"{limit.text}; {limit.default:g} if absent") for limit in row.limits))


if TYPE_CHECKING:

    class DoctorTable(Model):
        """A table of limits for each rule that has any."""
else:
    DoctorTable = create_model(
        "DoctorTable",
        __base__=Model,
        __doc__="Limits of the rules of `retrograde doctor`.",
        **{
            row.name: (_limits(row) | None, Field(default=None, description=row.title))
            for row in AILMENTS.values()
            if row.limits
        },
    )
