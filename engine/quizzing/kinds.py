"""The known mistakes, one row each, the most frequent first: what each is called and how it is said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from retrograde.engine.text import N_


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of mistake.

    Attributes:
        name: one word or two, for tables and files.
        title: what it is, in a few words.
        said: the sentence about a value that comes out by it: ``{value}``, ``{part}`` that it is about and ``{other}``
            that stands there instead.
    """

    name: str
    title: str
    said: str


_WITHOUT = N_("{value} is what comes out without {part}.")

_ROWS: tuple[Kind, ...] = (
    Kind(name="sign", title=N_("wrong sign"), said=N_("{value} has the right size and the wrong sign.")),
    Kind(name="slope", title=N_("slope forgotten"), said=_WITHOUT),
    Kind(
        name="path",
        title=N_("path forgotten"),
        said=N_("{value} is what comes out without the path {part}: every path has to be followed."),
    ),
    Kind(
        name="one-path",
        title=N_("one path alone"),
        said=N_("{value} is what comes out if only the path {part} is followed."),
    ),
    Kind(name="bias", title=N_("bias forgotten"), said=N_("{value} is what comes out without the bias {part}.")),
    Kind(name="activation", title=N_("activation forgotten"), said=_WITHOUT),
    Kind(
        name="added",
        title=N_("gradient added"),
        said=N_("{value} is what comes out if {part} is added: it is to be subtracted."),
    ),
    Kind(
        name="net-for-out",
        title=N_("net input for output"),
        said=N_("{value} is what comes out with the net input {other} instead of the output {part}."),
    ),
    Kind(
        name="out-for-net",
        title=N_("output for net input"),
        said=N_("{value} is what comes out with the output {other} instead of the net input {part}."),
    ),
    Kind(name="half", title=N_("½ forgotten"), said=_WITHOUT),
    Kind(
        name="half-more",
        title=N_("½ too many"),
        said=N_("{value} has a factor ½ that is not in this formula."),
    ),
    Kind(
        name="square",
        title=N_("not squared"),
        said=N_("{value} is what comes out if {part} is not squared."),
    ),
    Kind(name="rate", title=N_("learning rate forgotten"), said=_WITHOUT),
    Kind(
        name="unchanged",
        title=N_("left unchanged"),
        said=N_("{value} is {part}, which is still to be changed."),
    ),
    Kind(
        name="step-only",
        title=N_("the step alone"),
        said=N_("{value} is {part}, the step alone: it is to be subtracted from {other}."),
    ),
    Kind(
        name="step-without",
        title=N_("step without the parameter"),
        said=N_("{value} is the change alone: {other} is still to be added."),
    ),
    Kind(name="weight", title=N_("weight forgotten"), said=_WITHOUT),
    Kind(
        name="updated",
        title=N_("updated weight"),
        said=N_("Close: {value} comes out of the right formula with {other} instead of {part}."),
    ),
    Kind(
        name="old",
        title=N_("weight before the update"),
        said=N_("Close: {value} comes out of the right formula with the old {other} instead of {part}."),
    ),
    Kind(
        name="transposed",
        title=N_("weights transposed"),
        said=N_("{value} is what comes out if the weights are read the wrong way round: {other} instead of {part}."),
    ),
    Kind(
        name="slope-more",
        title=N_("slope too many"),
        said=N_("{value} has the factor {part}, which comes only in the next step."),
    ),
    Kind(name="divisor", title=N_("divisor forgotten"), said=N_("{value} is what comes out undivided by {part}.")),
    Kind(
        name="divisor-more",
        title=N_("divided once more"),
        said=N_("{value} is what comes out if it is divided by {part} once more."),
    ),
    Kind(
        name="upside-down",
        title=N_("fraction upside down"),
        said=N_("{value} is what comes out if the fraction {part} is turned upside down."),
    ),
    Kind(
        name="term",
        title=N_("term forgotten"),
        said=N_("{value} is what comes out without the term {part}."),
    ),
    Kind(name="one-term", title=N_("one term alone"), said=N_("{value} is the term {part} alone.")),
    Kind(
        name="term-sign",
        title=N_("sign of a term"),
        said=N_("{value} is what comes out with the other sign before {part}."),
    ),
    Kind(
        name="mean",
        title=N_("mean for sum"),
        said=N_("{value} is the mean of the terms: they are to be added up."),
    ),
    Kind(name="factor", title=N_("factor forgotten"), said=_WITHOUT),
    Kind(
        name="sum-for-product",
        title=N_("added for multiplied"),
        said=N_("{value} is what comes out if the factors of {part} are added up: they are to be multiplied."),
    ),
    Kind(
        name="other-function",
        title=N_("another function"),
        said=N_("{value} is what comes out with {other} instead of {part}."),
    ),
    Kind(
        name="mirrored",
        title=N_("sign of the argument"),
        said=N_("{value} is what comes out with the other sign in the argument: {other} instead of {part}."),
    ),
    Kind(
        name="exponential",
        title=N_("the exponential alone"),
        said=N_("{value} is {other} alone, one part of {part}."),
    ),
    Kind(
        name="function",
        title=N_("function forgotten"),
        said=N_("{value} is what comes out with {other} instead of {part}."),
    ),
    Kind(
        name="not-largest",
        title=N_("not the largest"),
        said=N_("{value} is {other}, which is not the largest."),
    ),
)

KINDS: Mapping[str, Kind] = {row.name: row for row in _ROWS}
"""By name, in the order in which they are named where several fit."""

RANK: Mapping[str, int] = {row.name: place for place, row in enumerate(_ROWS)}
"""By name: the place in the table."""
