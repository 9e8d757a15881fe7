"""`python -m tests.doctor`: what the doctor says of networks with a known fault and of healthy ones, as a table."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from retrograde.engine import Session
from retrograde.engine.equations.ailments import AILMENTS
from retrograde.tui.cli.support.columns import table
from tests.support.ailing import FAULTS, Ailing, healthy

LEARNS = 0.5
"""A network whose loss falls to this share is healthy."""

LEAST_NAMED, LEAST_HEADLINED = 0.95, 0.9
MOST_ALARMED, MOST_BY_A_RULE = 0.05, 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What the doctor said of one network.

    Attributes:
        fault: the name of its fault; empty of a healthy one.
        seed: its seed.
        headline: the rule of the headline; empty where there is none.
        alarms: the rules of all alarms; remarks do not count.
        notes: the rules of the remarks.
        left: the loss over all data at the end, as a share of that at the start.
    """

    fault: str = ""
    seed: int
    headline: str
    alarms: tuple[str, ...]
    notes: tuple[str, ...]
    left: float

    @property
    def named(self) -> bool:
        """Whether one of the rules that name its fault has raised an alarm."""
        return not FAULTS[self.fault].named_by.isdisjoint(self.alarms)

    @property
    def headlined(self) -> bool:
        """Whether the headline is one of them."""
        return self.headline in FAULTS[self.fault].named_by

    @property
    def learns(self) -> bool:
        """Whether its loss is halved."""
        return self.left <= LEARNS


def examined(network: Ailing, seed: int, fault: str = "") -> Case:
    """What the doctor says of a network."""
    session = Session(network.scenario)
    found = session.doctor()
    timeline = session.timeline
    start, end = (timeline.data_loss(timeline.state(at)) for at in (0, found.iterations))
    return Case(
        fault=fault,
        seed=seed,
        headline=found.headline.rule if found.headline is not None else "",
        alarms=tuple(alert.rule for alert in found.alerts if not alert.note),
        notes=tuple(alert.rule for alert in found.alerts if alert.note),
        left=end / start if start > 0 else float("nan"),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """What became of all networks.

    Attributes:
        faulty: those with a fault.
        healthy: those without that halve their loss.
        unlearned: how many without a fault do not, and are left out.
    """

    faulty: tuple[Case, ...] = ()
    healthy: tuple[Case, ...] = ()
    unlearned: int = 0

    @property
    def named(self) -> float:
        """The share of the faulty ones whose fault is named."""
        return sum(case.named for case in self.faulty) / max(1, len(self.faulty))

    @property
    def headlined(self) -> float:
        """The share of them whose headline names it."""
        return sum(case.headlined for case in self.faulty) / max(1, len(self.faulty))

    @property
    def alarmed(self) -> float:
        """The share of the healthy ones with any alarm."""
        return sum(bool(case.alarms) for case in self.healthy) / max(1, len(self.healthy))

    @property
    def loudest(self) -> float:
        """The share of the healthy ones on which the rule that alarms most often does."""
        counts = Counter(rule for case in self.healthy for rule in case.alarms)
        return max(counts.values(), default=0) / max(1, len(self.healthy))

    @property
    def good(self) -> bool:
        """Whether all bars are met."""
        faulty = not self.faulty or (self.named >= LEAST_NAMED and self.headlined >= LEAST_HEADLINED)
        return faulty and self.alarmed <= MOST_ALARMED and self.loudest <= MOST_BY_A_RULE


def measured(
    fault_seeds: range,
    healthy_seeds: range,
    faults: tuple[str, ...] = tuple(FAULTS),
    tell: Callable[[Case], object] = id,
) -> Score:
    """Lets the doctor look at networks.

    Args:
        fault_seeds: the seeds of each fault.
        healthy_seeds: the seeds of healthy networks.
        faults: the faults.
        tell: told each case.
    """
    faulty: list[Case] = []
    for fault in faults:
        for seed in fault_seeds:
            faulty.append(examined(FAULTS[fault].make(seed), seed, fault))
            tell(faulty[-1])
    sound: list[Case] = []
    for seed in healthy_seeds:
        sound.append(examined(healthy(seed), seed))
        tell(sound[-1])
    learning = tuple(case for case in sound if case.learns)
    return Score(faulty=tuple(faulty), healthy=learning, unlearned=len(sound) - len(learning))


def lines(score: Score) -> Iterator[str]:
    """The table: by fault, by rule, and the four shares with their bars."""
    yield from _by_fault(score)
    yield ""
    yield from _by_rule(score)
    yield ""
    faulty, healthy_ = len(score.faulty), len(score.healthy)
    rows = [["", "measured", "bar"]]
    if faulty:
        rows += [
            [f"fault named, of {faulty}", f"{score.named:.1%}", f">= {LEAST_NAMED:.0%}"],
            ["headline names it", f"{score.headlined:.1%}", f">= {LEAST_HEADLINED:.0%}"],
        ]
    rows += [
        [f"any alarm, of {healthy_} healthy", f"{score.alarmed:.1%}", f"<= {MOST_ALARMED:.0%}"],
        ["one rule alone", f"{score.loudest:.1%}", f"<= {MOST_BY_A_RULE:.0%}"],
    ]
    yield from table(rows, right=frozenset({1, 2}))
    if score.unlearned:
        yield f"{score.unlearned} networks without a fault did not halve their loss and are left out."


def _by_fault(score: Score) -> list[str]:
    rows = [["fault", "named", "headline", "headlines", "not named: what was said"]]
    for fault in dict.fromkeys(case.fault for case in score.faulty):
        own = [case for case in score.faulty if case.fault == fault]
        heads = Counter(case.headline or "none" for case in own)
        missed = [f"{case.seed}: {', '.join(case.alarms) or 'nothing'}" for case in own if not case.named]
        rows.append(
            [
                fault,
                f"{sum(case.named for case in own)}/{len(own)}",
                f"{sum(case.headlined for case in own)}/{len(own)}",
                ", ".join(f"{rule} {count}" for rule, count in heads.most_common()),
                "; ".join(missed),
            ]
        )
    return table(rows, right=frozenset({1, 2})) if len(rows) > 1 else []


def _by_rule(score: Score) -> list[str]:
    """For each rule: on how many it is right, on how many it alarms besides, and on how many healthy ones."""
    rows = [["rule", "named by it", "other faulty", "healthy", "as a note: faulty", "healthy"]]
    for rule in AILMENTS:
        due = [case for case in score.faulty if rule in FAULTS[case.fault].named_by]
        others = [case for case in score.faulty if rule not in FAULTS[case.fault].named_by]
        counts = [
            f"{sum(rule in case.alarms for case in due)}/{len(due)}" if due else "",
            str(sum(rule in case.alarms for case in others) or ""),
            str(sum(rule in case.alarms for case in score.healthy) or ""),
            str(sum(rule in case.notes for case in score.faulty) or ""),
            str(sum(rule in case.notes for case in score.healthy) or ""),
        ]
        if any(counts):
            rows.append([rule, *counts])
    return table(rows, right=frozenset({1, 2, 3, 4, 5}))


def main() -> int:
    """Measures, prints the table, and says with the exit code whether the bars are met."""
    parser = argparse.ArgumentParser(prog="python -m tests.doctor", description=__doc__)
    parser.add_argument("--faulty-seeds", type=int, default=4, metavar="N", help="networks of each fault; 4 by default")
    parser.add_argument("--healthy", type=int, default=200, metavar="N", help="networks without; 200 by default")
    parser.add_argument("--first-seed", type=int, default=0, metavar="S", help="the first seed; 0 by default")
    asked = parser.parse_args()
    first = asked.first_seed

    def tell(case: Case) -> None:
        wrong = not case.headlined if case.fault else case.learns and bool(case.alarms)
        if wrong:
            print(f"{case.fault or 'healthy'} {case.seed}: {', '.join(case.alarms) or 'nothing'}", flush=True)

    score = measured(range(first, first + asked.faulty_seeds), range(first, first + asked.healthy), tell=tell)
    print("\n".join(["", *lines(score)]))
    return int(not score.good)


if __name__ == "__main__":
    sys.exit(main())
