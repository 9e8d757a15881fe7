"""The losses, the training and the data of a random network."""

from __future__ import annotations

from typing import Any

from tests.oracles.random_networks.draw import Draw
from tests.oracles.random_networks.plan import Form, Plan

PLAIN = ("half_squared_error", "squared_error", "mean_squared_error", "mean_absolute_error", "huber")
PROBABILITIES = ("binary_cross_entropy", "binary_cross_entropy_logits", "cross_entropy")
VALUE = "value"
"""The loss that is an output itself."""

ADAPTIVE = ("adagrad", "rmsprop", "adadelta", "adam", "amsgrad", "adamw", "adamax", "nadam", "radam")
SIGNS = ("rprop", "lion")


def loss(draw: Draw, kind: str, form: Form) -> dict[str, Any]:
    """The table of a loss of some kind, for an output."""
    table: dict[str, Any] = {"kind": kind}
    if draw.chance(0.3):
        table["over_outputs"] = draw.among("sum", "mean")
    if draw.chance(0.3):
        table["over_batch"] = draw.among("sum", "mean")
    if (form.steps or (kind == "cross_entropy" and len(form.shape) > 1)) and draw.chance(0.4):
        table["over_time"] = draw.among("sum", "mean")
    if kind == "huber" and draw.chance(0.7):
        table["delta"] = draw.real(0.3, 1.5, 2)
    if kind == "cross_entropy" and draw.chance(0.4):
        table["label_smoothing"] = draw.real(0.05, 0.3, 2)
    return table


def targets(draw: Draw, kind: str, shape: tuple[int, ...], columns: int) -> list[float]:
    """The targets of a sample for one loss."""
    match kind:
        case "value":
            return []
        case "cross_entropy":
            found: list[float] = []
            for _ in range(columns // shape[-1]):
                if draw.chance(0.6):
                    row = [0.0] * shape[-1]
                    row[draw.below(shape[-1])] = 1.0
                else:
                    # Shares in 64ths, which add up to 1 exactly.
                    cuts = sorted(draw.below(65) for _ in range(shape[-1] - 1))
                    row = [(b - a) / 64 for a, b in zip([0, *cuts], [*cuts, 64], strict=True)]
                found += row
            return found
        case "binary_cross_entropy" | "binary_cross_entropy_logits":
            return [float(draw.below(2)) if draw.chance(0.5) else draw.real(0.0, 1.0, 2) for _ in range(columns)]
        case _:
            return draw.reals(columns)


def training(draw: Draw, plan: Plan) -> tuple[dict[str, Any], int, int]:
    """The table of the training, the number of samples and that of epochs."""
    table: dict[str, Any] = {}
    # Batches of unequal size, or one batch.
    batch, samples = draw.among((2, 3), (2, 3), (3, 4), (3, 5), (2, 2), (1, 1))
    while (samples % batch and samples % batch < plan.least) or batch < plan.least:
        batch, samples = draw.among((3, 5), (2, 2), (3, 3))
    if not plan.form.size:
        batch = samples = 1
    epochs = draw.between(1, 2) if samples > batch else draw.between(2, 4)
    table["batch_size"] = batch if samples > batch else draw.among(0, batch)
    if draw.chance(0.25):
        table |= {"shuffle": draw.among("seeded", "seeded", "numpy-legacy"), "seed": draw.below(1000)}
    table = optimiser(draw, plan) | table
    if draw.chance(0.2):
        table["l2"] = draw.real(0.01, 0.2, 2)
        table["l2_half"] = draw.among(None, False)
    if draw.chance(0.12):
        table["l1"] = draw.real(0.01, 0.1, 2)
    if ("l1" in table or "l2" in table) and not plan.cut and draw.chance(0.3):
        table["penalise_biases"] = True
    if draw.chance(0.25):
        table[draw.among("clip_value", "clip_norm", "clip_norm")] = draw.among(0.02, 0.1, 0.5, 2.0)
    if table["optimizer"] != "rprop" and draw.chance(0.3):
        table["schedule"] = schedule(draw, epochs, epochs * -(-samples // batch))
    return table, samples, epochs


def optimiser(draw: Draw, plan: Plan) -> dict[str, Any]:
    """The optimiser with its options."""
    name = draw.among("sgd", "sgd", "sgd", *ADAPTIVE, *(() if plan.noisy else (*SIGNS, *SIGNS)))
    table: dict[str, Any] = {"optimizer": name, "learning_rate": draw.among(0.01, 0.03, 0.1)}
    # What is 0 but for rounding must not be divided by its own size.
    eps = draw.among(1e-2, 0.1) if plan.noisy else draw.among(None, 1e-6, 1e-4)
    match name:
        case "sgd":
            table["learning_rate"] = draw.among(0.03, 0.1, 0.3)
            if draw.chance(0.6):
                table["momentum"] = draw.real(0.3, 0.95, 2)
                way = draw.among("", "", "nesterov", "dampening", "averaged", "step")
                if way in {"averaged", "step"}:
                    table["momentum_form"] = way
                if way == "dampening":
                    table["dampening"] = draw.real(0.1, 0.9, 2)
                elif way == "nesterov" or (way and draw.chance(0.3)):
                    table["nesterov"] = True
        case "adagrad":
            table |= {"lr_decay": draw.among(None, 0.1), "initial_accumulator": draw.among(None, 0.2), "eps": eps}
        case "rmsprop":
            table |= {"alpha": draw.among(None, 0.9), "eps": eps, "momentum": draw.among(None, 0.5, 0.9)}
            # s − a² is a small difference of larger numbers.
            table |= {"centered": True, "eps": 1e-2} if draw.chance(0.3) else {}
        case "adadelta":
            table |= {"rho": draw.among(None, 0.7), "eps": eps, "learning_rate": draw.among(0.3, 1.0)}
        case "rprop":
            table |= {"etas": draw.among(None, [0.4, 1.3]), "step_sizes": draw.among(None, [0.02, 0.05])}
        case "lion":
            table |= {"betas": draw.among(None, [0.8, 0.95])}
        case _:
            table |= {"betas": draw.among(None, [0.8, 0.95], [0.5, 0.7]), "eps": eps}
            if name == "nadam":
                table["momentum_decay"] = draw.among(None, 0.05)
            if name in {"adam", "adamw"} and draw.chance(0.2):
                table["amsgrad"] = True
    if name in {"adagrad", "rmsprop"} and draw.chance(0.2):
        table["eps_inside"] = True
    if name != "rprop" and draw.chance(0.3):
        table["weight_decay"] = draw.real(0.01, 0.3, 2)
        table["decoupled"] = draw.among(None, True, False)
        table["decay_biases"] = draw.among(None, False)
    return table


def schedule(draw: Draw, epochs: int, iterations: int) -> dict[str, Any]:
    """The table of a schedule."""
    kind = draw.among("step", "exponential", "cosine", "warm_up", "one_cycle", "plateau")
    table: dict[str, Any] = {"kind": kind}
    unit = draw.among("iteration", "iteration", "epoch")
    if kind != "plateau":
        table["unit"] = unit
    units = iterations if unit == "iteration" else epochs
    if kind in {"step", "exponential", "cosine"} and draw.chance(0.3):
        table |= {"warm_up": draw.between(1, 2), "start_factor": draw.among(None, 0.25)}
    match kind:
        case "step":
            table["gamma"] = draw.among(None, 0.5)
            table |= {"every": draw.between(1, 2)} if draw.chance(0.5) else {"milestones": draw.among([1], [1, 3], [2])}
        case "exponential":
            table["gamma"] = draw.real(0.5, 0.95, 2)
        case "cosine":
            table |= {"end_factor": draw.among(None, 0.1), "period": draw.among(None, units + 1, 2 * units)}
        case "warm_up":
            table |= {"warm_up": draw.between(1, 4), "start_factor": draw.among(None, 0.1)}
        case "one_cycle":
            table |= {"cycle": units + draw.between(2, 5), "peak": draw.among(None, 0.5)}
            table |= {"div_factor": draw.among(None, 4.0), "final_div_factor": draw.among(None, 10.0)}
            table |= {"anneal": draw.among(None, "linear"), "three_phases": draw.among(None, None, True)}
        case "plateau":
            table |= {"factor": draw.among(None, 0.5), "patience": draw.among(0, 0, 1)}
            table |= {"threshold": draw.among(None, 0.5), "cooldown": draw.among(None, 1)}
            table |= {"min_factor": draw.among(None, 0.3)}
    return table
