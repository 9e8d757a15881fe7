"""Which keys a distribution of initial values takes."""

from __future__ import annotations

from collections.abc import Iterator

from retrograde.engine.errors import KeyPath, Violation
from retrograde.engine.layers.base import Distribution, LayerInit
from retrograde.engine.scenario.rules.parts import Parts
from retrograde.engine.text import _

_PARAMETERS = {
    "constant": ("value",),
    "uniform": ("low", "high"),
    "normal": ("mean", "std"),
}


_NEEDED = {"constant": ("value",), "uniform": ("low", "high"), "normal": ("std",)}


def init_rules(parts: Parts, init: LayerInit, path: KeyPath) -> Iterator[Violation]:
    """Yield what is wrong with how parameters are drawn."""
    yield from _distribution_rules(parts, init, path)
    if init.bias is not None:
        yield from _distribution_rules(parts, init.bias, (*path, "bias"))
        if init.draw_bias:
            message = _("draw_bias draws biases like the weights; leave it out beside a bias table")
            yield Violation(path=(*path, "draw_bias"), message=message)


def _distribution_rules(parts: Parts, distribution: Distribution, path: KeyPath) -> Iterator[Violation]:
    if (*path, "kind") in parts.unknown:
        return
    allowed = _PARAMETERS.get(distribution.kind, ())
    for name in ("value", "low", "high", "mean", "std"):
        given = getattr(distribution, name) is not None or (*path, name) in parts.unknown
        if given and name not in allowed:
            takes = ", ".join(allowed) or _("no parameters")
            message = _("{kind} has no {name}; it takes {takes}")
            text = message.format(kind=distribution.kind, name=name, takes=takes)
            yield Violation(path=(*path, name), message=text, key=True)
        if not given and name in _NEEDED.get(distribution.kind, ()):
            message = _("{kind} needs {name}")
            yield Violation(path=(*path, "kind"), message=message.format(kind=distribution.kind, name=name))
    if distribution.low is not None and distribution.high is not None:
        if distribution.high < distribution.low:
            message = _("high is {high}, which is below low, {low}")
            text = message.format(high=distribution.high, low=distribution.low)
            yield Violation(path=(*path, "high"), message=text)
        elif distribution.high - distribution.low == float("inf"):
            yield Violation(path=(*path, "high"), message=_("the range from low to high is larger than any number"))
