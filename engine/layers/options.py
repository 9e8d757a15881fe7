"""Options of the tables as fields of the models that read a file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, create_model

from retrograde.engine.equations.losses import Loss
from retrograde.engine.equations.options import Option, OptionKind, Parametric

MAX_EPOCHS = 10**12

Places = Annotated[tuple[int, ...], Field(strict=False)]
Pair = Annotated[tuple[float, ...], Field(strict=False, min_length=2, max_length=2)]

_TYPES: Mapping[OptionKind, Any] = {
    "number": float,
    "whole": int,
    "flag": bool,
    "pair": Pair,
    "places": Places,
}
_BOUNDS: Mapping[OptionKind, Mapping[str, Any]] = {
    "whole": {"le": MAX_EPOCHS},
    "places": {"min_length": 1, "max_length": 1000},
}


def words(names: Iterable[str]) -> Any:
    """The type of a word that is one of some names; to a type checker it is a text."""
    return Literal[tuple(names)]


def with_options(base: type[BaseModel], options: Iterable[tuple[Option, str]]) -> Any:
    """A model with a key for each option after those of the base; absent, its value is None.

    Args:
        base: the model.
        options: the options, each with its description.
    """
    return create_model(
        f"{base.__name__}WithOptions", __base__=base, **{option.key: _field(option, text) for option, text in options}
    )


def with_parameters(base: type[BaseModel], rows: Iterable[Parametric]) -> Any:
    """A model with a key for the parameter of each row of a table."""
    return with_options(
        base,
        (
            (row.parameter, f"of {row.name}: {row.parameter.text}; {row.default:g} if absent")
            for row in rows
            if row.parameter is not None
        ),
    )


def with_loss_options(base: type[BaseModel], rows: Iterable[Loss]) -> Any:
    """A model with a key for each option of the losses of a table."""
    owners: dict[Option, list[Loss]] = {}
    for row in rows:
        for option in row.options:
            owners.setdefault(option, []).append(row)
    return with_options(base, ((option, _owned(option, found)) for option, found in owners.items()))


def _owned(option: Option, owners: Sequence[Loss]) -> str:
    default = owners[0].defaults.get(option.key)
    names = ", ".join(row.name for row in owners)
    return f"of {names}: {option.text}; {'none' if default is None else f'{default:g}'} if absent"


def _field(option: Option, description: str) -> Any:
    # The bounds of a list are those of its entries.
    own = (
        {} if option.kind == "pair" else {"ge": option.least, "gt": option.above, "le": option.most, "lt": option.below}
    )
    bounds = {**_BOUNDS.get(option.kind, {}), **{name: bound for name, bound in own.items() if bound is not None}}
    kind = words(option.words) if option.kind == "word" else _TYPES[option.kind]
    return kind | None, Field(default=None, description=description, **bounds)
