"""The chain rule, unfolded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retrograde.engine.array import Role
from retrograde.engine.expression import (
    Ref,
)
from retrograde.tui.figures import show
from retrograde.tui.reading import Reading
from retrograde.tui.state import (
    Factor,
)

if TYPE_CHECKING:
    from retrograde.engine.step import Step


def chain(reading: Reading, step: Step) -> tuple[str, tuple[Factor, ...]]:
    """The chain rule of the gradient of a weight or a bias, unfolded into its three factors."""
    array = step.target.array
    of = array.of
    if array.role is not Role.GRADIENT or of is None or reading.term:
        return "", ()
    program, sample = reading.program, reading.sample
    name = of.layer
    outward = program.named.get(f"grad(out_{name})")
    slope = program.named.get(f"slope_{name}")
    if outward is None or slope is None:
        return "", ()
    unit = step.target.index[-1] if of.role is Role.NET else step.target.index[0]
    if of.role is Role.BIAS and of.size == 1 and slope.shape[1] > 1:
        return "", ()
    if of.role not in {Role.WEIGHT, Role.BIAS, Role.NET}:
        return "", ()
    slot = (sample, unit)
    symbol = reading.symbol
    net, out = Ref(program.named[f"net_{name}"], slot), Ref(program.named[f"out_{name}"], slot)
    factors = [
        Factor(
            above=f"∂{symbol(Ref(program.named['E']))}",
            below=f"∂{symbol(Ref(of, step.target.index))}",
            value="",
        ),
        Factor(above="∂E", below=f"∂{symbol(out)}", value=show(reading.frame.value(Ref(outward, slot)), 6)),
        Factor(
            above=f"∂{symbol(out)}",
            below=f"∂{symbol(net)}",
            value=show(reading.frame.value(Ref(slope, slot)), 6),
        ),
    ]
    if of.role is not Role.NET:
        last = "1"
        if of.role is Role.WEIGHT:
            info = next(one for one in reading.network.layers if one.name == name)
            source = program.named["i" if info.source == "i" else f"out_{info.source}"]
            last = show(reading.frame.value(Ref(source, (sample, step.target.index[1]))), 6)
        factors.append(Factor(above=f"∂{symbol(net)}", below=f"∂{symbol(Ref(of, step.target.index))}", value=last))
    return "=", tuple(factors)
