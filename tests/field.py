"""`python -m tests.field`: what became of the public reports and of what was found by trying, one line a file.

A file of `tests/cases/field` is a report from a public thread, rebuilt with figures of PyTorch in float64; one of
`tests/cases/found` is what once crashed, was wrong or could not be said. Each has a result that is right: its figures
agree, or an error says what is wrong with it, and it may say where its run diverges.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from retrograde.engine import ScenarioError, load_scenario
from retrograde.engine.session.published import check
from retrograde.engine.session.session import Session
from retrograde.tui.cli.support.columns import table

CASES = Path(__file__).parent / "cases"


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """The right result of a file.

    Attributes:
        figures: how many figures it has, all of which agree.
        error: what its error says; empty where it is read without one.
        warning: what a warning says; empty where there is none.
        diverges: the name and the address of the first value that is not finite; None where its run is not looked at.
    """

    figures: int = 0
    error: str = ""
    warning: str = ""
    diverges: tuple[str, str] | None = None


EXPECTED: dict[str, Expected] = {
    "field/01-xor-missing-slope": Expected(figures=8),
    "field/02-tutorial-figures": Expected(figures=13),
    "field/03-exp-node": Expected(figures=9),
    "field/04-shared-node": Expected(figures=6),
    "field/05-softmax-row-vectors": Expected(figures=14),
    "field/06-log-softmax-backward": Expected(figures=5),
    "field/07-max-pool-ties": Expected(figures=4),
    "field/08-regression-diverges": Expected(figures=5, diverges=("E_o1", "3:67:3")),
    "field/09-labels-one-and-two": Expected(figures=4),
    "field/10-xor-does-not-move": Expected(figures=6),
    "field/11-softmax-twice": Expected(figures=5),
    "field/12-batch-norm-eval": Expected(figures=4),
    "field/13-padded-sequences": Expected(figures=5),
    "field/14-iris-as-downloaded": Expected(figures=8),
    "field/14-iris-r-style": Expected(figures=8),
    "field/14-iris-uci-style": Expected(figures=8),
    "field/14-iris-excel-de": Expected(figures=8),
    "field/15-sqrt-of-zero": Expected(figures=1, diverges=("∂E/∂s", "1:1:78")),
    "found/14337": Expected(error="network.inputs: missing: number of inputs"),
    "found/16770": Expected(error="network.layers[3].padding: there is no such key"),
    "found/30234": Expected(error="network.inputs: missing: number of inputs"),
    "found/adam_eps_inside": Expected(figures=1),
    "found/bug_conv_bias_range": Expected(error="`2` is not in 1 to 1 of b_c"),
    "found/bug_edges_index": Expected(figures=1),
    "found/formula_in_expect": Expected(figures=1),
    "found/frozen_conv_weights": Expected(figures=2),
    "found/given_upstream_gradient": Expected(figures=2),
    "found/initial_state_per_sample": Expected(figures=1),
    "found/input_gradient": Expected(figures=1),
    "found/layer_named_out": Expected(error="out means something else in Retrograde (what the names of arrays begin"),
    "found/nested_rows": Expected(),
    "found/nesterov_lookahead": Expected(figures=2),
    "found/one_over_t_decay": Expected(figures=1),
    "found/optimiser_state": Expected(figures=1),
    "found/outputs_after_online_epoch": Expected(figures=1),
    "found/s3883": Expected(error="network.input_shape"),
    "found/unused_layer": Expected(warning="lost"),
}
"""THE table of the cases, by file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What became of a file: whether it is as expected, and what it is in a few words."""

    right: bool
    said: str


def files() -> list[str]:
    """The files there are, as keys of the table."""
    return sorted(
        f"{path.parent.name}/{path.stem}" for room in ("field", "found") for path in (CASES / room).glob("*.toml")
    )


def result(name: str) -> Result:
    """Read a file, compare its figures, and run it where it is to diverge."""
    wanted = EXPECTED[name]
    try:
        scenario = load_scenario(CASES / f"{name}.toml")
        findings = check(scenario)
    except ScenarioError as error:
        said = str(error.problems[0].message)
        return Result(right=bool(wanted.error) and wanted.error in str(error), said=f"error: {said}")
    agreed = sum(finding.ok for finding in findings)
    parts = [f"{agreed} of {len(findings)} figures as they should be" if findings else "loads"]
    right = not wanted.error and agreed == len(findings) == wanted.figures
    warnings = [str(warning) for warning in scenario.warnings]
    if warnings or wanted.warning:
        parts += [f"warning: {text}" for text in warnings]
        right = right and (not wanted.warning or any(wanted.warning in text for text in warnings))
    if wanted.diverges is not None:
        fault = Session(scenario).run().fault
        found = None if fault is None else (fault.name, fault.address)
        parts.append("does not diverge" if found is None else "diverges at {} in step {}".format(*found))
        right = right and found == wanted.diverges
    return Result(right=right, said="; ".join(parts))


def main() -> int:
    """Print the table; 1 where a result is not the right one."""
    found = [(name, result(name)) for name in EXPECTED]
    lines = [[name, "right" if one.right else "WRONG", one.said.replace("\n", " ")[:150]] for name, one in found]
    print("\n".join(table([["file", "result", ""], *lines])))
    wrong = sum(not one.right for _name, one in found)
    print(f"\n{len(found)} files: {len(found) - wrong} right, {wrong} wrong")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
