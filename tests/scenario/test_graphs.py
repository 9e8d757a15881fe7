"""Mistakes in layers with several inputs, in edges, in graphs of scalars and in several losses: each is named."""

from __future__ import annotations

import pytest

from retrograde.engine import Session
from retrograde.engine.errors import ScenarioError
from retrograde.engine.scenario.file import parse_scenario

DENSE = """format = 1
title = { en = "t" }
[network]
inputs = 2
[[network.layers]]
name = "h"
units = 3
[[network.layers]]
name = "m"
kind = "add"
inputs = ["h", "h"]
[[network.layers]]
name = "o"
inputs = ["i", "m"]
units = 2
activation = "softmax"
[data]
inputs = [[0, 1], [1, 0]]
targets = [[1, 0, 0.5, 0.5, 0.5], [0, 1, 0, 1, 0.25]]
[loss]
kind = "cross_entropy"
layer = "o"
[[losses]]
kind = "squared_error"
layer = "m"
[training]
learning_rate = 0.5
[stop]
epochs = 5
"""

CIRCUIT = """format = 1
title = { en = "t" }
[[network.layers]]
name = "n"
kind = "graph"
values = { a = 2.0, b = 3 }
assign = ["c = a * b", "c = c + 1"]
[loss]
kind = "value"
[training]
learning_rate = 0.5
[stop]
epochs = 5
"""


def said(text: str) -> list[str]:
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(text)
    return [str(problem) for problem in caught.value.problems]


def test_both_are_scenarios() -> None:
    assert parse_scenario(DENSE).topology == "2-3-add-2"
    assert parse_scenario(CIRCUIT).topology == "graph"


@pytest.mark.parametrize(
    ("old", "new", "wanted"),
    [
        (
            'inputs = ["h", "h"]',
            'inputs = ["h", "i"]',
            "11:10: network.layers[2].inputs: the layers before it must have the same",
        ),
        (
            'inputs = ["h", "h"]',
            'inputs = ["h"]',
            "11:1: network.layers[2].inputs: add takes 2 or more layers before it; inputs names 1",
        ),
        (
            'inputs = ["h", "h"]',
            'inputs = ["h", "k"]',
            "11:16: network.layers[2].inputs[2]: there is no layer k; above are i, h",
        ),
        (
            'kind = "add"',
            'kind = "concatenate"\naxis = 2',
            "11:8: network.layers[2].axis: there is no axis 2: the array has 1",
        ),
        (
            "units = 2\n",
            "units = 2\nedges = [[1, 1, 1, 1, 1]]\n",
            "16:9: network.layers[3].edges: a table of 1 rows where the layer needs 2×5",
        ),
        (
            "units = 2\n",
            "units = 2\nedges = [[1, 1, 1, 1, 1], [0, 0, 0, 0, 0]]\n",
            "16:9: network.layers[3].edges: no edge leads to neuron 2",
        ),
        (
            "units = 2\n",
            "units = 2\nedges = [[1, 1, 1, 1, 2], [0, 0, 0, 0, 1]]\n",
            "16:23: network.layers[3].edges[1][5]: 2 is too large; the largest is 1",
        ),
        (
            "units = 2\n",
            "units = 2\nedges = [[1, 1, 1, 1, 0], [0, 0, 0, 0, 1]]\nweights = [[1, 2, 3, 4, 5], [0, 0, 0, 0, 1]]\n",
            "17:25: network.layers[3].weights[1][5]: there is no edge here, so it has no weight; write 0",
        ),
        (
            "units = 3\n",
            'units = 3\nedges = [[1, 0], [1, 1], [0, 1]]\nnumbering = [["p", "q"], ["r", ""], ["", "s"]]\n',
            '9:20: network.layers[1].numbering[1][2]: there is no edge here, so it has no weight; write ""',
        ),
        (
            "targets = [[1, 0, 0.5",
            "targets = [[1, 0.5, 0.5",
            "19:12: data.targets[1]: the targets add up to 1.5; cross_entropy",
        ),
        (
            "[0, 1, 0, 1, 0.25]]",
            "[0, 1, 0, 1]]",
            "19:35: data.targets[2]: row 2 has the width 4 where 5 is needed (units of the layers that have a loss)",
        ),
        ('layer = "m"', 'layer = "o"', "23:1: losses[1]: two losses of the same layer; give each the name of another"),
        ('layer = "m"', 'layer = "q"', "25:9: losses[1].layer: there is no layer q; there are h, m, o"),
    ],
)
def test_a_layer_that_does_not_fit_is_named_with_its_place(old: str, new: str, wanted: str) -> None:
    assert DENSE.count(old) == 1
    assert any(wanted in problem for problem in said(DENSE.replace(old, new))), said(DENSE.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new", "wanted"),
    [
        ('"c = c + 1"', '"c = c + q"', "7:24: network.layers[1].assign[2]: column 9: there is no value called q here"),
        ('"c = c + 1"', '"d = aa + 1"', "column 5: there is no value called aa here; did you mean a?"),
        ('"c = c + 1"', '"c = c +"', "column 8: expected a name, a number or `(`, found the end"),
        ('"c = c + 1"', '"c = (c"', "column 7: expected `)`, found the end"),
        ('"c = c + 1"', '"c = c + 1)"', "column 10: expected an operator or the end, found `)`"),
        ('"c = c + 1"', '"c = c ^ 2"', "column 7: write ** for a power"),
        ('"c = c + 1"', '"c = expo(c)"', "column 5: there is no function expo; did you mean exp?"),
        ('"c = c + 1"', '"c = max(c)"', "column 5: max takes 2 arguments, found 1"),
        ('"c = c + 1"', '"c == 1"', "column 4: expected a name, a number or `(`, found `=`"),
        ('"c = c + 1"', '"c + 1"', "column 3: expected = after c, found `+`"),
        ('"c = c + 1"', '"3 = c"', "column 1: expected a name and =, such as c = a + b"),
        ('"c = c + 1"', '"c = 1e999"', "column 5: this number is too large"),
        ('"c = c + 1"', f'"c = {"(" * 50}1{")" * 50}"', "more than 40 brackets inside each other"),
        ('"c = c + 1"', '"E = c + 1"', "network.layers[1].assign[2]: E means something else in Retrograde"),
        ('"c = c + 1"', '"grad = c + 1"', "grad means something else in Retrograde"),
        ('"c = c + 1"', '"n = c + 1"', "n is also what a layer is called; give that layer another name"),
        ('"c = c + 1"', '"c = i1 + 1"', "column 5: there is no value called i1 here"),
        ("b = 3", "i1 = 3", "network.layers[1].values.i1: i1 is also what a neuron of layer i is called"),
        ("b = 3", "momentum = 3", "momentum means something else in Retrograde"),
        (
            'kind = "graph"',
            'kind = "graph"\noutputs = ["a"]',
            "6:12: network.layers[1].outputs[1]: no assignment makes a",
        ),
        (
            'kind = "graph"',
            'kind = "graph"\nfrozen = ["c"]',
            "6:11: network.layers[1].frozen[1]: this layer has no parameter c; it has a, b",
        ),
        ('kind = "graph"', 'kind = "graph"\ninputs = ["i"]', "network.inputs: missing: number of inputs"),
        ("[loss]", "[data]\ninputs = [[1]]\n[loss]", "data.inputs: inputs of 1×1 where the network needs 1×0"),
        (
            "[loss]",
            "[data]\ntargets = [[1, 2]]\n[loss]",
            "data.targets: targets of 1×2 where the network needs 1×1",
        ),
        ("[loss]", "[data]\ntargets = []\n[loss]", "data.targets: there are no samples; at least one is needed"),
        (
            'kind = "value"',
            'kind = "squared_error"',
            "data.targets: missing: a row per sample, or a file of samples in data.file",
        ),
        ('kind = "value"', 'kind = "value"\ndelta = 1.0', "loss.delta: delta belongs to huber; this loss is value"),
    ],
)
def test_an_assignment_that_means_nothing_is_named_with_its_place(old: str, new: str, wanted: str) -> None:
    assert CIRCUIT.count(old) == 1
    assert any(wanted in problem for problem in said(CIRCUIT.replace(old, new))), said(CIRCUIT.replace(old, new))


def test_every_wrong_assignment_is_reported_at_once() -> None:
    text = CIRCUIT.replace('"c = c + 1"', '"d = q + 1", "e = d * 2", "f = (", "g = f + e"')
    problems = said(text)
    assert len(problems) == 2, "what a wrong line would have assigned is taken as known below"
    assert ["assign[2]" in problems[0], "assign[4]" in problems[1]] == [True, True]


def test_a_shared_layer_with_other_edges_is_refused() -> None:
    text = DENSE.replace(
        'name = "m"\nkind = "add"\ninputs = ["h", "h"]',
        'name = "m"\nunits = 3\ninputs = ["i"]\nshare = "h"\nedges = [[1, 0], [1, 0], [0, 1]]',
    ).replace("units = 3\n[[", "units = 3\nedges = [[0, 1], [1, 0], [0, 1]]\n[[", 1)
    assert any("h does not have the same parameters as this layer" in problem for problem in said(text))


def test_a_network_may_have_samples_without_targets() -> None:
    text = CIRCUIT.replace('kind = "graph"', 'kind = "graph"\ninputs = ["i"]').replace("a * b", "a * i1 + i2")
    text = text.replace("[[network.layers]]", "[network]\ninputs = 2\n[[network.layers]]")
    text = text.replace("[loss]", "[data]\ninputs = [[1, 2], [3, 4], [5, 6]]\n[loss]")
    found = parse_scenario(text)
    assert found.goals == ()
    assert found.topology == "2-graph"


def test_what_would_be_too_long_for_one_step_is_refused() -> None:
    nested = "relu(" * 30 + "a" + ")" * 30
    text = CIRCUIT.replace('"c = c + 1"', f'"c = {nested}"')
    assert parse_scenario(text).topology == "graph"
    whole = text.replace('kind = "graph"', 'kind = "graph"\ngates = false')
    assert any("assign[2]: this is too long for one step: write several" in problem for problem in said(whole))
    long = CIRCUIT.replace('"c = c + 1"', f'"c = {"+".join("a" * 300)}"')
    assert any("more than 200 operations; write several assignments" in problem for problem in said(long))


READING = """
format = 1
[title]
en = "x"
zh = "x"
[network]
inputs = 2
[[network.layers]]
name = "h"
units = 2
weights = [[0.5, -0.5], [0.25, 1]]
biases = 0
[[network.layers]]
name = "g"
kind = "graph"
inputs = ["h", "i"]
assign = ["c = h1 * h2 - i2"]
[data]
inputs = [[1, 2]]
[loss]
kind = "value"
[training]
learning_rate = 0.1
[stop]
epochs = 1
"""


class TestWhatAGraphReads:
    def test_a_value_of_a_layer_may_be_called_as_formulas_call_it(self) -> None:
        short = Session(parse_scenario(READING))
        long = Session(parse_scenario(READING.replace("h1 * h2 - i2", "out_h1 * h2 - out_i2")))
        assert long.measure("c", 0) == short.measure("c", 0)
        assert long.measure("new(W_h[1,1])", 0) == short.measure("new(W_h[1,1])", 0)

    @pytest.mark.parametrize(
        ("inputs", "assign", "said"),
        [
            ('inputs = ["h"]', "c = h1 * i1", '; the inputs of the network are read with inputs = ["i"]'),
            ("", "c = i1 + 1", '; the inputs of the network are read with inputs = ["i"]'),
            ("", "c = x1 + 1", "the inputs of the network are called i1, i2, ... and are read with inputs ="),
            ("", "c = out_h1 + 1", 'what a layer h makes is read with inputs = ["h"]'),
            ('inputs = ["h"]', "c = h3 + 1", "there is no value called h3 here; did you mean h2, h1?"),
        ],
    )
    def test_what_is_not_named_in_inputs_is_said(self, inputs: str, assign: str, said: str) -> None:
        text = READING.replace('inputs = ["h", "i"]', inputs).replace("c = h1 * h2 - i2", assign)
        with pytest.raises(ScenarioError) as caught:
            parse_scenario(text)
        assert said in str(caught.value)

    def test_a_graph_as_the_first_layer(self) -> None:
        start, end = READING.index("[[network.layers]]"), READING.index("[data]")
        first = '[[network.layers]]\nkind = "graph"\nvalues = { a = 2 }\nassign = ["c = a * i1"]\n'
        with pytest.raises(ScenarioError, match=r'there is no value called i1 here; the inputs .* inputs = \["i"\]'):
            parse_scenario(READING[:start] + first + READING[end:])
        told = first.replace('"graph"\n', '"graph"\ninputs = ["i"]\n')
        assert Session(parse_scenario(READING[:start] + told + READING[end:])).measure("c", 0) == 2.0
