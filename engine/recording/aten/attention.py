"""Attention that PyTorch computes in one piece, and its gradients, by way of the logarithms that it keeps."""

from __future__ import annotations

import math
from functools import cache
from typing import Any, NamedTuple

from retrograde.engine.equations.expression import Call, Const, Expr, Index, Product, Ref, Sub, Sum
from retrograde.engine.equations.functions import EXP, LOG
from retrograde.engine.recording.aten.reading import Given, UnstatedError, states, times, total
from retrograde.engine.recording.window import Tensor

_FORWARD = "_scaled_dot_product_flash_attention_for_cpu"
_BACKWARD = "_scaled_dot_product_flash_attention_for_cpu_backward"


class _Attention(NamedTuple):
    """The operands of an attention; a score is scale · q·k, with the mask's entry where there is one."""

    query: Tensor
    key: Tensor
    value: Tensor
    mask: Tensor | None
    causal: bool
    scale: Const

    def sees(self, row: int, column: int) -> bool:
        """Whether a query may look at a key."""
        return not self.causal or column <= row

    def score(self, head: Index, row: Any, column: Any) -> Expr:
        """How well a key fits a query."""
        found = times(self.scale, _dot(self.query.row(*head, row), self.key.row(*head, column)))
        return found if self.mask is None else Sum((found, self.mask.spread((*head, row, column))))

    def keys(self, row: int) -> list[int]:
        """The keys that a query looks at."""
        return [column for column in range(self.key.shape[-2]) if self.sees(row, column)]

    def weight(self, given_log: Ref, head: Index, row: int, column: int) -> Expr:
        """The weight of a key: exp(score − log Σ exp)."""
        return Call(EXP, Sub(self.score(head, row, column), given_log))


def _dot(left: list[Ref], right: list[Ref]) -> Expr:
    """The products of two rows, added up."""
    return total([Product(pair) for pair in zip(left, right, strict=True)])


def _of(given: Given) -> _Attention:
    query, key, value = (given.tensor(name) for name in ("query", "key", "value"))
    if given.number("dropout_p") or query.shape[:2] != key.shape[:2] or query.rank != 4:
        raise UnstatedError("dropout_p")
    scale = given.number("scale", 1 / math.sqrt(query.shape[-1]))
    mask, causal = given.maybe("attn_mask"), bool(given.arguments.get("is_causal"))
    return _Attention(query, key, value, mask, causal, given.rounded(scale))


@states(_FORWARD, meshable=False, positions=(0, 1))
def _attention(given: Given, index: Index) -> Expr:
    one = _of(given)
    head, row = index[:2], index[2]
    if given.position == 1:
        return Call(LOG, total([Call(EXP, one.score(head, row, column)) for column in one.keys(row)]))
    log = given.results[1].at(*head, row)
    return total(
        [
            Product((one.weight(log, head, row, column), one.value.at(*head, column, index[3])))
            for column in one.keys(row)
        ]
    )


@states(_BACKWARD, meshable=False)
def _attention_backward(given: Given, index: Index) -> Expr:
    one, grad, out, logs = _of(given), given.tensor("grad_out"), given.tensor("out"), given.tensor("logsumexp")
    head, place, d = index[:2], index[2], index[3]

    @cache
    def mean(row: int) -> Expr:
        """The slope that a query's weights have in common."""
        return _dot(grad.row(*head, row), out.row(*head, row))

    def slope(row: int, column: int) -> Expr:
        """∂E/∂ a score."""
        along = _dot(grad.row(*head, row), one.value.row(*head, column))
        return Product((one.weight(logs.at(*head, row), head, row, column), Sub(along, mean(row))))

    rows = [row for row in range(one.query.shape[-2]) if one.sees(row, place)]
    match given.position:
        case 0:
            parts = [Product((slope(place, column), one.key.at(*head, column, d))) for column in one.keys(place)]
        case 1:
            parts = [Product((slope(row, place), one.query.at(*head, row, d))) for row in rows]
        case _:
            return total(
                [Product((one.weight(logs.at(*head, row), head, row, place), grad.at(*head, row, d))) for row in rows]
            )
    return times(one.scale, total(parts))
