"""The ailments of a training, one row each: what is wrong, from which limit on, who says so, and what to do.

These are facts alone, so that a scenario file may state limits of its own and the docs and the command line can name
the rules without the machinery that judges them; that is in ``explaining/detectors``, where a function says with
``judge_of`` which row it judges. The rows stand in the order of causes: what stands first explains what comes after it.

In the formulas E is the loss over all data, E0 that before the first update, g_ℓ the root mean square of the gradient
of the weights of layer ℓ, ‖g‖ the norm of all gradients, u_ℓ = rms(W⁺ − W) / rms(W). A * says that a rule only holds
while there is something left to learn, E > 0.1 · E0.
"""

from __future__ import annotations

from dataclasses import dataclass

from retrograde.engine.equations.options import Option
from retrograde.engine.text import N_


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A number of a rule that can be set.

    Attributes:
        key: its name: ``lr_large.once``.
        default: what it is without a setting.
        text: what it bounds.
        unit: what it is counted in; empty for a ratio.
        source: why it is what it is.
        least: the smallest value that makes sense.
        most: the largest.
    """

    key: str
    default: float
    text: str
    source: str
    unit: str = ""
    least: float | None = 0.0
    most: float | None = None

    @property
    def option(self) -> Option:
        """The limit as a key of a scenario file."""
        return Option(key=self.key, text=self.text, least=self.least, most=self.most)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ailment:
    """A rule.

    Attributes:
        name: its name in scenario files, on the command line and in records.
        title: what it finds, in a few words.
        formula: when it fires, exactly.
        limits: the numbers in it that can be set, the one that an alert names first.
        advice: what to do.
        note: whether it only remarks, and raises no alarm.
        risk: whether it only remarks where it has done no harm: E ends at 2 % of E0, or, of a moment of the run, at
            half of what it was then, in both cases measured by the best constant output where that is less.
    """

    name: str
    title: str
    formula: str
    limits: tuple[Limit, ...] = ()
    advice: str
    note: bool = False
    risk: bool = False

    def limit(self, key: str) -> Limit | None:
        """The limit with a name; None where there is none."""
        return next((limit for limit in self.limits if limit.key == key), None)


_MOMENTS = "observed moments in succession"


def _lasting(count: float, source: str) -> Limit:
    return Limit(key="moments", default=count, text=_MOMENTS, unit="moments", source=source, least=1.0)


AILMENTS: dict[str, Ailment] = {
    row.name: row
    for row in (
        Ailment(
            name="constant_output",
            title=N_("the output can not change"),
            formula="softmax over one unit: out = 1 (log_softmax: 0) and ∂out/∂net = 0 whatever the weights are",
            advice=N_("use a sigmoid for one output, or one softmax unit for each class"),
        ),
        Ailment(
            name="target_range",
            title=N_("targets out of reach"),
            formula="a target outside the range of the last activation",
            advice=N_("use the identity in the last layer, or scale the targets into its range"),
        ),
        Ailment(
            name="inputs_unscaled",
            title=N_("inputs are not scaled"),
            formula="max |x| > size and (std > spread, or the stds of two columns differ by more than ratio, or a"
            " column's |mean| > offset · std); not before an embedding or a normalisation",
            limits=(
                Limit(
                    key="size",
                    default=10.0,
                    text="max |x|",
                    source="σ and tanh are flat from |net| = 10 on",
                ),
                Limit(key="spread", default=3.0, text="std of all inputs", source="1 when standardised"),
                Limit(
                    key="ratio",
                    default=100.0,
                    text="largest std of a column / smallest",
                    source="the curvature goes with its square: LeCun et al. 1998, Efficient BackProp, 4.3",
                ),
                Limit(
                    key="offset",
                    default=10.0,
                    text="|mean| / std of a column",
                    source="means should be near 0: LeCun et al. 1998, Efficient BackProp, 4.3",
                ),
            ),
            advice=N_("standardise the inputs: data.standardise = true"),
            risk=True,
        ),
        Ailment(
            name="one_class",
            title=N_("all targets are equal"),
            formula="all targets of 3 samples or more are equal",
            advice=N_("look at the data: there is nothing to tell apart"),
        ),
        Ailment(
            name="imbalance",
            title=N_("one class is nearly all there is"),
            formula="one class has share or more of the samples",
            limits=(
                Limit(
                    key="share",
                    default=0.95,
                    text="share of the largest class",
                    source="saying it always is right 19 times of 20",
                    most=1.0,
                ),
            ),
            advice=N_("balance the samples, and judge by each class rather than by all together"),
            risk=True,
        ),
        Ailment(
            name="twins",
            title=N_("units that can not become different"),
            formula="two units of a hidden layer with bit-equal incoming weights and biases at the start and still at"
            " the end",
            advice=N_("draw the weights at random: leave weights out, or give network.init"),
            risk=True,
        ),
        Ailment(
            name="init_large",
            title=N_("initial weights too large"),
            formula="at the start rms(net) > sigmoid in a σ layer or > tanh in a tanh layer, or std(net) grows more"
            " than growth times over 3 layers or more",
            limits=(
                Limit(
                    key="sigmoid",
                    default=8.0,
                    text="rms(net) of σ",
                    source="the slope there is 0.13 % of its largest",
                ),
                Limit(
                    key="tanh", default=4.0, text="rms(net) of tanh", source="the slope there is 0.13 % of its largest"
                ),
                Limit(key="growth", default=50.0, text="std(net) last / first", source="He et al. 2015 keep it near 1"),
            ),
            advice=N_("draw the weights as Glorot (σ, tanh) or He (ReLU) do"),
            risk=True,
        ),
        Ailment(
            name="init_small",
            title=N_("initial weights too small"),
            formula="at the start std(net) of the last layer, over the product of the largest slopes before it, is"
            " below deep of the first's with 6 layers or more, below shallow of it with 3 to 5",
            limits=(
                Limit(
                    key="deep",
                    default=0.02,
                    text="std(net) last / first, 6 layers or more",
                    source="ten layers of √½ leave 3 %",
                    most=1.0,
                ),
                Limit(
                    key="shallow",
                    default=0.005,
                    text="std(net) last / first, 3 to 5 layers",
                    source="2 % alarmed on healthy networks of three layers",
                    most=1.0,
                ),
            ),
            advice=N_("draw the weights as Glorot (σ, tanh) or He (ReLU) do"),
            risk=True,
        ),
        Ailment(
            name="pair",
            title=N_("activation and loss do not go together"),
            formula="ReLU in the last layer, softmax with a squared or absolute error, or a loss after an activation"
            " that it does not go with, as binary_cross_entropy after the identity",
            advice=N_("classes: softmax with cross_entropy, or σ with binary_cross_entropy; numbers: the identity"),
            risk=True,
        ),
        Ailment(
            name="lr_curvature",
            title=N_("learning rate above 2 / λmax"),
            formula="η · λmax > limit (with momentum μ: > limit · (1 + μ)), λmax the largest eigenvalue of the Hessian"
            " of the iteration's E, and the update makes that E grow along its eigenvector as |1 − η·λmax| predicts,"
            " within agreement",
            limits=(
                Limit(
                    key="limit",
                    default=2.0,
                    text="η · λmax",
                    source="gradient descent on a parabola grows from there on: LeCun et al. 1998, 5.1",
                ),
                Limit(
                    key="agreement",
                    default=0.1,
                    text="|measured / predicted growth − 1|",
                    source="a parabola has 0; more says that E is none here",
                ),
            ),
            advice=N_("lower the learning rate below 2 / λmax"),
            risk=True,
        ),
        Ailment(
            name="lr_large",
            title=N_("learning rate too large"),
            formula="u > again in two observed moments after the first, u > first in the first (not of sgd), or u >"
            " once in one",
            limits=(
                Limit(
                    key="again",
                    default=1.0,
                    text="u in two observed moments",
                    source="1e-3 is healthy (Karpathy); at 0.5 three times as many healthy networks raise it",
                ),
                Limit(
                    key="first",
                    default=2.0,
                    text="u in the first moment, not of sgd",
                    source="nothing is left of the start; of Adam, whose later steps are small beside what the first"
                    " one made, only that tells; 30 healthy networks had 0.23 at most",
                ),
                Limit(key="once", default=10.0, text="u in one", source="an update of ten times the weights"),
            ),
            advice=N_("lower the learning rate"),
            risk=True,
        ),
        Ailment(
            name="lr_sign",
            title=N_("the updates climb"),
            formula="η < 0",
            advice=N_("make the learning rate positive"),
        ),
        Ailment(
            name="through_time_explodes",
            title=N_("the gradient grows through time"),
            formula="(‖∂E/∂out@1‖ / ‖∂E/∂out@T‖)^(1/(T−1)) > factor, T >= 5",
            limits=(
                Limit(
                    key="factor",
                    default=1.5,
                    text="growth of ‖∂E/∂out@t‖ per step back",
                    source="healthy recurrent networks have 0.7 to 1.2; Pascanu et al. 2013",
                ),
            ),
            advice=N_("set clip_norm, begin with smaller (orthogonal) recurrent weights, or use an lstm or gru"),
            risk=True,
        ),
        Ailment(
            name="exploding",
            title=N_("exploding gradient"),
            formula="‖g‖ > growth · max(1, ‖g‖ at the start), or g_1 > layers · g_last and g_1 > 1",
            limits=(
                Limit(
                    key="growth",
                    default=1e3,
                    text="‖g‖ / max(1, ‖g‖ at the start)",
                    source="a ratio, as an absolute bound depends on the scale of the loss",
                ),
                Limit(
                    key="layers",
                    default=1e3,
                    text="g of the first layer / of the last",
                    source="ten layers of a factor 2",
                ),
            ),
            advice=N_("set clip_norm, or begin with smaller weights"),
        ),
        Ailment(
            name="nonfinite",
            title=N_("numbers that are not finite"),
            formula="NaN or infinity in a gradient or in a new weight",
            advice=N_("lower the learning rate, or use a loss of logits"),
        ),
        Ailment(
            name="loss_nonfinite",
            title=N_("the loss is not finite, its gradient is"),
            formula="E is NaN or infinite though all gradients and new weights are finite",
            advice=N_("use a loss of logits: it has no logarithm of 0"),
        ),
        Ailment(
            name="diverging",
            title=N_("the loss diverges"),
            formula="E of an epoch > best · the best so far and > start · E of the first one, three epochs in a row",
            limits=(
                Limit(key="best", default=3.0, text="E / the best so far", source="a plain rise is noise"),
                Limit(key="start", default=1.5, text="E / E of the first epoch", source="worse than untrained"),
            ),
            advice=N_("lower the learning rate"),
        ),
        Ailment(
            name="cancelling",
            title=N_("the samples cancel"),
            formula="with an absolute error the gradients of the samples at the last weights, ‖Σ g_s‖ < agreement ·"
            " Σ ‖g_s‖ to the end, and E > 0.9 · E0, or 0.9 of that of the best constant output where that is less",
            limits=(
                Limit(
                    key="agreement",
                    default=0.05,
                    text="‖Σ g_s‖ / Σ ‖g_s‖",
                    source="slopes of ±1 cancel however wrong the outputs are",
                    most=1.0,
                ),
            ),
            advice=N_("use binary_cross_entropy (classes) or mean_squared_error, whose slopes grow with the error"),
        ),
        Ailment(
            name="dead_relu",
            title=N_("dead units"),
            formula="more than share of the units (channels) of a hidden layer have slope 0 for every sample",
            limits=(
                Limit(
                    key="share",
                    default=0.5,
                    text="share of a layer's units",
                    source="Amazon SageMaker Debugger, DeadRelu",
                    most=1.0,
                ),
            ),
            advice=N_("lower the learning rate, begin with larger biases, or use leaky_relu"),
            risk=True,
        ),
        Ailment(
            name="dead_output",
            title=N_("a dead output"),
            formula="an output unit has slope 0 for every sample, E > 0.1 · E0",
            advice=N_("use another activation in the last layer, or a lower learning rate"),
        ),
        Ailment(
            name="saturated",
            title=N_("saturated units"),
            formula="* share or more of the (unit, sample) pairs of a layer have a slope below slope of its largest"
            " (the last layer: while E > 0.5 · E0); or of the last layer below wrong of it, though off by more than"
            " half its range, with a squared or absolute error",
            limits=(
                Limit(
                    key="share",
                    default=0.5,
                    text="share of (unit, sample)",
                    source="half of a layer learns next to nothing",
                    most=1.0,
                ),
                Limit(
                    key="slope",
                    default=0.01,
                    text="slope / its largest",
                    source="ten layers of σ are lost in one: |net| > 5.99 of σ, 2.99 of tanh",
                    most=1.0,
                ),
                Limit(
                    key="wrong",
                    default=0.1,
                    text="slope / its largest, of wrong outputs",
                    source="Nielsen 2015, chapter 3: wrong, and hardly learning",
                    most=1.0,
                ),
            ),
            advice=N_("smaller weights or scaled inputs; in the last layer a cross-entropy, which undoes the slope"),
            risk=True,
        ),
        Ailment(
            name="vanishing",
            title=N_("vanishing gradient"),
            formula="* g of the first layer < ratio · the largest g of a later one, moments observed moments running",
            limits=(
                Limit(
                    key="ratio",
                    default=1e-3,
                    text="g of the first layer / largest later g",
                    source="a ratio, as 1e-7 misses plain cases; AutoTrainer 2021 has the same",
                    most=1.0,
                ),
                _lasting(3.0, "one small gradient is chance"),
            ),
            advice=N_("fewer layers, ReLU with He's weights, batch_norm, or layers that are added to their input"),
            risk=True,
        ),
        Ailment(
            name="through_time_forgets",
            title=N_("the gradient fades through time"),
            formula="* (‖∂E/∂out@1‖ / ‖∂E/∂out@T‖)^(1/(T−1)) < factor, T >= 5, moments observed moments running",
            limits=(
                Limit(
                    key="factor",
                    default=0.5,
                    text="growth of ‖∂E/∂out@t‖ per step back",
                    source="ten steps leave 0.1 %; Bengio et al. 1994",
                ),
                _lasting(3.0, "one small gradient is chance"),
            ),
            advice=N_("use an lstm or gru, or begin with orthogonal recurrent weights"),
            risk=True,
        ),
        Ailment(
            name="no_gradient",
            title=N_("no gradient"),
            formula="‖g‖ < norm, moments observed moments running, E > 0.05 · E0 and > 1e-6, and it is no minimum: E is"
            " that of a constant output, or no sample by itself has a gradient",
            limits=(
                Limit(
                    key="norm", default=1e-7, text="‖g‖", unit="of E per weight", source="SageMaker Debugger's bound"
                ),
                _lasting(3.0, "one small gradient is chance"),
            ),
            advice=N_("ask `retrograde why` about a weight: it names the factor that is 0"),
        ),
        Ailment(
            name="unchanged",
            title=N_("weights do not change"),
            formula="W⁺ = W bit for bit, moments observed moments running, E > 0.05 · E0, and it is no minimum, as of"
            " no_gradient",
            limits=(_lasting(4.0, "exact"),),
            advice=N_("the gradient is 0, η·g is below half a unit in the last place of w, or the weights are frozen"),
        ),
        Ailment(
            name="lr_small",
            title=N_("learning rate too small"),
            formula="* the largest u < update in share of the observed moments while ‖g‖ > 1e-7",
            limits=(
                Limit(
                    key="update",
                    default=1e-5,
                    text="largest u",
                    source="1e-3 is healthy (Karpathy); 100,000 updates move a weight once by its size",
                ),
                Limit(key="share", default=0.8, text="share of the observed moments", source="lasting", most=1.0),
            ),
            advice=N_("raise the learning rate"),
        ),
        Ailment(
            name="overfitting",
            title=N_("overfitting"),
            formula="E of the held-out samples at the end > ratio · its smallest value, which is of an earlier moment,"
            " while E of the training samples has fallen since to less than fallen of what it was",
            limits=(
                Limit(key="ratio", default=1.3, text="E_held_out / its smallest", source="more than noise"),
                Limit(
                    key="fallen",
                    default=0.8,
                    text="E now / E at that moment",
                    source="the training goes on to learn what does not carry over",
                    most=1.0,
                ),
            ),
            advice=N_("stop at the smallest E_held_out; more data, fewer units, weight decay or dropout"),
        ),
        Ailment(
            name="oscillating",
            title=N_("the loss swings"),
            formula="over 10 epochs signs or more of the changes of E change sign, median |ΔE| > swing · mean E > 0.1"
            " · E0, and the window makes no progress",
            limits=(
                Limit(
                    key="signs",
                    default=0.7,
                    text="share of changes that change sign",
                    source="chance has 2/3",
                    most=1.0,
                ),
                Limit(
                    key="swing",
                    default=0.25,
                    text="median |ΔE| / mean E",
                    source="mini-batch noise stays below, and a single spike does not count: with means 4 of 73 healthy"
                    " networks alarmed, with medians none",
                ),
            ),
            advice=N_("halve the learning rate, or use larger batches"),
            risk=True,
        ),
        Ailment(
            name="stuck",
            title=N_("no progress"),
            formula="mean E of 10 epochs > progress · that of the 10 before (and < that / progress¹⁰), and > floor ·"
            " E0",
            limits=(
                Limit(
                    key="progress",
                    default=0.995,
                    text="mean E of 10 epochs / of the 10 before",
                    source="half a percent in ten epochs",
                    most=1.0,
                ),
                Limit(key="floor", default=0.3, text="E / E0", source="as good as untrained"),
            ),
            advice=N_("wait, if it is a plateau; else look at the gradient with `retrograde flow`"),
            note=True,
        ),
        Ailment(
            name="same_output",
            title=N_("the same output for every sample"),
            formula="after 10 epochs, and to the end, the outputs over the data differ by less than range of what the"
            " targets do, E > 0.1 · E0",
            limits=(
                Limit(
                    key="range",
                    default=1e-3,
                    text="range of the outputs / of the targets",
                    source="the network does not look at its inputs",
                ),
            ),
            advice=N_("look at what stands above it: this is a consequence"),
        ),
        Ailment(
            name="class_ignored",
            title=N_("a class is never predicted"),
            formula="a class that occurs is predicted for no sample, after 10 epochs, E > 0.1 · E0",
            advice=N_("train longer, balance the classes; compare E with ln K"),
        ),
        Ailment(
            name="start_loss",
            title=N_("the loss at the start is not what chance has"),
            formula="E0 > ratio · the E of the best constant output: the entropy of the classes, the variance of"
            " numbers",
            limits=(
                Limit(
                    key="ratio",
                    default=3.0,
                    text="E0 / E of the best constant",
                    source="ln K of K classes (Karpathy 2019, A Recipe for Training Neural Networks)",
                ),
            ),
            advice=N_(
                "smaller weights in the last layer, and its biases so that it begins with the mean of the targets"
            ),
            note=True,
        ),
    )
}
"""The rules by name, in the order of causes."""
