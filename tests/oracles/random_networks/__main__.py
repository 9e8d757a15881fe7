"""Writes the store, or compares everything in full; see the package."""

from __future__ import annotations

import argparse
import sys
import time
import tomllib

from tests.oracles.random_networks import jax_side, store, torch_side
from tests.oracles.random_networks.compare import Verdict, compare
from tests.oracles.random_networks.engine_side import BOTH, observe
from tests.oracles.random_networks.report import counted
from tests.oracles.random_networks.texts import COUNT, network

SIDES = {"torch": torch_side, "jax": jax_side}

EVERY = 15
"""Which networks are compared with JAX if it is not asked for by name: compiling each takes a second or two."""


def write() -> None:
    """Writes the store from what PyTorch computes."""
    entries = []
    for number in range(COUNT):
        text = network(number)
        seen = observe(text)
        entries.append(store.entry(text, seen, torch_side.train(text, seen.given)))
    store.save(entries)


def check(chosen: list[str], numbers: range) -> bool:
    """Compares networks in full, in both executors where the size fits, and prints a report.

    Args:
        chosen: with which libraries; none: with PyTorch, and every fifteenth network with JAX too.
        numbers: which networks.
    """
    sides = chosen or list(SIDES)
    totals = {side: Verdict() for side in sides}
    networks = dict.fromkeys(sides, 0)
    seconds = dict.fromkeys(["engine", *sides], 0.0)
    wrong: set[int] = set()
    runs = 0
    for number in numbers:
        text = network(number)
        start = time.process_time()
        seen = [observe(text)]
        if seen[0].steps <= BOTH:
            seen.append(observe(text, "kernels" if seen[0].executor == "generated" else "generated"))
        seconds["engine"] += time.process_time() - start
        runs += len(seen)
        for side in sides:
            if side == "jax" and not chosen and number % EVERY:
                continue
            start = time.process_time()
            reference = SIDES[side].train(text, seen[0].given)
            seconds[side] += time.process_time() - start
            networks[side] += 1
            for each in seen:
                verdict = compare(each, reference)
                totals[side].add(verdict)
                for name in verdict.silent:
                    print(f"network {number}: {side} has no word on {name}")
                for one in verdict.differences[:3]:
                    print(f"network {number}, {each.executor}, {side}: {one}")
                if verdict.silent or verdict.differences:
                    wrong.add(number)
    print(f"{len(numbers)} networks ({runs} runs, {seconds['engine']:.0f} s), {len(wrong)} of them disagree")
    for side in sides:
        total = totals[side]
        print(
            f"{side}: {networks[side]} networks, {total.values:,} numbers in {total.iterations:,} iterations;"
            f" largest relative error {total.relative:.2g}; largest part of what is allowed {total.error:.2g}"
            f" ({seconds[side]:.0f} s)"
        )
    for subject, counts in counted(map(network, numbers)).items():
        print(f"{subject}: " + ", ".join(f"{name} {count}" for name, count in counts.most_common()))
    lengths = [len(tomllib.loads(network(number))["network"]["layers"]) for number in numbers]
    print(f"layers: {min(lengths)} to {max(lengths)}, {sum(lengths)} in all")
    return not wrong


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.oracles.random_networks", description=__doc__)
    parser.add_argument("--all", action="store_true", help="compare in full instead of writing the store")
    parser.add_argument("--side", choices=SIDES, action="append", help="with which library, in full")
    parser.add_argument("--numbers", default=f"0-{COUNT - 1}", help="which networks: 0-99 (ends included) or 7")
    parser.add_argument("--show", action="store_true", help="print the texts of the networks")
    given = parser.parse_args()
    first, _dash, last = given.numbers.partition("-")
    numbers = range(int(first), int(last or first) + 1)
    if given.show:
        print("\n".join(map(network, numbers)))
    elif given.all:
        return 0 if check(given.side or [], numbers) else 1
    else:
        write()
    return 0


if __name__ == "__main__":
    sys.exit(main())
