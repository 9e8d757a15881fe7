"""The neurons of a layer under the parameters at the cursor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from retrograde.engine.explaining.neurons import neurons_of
from retrograde.engine.explaining.samples import image_of

if TYPE_CHECKING:
    from retrograde.engine.explaining.neurons import NeuronTable
    from retrograde.engine.session.session import Session


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NeuronReading:
    """The neurons of a layer.

    Attributes:
        table: the neurons.
        names: what they are called; a channel of a convolution is ``c1[2]``.
        classes: what the classes are called, and each output.
        image: rows and columns of the inputs, where these are an image.
    """

    table: NeuronTable
    names: tuple[str, ...]
    classes: tuple[str, ...]
    image: tuple[int, int] | None

    @classmethod
    def of(cls, session: Session, layer: str) -> NeuronReading:
        """Reads a session, which no other thread may be using.

        Args:
            session: the session.
            layer: the layer.
        """
        network = session.network
        table = neurons_of(session.timeline, session.reached, layer)
        channels = len(network.forms[layer].shape) > 1
        names = (
            f"{layer}[{unit + 1}]" if channels else network.notation.neuron(layer, unit) for unit in range(len(table))
        )
        classes = 0 if table.by_class is None else len(table.by_class)
        return cls(
            table=table,
            names=tuple(names),
            classes=tuple(network.dataset.label(number) for number in range(classes)),
            image=image_of(network),
        )
