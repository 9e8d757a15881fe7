"""The committed values: what PyTorch computed of every network, as norms and projections of each array.

An array is stored as three numbers: its Euclidean norm and its products with two random vectors, which depend on its
name and its size alone. A sequence's arrays of all time steps count as one. What is off in one element is off in the
projections; by how much they may be off follows from what each element may be off by.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import zlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.oracles.random_networks.compare import Difference, allowance
from tests.oracles.random_networks.engine_side import Observed
from tests.oracles.random_networks.walk import Floats, Iteration

STORE = Path(__file__).with_name("random_networks.npz")

SHARES = 3
"""Numbers for each array."""


def vectors(name: str, size: int) -> Floats:
    """Two random vectors with entries from −1 to 1, (2, size); the same ones everywhere."""
    words = np.random.Philox(key=zlib.crc32(name.encode())).random_raw(2 * size)
    return (words >> np.uint64(11)).astype(np.float64).reshape(2, size) * 2.0**-52 - 1.0


def grouped(values: Mapping[str, Floats], names: Collection[str]) -> dict[str, Floats]:
    """The arrays of some names, each flat, those of all time steps in one."""
    found: dict[str, list[tuple[int, Floats]]] = {}
    for name in names:
        time = re.search(r"@(\d+)", name)
        found.setdefault(re.sub(r"@\d+", "@", name), []).append((int(time[1]) if time else 0, values[name].ravel()))
    return {
        name: np.concatenate([part for _, part in sorted(parts, key=lambda part: part[0])])
        for name, parts in sorted(found.items())
    }


def shares(name: str, values: Floats) -> list[float]:
    """What is stored of an array."""
    return [float(np.linalg.norm(values)), *(vectors(name, values.size) @ values).tolist()]


@dataclass(frozen=True)
class Entry:
    """What is stored of a network.

    Attributes:
        digest: of its text.
        names: for each iteration the names of the arrays, those after the update with ``after `` in front.
        numbers: three for each of them.
    """

    digest: str
    names: list[list[str]]
    numbers: Floats


def digest(text: str) -> str:
    """A few letters that depend on the whole text."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def arrays_of(values: Iteration, wanted: Collection[str], after: Collection[str]) -> dict[str, Floats]:
    """What counts of an iteration, by its names in the store."""
    found = grouped(values.values, wanted)
    return found | {f"after {name}": values.after[name].ravel() for name in sorted(after)}


def entry(text: str, seen: Observed, reference: list[Iteration]) -> Entry:
    """The entry of a network, from what a reference computed of it.

    Args:
        text: the scenario.
        seen: what the engine makes of it: which arrays there are.
        reference: what the reference computed.
    """
    names, numbers = [], []
    for wanted, values in zip(seen.wanted, reference, strict=True):
        found = arrays_of(values, wanted, values.after)
        names.append(list(found))
        numbers += [number for name, array in found.items() for number in shares(name, array)]
    return Entry(digest(text), names, np.array(numbers))


def differences(stored: Entry, seen: Observed) -> list[Difference]:
    """What the engine computes differently from what is stored."""
    found: list[Difference] = []
    numbers = stored.numbers.reshape(-1, SHARES)
    place = 0
    for number, (wanted, values) in enumerate(zip(seen.wanted, seen.iterations, strict=True)):
        after = [name.removeprefix("after ") for name in stored.names[number] if name.startswith("after ")]
        arrays = arrays_of(values, wanted, after)
        assert list(arrays) == stored.names[number], "other arrays than those of the store"
        for name, array in arrays.items():
            allowed = allowance(array, seen.largest[number])
            bounds = np.array([np.linalg.norm(allowed), *(np.abs(vectors(name, array.size)) @ allowed)])
            ours, theirs = np.array(shares(name, array)), numbers[place]
            place += 1
            # A NaN is within no bounds.
            if not np.all(np.abs(ours - theirs) <= bounds):
                error = float(np.max(np.abs(ours - theirs) / bounds))
                found.append(Difference(number, name, ours, theirs, error))
    assert place == len(numbers)
    return found


def save(entries: list[Entry]) -> None:
    """Writes the store; the file depends on its content alone."""
    names = json.dumps([[entry.digest, entry.names] for entry in entries], separators=(",", ":"))
    memory = io.BytesIO()
    np.savez_compressed(
        memory,
        names=np.frombuffer(names.encode(), dtype=np.uint8),
        numbers=np.concatenate([entry.numbers for entry in entries]),
    )
    STORE.write_bytes(memory.getvalue())


def load() -> list[Entry]:
    """The committed entries."""
    with np.load(STORE, allow_pickle=False) as archive:
        names, numbers = json.loads(archive["names"].tobytes()), archive["numbers"]
    found, place = [], 0
    for text, lists in names:
        count = SHARES * sum(map(len, lists))
        found.append(Entry(text, lists, numbers[place : place + count]))
        place += count
    assert place == len(numbers)
    return found
