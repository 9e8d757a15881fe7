"""How many samples a network classifies rightly."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from retrograde.engine.session.session import Session


def right_answers(session: Session, *, held_out: bool = False) -> tuple[int, int] | None:
    """Return how many samples are classified rightly with the parameters at the cursor, of how many.

    Where each position of a sample is classified, each counts. None where the targets are no classes, where there are
    several losses, where sequences have masked steps, and where no samples are held out.

    Args:
        session: the session.
        held_out: whether the samples are those that are held out, and not those of the training.
    """
    network = session.network
    dataset = network.dataset.held_out if held_out else network.dataset
    if dataset is None or len(network.losses) != 1 or network.losses[0].layer not in (None, network.layers[-1].name):
        return None
    form, targets = network.layers[-1].form, dataset.targets
    classes = form.shape[-1] if form.shape else 1
    if classes < 2 or form.steps or dataset.lengths is not None or targets.shape[1] != form.size:
        return None
    wanted = targets.reshape(-1, classes)
    one_hot = bool(np.all((wanted == 0) | (wanted == 1)))
    if not one_hot or not bool(np.all(wanted.sum(axis=1) == 1)):
        return None
    complete = session.position > 0 and session.revealed == session.program.steps
    state = session.timeline.state(session.iteration + complete)
    predicted = session.timeline.predictions(state, held_out=held_out).reshape(-1, classes).argmax(axis=1)
    return int(np.sum(predicted == wanted.argmax(axis=1))), len(wanted)
