"""Judges many cases, tells each fault once, and keeps a small file of it."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from tests.fuzz.judging import Harm
from tests.fuzz.shrinking import smaller
from tests.fuzz.table import KINDS, target_of
from tests.fuzz.working import Worker

ALWAYS_TOLD = (Harm.TRACEBACK, Harm.HANG, Harm.MEMORY)


def search(kind: str, count: int, seed: int, keep: Path, tell: Callable[[str], None]) -> Counter[Harm]:
    """Judges cases of a kind.

    Args:
        kind: a row of ``KINDS``.
        count: how many; of the app, how many events.
        seed: of the first case; the next ones follow.
        keep: where small files of what was found are written.
        tell: told of each fault, and of the whole at the end.
    """
    row = KINDS[kind]
    found: Counter[Harm] = Counter()
    taken = 0
    cases = -(-count // row.each)
    known: set[tuple[Harm, str]] = set()
    with tempfile.TemporaryDirectory() as name:
        home = Path(name).resolve() / "home"
        worker = Worker(kind, home)
        try:
            for number in range(seed, seed + cases):
                verdict, content = worker.judge(number)
                taken += verdict.taken
                fault = verdict.fault
                if fault is None:
                    continue
                found[fault.harm] += 1
                if fault[:2] in known:
                    continue
                known.add((fault.harm, fault.place))
                tell(f"{kind} {number}: {fault.harm}: {fault.text}")
                if fault.harm not in {Harm.HANG, Harm.END}:

                    def same(tried: bytes, wanted: tuple[Harm, str] = (fault.harm, fault.place)) -> bool:
                        other = worker.judge(tried)[0].fault
                        return other is not None and other[:2] == wanted

                    content = smaller(content, same)
                suffix, bare = target_of(kind).file(content)
                keep.mkdir(parents=True, exist_ok=True)
                path = keep / f"{kind}-{number}{suffix}"
                path.write_bytes(bare)
                tell(f"  kept: {path}, {len(bare):,} bytes")
        finally:
            worker.close()
    told = [f"{found[harm]} {harm}" for harm in Harm if harm in ALWAYS_TOLD or found[harm]]
    tell(f"{cases * row.each:,} {row.noun}: {', '.join(told)} ({taken:,} of {cases:,} cases were taken)")
    return found
