"""How many samples a network classifies rightly."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.network.network import Network


class Classified(NamedTuple):
    """How many samples are classified rightly, of how many."""

    right: int
    samples: int


def classified(network: Network, outputs: Floats, *, held_out: bool = False) -> Classified | None:
    """How many samples of the data the last layer classifies rightly; where positions are classified, each counts.

    Of several outputs the largest is to be that of the class. One output tells two classes, 0 and 1 or −1 and 1: the
    nearer one is to be the target.

    Args:
        network: the network.
        outputs: the outputs of its last layer for the whole data, (samples, ...).
        held_out: whether the samples are those that are held out, and not those of the training.

    Returns:
        None where the targets are no classes, where there are several losses, where sequences have masked steps, and
        where no samples are held out.
    """
    dataset = network.dataset.held_out if held_out else network.dataset
    if dataset is None or len(network.losses) != 1 or network.losses[0].layer not in (None, network.layers[-1].name):
        return None
    form, targets = network.layers[-1].form, dataset.targets
    if form.steps or dataset.lengths is not None or not targets.size or targets.shape[1] != form.size:
        return None
    classes = form.shape[-1] if form.shape else 1
    wanted = targets.reshape(-1, classes)
    predicted = outputs.reshape(-1, classes)
    if classes == 1:
        lower = float(wanted.min())
        if lower not in {0.0, -1.0} or not bool(np.all((wanted == lower) | (wanted == 1.0))):
            return None
        # An output that is NaN is near neither of them.
        upper = predicted >= (lower + 1.0) / 2.0
        right = np.where(wanted == 1.0, upper, predicted < (lower + 1.0) / 2.0)
        return Classified(int(np.sum(right)), len(wanted))
    one_hot = bool(np.all((wanted == 0) | (wanted == 1)))
    if not one_hot or not bool(np.all(wanted.sum(axis=1) == 1)):
        return None
    return Classified(int(np.sum(predicted.argmax(axis=1) == wanted.argmax(axis=1))), len(wanted))
