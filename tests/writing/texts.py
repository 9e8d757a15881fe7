"""Scenarios whose programs were refused, or ended with an error: a text each, for every library."""

from __future__ import annotations

HEAD = 'format = 1\ntitle = { en = "A program" }\n[stop]\nepochs = 6\n'
SEQUENCES = """
[data]
inputs = [[[0.1, 0.2], [-0.3, 0.4], [0.5, -0.6]], [[0.7, -0.2], [0.3, 0.1], [0.0, 0.9]], [[-1, 1], [0.5, 0], [1, 0.2]]]
targets = [[0.5, -0.5], [0.1, 0.2], [0.9, 0.0]]
[loss]
kind = "mean_squared_error"
"""
ROWS = """
[network]
inputs = 2
seed = 3
[[network.layers]]
name = "h"
units = 3
activation = "tanh"
[[network.layers]]
name = "o"
units = 3
activation = "softmax"
[data]
inputs = [[0.5, 1.5], [2.25, -0.75], [-0.5, 0.25]]
targets = [2, 0, 1]
classes = 3
[loss]
kind = "cross_entropy"
label_smoothing = 0.1
class_weights = [1.0, 2.0, 0.5]
normalise = "weights"
"""

GATES = f"""{HEAD}
[network]
inputs = 6
input_shape = [3, 2]
seed = 8
[[network.layers]]
name = "r"
kind = "lstm"
units = 2
outputs = "last"
direction = "both"
peepholes = true
[[network.layers]]
name = "o"
units = 2
activation = "tanh"
{SEQUENCES}
[training]
learning_rate = 0.1
batch_size = 2
[training.schedule]
kind = "cosine"
unit = "iteration"
warm_up = 2
"""
"""Gates of several units, both directions side by side, a last batch of one sample."""

LOOKED_UP = f"""{HEAD}
[network]
inputs = 4
seed = 5
[[network.layers]]
name = "v"
kind = "embedding"
vocabulary = 5
units = 3
[[network.layers]]
name = "r"
kind = "gru"
units = 2
outputs = "last"
initial = "trained"
[[network.layers]]
name = "o"
units = 3
activation = "softmax"
[data]
inputs = [[0, 3, 1, 4], [2, 2, 1, 0]]
targets = [1, 2]
classes = 3
[loss]
kind = "cross_entropy"
[training]
learning_rate = 0.1
[training.schedule]
kind = "plateau"
patience = 0
threshold = 0.5
"""
"""The gradient of an array whose time steps are read one by one, a plateau."""

FLAT = f"""{HEAD}
[network]
inputs = 14
input_shape = [2, 7]
seed = 3
[[network.layers]]
name = "c"
kind = "conv"
kernel = [3]
channels = 3
[[network.layers]]
name = "p"
kind = "permute"
axes = [2, 1]
[[network.layers]]
name = "s"
kind = "reshape"
shape = [5, 3, 1]
[[network.layers]]
name = "q"
kind = "permute"
axes = [3, 1, 2]
[[network.layers]]
name = "f"
kind = "flatten"
[[network.layers]]
name = "o"
units = 1
activation = "sigmoid"
[data]
inputs = [[[0.1, 0.2, -0.3, 0.4, 0.5, -0.6, 0.7], [1, -1, 1, -1, 0.5, 0.25, 0.125]]]
targets = [[1]]
[loss]
kind = "binary_cross_entropy"
[training]
optimizer = "adamax"
learning_rate = 0.02
[training.schedule]
kind = "inverse_time"
decay = 0.5
every = 2
"""
"""Another shape, axes in another order, the larger of two."""

SCHEDULES = (
    'kind = "step"\nmilestones = [1, 4]\ngamma = 0.3',
    'kind = "step"\nevery = 2\nunit = "iteration"\nwarm_up = 3',
    'kind = "exponential"\ngamma = 0.9',
    'kind = "inverse_time"\ndecay = 0.3\nunit = "iteration"',
    'kind = "cosine"\nend_factor = 0.1\nperiod = 4',
    'kind = "warm_up"\nwarm_up = 4\nunit = "iteration"\nstart_factor = 0.2',
    'kind = "plateau"\npatience = 1\nthreshold = 0.3\ncooldown = 1\nmin_factor = 0.05',
)
TEXTS = (
    GATES,
    LOOKED_UP,
    FLAT,
    *(f"{HEAD}{ROWS}[training]\nlearning_rate = 0.3\nbatch_size = 2\n[training.schedule]\n{one}" for one in SCHEDULES),
)
