"""Memory as it changes: which version of which tensor lies where, and a copy of each version, taken at once.

A recorder that keeps tensors alive changes what runs, so none is kept: memory is known by a weak reference to its
storage, which also keeps its address from being used again while the recording goes on.
"""

from __future__ import annotations

import tempfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import torch
from torch.multiprocessing.reductions import StorageWeakRef

from retrograde.engine.recording.form import DTYPES, Window


@dataclass(slots=True, kw_only=True)
class Version:
    """One version of a tensor, as it will stand in the file.

    Attributes:
        name: its name; may be found out later.
        kind: what it is.
        begin: where its numbers begin in the spool; None where their type can not be stored.
        length: how many bytes.
        finite: whether all of them are finite.
    """

    name: str
    kind: str
    dtype: str
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    of: str | None = None
    begin: int | None = None
    length: int = 0
    crc: int = 0
    finite: bool = True


@dataclass(slots=True, kw_only=True)
class Region:
    """A piece of memory that is known by the tensor that was first seen there.

    Attributes:
        start: its first element in the storage.
        stop: after its last.
        versions: the numbers of its versions; the last is what it holds now. Empty while it holds nothing.
    """

    dtype: str
    start: int
    stop: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    versions: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A tensor that has a name before the step begins: a parameter, a buffer, an optimiser's memory."""

    name: str
    kind: str
    of: str | None
    start: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def dtype_name(tensor: Any) -> str:
    """The name of a tensor's type."""
    return str(tensor.dtype).removeprefix("torch.")


def span(tensor: Any) -> tuple[int, int]:
    """The first element of a tensor in its storage, and the one after its last."""
    start = int(tensor.storage_offset())
    if tensor.numel() == 0:
        return start, start
    reach = sum((n - 1) * s for n, s in zip(tensor.shape, tensor.stride(), strict=True))
    return start, start + int(reach) + 1


def has_memory(tensor: Any) -> bool:
    """Whether a tensor is a plain piece of memory: neither sparse nor quantised nor without numbers."""
    return bool(tensor.layout == torch.strided and not tensor.is_quantized and not tensor.is_meta)


class Memory:
    """All memory that the step has touched so far.

    Attributes:
        versions: every version, in the order in which they came to be.
        spool: where their numbers are until the file is written.
    """

    def __init__(self, folder: Path) -> None:
        self.versions: list[Version] = []
        self.spool: IO[bytes] = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - open as long as the step
        self._regions: dict[int, list[Region]] = {}
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
        start, stop = span(tensor)
        dtype = dtype_name(tensor)
        for region in self._regions.get(tensor.untyped_storage()._cdata, ()):
            if region.dtype == dtype and region.start <= start and stop <= region.stop:
                return region
        return None

    def is_seen(self, tensor: Any) -> bool:
        """Whether anything is known about the storage of a tensor."""
        return tensor.untyped_storage()._cdata in self._regions

    def region(self, tensor: Any) -> Region:
        """The region that holds a tensor; a new one, which holds nothing, where its memory has not been seen."""
        found = self.find(tensor)
        if found is not None:
            return found
        start, stop = span(tensor)
        shape, strides = tuple(tensor.shape), tuple(tensor.stride())
        known = self._introduced(tensor, start, stop)
        if known is not None:
            start, shape, strides = known.start, known.shape, known.strides
            stop = start + _extent(shape, strides)
        if not is_dense(shape, strides):
            shape, strides = (stop - start,), (1,)
        found = Region(dtype=dtype_name(tensor), start=start, stop=stop, shape=shape, strides=strides)
        storage = tensor.untyped_storage()
        self._alive.setdefault(storage._cdata, StorageWeakRef(storage))
        self._regions.setdefault(storage._cdata, []).append(found)
        return found

    def read(self, tensor: Any, kind: str = "input") -> Window:
        """The window that shows a tensor on what its memory holds now; copied first where that is not known."""
        region = self.region(tensor)
        if not region.versions:
            known = self._introduced(tensor, *span(tensor))
            if known is not None:
                self.take(tensor, region, name=known.name, kind=known.kind, of=known.of)
            else:
                self._inputs += 1
                self.take(tensor, region, name=f"{kind}{self._inputs}", kind=kind)
        return self.window(tensor, region)

    def parts(self, tensor: Any) -> list[Window]:
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
        return [Window(value=one.versions[-1], offset=0, shape=(one.stop - one.start,), strides=(1,)) for one in inside]

    def window(self, tensor: Any, region: Region) -> Window:
        """The window that shows a tensor on the last version of a region."""
        return Window(
            value=region.versions[-1],
            offset=int(tensor.storage_offset()) - region.start if tensor.numel() else 0,
            shape=tuple(map(int, tensor.shape)),
            strides=tuple(map(int, tensor.stride())),
        )

    def take(self, tensor: Any, region: Region, *, name: str, kind: str, of: str | None = None) -> int:
        """Copies what a region holds now, as a new version of it; returns its number."""
        whole = torch.as_strided(tensor.detach(), region.shape, region.strides, region.start)
        version = Version(
            name=self.unique(name),
            kind=kind,
            dtype=region.dtype,
            shape=tuple(map(int, region.shape)),
            strides=tuple(map(int, region.strides)),
            of=of,
        )
        if region.dtype in DTYPES:
            self._copy(whole, version)
        region.versions.append(len(self.versions))
        self.versions.append(version)
        return region.versions[-1]

    def written(self, tensor: Any, region: Region) -> None:
        """Forgets what else was known of memory that was written to through a region."""
        key = tensor.untyped_storage()._cdata
        start, stop = span(tensor)
        kept = [one for one in self._regions[key] if one is region or one.stop <= start or stop <= one.start]
        self._regions[key] = kept

    def forget(self, tensor: Any) -> None:
        """Forgets all that was known of a storage."""
        self._regions.pop(tensor.untyped_storage()._cdata, None)

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

    def _introduced(self, tensor: Any, start: int, stop: int) -> Known | None:
        for known in self._known.get(tensor.untyped_storage()._cdata, ()):
            if known.start <= start and stop <= known.start + _extent(known.shape, known.strides):
                return known
        return None

    def _copy(self, whole: Any, version: Version) -> None:
        flat = whole.resolve_conj().resolve_neg().cpu().contiguous().reshape(-1)
        version.finite = bool(torch.isfinite(flat).all()) if flat.is_floating_point() else True
        numbers = flat.view(torch.uint8).numpy() if flat.numel() else b""
        self.spool.seek(0, 2)
        version.begin = self.spool.tell()
        data = memoryview(numbers)
        version.length = data.nbytes
        version.crc = zlib.crc32(data)
        self.spool.write(data)


def _extent(shape: tuple[int, ...], strides: tuple[int, ...]) -> int:
    if 0 in shape:
        return 0
    return sum((n - 1) * s for n, s in zip(shape, strides, strict=True)) + 1


def is_dense(shape: tuple[int, ...], strides: tuple[int, ...]) -> bool:
    """Whether a tensor's elements fill its memory without gaps, whatever the order of its axes."""
    if 0 in shape:
        return True
    expected = 1
    for stride, length in sorted((s, n) for s, n in zip(strides, shape, strict=True) if n != 1):
        if stride != expected:
            return False
        expected *= length
    return True
