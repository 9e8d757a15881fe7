"""The chain rule, unfolded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retrograde.engine.equations.array import Array, Role
from retrograde.engine.equations.expression import Ref
from retrograde.engine.explaining.step import part_of
from retrograde.engine.ops.gradient import Gradient
from retrograde.tui.reading.figures import show
from retrograde.tui.reading.reading import Reading
from retrograde.tui.records.equation import Fraction
from retrograde.tui.views.slots import PARAMETERS, info_of

if TYPE_CHECKING:
    from retrograde.engine.explaining.step import Step


def chain(reading: Reading, step: Step) -> tuple[str, tuple[Fraction, ...]]:
    """The chain rule of a gradient, unfolded into its three factors: of a weight or a bias of a dense layer, or a δ.

    Where a parameter is used more than once, or the layer is of another kind, there is no such product.
    """
    op, of = step.op, step.target.array.of
    if not isinstance(op, Gradient) or of is None or reading.term or len(op.parts) != 1:
        return "", ()
    local = op.parts[0].local(reading.program.index(step.place))
    if local is None:
        return "", ()
    if of.role is Role.NET:
        net, last = Ref(of, step.target.index), None
    elif of.role in PARAMETERS and _is_dense(reading, of):
        delta, last = local
        if delta.array.of is None or delta.array.of.role is not Role.NET:
            return "", ()
        if of.role is Role.BIAS and of.size == 1 and delta.array.element_shape != (1,):
            return "", ()
        net = Ref(delta.array.of, delta.index)
    else:
        return "", ()
    found = _outward(reading, net)
    if found is None:
        return "", ()
    outward, slope = found
    symbol, value = reading.symbol, reading.frame.value
    out = Ref(outward.array.of or outward.array, outward.index)
    whole = symbol(Ref(of, step.target.index))
    # With penalties it is the gradient of the samples' loss L.
    loss = reading.program.named["E" if step.target.array.role is Role.GRADIENT else "loss"]
    total = symbol(Ref(loss))
    part = total if step.running is None or step.running.of == 1 else part_of(total, step.running.done)
    factors = [
        Fraction(above=f"∂{part}", below=f"∂{whole}", value=""),
        Fraction(above=f"∂{total}", below=f"∂{symbol(out)}", value=show(value(outward), 6)),
        Fraction(above=f"∂{symbol(out)}", below=f"∂{symbol(net)}", value=show(value(slope), 6)),
    ]
    if of.role is not Role.NET:
        factor = "1" if of.role is Role.BIAS or last is None else show(step.evaluate(last), 6)
        factors.append(Fraction(above=f"∂{symbol(net)}", below=f"∂{whole}", value=factor))
    return "=", tuple(factors)


def _is_dense(reading: Reading, array: Array) -> bool:
    info = info_of(reading.network, array.layer)
    return info is not None and info.dense


def _outward(reading: Reading, net: Ref) -> tuple[Ref, Ref] | None:
    """∂E/∂out and the slope whose product is the gradient of a net input; None where it is no such product."""
    delta = reading.program.named.get(f"grad({net.array.name})")
    op = None if delta is None else reading.program.maker(delta)
    if not isinstance(op, Gradient) or len(op.parts) != 1:
        return None
    slopes = [array for array in op.inputs if array.role is Role.SLOPE]
    outward = [array for array in op.inputs if array.role is Role.GRADIENT]
    if len(slopes) != 1 or len(outward) != 1:
        return None
    return Ref(outward[0], net.index), Ref(slopes[0], net.index)
