"""Memory as it changes: which version of which tensor lies where, and a copy of each version, taken at once.

A recorder that keeps tensors alive changes what runs, so none is kept: memory is known by a weak reference to its
storage, which also keeps its address from being used again while the recording goes on.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.multiprocessing.reductions import StorageWeakRef

from retrograde.engine.recording.again import sampled_crc
from retrograde.engine.recording.form import DTYPES, product
from retrograde.engine.recording.window import is_dense
from retrograde.engine.recording.writing import Piece
from retrograde.torch.noting import Note, window


class Again(NamedTuple):
    """How a version is made again.

    Attributes:
        way: how its op rounds.
        depth: how many versions in a row are made again for it.
        nudges: where its bits are a unit off; see ``nudges_of``.
    """

    way: str
    depth: int
    nudges: bytes | None = None


@dataclass(slots=True, kw_only=True)
class Version:
    """One version of a tensor, as it will stand in the file.

    Attributes:
        name: its name; may be found out later.
        kind: what it is.
        piece: where its numbers are in the file, or the nudges of what is made again; None where there is nothing.
        kept: whether its numbers are in the file, or on their way to it.
        again: how its op makes it again; None where it does not.
        crc: the CRC-32 of its numbers.
    """

    name: str
    kind: str
    dtype: str
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    of: str | None = None
    piece: Piece | None = None
    kept: bool = False
    again: Again | None = None
    crc: int = 0

    @property
    def held(self) -> bool:
        """Whether its numbers are known when the file is opened."""
        return self.kept or self.again is not None

    @property
    def depth(self) -> int:
        """How many versions in a row are made again for it."""
        return 0 if self.again is None else self.again.depth


@dataclass(slots=True, kw_only=True)
class Region:
    """A piece of memory that is known by the tensor that was first seen there.

    Attributes:
        start: its first element in the storage.
        stop: after its last.
        versions: the numbers of its versions; the last is what it holds now. Empty while it holds nothing.
        gone: whether it is known no more.
    """

    dtype: str
    start: int
    stop: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    versions: list[int] = field(default_factory=list)
    gone: bool = False


class Place:
    """Where a tensor lies in a region.

    Attributes:
        region: the region.
        offset: its first element there.
        window: what shows it on the last version but those that came since; None before there was any.
    """

    __slots__ = ("offset", "region", "shape", "strides", "window")

    def __init__(self, region: Region, start: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> None:
        self.region = region
        self.offset = 0 if 0 in shape else start - region.start
        self.shape = shape
        self.strides = strides
        self.window: Note | None = None

    @property
    def whole(self) -> bool:
        """Whether the tensor fills the region."""
        region = self.region
        if self.shape == region.shape and self.strides == region.strides:
            return True
        return product(self.shape) == region.stop - region.start and is_dense(self.shape, self.strides)

    def shown(self) -> Note:
        """The window that shows the tensor on the last version."""
        last, found = self.region.versions[-1], self.window
        if found is None or found["value"] != last:
            self.window = found = window(last, self.offset, self.shape, self.strides)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A tensor that has a name before the step begins: a parameter, a buffer, an optimiser's memory."""

    name: str
    kind: str
    of: str | None
    start: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


_STRIDED = torch.strided


def dtype_name(tensor: Any) -> str:
    """The name of a tensor's type."""
    return _type_name(tensor.dtype)


@functools.cache
def _type_name(dtype: Any) -> str:
    return str(dtype).removeprefix("torch.")


def span(tensor: Any) -> tuple[int, int]:
    """The first element of a tensor in its storage, and the one after its last."""
    start, size = tensor.storage_offset(), tensor.numel()
    if size == 0 or tensor.is_contiguous():
        return start, start + size
    return start, start + _extent(tuple(tensor.shape), tensor.stride())


def has_memory(tensor: Any) -> bool:
    """Whether a tensor is a plain piece of memory: neither sparse nor quantised nor without numbers."""
    return tensor.layout is _STRIDED and not tensor.is_quantized and not tensor.is_meta


class Memory:
    """All memory that the step has touched so far.

    Attributes:
        versions: every version, in the order in which they came to be.
    """

    def __init__(self, store: Callable[[Version, Any], None], joined: Callable[[Any, Place, list[Note]], None]) -> None:
        self.versions: list[Version] = []
        self._store = store
        self._joined = joined
        self._regions: dict[int, list[Region]] = {}
        self._places: dict[tuple[Any, ...], Place] = {}
        self._alive: dict[int, Any] = {}
        self._known: dict[int, list[Known]] = {}
        self._names: dict[str, int] = {}
        self._inputs = 0

    def introduce(self, tensor: Any, name: str, kind: str, of: str | None = None) -> None:
        """Names a tensor that is there before the step begins."""
        if not has_memory(tensor):
            return
        key = tensor.untyped_storage()._cdata
        known = Known(
            name=name,
            kind=kind,
            of=of,
            start=span(tensor)[0],
            shape=tuple(tensor.shape),
            strides=tuple(tensor.stride()),
        )
        self._known.setdefault(key, []).append(known)
        self._alive.setdefault(key, StorageWeakRef(tensor.untyped_storage()))

    def find(self, tensor: Any) -> Region | None:
        """The region that holds a tensor; None where its memory has not been seen."""
        return self._find(tensor, tensor.untyped_storage()._cdata)

    def _find(self, tensor: Any, key: int) -> Region | None:
        regions = self._regions.get(key)
        if not regions:
            return None
        dtype = _type_name(tensor.dtype)
        start, stop = span(tensor)
        for region in regions:
            if region.dtype == dtype and region.start <= start and stop <= region.stop:
                return region
        return None

    def place(self, tensor: Any) -> Place:
        """Where a tensor lies; in a new region, which holds nothing, where its memory has not been seen."""
        storage = tensor.untyped_storage()
        key = storage._cdata, tensor.dtype, tensor.storage_offset(), tensor.shape, tensor.stride()
        found = self._places.get(key)
        # A region that is found stays the first that fits: others come behind it.
        if found is None or found.region.gone:
            shape = tuple(key[3])
            region = self._find(tensor, key[0]) or self._opened(tensor, storage, shape, key[4])
            found = self._places[key] = Place(region, key[2], shape, key[4])
        return found

    def fresh(self, tensor: Any) -> Place | None:
        """Where a tensor lies that an op has made; None where anything is known about its memory."""
        return None if tensor.untyped_storage()._cdata in self._regions else self.place(tensor)

    def _opened(self, tensor: Any, storage: Any, shape: tuple[int, ...], strides: tuple[int, ...]) -> Region:
        key = storage._cdata
        start, stop = span(tensor)
        known = self._introduced(key, start, stop) if key in self._known else None
        if known is not None:
            start, shape, strides = known.start, known.shape, known.strides
            stop = start + _extent(shape, strides)
        if not (known is None and tensor.is_contiguous()) and not is_dense(shape, strides):
            shape, strides = (stop - start,), (1,)
        found = Region(dtype=dtype_name(tensor), start=start, stop=stop, shape=shape, strides=strides)
        if key not in self._alive:
            self._alive[key] = StorageWeakRef(storage)
        self._regions.setdefault(key, []).append(found)
        return found

    def read(self, tensor: Any, kind: str = "input") -> Note:
        """The window that shows a tensor on what its memory holds now; copied first where that is not known."""
        place = self.place(tensor)
        if not place.region.versions:
            known = self._introduced(tensor.untyped_storage()._cdata, *span(tensor))
            if known is not None:
                self.take(tensor, place, name=known.name, kind=known.kind, of=known.of)
            elif len(parts := self.parts(tensor)) > 1:
                self._joined(tensor, place, parts)
            else:
                self._inputs += 1
                self.take(tensor, place, name=f"{kind}{self._inputs}", kind=kind)
        return place.shown()

    def parts(self, tensor: Any) -> list[Note]:
        """Windows on the pieces in which the memory of a tensor was written; none where a piece is not known."""
        start, stop = span(tensor)
        dtype = dtype_name(tensor)
        inside = [
            one
            for one in self._regions.get(tensor.untyped_storage()._cdata, ())
            if one.dtype == dtype and one.versions and start <= one.start and one.stop <= stop
        ]
        inside.sort(key=lambda one: one.start)
        if [start, *(one.stop for one in inside)] != [*(one.start for one in inside), stop]:
            return []
        return [window(one.versions[-1], 0, (one.stop - one.start,), (1,)) for one in inside]

    def take(
        self, tensor: Any, place: Place, *, name: str, kind: str, of: str | None = None, again: Again | None = None
    ) -> int:
        """Copies what a region holds now, as a new version of it, unless it is made again; returns its number."""
        region = place.region
        whole = tensor.detach()
        if place.shape != region.shape or place.strides != region.strides:
            whole = torch.as_strided(whole, region.shape, region.strides, region.start)
        version = Version(
            name=self.unique(name),
            kind=kind,
            dtype=region.dtype,
            shape=region.shape,
            strides=region.strides,
            of=of,
            again=again,
        )
        if region.dtype in DTYPES:
            self._copy(whole, version)
        region.versions.append(len(self.versions))
        self.versions.append(version)
        return region.versions[-1]

    def written(self, tensor: Any, region: Region) -> None:
        """Forgets what else was known of memory that was written to through a region."""
        key = tensor.untyped_storage()._cdata
        if len(self._regions[key]) == 1:
            return
        start, stop = span(tensor)
        kept = []
        for one in self._regions[key]:
            if one is region or one.stop <= start or stop <= one.start:
                kept.append(one)
            else:
                one.gone = True
        self._regions[key] = kept

    def forget(self, tensor: Any) -> None:
        """Forgets all that was known of a storage."""
        for one in self._regions.pop(tensor.untyped_storage()._cdata, ()):
            one.gone = True

    def unique(self, name: str) -> str:
        """A name that no version has: the name itself, or with a number."""
        count = self._names.get(name, 0) + 1
        self._names[name] = count
        return name if count == 1 else self.unique(f"{name}#{count}")

    def rename(self, number: int, name: str, of: str | None) -> None:
        """Gives a version the name that was found out later; only the first name counts."""
        version = self.versions[number]
        if version.of is None and version.kind in {"made", "drawn"}:
            version.name, version.of = name if version.name == name else self.unique(name), of

    def _introduced(self, key: int, start: int, stop: int) -> Known | None:
        for known in self._known.get(key, ()):
            if known.start <= start and stop <= known.start + _extent(known.shape, known.strides):
                return known
        return None

    def _copy(self, whole: Any, version: Version) -> None:
        if not whole.is_cpu or whole.is_neg():
            whole = whole.resolve_neg().cpu()
        if version.dtype == "bfloat16":
            whole = whole.view(torch.int16)
        data = whole.contiguous().numpy()
        if version.again is not None:
            version.crc = sampled_crc(data.reshape(-1).view(np.uint8))
            if version.again.nudges is None:
                return
            data = version.again.nudges
        version.kept = True
        self._store(version, data)


def _extent(shape: tuple[int, ...], strides: tuple[int, ...]) -> int:
    if 0 in shape:
        return 0
    return sum((n - 1) * s for n, s in zip(shape, strides, strict=True)) + 1
