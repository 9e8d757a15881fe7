"""Many gradients of one moment against differences of E: those that are named, a random few, or all."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from random import Random

from retrograde.engine.equations.array import Array, Role
from retrograde.engine.equations.expression import Ref
from retrograde.engine.errors import EngineError, FormulaError
from retrograde.engine.explaining.gradcheck import GradientCheck, Verdict
from retrograde.engine.network.program import Program, unravel
from retrograde.engine.session.cursor import Cursor
from retrograde.engine.text import _

COUNT = 20
"""How many gradients are drawn where it is not said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GradientReport:
    """What became of the gradients of one moment.

    Attributes:
        checks: one for each gradient.
        total: how many gradients there were to draw from.
        late: the gradients that were left out, because they are no derivatives of E: they are computed from a parameter
            that the same iteration has updated (update order ``in_place``), or a truncated backpropagation has left
            out a part of them.
    """

    checks: tuple[GradientCheck, ...]
    total: int
    late: tuple[Array, ...]

    @property
    def ok(self) -> bool:
        """Whether no gradient disagrees."""
        return self.count(Verdict.DISAGREES) == 0

    def count(self, verdict: Verdict) -> int:
        """How many gradients have a verdict."""
        return sum(check.verdict is verdict for check in self.checks)


def check_gradients(
    cursor: Cursor,
    *,
    names: Sequence[str] = (),
    count: int | None = COUNT,
    seed: int = 0,
    on_progress: Callable[[int, int], None] | None = None,
) -> GradientReport:
    """Checks gradients of the cursor's iteration.

    Args:
        cursor: the cursor; it is not moved.
        names: what to check, each a slot (``w5``, ``net_h1``, ``grad(w5)``) or several (``W_h``, ``W_h[1,:]``);
            without them, parameters are drawn.
        count: how many parameters are drawn, evenly from all their arrays; None for all.
        seed: of the draw.
        on_progress: called with how many gradients are done, and how many there are.

    Raises:
        EngineError: a name is of nothing, or of something that has no gradient.
    """
    program = cursor.program
    differences, frame = cursor.differences, cursor.frame
    if names and any(_of_input(cursor, name) for name in names):
        # The gradients of inputs are computed by a program of their own, which has all the others, too.
        frame = cursor.timeline.sensitive(cursor.iteration)
        differences = cursor.differences_of(frame.program)
    sound, late = differences.gradients()
    if names:
        checkable = {*sound, *late}
        named = dict.fromkeys(ref for name in names for ref in _gradients(cursor, name, frame.program, checkable))
        late = [array for array in late if any(ref.array is array for ref in named)]
        chosen = [ref for ref in named if ref.array not in late]
        total = len(chosen)
    else:
        owned = {array: number for number, array in enumerate(program.state)}
        parameters = sorted((a for a in sound if a.of in owned), key=lambda a: owned[a.of] if a.of else 0)
        late = [array for array in late if array.of in owned]
        total = sum(array.size for array in parameters)
        chosen = pick(parameters, total if count is None else count, seed)
    checks: list[GradientCheck] = []
    for done, ref in enumerate(chosen):
        if on_progress is not None:
            on_progress(done, len(chosen))
        check = differences.check(frame, ref, cursor.timeline.replaced(cursor.iteration, frame.program))
        assert check is not None
        checks.append(check)
    return GradientReport(checks=tuple(checks), total=total, late=tuple(late))


def _of_input(cursor: Cursor, name: str) -> bool:
    """Whether a name is that of an input, or of its gradient."""
    try:
        found = cursor.formula(f"sum({name})")
    except FormulaError:
        return False
    inputs = {array.name for array in cursor.program.arrays if array.role is Role.INPUT}
    return found.sensitive or any(read.array in inputs for read in found.reads)


def _gradients(cursor: Cursor, name: str, program: Program, checkable: Collection[Array]) -> list[Ref]:
    """The gradients of what a name means, in a program that has them."""
    found = _slots(cursor, name, program)
    refs: list[Ref] = []
    for ref in found:
        own = ref.array.role is Role.GRADIENT
        array = ref.array if own else program.named.get(f"grad({ref.array.name})")
        if array is None or array not in checkable:
            raise EngineError(_("{name} has no gradient in this network").format(name=name))
        refs.append(Ref(array, ref.index))
    return refs


def _slots(cursor: Cursor, name: str, program: Program) -> list[Ref]:
    """A slot at the cursor's sample; or, of a name that means several, all of them in every sample."""
    try:
        return [cursor.notation.resolve(name, program, sample=cursor.sample)]
    except EngineError as error:
        try:
            formula = cursor.formula(f"sum({name})")
        except FormulaError:
            raise error from None
    each = (stretch.slot(number) for stretch in formula.stretches for number in range(stretch.length))
    slots = (*formula.slots, *each)
    return [
        Ref(array, (sample, *slot.index) if array.batched else slot.index)
        for slot in slots
        for array in (program.named[slot.array],)
        for sample in (range(program.batch) if array.batched and slot.sample is None else (slot.sample or 0,))
    ]


def pick(arrays: Sequence[Array], count: int, seed: int) -> list[Ref]:
    """Slots drawn at random, evenly from all arrays: as many of each, as far as they go.

    Args:
        arrays: the arrays.
        count: how many slots.
        seed: of the draw.
    """
    random = Random(seed)
    shares = dict.fromkeys(arrays, 0)
    left = min(count, sum(array.size for array in arrays))
    order = random.sample(list(arrays), len(arrays))
    while left:
        for array in order:
            if left and shares[array] < array.size:
                shares[array] += 1
                left -= 1
    return [
        Ref(array, unravel(flat, array.shape))
        for array, share in shares.items()
        for flat in sorted(random.sample(range(array.size), share))
    ]
