"""Samples that are held out: where they come from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from retrograde.engine.errors import EngineError, Violation
from retrograde.engine.scenario.ranges import ranges
from retrograde.engine.scenario.rules.nested_shapes import flat_rows
from retrograde.engine.scenario.rules.parts import Parts
from retrograde.engine.text import _

if TYPE_CHECKING:
    from retrograde.engine.scenario.data_table import Data, HeldOut

_WAYS = ("share", "file", "inputs", "targets", "rows")


def held_out_rules(parts: Parts, data: Data, held_out: HeldOut) -> Iterator[Violation]:
    """Yield what leaves open which samples are held out, and samples that do not fit the network."""
    given = [key for key in _WAYS if getattr(held_out, key) is not None]
    if not given:
        if not any(path[0] == "held_out" for path in parts.unknown):
            message = _("missing: which samples are held out: share = 0.2, a file, rows, or inputs and targets")
            yield Violation(path=("held_out",), message=message)
        return
    if any(layer is not None and layer.starts for layer in parts.layers):
        message = _("what a layer is given for each sample and samples that are held out exclude each other")
        yield Violation(path=("held_out",), message=message)
    if held_out.share is not None:
        for key in given[1:]:
            message = _("a share of the samples is held out; drop {key} or share")
            yield Violation(path=("held_out", key), message=message.format(key=key), key=True)
        if data.file is None and data.text is None and len(data.inputs or data.targets or ((),)) < 2:
            message = _("there is one sample: none can be held out")
            yield Violation(path=("held_out", "share"), message=message)
        return
    inline = held_out.inputs is not None or held_out.targets is not None
    if inline and held_out.file is not None:
        message = _("samples are inline or in a file, not both; drop {key} or file")
        yield Violation(path=("held_out", given[-1]), message=message.format(key=given[-1]), key=True)
    elif inline:
        yield from _inline_rules(parts, held_out)
    elif held_out.file is None and data.file is None:
        message = _("{key} belongs to a file; there is no data.file")
        yield Violation(path=("held_out", "rows"), message=message.format(key="rows"), key=True)
    if held_out.rows is not None:
        try:
            ranges(held_out.rows)
        except EngineError as error:
            yield Violation(path=("held_out", "rows"), message=str(error))


def _inline_rules(parts: Parts, held_out: HeldOut) -> Iterator[Violation]:
    """Yield inline samples that are not as many as their targets, or of another width than the network's inputs."""
    for key, width in (("inputs", parts.inputs), ("targets", parts.outputs)):
        if getattr(held_out, key) is None and width != 0 and ("held_out", key) not in parts.unknown:
            message = _("missing: a row per sample, or a file of samples in held_out.file")
            yield Violation(path=("held_out", key), message=message, key=True)
    inputs, targets = held_out.inputs, held_out.targets
    if inputs is not None and targets is not None and len(inputs) != len(targets):
        message = _("{targets} rows of targets for {inputs} rows of inputs")
        text = message.format(targets=len(targets), inputs=len(inputs))
        yield Violation(path=("held_out", "targets"), message=text)
    for key, rows, wanted in (("inputs", inputs, parts.inputs), ("targets", targets, None)):
        if rows is None or not any(isinstance(row, tuple) for row in rows):
            continue
        widths = [len(row) if isinstance(row, list) else -1 for row in flat_rows(rows)]
        needed = widths[0] if wanted is None else wanted
        for number, width in enumerate(widths):
            if width != needed:
                message = _("row {row} has the width {found} where {wanted} is needed")
                text = message.format(row=number + 1, found=width, wanted=needed)
                yield Violation(path=("held_out", key, number), message=text)
    if inputs is not None and not inputs:
        yield Violation(path=("held_out", "inputs"), message=_("there are no samples; at least one is needed"))
