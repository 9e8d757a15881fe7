"""How libraries write what a formula of arrays is made of, and what differentiates it: a row each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Make = Callable[..., Any]
"""Makes a line from its text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """What is differentiated.

    Attributes:
        forward: the lines of forward and loss.
        total: the loss.
        trained: the parameters.
        gradients: what the gradient of each is called.
        data: the data.
        also: what else of the forward lines is wanted later.
    """

    forward: Sequence[Any]
    total: str
    trained: Sequence[str]
    gradients: Sequence[str]
    data: Sequence[str]
    also: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """A library.

    Attributes:
        name: how it is called on the command line.
        title: how it is called in sentences.
        module: what its functions are written behind.
        imports: the lines that import it.
        functions: functions that it calls otherwise than NumPy does; ``{}`` is the argument.
        transpose: how a matrix is transposed; ``{}`` is the matrix.
        axis: the word for the axis of a sum.
        reductions: how a sum and a maximum are written; ``{x}`` is the array, ``{axis}`` the rest of the arguments.
        array: how numbers become an array; ``{}`` are the numbers.
        variable: how they become something that is trained; empty where that is an array like any other.
        listed: how an array is printed with all its digits.
        scalar: how one number is printed.
        taken: how rows of an array are taken.
        counted: how its rows are counted.
        entries: how the rows of a table are looked up by numbers.
        reshape: how an array gets another shape; ``{x}`` is the array, ``{shape}`` the lengths.
        broadcast: how an array, or a number, is repeated in a shape.
        cut: an array that no gradient goes back through.
        columns: some columns of a matrix; ``{x}`` is it, ``{places}`` their places.
        unit_rows: rows of a unit matrix of a size; ``{places}`` says which.
        lower: where a square is not above its diagonal; ``{size}`` is its side.
        lowest: −∞.
        gradient: the lines that differentiate.
        vectors: whether ``@`` takes a row or a column for a matrix.
        call_of_gradient: the line that makes the gradient of a parameter.
        guarded: what updates stand in; empty where that is nothing.
        stored: how a trained array gets its new value.
    """

    name: str
    title: str
    module: str
    imports: tuple[str, ...]
    functions: Mapping[str, str] = field(default_factory=dict)
    transpose: str = "{}.T"
    axis: str = "axis"
    reductions: Mapping[str, str] = field(default_factory=lambda: {"sum": "{x}.sum({axis})", "max": "{x}.max({axis})"})
    array: str = "np.array({})"
    variable: str = ""
    listed: str = "{}.tolist()"
    scalar: str = "float({})"
    taken: str = "{array}[{rows}]"
    counted: str = "len({})"
    entries: str = "{table}[{rows}.astype(int)]"
    reshape: str = "{x}.reshape({shape})"
    broadcast: str = "np.broadcast_to({x}, ({shape}))"
    cut: str = "{}"
    lower: str = "np.tri({size}, dtype=bool)"
    columns: str = "{x}[:, {places}]"
    unit_rows: str = "np.eye({size})[{places}]"
    lowest: str = "-np.inf"
    gradient: Callable[[Pass, Make], Iterator[Any]] | None = None
    vectors: bool = True
    call_of_gradient: str = ""
    guarded: str = ""
    stored: str = "{old} = {new}"

    def call(self, function: str, argument: str) -> str:
        """A function of one argument."""
        written = self.functions.get(function)
        return f"{self.module}.{function}({argument})" if written is None else written.format(argument)

    def where(self, condition: str, then: str, otherwise: str) -> str:
        """One value or another."""
        if self.name == "tensorflow" and is_number(then) and is_number(otherwise):
            # Of two numbers alone it makes 32 bits.
            then = self.array.format(then)
        return f"{self.module}.where({condition}, {then}, {otherwise})"

    def permuted(self, array: str, axes: Sequence[int]) -> str:
        """An array with its axes in another order."""
        function = "permute" if self.name == "torch" else "transpose"
        return f"{self.module}.{function}({array}, {tuple(axes)})"

    def joined(self, arrays: Sequence[str], axis: int) -> str:
        """Arrays side by side along an axis."""
        function = "concat" if self.name == "tensorflow" else "concatenate"
        return f"{self.module}.{function}([{', '.join(arrays)}], {self.axis}={axis})"

    def larger(self, one: str, other: str, *, alone: bool) -> str:
        """The larger of two, element by element; of two numbers alone each may be one of Python's."""
        if alone and self.name == "torch":
            one, other = (f"torch.as_tensor({text})" for text in (one, other))
        return f"{self.module}.maximum({one}, {other})"

    def transposed(self, matrix: str) -> str:
        """A matrix with its axes the other way round."""
        return self.transpose.format(matrix)

    def reshaped(self, array: str, lengths: Sequence[str]) -> str:
        """An array in another shape."""
        return self.reshape.format(x=array, shape=", ".join(lengths))

    def reduce(self, kind: str, array: str, axes: Sequence[int]) -> str:
        """A sum or a maximum over axes, over all where none is given."""
        text = str(axes[0]) if len(axes) == 1 else str(tuple(axes))
        axis = f"{self.axis}={text}" if axes else ""
        return self.reductions[kind].format(x=array, axis=axis, comma=", " if axis else "")

    def rows(self, array: str, rows: str) -> str:
        """Rows of an array."""
        if self.name == "tensorflow" and rows.startswith("order"):
            return f"tf.gather({array}, {rows})"
        return self.taken.format(array=array, rows=rows)

    def differentiated(self, one: Pass, make: Make) -> Iterator[Any]:
        """The lines of forward and loss, and what differentiates them."""
        assert self.gradient is not None
        # Where nothing is trained there is nothing to differentiate.
        yield from self.gradient(one, make) if one.trained else one.forward

    def updated(self, lines: Sequence[Any], make: Make) -> Iterator[Any]:
        """The lines of the update."""
        if not self.guarded or all(line.text.startswith("#") for line in lines):
            yield from lines
            return
        yield self.guarded
        yield from _indented(lines, make)

    def assigned(self, old: str, new: str, *, trained: bool) -> str:
        """An array gets its value for the next iteration."""
        return (self.stored if trained else "{old} = {new}").format(old=old, new=new)


def is_number(text: str) -> bool:
    """Whether a text is a number and nothing else."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def _indented(lines: Sequence[Any], make: Make) -> Iterator[Any]:
    for line in lines:
        yield make(text=f"    {line.text}", makes=line.makes)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) + ("," if len(names) == 1 else "")


def _backward(one: Pass, make: Make) -> Iterator[Any]:
    yield from one.forward
    yield "# backward"
    for name in one.trained:
        yield f"{name}.grad = None"
    yield f"{one.total}.backward()"
    for name, gradient in zip(one.trained, one.gradients, strict=True):
        yield make(text=f"{gradient} = {name}.grad", makes="")


def _tape(one: Pass, make: Make) -> Iterator[Any]:
    yield "with tf.GradientTape() as tape:"
    yield from _indented(one.forward, make)
    yield "# backward"
    yield f"{_listed(one.gradients)} = tape.gradient({one.total}, [{', '.join(one.trained)}])"
    for name, gradient in zip(one.trained, one.gradients, strict=True):
        # Of a table whose rows are looked up, only the rows that were come back.
        if any(f"tf.gather({name}," in line.text for line in one.forward):
            yield f"{gradient} = tf.convert_to_tensor({gradient})"


BEFORE = "\f"
"""A line that says: what came so far stands before the loop."""


def _value_and_grad(one: Pass, make: Make) -> Iterator[Any]:
    yield from ("", "", f"def loss(parameters, {', '.join(one.data)}):")
    yield f"    {_listed(one.trained)} = parameters"
    yield from _indented(one.forward, make)
    yield f"    return {one.total}, ({_listed(one.also)})" if one.also else f"    return {one.total}"
    yield from ("", BEFORE)
    yield "# forward, loss and backward"
    values = f"({_listed(one.trained)}), {', '.join(one.data)}"
    if one.also:
        found = f"({one.total}, ({_listed(one.also)}))"
        yield f"{found}, gradients = jax.value_and_grad(loss, has_aux=True)({values})"
    else:
        yield f"{one.total}, gradients = jax.value_and_grad(loss)({values})"
    yield f"{_listed(one.gradients)} = gradients"


NUMPY = Dialect(
    name="numpy",
    title="NumPy",
    module="np",
    imports=("import numpy as np",),
    functions={"erf": "np.vectorize(math.erf)({})"},
)
TORCH = Dialect(
    name="torch",
    title="PyTorch",
    module="torch",
    imports=("import torch", "", "torch.set_default_dtype(torch.float64)"),
    axis="dim",
    reductions={"sum": "{x}.sum({axis})", "max": "{x}.amax({axis})"},
    array="torch.tensor({})",
    variable="torch.tensor({}, requires_grad=True)",
    unit_rows="torch.eye({size})[{places}]",
    gradient=_backward,
    call_of_gradient="{total}.backward(); {gradient} = {of}.grad",
    scalar="{}.item()",
    entries="{table}[{rows}.long()]",
    broadcast="torch.as_tensor({x}).expand({shape})",
    cut="{}.detach()",
    lower="torch.ones({size}, {size}).tril() == 1",
    lowest="-torch.inf",
    guarded="with torch.no_grad():",
    stored="{old}.copy_({new})",
)
TENSORFLOW = Dialect(
    name="tensorflow",
    title="TensorFlow",
    module="tf",
    imports=("import tensorflow as tf",),
    functions={name: f"tf.math.{name}({{}})" for name in ("log", "log1p", "expm1", "erf")},
    transpose="tf.transpose({})",
    reductions={"sum": "tf.reduce_sum({x}{comma}{axis})", "max": "tf.reduce_max({x}{comma}{axis})"},
    array="tf.constant({}, dtype=tf.float64)",
    variable="tf.Variable({}, dtype=tf.float64)",
    listed="{}.numpy().tolist()",
    entries="tf.gather({table}, tf.cast({rows}, tf.int64))",
    reshape="tf.reshape({x}, ({shape}))",
    broadcast="tf.broadcast_to({x}, ({shape}))",
    columns="tf.gather({x}, {places}, axis=1)",
    unit_rows="tf.one_hot({places}, {size}, dtype=tf.float64)",
    cut="tf.stop_gradient({})",
    lower="tf.linalg.band_part(tf.ones(({size}, {size})), -1, 0) == 1",
    lowest='-float("inf")',
    gradient=_tape,
    call_of_gradient="{gradient} = tape.gradient({total}, {of})",
    vectors=False,
    stored="{old}.assign({new})",
)
JAX = Dialect(
    name="jax",
    title="JAX",
    module="jnp",
    imports=("import jax", "import jax.numpy as jnp", "", 'jax.config.update("jax_enable_x64", True)'),
    functions={"erf": "jax.scipy.special.erf({})"},
    array="jnp.array({})",
    broadcast="jnp.broadcast_to({x}, ({shape}))",
    columns="{x}[:, jnp.array({places})]",
    unit_rows="jnp.eye({size})[jnp.array({places})]",
    cut="jax.lax.stop_gradient({})",
    lower="jnp.tri({size}, dtype=bool)",
    lowest="-jnp.inf",
    gradient=_value_and_grad,
    call_of_gradient="{gradient} = jax.grad(loss)({of}, ...)",
)

DIALECTS = {dialect.name: dialect for dialect in (NUMPY, TORCH, TENSORFLOW, JAX)}
"""The libraries, by their names."""
