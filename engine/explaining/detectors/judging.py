"""Who judges which rule."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from retrograde.engine.equations.ailments import AILMENTS

if TYPE_CHECKING:
    from retrograde.engine.explaining.detectors.case import Case
    from retrograde.engine.explaining.detectors.limits import Limits
    from retrograde.engine.explaining.detectors.records import Found

Needs = Callable[["Case"], "str | None"]
"""Says why a rule can not be judged; None where it can."""

Choose = Callable[["Sequence[Found | None]", int], "int | None"]
"""Says where a rule holds first, of what was found at moments in order, and how many have to agree."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """The function that judges a rule.

    Attributes:
        rule: the rule's name.
        sees: what it is given: the ``Case``, a ``Sight`` or the ``Watch``.
        function: returns what it has found, or None.
        needs: says why the rule can not be judged.
        choose: says at which of the observed moments it holds first, of what was found at each.
    """

    rule: str
    sees: str
    function: Callable[[Any, Limits], Found | None]
    needs: Needs
    choose: Choose


JUDGES: dict[str, Judge] = {}
"""The judges by the name of their rule."""

CASE, SIGHT, WATCH = "case", "sight", "watch"


def first_of(found: Sequence[Found | None], moments: int) -> int | None:
    """Where a rule first holds for so many observed moments in succession."""
    held = 0
    for at, one in enumerate(found):
        held = 0 if one is None else held + 1
        if held >= moments:
            return at - moments + 1
    return None


def to_the_end(found: Sequence[Found | None], _moments: int) -> int | None:
    """Where a rule begins to hold that still holds at the last observed moment."""
    first = None
    for at, one in enumerate(found):
        first = None if one is None else at if first is None else first
    return first


def judge_of(rule: str, sees: str, *needs: Needs, choose: Choose = first_of) -> Callable[..., Any]:
    """Marks a function as the judge of a rule.

    Args:
        rule: the rule's name.
        sees: what it is given.
        needs: what each say why the rule can not be judged.
        choose: at which of the observed moments it holds first; by default for so many of them in succession.
    """
    assert rule in AILMENTS, rule

    def lacking(case: Case) -> str | None:
        return next((reason for need in needs if (reason := need(case)) is not None), None)

    def mark(function: Callable[[Any, Limits], Found | None]) -> Callable[[Any, Limits], Found | None]:
        JUDGES[rule] = Judge(rule=rule, sees=sees, function=function, needs=lacking, choose=choose)
        return function

    return mark


def judges(sees: str, judged: Mapping[str, Limits]) -> list[Judge]:
    """The judges that see something, of the rules that can be judged."""
    return [JUDGES[name] for name in AILMENTS if name in judged and name in JUDGES and JUDGES[name].sees == sees]
