"""The known mistakes of the quiz over the shipped scenarios: how many a step, which are right by chance, which alike.

`python -m tests.mistakes` draws 75 steps of the first iteration of each, evenly; `--steps N` another number.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from itertools import combinations
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from retrograde.engine import Session, load_scenario, shipped  # noqa: E402
from retrograde.engine.explaining.step import Step  # noqa: E402
from retrograde.engine.quizzing.mistakes import Mistake, alike, mistakes_of, read_by  # noqa: E402

MOST_STEPS = 20_000
"""Steps of an iteration up to which a scenario is looked at."""
MOST_READ = 64
"""Values that a step may read."""


def drawn(count: int) -> list[Step]:
    """Steps of the shipped scenarios, evenly."""
    found = []
    for name in shipped():
        session = Session(load_scenario(name))
        total = session.program.steps
        if total <= MOST_STEPS:
            each = min(total, count)
            found += [session.step_at(1 + place * total // each) for place in range(each)]
    return [step for step in found if read_by(step) <= MOST_READ]


def groups(mistakes: list[Mistake]) -> list[list[Mistake]]:
    """Mistakes whose values can not be told apart, together."""
    found: list[list[Mistake]] = []
    for one in sorted(mistakes, key=lambda one: one.value):
        if found and alike(found[-1][-1].value, one.value):
            found[-1].append(one)
        else:
            found.append([one])
    return found


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=75)
    begin = time.process_time()
    steps = drawn(parser.parse_args().steps)
    made = right = whole = shared = several = 0
    values = 0
    phases: Counter[str] = Counter()
    chance: Counter[str] = Counter()
    confused: Counter[tuple[str, ...]] = Counter()
    for step in steps:
        mistakes = mistakes_of(step)
        wrong = [one for one in mistakes if not alike(one.value, step.contribution)]
        made, right = made + len(mistakes), right + len(mistakes) - len(wrong)
        whole += len(wrong) == len(mistakes) > 0
        phases[step.op.phase] += len(mistakes)
        chance[step.op.phase] += len(mistakes) - len(wrong)
        for group in groups(wrong):
            values += 1
            shared += len(group) if len(group) > 1 else 0
            kinds = sorted({one.kind.name for one in group})
            several += len(kinds) > 1
            confused.update(combinations(kinds, 2))
    print(
        f"{len(steps):,} steps, {made:,} mistakes, {made / len(steps):.1f} a step, {time.process_time() - begin:.1f} s"
    )
    print(f"{right / made:.1%} give the right value; {whole / len(steps):.1%} of the steps have none that does")
    print(f"{values:,} wrong values: {several / values:.1%} fit several kinds; {shared / (made - right):.1%} share one")
    print("right by phase:", ", ".join(f"{phase} {chance[phase] / phases[phase]:.0%}" for phase in phases))
    for (one, other), times in confused.most_common(10):
        print(f"{times:6,}  {one} = {other}")


if __name__ == "__main__":
    main()
