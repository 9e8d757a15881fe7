"""Rows that have become others are painted together where they follow each other, and no other row is."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from retrograde.tui.widgets.panel import runs
from tests.support.effort import examples


@examples(60)
@given(st.sets(st.integers(0, 60)))
def test_runs_are_the_rows_and_as_few_as_can_be(rows: set[int]) -> None:
    found = list(runs(sorted(rows)))
    assert [row for first, count in found for row in range(first, first + count)] == sorted(rows)
    assert len(found) == sum(row - 1 not in rows for row in rows)
