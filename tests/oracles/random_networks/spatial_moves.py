"""Convolutions, poolings and up-samplings, as they are drawn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.oracles.random_networks.plan import MOST_SLOTS, Form, Plan


def _spatial(plan: Plan, x: str) -> bool:
    form = plan.forms[x]
    return not form.steps and len(form.shape) in {2, 3}


def _listed(plan: Plan, values: list[int]) -> int | list[int]:
    """One number where all are the same, now and then."""
    return values[0] if len(set(values)) == 1 and plan.draw.chance(0.6) else values


def _windows(plan: Plan, lengths: tuple[int, ...], *, pool: bool) -> tuple[dict[str, Any], tuple[int, ...]] | None:
    """The keys of windows and how many there are along each axis; None where they do not fit."""
    draw, count = plan.draw, len(lengths)
    kernel = [draw.among(1, 2, 2, 3, 3, 4) if length > 1 else draw.among(1, 1, 2) for length in lengths]
    stride = [draw.among(1, 1, 2, 3) for _ in lengths]
    dilation = [draw.among(1, 1, 1, 2, 3) for _ in lengths]
    reach = [(taps - 1) * apart + 1 for taps, apart in zip(kernel, dilation, strict=True)]
    keys: dict[str, Any] = {"kernel": kernel}
    if pool and draw.chance(0.4):
        stride = kernel
    elif stride != [1] * count or pool or draw.chance(0.3):
        keys["stride"] = _listed(plan, stride)
    if dilation != [1] * count or draw.chance(0.1):
        keys["dilation"] = _listed(plan, dilation)
    if stride == [1] * count and draw.chance(0.25):
        margins = [((one - 1) // 2, one - 1 - (one - 1) // 2) for one in reach]
        keys["padding"] = "same"
    elif draw.chance(0.15):
        margins = [(draw.below(3), draw.below(3)) for _ in lengths]
        keys["padding"] = [list(both) for both in margins]
    else:
        sides = [draw.among(0, 0, 1, 2) for _ in lengths]
        margins = [(side, side) for side in sides]
        if any(sides):
            keys["padding"] = _listed(plan, sides)
    counts = []
    for axis, length in enumerate(lengths):
        space = length + sum(margins[axis]) - reach[axis]
        if space < 0:
            return None
        counts.append(space // stride[axis] + 1)
        for position in range(counts[-1]) if pool else ():
            start = position * stride[axis] - margins[axis][0]
            if not any(0 <= start + tap * dilation[axis] < length for tap in range(kernel[axis])):
                return None
    return keys, tuple(counts)


def _channels(plan: Plan, before: int) -> dict[str, Any]:
    """The output channels, their groups, the bias and the activation."""
    draw = plan.draw
    groups = draw.among(*(number for number in (1, 1, 1, 2, 3) if before % number == 0))
    keys: dict[str, Any] = {"channels": groups * draw.between(1, 3 if groups == 1 else 2)}
    keys["groups"] = groups if groups > 1 else None
    keys["bias"] = draw.among(None, None, "channel", "none")
    keys["frozen"] = plan.frozen("W", *(() if keys["bias"] == "none" else ("b",)))
    return keys | plan.activation(plain=0.3)


def conv(plan: Plan, x: str) -> str | None:
    """A convolution."""
    form = plan.forms[x]
    if not _spatial(plan, x):
        return None
    found = _windows(plan, form.shape[1:], pool=False)
    if found is None:
        return None
    keys, counts = found
    keys |= _channels(plan, form.shape[0])
    made = Form((keys["channels"], *counts))
    if made.size > MOST_SLOTS:
        return None
    return plan.add("conv", [x], made, **keys)


def conv_transpose(plan: Plan, x: str) -> str | None:
    """A transposed convolution."""
    draw, form = plan.draw, plan.forms[x]
    if not _spatial(plan, x):
        return None
    lengths = form.shape[1:]
    kernel = [draw.among(1, 2, 2, 3) for _ in lengths]
    stride, dilation = ([draw.among(1, 1, 2, 3) for _ in lengths], [draw.among(1, 1, 1, 2) for _ in lengths])
    padding = [draw.among(0, 0, 1) for _ in lengths]
    extra = [draw.below(max(a, b)) if draw.chance(0.6) else 0 for a, b in zip(stride, dilation, strict=True)]
    sizes = [
        (length - 1) * stride[axis] - 2 * padding[axis] + dilation[axis] * (kernel[axis] - 1) + 1 + extra[axis]
        for axis, length in enumerate(lengths)
    ]
    keys = {"kernel": kernel, "stride": _listed(plan, stride), **_channels(plan, form.shape[0])}
    for key, values, usual in (("dilation", dilation, 1), ("padding", padding, 0), ("output_padding", extra, 0)):
        if any(value != usual for value in values):
            keys[key] = _listed(plan, values)
    made = Form((keys["channels"], *sizes))
    if min(sizes) < 1 or made.size > MOST_SLOTS:
        return None
    return plan.add("conv_transpose", [x], made, **keys)


def pool(plan: Plan, x: str) -> str | None:
    """Max or average pooling."""
    draw, form = plan.draw, plan.forms[x]
    if not _spatial(plan, x):
        return None
    found = _windows(plan, form.shape[1:], pool=True)
    if found is None:
        return None
    keys, counts = found
    # Values that are equal but for rounding have no winner that everyone agrees on; those that are equal do have one.
    tied = any(table.get("kind") in REPEATING for table in plan.layers)
    exact = len(plan.layers) == 1 and plan.layers[0].get("kind") in {"upsample", "max_pool"}
    kind = "average_pool" if tied and not exact else draw.among("max_pool", "max_pool", "max_pool", "average_pool")
    if kind == "average_pool" and draw.chance(0.5):
        keys["count_include_pad"] = draw.chance(0.3)
    made = Form((form.shape[0], *counts))
    return plan.add(kind, [x], made, **keys) if made.size <= MOST_SLOTS else None


REPEATING = ("upsample", "conv_transpose", "average_pool", "max_pool")
"""Kinds of layer that may hand on a value twice."""


def global_average_pool(plan: Plan, x: str) -> str | None:
    """The mean of each channel."""
    form = plan.forms[x]
    if not _spatial(plan, x):
        return None
    return plan.add("global_average_pool", [x], Form(form.shape[:1]))


def upsample(plan: Plan, x: str) -> str | None:
    """Repeated values."""
    draw, form = plan.draw, plan.forms[x]
    if not _spatial(plan, x):
        return None
    factor = [draw.among(1, 2, 2, 3) for _ in form.shape[1:]]
    made = Form((form.shape[0], *(a * b for a, b in zip(form.shape[1:], factor, strict=True))))
    if made.size > MOST_SLOTS:
        return None
    listed = _listed(plan, factor)
    return plan.add("upsample", [x], made, factor=None if listed == 2 and draw.chance(0.5) else listed)


SPATIAL: dict[str, Callable[[Plan, str], str | None]] = {
    "conv": conv,
    "conv_transpose": conv_transpose,
    "pool": pool,
    "global_average_pool": global_average_pool,
    "upsample": upsample,
}
"""The moves over channels with one or two axes."""
