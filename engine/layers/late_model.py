"""Tables of a file whose models are made when a file has such a table."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, get_args

from pydantic import BaseModel, GetCoreSchemaHandler, GetJsonSchemaHandler, TypeAdapter
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from retrograde.engine.late import imported


@dataclass(frozen=True, slots=True)
class Late:
    """Within ``Annotated``: what reads a value is made when there is a value to be read.

    Attributes:
        reader: gives what reads a value, and reports what is wrong in it.
        whole: the type of all that there may be, for the schema and the messages.
    """

    reader: Callable[[Any], TypeAdapter[Any]]
    whole: Callable[[], Any]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        del source, handler
        return core_schema.no_info_plain_validator_function(lambda value: self.reader(value).validate_python(value))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        del schema
        return handler(TypeAdapter(self.whole()).core_schema)


def late(package: str, place: str) -> Any:
    """The type of a table that few files have: its model is imported for those.

    Args:
        package: the package of its module.
        place: the model, as ``module:name``.
    """

    def model() -> type[BaseModel]:
        found: type[BaseModel] = imported(package, place)
        return found

    @cache
    def reader() -> TypeAdapter[Any]:
        return TypeAdapter(model())

    return Annotated[Any, Late(reader=lambda _value: reader(), whole=model)]


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """Yield the models that an annotation is made of, those that are late too."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif isinstance(annotation, Late):
        yield from models_in(annotation.whole())
    for part in get_args(annotation):
        yield from models_in(part)
