"""Convolutions, poolings and up-samplings in PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tests.oracles.random_networks.torch_layers import TorchPass
from tests.oracles.random_networks.walk import windows

Table = Mapping[str, Any]


def padded(run: TorchPass, x: Any, margins: list[tuple[int, int]], value: float = 0.0) -> Any:
    """An array with margins; torch wants those of the last axis first."""
    if not any(map(any, margins)):
        return x
    return run.functional.pad(x, [side for both in reversed(margins) for side in both], value=value)


def conv(run: TorchPass, table: Table, x: Any) -> Any:
    taps, stride, dilation, margins = windows(table)
    equal = all(before == after for before, after in margins)
    net = getattr(run.functional, f"conv{len(taps)}d")(
        x if equal else padded(run, x, margins),
        run.parameter(table, "W"),
        run.parameter(table, "b"),
        stride=stride,
        padding=[before for before, _ in margins] if equal else 0,
        dilation=dilation,
        groups=table.get("groups", 1),
    )
    return run.activated(table, run.keep("net", table, net))


def conv_transpose(run: TorchPass, table: Table, x: Any) -> Any:
    taps, stride, dilation, margins = windows(table)
    extra = table.get("output_padding", 0)
    net = getattr(run.functional, f"conv_transpose{len(taps)}d")(
        x,
        run.parameter(table, "W"),
        run.parameter(table, "b"),
        stride=stride,
        padding=[before for before, _ in margins],
        output_padding=[extra] * len(taps) if isinstance(extra, int) else extra,
        dilation=dilation,
        groups=table.get("groups", 1),
    )
    return run.activated(table, run.keep("net", table, net))


def max_pool(run: TorchPass, table: Table, x: Any) -> Any:
    taps, stride, dilation, margins = windows(table)
    pool = getattr(run.functional, f"max_pool{len(taps)}d")
    return run.keep("out", table, pool(padded(run, x, margins, -float("inf")), taps, stride, 0, dilation))


def average_pool(run: TorchPass, table: Table, x: Any) -> Any:
    torch, functional = run.torch, run.functional
    taps, stride, dilation, margins = windows(table)
    include = table.get("count_include_pad", True)
    if set(dilation) == {1} and all(a == b <= one // 2 for (a, b), one in zip(margins, taps, strict=True)):
        pool = getattr(functional, f"avg_pool{len(taps)}d")
        sides = [before for before, _ in margins]
        return run.keep("out", table, pool(x, taps, stride, sides, count_include_pad=include))
    # Other windows: sums over them, by a convolution with ones, and how many values there are in each.
    channels = x.shape[1]
    ones = torch.ones((channels, 1, *taps), dtype=torch.float64)
    convolve = getattr(functional, f"conv{len(taps)}d")

    def summed(values: Any) -> Any:
        return convolve(padded(run, values, margins), ones, stride=stride, dilation=dilation, groups=channels)

    count = float(ones[0].numel()) if include else summed(torch.ones_like(x))
    return run.keep("out", table, summed(x) / count)


def global_average_pool(run: TorchPass, table: Table, x: Any) -> Any:
    return run.keep("out", table, x.mean(dim=tuple(range(2, x.dim()))))


def upsample(run: TorchPass, table: Table, x: Any) -> Any:
    factor = table.get("factor", 2)
    factors = (factor,) * (x.dim() - 2) if isinstance(factor, int) else tuple(factor)
    size = [length * times for length, times in zip(x.shape[2:], factors, strict=True)]
    return run.keep("out", table, run.functional.interpolate(x, size=size, mode="nearest"))


KINDS: dict[str, Callable[..., Any]] = {
    "conv": conv,
    "conv_transpose": conv_transpose,
    "max_pool": max_pool,
    "average_pool": average_pool,
    "global_average_pool": global_average_pool,
    "upsample": upsample,
}
"""The kinds of layer of this file."""
