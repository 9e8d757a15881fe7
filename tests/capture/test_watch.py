"""The watch over a training: it changes nothing, finds the step, and leaves nothing behind."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install 'retrograde[torch]'")

from torch import nn  # noqa: E402
from torch.utils.data import DataLoader, Dataset  # noqa: E402

import retrograde.torch as rg  # noqa: E402
from retrograde.engine.recording.recording import load_recording  # noqa: E402
from retrograde.torch.checkpoints import Checkpoint, Parts  # noqa: E402
from retrograde.tui.cli.main import main  # noqa: E402
from tests.capture.faults import FAULTS, HEALTHY  # noqa: E402
from tests.hunt import hunt  # noqa: E402

SMALL = {"every": 5, "checkpoint": 15}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_found_at_its_step_and_its_op(name: str, tmp_path: Path) -> None:
    found = hunt(lambda: FAULTS[name](60, 38), 38, tmp_path, **SMALL)
    assert found.step, found.text
    assert found.op, found.text
    assert load_recording(tmp_path / "bad.rgrec").program.steps
    assert [path.name for path in tmp_path.iterdir()] == ["bad.rgrec"]


@pytest.mark.parametrize("name", HEALTHY)
def test_masks_and_skipped_steps_are_no_alarm(name: str, tmp_path: Path) -> None:
    found = hunt(lambda: HEALTHY[name](120), None, tmp_path, **SMALL)
    assert found.step, found.text
    assert found.text == ""
    assert (found.watch.skipped > 10) == (name == "scaled")
    assert not list(tmp_path.iterdir())


def clean() -> bool:
    return (
        torch.autograd.backward.__module__ == "torch.autograd"
        and not torch.utils._python_dispatch._len_torch_dispatch_stack()
    )


def small(noise: float = 0.0) -> tuple[Any, ...]:
    torch.manual_seed(0)
    random.seed(0)
    np.random.seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.3), nn.Linear(4, 1))
    optimizer = torch.optim.AdamW(model.parameters(), 0.01)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.99)

    def body(x: Any) -> None:
        scale = 1 + noise * (random.random() + float(np.random.rand()))
        y = model(x) * scale
        loss = y.pow(2).mean() + 0 * (y.mean() * x.sum().sqrt())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()

    return body, model, optimizer, schedule


def batches(steps: int, bad: int | None = None) -> list[Any]:
    generator = torch.Generator().manual_seed(1)
    found = [torch.rand(5, 3, generator=generator) for _step in range(steps)]
    if bad is not None:
        found[bad - 1] = -found[bad - 1]
    return found


def test_a_watched_training_has_the_bits_of_one_that_is_not() -> None:
    body, plain, *_rest = small(0.1)
    for x in batches(40):
        body(x)
    body, watched, *parts = small(0.1)
    for x in rg.watch(batches(40), watched, *parts, grad_jump=100.0, **SMALL):
        body(x)
    for left, right in zip(plain.state_dict().values(), watched.state_dict().values(), strict=True):
        assert torch.equal(left, right)
    assert clean()


def test_a_checkpoint_keeps_what_changes_in_place_and_what_is_put_elsewhere() -> None:
    model = nn.Linear(2, 2)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    state = optimizer.state[model.weight]
    state["past"], state["left"], state["right"] = [1.0], torch.zeros(2), torch.ones(2)
    checkpoint = Checkpoint(Parts((model, optimizer)))
    checkpoint.begin()
    for grad in (None, torch.ones(2, 2), torch.zeros(2, 2)):
        model.weight.grad = grad
        checkpoint.save()
        state["past"].append(2.0)
        state["left"], state["right"] = state["right"], state["left"]
        with torch.no_grad():
            model.weight.add_(1.0)
        checkpoint.save()
        wanted = [list(state["past"]), state["left"].clone(), state["right"].clone(), model.weight.detach().clone()]
        kept = None if grad is None else grad.clone()
        state["past"].append(3.0)
        state["left"], state["right"] = torch.rand(2), state["left"]
        with torch.no_grad():
            model.weight.mul_(3.0)
        model.weight.grad = torch.full((2, 2), 9.0)
        checkpoint.restore()
        assert state["past"] == wanted[0]
        assert all(map(torch.equal, (state["left"], state["right"], model.weight), wanted[1:]))
        assert model.weight.grad is None if kept is None else torch.equal(model.weight.grad, kept)


def test_what_ran_again_has_the_same_bits_with_every_generator(tmp_path: Path, capsys: Any) -> None:
    body, *parts = small(0.1)
    generator = torch.Generator().manual_seed(4)
    own = np.random.default_rng(4)
    watch = rg.watch(batches(40, 33), *parts, None, generator, own, out=tmp_path / "x.rgrec", then="stop", **SMALL)
    for x in watch:
        body(x + 1e-3 * torch.rand(1, generator=generator).item() + 1e-3 * own.random())
    report = watch.report
    assert report is not None
    assert (report.step, report.reproducible) == (33, True)
    assert "3 of 3 steps ran again with the same bits" in str(report)
    assert str(report) in capsys.readouterr().err


class Drawn(Dataset[Any]):
    """Examples with noise that is drawn when they are fetched."""

    def __len__(self) -> int:
        return 60

    def __getitem__(self, item: int) -> Any:
        drawn = random.random() + float(np.random.rand()) + float(torch.rand(()))
        return torch.full((3,), 0.1 * drawn + (-9.0 if item == 50 else 0.5))


@pytest.mark.parametrize(("way", "workers"), [("keep", 0), ("copy", 0), ("draw", 0), ("draw", 2)])
def test_batches_are_kept_or_drawn_again(way: str, workers: int, tmp_path: Path, capsys: Any) -> None:
    body, *parts = small(0.1)
    loader = DataLoader(Drawn(), batch_size=2, shuffle=True, num_workers=workers)
    watch = rg.watch(loader, *parts, out=tmp_path / "x.rgrec", batches=way, then="stop", every=4, checkpoint=8)
    for x in watch:
        body(x)
    capsys.readouterr()
    assert watch.report is not None
    assert watch.report.reproducible, str(watch.report)
    assert len(watch) == 30


@pytest.mark.parametrize("how", ["break", "error", "interrupt", "close"])
def test_leaving_the_loop_leaves_nothing_behind(how: str, tmp_path: Path) -> None:
    body, model, optimizer, *rest = small()

    def leave() -> None:
        if how == "close":
            steps = iter(rg.watch(batches(20), model, optimizer, *rest, out=tmp_path / "x.rgrec"))
            next(steps)
            assert not clean()
            steps.close()  # type: ignore[attr-defined]
            return
        for number, x in enumerate(rg.watch(batches(20), model, optimizer, *rest, out=tmp_path / "x.rgrec")):
            body(x)
            if number == 3 and how == "break":
                break
            if number == 3:
                raise KeyError("mine") if how == "error" else KeyboardInterrupt

    if how in {"error", "interrupt"}:
        with pytest.raises(KeyError if how == "error" else KeyboardInterrupt):
            leave()
    else:
        leave()
    assert clean()
    assert not optimizer._optimizer_step_pre_hooks
    assert not list(tmp_path.iterdir())


def test_leaving_a_step_that_runs_again_leaves_nothing_either(tmp_path: Path, capsys: Any) -> None:
    body, *parts = small()
    watch = rg.watch(batches(20, 7), *parts, out=tmp_path / "x.rgrec", **SMALL)
    seen = 0
    for x in watch:
        body(x)
        seen += watch.replaying
        if seen == 14:  # In the step that is recorded: the second time around.
            break
    assert clean()
    assert not list(tmp_path.iterdir())
    assert "going back to step 0" in capsys.readouterr().err


def test_a_loop_with_a_counter_of_its_own_is_said_not_to_repeat(tmp_path: Path, capsys: Any) -> None:
    body, *parts = small()
    for number, x in enumerate(watch := rg.watch(batches(30), *parts, out=tmp_path / "x.rgrec", then="stop", **SMALL)):
        body(-x if number == 21 else x)
    assert watch.report is None
    said = capsys.readouterr().err
    assert "not reproducible from step 22 on" in said
    assert "it did not come again up to step 30" in said
    assert clean()


def test_what_does_not_repeat_is_recorded_as_it_runs(tmp_path: Path, capsys: Any) -> None:
    body, *parts = small()
    noise = iter(range(1000))
    watch = rg.watch(batches(30, 22), *parts, out=tmp_path / "x.rgrec", then="stop", **SMALL)
    for x in watch:
        body(x * (1 + 1e-3 * next(noise)))
    capsys.readouterr()
    assert watch.report is not None
    assert watch.report.step == 22
    assert not watch.report.reproducible
    assert "not reproducible from step 16 on" in str(watch.report)
    assert load_recording(tmp_path / "x.rgrec").first_break() is not None


def test_it_is_raised_in_the_head_of_the_loop_and_a_second_loop_gets_nothing(tmp_path: Path, capsys: Any) -> None:
    body, *parts = small()
    watch = rg.watch(batches(10, 10), *parts, out=tmp_path / "x.rgrec")
    with pytest.raises(rg.BadStepError, match="step 20: the loss is nan") as caught:
        for _epoch in range(3):
            for x in watch:
                body(x if watch.step > 10 else x.abs())
    assert caught.value.report is watch.report
    assert list(watch) == []
    assert "step 20" in capsys.readouterr().err


def test_gradients_that_add_up_over_steps_are_put_back(tmp_path: Path, capsys: Any) -> None:
    torch.manual_seed(0)
    model = nn.Linear(3, 1)
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
    watch = rg.watch(batches(40, 39), model, optimizer, out=tmp_path / "x.rgrec", then="stop", every=3, checkpoint=9)
    for x in watch:
        (model(x).pow(2).mean() + 0 * x.sum().sqrt()).backward()
        if watch.step % 4 == 0:
            optimizer.step()
            optimizer.zero_grad()
    capsys.readouterr()
    assert watch.report is not None
    assert (watch.report.step, watch.report.reproducible) == (39, True)


@pytest.mark.parametrize(
    ("at", "says"),
    [(31, "given to aten.addmm.default, is the largest number"), (33, "was given to aten.addmm.default; the")],
)
def test_a_jump_of_the_gradients_is_an_alarm_where_one_asks_for_it(
    at: int, says: str, tmp_path: Path, capsys: Any
) -> None:
    torch.manual_seed(0)
    model = nn.Linear(3, 1)
    optimizer = torch.optim.SGD(model.parameters(), 1e-9)
    data = batches(40)
    data[at - 1] = data[at - 1] * 1e3
    watch = rg.watch(
        data, model, optimizer, out=tmp_path / "x.rgrec", loss_jump=None, grad_jump=50.0, then="stop", **SMALL
    )
    for x in watch:
        optimizer.zero_grad()
        model(x).sum().backward()
        optimizer.step()
    capsys.readouterr()
    assert watch.report is not None
    assert watch.report.step == at
    assert says in str(watch.report)


def test_a_loss_can_be_named(tmp_path: Path, capsys: Any) -> None:
    watch = rg.watch(batches(9), nn.Linear(1, 1), out=tmp_path / "x.rgrec", then="stop", **SMALL)
    for x in watch:
        watch.loss((x.sum() - (1e9 if watch.step == 7 else 0)).sqrt())
    capsys.readouterr()
    assert watch.report is not None
    assert watch.report.reason == "the loss is nan"
    assert watch.report.op == "aten.sqrt.default"


def test_the_step_that_the_loop_was_left_in_is_said(tmp_path: Path, capsys: Any) -> None:
    body, *parts = small()
    for x in rg.watch(batches(9, 4), *parts, out=tmp_path / "x.rgrec"):
        body(x)
        if not torch.isfinite(next(parts[0].parameters())).all():
            break
    assert "the loop was left in step 4; not finite after it: 0.weight" in capsys.readouterr().err


def _twice(watch: Any) -> Iterator[None]:
    for _x in watch:
        yield from (None for _again in watch)


@pytest.mark.parametrize(
    ("make", "error", "match"),
    [
        (lambda: rg.watch([], {}), TypeError, "not dict"),
        (lambda: rg.watch([], every=0), ValueError, "every has to be at least 1"),
        (lambda: rg.watch([], batches="hold"), ValueError, "keep, copy, draw"),
        (lambda: rg.watch([], out="/nowhere/x.rgrec"), FileNotFoundError, "no folder"),
        (lambda: list(rg.watch(iter([]), batches="draw")), ValueError, "gone over once only"),
        (lambda: list(_twice(rg.watch([1, 2]))), RuntimeError, "another loop"),
        (lambda: rg.watch([], limits=3), TypeError, "limits"),
    ],
)
def test_wrong_settings_are_refused_before_the_training(
    make: Callable[[], Any], error: type[Exception], match: str
) -> None:
    with pytest.raises(error, match=match):
        make()
    assert clean()


def test_an_empty_loader_is_no_alarm() -> None:
    assert list(rg.watch([], nn.Linear(1, 1))) == []


def test_a_nan_in_the_data_is_called_that(tmp_path: Path, capsys: Any) -> None:
    body, *parts = small()
    data = batches(9)
    data[5][2, 1] = float("nan")
    for x in rg.watch(data, *parts, out=tmp_path / "x.rgrec", then="stop", **SMALL):
        body(x)
    assert "input1[3,2] = nan was given to aten.addmm.default: no step made it" in capsys.readouterr().err
    assert main(["why", str(tmp_path / "x.rgrec")]) == 1
    assert capsys.readouterr().out.startswith("input1[3,2] = nan was given to aten.addmm.default")
    assert main(["why", str(tmp_path / "x.rgrec"), "--json"]) == 1
    assert '"finding": "given"' in capsys.readouterr().out
