"""What the normalisations have in common: a scale and a shift that they learn."""

from __future__ import annotations

from typing import Protocol

from retrograde.engine.equations.array import Role
from retrograde.engine.layers.base import Parameter, Row


class Normalising(Protocol):
    """A layer with a scale γ and a shift β."""

    @property
    def gamma(self) -> Row | None:
        """The initial γ that the file gives."""

    @property
    def beta(self) -> Row | None:
        """The initial β that the file gives."""


def scale_and_shift(layer: Normalising, width: int) -> tuple[Parameter, ...]:
    """γ and β, each with so many numbers: 1 and 0 unless the file gives others."""
    rows = (("gamma", "γ", layer.gamma, 1.0), ("beta", "β", layer.beta, 0.0))
    return tuple(
        Parameter(
            name=name,
            sign=sign,
            shape=(width,),
            role=Role.BIAS,
            fans=(width, width),
            given=given,
            key=name,
            fallback=fallback,
            drawn=False,
            also=("weights",) if name == "gamma" else ("bias", "biases"),
        )
        for name, sign, given, fallback in rows
    )
