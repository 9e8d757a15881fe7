"""What the random networks are made of: counts for the report, and for the test that nothing is missing."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterable
from typing import Any

SUBJECTS = ("kinds", "activations", "losses", "optimisers", "schedules", "features")

_LAYER_KEYS = (
    "share", "edges", "frozen", "groups", "dilation", "stride", "output_padding", "whole_channels", "truncate",
    "peepholes", "forget_bias", "h0", "reverse", "projections", "width", "gamma",
)  # fmt: skip
_LAYER_WORDS = ("direction", "reset", "outputs", "initial", "encoding", "causal", "padding", "count_include_pad")
_TRAINING_KEYS = (
    "l1", "l2", "l2_half", "penalise_biases", "clip_value", "clip_norm", "weight_decay", "decay_biases", "momentum",
    "nesterov", "dampening", "centered", "eps_inside", "amsgrad", "lr_decay", "initial_accumulator",
)  # fmt: skip


def counted(texts: Iterable[str]) -> dict[str, Counter[str]]:
    """In how many networks each thing comes up."""
    found: dict[str, Counter[str]] = {subject: Counter() for subject in SUBJECTS}
    for text in texts:
        file = tomllib.loads(text)
        for subject, names in _of(file).items():
            found[subject].update(set(names))
    return found


def _of(file: dict[str, Any]) -> dict[str, list[str]]:
    layers, training = file["network"]["layers"], file["training"]
    losses, data = [file["loss"], *file.get("losses", ())], file.get("data", {})
    schedule = training.get("schedule", {})
    features = [f"{key}" for table in layers for key in _LAYER_KEYS if key in table]
    features += [f"{key} = {table[key]}" for table in layers for key in _LAYER_WORDS if isinstance(table.get(key), str)]
    features += [
        f"{key} = {table[key]}" for table in layers for key in _LAYER_WORDS if isinstance(table.get(key), bool)
    ]
    features += [key for key in _TRAINING_KEYS if training.get(key)]
    features += ["several losses"] * (len(losses) > 1)
    features += ["label smoothing"] * any("label_smoothing" in loss for loss in losses)
    features += ["masked sequences"] * ("lengths" in data)
    features += ["class indices"] * ("classes" in data)
    features += ["shuffled"] * ("shuffle" in training)
    features += ["arithmetic = blas"] * (file["network"].get("arithmetic") == "blas")
    features += ["several inputs"] * any(len(table.get("inputs", ())) > 1 for table in layers)
    features += ["decoupled weight decay"] * bool(training.get("decoupled"))
    features += [f"momentum_form = {training['momentum_form']}"] if "momentum_form" in training else []
    features += ["warm-up before another schedule"] * ("warm_up" in schedule and schedule["kind"] != "warm_up")
    return {
        "kinds": [table.get("kind", "dense") for table in layers],
        "activations": [table["activation"] for table in layers if "activation" in table],
        "losses": [loss["kind"] for loss in losses],
        "optimisers": [training["optimizer"]],
        "schedules": [schedule["kind"]] if schedule else [],
        "features": features,
    }
