"""What each loss of a scenario adds to the program: its terms, and E of them."""

from __future__ import annotations

from math import prod

from retrograde.engine.equations.array import Array, Extent, Phase, Role
from retrograde.engine.equations.logarithms import GUARDS
from retrograde.engine.equations.losses import CROSS_ENTROPY, LOSSES, MULTICLASS_HINGE
from retrograde.engine.layers.base import Form, Value
from retrograde.engine.network.forward import ForwardPass
from retrograde.engine.ops.loss import CrossEntropy, LossTerm, Share, SmoothTarget, ValueTerm
from retrograde.engine.ops.multiclass_hinge import RightScore, Shortfall
from retrograde.engine.scenario.models import LossTable


def _loss_terms(forward: ForwardPass, loss: LossTable, form: Form, value: Value, goal: Array) -> list[Array]:
    """Appends the loss terms of one output; of a sequence, those of each time step."""
    found: list[Array] = []
    for position, out in enumerate((value,) if isinstance(value, Array) else value):
        at = () if out.time is None else (position,)
        share = _share(forward, loss, form, position)
        target = forward.made("E", out.element_shape, role=Role.LOSS, time=out.time)
        layer = forward.layer.name
        wanted = goal
        if loss.label_smoothing:
            wanted, at = _smoothed(forward, loss, out, goal, at), ()
        softmax = forward.softmax.get(out)
        # An option that changes what the logarithm sees leaves nothing to be cancelled.
        guarded = any(getattr(loss, option.key) is not None for option in GUARDS)
        if loss.kind == CROSS_ENTROPY.name and softmax is not None and not guarded:
            forward.append(
                CrossEntropy(
                    target=target,
                    phase=Phase.LOSS,
                    layer=layer,
                    extent=Extent.SAMPLE,
                    net=softmax.net,
                    maximum=softmax.maximum,
                    normaliser=softmax.normaliser,
                    out=out,
                    goal=wanted,
                    share=share,
                    at=at,
                )
            )
        elif loss.kind == MULTICLASS_HINGE.name:
            place = {"phase": Phase.LOSS, "layer": layer, "extent": Extent.SAMPLE, "out": out, "goal": wanted, "at": at}
            made = forward.made("right", out.element_shape[:-1], time=out.time)
            right = forward.append(RightScore(target=made, **place))
            forward.append(Shortfall(target=target, right=right, margin=loss.margin, share=share, **place))
        else:
            forward.append(
                LossTerm(
                    target=target,
                    phase=Phase.LOSS,
                    layer=layer,
                    extent=Extent.SAMPLE,
                    out=out,
                    goal=wanted,
                    loss=loss.kind,
                    settings=LOSSES[loss.kind].settings(loss),
                    share=share,
                    at=at,
                )
            )
        found.append(target)
    return found


def _share(forward: ForwardPass, loss: LossTable, form: Form, position: int) -> Share:
    """How the terms of one output count; of a sequence, those at a position of it."""
    count = Form(form.shape).size if loss.over_outputs == "mean" else 1
    count *= forward.batch if loss.over_batch == "mean" else 1
    if loss.kind == CROSS_ENTROPY.name and loss.over_outputs == "sum" and loss.over_time == "mean":
        # An array of distributions has one at each position, such as a token.
        count *= prod(form.shape[:-1])
    mask = forward.masked(form.steps) if form.steps else None
    over_time = loss.over_time == "mean" and form.steps > 0
    count *= form.steps if over_time and mask is None else 1
    length = forward.length if over_time and mask is not None else None
    return Share(count=count, weight=loss.weight, mask=mask, time=position, length=length)


def _value_terms(forward: ForwardPass, loss: LossTable, form: Form, value: Value) -> list[Array]:
    """The terms of an output that is a loss itself: the output, or, where it counts otherwise, what it counts for."""
    found: list[Array] = []
    for position, out in enumerate((value,) if isinstance(value, Array) else value):
        share = _share(forward, loss, form, position)
        if (share.count, share.weight) == (1, 1.0) and not share.inputs:
            found.append(out)
            continue
        found.append(
            forward.append(
                ValueTerm(
                    target=forward.made("E", out.element_shape, role=Role.LOSS, time=out.time),
                    phase=Phase.LOSS,
                    layer=forward.layer.name,
                    extent=Extent.SAMPLE,
                    out=out,
                    share=share,
                )
            )
        )
    return found


def _smoothed(forward: ForwardPass, loss: LossTable, out: Array, goal: Array, at: tuple[int, ...]) -> Array:
    """Appends the smoothing of the targets of one output; returns the smoothed ones, shaped as the output."""
    return forward.append(
        SmoothTarget(
            target=forward.made("smooth", out.element_shape, role=Role.TARGET, time=out.time, sign="t′"),
            phase=Phase.LOSS,
            layer=forward.layer.name,
            extent=Extent.SAMPLE,
            goal=goal,
            smoothing=loss.label_smoothing,
            at=at,
        )
    )
