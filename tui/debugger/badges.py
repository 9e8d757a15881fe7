"""The check badges of a step: a finite difference, published figures, or both; and how much is classified rightly."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retrograde.engine.text import _
from retrograde.tui.reading.figures import show
from retrograde.tui.records.equation import Badge
from retrograde.tui.work.turns import Event

if TYPE_CHECKING:
    from textual.timer import Timer

    from retrograde.engine.explaining.gradcheck import GradientCheck
    from retrograde.engine.session.session import Session
    from retrograde.tui.debugger.desk import Desk
    from retrograde.tui.debugger.working import Working
    from retrograde.tui.reading.reading import Reading


CHECK_SECONDS = 0.12
"""How long the cursor rests before the checks of its step are computed."""
MOST_STEPS = 1000
"""Steps whose badges are kept."""


def accuracy(session: Session) -> tuple[int, int] | None:
    """How many samples of the data set are classified rightly with the parameters at the cursor, of how many.

    Where each position of a sample is classified, each counts. None where the targets are no classes, where there are
    several losses, and where sequences have masked steps.
    """
    import numpy as np

    network = session.network
    form, targets = network.layers[-1].form, network.dataset.targets
    if len(network.losses) != 1 or network.losses[0].layer not in (None, network.layers[-1].name):
        return None
    classes = form.shape[-1] if form.shape else 1
    if classes < 2 or form.steps or network.dataset.lengths is not None or targets.shape[1] != form.size:
        return None
    wanted = targets.reshape(-1, classes)
    one_hot = bool(np.all((wanted == 0) | (wanted == 1)))
    if not one_hot or not bool(np.all(wanted.sum(axis=1) == 1)):
        return None
    complete = session.position > 0 and session.revealed == session.program.steps
    state = session.timeline.state(session.iteration + complete)
    predicted = session.timeline.predictions(state).reshape(-1, classes).argmax(axis=1)
    return int(np.sum(predicted == wanted.argmax(axis=1))), len(wanted)


def _difference(check: GradientCheck) -> Badge:
    """The badge of a gradient; neither right nor wrong where a difference can not say."""
    from retrograde.engine.explaining.gradcheck import Verdict

    match check.verdict:
        case Verdict.AGREES:
            return Badge(text=_("finite difference"), ok=True)
        case Verdict.KINK:
            return Badge(text=_("at a kink, where no derivative is"), ok=None)
        case Verdict.UNCLEAR:
            return Badge(text=_("too rough for a finite difference"), ok=None)
        case Verdict.EDITED:
            return Badge(text=_("an edited value is in the way of a finite difference"), ok=None)
        case _:
            return Badge(text=_("finite difference {value}").format(value=f"{check.numeric:.9g}"), ok=False)


def badges(session: Session, reading: Reading) -> tuple[Badge, ...]:
    """Computes the checks of the step on the screen.

    Args:
        session: the session; no other thread may be using it.
        reading: what is on the screen.
    """
    from retrograde.engine.session.published import compare

    step = reading.step
    if step is None or reading.term:
        return ()
    found: list[Badge] = []
    if step.final:
        check = session.check_gradient(step.target)
        if check is not None:
            found.append(_difference(check))
    # What was published says nothing of what an edit has changed.
    edited = session.branch.parent is not None and session.iteration >= session.timeline.change.first
    for expect in () if edited else session.published(step):
        comparison = compare(expect.printed, step.result, factor=expect.factor, mode=expect.mode)
        if expect.verdict == "source_wrong":
            text = _("the source prints {printed}, which is wrong").format(printed=expect.printed)
            found.append(Badge(text=text, ok=not comparison.matches))
        else:
            # The figure itself is only news where it is not the number above it.
            known = expect.printed.replace("-", "−") in show(step.result)
            text = _("published") if known else _("published {printed}").format(printed=expect.printed)
            found.append(Badge(text=text, ok=comparison.matches))
    return tuple(found)


class Badges:
    """The part that checks what is on the screen while the cursor rests."""

    def __init__(self, desk: Desk, working: Working) -> None:
        self._desk = desk
        self._working = working
        self._known: dict[int, tuple[Badge, ...]] = {}
        self._accuracy: tuple[int, tuple[int, int] | None] = (-1, None)
        self._timer: Timer | None = None
        desk.resters.append(self._schedule)
        desk.forgetters.append(self._forget)

    @property
    def here(self) -> tuple[Badge, ...]:
        """The badges of the step on the screen; none before they are computed."""
        return self._known.get(self._key, ())

    @property
    def accuracy(self) -> tuple[int, int] | None:
        """How many samples are classified rightly at the cursor, of how many; None before it is known."""
        return self._accuracy[1] if self._accuracy[0] == self._updates else None

    def _forget(self) -> None:
        self._known.clear()
        self._accuracy = (-1, None)

    @property
    def _key(self) -> int:
        reading = self._desk.reading
        return reading.position if not reading.term else -1

    @property
    def _updates(self) -> int:
        """How many iterations are complete at the cursor."""
        reading = self._desk.reading
        return reading.iteration + (reading.revealed == reading.program.steps)

    def _schedule(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        if self._key not in self._known or self._accuracy[0] != self._updates:
            self._timer = self._desk.host.after(CHECK_SECONDS, self._check)

    def _check(self) -> None:
        """Holds the number on the screen against a finite difference and against published figures."""
        if not self._working.turns.allows(Event.USE):
            return
        desk, key, updates, news = self._desk, self._key, self._updates, False
        if key >= 0 and key not in self._known:
            if len(self._known) > MOST_STEPS:
                self._known.clear()
            self._known[key] = badges(desk.session, desk.reading)
            news = bool(self._known[key])
        if self._accuracy[0] != updates:
            self._accuracy = (updates, accuracy(desk.session))
            news = news or self._accuracy[1] is not None
        if news:
            desk.paint()
