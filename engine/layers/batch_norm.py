"""Batch normalisation: each channel gets mean 0 and variance 1 over the batch, then a scale and a shift it learns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from retrograde.engine.equations.array import Role
from retrograde.engine.layers.base import ActivatedLayer, Form, Parameter, Row, ShapeError
from retrograde.engine.layers.normalised import scale_and_shift, unwanted
from retrograde.engine.layers.stored import Stored
from retrograde.engine.text import _

if TYPE_CHECKING:
    from retrograde.engine.equations.array import Array
    from retrograde.engine.layers.base import Forward, Value


RUNNING: Mapping[str, float] = {"running_mean": 0.0, "running_var": 1.0}
"""The running averages, and what they are before the first iteration."""


class BatchNormLayer(ActivatedLayer):
    """Batch normalisation: x̂ = (x − μ) / √(σ² + ε), net = γ · x̂ + β, out = activation(net).

    In training μ and σ² are those of the batch, for each input; of an array with several axes, for each element of
    the first, its channels. In evaluation they are the running averages: (1 − momentum) · running + momentum · batch,
    with the unbiased variance.
    """

    kind: Literal["batch_norm"] = Field(description="the kind of layer")
    momentum: float = Field(
        default=0.1,
        ge=0,
        le=1,
        description="what part of a running average each batch replaces (PyTorch's momentum; Keras has 1 minus it)",
    )
    epsilon: float = Field(default=1e-5, gt=0, description="ε, which is added to the variance")
    affine: bool = Field(default=True, description="whether there is a scale γ and a shift β that are learned")
    gamma: Row | None = Field(default=None, description="initial γ, one for each channel; 1 if absent")
    beta: Row | None = Field(default=None, description="initial β, one for each channel; 0 if absent")
    running_mean: Row | None = Field(
        default=None, description="the running mean before the first iteration, one for each channel; 0 if absent"
    )
    running_var: Row | None = Field(
        default=None, description="the running variance before the first iteration; 1 if absent"
    )

    @property
    def evaluates_apart(self) -> bool:
        """With the running averages."""
        return True

    @property
    def label(self) -> str:
        """The layer in a few words."""
        return "batch norm" if self.activation == "identity" else f"batch norm {self.activation}"

    def form(self, sources: Sequence[Form]) -> Form:
        """The shape before it."""
        if sources[0].steps:
            message = _("a batch norm takes one array, not {steps} time steps; take a layer norm there")
            raise ShapeError("inputs", message.format(steps=sources[0].steps))
        unwanted(self, "gamma", "beta")
        if not sources[0].shape:
            raise ShapeError("inputs", _("a batch norm needs channels, and what comes before it is one number"))
        channels = sources[0].shape[0]
        for key in RUNNING:
            given = getattr(self, key)
            if given is not None and len(given) != channels:
                message = _("{count} numbers for {channels} channels").format(count=len(given), channels=channels)
                raise ShapeError(key, message)
        return sources[0]

    def slots(self, sources: Sequence[Form]) -> int:
        """The normalised values, the net inputs and the outputs."""
        return 3 * sources[0].size

    def least_batch(self, sources: Sequence[Form]) -> int:
        """2 where a sample has one value a channel: a single value has no variance."""
        return 2 if prod(sources[0].shape[1:]) == 1 else 1

    def parameters(self, sources: Sequence[Form]) -> tuple[Parameter, ...]:
        """γ and β, one for each channel."""
        if not self.affine:
            return ()
        channels = sources[0].shape[0]
        return scale_and_shift(self, channels)

    def stored(self, sources: Sequence[Form]) -> tuple[Stored, ...]:
        """γ, β and the running averages."""
        averages = (Stored(name=key, shape=sources[0].shape[:1], key=key) for key in RUNNING)
        return *super().stored(sources), *averages

    def build(self, forward: Forward, sources: Sequence[Value]) -> Value:
        """Mean, variance, normalised value, scale and shift, activation; in evaluation from the running averages."""
        from retrograde.engine.equations.array import Extent, Phase
        from retrograde.engine.ops.batch_norm import BatchMean, BatchVariance, Normalise
        from retrograde.engine.ops.scale_shift import ScaleShift

        x: Any = sources[0]
        shape = x.element_shape
        channels = shape[:1]
        place: dict[str, Any] = {"phase": Phase.FORWARD, "layer": self.name}
        kept = [
            forward.leaves.remembered(
                f"{stem}_{self.name}", getattr(self, stem) or [value] * channels[0], layer=self.name, stem=stem
            )
            for stem, value in RUNNING.items()
        ]
        if forward.train:
            total = {**place, "extent": Extent.SUM}
            mean = forward.append(
                BatchMean.of(target=forward.made("mu", channels, sign="μ", batched=False), x=x, **total)
            )
            spread = forward.made("var", channels, sign="σ²", batched=False)
            variance = forward.append(BatchVariance.of(target=spread, x=x, mean=mean, **total))
            self._remember(forward, kept, (mean, variance), forward.batch * prod(shape[1:]))
        else:
            mean, variance = kept
        sample = {**place, "extent": Extent.SAMPLE}
        made = forward.made("xhat", shape, sign="x̂") if self.affine else forward.made("net", shape, role=Role.NET)
        net = forward.append(
            Normalise.of(target=made, x=x, mean=mean, variance=variance, epsilon=self.epsilon, **sample)
        )
        if self.affine:
            gamma, beta = forward.parameter("gamma"), forward.parameter("beta")
            made = forward.made("net", shape, role=Role.NET)
            net = forward.append(ScaleShift.of(target=made, x=net, gamma=gamma, beta=beta, axis=1, **sample))
        return forward.activate(net, self)

    def _remember(self, forward: Forward, kept: Sequence[Array], found: Sequence[Array], count: int) -> None:
        """Averages the mean and the variance of the batch into the running ones, when the parameters are updated."""
        from retrograde.engine.equations.array import Extent, Phase
        from retrograde.engine.ops.batch_norm import RunningAverage

        for running, value, unbias in zip(kept, found, (None, (count, count - 1)), strict=True):
            forward.renew(
                running,
                RunningAverage(
                    target=forward.renewed(running),
                    phase=Phase.UPDATE,
                    layer=self.name,
                    extent=Extent.ONCE,
                    running=running,
                    value=value,
                    momentum=self.momentum,
                    unbias=unbias,
                ),
            )
