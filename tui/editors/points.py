"""The breakpoints of an editor: each is one or several of the session's, with what has to be true besides."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from retrograde.engine.errors import EngineError
from retrograde.engine.session.breakpoints import Breakpoint
from retrograde.engine.text import _

if TYPE_CHECKING:
    from retrograde.engine.formulas.tree import Formula
    from retrograde.engine.session.session import Session

_HITS = re.compile(r"(?P<sign>>=|>|==|=)?\s*(?P<count>\d{1,12})")
_BRACES = re.compile(r"\{([^{}]+)\}")


@dataclass(slots=True, kw_only=True, eq=False)
class Point:
    """A breakpoint of the editor.

    Attributes:
        id: its number there.
        reason: what the protocol calls a stop at it.
        text: what it waits for.
        own: the breakpoints of the session.
        condition: what has to be true besides.
        log: what is printed instead of stopping, with expressions in braces.
    """

    id: int
    reason: str
    text: str
    own: list[Breakpoint]
    condition: Formula | None = None
    log: str | None = None


@dataclass(slots=True)
class Points:
    """The breakpoints of the editor, each kind set as a whole.

    Attributes:
        session: the session.
        by_kind: the breakpoints by kind; of lines by file.
        filters: the exceptions that are stopped at.
    """

    session: Session
    by_kind: dict[str, list[Point]] = field(default_factory=dict)
    filters: set[str] = field(default_factory=set)
    _count: int = 0

    def clear(self, kind: str) -> None:
        """Removes the breakpoints of a kind."""
        for point in self.by_kind.pop(kind, ()):
            for one in point.own:
                # The console may have removed it, and added another one.
                if self.session.breakpoints.get(one.number) is one:
                    self.session.remove_breakpoint(one.number)

    def all(self) -> Iterator[Point]:
        """All of them."""
        for points in self.by_kind.values():
            yield from points

    def add(
        self,
        kind: str,
        reason: str,
        texts: Sequence[str],
        *,
        condition: str | None = None,
        hits: str | None = None,
        log: str | None = None,
    ) -> Point:
        """Adds a breakpoint.

        Args:
            kind: its kind.
            reason: what a stop at it is called.
            texts: what the session's breakpoints wait for.
            condition: what has to be true besides.
            hits: from which hit on it counts.
            log: what is printed instead.

        Raises:
            EngineError: it makes no sense; nothing is added.
        """
        held = self.session.condition(condition) if condition else None
        from_hit, once = _hits(hits)
        if hits and (held is not None or len(texts) > 1):
            raise EngineError(_("a count of hits goes with one place and no condition"))
        words = tuple(_BRACES.findall(log)) if log else ()
        own: list[Breakpoint] = []
        try:
            for text in texts:
                # A logpoint that prints no expression is told by its message.
                expressions = words if words or not log else ("epoch",)
                own.append(self.session.add_breakpoint(text, once=once, from_hit=from_hit, log=expressions))
        except EngineError:
            for one in own:
                self.session.remove_breakpoint(one.number)
            raise
        self._count += 1
        point = Point(id=self._count, reason=reason, text=texts[0], own=own, condition=held, log=log)
        self.by_kind.setdefault(kind, []).append(point)
        return point

    def counts(self) -> dict[int, int]:
        """How often each was hit, by its number."""
        return {point.id: sum(one.count for one in point.own) for point in self.all()}

    def hit(self, before: dict[int, int]) -> list[Point]:
        """Those that were hit since they were counted, and hold at the cursor."""
        now = self.counts()
        return [point for point in self.all() if now[point.id] > before.get(point.id, 0) and self._holds(point)]

    def _holds(self, point: Point) -> bool:
        return point.condition is None or bool(self.session.look(point.condition))

    def logged(self, after: int, stop: int) -> Iterator[tuple[int, str]]:
        """What logpoints print on a way forward, each with its step, point by point."""
        for point in self.all():
            if point.log is None:
                continue
            for one in point.own:
                for step in self.session.hits(one, after, stop):
                    if point.condition is None or self.session.look_at(point.condition, step):
                        yield step, _filled(point.log, [self.session.look_at(formula, step) for formula in one.log])


def _hits(text: str | None) -> tuple[int, bool]:
    """From which hit on a breakpoint counts, and whether only once."""
    if not text or not text.strip():
        return 1, False
    match = _HITS.fullmatch(text.strip())
    if match is None or int(match["count"]) < (match["sign"] != ">"):
        raise EngineError(_("{text!r} is no count of hits: 5, >= 5, > 5 or == 5").format(text=text))
    return int(match["count"]) + (match["sign"] == ">"), match["sign"] in {"=", "=="}


def _shown(value: float | bool | None) -> str:
    return "·" if value is None else repr(value)


def _filled(message: str, values: Iterable[float | bool | None]) -> str:
    each = iter(values)
    return _BRACES.sub(lambda _match: _shown(next(each)), message)
