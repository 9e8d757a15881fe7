"""Which gradient a name means: its own, or that of the value that is called so."""

from __future__ import annotations

from retrograde.engine.equations.array import Array, Role
from retrograde.engine.equations.expression import Ref
from retrograde.engine.errors import EngineError
from retrograde.engine.session.cursor import Cursor
from retrograde.engine.text import _


def gradient_meant(cursor: Cursor, name: str | Ref) -> Ref:
    """The gradient that is meant by a name: its own, or that of the slot that is called so.

    Args:
        cursor: the cursor, whose iteration is meant.
        name: ``grad(w1)``, ``w1``, ``out_h1``, ``delta(h1)``; of a value with a sample at the cursor's sample.

    Raises:
        EngineError: there is no such slot, or it has no gradient.
    """
    program = cursor.program
    ref = cursor.resolve(name) if isinstance(name, str) else name
    array: Array | None = ref.array
    # What is made of a gradient later, as clipping makes it, stands for the gradient.
    later = array is not None and array.role in {Role.GRADIENT, Role.MEMORY} and not program.is_backward(array)
    if array is not None and array.of is not None and (later or array.role in {Role.UPDATED, Role.SLOPE}):
        array = array.of
    if array is not None and not program.is_backward(array):
        array = program.named.get(f"grad({array.name})")
    if array is None or not program.is_backward(array):
        shown = name if isinstance(name, str) else cursor.notation.name(ref)
        if ref.array is program.named.get("E"):
            message = _("every gradient says how {name} changes: ask about a value that {name} depends on")
            raise EngineError(message.format(name=shown))
        if cursor.recording is not None:
            message = _("{name} has no gradient here: ask about a parameter, or a value of the backward pass")
            raise EngineError(message.format(name=shown))
        raise EngineError(_("{name} has no gradient in this network").format(name=shown))
    return Ref(array, ref.index)
