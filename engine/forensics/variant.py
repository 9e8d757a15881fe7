"""A variant: the network of a scenario with other equations, to be stepped through like any other.

What deviations make of the equations is made of every program of the network: of those that train, of the forward
pass over other samples, of the one with the gradients of the inputs. What a scenario can say itself, such as updates
in place, is said there, so that the steps come in the order that such a training has.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress

from retrograde.engine.equations.array import Role
from retrograde.engine.errors import EngineError
from retrograde.engine.forensics.bench import prepared
from retrograde.engine.forensics.deviations import EVERYWHERE, Collected, Deviation, Key, parts_of
from retrograde.engine.forensics.facts import Facts
from retrograde.engine.forensics.rules import RULES, Rule
from retrograde.engine.forensics.switches import Edit, Way, settled
from retrograde.engine.network.network import Network
from retrograde.engine.network.program import Program
from retrograde.engine.scenario.models import Expectation, Scenario, TextTable
from retrograde.engine.session.session import Session
from retrograde.engine.text import _, joined, language
from retrograde.engine.travel.calendar import Schedule
from retrograde.engine.travel.timeline import DEFAULT_BUDGET

UPDATES: Mapping[str, str] = {"in place": "in_place", "out of place": "simultaneous"}
"""Kinds that a scenario says itself, by ``training.update``."""

THAWED = "bias trained"
"""The kind that a scenario says itself, by what its layers freeze."""

REDUCTIONS: Mapping[str, str] = {"mean of samples": "mean", "sum of samples": "sum"}
"""Kinds after which losses are reduced otherwise, by ``loss.over_batch``."""


class Variant(Network):
    """A network in which some of the equations are others than its scenario says.

    Args:
        scenario: the scenario that it is built from.
        original: what the scenario is called whose variant it is.
        deviations: what is done otherwise, all of it.
        edits: those of them that are edits of the equations.
        in_place: whether updates in place are as stated, where they are made.
        frozen: layers whose biases are not trained as stated, though they are here.

    Attributes:
        deviations: what is done otherwise.
        made: the kinds and places of the edits that its programs have.
    """

    def __init__(
        self,
        scenario: Scenario,
        original: str,
        deviations: Sequence[Deviation],
        edits: Sequence[Deviation],
        *,
        in_place: bool,
        frozen: frozenset[str] = frozenset(),
    ) -> None:
        super().__init__(scenario)
        self.original = original
        self.deviations = tuple(deviations)
        self.made: set[Key] = set()
        self._edits = tuple(edits)
        self._wanted = frozenset(key for one in edits for key in parts_of(one))
        self._in_place = in_place
        self._frozen = frozen
        self._rules: frozenset[Rule] | None = None
        reductions = [REDUCTIONS[one.kind] for one in edits if one.kind in REDUCTIONS]
        if reductions:
            self.losses = tuple(one.model_copy(update={"over_batch": reductions[0]}) for one in self.losses)

    @property
    def name(self) -> str:
        """The scenario's name, and in a word or two what is done otherwise."""
        return joined((self.original, *(one.short for one in self.deviations)), ", ")

    @property
    def differs(self) -> tuple[str, ...]:
        """What is done otherwise, in words."""
        return tuple(one.text for one in self.deviations)

    @property
    def complete(self) -> bool:
        """Whether the programs of its iterations have all edits."""
        Schedule(self)
        kinds = {kind for kind, _where in self.made}
        return all(kind in kinds if where == EVERYWHERE else (kind, where) in self.made for kind, where in self._wanted)

    def remade(self, scenario: Scenario) -> Variant:
        """The same variant of a changed copy of its scenario."""
        return Variant(
            scenario, self.original, self.deviations, self._edits, in_place=self._in_place, frozen=self._frozen
        )

    def _build(self, batch: int, *, train: bool, inputs: bool = False, singly: bool = False) -> Program:
        program = super()._build(batch, train=train, inputs=inputs, singly=singly)
        frozen = frozenset(
            array for array in self.parameters if array.role is Role.BIAS and array.layer in self._frozen
        )

        def on(kind: str, where: str) -> bool:
            # Of a sample that is alone there is no other reduction.
            alone = singly and kind in REDUCTIONS
            return not alone and ((kind, where) in self._wanted or (kind, EVERYWHERE) in self._wanted)

        def wanted(kind: str, where: str, edit: Edit) -> bool:
            return on(kind, where) != (edit.way is Way.STATED)

        collected = Collected()
        facts = Facts(self, program, stated_in_place=self._in_place, frozen=frozen)
        edits = collected.edits(facts, RULES if self._rules is None else self._rules, wanted)
        if train:
            # No other rule has anything to say of the forward pass alone.
            self._rules = (self._rules or frozenset()) | collected.rules
            self.made.update(key for key in collected.keys if on(*key))
        return settled(program, edits, frozenset(number for key, number in collected.keys.items() if on(*key)))


def variant(scenario: Scenario, deviations: Iterable[Deviation]) -> Variant:
    """The network of a scenario with deviations.

    Args:
        scenario: the scenario.
        deviations: the deviations; those that are no edits of equations, such as rounding on the way, are left out.

    Raises:
        EngineError: none of them is an edit, or they can not all be made here.
    """
    given = tuple(deviations)
    edits = tuple(one for one in given if one.switches)
    if not edits:
        text = joined([one.text for one in given], ", ") or _("as stated")
        raise EngineError(_("{what}: no equation is another one").format(what=text))
    for found in _built(scenario, edits):
        if found.complete:
            found.scenario = _told(found)
            return found
    text = joined([one.text for one in edits], ", ")
    raise EngineError(_("there is no network with this: {what}").format(what=text))


def varied(
    scenario: Scenario, deviations: Iterable[Deviation], *, at: str = "", budget: int = DEFAULT_BUDGET
) -> Session:
    """A session over the variant with some deviations; see ``variant``.

    Args:
        scenario: the scenario.
        deviations: the deviations.
        at: where it begins: at the step of the first iteration that makes a slot with this name; empty for its start.
        budget: bytes of history.
    """
    network = variant(scenario, deviations)
    session = Session(network.scenario, budget=budget, network=network)
    if at:
        program = session.program
        with suppress(EngineError):
            # An array of updated parameters may have another name where they are not updated.
            number = program.produced(network.notation.resolve(at, program))
            session.position = 0 if number is None else number + 1
    return session


def _built(scenario: Scenario, edits: Sequence[Deviation]) -> Iterator[Variant]:
    """Networks with the edits, that which is most like a scenario of its own first; each may lack some of them."""
    name, stated = scenario.name, scenario.training.update
    updates = [UPDATES[one.kind] for one in edits if one.kind in UPDATES]
    thawed = [one.where for one in edits if one.kind == THAWED]
    own, _frozen = prepared(
        scenario, update=updates[0] if updates else stated, thawed=None if EVERYWHERE in thawed else thawed
    )
    rest = [one for one in edits if one.kind not in UPDATES and one.kind != THAWED]
    with suppress(EngineError):
        yield Variant(own, name, edits, rest, in_place=own.training.update == "in_place")
    whole, frozen = prepared(scenario)
    with suppress(EngineError):
        yield Variant(whole, name, edits, edits, in_place=stated == "in_place", frozen=frozen)
    yield Variant(scenario, name, edits, edits, in_place=stated == "in_place")


def _told(network: Variant) -> Scenario:
    """The scenario of a variant, which says of itself what is true of the variant."""
    scenario, spoken = network.scenario, language()
    said = joined([one.short for one in network.deviations], ", ")
    title = joined((scenario.title.text(spoken), said), ": ")
    return scenario.deviating(
        network.name,
        {
            "title": TextTable(en=title, zh=title),
            "teaches": None,
            "about": None,
            "expect": tuple(_expected(network)),
            "chapter": (),
            "variants": (),
        },
    )


def _expected(network: Variant) -> Iterator[Expectation]:
    """The published figures, without what is said of them for the scenario as it is; those that it has."""
    schedule = Schedule(network)
    for expect in network.scenario.expect:
        try:
            network.notation.resolve_term(expect.value, schedule.program(expect.updates))
        except EngineError:
            # A term of a sum that has other terms here.
            continue
        yield expect.model_copy(update={"verdict": "agrees", "reason": None})
