"""The parts of a scenario that are valid, which the rules run over."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import TYPE_CHECKING

from retrograde.engine.errors import KeyPath
from retrograde.engine.scenario.shapes import Shapes

if TYPE_CHECKING:
    from retrograde.engine.scenario.data_table import Data, HeldOut
    from retrograde.engine.scenario.models import Expectation, LossTable, NetworkInit, StopTable
    from retrograde.engine.scenario.training import Training


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Parts(Shapes):
    """The parts of a scenario; None stands for one that is not valid by itself, and for a key that is not.

    Attributes:
        weights_file: the file of weights.
        unknown: the keys that are wrong, so that None does not mean that they are absent.
    """

    weights_file: str | None = None
    loss: LossTable | None = None
    losses: Sequence[LossTable | None] = ()
    seed: int | None = None
    init: NetworkInit | None = None
    data: Data | None = None
    held_out: HeldOut | None = None
    training: Training | None = None
    stop: StopTable | None = None
    expect: Sequence[Expectation | None] = ()
    unknown: AbstractSet[KeyPath] = frozenset()
