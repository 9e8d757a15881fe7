"""Small networks of every kind of layer as scenario texts, for the tests of the screen."""

from __future__ import annotations

from retrograde.engine.scenario.file import parse_scenario
from retrograde.engine.scenario.models import Scenario

IMAGE = "inputs = 16\ninput_shape = [1, 4, 4]"
SEQUENCE = "inputs = 6\ninput_shape = [3, 2]"
TOKENS = "inputs = 3"
ROW = "inputs = 4"

EMBEDDED = 'name = "emb"\nkind = "embedding"\nvocabulary = 3\nunits = 4'
CONVOLVED = 'name = "c"\nkind = "conv"\nchannels = 2\nkernel = [2, 2]\nactivation = "relu"'
GRAPH = """name = "g"
kind = "graph"
inputs = ["i"]
values = { a = 0.5, c = -1.0 }
assign = ["u = a*i1 + c*i2**2", "y = relu(u) / (1 + exp(-i3))", "z = u*y"]
outputs = ["y", "z"]"""
LAYERS: dict[str, tuple[str, tuple[str, ...]]] = {
    "dense": (ROW, ("units = 3",)),
    "add": (ROW, ('name = "p"\nunits = 3', 'name = "q"\nunits = 3', 'kind = "add"\nname = "s"\ninputs = ["p", "q"]')),
    "multiply": (ROW, ('name = "p"\nunits = 4', 'kind = "multiply"\nname = "s"\ninputs = ["p", "i"]')),
    "subtract": (ROW, ('name = "p"\nunits = 4', 'kind = "subtract"\nname = "s"\ninputs = ["p", "i"]')),
    "divide": (ROW, ('name = "p"\nunits = 1', 'kind = "divide"\nname = "s"\ninputs = ["i", "p"]')),
    "concatenate": (ROW, ('name = "p"\nunits = 2', 'kind = "concatenate"\nname = "s"\ninputs = ["p", "i"]')),
    "slice": (ROW, ("units = 3", 'kind = "slice"\nfirst = 2')),
    "mean": (IMAGE, (CONVOLVED, 'kind = "mean"\naxes = [2]')),
    "sum": (IMAGE, (CONVOLVED, 'kind = "sum"\naxes = [1]\nkeep = true')),
    "activation": (ROW, ("units = 3", 'kind = "activation"\nactivation = "tanh"')),
    "flatten": (IMAGE, (CONVOLVED, 'kind = "flatten"')),
    "reshape": (ROW, ("units = 6", 'kind = "reshape"\nshape = [2, 3]', 'kind = "flatten"')),
    "permute": (IMAGE, (CONVOLVED, 'kind = "permute"\naxes = [2, 3, 1]', 'kind = "flatten"')),
    "transpose": (IMAGE, (CONVOLVED, 'kind = "transpose"\naxes = [2, 3]', 'kind = "flatten"')),
    "graph": (ROW, (GRAPH,)),
    "batch_norm": (ROW, ("units = 3", 'name = "n"\nkind = "batch_norm"')),
    "dropout": (ROW, ("units = 3", 'kind = "dropout"\nrate = 0.25')),
    "conv": (IMAGE, (CONVOLVED,)),
    "conv_transpose": (IMAGE, ('kind = "conv_transpose"\nchannels = 2\nkernel = [2, 2]\nstride = 2',)),
    "max_pool": (IMAGE, (CONVOLVED, 'kind = "max_pool"\nkernel = [2, 2]\nstride = 1')),
    "average_pool": (IMAGE, (CONVOLVED, 'kind = "average_pool"\nkernel = [2, 2]')),
    "global_average_pool": (IMAGE, (CONVOLVED, 'kind = "global_average_pool"')),
    "upsample": (IMAGE, (CONVOLVED, 'kind = "upsample"')),
    "linear": (TOKENS, (EMBEDDED, 'kind = "linear"\nunits = 2')),
    "embedding": (TOKENS, (EMBEDDED,)),
    "position": (TOKENS, (EMBEDDED, 'kind = "position"\nencoding = "learned"')),
    "attention": (TOKENS, (EMBEDDED, 'name = "att"\nkind = "attention"\nheads = 2\ncausal = true')),
    "layer_norm": (TOKENS, (EMBEDDED, 'kind = "layer_norm"')),
    "rms_norm": (TOKENS, (EMBEDDED, 'kind = "rms_norm"')),
    "group_norm": (IMAGE, (CONVOLVED, 'kind = "group_norm"\ngroups = 1')),
    "instance_norm": (IMAGE, (CONVOLVED, 'kind = "instance_norm"\naffine = true')),
    "prelu": (IMAGE, (CONVOLVED, 'kind = "prelu"\nper_channel = true')),
    "rnn": (SEQUENCE, ('name = "r"\nkind = "rnn"\nunits = 2',)),
    "gru": (SEQUENCE, ('kind = "gru"\nunits = 2\noutputs = "last"',)),
    "cell": (SEQUENCE, ('name = "l"\nkind = "lstm"\nunits = 2\noutputs = "last"', 'kind = "cell"')),
    "lstm": (SEQUENCE, ('kind = "lstm"\nunits = 2\ndirection = "both"\noutputs = "last"',)),
}  # fmt: skip
"""By kind: the keys of the inputs, and the tables of the layers before the output."""


def scenario_of(kind: str, *, training: str = "learning_rate = 0.1") -> Scenario:
    """A scenario whose network has a layer of a kind, and two outputs."""
    inputs, layers = LAYERS[kind]
    width = int(inputs.split("\n")[0].removeprefix("inputs = "))
    tables = "\n".join(f"[[network.layers]]\n{layer}" for layer in layers)
    last = 'name = "o"\nunits = 2\nactivation = "tanh"'
    steps = 3 if kind == "rnn" else 1
    samples = ", ".join(
        "["
        + ", ".join(
            str((sample + place) % 3 if inputs == TOKENS else 0.3 * place - 0.5 * sample) for place in range(width)
        )
        + "]"
        for sample in range(2)
    )
    goals = ", ".join("[" + ", ".join(["0.25", "-0.5"] * steps) + "]" for _sample in range(2))
    text = f"""
format = 1
title = {{ en = "A network with {kind}", zh = "{kind}" }}
[network]
{inputs}
seed = 3
{tables}
[[network.layers]]
{last}
[data]
inputs = [{samples}]
targets = [{goals}]
[loss]
kind = "half_squared_error"
[training]
{training}
[stop]
epochs = 2
"""
    return parse_scenario(text)


SKIP = """
format = 1
title = { en = "Skip edges", zh = "跨层的边" }
[network]
inputs = 2
seed = 1
[[network.layers]]
name = "h"
units = 1
[[network.layers]]
name = "o"
units = 1
inputs = ["i", "h"]
[data]
inputs = [[0, 1], [1, 1]]
targets = [[1], [0]]
[loss]
kind = "half_squared_error"
[training]
learning_rate = 0.5
[stop]
epochs = 2
"""
"""Two inputs, one hidden unit, and edges from the inputs to the output."""

BRANCHES = """
format = 1
title = { en = "Two outputs", zh = "两个输出" }
[network]
inputs = 12
input_shape = [3, 4]
seed = 2
[[network.layers]]
name = "left"
units = 30
[[network.layers]]
name = "right"
units = 30
inputs = ["i"]
[[network.layers]]
name = "both"
kind = "add"
inputs = ["left", "right"]
[[network.layers]]
name = "again"
units = 30
[[network.layers]]
name = "rest"
kind = "add"
inputs = ["again", "both"]
[[network.layers]]
name = "p"
units = 3
activation = "softmax"
[[network.layers]]
name = "q"
units = 1
inputs = ["rest", "i"]
[data]
inputs = [[1, 0, 0, 1, 0, 1, 0, 1, 0, 0, 1, 1]]
targets = [[0, 1, 0, 0.5]]
[loss]
kind = "cross_entropy"
layer = "p"
[[losses]]
kind = "half_squared_error"
layer = "q"
[training]
learning_rate = 0.1
[stop]
epochs = 2
"""
"""Two branches, a residual connection, an edge past all of it, and two outputs."""
