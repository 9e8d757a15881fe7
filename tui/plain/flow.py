"""The flow of a gradient as plain values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from retrograde.tui.plain.numbers import encoded

if TYPE_CHECKING:
    from retrograde.engine.explaining.flow import FlowRow


def flow_record(row: FlowRow) -> dict[str, Any]:
    """A layer at a time step."""
    numbers = {
        "delta": row.delta,
        "gradient": row.gradient,
        "slope": row.slope,
        "size": row.size,
        "update": row.update,
        "factor": row.factor,
    }
    found = {name: None if number is None else encoded(number) for name, number in numbers.items()}
    return {"layer": row.layer, "time": row.time, **found, "smallest": row.smallest}
