"""A recorded step becomes a scenario that computes what PyTorch computed; files of tests/importing/make_data.py."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
import zlib
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrograde.engine import Session, load_scenario
from retrograde.engine.errors import EngineError
from retrograde.engine.importing.comparing import Row, compared
from retrograde.engine.importing.recorded import Mapped, RefusedError, map_recording
from retrograde.engine.importing.recorded_trace import needed
from retrograde.engine.recording.recording import Recording, load_recording
from retrograde.engine.scenario.weights.files import open_tensors, write_tensors
from tests.support.effort import examples
from tests.support.recordings import Writing

DATA = Path(__file__).parent / "data"
MODELS = ("mlp-sgd", "mlp-adamw", "lenet", "resnet", "encoder", "tied")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("recorded")
    for name in MODELS:
        (found / f"{name}.rgrec").write_bytes(gzip.decompress((DATA / f"{name}.rgrec.gz").read_bytes()))
    return found


@cache
def opened(path: Path) -> tuple[Recording, Mapped, Path]:
    """A recording, what it becomes, and the scenario as a file."""
    recording = load_recording(path)
    mapped = map_recording(recording)
    target = path.with_suffix(".toml")
    mapped.write(target)
    return recording, mapped, target


@pytest.mark.parametrize("name", MODELS)
def test_gradients_and_new_parameters_are_those_of_pytorch(name: str, folder: Path) -> None:
    recording, mapped, target = opened(folder / f"{name}.rgrec")
    session = Session(load_scenario(target))
    assert not session.scenario.warnings
    rows = compared(recording, session)
    assert [row for row in rows if not row.agrees] == []
    # What a row allows beyond 10⁻¹² is what Adam makes of a gradient that is 0 but for rounding, and nothing else.
    wide = {row.recorded for row in rows if row.relative > 1e-12}
    assert all("self_attn.in_proj_bias" in one and one.startswith("new(") for one in wide)
    names = {value.name for value in recording.records.values}
    wanted = {name for name in names if name.startswith(("grad(", "new(")) and name[-1] == ")" and "(" not in name[5:]}
    held = {row.recorded for row in rows if row.kind in {"gradient", "update"}}
    assert {one for one in wanted if "running" not in one and "num_batches" not in one} <= held
    assert {row.kind for row in rows} == {"weight", "forward", "loss", "gradient", "update"}
    assert len(mapped.notes) == 0


@pytest.mark.parametrize("name", MODELS)
def test_most_operators_of_the_forward_pass_are_compared(name: str, folder: Path) -> None:
    recording, _mapped, target = opened(folder / f"{name}.rgrec")
    rows = compared(recording, Session(load_scenario(target)))
    held = {row.recorded for row in rows if row.kind == "forward"}
    calls = [recording.records.calls[number] for number in needed(recording)[0]]
    made = {
        recording.records.values[result.to.value].name
        for call in calls
        if call.phase == "forward" and "norm" not in call.op
        for result in call.results[:1]
    }
    apart = made - held
    # What is within a step of a recurrent layer is within that layer.
    allowed = (
        "clone",
        "bernoulli",
        "bmm",
        "mul",
        ".mm",
        "mean",
        *(("cell.a", "cell.sub", "cell.z") if name == "tied" else ()),
    )
    assert all(any(word in one for word in allowed) for one in apart), apart


@examples(24)
@given(st.data())
def test_a_wrong_weight_is_named_at_the_first_operator_that_reads_it(folder: Path, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(MODELS))
    recording, mapped, target = opened(folder / f"{name}.rgrec")
    file = open_tensors(target.with_suffix(".safetensors"))
    tensors = {key: one.read() for key, one in file.tensors.items()}
    pieces = [one for node in mapped.draft.nodes for key, one in node.tensors.items() if "running" not in key]
    owner = data.draw(st.sampled_from([one.name for one in pieces if one.name is not None]))
    place = data.draw(st.integers(0, tensors[owner].size - 1))
    tensors[owner].reshape(-1)[place] += 1e-3
    other = target.with_name("wrong.toml")
    other.write_text(target.read_text().replace(f'"{name}.safetensors"', '"wrong.safetensors"'))
    write_tensors(other.with_name("wrong.safetensors"), tensors)
    rows = compared(recording, Session(load_scenario(other)))
    wrong = [row for row in rows if not row.agrees]
    assert [row.recorded for row in wrong if row.kind == "weight"] == [owner]
    first = next(row for row in wrong if row.kind != "weight")
    if first.kind != "forward":
        # Whatever the weight is multiplied by is 0 in all samples, so that only its new value differs.
        number = next(n for n, one in enumerate(recording.records.values) if one.name == f"grad({owner})")
        assert recording.file.floats(number).reshape(-1)[place] == 0.0
        return
    assert _reads(recording, first, owner)


def _reads(recording: Recording, row: Row, owner: str) -> bool:
    """Whether the operator of a row reads a parameter."""
    values = recording.records.values
    call = next(
        call
        for call in recording.records.calls
        if any(values[result.to.value].name == row.recorded for result in call.results)
    )
    read = {values[one.value].name for one in call.arguments.values() if hasattr(one, "value")}
    # Of an attention the product with in_proj_weight and the sum with in_proj_bias are one layer here.
    return owner in read or (owner.endswith("in_proj_weight") and "in_proj_bias" in "".join(read))


def test_it_trains_on_and_steps_as_it_runs(folder: Path) -> None:
    _recording, _mapped, target = opened(folder / "mlp-adamw.rgrec")
    session = Session(load_scenario(target))
    first = session.measure("E_data", 0)
    outcome = session.run(epochs=5)
    assert outcome.iterations == 5
    assert session.measure("E_data", 5) < first
    assert (session.timeline.frame(1).array(session.timeline.frame(1).program.named["mask_l3"]) <= 1.0).all()


def test_the_file_of_weights_is_the_state_dict(folder: Path) -> None:
    recording, _mapped, target = opened(folder / "resnet.rgrec")
    file = open_tensors(target.with_suffix(".safetensors"))
    kinds = {"parameter", "buffer"}
    wanted = {one.name for one in recording.records.values if one.kind in kinds and "num_batches" not in one.name}
    assert wanted <= set(file.tensors)


def test_operators_without_a_layer_are_named_with_module_and_line(tmp_path: Path) -> None:
    writing = Writing()
    x = writing.value("x", [[1.0, 2.0]])
    made = writing.value("net.erfinv", [[0.1, 0.2]], kind="made")
    loss = writing.value("loss.mse_loss", 1.0, kind="made")
    target = writing.value("t", [[1.0, 2.0]])
    one = writing.value("loss.ones_like", 1.0, kind="made")
    grad = writing.value("grad", [[0.0, 0.0]], kind="made")
    writing.call("aten.erfinv.default", {"self": x}, [made], module="net", source=0)
    writing.call("aten.mse_loss.default", {"self": made, "target": target, "reduction": 1}, [loss], phase="loss")
    writing.call("aten.ones_like.default", {"self": loss}, [one], phase="loss")
    writing.call("aten.mul.Tensor", {"self": one, "other": made}, [grad], phase="backward")
    recording = load_recording(writing.write(tmp_path / "step.rgrec"))
    with pytest.raises(RefusedError) as caught:
        map_recording(recording)
    assert [(one.op, one.module) for one in caught.value.refused] == [("aten.erfinv.default", "net")]
    assert "train.py:7: loss = d.sqrt().mean()" in str(caught.value)


def test_a_recording_without_a_loss_says_so(tmp_path: Path) -> None:
    writing = Writing()
    x = writing.value("x", [[1.0, 2.0]])
    writing.call("aten.relu.default", {"self": x}, [writing.value("net.relu", [[1.0, 2.0]], kind="made")])
    with pytest.raises(EngineError, match="no backward pass"):
        map_recording(load_recording(writing.write(tmp_path / "step.rgrec")))


def test_values_follow_views_into_the_layer(folder: Path) -> None:
    """Every link names each value of its array: what is compared is compared whole."""
    _recording, mapped, target = opened(folder / "encoder.rgrec")
    frame = Session(load_scenario(target)).timeline.frame(0)
    for link in mapped.draft.links:
        array = frame.program.named.get(f"{link.stem}_{link.node.name}")
        if array is not None and link.chosen is None:
            assert np.array_equal(np.sort(link.places.reshape(-1)), np.arange(array.size)), link.node.name


@examples(90)
@given(st.data())
def test_records_that_were_changed_are_mapped_or_refused(folder: Path, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(("mlp-sgd", "mlp-adamw", "lenet")))
    whole = (folder / f"{name}.rgrec").read_bytes()
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        old = archive.read("step.json")
    digits = [place for place, letter in enumerate(old) if letter in b"0123456789"]
    new = bytearray(old)
    for place in data.draw(st.lists(st.sampled_from(digits), min_size=1, max_size=4)):
        new[place] = data.draw(st.sampled_from(list(b"0123456789")))
    sums = [zlib.crc32(one).to_bytes(4, "little") for one in (old, bytes(new))]
    path = folder / "changed.rgrec"
    path.write_bytes(whole.replace(old, bytes(new)).replace(*sums))
    try:
        map_recording(load_recording(path))
    except EngineError as error:
        assert str(error)


def test_records_that_the_fuzzer_changed_give_an_error_or_are_not_checked(folder: Path, tmp_path: Path) -> None:
    path, wide = folder / "mlp-sgd.rgrec", tmp_path / "changed.rgrec"
    for change in ("seed", "operand"):
        with zipfile.ZipFile(path) as old, zipfile.ZipFile(wide, "w") as new:
            step = json.loads(old.read("step.json"))
            if change == "seed":
                next(call for call in step["calls"] if "ones_like" in call["op"])["arguments"]["self"] = 1.0
            else:
                # The operand has fewer columns than the result.
                call = next(call for call in step["calls"] if "mse_loss_backward" in call["op"])
                call["arguments"]["target"]["shape"][-1] -= 1
            new.writestr("values.bin", old.read("values.bin"))
            new.writestr("step.json", json.dumps(step))
        recording = load_recording(wide)
        assert all(not check.disagreeing for check in recording.check())
        if change == "seed":
            with pytest.raises(EngineError, match="gradient 1 of one loss"):
                map_recording(recording)
