"""Convolutions, poolings and up-samplings in PyTorch, float64: what the engine's numbers are compared with.

Run from the root of the repository, where PyTorch is installed, to write ``torch_conv.json.gz`` anew:

    python -m tests.oracles.torch_conv

The numbers of the inputs, targets and parameters stand in the store; nothing of the engine takes part in the results.
"""

from __future__ import annotations

import gzip
import json
import warnings
from dataclasses import asdict
from pathlib import Path
from random import Random
from typing import Any

from tests.support.spatial import KINDS, Built, Chain, build, chain

STORE = Path(__file__).with_name("torch_conv.json.gz")
COUNT = 72
RATE = 0.25


def drawn(number: int, *, slots: int = 120) -> Chain:
    """Chain ``number`` of the store: every kind comes first several times."""
    random = Random(number)
    return chain(random, (KINDS[number // 3 % len(KINDS)],) if number % 3 else KINDS, most=1 + number % 3, slots=slots)


def torch_module() -> Any:
    """PyTorch, imported quietly and with one thread."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import torch

        torch.set_num_threads(1)
    return torch


def numbers(built: Built) -> dict[str, Any]:
    """The inputs, the targets and the parameters of a chain, by the engine's names."""
    found: dict[str, Any] = {
        array.name: values.reshape(array.shape).tolist()
        for array, values in zip(built.program.data, built.columns, strict=True)
    }
    for array in built.program.state:
        start = built.program.offsets[array]
        found[array.name] = built.state[start : start + array.size].reshape(array.shape).tolist()
    return found


def reference(made: Chain, given: dict[str, Any]) -> dict[str, Any]:
    """What PyTorch computes: every stage's output, every gradient, and the parameters after an update."""
    torch = torch_module()
    functional = torch.nn.functional
    tensors = {name: torch.tensor(values, dtype=torch.float64) for name, values in given.items()}
    parameters = {name: values.requires_grad_() for name, values in tensors.items() if name not in {"i", "t"}}
    x = tensors["i"] * parameters["W_0"].reshape(1, -1, *(1,) * len(made.lengths))
    outputs = {"out_0": x}
    for number, stage in enumerate(made.stages, 1):
        count = x.dim() - 2
        settings = {"stride": stage.stride, "padding": stage.padding}
        match stage.kind:
            case "conv" | "conv_transpose":
                extra = {"output_padding": stage.output_padding} if stage.kind == "conv_transpose" else {}
                x = getattr(functional, f"{stage.kind}{count}d")(
                    x,
                    parameters[f"W_{number}"],
                    parameters.get(f"b_{number}"),
                    dilation=stage.dilation,
                    groups=stage.groups,
                    **settings,
                    **extra,
                )
            case "max_pool":
                x = getattr(functional, f"max_pool{count}d")(x, stage.kernel, dilation=stage.dilation, **settings)
            case "average_pool":
                x = getattr(functional, f"avg_pool{count}d")(
                    x, stage.kernel, count_include_pad=stage.count_include_pad, **settings
                )
            case "global_average_pool":
                x = x.mean(dim=tuple(range(2, 2 + count)))
            case "upsample":
                x = functional.interpolate(x, scale_factor=tuple(map(float, stage.stride)), mode="nearest")
        outputs[f"out_{number}"] = x
    loss = 0.5 * ((x - tensors["t"]) ** 2).sum()
    wanted = [*outputs, *parameters]
    slopes = torch.autograd.grad(loss, [*outputs.values(), *parameters.values()])
    found = {name: values.detach().tolist() for name, values in outputs.items()}
    found["E"] = loss.item()
    for name, slope in zip(wanted, slopes, strict=True):
        found[f"grad({name})"] = slope.tolist()
        if name in parameters:
            found[f"new({name})"] = (parameters[name].detach() - RATE * slope).tolist()
    return found


def load() -> list[dict[str, Any]]:
    """The committed chains."""
    found: list[dict[str, Any]] = json.loads(gzip.decompress(STORE.read_bytes()))
    return found


def entry(number: int) -> dict[str, Any]:
    """A chain of the store."""
    made = drawn(number)
    given = numbers(build(made))
    return {"chain": json.loads(json.dumps(asdict(made))), "given": given, "found": reference(made, given)}


def main() -> None:
    """Write the store."""
    text = json.dumps([entry(number) for number in range(COUNT)], separators=(",", ":"))
    # Without a time in its header the file depends on its content alone.
    STORE.write_bytes(gzip.compress(text.encode(), mtime=0))


if __name__ == "__main__":
    main()
