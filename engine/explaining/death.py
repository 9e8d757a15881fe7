"""The first moment at which a gradient died, the neuron to blame, and what pushed its net input there.

A gradient is alive where it is at least 1 % of the largest of its first epoch. It died in the iteration after the last
one in which it was alive. Of the neuron to blame (see ``culprit``) the net input at one row of the data, the probe, is
followed update by update; with W and x before, W′ and x′ after an update,

    net′ − net = Σ (W′ − W)·x + (b′ − b) + Σ W′·(x′ − x) + remainder

in exact fractions of the numbers that were computed: its own weights and bias, which are split by sample and cause
(see ``biography``), and its inputs, which earlier layers moved. The remainder is what the sums round.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.equations.array import Array, Role
from retrograde.engine.equations.evaluation import evaluate
from retrograde.engine.equations.expression import ONE, Expr, Product, Ref, refs, terms
from retrograde.engine.explaining.account import Account
from retrograde.engine.explaining.biography import Biography
from retrograde.engine.explaining.culprit import Culprit, culprits
from retrograde.engine.explaining.gradient_graph import GradientGraph
from retrograde.engine.explaining.update_parts import PartKind
from retrograde.engine.explaining.zeros import is_residue
from retrograde.engine.formulas.reader import parse
from retrograde.engine.formulas.tree import Formula
from retrograde.engine.network.frame import Frame
from retrograde.engine.travel.search import OnProgress, Search
from retrograde.engine.travel.timeline import Timeline

ALIVE = 0.01
"""A gradient is alive from this share of the largest of its first epoch on."""

SINGLE = 512
"""Updates before a death that are looked at one by one; those before them are one entry of the ledger."""

FEW = 32
"""Iterations up to which each is looked at as it is; a search through more has to be compiled first."""

LEAST_SINGLE = 16
"""So many at least, however large the network is."""

REPLAY_SECONDS = 0.5
"""About how long the iterations of the updates that are looked at one by one may take to compute."""


class Share(NamedTuple):
    """What one sample, or one other cause, did to a net input through the neuron's own weights and bias.

    Attributes:
        kind: where it comes from.
        row: of the data, the row of the data set (from 0); None where there is none.
        amount: what it did, exactly.
    """

    kind: PartKind
    row: int | None
    amount: Fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """What moved a net input between the starts of two iterations.

    Attributes:
        start: the first iteration.
        stop: the one at whose start it was moved; of a single update the next one.
        before: the net input at the start.
        after: the net input at the end.
        weights: what the neuron's own weights did, exactly.
        bias: what its bias did.
        inputs: what its inputs did, which earlier layers moved.
    """

    start: int
    stop: int
    before: float
    after: float
    weights: Fraction
    bias: Fraction
    inputs: Fraction

    @property
    def change(self) -> Fraction:
        """The whole movement, exactly."""
        return Fraction(self.after) - Fraction(self.before)

    @property
    def remainder(self) -> Fraction:
        """What the sums round: the movement without its causes."""
        return self.change - self.weights - self.bias - self.inputs


class NetLedger:
    """How the net input of a neuron came to be what it is at one row of the data.

    Args:
        timeline: the run.
        net: the net input; its first index, the sample, is not looked at.
        row: the row of the data set (from 0).
        stop: the iteration at whose start the ledger ends.
    """

    def __init__(self, timeline: Timeline, net: Ref, row: int, stop: int) -> None:
        self._timeline = timeline
        self._probe = _Probe(timeline, row)
        self.net = Ref(self._probe.program.named[net.array.name], (0, *net.index[1:]))
        self.row = row
        self.stop = stop

    @cached_property
    def terms(self) -> tuple[tuple[Ref | None, Expr], ...]:
        """The terms of the net input: the trained parameter, where there is one, and what multiplies it."""
        op = self._probe.program.maker(self.net.array)
        assert op is not None
        return tuple(map(self._term, terms(op.equation(self.net.index))))

    def _term(self, term: Expr) -> tuple[Ref | None, Expr]:
        factors = term.factors if isinstance(term, Product) else (term,)
        own = [part for part in factors if isinstance(part, Ref) and self._trained(part.array)]
        others = [part for part in factors if part not in own]
        inside = any(self._trained(ref.array) for part in others for ref in refs(part))
        if len(own) != 1 or inside:
            return None, term
        return own[0], Product(tuple(others)) if len(others) > 1 else others[0] if others else ONE

    def _trained(self, array: Array) -> bool:
        return array in self._timeline.network.trainable

    @cached_property
    def pushes(self) -> tuple[Push, ...]:
        """The updates, in order; those long before the end as one."""
        affordable = int(REPLAY_SECONDS / self._timeline.iteration_seconds)
        first = max(0, self.stop - max(LEAST_SINGLE, min(SINGLE, affordable)))
        edges = [*((0,) if first else ()), *range(first, self.stop + 1)]
        found: list[Push] = []
        for start, stop in pairwise(edges):
            push = self._push(start, stop)
            if push is None:
                break
            found.append(push)
        return tuple(found)

    def _push(self, start: int, stop: int) -> Push | None:
        """One entry; None where not all is finite."""
        old, new = self._probe.frame(start), self._probe.frame(stop)
        before, after = old.value(self.net), new.value(self.net)
        moved = {Role.WEIGHT: Fraction(), Role.BIAS: Fraction()}
        inputs = Fraction()
        try:
            for parameter, rest in self.terms:
                x, x_new = (_exact(rest, frame) for frame in (old, new))
                if parameter is None:
                    inputs += x_new - x
                    continue
                w, w_new = (Fraction(frame.value(parameter)) for frame in (old, new))
                moved[Role.BIAS if rest is ONE else Role.WEIGHT] += (w_new - w) * x
                inputs += w_new * (x_new - x)
            return Push(
                start=start,
                stop=stop,
                before=before,
                after=after,
                weights=moved[Role.WEIGHT],
                bias=moved[Role.BIAS],
                inputs=inputs,
            )
        except (OverflowError, ValueError):
            return None

    def shares(self, push: Push) -> tuple[Share, ...]:
        """What each sample, and each other cause, did through the neuron's own weights and bias, most first.

        They add up to ``push.weights + push.bias``, exactly. Empty of an entry of more than one update.
        """
        if push.stop != push.start + 1:
            return ()
        old = self._probe.frame(push.start)
        amounts: dict[tuple[PartKind, int | None], Fraction] = defaultdict(Fraction)
        for parameter, rest in self.terms:
            if parameter is None:
                continue
            story = Biography(timeline=self._timeline, parameter=parameter, stop=push.stop)
            x = _exact(rest, old)
            for row in story.ledger(push.start, push.stop).rows:
                amounts[row.kind, row.sample] += row.at_once * x
        found = [Share(kind, row, amount) for (kind, row), amount in amounts.items() if amount]
        return tuple(sorted(found, key=lambda share: -abs(share.amount)))

    @property
    def worst(self) -> Push | None:
        """The single update that pushed most in the direction of the whole movement."""
        if not self.pushes:
            return None
        sign = 1 if self.pushes[-1].after >= self.pushes[0].before else -1
        single = [push for push in self.pushes if push.stop == push.start + 1 and sign * push.change > 0]
        return max(single, key=lambda push: abs(push.change), default=None)


def _exact(expr: Expr, frame: Frame) -> Fraction:
    if isinstance(expr, Product):
        return math.prod((_exact(part, frame) for part in expr.factors), start=Fraction(1))
    return Fraction(evaluate(expr, frame.value, frame.mathematics))


class _Probe:
    """The forward pass of one row of the data, under the state at the start of an iteration."""

    def __init__(self, timeline: Timeline, row: int) -> None:
        self._timeline = timeline
        network = timeline.network
        self.program = program = network.evaluation(1)
        self._executor = timeline.made(program, timeline.constants)
        dated = [leaf.source.values(0, timeline.schedule.per_epoch) for leaf in program.dated]
        self._leaves: Any = self._executor.leaves(network.columns, range(row, row + 1), dated)
        self._frames: dict[int, Frame] = {}

    def frame(self, iteration: int) -> Frame:
        """Every value of the pass."""
        found = self._frames.get(iteration)
        if found is None:
            state: Floats = self._timeline.state(iteration)
            with np.errstate(all="ignore"):
                found = self._executor.frame(state, self._leaves)
            self._frames = {**dict([*self._frames.items()][-1:]), iteration: found}
        return found


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Death:
    """That a gradient died, when, and who pushed.

    Attributes:
        ref: the gradient.
        iteration: the first iteration, from 0, of those up to now in which it is no longer alive.
        threshold: from where on it would be alive.
        best: the largest of the first epoch.
        value: the gradient in that iteration.
        culprit: the neuron to blame; None where no slope is far below its steepest.
        row: the row of the data (from 0) at which its net input is followed.
        ledger: how that came to be.
    """

    ref: Ref
    iteration: int
    threshold: float
    best: float
    value: float
    culprit: Culprit | None = None
    row: int | None = None
    ledger: NetLedger | None = None

    @property
    def from_the_start(self) -> bool:
        """Whether it never was alive: all gradients of the first epoch are 0."""
        return self.iteration == 0


def death(
    search: Search,
    timeline: Timeline,
    ref: Ref,
    now: int,
    on_progress: OnProgress | None = None,
) -> Death | None:
    """When a gradient died; None where it is alive in an iteration, or is not finite there.

    Args:
        search: the searches of the branch.
        timeline: its states.
        ref: the gradient of a parameter.
        now: the iteration.
        on_progress: called with iterations done and to do; True cancels.

    Raises:
        SearchCancelledError: ``on_progress`` said so.
    """
    best = largest_of_first_epoch(search, timeline, ref, now)
    threshold = ALIVE * best
    value = _at(timeline, ref, now)
    if not math.isfinite(value) or (best > 0 and abs(value) >= threshold):
        return None
    last = -1
    if best > 0:
        alive = _formula(timeline, f"{_size(timeline, ref)} >= {threshold!r}")
        last = next(search.iterations((alive,), 0, now + 1, backward=True, on_progress=on_progress), -1)
    died = last + 1
    frame = timeline.frame(died)
    own = _own(frame, ref)
    graph = GradientGraph(frame, own)
    blamed = culprits(graph, timeline.network)
    if not blamed:
        return Death(ref=ref, iteration=died, threshold=threshold, best=best, value=frame.value(own))
    guilty, row = _most_guilty(timeline, ref, blamed, died)
    return Death(
        ref=ref,
        iteration=died,
        threshold=threshold,
        best=best,
        value=frame.value(own),
        culprit=guilty,
        row=row,
        ledger=NetLedger(timeline, guilty.net, row, died),
    )


def largest_of_first_epoch(search: Search, timeline: Timeline, ref: Ref, now: int) -> float:
    """The largest of the absolute values that a gradient has in the first epoch, up to an iteration; not of inf."""
    stop = min(now + 1, timeline.schedule.per_epoch)
    if stop <= FEW:
        values = [abs(_at(timeline, ref, iteration)) for iteration in range(stop)]
    else:
        size = _formula(timeline, _size(timeline, ref))
        values = [value for _begin, column in search.column(size, stop) for value in column]
    return max((value for value in values if math.isfinite(value)), default=0.0)


def _size(timeline: Timeline, ref: Ref) -> str:
    return f"abs({timeline.network.notation.name(ref)})"


def _formula(timeline: Timeline, text: str) -> Formula:
    return parse(text, timeline.network.notation, timeline.schedule.full)


def _own(frame: Frame, ref: Ref) -> Ref:
    """A slot in the program of a frame, which may be that of a smaller batch."""
    return Ref(frame.program.named[ref.array.name], ref.index)


def _at(timeline: Timeline, ref: Ref, iteration: int) -> float:
    frame = timeline.frame(iteration)
    return frame.value(_own(frame, ref))


def _most_guilty(timeline: Timeline, ref: Ref, blamed: tuple[Culprit, ...], died: int) -> tuple[Culprit, int]:
    """The neuron to blame, and the row of the data at which it is followed.

    Through slopes that are 0 nothing passes: of these, what most of the gradient went through when it last was alive.
    """
    if blamed[0].slope == 0.0 and died > 0:
        frame = timeline.frame(died - 1)
        graph = GradientGraph(frame, _own(frame, ref))
        if graph.value[0] and math.isfinite(graph.value[0]) and not is_residue(graph):
            account = Account(graph)
            through = {one: _flow(account, one.net) for one in blamed}
            guilty = max(blamed, key=lambda one: sum(through[one].values()))
            if through[guilty]:
                sample = max(through[guilty], key=lambda number: through[guilty][number])
                return guilty, int(timeline.schedule.rows(died - 1)[sample])
    return blamed[0], int(timeline.schedule.rows(died)[blamed[0].net.index[0]])


def _flow(account: Account, net: Ref) -> Mapping[int, float]:
    """What part of the flow passes a neuron, by sample."""
    graph = account.graph
    array = graph.frame.program.named.get(f"grad({net.array.name})")
    found: dict[int, float] = {}
    if array in graph.blocks:
        assert array is not None
        for number in graph.nodes(array):
            index = graph.node(number).ref.index
            if index[1:] == net.index[1:] and account.mass[number] > 0:
                found[index[0]] = float(account.mass[number])
    return found
