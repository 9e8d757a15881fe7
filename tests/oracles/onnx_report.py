"""How many of the ONNX backend's node tests the engine's ops pass, and why not the others.

    python -m tests.oracles.onnx_report [NAME ...]

Run from the root of the repository. With the ``onnx`` wheel all tests are run, without it those that are committed. A
test passes when every output agrees within a relative 1e-3 and an absolute 1e-7, as in ONNX's own runner, by the
kernels and, for small tests, by generated Python as well. The engine computes in float64: integers are taken as such
numbers, and outputs are rounded to the type that is asked for before they are compared.
"""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from typing import NamedTuple

import numpy as np

from tests.oracles.onnx_adapters import ADAPTERS
from tests.oracles.onnx_bench import BeyondError
from tests.oracles.onnx_cases import INSTALLED, KINDS, Case, cases

RELATIVE, ABSOLUTE = 1e-3, 1e-7


class Result(NamedTuple):
    """How a case went.

    Attributes:
        case: the case.
        reason: why it does not pass; empty where it does.
        beyond: whether that is because the engine does not have what the case asks for.
    """

    case: Case
    reason: str
    beyond: bool

    @property
    def passed(self) -> bool:
        """Whether it passes."""
        return not self.reason


def run(case: Case) -> Result:
    """Runs a case and compares its outputs."""
    if any(tensor is not None and tensor.dtype == np.float16 for tensor in case.inputs):
        return Result(case, "float16", True)
    try:
        found = ADAPTERS[case.kind](case)
    except BeyondError as reason:
        return Result(case, str(reason), True)
    for number, wanted in case.outputs.items():
        values = found[number]
        if values.shape != wanted.shape:
            return Result(case, f"output {number} has the shape {values.shape}, not {wanted.shape}", False)
        try:
            np.testing.assert_allclose(values.astype(wanted.dtype), wanted, rtol=RELATIVE, atol=ABSOLUTE)
        except AssertionError as difference:
            return Result(case, f"output {number} differs: {str(difference).splitlines()[-1].strip()}", False)
    return Result(case, "", False)


def report(results: list[Result]) -> list[str]:
    """The lines of the report."""
    lines = []
    by_kind: dict[str, list[Result]] = defaultdict(list)
    for result in results:
        by_kind[result.case.kind].append(result)
    for kind in KINDS:
        every = by_kind[kind]
        if not every:
            continue
        passed = sum(result.passed for result in every)
        lines.append(f"{kind:26} {passed:3} of {len(every):3}")
        for reason, count in Counter(result.reason for result in every if result.reason).items():
            names = ", ".join(result.case.name for result in every if result.reason == reason)
            lines.append(f"    {count}: {reason} ({names})")
    passed, beyond = sum(result.passed for result in results), sum(result.beyond for result in results)
    wrong = len(results) - passed - beyond
    lines.append(
        f"{'all':26} {passed:3} of {len(results):3}, {beyond} ask for what the engine does not have, {wrong} fail"
    )
    whole = sum(any(np.issubdtype(one.dtype, np.integer) for one in result.case.outputs.values()) for result in results)
    lines.append(f"{whole} of them have outputs of integers, computed as float64")
    return lines


def main(arguments: list[str]) -> int:
    """Prints the report of all cases, or of those whose names have one of the words in them."""
    found = [case for case in cases() if not arguments or any(word in case.name for word in arguments)]
    if not INSTALLED:
        print("onnx is not installed: the committed tests alone")
    results = [run(case) for case in found]
    print("\n".join(report(results)))
    return 0 if all(result.passed or result.beyond for result in results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
