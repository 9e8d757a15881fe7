"""What the rules ask of a program: which values belong together, and where in an equation one is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Self

from retrograde.engine.equations.array import Array, Extent, Phase, Role
from retrograde.engine.equations.expression import Expr, Index, Ref, children, refs
from retrograde.engine.equations.rendering import render
from retrograde.engine.forensics.switches import Path
from retrograde.engine.network.network import Network
from retrograde.engine.network.notation import Notation
from retrograde.engine.network.program import Program, unravel
from retrograde.engine.ops.base import Op
from retrograde.engine.ops.gradient import Gradient


class Alike(NamedTuple):
    """A part of an update by the names that it has in those of all parameters: w for each of them."""

    node: Expr


Item = Array | Ref | Expr | Alike | str
"""What a place is told by: an array or a slot, an expression over whole arrays, or a word as it is."""


class Where(str):
    """A place by the names that a query takes, which also has it as it stands on the screen."""

    __slots__ = ("_items", "_notation", "_template")
    _items: tuple[Item, ...]
    _notation: Notation
    _template: str

    def __new__(cls, notation: Notation, template: str, *items: Item) -> Self:
        """Writes the place by names.

        Args:
            notation: how the slots are called.
            template: the text, with ``{}`` for each of the items.
            items: what is filled in.
        """
        found = super().__new__(cls, template.format(*(_named(notation, one, pretty=False) for one in items)))
        found._notation, found._template, found._items = notation, template, items
        return found

    @property
    def shown(self) -> str:
        """The place by symbols."""
        return self._template.format(*(_named(self._notation, one, pretty=True) for one in self._items))


def shown(where: str) -> str:
    """A place as it stands on the screen."""
    return where.shown if isinstance(where, Where) else where


STEP = re.compile(r"@(\d+)")
"""What the name of an array of one time step has."""


def step_of(array: Array) -> int | None:
    """The time step that an array belongs to, of a layer that runs through time."""
    found = STEP.search(array.name)
    return None if found is None else int(found[1])


def _named(notation: Notation, item: Item, *, pretty: bool) -> str:
    # A slip is made at every time step alike.
    return item if isinstance(item, str) else STEP.sub("", _called(notation, item, pretty=pretty))


def _called(notation: Notation, item: Array | Ref | Expr | Alike, *, pretty: bool) -> str:
    if isinstance(item, Alike):
        return render(item.node, lambda ref: _of_any(notation, ref.array, pretty=pretty))
    if isinstance(item, Array):
        return notation.whole(item) if pretty else item.name
    if isinstance(item, Ref):
        return notation.symbol(item) if pretty else notation.name(item)
    return render(item, lambda ref: notation.whole(ref.array) if pretty else ref.array.name)


def parameter_of(array: Array) -> Array:
    """What an array of the update belongs to in the end."""
    while array.of is not None:
        array = array.of
    return array


def _of_any(notation: Notation, array: Array, *, pretty: bool) -> str:
    """The name of an array, without saying which parameter it belongs to."""
    parameter = parameter_of(array)
    if parameter.role in {Role.WEIGHT, Role.BIAS}:
        return array.name.replace(parameter.name, "w")
    return notation.whole(array) if pretty else array.name


class Facts:
    """A program with what is known of it.

    Args:
        network: the network.
        program: the program of one of its iterations.
        stated_in_place: whether the scenario updates in place, as the program does in any case.
        frozen: the biases that the scenario does not train, as the program does in any case.
    """

    def __init__(self, network: Network, program: Program, *, stated_in_place: bool, frozen: frozenset[Array]) -> None:
        self.network = network
        self.program = program
        self.stated_in_place = stated_in_place
        self.frozen = frozen

    def where(self, template: str, *items: Item) -> Where:
        """A place; see ``Where``."""
        return Where(self.network.notation, template, *items)

    @cached_property
    def below(self) -> dict[Array, Array]:
        """For a value that is made from one other of its shape, element by element, that other."""
        found: dict[Array, Array] = {}
        for op in self.program.ops:
            read = set(op.inputs)
            if op.phase is Phase.FORWARD and len(read) == 1 and op.inputs[0].shape == op.target.shape:
                found[op.target] = op.inputs[0]
        return found

    @cached_property
    def above(self) -> dict[Array, Array]:
        """The inverse, where there is but one."""
        found: dict[Array, Array] = {}
        for out, net in self.below.items():
            if net in found:
                found[net] = net
            found.setdefault(net, out)
        return {net: out for net, out in found.items() if net is not out}

    @cached_property
    def gradients(self) -> dict[Array, Array]:
        """The gradient by an array."""
        return {op.target.of: op.target for op in self.program.ops if isinstance(op, Gradient) and op.target.of}

    @cached_property
    def known(self) -> dict[str, Array]:
        """The arrays by their names."""
        return {array.name: array for array in self.program.arrays}

    @cached_property
    def swapped(self) -> dict[Array, Array]:
        """Of the shares of two running averages the other one."""
        both = [self.known[name] for name in ("beta1", "beta2") if name in self.known]
        return {} if len(both) < 2 else dict(zip(both, reversed(both), strict=True))

    def raw(self, gradient: Array) -> Array | None:
        """Of ∂E/∂net, the ∂E/∂out that its slope is still missing from."""
        if gradient.of is None:
            return None
        out = self.above.get(gradient.of)
        found = None if out is None else self.gradients.get(out)
        return found if found is not None and found.shape == gradient.shape else None


@dataclass(frozen=True, slots=True)
class Site:
    """A node of an equation.

    Attributes:
        number: the number of the op.
        op: the op.
        index: at which index its equation is stated.
        path: where the node is in it.
        node: the node.
        parent: the node that it is a part of; None of the root.
        root: the whole equation.
    """

    number: int
    op: Op
    index: Index
    path: Path
    node: Expr
    parent: Expr | None
    root: Expr

    @property
    def of(self) -> Array | None:
        """The array whose gradient the op makes."""
        return self.op.target.of if isinstance(self.op, Gradient) else None

    @property
    def by_parameter(self) -> bool:
        """Whether it is in the gradient by a parameter."""
        return self.of is not None and self.of.role in {Role.WEIGHT, Role.BIAS}

    def reads(self, role: Role) -> bool:
        """Whether the node reads an array of a role."""
        return any(ref.array.role is role for ref in refs(self.node))


def sites(program: Program) -> Iterator[Site]:
    """Every node of every equation of a program."""
    for number, op in enumerate(program.ops):
        for index in indices(program, op):
            root = op.equation(index)
            yield from _under(number, op, index, (), root, None, root)


def indices(program: Program, op: Op) -> Iterator[Index]:
    """Every index at which an equation is stated."""
    for element in range(op.target.size):
        index = unravel(element, op.target.shape)
        if op.extent is Extent.SUM:
            yield from ((sample, *index) for sample in range(program.batch))
        else:
            yield index


def _under(
    number: int, op: Op, index: Index, path: Path, node: Expr, parent: Expr | None, root: Expr
) -> Iterator[Site]:
    yield Site(number, op, index, path, node, parent, root)
    if type(node) is Ref:
        return
    for place, part in enumerate(children(node)):
        yield from _under(number, op, index, (*path, place), part, node, root)
