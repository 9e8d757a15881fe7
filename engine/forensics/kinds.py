"""The kinds of deviation: conventions on which sources differ, and slips that people make; a row each.

Bits are what a deviation costs: how surprised one would be to meet it. A set is believed where it costs less than the
figures that it explains.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from retrograde.engine.text import N_


class Kind(NamedTuple):
    """A kind of deviation.

    Attributes:
        text: what is done, with ``{where}`` for where; each of ``where`` and ``what`` is a name that a query takes.
        short: the same in a word or two, behind the name of a scenario.
        bits: what it costs.
        all: what is done where that is everywhere; empty where that is no deviation of its own.
        short_all: the same in a word or two.
    """

    text: str
    short: str
    bits: float
    all: str = ""
    short_all: str = ""


KINDS: Mapping[str, Kind] = {
    "in place": Kind(
        N_("the hidden error goes through the weights that are already updated"), N_("updated weights"), 2
    ),
    "out of place": Kind(
        N_("the hidden error goes through the weights from before the update"), N_("weights from before"), 2
    ),
    "no half": Kind(N_("E and its slope are twice as large: without ½"), N_("without ½"), 2),
    "half": Kind(N_("E and its slope are half as large: with ½"), N_("with ½"), 2),
    "E twice": Kind(N_("E is twice as large, its slope is not"), N_("E twice"), 3),
    "E half": Kind(N_("E is half as large, its slope is not"), N_("E half"), 3),
    "slope twice as large": Kind(N_("the slope of E is twice as large, E is not"), N_("slope twice"), 3),
    "slope half as large": Kind(N_("the slope of E is half as large, E is not"), N_("slope half"), 3),
    "mean of outputs": Kind(N_("E is a mean over the outputs, not their sum"), N_("mean over outputs"), 2),
    "sum of outputs": Kind(N_("E is a sum over the outputs, not their mean"), N_("sum over outputs"), 2),
    "mean of samples": Kind(N_("E is a mean over the samples, not their sum"), N_("mean over samples"), 2),
    "sum of samples": Kind(N_("E is a sum over the samples, not their mean"), N_("sum over samples"), 2),
    "mean gradient": Kind(N_("the gradient in the update is divided by the number of samples"), N_("mean gradient"), 3),
    "summed gradient": Kind(
        N_("the gradient in the update is multiplied by the number of samples"), N_("summed gradient"), 3
    ),
    "mean of shares": Kind(N_("the gradients by parameters are means over the samples"), N_("mean gradients"), 3),
    "sum of shares": Kind(
        N_("the gradients by parameters are multiplied by the number of samples"), N_("summed gradients"), 3
    ),
    "mean of shares of biases": Kind(
        N_("the gradient by the biases is a mean over the samples"), N_("mean gradient of biases"), 4
    ),
    "base": Kind(N_("E is with the logarithm to base {where}"), N_("log {where}"), 3),
    "one sample": Kind(N_("the gradients are those of sample {where} alone"), N_("sample {where} alone"), 4),
    "no bias": Kind(
        N_("layer {where} has no bias"), N_("no bias in {where}"), 3, N_("no layer has a bias"), N_("no bias")
    ),
    "bias trained": Kind(
        N_("the bias of layer {where} is trained"),
        N_("bias of {where} trained"),
        3,
        N_("the biases are trained"),
        N_("biases trained"),
    ),
    "bias kept": Kind(
        N_("the bias of layer {where} is not trained"),
        N_("bias of {where} kept"),
        3,
        N_("the biases are not trained"),
        N_("biases kept"),
    ),
    "bias shared": Kind(
        N_("the neurons of layer {where} share one bias, which is trained"), N_("one bias in {where}"), 4
    ),
    "no rate": Kind(N_("η is left out of the update"), N_("without η"), 3),
    "ascent": Kind(N_("the sign of the update: a step up the gradient"), N_("up the gradient"), 3),
    "no rate of biases": Kind(N_("η is left out of the update of the biases"), N_("biases without η"), 4),
    "ascent of biases": Kind(
        N_("the sign of the update of the biases: a step up the gradient"), N_("biases up the gradient"), 4
    ),
    "other rate": Kind(N_("η is {where} times what is stated"), N_("{where} · η"), 4),
    "no decay": Kind(N_("weight decay is left out"), N_("no decay"), 3),
    "no decay of biases": Kind(N_("weight decay does not draw the biases"), N_("no decay of biases"), 3),
    "decay turned": Kind(N_("weight decay has the other sign"), N_("decay turned"), 4),
    "no momentum": Kind(N_("there is no momentum"), N_("no momentum"), 3),
    "averaged": Kind(
        N_("the velocity is a running average: the gradient counts as 1 − μ of itself"), N_("averaged velocity"), 3
    ),
    "look ahead": Kind(N_("the step looks ahead, as Nesterov's momentum does"), N_("Nesterov"), 3),
    "no look ahead": Kind(N_("the step does not look ahead, as Nesterov's momentum does"), N_("not Nesterov"), 3),
    "betas swapped": Kind(N_("β1 and β2 are swapped"), N_("β1 for β2"), 4),
    "no correction": Kind(N_("the running averages are not corrected for their start at 0"), N_("no correction"), 3),
    "no root": Kind(N_("the square root in the update is left out"), N_("no root"), 4),
    "ε in the root": Kind(N_("ε is added below the root, not beside it"), N_("ε in the root"), 3),
    "ε beside the root": Kind(N_("ε is added beside the root, not below it"), N_("ε beside the root"), 3),
    "error turned": Kind(N_("the error is t − o where o − t belongs"), N_("t − o"), 3),
    "no slope": Kind(
        N_("the slope of the activation is left out in layer {where}"),
        N_("no slope in {where}"),
        3,
        N_("the slope of the activation is left out in every layer"),
        N_("no slope"),
    ),
    "slope squared": Kind(
        N_("the slope of the activation counts twice in layer {where}"), N_("slope of {where} squared"), 5
    ),
    "raw error": Kind(N_("{where}: without the slope that belongs into its delta"), N_("{where} without its slope"), 3),
    "out of net": Kind(N_("{where}: from an input where the output belongs"), N_("{where}"), 4),
    "net of out": Kind(N_("{where}: from an output where the input belongs"), N_("{where}"), 5),
    "slope of out": Kind(
        N_("the slope of layer {where}: of the activation taken twice"), N_("slope of {where} taken twice"), 5
    ),
    "activation": Kind(N_("the activation is another one: {where}"), N_("{where}"), 4),
    "turned forward": Kind(
        N_("the weights {where} are read column by column, forward"),
        N_("{where} transposed forward"),
        3,
        N_("all weights are read column by column, forward"),
        N_("transposed forward"),
    ),
    "turned backward": Kind(
        N_("the weights {where} are read column by column, backward"),
        N_("{where} transposed backward"),
        4,
        N_("all weights are read column by column, backward"),
        N_("transposed backward"),
    ),
    "turned": Kind(N_("the weights {where} are read column by column (transposed)"), N_("{where} transposed"), 3),
    "no weights": Kind(N_("{where}: without the weights"), N_("{where} without weights"), 4),
    "out for weight": Kind(N_("{where}: the output where the weight belongs"), N_("{where}: output for weight"), 5),
    "one path": Kind(N_("one path only: {where}"), N_("{where} only"), 4),
    "not this path": Kind(N_("a path is left out: {where}"), N_("without {where}"), 4),
    "not through time": Kind(N_("no gradient goes back from one time step to the one before"), N_("not in time"), 3),
    "state of the step": Kind(
        N_("the gradient by recurrent weights is with the state of the same time step, not of the one before"),
        N_("state of the same step"),
        4,
    ),
    "handed on": Kind(
        N_("{where} is handed on each time that a part arrives, with all before it"),
        N_("{where} handed on each time"),
        4,
    ),
    "factor left out": Kind(N_("{where} is left out"), N_("without {where}"), 5),
    "factor once": Kind(N_("{where} counts once, not squared"), N_("{where} once"), 4),
    "sign left out": Kind(N_("the sign of {where} is left out"), N_("no sign, {where}"), 4),
    "divisor left out": Kind(N_("{where}: not divided"), N_("not divided, {where}"), 5),
    "term left out": Kind(N_("{where} is left out"), N_("without {where}"), 5),
    "doubled": Kind(N_("{where} counts twice"), N_("{where} twice"), 6),
    "halved": Kind(N_("{where} counts half"), N_("{where} half"), 6),
    "negated": Kind(N_("{where} has the other sign"), N_("{where} negated"), 6),
    "printed": Kind(N_("printed figures are carried on as printed"), N_("as printed"), 2),
    "outputs": Kind(N_("outputs are rounded to {where} decimals"), N_("outputs to {where} decimals"), 3),
    "outputs, printed": Kind(
        N_("outputs are rounded to {where} decimals, printed figures carried on"),
        N_("outputs to {where} decimals, as printed"),
        4,
    ),
    "decimals": Kind(N_("everything is rounded to {where} decimals"), N_("to {where} decimals"), 3),
    "significant": Kind(N_("everything is rounded to {where} significant digits"), N_("to {where} digits"), 4),
    "cut": Kind(N_("everything is cut off after {where} decimals"), N_("cut after {where} decimals"), 4),
    "one less": Kind(N_("trained figures are those of one update less"), N_("one update less"), 3),
    "one more": Kind(N_("trained figures are those of one update more"), N_("one update more"), 3),
}
"""THE table of kinds; rules, in ``rules``, say where one is possible."""
