"""What the keys of the training demand of each other and of the network."""

from __future__ import annotations

from collections.abc import Iterator

from retrograde.engine.errors import Violation
from retrograde.engine.layers.base import MAX_LEGACY_SEED
from retrograde.engine.scenario.rules.parts import Parts
from retrograde.engine.scenario.training import faults
from retrograde.engine.text import _


def training_rules(parts: Parts) -> Iterator[Violation]:
    """Yield what the keys of the training demand of each other."""
    training = parts.training
    if training is None:
        return
    for path, message, key in faults(training):
        yield Violation(path=("training", *path), message=message, key=key)
    unrolled = next((n for n, layer in enumerate(parts.layers) if layer is not None and layer.sequential), None)
    if unrolled is not None and training.update == "in_place":
        message = _(
            "in_place is for parameters that are used once; the recurrent layer {name} uses its own at each step"
        )
        yield Violation(path=("training", "update"), message=message.format(name=parts.names[unrolled]))
    if training.shuffle == "numpy-legacy":
        own = parts.init is not None and parts.init.generator != "numpy-legacy"
        if own and (training.seed or 0) > MAX_LEGACY_SEED:
            message = _("seeds of numpy-legacy go from 0 to {last}")
            yield Violation(path=("training", "seed"), message=message.format(last=MAX_LEGACY_SEED))
