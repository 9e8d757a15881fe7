"""The training of a scenario in JAX: losses, ``jax.grad``, and the optimisers from their formulas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tests.oracles.random_networks import jax_layers, jax_sequences, jax_spatial
from tests.oracles.random_networks.formulas import Formulas
from tests.oracles.random_networks.jax_layers import JaxPass, jax_module
from tests.oracles.random_networks.walk import Given, Iteration, Spec, named, share_of, width

KINDS = {**jax_layers.KINDS, **jax_spatial.KINDS, **jax_sequences.KINDS}


def loss_terms(run: JaxPass, loss: dict[str, Any], out: Any, goal: Any) -> Any:
    """E of one output at one time, element by element."""
    jnp, nn = run.np, run.jax.nn
    match loss["kind"]:
        case "value":
            return out
        case "half_squared_error":
            return 0.5 * (out - goal) ** 2
        case "squared_error" | "mean_squared_error":
            return (out - goal) ** 2
        case "mean_absolute_error":
            return jnp.abs(out - goal)
        case "huber":
            delta, off = loss["delta"], out - goal
            return jnp.where(jnp.abs(off) <= delta, 0.5 * off * off, delta * (jnp.abs(off) - 0.5 * delta))
        case "binary_cross_entropy":
            # Without a target of 0 or 1 times an infinite logarithm.
            hit = jnp.where(goal == 0, 0.0, goal * jnp.log(jnp.where(goal == 0, 1.0, out)))
            miss = jnp.where(goal == 1, 0.0, (1.0 - goal) * jnp.log1p(-jnp.where(goal == 1, 0.0, out)))
            return -(hit + miss)
        case "binary_cross_entropy_logits":
            return nn.softplus(out) - out * goal
        case "cross_entropy":
            smooth = loss["label_smoothing"]
            goal = (1.0 - smooth) * goal + smooth / goal.shape[-1]
            return -goal * nn.log_softmax(run.logits[id(out)], axis=-1)
    raise AssertionError(loss["kind"])


def total_loss(run: JaxPass, goals: Any) -> Any:
    """E, the sum of all terms of all losses; the terms are noted."""
    total: Any = 0.0
    column = 0
    for loss in run.spec.losses:
        value = run.values[loss["layer"]]
        timed = isinstance(value, list)
        steps = value if timed else [value]
        mask = run.mask(len(steps)) if timed else None
        share = share_of(loss, steps[0].shape, len(steps) if timed else 0, None if mask is None else run.lengths)
        for number, out in enumerate(steps):
            size = 0 if loss["kind"] == "value" else width(out)
            goal = goals[:, column : column + size]
            column += size
            terms = loss["weight"] * loss_terms(run, loss, out, goal.reshape(out.shape) if size else goal) / share
            if mask is not None:
                terms = terms * mask[:, number].reshape(-1, *(1,) * (terms.ndim - 1))
            run.kept[named("E", loss["layer"], number + 1 if timed else None)] = terms
            total = total + terms.sum()
    return total


def penalty(jax: Any, training: Mapping[str, Any], trained: Mapping[str, Any], biases: frozenset[str]) -> Any:
    """What L1 and L2 add to the loss."""
    total: Any = 0.0
    for name, value in trained.items():
        if name in biases and not training.get("penalise_biases"):
            continue
        if "l1" in training:
            # The slope of |w| at 0 is 0, as in PyTorch; that of jax.numpy.abs is 1.
            sign = jax.lax.stop_gradient(jax.numpy.sign(value))
            total = total + training["l1"] * (value * sign).sum()
        if "l2" in training:
            total = total + (0.5 if training.get("l2_half", True) else 1.0) * training["l2"] * (value * value).sum()
    return total


class Slopes:
    """E, the values of the layers and all gradients of one scenario, compiled once for each number of samples.

    Args:
        spec: the scenario.
        given: what the engine says of it.
    """

    def __init__(self, spec: Spec, given: Given) -> None:
        self.jax = jax_module()
        self.spec, self.given = spec, given
        self._compiled: dict[int, tuple[Any, dict[str, Any]]] = {}

    def __call__(self, trained: Any, fixed: Any, memory: Any, data: Any) -> tuple[Any, Any, Any, Any]:
        """E, what is kept, the new running statistics, and the gradients by parameters and by what is kept."""
        samples = len(data[0])
        if samples not in self._compiled:
            shapes = self.jax.eval_shape(
                lambda *parts: self._computed(parts[0], {}, *parts[1:])[1][0], trained, fixed, memory, data
            )
            probes = {name: np.zeros(one.shape) for name, one in shapes.items() if not name.startswith("E_")}
            slopes = self.jax.jit(self.jax.value_and_grad(self._computed, argnums=(0, 1), has_aux=True))
            self._compiled[samples] = slopes, probes
        slopes, probes = self._compiled[samples]
        (total, (kept, memory)), gradients = slopes(trained, probes, fixed, memory, data)
        return total, kept, memory, gradients

    def _computed(self, trained: Any, probes: Any, fixed: Any, memory: Any, data: Any) -> Any:
        inputs, goals, lengths, masks = data
        now = dict(memory)
        run = JaxPass(self.spec, {**fixed, **trained}, probes, now, masks, KINDS)
        run.run(inputs, lengths)
        total = total_loss(run, goals)
        reached = {name: value for name, value in trained.items() if name in self.given.reached}
        total = total + penalty(self.jax, self.spec.training, reached, self.given.biases)
        return total, (run.kept, now)


def train(text: str, given: Given) -> list[Iteration]:
    """All iterations of a scenario."""
    spec = Spec(text)
    slopes = Slopes(spec, given)
    parameters = {name: np.array(values) for name, values in given.parameters.items()}
    memory: dict[str, Any] = {}
    optimiser = Formulas(spec.training, given.biases, spec.epochs, len(given.rows) // spec.epochs)
    found = []
    for rows, masks in zip(given.rows, given.masks, strict=True):
        picked = list(rows)
        lengths = None if spec.lengths is None else np.array(spec.lengths)[picked]
        data = (spec.inputs[picked], spec.targets[picked], lengths, dict(masks))
        trained = {name: parameters[name] for name in given.trainable}
        fixed = {name: values for name, values in parameters.items() if name not in trained}
        total, kept, memory, gradients = slopes(trained, fixed, memory, data)
        now = Iteration({"E": np.array(total)})
        now.values |= {name: np.array(value) for name, value in kept.items()}
        for part in gradients:
            now.values |= {f"grad({name})": np.array(value) for name, value in part.items()}
        reached = {name: now.values[f"grad({name})"] for name in given.trainable if name in given.reached}
        optimiser.step(parameters, reached, float(total))
        now.after = {name: np.array(value) for name, value in [*parameters.items(), *memory.items()]}
        found.append(now)
    return found
