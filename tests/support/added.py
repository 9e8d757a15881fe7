"""Made-up rows of the tables of kinds, one of each table, and a scenario that uses each.

Each function enters its row, in an interpreter of its own and before a scenario is read for the first time: what a
file may say is made of the tables when the models of a file are loaded. Nothing else is told of the row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """A made-up row.

    Attributes:
        name: its name.
        near: what someone might write instead.
        text: a scenario with it.
        key: the place in the scenario where its name stands.
        option: a key that came with it, and its default.
        elsewhere: a scenario in which that key stands beside another row of the table.
        shown: what is written of it: in the reference of scenario files.
        template: whether ``retrograde new`` lists its name.
        symbol: the name of a value that it makes, and how the screen writes it.
    """

    name: str
    near: str
    text: str
    key: str
    option: tuple[str, object] | None = None
    elsewhere: str = ""
    shown: str
    template: bool = True
    symbol: tuple[str, str]


def scenario(
    *, activation: str = "tanh", layer: str = "", loss: str = "mean_squared_error", training: str = 'optimizer = "sgd"'
) -> str:
    """A small network with one made-up kind in it."""
    return f"""\
format = 1
title = {{ en = "Made up" }}
[network]
inputs = 2
seed = 5
[[network.layers]]
units = 3
activation = "{activation}"
{layer}
[[network.layers]]
units = 2
activation = "identity"
[data]
inputs = [[0.5, -1.0], [0.25, 2.0], [-1.5, 0.75], [1.0, 1.0]]
targets = [[1.0, 0.5], [0.0, -0.5], [0.25, 1.0], [-1.0, 0.0]]
[loss]
kind = "{loss}"
[training]
learning_rate = 0.1
batch_size = 2
{training}
[stop]
epochs = 4
"""


def activation() -> Added:
    """Enters y = x + c·sin(x)."""
    from retrograde.engine.equations.activation_table import ACTIVATIONS, Elementwise
    from retrograde.engine.equations.expression import ONE, Call, Product, Sum
    from retrograde.engine.equations.functions import COS, SIN
    from retrograde.engine.equations.options import Option

    ACTIVATIONS["wavy_line"] = Elementwise(
        name="wavy_line",
        symbol="wavy",
        formula="x + c · sin(x)",
        value=lambda x, c: Sum((x, Product((c, Call(SIN, x))))),
        slope=lambda x, _y, c: Sum((ONE, Product((c, Call(COS, x))))),
        parameter=Option(key="crest", text="how high its waves are", above=0),
        default=0.5,
    )
    return Added(
        name="wavy_line",
        near="wavy_lin",
        text=scenario(activation="wavy_line"),
        key="network.layers[1].activation",
        option=("crest", 0.5),
        elsewhere=scenario(layer="crest = 0.5"),
        shown="| `wavy_line` | x + c · sin(x) |",
        symbol=("slope(h2)", "wavy′(net_h2)"),
    )


def loss() -> Added:
    """Enters ¼ (y − t)⁴ · κ."""
    from retrograde.engine.equations.expression import Const, Expr, Product, Sub
    from retrograde.engine.equations.losses import LOSSES, TermwiseLoss
    from retrograde.engine.equations.options import Option

    def power(y: Expr, t: Expr, count: int) -> tuple[Expr, ...]:
        return (Sub(y, t),) * count

    LOSSES["quartic_error"] = TermwiseLoss(
        name="quartic_error",
        title="quartic error",
        formula="¼ κ (y − t)⁴",
        value=lambda y, t, s: Product((Const(0.25, "¼"), Const(s["kappa"]), *power(y, t, 4))),
        slope=lambda y, t, s: Product((Const(s["kappa"]), *power(y, t, 3))),
        over_outputs="mean",
        over_batch="sum",
        options=(Option(key="kappa", text="κ", above=0),),
        defaults={"kappa": 2.0},
    )
    return Added(
        name="quartic_error",
        near="quartic_eror",
        text=scenario(loss="quartic_error"),
        key="loss.kind",
        option=("kappa", 2.0),
        elsewhere=scenario(loss='mean_squared_error"\nkappa = 2.0 # "'),
        shown="| `quartic_error` | ¼ κ (y − t)⁴ | mean over outputs, sum over the batch |",
        symbol=("E_o1", "E_o1"),
    )


def optimiser() -> Added:
    """Enters w⁺ = w − η·π·g / (1 + |m⁺|), m⁺ = π·m + g."""
    from retrograde.engine.equations.array import Array
    from retrograde.engine.equations.expression import ONE, Call, Div, Product, Sub, Sum
    from retrograde.engine.equations.functions import ABS
    from retrograde.engine.equations.optimisers import OPTIMISERS, OPTIONS, Optimiser
    from retrograde.engine.equations.options import Option

    OPTIONS["patience_share"] = Option(
        key="patience_share", text="π: how patient the walk is", sign="π", least=0, below=1
    )
    OPTIMISERS["careful_walk"] = Optimiser(
        name="careful_walk",
        title="Careful walk",
        formula="m⁺ = π·m + g; w⁺ = w − η·g / (1 + |m⁺|)",
        options={"patience_share": 0.75},
        state=1,
        made=1,
        source="made up",
    )

    from retrograde.engine.ops.pointwise import Rule
    from retrograde.engine.ops.update.appending import Updates, steps_of

    memory = Rule(name="memory", title="memory", why="What came.", value=lambda m, p, g: Sum((Product((p, m)), g)))
    walk = Rule(
        name="walk",
        title="update",
        why="A careful step.",
        value=lambda w, rate, g, m: Sub(w, Div(Product((rate, g)), Sum((ONE, Call(ABS, m))))),
    )

    @steps_of("careful_walk")
    def careful_walk(updates: Updates, parameter: Array, slope: Array) -> Array:
        old = updates.memory("m", parameter)
        new = updates.renew(old, memory, old, updates.option("patience_share"), slope)
        return updates.replace(parameter, walk, parameter, updates.rate, slope, new)

    return Added(
        name="careful_walk",
        near="careful_wlak",
        text=scenario(training='optimizer = "careful_walk"'),
        key="training.optimizer",
        option=("patience_share", 0.75),
        elsewhere=scenario(training="patience_share = 0.75"),
        shown="| `careful_walk` | m⁺ = π·m + g; w⁺ = w − η·g / (1 + \\|m⁺\\|) | made up |",
        symbol=("patience_share", "π"),
    )


def schedule() -> Added:
    """Enters a rate that falls from tooth to tooth."""
    from retrograde.engine.equations.options import Option
    from retrograde.engine.equations.rate_schedules import KEYS, SCHEDULES, Schedule

    KEYS["teeth"] = Option(key="teeth", kind="whole", text="of saw_blade: how many rates it has; 3 if absent", least=1)
    SCHEDULES["saw_blade"] = Schedule(
        name="saw_blade",
        text="down a tooth and up again",
        formula="1 − (t mod teeth) / teeth",
        keys={"unit": "iteration", "teeth": 3},
        factor=lambda keys, t, _whole: 1.0 - (t % keys["teeth"]) / keys["teeth"],
    )
    return Added(
        name="saw_blade",
        near="saw_blades",
        text=scenario(training='schedule = { kind = "saw_blade" }'),
        key="training.schedule.kind",
        option=("teeth", 3),
        elsewhere=scenario(training='schedule = { kind = "cosine", teeth = 3 }'),
        shown="saw_blade: down a tooth and up again",
        symbol=("lr_now", "η_t"),
    )


def layer() -> Added:
    """Enters a layer that hands on x·|x|."""
    from pydantic import Field

    from retrograde.engine.equations.array import Array, Extent, Phase, Role
    from retrograde.engine.equations.expression import Call, Product
    from retrograde.engine.equations.functions import ABS
    from retrograde.engine.layers.base import Form, Forward, Layer, Value
    from retrograde.engine.layers.table import KINDS

    class SignedSquareLayer(Layer):
        """Hands on x·|x|."""

        kind: Literal["signed_square"] = Field(description="the kind of layer")

        def form(self, sources: Sequence[Form]) -> Form:
            return sources[0]

        def build(self, forward: Forward, sources: Sequence[Value]) -> Value:
            from retrograde.engine.ops.pointwise import Operand, Pointwise, Rule

            rule = Rule(name="square", title="square", why="A square.", value=lambda x: Product((x, Call(ABS, x))))

            def squared(x: Array, time: int | None) -> Array:
                return forward.append(
                    Pointwise(
                        target=forward.made("out", x.element_shape, role=Role.OUT, time=time),
                        phase=Phase.FORWARD,
                        layer=self.name,
                        extent=Extent.SAMPLE,
                        rule=rule,
                        operands=(Operand(x),),
                    )
                )

            return forward.each(sources[0], squared)

    KINDS["signed_square"] = SignedSquareLayer
    return Added(
        name="signed_square",
        near="signed_sqare",
        text=scenario(layer='[[network.layers]]\nkind = "signed_square"'),
        key="network.layers[2].kind",
        shown="### `signed_square`\n\nHands on x·|x|.",
        template=False,
        symbol=("out_h2.1", "out_h2.1"),
    )


KINDS: Mapping[str, Callable[[], Added]] = {
    "activation": activation,
    "loss": loss,
    "optimiser": optimiser,
    "schedule": schedule,
    "layer": layer,
}
"""By what is added: enters the row."""
