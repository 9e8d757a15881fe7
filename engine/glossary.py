"""What words mean: the terms of both languages, the kinds of layer, the words of formulas, what arrays are.

`docs/glossary.md` has the same terms, which a test holds; `:help WORD` shows them in the language in use.
"""

from __future__ import annotations

from typing import NamedTuple

from retrograde.engine.equations.array import Role
from retrograde.engine.text import N_


class GlossaryTerm(NamedTuple):
    """A term.

    Attributes:
        english: it in English.
        chinese: it in Chinese; where there are two, either.
        meaning: what it is, a message.
    """

    english: str
    chinese: str
    meaning: str


TERMS = (
    GlossaryTerm("backpropagation", "反向传播", N_("from E back to every value that it depends on")),
    GlossaryTerm("chain rule", "链式法则", N_("the product of the slopes along a way")),
    GlossaryTerm("gradient", "梯度", N_("how much E changes with a value")),
    GlossaryTerm("derivative", "导数", N_("the same of any function")),
    GlossaryTerm("vanishing gradient", "梯度消失", N_("too little of it arrives at the first layers")),
    GlossaryTerm("exploding gradient", "梯度爆炸", N_("each layer makes it larger")),
    GlossaryTerm("learning rate", "学习率", N_("η: how far an update goes")),
    GlossaryTerm("loss", "损失", N_("E: how wrong the network is")),
    GlossaryTerm("cross-entropy", "交叉熵", N_("the loss of probabilities")),
    GlossaryTerm("penalty", "惩罚", N_("what large parameters cost, a part of E")),
    GlossaryTerm("weight decay", "权重衰减", N_("parameters shrink by themselves")),
    GlossaryTerm("optimiser", "优化器", N_("the rule that makes updates of gradients")),
    GlossaryTerm("momentum", "动量", N_("what is left of earlier steps")),
    GlossaryTerm("schedule", "调度", N_("how the learning rate changes")),
    GlossaryTerm("update", "更新", N_("the new values of the parameters")),
    GlossaryTerm("overfitting", "过拟合", N_("better on the training data alone")),
    GlossaryTerm("accuracy", "准确率", N_("the share that is classified rightly")),
    GlossaryTerm("layer", "层", N_("neurons that are computed together")),
    GlossaryTerm("neuron", "神经元", N_("a weighted sum and its activation")),
    GlossaryTerm("weight", "权重、加权", N_("what an input is multiplied by")),
    GlossaryTerm("bias", "偏置", N_("what is added to the sum")),
    GlossaryTerm("parameter", "参数", N_("a weight or a bias")),
    GlossaryTerm("net input", "净输入", N_("the weighted sum, before the activation")),
    GlossaryTerm("activation", "激活", N_("the function of the net input")),
    GlossaryTerm("slope", "斜率", N_("σ′: the derivative of the activation")),
    GlossaryTerm("saturated", "饱和", N_("far out, where the slope is small")),
    GlossaryTerm("channel", "通道", N_("a map of a convolution")),
    GlossaryTerm("kernel", "卷积核", N_("the weights of a window")),
    GlossaryTerm("stride", "步幅", N_("how far a window moves")),
    GlossaryTerm("padding", "填充", N_("values around the input")),
    GlossaryTerm("pooling", "池化", N_("one value of a window")),
    GlossaryTerm("attention", "注意力", N_("a mixture of values by how well keys fit queries")),
    GlossaryTerm("embedding", "嵌入", N_("a vector for a symbol")),
    GlossaryTerm("gate", "门", N_("what lets a share through")),
    GlossaryTerm("mask", "掩码", N_("what is left out")),
    GlossaryTerm("dropout", "随机失活", N_("a mask that is drawn")),
    GlossaryTerm("epoch", "轮", N_("all samples once")),
    GlossaryTerm("iteration", "迭代", N_("one batch: forward, loss, backward, update")),
    GlossaryTerm("time step", "时间步", N_("a place of a sequence")),
    GlossaryTerm("sample", "样本", N_("a row of the data")),
    GlossaryTerm("batch", "批", N_("the samples of an iteration")),
    GlossaryTerm("target", "目标、终点", N_("what an output should be")),
    GlossaryTerm("held-out", "留出", N_("kept from the training, to be judged by")),
    GlossaryTerm("scenario", "场景", N_("a network, its data and its training, in one file")),
    GlossaryTerm("variant", "变体", N_("the same with another training")),
    GlossaryTerm("breakpoint", "断点", N_("where a run stops")),
    GlossaryTerm("watch", "监视", N_("an expression whose value is shown")),
    GlossaryTerm("branch", "分支", N_("what became of the run after an edit")),
    GlossaryTerm("checkpoint", "检查点", N_("a state that is kept, from which others are replayed")),
    GlossaryTerm("timeline", "时间线", N_("the steps, in order")),
    GlossaryTerm("cursor", "游标", N_("the moment that is shown")),
    GlossaryTerm("mark", "标记、标出", N_("a letter for a moment")),
    GlossaryTerm("session", "会话", N_("runs, branches and breakpoints, which are saved")),
    GlossaryTerm("formula", "公式", N_("what breakpoints, watches and queries are written in")),
    GlossaryTerm("finite difference", "有限差分", N_("a gradient measured by trying")),
    GlossaryTerm("biography", "履历", N_("what moved a weight")),
    GlossaryTerm("published", "公布", N_("printed in a source")),
)
"""The terms, in the order of the page."""

KIND_MEANINGS = {
    "dense": N_("net = W·x + b, out = activation(net): every neuron reads all inputs"),
    "add": N_("net = x₁ + x₂ + …: the sum of several layers, a residual connection"),
    "multiply": N_("net = x₁ · x₂ · …: the product of several layers, a gate"),
    "subtract": N_("net = x₁ − x₂: the difference of two layers"),
    "divide": N_("net = x₁ / x₂: the quotient of two layers"),
    "concatenate": N_("several layers side by side along an axis"),
    "slice": N_("a part of an array along an axis"),
    "mean": N_("the mean along some axes"),
    "sum": N_("the sum along some axes"),
    "activation": N_("an activation function of each value; softmax runs over the last axis"),
    "flatten": N_("all values of a sample as one row"),
    "reshape": N_("the same values in an array of another shape"),
    "permute": N_("the axes in another order"),
    "transpose": N_("two axes change places"),
    "graph": N_("a free graph of scalars: each assignment is a value that later ones may read"),
    "batch_norm": N_("x̂ = (x − μ) / √(σ² + ε), out = γ · x̂ + β, with the mean and variance of the batch"),
    "dropout": N_("out = x · mask / (1 − rate), with a new mask in each iteration"),
    "conv": N_("net = Σ W · patch + b: a kernel slides over the input"),
    "conv_transpose": N_("every input lays the kernel down, scaled; the output is larger"),
    "max_pool": N_("the largest value of each window; only that one gets a gradient"),
    "average_pool": N_("the mean of each window"),
    "global_average_pool": N_("the mean of each channel, as one row"),
    "upsample": N_("each value is repeated along the axes, or values are mixed linearly"),
    "linear": N_("net = W·x + b along the last axis, at every position"),
    "embedding": N_("out = W[index]: a vector for each symbol"),
    "position": N_("the position of each vector, added to it"),
    "attention": N_("out = Wo · concat(softmax(q·kᵀ / √d) · v) + bo, with several heads"),
    "layer_norm": N_("x̂ = (x − μ) / √(σ² + ε) over the last axis, out = γ · x̂ + β"),
    "rms_norm": N_("x̂ = x / √(mean(x²) + ε), out = γ · x̂"),
    "group_norm": N_("x̂ = (x − μ) / √(σ² + ε) over groups of channels, out = γ · x̂ + β"),
    "instance_norm": N_("x̂ = (x − μ) / √(σ² + ε) over each channel, out = γ · x̂ + β"),
    "prelu": N_("out = x for x > 0, else a · x, with a slope a that is learned"),
    "rnn": N_("h_t = tanh(W·x_t + b + U·h_{t−1} + b′): a simple recurrent layer"),
    "gru": N_("a gated recurrent unit, with the gates r and z, and n"),
    "lstm": N_("long short-term memory, with the gates i, f and o, and the cell c"),
    "cell": N_("the cell c of the LSTM before it"),
}
"""What a kind of layer computes, by its word."""

WORD_MEANINGS = {
    "grad": N_("grad(w5): ∂E/∂w5, how much E changes with it"),
    "delta": N_("delta(h1): δ_h1 = ∂E/∂net_h1, how much E changes with the net input"),
    "slope": N_("slope(h1): σ′, the derivative of the activation at its net input"),
    "new": N_("new(w5): its value after the update of this iteration"),
    "prev": N_("prev(E): the value in the iteration before"),
    "min": N_("the smallest of several values"),
    "max": N_("the largest of several values"),
    "mean": N_("the mean of several values"),
    "norm": N_("norm(W_h): the square root of the sum of squares"),
    "any": N_("whether it is true of any element"),
    "all": N_("whether it is true of all elements; as a query, every moment at which it is"),
    "count": N_("how many elements it is true of; as a query, at how many moments"),
    "sum": N_("the sum of several values"),
    "abs": N_("the value without its sign"),
    "sign": N_("−1, 0 or 1"),
    "isnan": N_("whether it is not a number"),
    "isinf": N_("whether it is infinite"),
    "sqrt": N_("the square root"),
    "first": N_("first E < 0.01: the first moment of the run at which it is true"),
    "last": N_("the last moment of the run at which it is true"),
    "epoch": N_("the number of the epoch, from 1"),
    "iteration": N_("the number of the iteration in its epoch, from 1"),
    "sample": N_("the number of the sample in its batch, from 1"),
    "step": N_("the number of the step in its iteration, from 1"),
    "phase": N_("forward, loss, backward or update"),
    "E_epoch": N_("the mean of E over an epoch, known at its end"),
    "E_data": N_("E over all samples, known at the end of an epoch"),
    "E_held_out": N_("E over the held-out samples, known at the end of an epoch"),
    "accuracy": N_("the share that is classified rightly, known at the end of an epoch"),
    "changes": N_("w5 changes: stops at every new value"),
    "crosses": N_("E crosses 0.1: stops where it comes from one side to the other"),
}
"""What a word of formulas, breakpoints and queries means."""

ROLE_MEANINGS = {
    Role.INPUT: N_("an input: a number of the data"),
    Role.TARGET: N_("a target: what an output should be"),
    Role.WEIGHT: N_("a weight: what an input is multiplied by"),
    Role.BIAS: N_("a bias: what is added to the sum"),
    Role.RATE: N_("the learning rate: how far an update goes"),
    Role.NET: N_("a net input: the weighted sum, before the activation"),
    Role.OUT: N_("an output: the activation of the net input"),
    Role.MAXIMUM: N_("the largest net input, subtracted before softmax"),
    Role.EXPONENTIAL: N_("an exponential of softmax"),
    Role.NORMALISER: N_("the sum of the exponentials of softmax"),
    Role.LOSS: N_("a part of the loss: how wrong one output is"),
    Role.TOTAL: N_("E, the loss: how wrong the network is"),
    Role.SLOPE: N_("a slope: the derivative of the activation"),
    Role.GRADIENT: N_("a gradient: how much E changes with the value"),
    Role.UPDATED: N_("a new parameter: its value after the update"),
    Role.VALUE: N_("a value in between"),
    Role.HYPER: N_("a number of the training"),
    Role.MASK: N_("a mask: what is left out, and how the rest is scaled"),
    Role.MEMORY: N_("what the optimiser remembers of earlier updates"),
}
"""What an array is, by its role."""
