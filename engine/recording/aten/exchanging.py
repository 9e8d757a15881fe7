"""What ranks that train together exchange, and memory that was written in pieces and is read as a whole."""

from __future__ import annotations

from retrograde.engine.equations.expression import Const, Div, Expr, Index, Max, Neg, Product
from retrograde.engine.recording.aten.reading import Given, UnstatedError, states, total
from retrograde.engine.recording.window import Tensor

SUM, MEAN, LARGEST, SMALLEST, PRODUCT, ROOT = "sum", "mean", "max", "min", "product", "root"
REDUCTIONS = (SUM, MEAN, LARGEST, SMALLEST, PRODUCT)
"""What an all-reduce may do; a recording does not say which, it is found from the numbers of all ranks."""


@states("c10d.allreduce_.default", "c10d.broadcast_.default")
def _exchanged(given: Given, index: Index) -> Expr:
    ranks = [one for name, one in given.arguments.items() if name.startswith("rank:") and isinstance(one, Tensor)]
    parts: list[Expr] = [one.at(*index) for one in ranks]
    match given.arguments.get("reduce"):
        case "sum":
            return total(parts)
        case "mean":
            return Div(total(parts), Const(float(len(parts))))
        case "max":
            return Max(tuple(parts))
        case "min":
            return Neg(Max(tuple(Neg(part) for part in parts)))
        case "product":
            return Product(tuple(parts))
        case "root":
            return parts[0]
    raise UnstatedError("reduce")


@states("retrograde.joined", meshable=False)
def _joined(given: Given, index: Index) -> Expr:
    place = int(index[0])
    for part in given.arguments["tensors"]:
        if place < part.size:
            slot: Expr = part.flat(place)
            return slot
        place -= part.size
    raise UnstatedError("tensors")
