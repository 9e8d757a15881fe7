"""Each equation of the table held to PyTorch: one call with drawn operands is recorded, and every element checked."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install 'retrograde[torch]'")

import torch.nn.functional as F  # noqa: E402, N812

import retrograde.torch as rg  # noqa: E402
from retrograde.engine.recording.aten.table import TABLE, base_name  # noqa: E402
from retrograde.engine.recording.checking import bounds_of  # noqa: E402
from retrograde.engine.recording.form import DTYPES  # noqa: E402
from retrograde.engine.recording.program import Recorded  # noqa: E402
from retrograde.engine.recording.recording import Recording, load_recording  # noqa: E402
from retrograde.engine.recording.whole import FORMS, whole_of  # noqa: E402

Draw = Callable[..., Any]
aten = torch.ops.aten


def _x(*shape: int) -> Any:
    return torch.randn(shape, requires_grad=True)


def _p(*shape: int) -> Any:
    return (torch.rand(shape) + 0.1).requires_grad_()


def _back(made: Any) -> None:
    """The gradient of a weighed sum, so that each element has a gradient of its own."""
    for one in made if isinstance(made, tuple | list) else (made,):
        if one.requires_grad:
            (one * torch.randn_like(one)).sum().backward()
            return


def _unary(function: Callable[[Any], Any], make: Callable[..., Any] = _x) -> Callable[[], None]:
    return lambda: _back(function(make(3, 4)))


def _inplace(name: str, *more: Any) -> Callable[[], None]:
    def run() -> None:
        with torch.no_grad():
            getattr(torch.rand(3, 4) + 0.5, name)(*more)

    return run


def _no_grad(run: Callable[[], Any]) -> Callable[[], None]:
    def inside() -> None:
        with torch.no_grad():
            run()

    return inside


_T, _I = torch.tensor, torch.randint

CALLS: dict[str, Callable[[], Any]] = {
    "add": lambda: _back(torch.add(_x(3, 4), _x(4), alpha=0.3) + 1.7),
    "sub": lambda: _back(torch.sub(_x(3, 4), _x(3, 1), alpha=0.3) - 0.1),
    "rsub": lambda: _back(0.9 - _x(5)),
    "mul": lambda: _back(_x(3, 4) * _x(4) * 0.9),
    "div": lambda: _back(_x(3, 4) / _p(4) / 0.7),
    "neg abs sign": lambda: _back(-_x(4).abs() * torch.sign(_x(4))),
    "exp log": lambda: _back(_p(5).log() + _x(5).exp()),
    "log1p expm1": lambda: _back(_p(5).log1p() + _x(5).expm1()),
    "sqrt rsqrt": lambda: _back(_p(5).sqrt() + _p(5).rsqrt() + _p(5).reciprocal()),
    "sin cos erf": lambda: _back(_x(5).sin() + _x(5).cos() + _x(5).erf()),
    "pow": lambda: _back(sum(_p(5).pow(n) for n in (0.5, 1.7, 2, 3, -1, -2, -0.5)) + 2.5 ** _x(5)),
    "maximum minimum": lambda: _back(torch.maximum(_x(6), _x(6)) + torch.minimum(_x(6), _x(6))),
    "clamp": lambda: _back(_x(9).clamp(-0.5, 0.5) + _x(9).clamp_min(0.1) + _x(9).clamp_max(0.1)),
    "where": lambda: _back(torch.where(_x(3, 4) > 0, _x(3, 4), _x(4))),
    "masked_fill": lambda: _back(_x(3, 4).masked_fill(_x(3, 4) > 0, 7.3)),
    "compare": _no_grad(lambda: [getattr(_x(9).round(), n)(0) for n in ("eq", "ne", "lt", "le", "gt", "ge")]),
    "logical": _no_grad(lambda: torch.logical_or(torch.logical_not(_x(9) > 0).logical_and(_x(9) > 0), _x(9) > 1)),
    "bitwise": _no_grad(lambda: (~(_x(9) > 0) | (_x(9) > 1)) & _T([1.0, float("nan"), 0.0] * 3).isnan()),
    "xlogy": _no_grad(lambda: torch.xlogy(_T([0.0, 0.0, 2.0, 0.3]), _T([0.0, float("nan"), 3.0, 0.0]))),
    "copies": _no_grad(
        lambda: (
            aten.alias_copy(_x(3)), aten.detach_copy(_x(3)), aten.lift_fresh_copy(_x(3)),
            aten.view_copy(_x(4, 3), [2, 6]),
            torch.full_like(_x(3), 0.3), _x(3).new_full((2,), 0.7), _x(3).new_ones(2),
            torch.addmv(_x(3), _x(3, 2), _x(2)),
        )
    ),
    "direct": _no_grad(
        lambda: (
            aten._safe_softmax(torch.full((2, 3), float("-inf")), 1), aten._safe_softmax(_x(2, 3), 1),
            aten._unsafe_index_put(_x(4, 2), [_T([1, 1])], _x(2, 2), True),
        )
    ),
    "native_dropout": lambda: _back(torch.native_dropout(_x(4, 4), 0.3, True)),
    "lerp": _no_grad(lambda: (torch.lerp(_x(5), _x(5), 0.3), torch.lerp(_x(5), _x(5), torch.rand(5)))),
    "addcmul addcdiv": _no_grad(
        lambda: (torch.addcmul(_x(5), _x(5), _x(5), value=0.3), torch.addcdiv(_x(5), _x(5), _p(5), value=-0.2))
    ),
    "sigmoid": _unary(torch.sigmoid),
    "tanh": _unary(torch.tanh),
    "relu": _unary(torch.relu),
    "silu": _unary(F.silu),
    "gelu": _unary(F.gelu),
    "gelu tanh": _unary(lambda x: F.gelu(x, approximate="tanh")),
    "leaky_relu": _unary(lambda x: F.leaky_relu(x, 0.2)),
    "elu": _unary(lambda x: F.elu(x, 0.7) + F.selu(x)),
    "softplus": _unary(lambda x: F.softplus(x * 9, 1.5, 4.0)),
    "hardtanh": _unary(lambda x: F.hardtanh(x, -0.4, 0.6) + F.relu6(x * 4)),
    "hard": _unary(lambda x: F.hardswish(x * 3) + F.hardsigmoid(x * 3)),
    "logsigmoid": _unary(F.logsigmoid),
    "fills": _no_grad(lambda: (torch.zeros(3), torch.ones_like(_x(3)), torch.full((2, 2), 0.3), torch.arange(2, 9, 3))),
    "in place": _no_grad(lambda: (_x(4).fill_(0.3), _x(4).zero_(), torch.empty(2, 2).copy_(_x(2, 2)), _x(3).neg_())),
    "part in place": _no_grad(lambda: torch.zeros(4, 5)[1:3, ::2].add_(_x(2, 3))),
    "mm": lambda: _back(_x(3, 4) @ _x(4, 2)),
    "bmm": lambda: _back(_x(2, 3, 4) @ _x(2, 4, 2)),
    "mv dot": lambda: _back(_x(3, 4) @ _x(4) * torch.dot(_x(4), _x(4))),
    "addmm": lambda: _back(F.linear(_x(3, 4), _x(2, 4), _x(2))),
    "addmm beta": lambda: _back(torch.addmm(_x(2), _x(3, 4), _x(4, 2), beta=0.3, alpha=0.7)),
    "baddbmm": lambda: _back(torch.baddbmm(_x(2, 3, 2), _x(2, 3, 4), _x(2, 4, 2), beta=0.5)),
    "transposed": lambda: _back(_x(4, 3).t() @ _x(2, 4).t() + _x(3, 1).expand(3, 2)),
    "sum mean": lambda: _back(_x(3, 4, 2).sum((0, 2)) * _x(3, 4).mean(0) + _x(4, 2).mean(1, keepdim=True)[:, 0]),
    "var std": lambda: _back(_x(4, 5).var(1) + _x(4, 5).std(1, unbiased=False)),
    "var_mean": _no_grad(lambda: torch.var_mean(_x(4, 5), 0)),
    "norm": lambda: (
        _back(_x(3, 4).norm() + torch.linalg.vector_norm(_x(5), 1)),
        torch._foreach_norm([_x(3, 4).detach(), _x(2).detach()], 2),
    ),
    "amax": lambda: _back(_x(3, 4).amax(1) + _x(3, 4).amin(1) + _x(3, 4).max(1)[0] + _x(3).max() + _x(3).min()),
    "logsumexp": lambda: _back(_x(3, 4).logsumexp(1)),
    "cumsum": lambda: _back(_x(3, 4).cumsum(1)),
    "softmax": lambda: _back(_x(3, 4).softmax(1) + _x(3, 4).softmax(0)),
    "log_softmax": lambda: _back(_x(3, 4).log_softmax(1)),
    "mse": lambda: [_back(F.mse_loss(_x(3, 2), _x(3, 2), reduction=r)) for r in ("mean", "sum", "none")],
    "smooth_l1": lambda: [
        _back(F.smooth_l1_loss(_x(3, 3), _x(3, 3), reduction=r, beta=0.4)) for r in ("mean", "sum", "none")
    ],
    "huber": lambda: [_back(F.huber_loss(_x(3, 3), _x(3, 3), reduction=r, delta=0.4)) for r in ("mean", "none")],
    "l1": lambda: _back(F.l1_loss(_x(5), _x(5))),
    "bce": lambda: [
        _back(F.binary_cross_entropy(_x(4).sigmoid(), torch.rand(4), reduction=r)) for r in ("mean", "sum")
    ],
    "bce logits": lambda: _back(
        F.binary_cross_entropy_with_logits(_x(3, 2), torch.rand(3, 2), pos_weight=_T([2.0, 0.3]))
    ),
    "nll": lambda: [
        _back(F.nll_loss(_x(4, 3), _T([0, 2, 1, 2]), weight=w, ignore_index=i, reduction=r))
        for r in ("mean", "sum", "none")
        for w, i in ((None, -100), (_T([0.5, 1.0, 2.0]), 1))
    ],
    "cross entropy": lambda: _back(F.cross_entropy(_x(4, 3), _T([0, 2, 1, 2]), label_smoothing=0.1)),
    "cross entropy 2d": lambda: _back(F.cross_entropy(_x(2, 3, 2, 2), _I(0, 3, (2, 2, 2)))),
    "kl": lambda: _back(F.kl_div(_x(3, 4).log_softmax(1), torch.rand(3, 4).softmax(1), reduction="batchmean")),
    "layer_norm": lambda: _back(
        F.layer_norm(_x(2, 3, 4), (3, 4), _x(3, 4), _x(3, 4)) + F.layer_norm(_x(2, 3, 4), (4,))
    ),
    "batch_norm": lambda: _back(
        F.batch_norm(_x(4, 3, 2), torch.zeros(3), torch.ones(3), _x(3), _x(3), training=True, momentum=0.2)
    ),
    "batch_norm eval": lambda: _back(F.batch_norm(_x(4, 3), torch.randn(3), torch.rand(3) + 0.5, _x(3), _x(3))),
    "group_norm": lambda: _back(F.group_norm(_x(2, 4, 3), 2, _x(4), _x(4))),
    "instance_norm": lambda: _back(F.instance_norm(_x(2, 3, 4), weight=_x(3), bias=_x(3))),
    "conv2d": lambda: _back(F.conv2d(_x(2, 4, 5, 4), _x(6, 2, 3, 2), _x(6), stride=2, padding=1, groups=2)),
    "conv2d dilated": lambda: _back(F.conv2d(_x(1, 2, 6, 6), _x(2, 2, 2, 2), dilation=2, padding=(0, 1))),
    "conv1d": lambda: _back(F.conv1d(_x(2, 3, 7), _x(2, 3, 3), _x(2), padding=1)),
    "conv transposed": lambda: _back(
        F.conv_transpose2d(_x(2, 4, 3, 3), _x(4, 1, 3, 3), _x(2), stride=2, padding=1, output_padding=1, groups=2)
    ),
    "max_pool2d": lambda: _back(F.max_pool2d(_x(2, 2, 5, 6), 3, 2, 1)),
    "avg_pool2d": lambda: _back(
        F.avg_pool2d(_x(2, 2, 5, 6), 3, 2, 1) + F.avg_pool2d(_x(2, 2, 5, 6), 3, 2, 1, count_include_pad=False)
    ),
    "embedding": lambda: _back(F.embedding(_I(0, 5, (2, 3)), _x(5, 4), padding_idx=1)),
    "dropout": lambda: _back(F.dropout(_x(6, 6), 0.3)),
    "cat stack": lambda: _back(
        torch.cat((_x(2, 3), _x(1, 3), _x(2, 3)), 0).sum(0) + torch.stack((_x(3), _x(3)), 1).sum()
    ),
    "select slice": lambda: _back(_x(4, 6)[1, 1::2] + _x(4, 6)[-1, :3] + _x(5, 3).unbind(0)[2]),
    "flip repeat pad": lambda: _back(_x(3, 2).flip(0).repeat(2, 2) + F.pad(_x(4, 2), (1, 1, 0, 2), value=0.5)),
    "gather": lambda: _back(_x(3, 4).gather(1, _I(0, 4, (3, 2)))),
    "index": lambda: _back(_x(4, 5)[_T([0, 3, 0])] + _x(4, 5)[_T([1, 1, 2]), :]),
    "index two": lambda: _back(_x(4, 5)[_T([0, 3, 0]), _T([1, -1, 1])]),
    "index_select": lambda: _back(_x(4, 5).index_select(1, _T([2, 2, 0]))),
    "index_add": lambda: _back(torch.index_add(_x(4, 3), 0, _T([1, 1, 3]), _x(3, 3), alpha=0.5)),
    "scatter": lambda: _back(torch.zeros(3, 4).scatter(1, _T([[1, 0], [2, 3], [0, 1]]), _x(3, 2)) + _x(3, 4)),
    "scatter_add": lambda: _back(torch.zeros(3, 4).scatter_add(1, _T([[1, 1], [2, 3], [0, 0]]), _x(3, 2))),
    "topk": lambda: _back(_x(3, 5).topk(2)[0] + _x(3, 2).sort(1)[0]),
    "tril": lambda: _back(_x(4, 4).tril(-1) + _x(4, 4).triu(1)),
    "upsample": lambda: _back(F.interpolate(_x(1, 2, 3, 2), scale_factor=2)),
    "attention": lambda: _back(F.scaled_dot_product_attention(*(_x(1, 2, 4, 3) for _ in range(3)), is_causal=True)),
    "attention masked": lambda: _back(
        F.scaled_dot_product_attention(*(_x(1, 2, 4, 3) for _ in range(3)), attn_mask=torch.randn(4, 4), scale=0.3)
    ),
    "scaling": _no_grad(
        lambda: [
            (
                aten._amp_foreach_non_finite_check_and_unscale_([_x(3).detach() * big, torch.ones(2)], found, _T(0.25)),
                aten._amp_update_scale_(_T(scale), _T(1, dtype=torch.int32), found, 2.0, 0.5, interval),
            )
            for big, scale, interval in ((1.0, 8.0, 2), (1.0, 8.0, 3), (float("inf"), 8.0, 2), (1.0, 3e38, 2))
            for found in [torch.zeros(1)]
        ]
    ),
    "half": lambda: _back((_x(4, 4).bfloat16() @ _x(4, 3).bfloat16()).float() + (_x(4, 3).half() * 0.1).float()),
    "doubles": lambda: _back(torch.randn(3, 4, dtype=torch.float64, requires_grad=True).exp() * 0.1),
}  # fmt: skip
"""One call, or a few, of each operator of the table, its gradient with it."""


def held(path: Path, run: Callable[[], Any], seed: int) -> set[str]:
    """Records what a function runs and holds every element of it to its equation; returns the operators."""
    torch.manual_seed(seed)
    with rg.record(path):
        run()
    recording = load_recording(path)
    names = set()
    for check in recording.check(every=True):
        op = recording.op(check.op)
        assert not check.disagreeing, (op.call.op, op.result.position, op.call.arguments, check.worst)
        if not check.missing:
            assert check.checked == check.elements
            names.add(base_name(op.call.op))
            hold_whole(recording, op)
    return names


WHOLE: set[str] = set()
"""The operators that were held as a whole so far."""


def hold_whole(recording: Recording, op: Recorded) -> None:
    """What goes over whole arrays gives the values and the bounds of the table's equations."""
    kind = DTYPES[op.values[op.result.to.value].dtype]
    found = whole_of(op, recording.frame, kind)
    if found is None:
        return
    WHOLE.add(op.title)
    value, error = bounds_of(recording.recorded, op, np.arange(op.target.size), kind)
    with np.errstate(invalid="ignore"):
        size = np.abs(value) + error + 1e-300
        same = (found[0] == value) | (np.isnan(found[0]) & np.isnan(value))
        assert (same | (np.abs(found[0] - value) <= np.maximum(1e-12 * size, 1e-6 * error))).all(), (
            op.call.op,
            op.result,
        )
        near = np.abs(found[1] - error) <= 1e-6 * error + 1e-290
        assert (near | ~np.isfinite(value)).all(), (op.call.op, op.result.position, found[1], error)


@pytest.mark.parametrize("name", CALLS)
def test_an_equation_gives_what_torch_computes(name: str, tmp_path: Path) -> None:
    for seed in range(2):
        assert held(tmp_path / "call.rgrec", CALLS[name], seed + zlib.crc32(name.encode()) % 1000)


def recorded(path: Path, run: Callable[[], Any]) -> set[str]:
    """Records what a function runs; returns the operators."""
    with rg.record(path):
        run()
    return {base_name(call.op) for call in load_recording(path).records.calls}


def _with_gradient() -> Any:
    one = _x(4)
    one.grad = torch.randn(4)
    return one


def _optimisers() -> dict[str, Callable[[Any], Any]]:
    optim = torch.optim
    return {
        "sgd": lambda p: optim.SGD(p, 0.1, momentum=0.9, nesterov=True, weight_decay=0.01, foreach=True),
        "adam": lambda p: optim.Adam(p, 0.1, weight_decay=0.01, foreach=True),
        "adamw": lambda p: optim.AdamW(p, 0.1, foreach=False),
        "adamw fused": lambda p: optim.AdamW(p, 0.1, fused=True),
        "adam fused": lambda p: optim.Adam(p, 0.1, weight_decay=0.01, fused=True),
        "sgd fused": lambda p: optim.SGD(p, 0.1, momentum=0.9, weight_decay=0.01, fused=True),
        "rmsprop": lambda p: optim.RMSprop(p, 0.1, momentum=0.5, foreach=True),
        "adagrad": lambda p: optim.Adagrad(p, 0.1),
        "adamax": lambda p: optim.Adamax(p, 0.1),
        "nadam": lambda p: optim.NAdam(p, 0.1, foreach=True),
    }


@pytest.mark.parametrize("name", _optimisers())
def test_optimisers_and_clipping(name: str, tmp_path: Path) -> None:
    parameters = [_x(3, 2), _x(4)]
    optimizer = _optimisers()[name](parameters)

    def step() -> None:
        optimizer.zero_grad()
        sum((p * torch.randn_like(p)).sum() for p in parameters).backward()
        torch.nn.utils.clip_grad_norm_(parameters, 0.1)
        optimizer.step()

    step()
    assert held(tmp_path / "step.rgrec", step, 5) & {"sub", "add", "addcdiv", "fused", *TABLE}


def test_every_row_of_the_table_is_held_to_torch(tmp_path: Path) -> None:
    """A row that no call reaches is not known to be right."""
    reached = set()
    for run in CALLS.values():
        reached |= recorded(tmp_path / "call.rgrec", run)
    for make in _optimisers().values():
        parameters = [_x(3, 2), _x(4)]
        for one in parameters:
            one.grad = torch.randn_like(one)
        reached |= recorded(tmp_path / "call.rgrec", make(parameters).step)
    reached |= recorded(tmp_path / "call.rgrec", lambda: torch.nn.utils.clip_grad_norm_([_with_gradient()], 0.1))
    # What ranks exchange is held to it in test_ranks.py, memory in pieces in test_recorder.py.
    elsewhere = {"c10d.allreduce_.default", "c10d.broadcast_.default", "retrograde.joined"}
    assert set(TABLE) - reached == elsewhere


def test_every_form_over_whole_arrays_is_held_to_the_table(tmp_path: Path) -> None:
    names = (
        "mm, bmm, addmm, baddbmm, copies, mv dot, sum mean, norm, softmax, log_softmax, layer_norm, batch_norm, "
        "conv2d, attention, embedding"
    )
    for name in names.split(", "):
        held(tmp_path / "call.rgrec", CALLS[name], 1)
    assert set(FORMS) - WHOLE == set()
