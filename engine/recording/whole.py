"""The equations of operators that add up much, for all elements at once: the same arithmetic over whole arrays.

What an element is, the aten table says; this is only sooner there, and a test holds each to the table's, value and
bound alike.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.equations.expression import SQUARE
from retrograde.engine.equations.functions import ABS, EXP, LOG, SQRT
from retrograde.engine.network.frame import Frame
from retrograde.engine.recording.again import MOVE, UNFIT, Operands, covers, laid, made_again, shown
from retrograde.engine.recording.aten.reading import Given, UnstatedError, axes_of
from retrograde.engine.recording.bounded import Bounded, Rounding, Total
from retrograde.engine.recording.form import Kind
from retrograde.engine.recording.program import Recorded
from retrograde.engine.recording.window import Tensor

MOST = 10**10
"""Multiplications of one op that are done at once."""


class _Over(NamedTuple):
    """An op over whole arrays.

    Attributes:
        given: what it was given.
        rounding: the arithmetic of the type of its result.
        numbers: the numbers of a tensor.
    """

    given: Given
    rounding: Rounding
    numbers: Callable[[Tensor], Floats]

    def __call__(self, name: str) -> Bounded:
        return Bounded(self.numbers(self.given.tensor(name)), 0.0)

    def maybe(self, name: str) -> Bounded | None:
        """An operand that may be left out."""
        found = self.given.maybe(name)
        return None if found is None else Bounded(self.numbers(found), 0.0)

    def result(self, position: int) -> Bounded:
        """Another result of the op."""
        return Bounded(self.numbers(self.given.results[position]), 0.0)

    def const(self, name: str, default: float = 0.0) -> Bounded:
        """A number of the program, rounded to the type."""
        return number(self.given.const(name, default).value)


Form = Callable[[_Over], Bounded]


def number(value: float) -> Bounded:
    """A number that has no error."""
    return Bounded(np.float64(value), 0.0)


def shaped(one: Bounded, shape: Sequence[int]) -> Bounded:
    """The same numbers in another shape."""
    value = np.asarray(one.value)
    return Bounded(value.reshape(shape), np.broadcast_to(one.error, value.shape).reshape(shape))


def _neg(one: Bounded) -> Bounded:
    return Bounded(-one.value, one.error)


def _transposed(one: Bounded) -> Bounded:
    error = one.error if np.ndim(one.error) < 2 else np.swapaxes(one.error, -1, -2)
    return Bounded(np.swapaxes(one.value, -1, -2), error)


def _is_cheap(left: Bounded, right: Bounded) -> None:
    if left.value.size * right.value.shape[-1] > MOST:
        raise UnstatedError("shape")


def _mm(over: _Over) -> Bounded:
    left, right = over("self"), over("mat2" if over.given.maybe("mat2") else "other")
    _is_cheap(left, right)
    return over.rounding.summed(over.rounding.dot(left, right))


def _addmm(left: str, right: str) -> Form:
    def form(over: _Over) -> Bounded:
        rounding = over.rounding
        one, other = over(left), over(right)
        vector = other.value.ndim == 1
        other = shaped(other, (-1, 1)) if vector else other
        _is_cheap(one, other)
        total = rounding.dot(one, other)
        total = Total(*(part[..., 0] if vector and np.ndim(part) else part for part in total))
        alpha, beta = over.const("alpha", 1.0), over.const("beta", 1.0)
        if alpha.value != 1.0:
            found = rounding.product(alpha, rounding.summed(total))
            total = Total(found.value, np.abs(found.value), found.error, 1)
        if over.given.number("beta", 1.0) == 0:
            return rounding.summed(total)
        own = over("self") if beta.value == 1.0 else rounding.product(beta, over("self"))
        return rounding.summed(joined(total, own))

    return form


def joined(total: Total, one: Bounded) -> Total:
    """A sum with one more term."""
    return Total(total.value + one.value, total.absolute + np.abs(one.value), total.error + one.error, total.count + 1)


def _mv(over: _Over) -> Bounded:
    found = over.rounding.summed(over.rounding.dot(over("self"), shaped(over("vec"), (-1, 1))))
    return Bounded(found.value[..., 0], found.error[..., 0])


def _axes(over: _Over) -> tuple[Bounded, tuple[int, ...]]:
    source = over("self")
    return source, axes_of(over.given, "dim", source.value.ndim)


def _sum(over: _Over) -> Bounded:
    source, axes = _axes(over)
    return shaped(over.rounding.summed(over.rounding.over(source, axes)), over.given.out.shape)


def _mean_of(rounding: Rounding, one: Bounded, axes: Sequence[int]) -> Bounded:
    count = math.prod(one.value.shape[axis] for axis in axes)
    return rounding.div(rounding.summed(rounding.over(one, axes)), number(count))


def _mean(over: _Over) -> Bounded:
    source, axes = _axes(over)
    return shaped(_mean_of(over.rounding, source, axes), over.given.out.shape)


def _norm(over: _Over) -> Bounded:
    source, axes = _axes(over)
    order = over.given.arguments.get("ord", over.given.arguments.get("p", 2))
    if order not in {None, 1, 2}:
        raise UnstatedError("ord")
    terms = over.rounding.call(ABS if order == 1 else SQUARE, source)
    found = shaped(over.rounding.summed(over.rounding.over(terms, axes)), over.given.out.shape)
    return found if order == 1 else over.rounding.call(SQRT, found)


def _line(over: _Over, name: str) -> tuple[Bounded, tuple[int, ...]]:
    source = over(name)
    if not source.value.ndim:
        raise UnstatedError("dim")
    return source, (int(over.given.number("dim")) % source.value.ndim,)


def _softmax(over: _Over) -> Bounded:
    rounding = over.rounding
    source, axes = _line(over, "self")
    own = rounding.sub(source, Bounded(source.value.max(axis=axes, keepdims=True), 0.0))
    sums = rounding.summed(rounding.over(rounding.call(EXP, own), axes))
    if over.given.arguments["__op__"] == "_softmax":
        return rounding.div(rounding.call(EXP, own), sums)
    return rounding.sub(own, rounding.call(LOG, sums))


def _log_softmax_backward(over: _Over) -> Bounded:
    rounding = over.rounding
    grad, axes = _line(over, "grad_output")
    sums = rounding.summed(rounding.over(grad, axes))
    return rounding.sub(grad, rounding.product(rounding.call(EXP, over("output")), sums))


def _softmax_backward(over: _Over) -> Bounded:
    rounding = over.rounding
    grad, axes = _line(over, "grad_output")
    sums = rounding.summed(rounding.over(rounding.product(grad, over("output")), axes))
    return rounding.product(rounding.sub(grad, sums), over("output"))


def _inverse_deviation(
    rounding: Rounding, source: Bounded, mean: Bounded, axes: Sequence[int], eps: Bounded
) -> Bounded:
    variance = _mean_of(rounding, rounding.call(SQUARE, rounding.sub(source, mean)), axes)
    return rounding.div(number(1.0), rounding.call(SQRT, rounding.sum(variance, eps)))


def _inner(over: _Over, name: str) -> tuple[Bounded, tuple[int, ...]]:
    source = over(name)
    inner = len(over.given.ints("normalized_shape"))
    return source, tuple(range(source.value.ndim - inner, source.value.ndim))


def _layer_norm(over: _Over) -> Bounded:
    rounding, position = over.rounding, over.given.position
    source, axes = _inner(over, "input")
    if position == 1:
        return _mean_of(rounding, source, axes)
    mean = over.result(1)
    if position == 2:
        return _inverse_deviation(rounding, source, mean, axes, over.const("eps"))
    weight, bias = over.maybe("weight"), over.maybe("bias")
    centred = rounding.sub(source, mean)
    factors = [centred, over.result(2), *([] if weight is None else [weight])]
    normed = rounding.product(*factors)
    return normed if bias is None else rounding.sum(normed, bias)


def _layer_norm_backward(over: _Over) -> Bounded:
    rounding, position = over.rounding, over.given.position
    source, axes = _inner(over, "input")
    grad, mean, scale, weight = over("grad_out"), over("mean"), over("rstd"), over.maybe("weight")
    outer = tuple(range(axes[0]))
    if position:
        terms = grad if position == 2 else rounding.product(grad, rounding.sub(source, mean), scale)
        return shaped(rounding.summed(rounding.over(terms, outer)), over.given.out.shape)
    scaled = grad if weight is None else rounding.product(grad, weight)
    return _back(rounding, scaled, source, mean, scale, axes)


def _back(
    rounding: Rounding, scaled: Bounded, source: Bounded, mean: Bounded, scale: Bounded, axes: Sequence[int]
) -> Bounded:
    """S · (g − Σg/n − x̂ · Σ(g·x̂)/n), with x̂ = (x − μ)·s."""
    normed = rounding.product(rounding.sub(source, mean), scale)
    along = _mean_of(rounding, rounding.product(scaled, normed), axes)
    inner = rounding.sub(rounding.sub(scaled, _mean_of(rounding, scaled, axes)), rounding.product(normed, along))
    return rounding.product(scale, inner)


def _channels(one: Bounded, rank: int) -> Bounded:
    """A number for each channel, along the second of so many axes."""
    return shaped(one, (1, -1, *(1,) * (rank - 2)))


def _batch_norm(over: _Over) -> Bounded:
    rounding, position = over.rounding, over.given.position
    source = over("input")
    rank = source.value.ndim
    axes = (0, *range(2, rank))
    if not over.given.arguments.get("training") or position > 2:
        raise UnstatedError("training")
    if position == 1:
        return shaped(_mean_of(rounding, source, axes), over.given.out.shape)
    mean = _channels(over.result(1), rank)
    if position == 2:
        return shaped(_inverse_deviation(rounding, source, mean, axes, over.const("eps")), over.given.out.shape)
    weight, bias = over.maybe("weight"), over.maybe("bias")
    alpha = _channels(over.result(2), rank)
    alpha = alpha if weight is None else rounding.product(alpha, _channels(weight, rank))
    shift = rounding.product(mean, alpha)
    beta = _neg(shift) if bias is None else rounding.sub(_channels(bias, rank), shift)
    return rounding.sum(rounding.product(source, alpha), beta)


def _batch_norm_backward(over: _Over) -> Bounded:
    rounding, position = over.rounding, over.given.position
    grad, source = over("grad_out"), over("input")
    rank = source.value.ndim
    axes = (0, *range(2, rank))
    if not over.given.arguments.get("train", True):
        raise UnstatedError("train")
    mean, scale = _channels(over("save_mean"), rank), _channels(over("save_invstd"), rank)
    sums = rounding.summed(rounding.over(grad, axes))
    if position == 2:
        return shaped(sums, over.given.out.shape)
    centred = rounding.sub(source, mean)
    dot = rounding.summed(rounding.over(rounding.product(centred, grad), axes))
    if position == 1:
        return shaped(rounding.product(dot, scale), over.given.out.shape)
    n = number(source.value.size // source.value.shape[1])
    weight = over.maybe("weight")
    gain = [scale] if weight is None else [scale, _channels(weight, rank)]
    part = rounding.product(centred, rounding.div(rounding.product(dot, scale, scale), n))
    return rounding.product(rounding.sub(rounding.sub(grad, rounding.div(sums, n)), part), *gain)


def _seen(over: _Over) -> Any:
    """Which keys a query looks at."""
    rows, columns = over.given.tensor("query").shape[-2], over.given.tensor("key").shape[-2]
    causal = bool(over.given.arguments.get("is_causal"))
    return np.tri(rows, columns, dtype=bool) if causal else np.ones((rows, columns), dtype=bool)


def _score(over: _Over) -> Bounded:
    query, key = over.given.tensor("query"), over.given.tensor("key")
    if over.given.number("dropout_p") or query.shape[:2] != key.shape[:2] or query.rank != 4:
        raise UnstatedError("dropout_p")
    scale = over.given.rounded(over.given.number("scale", 1 / math.sqrt(query.shape[-1])))
    dot = over.rounding.summed(over.rounding.dot(over("query"), _transposed(over("key"))))
    found = dot if scale.value == 1.0 else over.rounding.product(number(scale.value), dot)
    mask = over.maybe("attn_mask")
    return found if mask is None else over.rounding.sum(found, mask)


def _only(one: Bounded, seen: Any) -> Bounded:
    return Bounded(np.where(seen, one.value, 0.0), np.where(seen, one.error, 0.0))


def _weights(over: _Over, logs: Bounded, seen: Any) -> Bounded:
    return _only(over.rounding.call(EXP, over.rounding.sub(_score(over), shaped(logs, (*logs.value.shape, 1)))), seen)


def _attention(over: _Over) -> Bounded:
    rounding, seen = over.rounding, _seen(over)
    if over.given.position == 1:
        total = rounding.over(rounding.call(EXP, _score(over)), (-1,), seen=seen)
        return shaped(rounding.call(LOG, rounding.summed(total)), over.given.out.shape)
    weights = _weights(over, over.result(1), seen)
    return rounding.summed(rounding.dot(weights, over("value"), seen.sum(1)[:, None]))


def _attention_backward(over: _Over) -> Bounded:
    rounding, seen = over.rounding, _seen(over)
    grad, out = over("grad_out"), over("out")
    weights = _weights(over, over("logsumexp"), seen)
    queries = seen.sum(0)[:, None]
    if over.given.position == 2:
        return rounding.summed(rounding.dot(_transposed(weights), grad, queries))
    along = rounding.summed(rounding.dot(grad, _transposed(over("value"))))
    mean = rounding.summed(rounding.over(rounding.product(grad, out), (-1,)))
    slope = _only(rounding.product(weights, rounding.sub(along, mean)), seen)
    if over.given.position == 0:
        total = rounding.dot(slope, over("key"), seen.sum(1)[:, None])
    else:
        total = rounding.dot(_transposed(slope), over("query"), queries)
    scale = over.given.rounded(over.given.number("scale", 1 / math.sqrt(over.given.tensor("query").shape[-1])))
    found = rounding.summed(total)
    return found if scale.value == 1.0 else rounding.product(number(scale.value), found)


def _embedding_backward(over: _Over) -> Bounded:
    given = over.given
    if given.arguments.get("scale_grad_by_freq"):
        raise UnstatedError("scale_grad_by_freq")
    rows, width = given.out.shape
    grad = over("grad_output").value.reshape(-1, width)
    chosen = over("indices").value.reshape(-1).astype(np.intp)
    kept = chosen != int(given.number("padding_idx", -1))
    sums = [np.zeros((rows, width)) for _ in range(2)]
    for found, part in zip(sums, (grad, np.abs(grad)), strict=True):
        np.add.at(found, chosen[kept], part[kept])
    count = np.maximum(np.bincount(chosen[kept], minlength=rows), 1)[:, None]
    return over.rounding.summed(Total(sums[0], sums[1], 0.0, count))


class _Walk(NamedTuple):
    """One tap of a kernel: which outputs meet which inputs."""

    tap: tuple[int, ...]
    outputs: tuple[slice, ...]
    inputs: tuple[slice, ...]


def _walks(over: _Over, kernel: Sequence[int], outputs: Sequence[int], inputs: Sequence[int]) -> Iterator[_Walk]:
    def wide(name: str, default: int) -> tuple[int, ...]:
        found = over.given.ints(name) or (default,)
        return found * len(kernel) if len(found) == 1 else found

    stride, padding, dilation = wide("stride", 1), wide("padding", 0), wide("dilation", 1)
    for tap in np.ndindex(*kernel):
        ours, theirs = [], []
        for k, s, p, d, o, n in zip(tap, stride, padding, dilation, outputs, inputs, strict=True):
            first = max(0, -((k * d - p) // s))
            last = min(o - 1, (n - 1 + p - k * d) // s)
            ours.append(slice(first, max(last + 1, first)))
            start = first * s - p + k * d
            theirs.append(slice(start, start + max(last + 1 - first, 0) * s, s))
        if all(one.stop > one.start for one in ours):
            yield _Walk(tap, tuple(ours), tuple(theirs))


class _Sides(NamedTuple):
    """A convolution: the input, the output or its gradient, and the weight; each may be what is looked for."""

    inputs: Any
    outputs: Any
    weight: Any


def _convolved(over: _Over, wanted: str, sides: _Sides, shapes: _Sides) -> Total:
    """What a convolution adds up for one of its sides, of the other two: tap by tap."""
    groups = int(over.given.number("groups", 1))
    sample, out, inner = shapes.inputs[0], shapes.weight[0] // groups, shapes.weight[1]
    if math.prod(shapes.outputs) * inner * math.prod(shapes.weight[2:]) > MOST:
        raise UnstatedError("input")
    shape = getattr(shapes, wanted)
    value, absolute, count = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    for walk in _walks(over, shapes.weight[2:], shapes.outputs[2:], shapes.inputs[2:]):
        every = (slice(None), slice(None))
        inputs, outputs, tap = every + walk.inputs, every + walk.outputs, every + walk.tap
        for group in range(groups):
            o, i = slice(group * out, (group + 1) * out), slice(group * inner, (group + 1) * inner)
            at = {
                "inputs": (slice(None), i, *inputs[2:]),
                "outputs": (slice(None), o, *outputs[2:]),
                "weight": (o, slice(None), *tap[2:]),
            }
            parts = {name: getattr(sides, name)[at[name]] for name in at if name != wanted}
            for target, how in ((value, lambda x: x), (absolute, np.abs)):
                found = _contracted(wanted, {name: how(part) for name, part in parts.items()}, sample)
                target[at[wanted]] += found.reshape(target[at[wanted]].shape)
            places = math.prod(one.stop - one.start for one in walk.outputs)
            count[at[wanted]] += {"inputs": out, "outputs": inner, "weight": sample * places}[wanted]
    error = over.rounding.kind.epsilon * absolute + count * over.rounding.kind.tiny
    return Total(value, absolute, error, np.maximum(count, 1))


def _contracted(wanted: str, parts: Mapping[str, Any], sample: int) -> Any:
    """One tap and group: outputs = weight · inputs at each place, and its transposes."""
    flat = {name: part if name == "weight" else part.reshape(sample, part.shape[1], -1) for name, part in parts.items()}
    if wanted == "outputs":
        return flat["weight"] @ flat["inputs"]
    if wanted == "inputs":
        return flat["weight"].T @ flat["outputs"]
    return np.einsum("nos,ncs->oc", flat["outputs"], flat["inputs"], optimize=True)


def _convolution(over: _Over) -> Bounded:
    given = over.given
    source, weight, bias = given.tensor("input"), given.tensor("weight"), over.maybe("bias")
    if source.rank != weight.rank:
        raise UnstatedError("input")
    numbers, kernel = over("input").value, over("weight").value
    if given.arguments.get("transposed"):
        shapes = _Sides(given.out.shape, source.shape, weight.shape)
        total = _convolved(over, "inputs", _Sides(None, numbers, kernel), shapes)
    else:
        shapes = _Sides(source.shape, given.out.shape, weight.shape)
        total = _convolved(over, "outputs", _Sides(numbers, None, kernel), shapes)
    if bias is not None:
        total = joined(total, _channels(bias, source.rank))
    return over.rounding.summed(total)


def _convolution_backward(over: _Over) -> Bounded:
    given = over.given
    grad, source, weight = (given.tensor(name) for name in ("grad_output", "input", "weight"))
    if source.rank != weight.rank:
        raise UnstatedError("input")
    if given.position == 2:
        axes = (0, *range(2, grad.rank))
        return shaped(over.rounding.summed(over.rounding.over(over("grad_output"), axes)), given.out.shape)
    numbers, ours, kernel = over("grad_output").value, over("input").value, over("weight").value
    if given.arguments.get("transposed"):
        # The input and the output change places.
        shapes, sides = _Sides(grad.shape, source.shape, weight.shape), _Sides(numbers, ours, kernel)
        wanted = "outputs" if given.position == 0 else "weight"
    else:
        shapes, sides = _Sides(source.shape, grad.shape, weight.shape), _Sides(ours, numbers, kernel)
        wanted = "inputs" if given.position == 0 else "weight"
    return over.rounding.summed(_convolved(over, wanted, sides, shapes))


FORMS: Mapping[str, Form] = {
    "mm": _mm,
    "bmm": _mm,
    "addmm": _addmm("mat1", "mat2"),
    "baddbmm": _addmm("batch1", "batch2"),
    "addmv": _addmm("mat", "vec"),
    "mv": _mv,
    "sum": _sum,
    "mean": _mean,
    "linalg_vector_norm": _norm,
    "norm": _norm,
    "_softmax": _softmax,
    "_log_softmax": _softmax,
    "_softmax_backward_data": _softmax_backward,
    "_log_softmax_backward_data": _log_softmax_backward,
    "native_layer_norm": _layer_norm,
    "native_layer_norm_backward": _layer_norm_backward,
    "native_batch_norm": _batch_norm,
    "native_batch_norm_backward": _batch_norm_backward,
    "_scaled_dot_product_flash_attention_for_cpu": _attention,
    "_scaled_dot_product_flash_attention_for_cpu_backward": _attention_backward,
    "embedding_dense_backward": _embedding_backward,
    "convolution": _convolution,
    "convolution_backward": _convolution_backward,
}
"""THE table of operators that are held to their equations as a whole, by the name that the aten table has for them."""


MOVED = frozenset({"_to_copy", "cat", "clone", "copy", "embedding"})
"""Operators that only move numbers."""


def whole_of(op: Recorded, frame: Frame, kind: Kind) -> tuple[Floats, Floats] | None:
    """What the equations of all elements of an op give, row by row, and their bounds; None where they go one by one."""
    value = op.values[op.result.to.value]
    if op.result.old is not None or not covers(value, op.result.to) or op.title not in {*FORMS, *MOVED}:
        return None
    given = op.given()

    def numbers(tensor: Tensor) -> Floats:
        return shown(frame.array(tensor.array), op.values[tensor.window.value], tensor.window)

    with np.errstate(all="ignore"):
        try:
            if op.title in FORMS:
                found = FORMS[op.title](_Over(given, Rounding(kind), numbers))
            else:
                found = _moved(op, given, numbers)
        except (UnstatedError, *UNFIT):
            return None
        if np.shape(found.value) != given.out.shape:
            return None
        error = np.broadcast_to(found.error, given.out.shape)
    return tuple(laid(np.asarray(part), value, op.result.to).reshape(-1) for part in (found.value, error))  # type: ignore[return-value]


def _moved(op: Recorded, given: Given, numbers: Callable[[Tensor], Floats]) -> Bounded:
    narrow = given.out.dtype.startswith(("int", "uint", "bool"))

    def filled(one: Any) -> Any:
        if isinstance(one, Tensor):
            if narrow and one.dtype != given.out.dtype:
                raise UnstatedError("dtype")
            found = numbers(one)
            return found.astype(np.intp) if one.dtype.startswith(("int", "uint")) else found
        return [filled(part) for part in one] if isinstance(one, list) else one

    arguments = {name: filled(one) for name, one in given.arguments.items()}
    return Bounded(made_again(op.title, MOVE, Operands(arguments, np.dtype(np.float64), given.out.shape)), 0.0)
