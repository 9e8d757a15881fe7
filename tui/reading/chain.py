"""What is read of a session where somebody asks for the whole chain of a gradient, frozen."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from retrograde.tui.reading.why import Moment, meant

if TYPE_CHECKING:
    from retrograde.engine.equations.expression import Ref
    from retrograde.engine.session.explanations import Chain
    from retrograde.engine.session.session import Session
    from retrograde.tui.reading.why import WhyReading


class Way(StrEnum):
    """What a chain is taken apart by."""

    PATHS = "paths"
    CUTS = "cuts"
    TERMS = "terms"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ChainReading:
    """A gradient and all it is made of.

    Attributes:
        moment: when.
        asked: the slot that was asked about: the gradient itself, or what it is the gradient of.
        chain: its chain.
        way: by what it is taken apart at first.
    """

    moment: Moment
    asked: Ref
    chain: Chain
    way: Way

    @classmethod
    def of(cls, session: Session, asked: Ref) -> ChainReading:
        """Asks a session, which no other thread may be using.

        Args:
            session: the session.
            asked: a gradient, or a value that has one.

        Raises:
            EngineError: it has none.
        """
        chain = session.chain(asked)
        return cls(moment=Moment.of(session), asked=meant(asked, chain.ref), chain=chain, way=_way(chain))

    @classmethod
    def of_why(cls, reading: WhyReading) -> ChainReading | None:
        """The chain of a gradient whose autopsy was read; None where none was laid out."""
        chain = reading.chain
        return None if chain is None else cls(moment=reading.moment, asked=reading.asked, chain=chain, way=_way(chain))

    @property
    def symbol(self) -> str:
        """The symbol of the gradient."""
        return self.moment.symbol(self.chain.ref)

    @property
    def value(self) -> float:
        """The gradient."""
        return float(self.chain.graph.value[0])

    @property
    def change(self) -> float | None:
        """What one per cent more of the value that was asked about makes of E, to first order; of 0 what 0.01 more.

        None where the gradient itself was asked about.
        """
        if self.moment.frame.program.is_backward(self.asked.array):
            return None
        return 0.01 * (self.amount or 1.0) * self.value

    @property
    def amount(self) -> float:
        """The value that was asked about."""
        return self.moment.frame.value(self.asked)


def _way(chain: Chain) -> Way:
    return Way.PATHS if chain.by_paths else Way.CUTS
