"""The check badges of a step: a finite difference, published figures, or both; and how much is classified rightly."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retrograde.engine.explaining.gradcheck import Verdict
from retrograde.engine.session.published import compare
from retrograde.engine.text import _
from retrograde.tui.reading.figures import show
from retrograde.tui.records.equation import Badge

if TYPE_CHECKING:
    from retrograde.engine.explaining.gradcheck import GradientCheck
    from retrograde.engine.session.session import Session
    from retrograde.tui.reading.reading import Reading


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
    match check.verdict:
        case Verdict.AGREES:
            return Badge(text=_("finite difference"), ok=True)
        case Verdict.KINK:
            return Badge(text=_("at a kink, where no derivative is"), ok=None)
        case Verdict.UNCLEAR:
            text = _("a finite difference cannot tell: {value} ± {error}")
            return Badge(text=text.format(value=f"{check.numeric:.3g}", error=f"{check.error:.1g}"), ok=None)
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
