"""The same trainings in PyTorch, micrograd and plain NumPy."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrograde.engine.session.session import Session
from tests.bench.harness import single_threaded

Floats = NDArray[np.float64]


def installed(name: str) -> bool:
    """Whether a package is there to compare with; says so where it is not."""
    found = find_spec(name) is not None
    if not found:
        left_out(f"{name} is not installed")
    return found


def left_out(why: str) -> None:
    """Says that rows are missing, once for each reason."""
    if why not in _SAID:
        _SAID.add(why)
        print(f"LEFT OUT: {why}; the rows that compare with it are missing", file=sys.stderr, flush=True)


_SAID: set[str] = set()


def parameters(session: Session) -> list[tuple[Floats, Floats]]:
    """Weights and biases of each layer at the start of the training."""
    frame = session.timeline.frame(0)
    found = []
    for layer in session.network.layers:
        assert layer.bias is not None
        weights, bias = frame.array(layer.weights), frame.array(layer.bias)
        found.append((weights.copy(), np.broadcast_to(bias, (len(weights),)).copy()))
    return found


class Torch:
    """A session's network as an ``nn.Module`` trained by ``torch.optim.SGD`` or ``Adam``, eager, in float64.

    Args:
        session: the training to copy.
        activations: a name in ``torch`` for each layer, or None for logits.
        loss: from outputs and targets.
        classes: whether the targets are class indices.
        frozen: whether biases stay as they are.
        compiled: whether network, loss and optimiser go through ``torch.compile``.
    """

    def __init__(
        self,
        session: Session,
        activations: Sequence[str | None],
        loss: Callable[[Any, Any], Any],
        *,
        classes: bool = False,
        frozen: bool = False,
        compiled: bool = False,
    ) -> None:
        torch: Any = import_module("torch")
        if single_threaded():
            torch.set_num_threads(1)

        class Layers(torch.nn.Module):  # type: ignore[misc]
            def __init__(self) -> None:
                super().__init__()
                self.layers = torch.nn.ModuleList()
                for weights, bias in parameters(session):
                    layer = torch.nn.Linear(weights.shape[1], weights.shape[0], dtype=torch.float64)
                    layer.weight = torch.nn.Parameter(torch.from_numpy(weights))
                    layer.bias = torch.nn.Parameter(torch.from_numpy(bias), requires_grad=not frozen)
                    self.layers.append(layer)
                self.functions = [None if name is None else getattr(torch, name) for name in activations]

            def forward(self, x: Any) -> Any:
                for layer, function in zip(self.layers, self.functions, strict=True):
                    x = layer(x)
                    if function is not None:
                        x = function(x)
                return x

        data = session.network.dataset
        self.module = Layers()
        training = session.scenario.training
        adam = training.optimizer == "adam"
        self.optimizer = (torch.optim.Adam if adam else torch.optim.SGD)(
            [parameter for parameter in self.module.parameters() if parameter.requires_grad],
            lr=training.learning_rate,
            **({"betas": training.betas, "eps": training.eps} if adam else {}),
        )
        module = self.module

        def objective(x: Any, t: Any) -> Any:
            return loss(module(x), t)

        self.objective = torch.compile(objective) if compiled else objective
        self.update = torch.compile(self.optimizer.step) if compiled else self.optimizer.step
        self.inputs = torch.tensor(data.inputs)
        self.targets = torch.tensor(data.targets.argmax(axis=1) if classes else data.targets)
        self._tensor = torch.tensor
        self._schedule = session.schedule
        self._rows: list[Any] = []

    def step(self, x: Any, t: Any) -> float:
        """One iteration; the loss as a number."""
        self.optimizer.zero_grad()
        loss = self.objective(x, t)
        loss.backward()
        self.update()
        return float(loss.item())

    def whole(self, iterations: int) -> float:
        """Iterations on all samples at once; the last loss."""
        last = math.nan
        for _ in range(iterations):
            last = self.step(self.inputs, self.targets)
        return last

    def shuffle(self, epochs: int) -> None:
        """Takes over the session's order of samples, so that making it costs nothing later."""
        schedule = self._schedule
        self._rows = [self._tensor(schedule.rows(k)) for k in range(epochs * schedule.per_epoch)]

    def batches(self) -> float:
        """The shuffled batches, one after the other; the last loss. The parameters go on from where they are."""
        last = math.nan
        for rows in self._rows:
            last = self.step(self.inputs[rows], self.targets[rows])
        return last


def half_squared_error(outputs: Any, targets: Any) -> Any:
    """½ Σ (o − t)²."""
    return 0.5 * ((outputs - targets) ** 2).sum()


def binary_cross_entropy(outputs: Any, targets: Any) -> Any:
    """The mean of −t ln o − (1 − t) ln (1 − o)."""
    return import_module("torch.nn.functional").binary_cross_entropy(outputs, targets)


def cross_entropy(logits: Any, targets: Any) -> Any:
    """The mean of −ln softmax(z)[t]."""
    return import_module("torch.nn.functional").cross_entropy(logits, targets)


class Micrograd:
    """The network of mazur on micrograd's ``Value``, with the sigmoid that it lacks."""

    def __init__(self, session: Session) -> None:
        self._value: Any = import_module("micrograd.engine").Value
        value = self._value
        self.layers = [
            ([[value(w) for w in row] for row in weights.tolist()], bias.tolist())
            for weights, bias in parameters(session)
        ]
        data = session.network.dataset
        self.inputs: list[float] = data.inputs[0].tolist()
        self.targets: list[float] = data.targets[0].tolist()
        self.rate = session.scenario.training.learning_rate

    def _sigmoid(self, x: Any) -> Any:
        out = self._value(1.0 / (1.0 + math.exp(-x.data)), (x,), "σ")

        def backward() -> None:
            x.grad += out.data * (1.0 - out.data) * out.grad

        out._backward = backward
        return out

    def run(self, iterations: int) -> float:
        """Trains; the last loss."""
        last = math.nan
        for _ in range(iterations):
            x: list[Any] = list(self.inputs)
            for weights, biases in self.layers:
                x = [
                    self._sigmoid(row[0] * x[0] + row[1] * x[1] + bias)
                    for row, bias in zip(weights, biases, strict=True)
                ]
            errors = [(out - target) ** 2 for out, target in zip(x, self.targets, strict=True)]
            loss = (errors[0] + errors[1]) * 0.5
            every = [weight for rows, _bias in self.layers for row in rows for weight in row]
            for weight in every:
                weight.grad = 0.0
            loss.backward()
            for weight in every:
                weight.data -= self.rate * weight.grad
            last = float(loss.data)
        return last


class Numpy:
    """The network of mazur in plain vectorised NumPy."""

    def __init__(self, session: Session) -> None:
        (self.w1, self.b1), (self.w2, self.b2) = parameters(session)
        data = session.network.dataset
        self.x, self.t = data.inputs[0], data.targets[0]
        self.rate = session.scenario.training.learning_rate

    def run(self, iterations: int) -> float:
        """Trains; the last loss."""
        x, t, rate = self.x, self.t, self.rate
        last = math.nan
        for _ in range(iterations):
            h = 1.0 / (1.0 + np.exp(-(self.w1 @ x + self.b1)))
            o = 1.0 / (1.0 + np.exp(-(self.w2 @ h + self.b2)))
            error = o - t
            last = 0.5 * float(error @ error)
            delta_o = error * o * (1.0 - o)
            delta_h = (delta_o @ self.w2) * h * (1.0 - h)
            self.w2 -= rate * np.outer(delta_o, h)
            self.w1 -= rate * np.outer(delta_h, x)
        return last


class Jax:
    """A session's network of two dense layers, differentiated, compiled and scanned by JAX in float64."""

    def __init__(self, session: Session, activations: Sequence[str], loss: str, *, frozen: bool = False) -> None:
        jax: Any = import_module("jax")
        jax.config.update("jax_enable_x64", True)
        numpy = jax.numpy
        data = session.network.dataset
        x, t = numpy.asarray(data.inputs), numpy.asarray(data.targets)
        functions = {"sigmoid": jax.nn.sigmoid, "tanh": numpy.tanh}
        rate = session.scenario.training.learning_rate
        self._start = [numpy.asarray(part) for layer in parameters(session) for part in layer]

        def objective(values: Any) -> Any:
            out = x
            for number, name in enumerate(activations):
                out = functions[name](out @ values[2 * number].T + values[2 * number + 1])
            if loss == "half_squared_error":
                return 0.5 * ((out - t) ** 2).sum()
            return -(t * numpy.log(out) + (1.0 - t) * numpy.log(1.0 - out)).mean()

        def step(values: Any, _nothing: Any) -> Any:
            found, slopes = jax.value_and_grad(objective)(values)
            moved = [
                value if frozen and number % 2 else value - rate * slope
                for number, (value, slope) in enumerate(zip(values, slopes, strict=True))
            ]
            return moved, found

        self._scan = jax.jit(lambda values, count: jax.lax.scan(step, values, None, length=count), static_argnums=1)

    def run(self, iterations: int) -> float:
        """Trains from the start; the last loss."""
        _values, losses = self._scan(self._start, iterations)
        return float(losses[-1])
