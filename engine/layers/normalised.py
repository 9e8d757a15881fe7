"""What the normalisations have in common: their steps within a sample, a scale and a shift that they learn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from retrograde.engine.equations.array import Extent, Phase, Role
from retrograde.engine.layers.base import Layer, Parameter, Row, ShapeError
from retrograde.engine.text import _

if TYPE_CHECKING:
    from retrograde.engine.equations.array import Array
    from retrograde.engine.layers.base import Forward
    from retrograde.engine.ops.layer_norm import Portion


class Normalising(Protocol):
    """A layer with a scale γ and a shift β."""

    @property
    def gamma(self) -> Row | None:
        """The initial γ that the file gives."""

    @property
    def beta(self) -> Row | None:
        """The initial β that the file gives."""


def scale_of(given: Row | None, width: int) -> Parameter:
    """γ, with so many numbers: 1 unless the file gives others."""
    return _learned("gamma", "γ", given, 1.0, ("weights",), width)


def scale_and_shift(layer: Normalising, width: int) -> tuple[Parameter, ...]:
    """γ and β, each with so many numbers: 1 and 0 unless the file gives others."""
    return scale_of(layer.gamma, width), _learned("beta", "β", layer.beta, 0.0, ("bias", "biases"), width)


def _learned(name: str, sign: str, given: Row | None, fallback: float, also: tuple[str, ...], width: int) -> Parameter:
    return Parameter(
        name=name,
        sign=sign,
        shape=(width,),
        role=Role.BIAS,
        fans=(width, width),
        given=given,
        key=name,
        fallback=fallback,
        drawn=False,
        also=also,
    )


def unwanted(layer: Layer, *keys: str) -> None:
    """Refuses a scale or a shift that a file gives where there is none.

    Raises:
        ShapeError: one is given beside ``affine = false``.
    """
    for key in keys:
        if not getattr(layer, "affine") and getattr(layer, key) is not None:  # noqa: B009 - not of every layer
            raise ShapeError(key, _("{key} is given, but affine = false leaves it out").format(key=key))


def normalise(
    forward: Forward, x: Array, time: int | None, portion: Portion, *, epsilon: float, affine: bool, axis: int
) -> Array:
    """Appends mean, distances, variance, 1/√, normalised values, and the scale and the shift, if there are any.

    Args:
        forward: the forward pass; the layer that is being built has the parameters gamma and beta.
        x: the values.
        time: the time step, from 1, of a sequence.
        portion: what is normalised together.
        epsilon: ε, which is added to the variance.
        affine: whether there are a scale and a shift.
        axis: the axis of x that they go along, the sample being 0.
    """
    from retrograde.engine.ops.layer_norm import Centre, InverseDeviation, RowMean, RowScale, RowVariance
    from retrograde.engine.ops.scale_shift import ScaleShift

    op: dict[str, Any] = {"phase": Phase.FORWARD, "layer": forward.layer.name, "extent": Extent.SAMPLE}
    shape = x.element_shape
    rows = tuple(x.shape[part] for part in portion.along[1:])
    rows = (*rows[:-1], rows[-1] // portion.group) if rows else ()
    common: dict[str, Any] = {"portion": portion, **op}
    mean = forward.append(RowMean.of(target=forward.made("mu", rows, sign="μ", time=time), x=x, **common))
    centred = forward.append(Centre.of(target=forward.made("d", shape, time=time), x=x, mean=mean, **common))
    spread = forward.made("var", rows, sign="σ²", time=time)
    variance = forward.append(RowVariance.of(target=spread, centred=centred, **common))
    made = forward.made("rstd", rows, time=time)
    inverse = forward.append(InverseDeviation.of(target=made, variance=variance, epsilon=epsilon, **op))
    out = forward.made("out", shape, role=Role.OUT, time=time)
    made = forward.made("xhat", shape, sign="x̂", time=time) if affine else out
    scaled = forward.append(RowScale.of(target=made, centred=centred, inverse=inverse, **common))
    if not affine:
        return scaled
    gamma, beta = forward.parameter("gamma"), forward.parameter("beta")
    return forward.append(ScaleShift.of(target=out, x=scaled, gamma=gamma, beta=beta, axis=axis, **op))
