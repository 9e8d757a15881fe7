"""Gradients to ask about: of shipped scenarios, by the names of their parameters."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from random import Random

from retrograde.engine import Session, load_scenario, shipped
from retrograde.engine.equations.expression import Ref
from retrograde.engine.explaining.gradient_graph import GradientGraph
from retrograde.engine.network.frame import Frame
from retrograde.engine.network.program import unravel


@cache
def session_of(name: str) -> Session:
    """A session over a scenario that ships, to look at and not to change."""
    return Session(load_scenario(name))


def graph_of(name: str, parameter: str, index: tuple[int, ...], iteration: int = 0) -> GradientGraph:
    """What the gradient of a parameter of a scenario is made of."""
    frame = session_of(name).timeline.frame(iteration)
    return GradientGraph(frame, Ref(frame.program.named[f"grad({parameter})"], index))


def gradients(frame: Frame, random: Random, most: int = 4) -> Iterator[Ref]:
    """Some gradients of a frame, one of a parameter."""
    named = frame.program.named
    found = [array for parameter in frame.program.state if (array := named.get(f"grad({parameter.name})")) is not None]
    for array in random.sample(found, min(most, len(found))):
        yield Ref(array, unravel(random.randrange(array.size), array.shape))


SCENARIOS = tuple(shipped())
"""The names of all scenarios that ship."""
