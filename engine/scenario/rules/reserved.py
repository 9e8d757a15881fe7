"""The names of slots that a scenario file chooses itself: what they may not be, so that every name means one value."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence

from retrograde.engine.equations.optimisers import OPTIONS
from retrograde.engine.errors import KeyPath
from retrograde.engine.text import _

_WORDS = "i E lr net out grad delta slope new prev and or not epoch iteration sample step phase batch data loss inf nan"
_FUNCTIONS = "abs sign sqrt exp log ln max min mean norm sum any all count isnan isinf sin cos tanh sigmoid relu"
# Optimisers and schedules keep values of their own: counters, running averages, factors.
_MEMORY = "beta1 beta2 l1 l2 t cool best wait plateau factor rate"
TAKEN = frozenset((*_WORDS.split(), *_FUNCTIONS.split(), *_MEMORY.split(), *OPTIONS))
"""Names that mean something else."""

_ARRAYS = re.compile(r"(?:W|b|t|net|out|E|e|max|S|slope)_.*")


def naming_faults(
    layers: Sequence[str], chosen: Iterable[tuple[str, KeyPath]], weights: Collection[str]
) -> Iterator[tuple[KeyPath, str]]:
    """Yield what is wrong with the names that layers choose, as places in the file and messages.

    Args:
        layers: the names of all layers.
        chosen: the names, each with its place.
        weights: the names of weights.
    """
    known: set[str] = set()
    for name, path in chosen:
        base = name.rstrip("0123456789")
        if name in TAKEN or _ARRAYS.fullmatch(name) or not name.isidentifier():
            yield path, _("{name} means something else in Retrograde; choose another name").format(name=name)
        elif name in layers:
            yield path, _("{name} is also what a layer is called; give that layer another name").format(name=name)
        elif base != name and (base in layers or base == "i"):
            message = _("{name} is also what a neuron of layer {base} is called; choose another name")
            yield path, message.format(name=name, base=base)
        elif name in weights:
            yield path, _("{name} is also what a weight is called; choose another name").format(name=name)
        elif name in known:
            yield path, _("two layers have a value called {name}").format(name=name)
        known.add(name)
