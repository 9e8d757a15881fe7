"""Random networks with barriers and masks: batch norm, dropout and label smoothing among dense layers."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from hypothesis import strategies as st

from tests.support.networks import Recipe, recipes


@dataclass(frozen=True, kw_only=True)
class Normed(Recipe):
    """A dense network with further layers in between.

    Attributes:
        between: the tables of the layers after the inputs, and after each dense layer but the last.
        shape: the axes of the inputs.
        smoothing: the label smoothing of cross-entropy.
    """

    between: tuple[tuple[str, ...], ...]
    shape: tuple[int, ...] = ()
    smoothing: float = 0.0

    @property
    def text(self) -> str:
        """The scenario as a file."""
        head, *layers = super().text.split("[[network.layers]]")
        last, rest = layers[-1].split("[data]")
        blocks = [*self.between[0]]
        for layer, more in zip(layers[:-1], self.between[1:], strict=True):
            blocks += [layer, *more]
        if self.shape:
            head = head.replace("[network.init]", f"input_shape = {list(self.shape)}\n[network.init]")
        rest = rest.replace("[loss]", f"[loss]\nlabel_smoothing = {self.smoothing}") if self.smoothing else rest
        return "".join((head, *(f"[[network.layers]]\n{block}\n" for block in (*blocks, last)), "[data]", rest))


@st.composite
def tables(draw: st.DrawFn, *, rates: tuple[float, ...] = (0.0, 0.3, 0.5)) -> tuple[str, ...]:
    """Layers in between: a batch norm, a dropout, both, or none."""
    found = []
    if draw(st.booleans()):
        lines = ['kind = "batch_norm"', f"activation = {draw(st.sampled_from(('identity', 'tanh', 'relu')))!r}"]
        if draw(st.booleans()):
            lines.append(f"epsilon = {draw(st.sampled_from((1e-5, 0.01, 0.5)))}")
        lines.append(f"momentum = {draw(st.sampled_from((0.0, 0.1, 0.25, 1.0)))}")
        if draw(st.integers(0, 3)) == 0:
            lines.append("affine = false")
        elif draw(st.integers(0, 3)) == 0:
            lines.append('frozen = ["gamma"]')
        found.append("\n".join(lines))
    if draw(st.booleans()):
        lines = ['kind = "dropout"', f"rate = {draw(st.sampled_from(rates))}"]
        found.append("\n".join(lines))
    return tuple(found)


SHAPES = ((2,), (3,), (1, 2), (2, 2), (2, 3), (2, 1, 2), (1, 2, 2))
"""Axes of the inputs: one, or channels and positions."""


@st.composite
def normed(
    draw: st.DrawFn,
    *,
    depth: int = 3,
    width: int = 3,
    samples: int = 4,
    epochs: int = 2,
    updates: tuple[str, ...] = ("simultaneous", "in_place"),
) -> Normed:
    """Networks with at least one of the layers, in iterations that a batch norm can take."""
    recipe = draw(recipes(depth=depth, width=width, samples=samples, epochs=epochs, updates=updates))
    shape = draw(st.sampled_from(SHAPES))
    between = [draw(tables()) for _ in recipe.activations]
    if not any(between):
        between[0] = ('kind = "batch_norm"',)
    values = vars(recipe) | {"widths": (prod(shape), *recipe.widths[1:])}
    count = max(2, recipe.samples)
    # A batch of one sample is only for what has several positions.
    sizes = [size for size in range(2, count + 1) if count % size != 1] + [0]
    smoothing = draw(st.sampled_from((0.0, 0.1, 1.0))) if recipe.loss == "cross_entropy" else 0.0
    values |= {"samples": count, "batch_size": draw(st.sampled_from(sizes))}
    if prod(shape[1:]) > 1 and not any(map(any, between[1:])) and draw(st.booleans()):
        values["batch_size"] = 1
    # Images only where a batch norm or a dropout reads them; a dense layer takes a row.
    return Normed(**values, between=tuple(between), shape=shape if between[0] else (), smoothing=smoothing)
