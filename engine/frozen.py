"""Frozen dataclasses that are made in a fraction of the time: the start of the program makes some two hundred of them.

``dataclasses.dataclass`` writes the methods of each class as text and compiles them. Here the library writes
``__init__`` once for a number of fields, and a class has its code with names of its own; the other methods are the same
functions for all. To whoever uses a class it is a dataclass as any other: ``fields``, ``replace``, ``asdict``,
matching, copying, the messages of errors, and the types are those of the library. What is rare goes to the library
itself: defaults from a factory, ``__post_init__``, what is not frozen.
"""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Callable, Iterable
from functools import lru_cache
from operator import attrgetter
from reprlib import recursive_repr
from types import FunctionType, MemberDescriptorType
from typing import TYPE_CHECKING, Any

Fields = dict[str, "dataclasses.Field[Any]"]
Maker = Callable[[type[Any]], type[Any]]


@lru_cache
def _sample(positional: int = 0, keyword: int = 0, *, slots: bool = False, eq: bool = False) -> Any:
    """A dataclass of the library, with some fields: those that are given by their place, then those by their name."""
    names = [f"_{number}" for number in range(positional + keyword)]
    made = [(name, object, dataclasses.field(kw_only=place >= positional)) for place, name in enumerate(names)]
    return dataclasses.make_dataclass("_Sample", made, frozen=True, slots=slots, eq=eq, repr=False)


_MARK: Any = getattr(dataclasses.fields(_sample(1))[0], "_field_type")  # noqa: B009 - it has no public name
"""What marks a field that is neither of the class nor for ``__init__`` alone."""
_APART = frozenset(("ClassVar", "InitVar", "KW_ONLY"))
"""Annotations that are no fields of an instance."""


def _fields(cls: type[Any], *, kw_only: bool) -> Fields | None:
    """The fields of a class, those of its bases first; None where the library has to make it."""
    if hasattr(cls, "__post_init__") or "__setattr__" in cls.__dict__ or "__delattr__" in cls.__dict__:
        return None
    found: Fields = {}
    for base in cls.__mro__[-1:0:-1]:
        if "__dataclass_fields__" in base.__dict__:
            if not base.__dataclass_params__.frozen:
                return None
            found |= base.__dataclass_fields__
    for name, kind in cls.__annotations__.items():
        default = getattr(cls, name, dataclasses.MISSING)
        if isinstance(default, MemberDescriptorType):
            default = dataclasses.MISSING
        apart = not isinstance(kind, str) or kind.partition("[")[0].rpartition(".")[2] in _APART
        if apart or isinstance(default, dataclasses.Field) or type(default).__hash__ is None:
            return None
        one: Any = dataclasses.field(default=default, kw_only=kw_only)
        one.name, one.type, one._field_type = name, kind, _MARK
        found[name] = one
    plain = all(
        one.default_factory is dataclasses.MISSING and one.init and one.repr and one.compare and one.hash is None
        for one in found.values()
    )
    return found if plain and "self" not in found else None


def _init(cls: type[Any], found: Fields) -> Any:
    """``__init__``: the code that the library writes for so many fields, with the names of these."""
    ordered = sorted(found.values(), key=lambda one: one.kw_only is True)
    names = [one.name for one in ordered]
    keyword = sum(one.kw_only is True for one in ordered)
    sample = _sample(len(names) - keyword, keyword).__init__
    renamed: dict[object, object] = {f"_{number}": name for number, name in enumerate(names)}
    code = sample.__code__.replace(
        co_varnames=("self", *names), co_consts=tuple(renamed.get(const, const) for const in sample.__code__.co_consts)
    )
    given = {one.name: one.default for one in ordered if one.default is not dataclasses.MISSING}
    first = tuple(given[one.name] for one in ordered if not one.kw_only and one.name in given)
    made = FunctionType(code, sample.__globals__, "__init__", first, sample.__closure__)
    made.__kwdefaults__ = {one.name: given[one.name] for one in ordered if one.kw_only and one.name in given} or None
    made.__annotations__ = {one.name: one.type for one in ordered} | {"return": None}
    made.__qualname__ = f"{cls.__qualname__}.__init__"
    return made


def _values(names: Iterable[str]) -> Callable[[Any], tuple[Any, ...]]:
    """What reads the fields of an instance as a tuple."""
    several = tuple(names)
    if len(several) > 1:
        return attrgetter(*several)
    return lambda instance: tuple(getattr(instance, name) for name in several)


def _equality(values: Callable[[Any], tuple[Any, ...]]) -> dict[str, Any]:
    """``__eq__`` and ``__hash__``."""

    def equal(self: Any, other: object) -> bool:
        return values(self) == values(other) if other.__class__ is self.__class__ else NotImplemented

    def hashed(self: Any) -> int:
        return hash(values(self))

    return {"__eq__": equal, "__hash__": hashed}


@recursive_repr()
def _repr(self: Any) -> str:
    return f"{type(self).__qualname__}({', '.join(f'{name}={getattr(self, name)!r}' for name in _names(self))})"


def _names(instance: Any) -> Iterable[str]:
    fields: Fields = instance.__dataclass_fields__
    return fields


def _is_fixed(instance: Any, name: str) -> bool:
    """Whether a name of an instance can not be assigned to: any of a dataclass, fields of what is derived from one."""
    return "__dataclass_fields__" in type(instance).__dict__ or name in _names(instance)


def _set(self: Any, name: str, value: Any) -> None:
    if _is_fixed(self, name):
        raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")
    object.__setattr__(self, name, value)


def _delete(self: Any, name: str) -> None:
    if _is_fixed(self, name):
        raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")
    object.__delattr__(self, name)


def _slotted(cls: type[Any], names: Iterable[str]) -> type[Any]:
    """The class again, with slots for its fields."""
    space = dict(cls.__dict__)
    inherited = {slot for base in cls.__mro__[1:-1] for slot in base.__dict__.get("__slots__", ())}
    for name in (*names, "__dict__", "__weakref__"):
        space.pop(name, None)
    space["__slots__"] = tuple(name for name in names if name not in inherited)
    made = type(cls)(cls.__name__, cls.__bases__, space)
    made.__qualname__ = cls.__qualname__
    return made


def _made(cls: type[Any], found: Fields, *, slots: bool, kw_only: bool, eq: bool) -> type[Any]:
    """A class as a dataclass with these fields."""
    own = cls.__dict__
    methods: dict[str, Any] = {"__init__": _init(cls, found), "__repr__": _repr}
    methods["__match_args__"] = tuple(one.name for one in found.values() if not one.kw_only)
    if eq:
        methods |= _equality(_values(found))
        if own.get("__hash__") is None and "__eq__" in own:
            # Python itself has put None there, beside an equality of the class's own.
            cls.__hash__ = methods["__hash__"]
    for name, value in methods.items():
        if name not in own:
            setattr(cls, name, value)
    cls.__setattr__, cls.__delattr__ = _set, _delete  # type: ignore[method-assign, assignment]
    sample = _sample(slots=slots, eq=eq)
    cls.__dataclass_fields__ = found
    cls.__dataclass_params__ = sample.__dataclass_params__
    if slots:
        cls = _slotted(cls, found)
        for name in ("__getstate__", "__setstate__"):
            if name not in own:
                setattr(cls, name, getattr(sample, name))
    return abc.update_abstractmethods(cls)


if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:

    def dataclass(*, frozen: bool = False, slots: bool = False, kw_only: bool = False, eq: bool = True) -> Maker:
        """What makes a class a dataclass; see ``dataclasses.dataclass``."""

        def made(cls: type[Any]) -> type[Any]:
            found = _fields(cls, kw_only=kw_only) if frozen and cls.__doc__ else None
            if found is None:
                return dataclasses.dataclass(frozen=frozen, slots=slots, kw_only=kw_only, eq=eq)(cls)
            return _made(cls, found, slots=slots, kw_only=kw_only, eq=eq)

        return made
