"""The check badges of a step: a finite difference, published figures, or both; and how much is classified rightly."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retrograde.engine.explaining.gradcheck import Verdict
from retrograde.engine.late import late
from retrograde.engine.session.published import compare, slip
from retrograde.engine.text import _, joined
from retrograde.tui.canvas.typesetting import typeset
from retrograde.tui.reading.figures import show
from retrograde.tui.records.equation import Badge

if TYPE_CHECKING:
    from retrograde.engine.explaining.gradcheck import GradientCheck
    from retrograde.engine.session.printed import Printed
    from retrograde.engine.session.session import Session
    from retrograde.tui.reading import recorded
    from retrograde.tui.reading.reading import Reading
else:
    recorded = late("retrograde.tui.reading.recorded")


def _difference(check: GradientCheck) -> Badge:
    """The badge of a gradient; neither right nor wrong where a difference can not say."""
    match check.verdict:
        case Verdict.AGREES:
            return Badge(text=_("finite difference"), ok=True)
        case Verdict.KINK:
            return Badge(text=_("at a kink, where no derivative is"), ok=None)
        case Verdict.UNCLEAR:
            text = _("a finite difference cannot tell: {value} ± {error}")
            return Badge(
                text=text.format(value=typeset(f"{check.numeric:.3g}"), error=typeset(f"{check.error:.1g}")), ok=None
            )
        case Verdict.EDITED:
            return Badge(text=_("an edited value is in the way of a finite difference"), ok=None)
        case _:
            return Badge(text=_("finite difference {value}").format(value=typeset(f"{check.numeric:.9g}")), ok=False)


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
    recording = session.recording
    if recording is not None:
        if recording.silence(step.place.op):
            return ()
        text, agrees = recorded.agreement(recording, step)
        return (Badge(text=text, ok=agrees),)
    if step.final:
        check = session.check_gradient(step.target)
        if check is not None:
            found.append(_difference(check))
    # What was published says nothing of what an edit has changed.
    edited = session.branch.parent is not None and session.iteration >= session.timeline.change.first
    found += [_printed(printed) for printed in (() if edited else session.printed(step))]
    return tuple(found)


def _printed(printed: Printed) -> Badge:
    """The badge of a published figure, of the step's value or of one of its terms."""
    expect, value, symbol = printed
    comparison = compare(expect.printed, value, factor=expect.factor, mode=expect.mode)
    figure = expect.printed.replace("-", "−")
    if expect.verdict == "source_wrong":
        text = _("the source prints {printed}").format(printed=figure)
        wrong = _("said to be wrong, but it is right") if comparison.matches else slip(comparison.above) or _("wrong")
        text, ok = joined((text, wrong), ": "), False
    else:
        # The figure itself is only news where it is not the number above it.
        known = not symbol and figure in show(value)
        text = _("published") if known else _("published {printed}").format(printed=figure)
        ok = comparison.matches
    return Badge(text=joined((symbol, text), ": ") if symbol else text, ok=ok)
