"""Dataclasses that are made quickly are those of the library: made both ways, the same class says the same."""

from __future__ import annotations

import abc
import copy
import dataclasses
import inspect
import math
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, ClassVar

import pytest

from retrograde.engine import frozen

Maker = Callable[..., Any]
BOTH = {"ours": frozen.dataclass, "library": dataclasses.dataclass}
OPTIONS = [
    {"frozen": True, "slots": slots, "kw_only": kw_only, "eq": eq}
    for slots in (True, False)
    for kw_only in (True, False)
    for eq in (True, False)
]


def classes(make: Maker, **options: Any) -> tuple[Any, Any]:
    """A class, and one that is derived from it, made in one of both ways."""

    @make(**options)
    class Base:
        """A base."""

        x: int
        y: Any = 2

        def __str__(self) -> str:
            return "its own"

    @make(**options)
    class Derived(Base):
        """Derived."""

        y: Any = 3
        z: str = "z"

    return Base, Derived


def outcome(do: Callable[[], Any]) -> Any:
    """What comes of something: a value that can be compared, or an error in words."""
    try:
        found = do()
    except Exception as error:  # noqa: BLE001 - compared
        return type(error), str(error)
    return repr(found) if dataclasses.is_dataclass(found) else found


def assigned(instance: Any, name: str, value: Any) -> Any:
    """What comes of an assignment."""

    def do() -> None:
        setattr(instance, name, value)

    return outcome(do)


def told(made: Any, *, kw_only: bool, eq: bool) -> list[Any]:
    """All that a class and its instances show."""
    one, same, other = (made(x=x) for x in (1, 1, 5))
    nan = made(x=1, y=math.nan)
    found: list[Any] = [
        (one == same, one == other, one == 1, one != same, len({one, same, other})),
        (hash(one) == hash(same), outcome(lambda: hash(made(x=[])))) if eq else (),
        (repr(one), str(one), repr(nan), made.__match_args__, made.__doc__, made.__qualname__),
        (str(inspect.signature(made)), [(f.name, f.type, f.default, f.kw_only) for f in dataclasses.fields(made)]),
        (dataclasses.asdict(one), dataclasses.astuple(one), dataclasses.replace(one, x=7).x),
        (copy.copy(one).y, copy.deepcopy(made(x=[1])).x, dataclasses.is_dataclass(one)),
        [outcome(do) for do in (made, lambda: made(1, 2), lambda: made(x=1, q=2), lambda: made(1, 2, 3, 4, 5))],
        # What the library says of other names is an error of its own where slots are derived.
        (assigned(one, "x", 3), assigned(one, "q", 3) is None, outcome(lambda: delattr(one, "x")), one.x),
        (hasattr(one, "__dict__"), made.__dict__.get("__slots__"), hasattr(made, "y")),
        repr(made.__dataclass_params__),
    ]
    if not kw_only:
        match one:
            case made(x, y):
                found.append((x, y))
    return found


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_a_class_says_the_same_as_one_of_the_library(options: dict[str, bool]) -> None:
    ours, theirs = (classes(make, **options) for make in BOTH.values())
    kinds = {"kw_only": options["kw_only"], "eq": options["eq"]}
    for mine, its in zip(ours, theirs, strict=True):
        # It was not handed to the library: the library's have a code of their own each.
        assert mine.__repr__ is not its.__repr__
        assert mine.__repr__ is ours[0].__repr__
        assert told(mine, **kinds) == told(its, **kinds)
        # As in a tuple; from Python 3.13 on the library says otherwise.
        nan = mine(x=1, y=math.nan)
        assert (nan == copy.copy(nan)) == options["eq"]
    assert (ours[0](x=1) == ours[1](x=1)) == (theirs[0](x=1) == theirs[1](x=1))


@pytest.mark.parametrize("make", BOTH.values(), ids=BOTH)
def test_methods_of_its_own_stay(make: Maker) -> None:
    @make(frozen=True)
    class Own:
        """With methods."""

        x: float

        def __eq__(self, other: object) -> bool:
            return isinstance(other, Own)

        def __repr__(self) -> str:
            return "own"

        @cached_property
        def twice(self) -> float:
            return 2 * self.x

    @make(frozen=True, slots=True)
    class Hashed:
        """With a hash."""

        x: float

        def __hash__(self) -> int:
            return 7

    class Plain(Own):
        """Derived without being a dataclass itself."""

    assert Own(1.0) == Own(2.0)
    assert (repr(Own(1.0)), Own(4.0).twice, hash(Hashed(1.0))) == ("own", 8.0, 7)
    assert hash(Own(1.0)) == hash((1.0,))
    plain = Plain(1.0)
    assert assigned(plain, "more", 2) is None
    assert assigned(plain, "x", 2)[0] is dataclasses.FrozenInstanceError


@pytest.mark.parametrize("make", BOTH.values(), ids=BOTH)
def test_what_is_rare_goes_to_the_library(make: Maker) -> None:
    @make(frozen=True, kw_only=True)
    class Rare:
        """With what is rare."""

        limit: ClassVar[int] = 5
        many: list[int] = dataclasses.field(default_factory=list)
        seen: bool = False

        def __post_init__(self) -> None:
            object.__setattr__(self, "seen", True)

    @make(frozen=True, kw_only=True)
    class Further(Rare):
        """Derived from it."""

        more: Mapping[str, int]

    @make(slots=True)
    class Changing:
        """Not frozen."""

        x: int = 1

    assert [field.name for field in dataclasses.fields(Further)] == ["many", "seen", "more"]
    assert Further(more={}).many == []
    assert Further(more={}).many is not Further(more={}).many
    assert Further(more={}).seen
    changing: Any = Changing()
    changing.x = 3
    assert changing == Changing(3)


@pytest.mark.parametrize("make", BOTH.values(), ids=BOTH)
def test_what_the_library_refuses_is_refused(make: Maker) -> None:
    with pytest.raises(ValueError, match="mutable default"):

        @make(frozen=True)
        class Mutable:
            """A default that all would share."""

            x: list[int] = []  # noqa: RUF012

    with pytest.raises(TypeError, match="non-default argument 'y' follows default argument"):

        @make(frozen=True)
        class Order:
            """Without a default after one."""

            x: int = 1
            y: int

    @make(slots=True)
    class Changing:
        """Not frozen."""

        x: int

    with pytest.raises(TypeError, match="cannot inherit frozen dataclass from a non-frozen one"):

        @make(frozen=True, slots=True)
        class Frozen(Changing):
            """Frozen."""


@pytest.mark.parametrize("make", BOTH.values(), ids=BOTH)
def test_what_is_abstract_stays_so(make: Maker) -> None:
    @make(frozen=True, slots=True)
    class Abstract(abc.ABC):
        """With a method to write."""

        x: int

        @abc.abstractmethod
        def told(self) -> str:
            """Something."""

    made: Any = Abstract
    with pytest.raises(TypeError, match="abstract"):
        made(1)
