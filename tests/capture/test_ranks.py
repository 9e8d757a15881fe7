"""Two ranks under torchrun: each has its file, and what they exchange is a step where both files lie side by side."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install 'retrograde[torch]'")
if not torch.distributed.is_available() or not torch.distributed.is_gloo_available():
    pytest.skip("this PyTorch has no gloo", allow_module_level=True)

from retrograde.engine.recording.recording import load_recording  # noqa: E402

SCRIPT = Path(__file__).with_name("ranks_script.py")


class Ran(NamedTuple):
    """What one start of torchrun left behind: the folder of each part, and what was said."""

    recorded: Path
    watched: Path
    said: str


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    folder = tmp_path_factory.mktemp("ranks")
    for name in ("recorded", "watched"):
        (folder / name).mkdir()
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run(
        [*command, str(SCRIPT), str(folder)],
        capture_output=True, text=True, timeout=240, check=False, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return Ran(folder / "recorded", folder / "watched", done.stderr)


@pytest.fixture
def recorded(ran: Ran) -> Path:
    return ran.recorded


@pytest.mark.parametrize("rank", [0, 1])
def test_what_is_reduced_is_a_step_of_all_ranks(recorded: Path, rank: int) -> None:
    recording = load_recording(recorded / f"step.rank{rank}.rgrec")
    other = load_recording(recorded / f"step.rank{1 - rank}.rgrec")
    assert not any(check.disagreeing or check.missing for check in recording.check(every=True))
    reduced = [op for op in map(recording.op, range(len(recording.program.ops))) if "allreduce" in op.call.op]
    assert [op.call.arguments["reduce"] for op in reduced] == ["sum", "max"]
    step = recording.made_by(recording.find(f"{reduced[0].target.name}[3]"))
    assert step is not None
    mine, theirs = sorted(step.operands, key=lambda operand: operand.name.startswith("rank"))
    assert theirs.name == f"rank{1 - rank}:{mine.name}"
    assert theirs.value == other.frame.value(other.find(mine.name))
    assert mine.made_by is not None
    assert step.result == np.float32(np.float32(mine.value) + np.float32(theirs.value))


def test_the_gradient_of_a_rank_leads_into_what_is_reduced(recorded: Path) -> None:
    recording = load_recording(recorded / "step.rank0.rgrec")
    seen, ready = set(), [recording.array("new(module.0.weight)")]
    while ready:
        op = recording.program.maker(ready.pop())
        for array in () if op is None else op.inputs:
            if array.name not in seen:
                seen.add(array.name)
                ready.append(array)
    assert {"grad(module.0.weight)", "grad(module.0.weight)~1", "module.0.weight"} <= seen


@pytest.mark.parametrize("how", ["missing", "damaged", "of another step"])
def test_without_the_other_file_it_is_given_from_outside(recorded: Path, how: str, tmp_path: Path) -> None:
    shutil.copy(recorded / "step.rank0.rgrec", tmp_path)
    if how == "damaged":
        (tmp_path / "step.rank1.rgrec").write_bytes(b"no ZIP")
    elif how == "of another step":
        shutil.copy(recorded / "step.rank0.rgrec", tmp_path / "step.rank1.rgrec")
    recording = load_recording(tmp_path / "step.rank0.rgrec")
    assert not any(check.disagreeing or check.missing for check in recording.check())
    joined = [array for array in recording.program.arrays if array.name.endswith("joined~1")]
    assert [recording.program.maker(array) for array in joined] == [None]
    assert recording.records.notes


def test_all_ranks_find_the_step_that_one_of_them_broke(ran: Ran) -> None:
    assert sorted(path.name for path in ran.watched.iterdir()) == ["bad.rank0.rgrec", "bad.rank1.rgrec"]
    assert "retrograde, rank 1: step 12: a gradient is not finite" in ran.said
    assert "SqrtBackward0, element 1 of 1: 1 / 0 = inf" in ran.said
    guilty = load_recording(ran.watched / "bad.rank1.rgrec").first_break()
    assert guilty is not None
    assert "= nan was given to torch::autograd::AccumulateGrad: no step made it" in ran.said
    assert "rank1:AccumulateGrad.joined" in ran.said
