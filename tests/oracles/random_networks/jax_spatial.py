"""Convolutions, poolings and up-samplings in JAX."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tests.oracles.random_networks.jax_layers import JaxPass
from tests.oracles.random_networks.walk import windows

Table = Mapping[str, Any]
Margins = list[tuple[int, int]]


def patches(
    jnp: Any, x: Any, taps: list[int], stride: list[int], dilation: list[int], margins: Margins, value: float = 0.0
) -> Any:
    """The windows over each channel: (batch, channels, *windows, taps), the taps in row order.

    The derivative of jax.lax.conv_general_dilated by a kernel makes the compiler of XLA stop for some windows, so every
    layer with windows takes them one by one.
    """
    x = jnp.pad(x, [(0, 0), (0, 0), *margins], constant_values=value)
    for axis, (count, step, apart) in enumerate(zip(taps, stride, dilation, strict=True)):
        places = (x.shape[2 + 2 * axis] - (count - 1) * apart - 1) // step + 1
        where = np.arange(places)[:, None] * step + np.arange(count) * apart
        x = jnp.take(x, where, axis=2 + 2 * axis)
    if len(taps) == 2:
        x = x.transpose(0, 1, 2, 4, 3, 5)
    return x.reshape(*x.shape[: 2 + len(taps)], -1)


def _summed(run: JaxPass, table: Table, windows_of_x: Any, W: Any) -> Any:
    """The sums of products over windows by a kernel (out, in of a group, *taps), with bias and activation."""
    groups, shape = table.get("groups", 1), windows_of_x.shape
    x = windows_of_x.reshape(shape[0], groups, shape[1] // groups, -1, shape[-1])
    W = W.reshape(groups, -1, W.shape[1], shape[-1])
    net = run.np.einsum("bgcpk,gock->bgop", x, W).reshape(shape[0], -1, *shape[2:-1])
    bias = run.parameter(table, "b")
    if bias is not None:
        net = net + bias.reshape(-1, *(1,) * (net.ndim - 2))
    return run.activated(table, run.keep("net", table, net))


def conv(run: JaxPass, table: Table, x: Any) -> Any:
    return _summed(run, table, patches(run.np, x, *windows(table)), run.parameter(table, "W"))


def conv_transpose(run: JaxPass, table: Table, x: Any) -> Any:
    """A convolution of the input with zeros in between, by the kernel turned round."""
    jnp = run.np
    taps, stride, dilation, margins = windows(table)
    groups, extra = table.get("groups", 1), table.get("output_padding", 0)
    extras = [extra] * len(taps) if isinstance(extra, int) else extra
    lengths = [(length - 1) * step + 1 for length, step in zip(x.shape[2:], stride, strict=True)]
    spread = jnp.zeros((*x.shape[:2], *lengths)).at[(..., *(slice(None, None, step) for step in stride))].set(x)
    sides: Margins = []
    for axis, (count, apart, (before, after), more) in enumerate(zip(taps, dilation, margins, extras, strict=True), 2):
        reach = (count - 1) * apart
        low, high = reach - before, reach - after + more
        # What the padding cuts off may be more than the kernel reaches over.
        spread = spread[(slice(None),) * axis + (slice(max(0, -low), spread.shape[axis] - max(0, -high)),)]
        sides.append((max(0, low), max(0, high)))
    W = jnp.flip(run.parameter(table, "W"), axis=tuple(range(2, 2 + len(taps))))
    # (groups · in, out, ...) becomes (groups · out, in, ...).
    W = W.reshape(groups, -1, *W.shape[1:]).swapaxes(1, 2)
    return _summed(
        run, table, patches(jnp, spread, taps, [1] * len(taps), dilation, sides), W.reshape(-1, *W.shape[2:])
    )


def max_pool(run: JaxPass, table: Table, x: Any) -> Any:
    jnp = run.np
    found = patches(jnp, x, *windows(table), value=-float("inf"))
    winner = jnp.argmax(found, axis=-1, keepdims=True)
    return run.keep("out", table, jnp.take_along_axis(found, winner, axis=-1)[..., 0])


def average_pool(run: JaxPass, table: Table, x: Any) -> Any:
    found = patches(run.np, x, *windows(table))
    count = found.shape[-1]
    if not table.get("count_include_pad", True):
        count = patches(run.np, run.np.ones_like(x), *windows(table)).sum(axis=-1)
    return run.keep("out", table, found.sum(axis=-1) / count)


def global_average_pool(run: JaxPass, table: Table, x: Any) -> Any:
    return run.keep("out", table, x.mean(axis=tuple(range(2, x.ndim))))


def upsample(run: JaxPass, table: Table, x: Any) -> Any:
    factor = table.get("factor", 2)
    factors = (factor,) * (x.ndim - 2) if isinstance(factor, int) else factor
    for axis, times in enumerate(factors, 2):
        x = run.np.repeat(x, times, axis=axis)
    return run.keep("out", table, x)


KINDS: dict[str, Callable[..., Any]] = {
    "conv": conv,
    "conv_transpose": conv_transpose,
    "max_pool": max_pool,
    "average_pool": average_pool,
    "global_average_pool": global_average_pool,
    "upsample": upsample,
}
"""The kinds of layer of this file."""
