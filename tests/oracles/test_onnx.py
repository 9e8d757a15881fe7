"""The node tests of the ONNX backend, run against the engine's ops: the committed ones, and all where the wheel is."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from tests.oracles import onnx_cases
from tests.oracles.onnx_adapters import ADAPTERS
from tests.oracles.onnx_cases import INSTALLED, KINDS, LARGEST, Case
from tests.oracles.onnx_report import report, run

BEYOND = {"test_averagepool_3d_dilations_large_count_include_pad_is_1_ceil_mode_is_True"}
"""The tests that ask for what the engine does not have."""

needs_wheel = pytest.mark.skipif(not INSTALLED, reason="onnx is not installed: the committed node tests alone are run")


@cache
def committed() -> list[Case]:
    return onnx_cases.load()


@cache
def of_wheel() -> list[Case]:
    return list(onnx_cases.from_wheel())


def test_the_store_has_every_operator() -> None:
    assert onnx_cases.STORE.stat().st_size < 150_000
    assert {case.kind for case in committed()} | {"Mish"} == set(KINDS) == set(ADAPTERS), "the test of Mish is large"
    assert len(committed()) >= 260
    assert all(case.outputs for case in committed())


@pytest.mark.parametrize("kind", KINDS)
def test_the_engine_computes_what_onnx_expects(kind: str) -> None:
    results = [run(case) for case in committed() if case.kind == kind]
    assert {result.case.name for result in results if not result.passed} <= BEYOND, "\n".join(report(results))


@pytest.mark.parametrize("kind", KINDS)
def test_another_result_would_be_noticed(kind: str) -> None:
    """With an output that is 1 % off nothing passes, so every output is looked at."""
    case = next((case for case in committed() if case.kind == kind), None)
    if case is None:
        pytest.skip("all its tests are large")
    for number, wanted in case.outputs.items():
        if wanted.dtype == np.float32 and np.any(wanted):
            wrong = replace(case, outputs={**case.outputs, number: wanted * np.float32(1.01)})
            result = run(wrong)
            assert not result.passed
            assert not result.beyond
            assert f"output {number} differs" in result.reason


def test_the_report_says_why() -> None:
    case = next(case for case in committed() if case.kind == "LSTM")
    results = [run(case), run(replace(case, attributes={**case.attributes, "clip": 3.0}))]
    lines = report(results)
    assert "LSTM                         1 of   2" in lines
    assert f"    1: the attribute clip ({case.name})" in lines
    assert lines[-2].endswith("1 of   2, 1 ask for what the engine does not have, 0 fail")


@needs_wheel
def test_the_committed_tests_are_those_of_the_wheel() -> None:
    small = [case for case in of_wheel() if case.nbytes < LARGEST]
    assert [case.name for case in small] == [case.name for case in committed()]
    for ours, theirs in zip(committed(), small, strict=True):
        assert (ours.kind, ours.version, ours.attributes) == (theirs.kind, theirs.version, theirs.attributes)
        pairs = [*zip(ours.inputs, theirs.inputs, strict=True)]
        pairs += [(ours.outputs[k], values) for k, values in theirs.outputs.items()]
        for mine, wanted in pairs:
            assert (mine is None) == (wanted is None)
            if mine is not None and wanted is not None:
                assert mine.dtype == wanted.dtype
                np.testing.assert_array_equal(mine, wanted)


@needs_wheel
def test_the_large_tests_of_the_wheel() -> None:
    results = [run(case) for case in of_wheel() if case.nbytes >= LARGEST and "3d" not in case.name]
    assert len(results) >= 10
    assert all(result.passed for result in results), "\n".join(report(results))
