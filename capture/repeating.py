"""Which results need not be stored: those whose bits arithmetic of their operands gives again; see ``again``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch

from retrograde.engine.recording.again import (
    MAX_DEPTH,
    UNFIT,
    Bits,
    Operands,
    made_again,
    nudges_of,
    variants,
)
from retrograde.engine.recording.aten.reading import plain_arguments
from retrograde.engine.recording.form import DTYPES
from retrograde.torch.noting import numbers_noted
from retrograde.torch.tensors import Again, Memory, dtype_name, has_memory

_SMALL = 4096
"""Bytes up to which storing an array costs less than not to."""
_TRIES = 3
"""How often a kind of op is tried that has never had the bits."""


class Guess(NamedTuple):
    """What an op should make, in each way in which it may round.

    Attributes:
        kind: the operator and the type.
        found: the numbers, by variant.
        depth: how many values in a row are made again for it.
    """

    kind: tuple[str, str]
    found: dict[str, Bits]
    depth: int


class Repeating:
    """Makes results again while the step runs, and compares."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._chosen: dict[tuple[str, str], str] = {}
        self._missed: Counter[tuple[str, str]] = Counter()
        self._room: Bits = np.empty(0, np.uint8)

    def guess(
        self, base: str, given: Mapping[str, Any], arguments: Mapping[str, Any], tensor: Any, item: int | None
    ) -> Guess | None:
        """What an op should make; None where it has to be stored.

        Args:
            base: the operator.
            given: its arguments.
            arguments: the same as they are written down.
            tensor: what it is going to write to, or what it has made of operands that are as they were.
            item: which of a list.
        """
        if tensor.nbytes < _SMALL:
            return None
        kind = (base, dtype_name(tensor))
        ways = variants(*kind)
        if not ways or self._missed[kind] >= _TRIES:
            return None
        read = numbers_noted(plain_arguments(base, arguments, item).values())
        versions = [self._memory.versions[number] for number in read]
        depth = 1 + max((one.depth for one in versions), default=0)
        if depth > MAX_DEPTH or not all(one.held for one in versions):
            return None
        if kind in self._chosen:
            ways = (self._chosen[kind],)
        try:
            operands = {name: _bits_of(one) for name, one in plain_arguments(base, given, item).items()}
            # Of one array there is one guess at a time, which is in the processor's cache when it is compared.
            memory = self._same_memory if item is None and len(ways) == 1 else None
            own = Operands(operands, DTYPES[kind[1]].stored, tuple(map(int, tensor.shape)), memory)
            found = {way: made_again(base, way, own) for way in ways}
        except UNFIT:
            return None
        return Guess(kind, found, depth)

    def _same_memory(self, size: int) -> Bits:
        if self._room.nbytes < size:
            self._room = np.empty(size, np.uint8)
        return self._room[:size]

    def held(self, guess: Guess | None, tensor: Any) -> Again | None:
        """How what an op has made is made again; None where the bits are others."""
        if guess is None:
            return None
        made = _bits_of(tensor)
        for way, wanted in guess.found.items():
            if _same(made, wanted):
                self._chosen[guess.kind] = way
                return Again(way, guess.depth)
        for way, wanted in guess.found.items():
            nudges = nudges_of(made, wanted)
            if nudges is not None:
                self._chosen[guess.kind] = way
                return Again(way, guess.depth, nudges)
        if self._chosen.pop(guess.kind, None) is None:
            self._missed[guess.kind] += 1
        return None


def _bits_of(one: Any) -> Any:
    """An argument with the numbers of a tensor as they are stored."""
    if not isinstance(one, torch.Tensor):
        return [_bits_of(part) for part in one] if isinstance(one, list | tuple) else one
    if not one.is_cpu or not has_memory(one) or one.is_conj() or one.is_neg():
        raise KeyError("self")
    plain = one.detach()
    if plain.dtype == torch.bfloat16:
        return plain.view(torch.int16).numpy().view(np.uint16)
    found = plain.numpy()
    return found.view(np.uint8) if plain.dtype == torch.bool else found


def _same(made: Bits, wanted: Bits) -> bool:
    whole = np.dtype(f"u{made.dtype.itemsize}")
    if made.flags.c_contiguous and wanted.flags.c_contiguous:
        if made.nbytes % 8 == 0:
            made, wanted, whole = made.reshape(-1), wanted.reshape(-1), np.dtype(np.uint64)
        return bool(np.array_equal(made.view(whole), wanted.view(whole)))
    if made.dtype.kind == "f":
        return bool(np.array_equal(np.ascontiguousarray(made).view(whole), np.ascontiguousarray(wanted).view(whole)))
    return bool(np.array_equal(made, wanted))
