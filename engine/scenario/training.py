"""The table ``[training]`` of a scenario file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from retrograde.engine.equations.optimisers import OPTIMISERS, OPTIONS
from retrograde.engine.layers.base import MAX_SEED, Model
from retrograde.engine.layers.late_model import late
from retrograde.engine.layers.options import with_options, words

if TYPE_CHECKING:
    from retrograde.engine.scenario.schedule_table import RateSchedule

    OptimizerName = str
else:
    RateSchedule = late("retrograde.engine.scenario", "schedule_table:RateSchedule")
    OptimizerName = words(OPTIMISERS)


class _Step(Model):
    optimizer: OptimizerName = Field(default="sgd", description="the update rule; sgd: w⁺ = w − η·∂E/∂w")
    learning_rate: float = Field(description="η; of any sign, with a warning where it is not positive")
    update: Literal["simultaneous", "in_place"] = Field(
        default="simultaneous",
        description="simultaneous: every gradient is computed with the old weights; in_place: a weight is updated"
        " as soon as its own gradient is known, so that gradients of earlier layers see the new one",
    )
    batch_size: int = Field(default=0, ge=0, description="samples in an iteration; 0: all of them")
    shuffle: Literal["none", "seeded", "numpy-legacy"] = Field(
        default="none",
        description="the order of the samples: as given, a new one each epoch, or that of NumPy's RandomState"
        " shuffling in place (orders compose)",
    )
    seed: int = Field(default=0, ge=0, le=MAX_SEED, description="seed of the shuffling")


def _owners(key: str) -> str:
    return ", ".join(row.name for row in OPTIMISERS.values() if key in row.options)


if TYPE_CHECKING:

    class _StepWithOptions(_Step):
        """The keys of every training, and a key for each row of ``OPTIONS``."""

        def __getattr__(self, key: str) -> Any: ...
else:
    _StepWithOptions = with_options(
        _Step, ((option, f"of {_owners(option.key)}: {option.text}") for option in OPTIONS.values())
    )


class Training(_StepWithOptions):
    """One training step, and which samples it sees."""

    l1: float = Field(default=0.0, ge=0, description="λ1: E has λ1·Σ|w| besides")
    l2: float = Field(default=0.0, ge=0, description="λ2: E has ½·λ2·Σw² besides; see l2_half")
    l2_half: bool = Field(
        default=True,
        description="true: the penalty is ½·λ2·Σw², with the gradient λ2·w; false: λ2·Σw², with 2·λ2·w, as in Keras",
    )
    penalise_biases: bool = Field(default=False, description="whether l1 and l2 count biases too")
    clip_value: float | None = Field(
        default=None, gt=0, description="c: every element of a gradient is cut to −c … c before the update"
    )
    clip_norm: float | None = Field(
        default=None,
        gt=0,
        description="c: all gradients are multiplied by min(1, c / (norm + 1e-6)), the norm being that of all of them"
        " together",
    )
    schedule: RateSchedule | None = Field(default=None, description="how the learning rate changes")
    memory: dict[str, Any] | None = Field(
        default=None,
        description="what the optimiser remembers before the first update, 0 if absent: `v = 0.5` for all parameters,"
        ' `"v(W_o)" = [[0.5]]` for those of an array, `"v(w5)" = 0.5` or `"v(W_o[1,2])" = 0.5` for one; `t = 3`: so'
        " many updates came before; of an array also the name of a tensor of"
        " network.weights_file. It is called as on the screen: "
        + "; ".join(f"{row.name}: {', '.join(row.remembers)}" for row in OPTIMISERS.values() if row.remembers),
    )

    def completed(self) -> Training:
        """The table with everything stated that a file may leave out."""
        defaults = OPTIMISERS[self.optimizer].options
        update: dict[str, Any] = {key: value for key, value in defaults.items() if getattr(self, key) is None}
        if self.schedule is not None:
            update["schedule"] = self.schedule.completed()
        return self.model_copy(update=update)
