"""What the number of samples decides: batches, updates, and what fits in memory."""

from __future__ import annotations

from collections.abc import Iterator

from retrograde.engine.equations.optimisers import OPTIMISERS
from retrograde.engine.errors import Violation
from retrograde.engine.layers.base import ShapeError
from retrograde.engine.scenario import limits
from retrograde.engine.scenario.holding_out import held_count
from retrograde.engine.scenario.rules.parts import Parts
from retrograde.engine.scenario.rules.starts import start_rules
from retrograde.engine.text import _

ARRAYS_PER_PARAMETER = 6
"""Initial value, state, value, gradient, updated value and work space."""


ARRAYS_PER_UNIT = 10
"""Net input, output, slope, three gradients, and what softmax and losses add; per sample."""


def sample_rules(parts: Parts, count: int) -> Iterator[Violation]:
    """Yield the rules that depend on the number of samples."""
    training, stop = parts.training, parts.stop
    if not count:
        return
    batch = count
    if training is not None and training.batch_size:
        batch = training.batch_size
        if batch > count:
            message = _("a batch of {batch} from {count} samples; at most {count}, or 0 for all of them")
            yield Violation(path=("training", "batch_size"), message=message.format(batch=batch, count=count))
            return
    if training is not None and stop is not None and training.batch_size is not None and stop.epochs is not None:
        updates = stop.epochs * -(-count // batch)
        for number, expectation in enumerate(parts.expect):
            if expectation is not None and (expectation.updates or 0) > updates:
                message = _("{asked} updates, but the run has at most {updates} (epochs × iterations of an epoch)")
                yield Violation(
                    path=("expect", number, "updates"),
                    message=message.format(asked=expectation.updates, updates=updates),
                )
    yield from start_rules(parts, count)
    yield from _least_rules(parts, batch, count)
    yield from size_rules(parts, batch, count)


def most_samples(parts: Parts) -> int | None:
    """Return the most samples that the limits have room for; None where the network is not known.

    A file with more is refused before it is read to its end, by what it would be refused for afterwards.
    """
    outputs = parts.outputs
    if parts.inputs is None or not parts.complete or outputs is None or None in parts.forms:
        return None
    most = limits.MAX_DATA_BYTES // (8 * max(1, parts.inputs + outputs))
    if parts.training is not None and parts.training.batch_size == 0:
        fixed, _parameters = frame_size(parts, 0)
        each = frame_size(parts, 1)[0] - fixed
        most = min(most, max(1, (limits.MAX_FRAME_BYTES - fixed) // max(1, each)))
    if parts.held_out is not None and parts.held_out.share is not None:
        most = int(most / (1 - parts.held_out.share)) + 2
    return most


def training_count(parts: Parts, count: int) -> int:
    """Return how many of so many samples are trained with."""
    share = None if parts.held_out is None else parts.held_out.share
    return count if share is None else count - held_count(count, share)


def _least_rules(parts: Parts, batch: int, count: int) -> Iterator[Violation]:
    """Yield the layers that need more samples than an iteration has."""
    fewest = min(batch, count % batch or batch)
    for number, (layer, sources) in enumerate(zip(parts.layers, parts.sources, strict=True)):
        if layer is None or sources is None or parts.forms[number] is None:
            continue
        least = layer.least_batch(sources)
        if fewest < least:
            message = _("{kind} needs {least} samples in every iteration; one has {fewest} (of {count}, {batch} each)")
            text = message.format(kind=layer.kind, least=least, fewest=fewest, count=count, batch=batch)
            yield Violation(path=("network", "layers", number), message=text)


def size_rules(parts: Parts, batch: int, count: int) -> Iterator[Violation]:
    """Yield what would not fit in memory: the values of an iteration, or the samples."""
    outputs = parts.outputs
    if parts.inputs is None or not parts.complete or outputs is None or None in parts.forms:
        return
    size, parameters = frame_size(parts, batch)
    if size > limits.MAX_FRAME_BYTES:
        message = _(
            "the values of one iteration would take about {size} ({parameters} parameters, {batch} samples in"
            " a batch); the limit is {limit}"
        )
        text = message.format(
            size=_bytes(size), parameters=f"{parameters:,}", batch=batch, limit=_bytes(limits.MAX_FRAME_BYTES)
        )
        yield Violation(path=("network", "layers"), message=text)
    samples = 8 * count * (parts.inputs + outputs)
    if samples > limits.MAX_DATA_BYTES:
        message = _("the samples would take {size}; the limit is {limit}")
        text = message.format(size=_bytes(samples), limit=_bytes(limits.MAX_DATA_BYTES))
        yield Violation(path=("data",), message=text)


def frame_size(parts: Parts, batch: int) -> tuple[int, int]:
    """Return an estimate in bytes of the values of one iteration, and the number of parameters."""
    parameters, values = 0, parts.inputs or 0
    for layer, sources in zip(parts.layers, parts.sources, strict=True):
        if layer is None or sources is None:
            continue
        try:
            values += layer.slots(sources)
        except ShapeError:  # which is reported where the layer is
            continue
        if layer.share is None:
            parameters += sum(parameter.size for parameter in layer.parameters(sources))
    name = parts.training.optimizer if parts.training is not None else None
    optimiser = OPTIMISERS[name or "sgd"]
    training = parts.training
    # Without momentum and decay, gradient descent makes nothing besides the new value.
    plain = bool(optimiser.spare) and not (
        training is not None and any(getattr(training, key) for key in optimiser.spare)
    )
    each = ARRAYS_PER_PARAMETER + (0 if plain else 2 * optimiser.state + optimiser.made)
    return 8 * (each * parameters + ARRAYS_PER_UNIT * batch * values), parameters


def _bytes(size: int) -> str:
    for unit, factor in (("TiB", 2**40), ("GiB", 2**30)):
        if size >= factor:
            return f"{size / factor:,.1f} {unit}"
    return f"{size / 2**20:,.0f} MiB"
