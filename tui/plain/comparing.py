"""A recorded step beside a scenario, as plain values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from retrograde.tui.plain.numbers import encoded

if TYPE_CHECKING:
    from retrograde.engine.importing.comparing import Row


def row_record(row: Row) -> dict[str, Any]:
    """An array of the recording beside one of the network."""
    return {
        "kind": row.kind,
        "recorded": row.recorded,
        "network": row.computed,
        "op": row.op,
        "module": row.module,
        "source": row.place,
        "difference": encoded(row.difference),
        "relative": encoded(row.relative),
        "limit": encoded(row.limit),
        "element": list(row.element),
        "values": [encoded(value) for value in row.values],
        "agrees": row.agrees,
    }
