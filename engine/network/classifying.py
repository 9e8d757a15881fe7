"""Which classes a network names, and how many samples it classifies rightly."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.network.network import Network

NO_CLASS = -1
"""In place of a class where an output is no number, which names none."""


class Classes(NamedTuple):
    """The classes of some positions, from 0.

    Attributes:
        wanted: (positions,), those of the targets.
        named: (positions,), those that the outputs name; ``NO_CLASS`` for none.
    """

    wanted: NDArray[np.intp]
    named: NDArray[np.intp]


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
    found = classes_of(targets.reshape(-1, classes), outputs.reshape(-1, classes))
    return None if found is None else Classified(int(np.sum(found.named == found.wanted)), len(found.wanted))


def classes_of(targets: Floats, outputs: Floats) -> Classes | None:
    """Which classes the targets and the outputs of some positions name; None where the targets are no classes.

    Of several outputs the largest names its class, the first one of equals. One output names one of two classes, 0 and
    1 or −1 and 1, by the nearer number.

    Args:
        targets: (positions, outputs).
        outputs: (positions, outputs).
    """
    nothing = np.isnan(outputs).any(axis=1)
    if targets.shape[1] == 1:
        lower = float(targets.min()) if targets.size else np.nan
        if lower not in {0.0, -1.0} or not bool(np.all((targets == lower) | (targets == 1.0))):
            return None
        wanted, named = (targets[:, 0] == 1.0), (outputs[:, 0] >= (lower + 1.0) / 2.0)
        return Classes(wanted.astype(np.intp), np.where(nothing, NO_CLASS, named))
    one_hot = bool(np.all((targets == 0) | (targets == 1)))
    if not one_hot or not bool(np.all(targets.sum(axis=1) == 1)):
        return None
    return Classes(targets.argmax(axis=1), np.where(nothing, NO_CLASS, outputs.argmax(axis=1)))
