"""What pydantic finds wrong, in words that a person who wrote TOML knows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, get_args

from retrograde.engine.equations.optimisers import remembered_as
from retrograde.engine.errors import KeyPath, Violation
from retrograde.engine.layers.base import Layer
from retrograde.engine.layers.dense import DenseLayer
from retrograde.engine.layers.table import KINDS
from retrograde.engine.scenario.models import Scenario
from retrograde.engine.scenario.toml_hints import meant_number
from retrograde.engine.scenario.toml_tables import homes, model_at, tables
from retrograde.engine.synonyms import canonical, meanings
from retrograde.engine.text import _, joined, nearest, suggest

if TYPE_CHECKING:
    from pydantic import BaseModel
    from pydantic_core import ErrorDetails


def violations(details: Sequence[ErrorDetails]) -> Iterator[Violation]:
    """Yield what pydantic found, without what only follows from something else that it found."""
    strange = {_layer_of(one) for one in details if _strange_kind(one)}
    unknown = [one["loc"] for one in details if one["type"] == "extra_forbidden"]
    for one in details:
        follows = _layer_of(one) in strange and one["type"] in {"missing", "extra_forbidden"}
        if not (follows or _hollow(one) or _renamed(one, unknown)):
            yield violation(one)


def _hollow(details: ErrorDetails) -> bool:
    """Whether pydantic counts only the valid entries of a list, and finds it too short for that alone."""
    given = details["input"]
    return details["type"] == "too_short" and len(given) >= details["ctx"]["min_length"]


def _renamed(details: ErrorDetails, unknown: Iterable[KeyPath]) -> bool:
    """Whether what is missing is there under another name, whose own message says what it is called."""
    *table, name = details["loc"]
    return details["type"] == "missing" and any(
        key[:-1] == tuple(table) and meanings(str(key[-1]), [str(name)]) for key in unknown
    )


def _strange_kind(details: ErrorDetails) -> bool:
    """Whether it is the kind of a layer that does not exist, so that its other keys can not be judged."""
    return (
        details["type"] == "literal_error"
        and details["loc"][:2] == ("network", "layers")
        and details["loc"][4:] == ("kind",)
    )


def _layer_of(details: ErrorDetails) -> tuple[str | int, ...]:
    """The path of the layer that something is in; empty outside of layers."""
    found = details["loc"]
    return found[:3] if found[:2] == ("network", "layers") else ()


def violation(details: ErrorDetails) -> Violation:
    """Return what pydantic found, at its place and in words."""
    path = tuple(
        part for part in details["loc"] if not (isinstance(part, str) and part.startswith("<") and part.endswith(">"))
    )
    kind = details["type"]
    layer = next((KINDS[part[1:-1]] for part in map(str, details["loc"]) if part[1:-1] in KINDS), DenseLayer)
    if kind == "extra_forbidden":
        return Violation(path=path, message=_unknown_key(path, layer), key=True)
    if kind == "missing":
        return Violation(path=path, message=_missing(path, layer))
    if kind == "literal_error" and path[:2] == ("network", "layers") and path[3:] == ("kind",):
        shown = _shown(details.get("input"))
        return Violation(path=path, message=_literal(details.get("input"), ", ".join(map(repr, KINDS)), shown))
    return Violation(path=path, message=_wrong(kind, details))


def _wrong(kind: str, details: ErrorDetails) -> str:
    """Return what is wrong with a value, and what is allowed."""
    context: dict[str, Any] = details.get("ctx", {})
    found = _shown(details.get("input"))
    match kind:
        case "int_type" | "int_from_float" | "int_parsing" | "int_parsing_size":
            return _("{found} is not a whole number").format(found=found) + meant_number(details.get("input"))
        case "float_type" | "float_parsing":
            return _("{found} is not a number").format(found=found) + meant_number(details.get("input"))
        case "finite_number":
            return _("{found} is not finite; give a number of ordinary size").format(found=found)
        case "string_type":
            return _("{found} is not a text in quotes").format(found=found)
        case "bool_type" | "bool_parsing":
            return _("{found} is neither true nor false").format(found=found)
        case "tuple_type" | "list_type":
            return _("{found} is not a list").format(found=found) + _list_of(details)
        case "model_type" | "model_attributes_type" | "dict_type":
            return _("{found} is not a table").format(found=found) + _table_of(details)
        case "literal_error":
            message = _literal(details.get("input"), str(context.get("expected", "")), found)
            values = details["loc"][-1] == "bias" and isinstance(details.get("input"), list | float | int)
            return message + (_("; initial values stand in biases") if values else "")
        case "greater_than":
            return _("{found} is too small; more than {bound} is needed").format(
                found=found, bound=format(context["gt"], "g")
            )
        case "greater_than_equal":
            return _("{found} is too small; the smallest is {bound}").format(
                found=found, bound=format(context["ge"], "g")
            )
        case "less_than":
            return _("{found} is too large; less than {bound} is needed").format(
                found=found, bound=format(context["lt"], "g")
            )
        case "less_than_equal":
            return _("{found} is too large; the largest is {bound}").format(found=found, bound=f"{context['le']:,}")
        case "too_short":
            return _("{found} entries, at least {bound} are needed").format(
                found=context["actual_length"], bound=context["min_length"]
            )
        case "too_long":
            return _("{found} entries, at most {bound} are allowed").format(
                found=context["actual_length"], bound=context["max_length"]
            )
        case "string_too_short":
            return _("the text is empty")
        case "string_too_long":
            return _("the text is longer than {bound} characters").format(bound=context["max_length"])
        case "string_pattern_mismatch":
            return _pattern(str(details["loc"][-1]), details["loc"], found)
    return str(details["msg"])


def _list_of(details: ErrorDetails) -> str:
    """The end of a message about a text that stands where a list of names should; empty for another."""
    word, name = details.get("input"), str(details["loc"][-1])
    names = details["loc"][:2] == ("network", "layers") and name in {"frozen", "inputs"}
    return _('; write {key} = ["{word}"]').format(key=name, word=word[:40]) if names and isinstance(word, str) else ""


def _table_of(details: ErrorDetails) -> str:
    """The end of a message about a text that stands where a table of its kind should; empty for another."""
    word, name = details.get("input"), str(details["loc"][-1])
    model = model_at(tuple(part for part in details["loc"] if not str(part).startswith("<")), DenseLayer)
    if not isinstance(word, str) or model is None or "kind" not in model.model_fields:
        return ""
    kinds = get_args(model.model_fields["kind"].annotation)
    meant = [word] if word in kinds else nearest(word, kinds)
    return _('; write {key} = {{ kind = "{word}" }}').format(key=name, word=meant[0] if meant else "...")


def _pattern(name: str, path: tuple[str | int, ...], found: str) -> str:
    if "numbering" in path:
        return _("{found} is not a name; use letters and digits, such as w1").format(found=found)
    if name == "name":
        return _("{found} is not a name; use Latin letters, digits and _, and begin with a letter").format(found=found)
    if name == "printed":
        return _('{found} is not a number as it is printed, such as "0.75136507" or "nan"').format(found=found)
    return _('{found} does not name columns or rows; count from 1, such as "1-4,7"').format(found=found)


def _literal(value: Any, expected: str, found: str) -> str:
    allowed = re.findall(r"'([^']*)'", expected) or [expected]
    word = str(value).lower() if isinstance(value, bool) else value
    near = suggest(word, allowed) if isinstance(word, str) else ""
    message = _("{found} is not known").format(found=found) + near
    return message + (_(" Allowed: {names}") if near else _("; allowed: {names}")).format(names=", ".join(allowed))


def _shown(value: Any) -> str:
    """Return a value of the file, shortened, in words that a person who wrote TOML knows."""
    if isinstance(value, dict):
        return _("a table")
    if isinstance(value, list | tuple):
        return _("a list")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'"{value}"' if len(value) <= 40 else f'"{value[:39]}…"'
    if isinstance(value, int):
        return (
            str(value)
            if abs(value) < 10**20
            else _("a number with {digits} digits").format(digits=len(str(abs(value))))
        )
    return str(value)


def _unknown_key(path: KeyPath, layer: type[Layer]) -> str:
    model = model_at(path[:-1], layer)
    known = list(model.model_fields) if model is not None else []
    name = str(path[-1])
    message = _("there is no such key")
    if name in layer.absent and model is layer:
        return joined((message, _(layer.absent[name])), ": ")
    if path[:-1] == ("training",) and not meanings(name, known) and (stem := remembered_as(name)):
        return message + _("; what an optimiser remembers is in the table memory: memory = {{ {name} = 0.5 }}").format(
            name=stem
        )
    if near := suggest(name, known, likeness=0.5 if meanings(name, known) else 0.75):
        return message + near
    if model is layer:
        owners, own = sum(name in one.model_fields for one in KINDS.values()), canonical(name, KINDS)
        # What one kind alone has as a key, as an attention its dropout, is more often wanted as a layer.
        if own in KINDS and owners < 2:
            return message + _('; it is a layer of its own: kind = "{kind}"').format(kind=own)
        if owners:
            return message + _(": a layer of the kind {kind} has no {name}").format(kind=_kind(layer), name=name)
    if (table := model_at((name,), layer)) is not None and model is not Scenario:
        shown = f"[{name}]" if table is not layer else f"[[{name}]]"
        return message + _(" here; it is a table of its own: {table}").format(table=shown)
    if places := _places(name, model):
        return message + _(" here; it belongs in {tables}").format(tables=places)
    for meant in meanings(name, {key for table in tables() for key in table.model_fields}):
        if places := _places(meant.name, model):
            return message + _("; it is called {name}, and belongs in {tables}").format(name=meant.name, tables=places)
    if near := suggest(name, known, likeness=0.5):
        return message + near
    return message + _("; known here: {names}").format(names=", ".join(known))


def _kind(layer: type[Layer]) -> str:
    return next(kind for kind, one in KINDS.items() if one is layer)


def _places(key: str, besides: type[BaseModel] | None) -> str:
    """The tables besides one that have a key; empty for none."""
    return ", ".join(sorted(table or _("the top of the file") for table, home in homes(key) if home is not besides))


def _missing(path: KeyPath, layer: type[Layer]) -> str:
    model = model_at(path[:-1], layer)
    field = model.model_fields.get(str(path[-1])) if model is not None else None
    description = field.description if field is not None else None
    table = model_at(path, layer)
    if path == ("format",):
        return _("missing: put format = 1 at the top of the file")
    if table is not None and path[-1] != "layers":
        return _("missing: the table [{name}]").format(name=".".join(str(part) for part in path))
    if path[-1] == "layers":
        return _("missing: at least one [[network.layers]]")
    return _("missing: {what}").format(what=description) if description else _("missing")
