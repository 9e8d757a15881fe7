"""A table as a person wrote it becomes the table that its model reads: `"ReLU"` is relu, and `1e3` a whole number."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, Literal, NamedTuple, get_args, get_origin

from pydantic import BaseModel

from retrograde.engine.synonyms import canonical


class _Forms(NamedTuple):
    """The keys of a model whose values may be written in several ways."""

    words: dict[str, tuple[str, ...]]
    whole: frozenset[str]


def as_the_model_has_it(model: type[BaseModel], table: Any) -> Any:
    """The table with the words of the file format, and with whole numbers where such are meant; else as it is."""
    if not isinstance(table, dict):
        return table
    forms = _forms(model)
    found = dict(table)
    for key, names in forms.words.items():
        if isinstance(value := table.get(key), str):
            found[key] = canonical(value, names)
    for key in forms.whole & table.keys():
        found[key] = _whole(table[key])
    return found


def _whole(value: Any) -> Any:
    """A number without a fraction as a whole one, also in a list."""
    if isinstance(value, float):
        return int(value) if value.is_integer() else value
    return [_whole(one) for one in value] if isinstance(value, list) else value


@cache
def _forms(model: type[BaseModel]) -> _Forms:
    words: dict[str, tuple[str, ...]] = {}
    whole: set[str] = set()
    for key, field in model.model_fields.items():
        leaves = list(_leaves(field.annotation))
        names = tuple(leaf for leaf in leaves if isinstance(leaf, str))
        if names:
            words[key] = names
        if int in leaves and float not in leaves:
            whole.add(key)
    return _Forms(words, frozenset(whole))


def _leaves(annotation: Any) -> Iterator[Any]:
    """The types that an annotation is made of, and the words of its literals."""
    if get_origin(annotation) is Literal:
        yield from get_args(annotation)
    elif parts := get_args(annotation):
        for part in parts:
            yield from _leaves(part)
    elif isinstance(annotation, type):
        yield annotation
