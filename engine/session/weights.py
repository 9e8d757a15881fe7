"""The weights of a session as tensors, by the names and shapes of PyTorch, to be written to a file."""

from __future__ import annotations

from pathlib import Path

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.scenario.weights.files import write_tensors
from retrograde.engine.session.session import Session


def weight_tensors(session: Session, updates: int) -> dict[str, Floats]:
    """The tensors of every layer after so many updates: parameters, and running averages.

    They are called as ``network.weights_file`` has them: by the name of the layer, or by ``weights_from``.
    """
    network = session.network
    known: dict[str, Floats] = {array.name: values for array, values in network.parameters.items()}
    state, start = session.timeline.state(updates), 0
    for array in network.state:
        known[array.name] = state[start : start + array.size].reshape(array.shape)
        start += array.size
    found: dict[str, Floats] = {}
    for layer in network.layers:
        if layer.spec.share is not None:
            continue
        values = {name: known[array.name] for name, array in layer.parameters.items()}
        for one in layer.spec.stored([network.forms[name] for name in layer.sources]):
            made = known[f"{one.key}_{layer.name}"] if one.key else one.joined(values)
            found[layer.spec.tensor(one.name)] = made
    return found


def export_weights(session: Session, updates: int, path: Path) -> int:
    """Writes the weights after so many updates to a file, in float64; returns how many numbers.

    Raises:
        EngineError: its name ends in neither .safetensors nor .npz, or it cannot be written.
    """
    tensors = weight_tensors(session, updates)
    write_tensors(path, tensors)
    return sum(values.size for values in tensors.values())
