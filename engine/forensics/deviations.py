"""The deviations that are possible in a training, each with the switches that make it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from retrograde.engine.forensics.facts import Facts, shown, sites
from retrograde.engine.forensics.kinds import KINDS
from retrograde.engine.forensics.rounding import ROUNDINGS, Rounding
from retrograde.engine.forensics.rules import RULES, Rule
from retrograde.engine.forensics.switches import Edit, Edits, Path
from retrograde.engine.text import _

Key = tuple[str, str]
"""A kind, and where."""

EVERYWHERE = "*"

_BOTH: Mapping[str, tuple[str, str]] = {
    "no half": ("E twice", "slope twice as large"),
    "half": ("E half", "slope half as large"),
    "turned": ("turned forward", "turned backward"),
}
"""Kinds that are two others at once, at the same place."""


@dataclass(frozen=True, slots=True)
class Deviation:
    """One way in which a source may differ from the scenario.

    Attributes:
        kind: its kind, a row of ``KINDS``.
        where: where it is, by names that a query takes; ``*`` for everywhere.
        switches: the switches that make it.
        rounding: how values are rounded, of a deviation that is that.
        shift: how many updates more a trained figure is after, of a deviation that is that.
    """

    kind: str
    where: str = ""
    switches: frozenset[int] = frozenset()
    rounding: Rounding | None = None
    shift: int = 0

    @property
    def bits(self) -> float:
        """What it costs."""
        return KINDS[self.kind].bits

    @property
    def text(self) -> str:
        """What it is, for people."""
        row = KINDS[self.kind]
        return _(row.all) if self.where == EVERYWHERE else _(row.text).format(where=shown(self.where))

    @property
    def short(self) -> str:
        """The same in a word or two, behind the name of a scenario."""
        row = KINDS[self.kind]
        return _(row.short_all) if self.where == EVERYWHERE else _(row.short).format(where=shown(self.where))

    def joins(self, other: Deviation) -> bool:
        """Whether both can be done at once."""
        if self.switches & other.switches or (self.kind, self.where) == (other.kind, other.where):
            return False
        return not ((self.rounding and other.rounding) or (self.shift and other.shift))


def parts_of(deviation: Deviation) -> tuple[Key, ...]:
    """The kinds and places of the edits that make a deviation."""
    kinds = _BOTH.get(deviation.kind, (deviation.kind,))
    return tuple((kind, str(deviation.where)) for kind in kinds)


class Collected:
    """The edits of programs, and the switches that they share.

    Attributes:
        keys: the number of the switch of a kind and a place.
        rules: the rules that have an edit among them.
    """

    def __init__(self) -> None:
        self.keys: dict[Key, int] = {}
        self.rules: set[Rule] = set()

    def edits(
        self, facts: Facts, rules: Iterable[Rule] = RULES, wanted: Callable[[str, str, Edit], bool] | None = None
    ) -> Mapping[int, Edits]:
        """The edits of a program, by number of an op.

        Args:
            facts: the program.
            rules: the rules that are asked.
            wanted: says of a kind, a place and an edit whether it is collected; None for all.
        """
        found: dict[int, dict[tuple[int, ...], dict[Path, list[tuple[int, Edit]]]]] = {}
        for site in sites(facts.program):
            for rule in rules:
                for kind, where, edit in rule(site, facts):
                    if wanted is not None and not wanted(kind, where, edit):
                        continue
                    self.rules.add(rule)
                    switch = self.keys.setdefault((kind, where), len(self.keys))
                    at = found.setdefault(site.number, {}).setdefault(site.index, {})
                    at.setdefault(site.path, []).append((switch, edit))
        return found

    def deviations(self) -> tuple[Deviation, ...]:
        """All deviations that the switches make, and those that need none."""
        return tuple(sorted(self._all(), key=lambda one: one.bits))

    def _all(self) -> Iterator[Deviation]:
        places: dict[str, list[str]] = {}
        for kind, where in self.keys:
            places.setdefault(kind, []).append(where)
        for kind, found in places.items():
            for where in found:
                yield self._of(kind, where, [(kind, where)])
            if KINDS[kind].all and len(found) > 1:
                yield self._of(kind, EVERYWHERE, [(kind, where) for where in found])
        for kind, parts in _BOTH.items():
            for where in places.get(parts[0], ()):
                if all((part, where) in self.keys for part in parts):
                    yield self._of(kind, where, [(part, where) for part in parts])
        for kind, where in ROUNDINGS:
            yield Deviation(kind, where, rounding=ROUNDINGS[kind, where])
        yield Deviation("one less", shift=-1)
        yield Deviation("one more", shift=1)

    def _of(self, kind: str, where: str, keys: Iterable[Key]) -> Deviation:
        return Deviation(kind, where, frozenset(self.keys[key] for key in keys))
