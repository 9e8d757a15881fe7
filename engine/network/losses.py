"""What each loss of a scenario adds to the program: its terms, and E of them."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

from retrograde.engine.equations.array import Array, Extent, Phase, Role
from retrograde.engine.equations.logarithms import GUARDS
from retrograde.engine.equations.losses import CROSS_ENTROPY, LOSSES, MULTICLASS_HINGE
from retrograde.engine.late import late
from retrograde.engine.layers.base import Form, Value
from retrograde.engine.network.forward import ForwardPass
from retrograde.engine.ops.loss import ClassWeights, Counted, CrossEntropy, LossTerm, Share, SmoothTarget, ValueTerm
from retrograde.engine.scenario.models import LossTable

if TYPE_CHECKING:
    from retrograde.engine.ops import counting as counts
    from retrograde.engine.ops import multiclass_hinge
else:
    counts = late("retrograde.engine.ops.counting")
    multiclass_hinge = late("retrograde.engine.ops.multiclass_hinge")


def _loss_terms(forward: ForwardPass, loss: LossTable, form: Form, value: Value, goal: Array) -> list[Array]:
    """Appends the loss terms of one output; of a sequence, those of each time step."""
    weights = None
    if loss.class_weights is not None:
        weights = forward.leaves.table(f"class_weight_{forward.layer.name}", loss.class_weights, forward.layer.name)
    counting = _counting(forward, loss, form)
    divisor = _divisor(forward, loss, counting, goal, weights)
    found: list[Array] = []
    for position, out in enumerate((value,) if isinstance(value, Array) else value):
        share = replace(_share(forward, loss, form, counting, position), divisor=divisor)
        at = () if out.time is None else (position,)
        if loss.label_smoothing:
            found.append(_term(forward, loss, out, _smoothed(forward, loss, out, goal, at), (), share, weights))
        else:
            found.append(_term(forward, loss, out, goal, at, share, weights))
    return found


def _term(
    forward: ForwardPass,
    loss: LossTable,
    out: Array,
    goal: Array,
    at: tuple[int, ...],
    share: Share,
    weights: Array | None,
) -> Array:
    """Appends the loss terms of one array of outputs."""
    target = forward.made("E", out.element_shape, role=Role.LOSS, time=out.time)
    place: dict[str, Any] = {"phase": Phase.LOSS, "layer": forward.layer.name, "extent": Extent.SAMPLE}
    compared: dict[str, Any] = {"out": out, "goal": goal, "at": at}
    softmax = forward.softmax.get(out)
    # An option that changes what the logarithm sees leaves nothing to be cancelled.
    guarded = any(getattr(loss, option.key) is not None for option in GUARDS)
    collapsed = loss.kind == CROSS_ENTROPY.name and softmax is not None and not guarded
    single = out.shape[-1] == 1
    own = None
    if weights is not None and (collapsed or single or loss.kind == MULTICLASS_HINGE.name):
        made = forward.made("omega", out.element_shape[:-1], sign="ω", time=out.time)
        own = forward.append(counts.TargetWeight(target=made, weights=weights, goal=goal, at=at, **place))
    if collapsed and softmax is not None:
        classes = None if weights is None or own is None else ClassWeights(each=weights, own=own)
        arrays: dict[str, Any] = {"net": softmax.net, "maximum": softmax.maximum, "normaliser": softmax.normaliser}
        return forward.append(CrossEntropy(target=target, **arrays, share=share, classes=classes, **compared, **place))
    share = replace(share, own=own) if own is not None else replace(share, each=weights)
    if loss.kind == MULTICLASS_HINGE.name:
        made = forward.made("right", out.element_shape[:-1], time=out.time)
        right = forward.append(multiclass_hinge.RightScore(target=made, **compared, **place))
        margin = LOSSES[loss.kind].settings(loss)["margin"]
        return forward.append(
            multiclass_hinge.Shortfall(target=target, right=right, margin=margin, share=share, **compared, **place)
        )
    settings = LOSSES[loss.kind].settings(loss)
    return forward.append(LossTerm(target=target, loss=loss.kind, settings=settings, share=share, **compared, **place))


class Counting(NamedTuple):
    """Over what a loss is added up besides outputs and samples.

    Attributes:
        axes: the positions: the time steps of a sequence, or the axes of an array before its classes; none of a row.
        mask: (batch, positions), or their first axis: which of them count; None where all do.
        length: (batch,): how many positions along the mask count; None where all do.
        sequence: whether the positions are time steps, each an array of its own.
    """

    axes: tuple[int, ...]
    mask: Array | None
    length: Array | None
    sequence: bool


def _counting(forward: ForwardPass, loss: LossTable, form: Form) -> Counting:
    """Which positions of an output a loss counts."""
    joined = LOSSES[loss.kind].targets == "distributions"
    axes = (form.steps,) if form.steps else form.shape[:-1]
    mask, length = (forward.masked(axes[0]), forward.length) if axes else (None, None)
    if not form.steps and not joined:
        # An array of numbers is one row, unless a mask says that it has positions; lengths are of time steps alone.
        mask, length = (mask, length) if forward.of_positions else (None, None)
        axes = axes[:1] if mask is not None else ()
    if loss.ignore_index is not None:
        mask, length = forward.counts, forward.counted
    return Counting(axes, mask, None if mask is None else length, form.steps > 0)


def _pooled(loss: LossTable, counting: Counting) -> bool:
    """Whether one mean runs over samples and positions together."""
    return loss.over_batch == "mean" and (loss.over_time == "pooled" or not counting.axes)


def _divisor(
    forward: ForwardPass, loss: LossTable, counting: Counting, goal: Array | None, weights: Array | None
) -> Array | None:
    """Appends the sum that a mean divides by, where it is not the same in every iteration."""
    if not _divided(forward, loss, counting):
        return None
    weighed, pooled = loss.normalise == "weights", _pooled(loss, counting)
    samples = forward.weight if weighed else None
    by = weights if weighed and pooled else None
    mask = counting.mask if pooled else None
    return forward.append(
        counts.Divisor(
            target=forward.made("count", (), sign="N", batched=False),
            phase=Phase.LOSS,
            layer=forward.layer.name,
            extent=Extent.SUM,
            positions=counting.axes if pooled else (),
            mask=mask,
            samples=samples,
            weights=by,
            goal=None if by is None else goal,
        )
    )


def _share(forward: ForwardPass, loss: LossTable, form: Form, counting: Counting, position: int) -> Share:
    """How the terms of one output count; of a sequence, those at a position of it."""
    axes, mask = counting.axes, counting.mask
    array = bool(axes) and not counting.sequence
    joined = LOSSES[loss.kind].targets == "distributions"
    over: list[tuple[Counted, int]] = []
    length = None
    if loss.over_outputs == "mean":
        over.append((Counted.OUTPUTS, Form(form.shape).size // (prod(axes) if array and mask is not None else 1)))
    pooled = _pooled(loss, counting)
    dynamic = _divided(forward, loss, counting)
    if loss.over_batch == "mean" and not dynamic:
        over.append((Counted.SAMPLES, forward.batch))
    # Of an array without a mask, a mean over the outputs is one over its positions too.
    timed = bool(axes) and (counting.sequence or mask is not None or (joined and loss.over_outputs == "sum"))
    if timed and loss.over_time != "sum" and not (pooled and dynamic):
        if loss.over_time == "mean" and mask is not None:
            length = counting.length
            over.append((Counted.STEPS, prod(axes) // mask.shape[1]))
        else:
            over.append((Counted.STEPS, prod(axes)))
    time = position if counting.sequence else None if axes else 0
    return Share(
        count=prod(count for _what, count in over),
        over=tuple(over),
        weight=loss.weight,
        mask=mask,
        time=time,
        length=length,
        samples=forward.weight,
    )


def _divided(forward: ForwardPass, loss: LossTable, counting: Counting) -> bool:
    """Whether ``_divisor`` makes what a mean divides by."""
    if loss.over_batch != "mean":
        return False
    pooled = _pooled(loss, counting)
    if pooled and counting.mask is not None:
        return True
    return loss.normalise == "weights" and (forward.weight is not None or (pooled and loss.class_weights is not None))


def _value_terms(forward: ForwardPass, loss: LossTable, form: Form, value: Value) -> list[Array]:
    """The terms of an output that is a loss itself: the output, or, where it counts otherwise, what it counts for."""
    found: list[Array] = []
    counting = _counting(forward, loss, form)
    divisor = _divisor(forward, loss, counting, None, None)
    for position, out in enumerate((value,) if isinstance(value, Array) else value):
        share = replace(_share(forward, loss, form, counting, position), divisor=divisor)
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
