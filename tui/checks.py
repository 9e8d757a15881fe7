"""The check badges of a step: a finite difference, published figures, or both."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retrograde.engine.check import compare
from retrograde.engine.gradcheck import Verdict
from retrograde.engine.text import _
from retrograde.tui.figures import show
from retrograde.tui.state import Badge

if TYPE_CHECKING:
    from retrograde.engine.gradcheck import GradientCheck
    from retrograde.engine.session import Session
    from retrograde.tui.reading import Reading


def accuracy(session: Session) -> tuple[int, int] | None:
    """How many samples of the data set are classified rightly with the parameters at the cursor, of how many.

    None where the targets are no classes.
    """
    import numpy as np

    targets = session.network.dataset.targets
    one_hot = targets.shape[1] > 1 and bool(np.all((targets == 0) | (targets == 1)))
    if not one_hot or not bool(np.all(targets.sum(axis=1) == 1)):
        return None
    complete = session.position > 0 and session.revealed == session.program.steps
    state = session.timeline.state(session.iteration + complete)
    predicted = session.timeline.predictions(state).argmax(axis=1)
    return int(np.sum(predicted == targets.argmax(axis=1))), len(targets)


def _difference(check: GradientCheck) -> Badge:
    """The badge of a gradient; neither right nor wrong where a difference can not say."""
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
