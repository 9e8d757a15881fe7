"""The scenario in its own words, where there is no step yet."""

from __future__ import annotations

from retrograde.engine.equations.expression import Ref
from retrograde.engine.equations.optimisers import OPTIMISERS
from retrograde.engine.text import _, language, ngettext
from retrograde.tui.canvas.canvas import Line, Span
from retrograde.tui.canvas.inks import Ink
from retrograde.tui.reading.figures import show
from retrograde.tui.reading.reading import Reading
from retrograde.tui.records.equation import EquationView
from retrograde.tui.views.explain import as_stated, loss_convention


def welcome(reading: Reading) -> EquationView:
    """What the scenario says of itself, and the first keys."""
    scenario = reading.scenario
    chosen = language()
    paragraphs: list[Line] = []
    if chapters := len(scenario.chapter):
        said = ngettext(" tells it in {count} chapter.", " tells it in {count} chapters.", chapters)
        paragraphs.append((Span("Space", Ink.KEY), Span(said.format(count=chapters), Ink.TEXT)))
    network = reading.network
    for text in network.differs:
        said = _("a variant of {name}: {what}").format(name=network.original, what=text)
        paragraphs.append((Span(said, Ink.CHANGED),))
    if scenario.about is not None:
        paragraphs.append((Span(scenario.about.text(chosen), Ink.TEXT),))
    steps = reading.program.steps
    count = ngettext("{count} sample", "{count} samples", reading.schedule.samples)
    facts = _("{samples}, batches of {batch}; {steps} steps an iteration; {optimiser}, η = {rate}").format(
        samples=count.format(count=reading.schedule.samples),
        batch=reading.schedule.batch,
        steps=f"{steps:,}",
        optimiser=OPTIMISERS[scenario.training.optimizer].title,
        rate=_rate(reading),
    )
    paragraphs.append((Span(facts, Ink.DIM),))
    paragraphs.append((Span(as_stated(reading, loss_convention(reading)), Ink.DIM),))
    if scenario.source:
        paragraphs.append((Span(scenario.source, Ink.FAINT),))
    keys = (
        Span("→", Ink.KEY),
        Span(_(" makes the first step, "), Ink.TEXT),
        Span("r", Ink.KEY),
        Span(_(" runs, "), Ink.TEXT),
        Span("?", Ink.KEY),
        Span(_(" shows all keys."), Ink.TEXT),
    )
    paragraphs.append(keys)
    return EquationView(
        question=scenario.title.text(chosen),
        why="" if scenario.teaches is None else scenario.teaches.text(chosen),
        prose=tuple(paragraphs),
    )


def _rate(reading: Reading) -> str:
    """The learning rate as it is in this branch, and what it was without the edit."""
    array = reading.program.named.get("lr")
    if array is None:
        return show(reading.scenario.training.learning_rate, 6)
    ref = Ref(array)
    before = reading.before(ref)
    now = show(reading.frame.value(ref), 6)
    return now if before is None else _("{now} (was {before})").format(now=now, before=show(before, 6))
