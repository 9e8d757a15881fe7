"""The table of operators that become layers."""

from __future__ import annotations

from collections.abc import Callable

from retrograde.engine.importing.tracing import Operation, Trace

Rule = Callable[[Trace, Operation], None]
"""Says what the results of an operator mean, or raises UnmappedError."""

TABLE: dict[str, Rule] = {}
"""THE table, by name without overload, foreach and in-place marks."""


def maps(*names: str) -> Callable[[Rule], Rule]:
    """Enters a rule into the table."""

    def enter(rule: Rule) -> Rule:
        for name in names:
            assert name not in TABLE, name
            TABLE[name] = rule
        return rule

    return enter
