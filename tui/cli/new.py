"""`retrograde new`: a commented scenario to start from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from shlex import quote
from textwrap import wrap

from retrograde.engine.errors import EngineError
from retrograde.engine.text import N_, _, suggest
from retrograde.tui.cli.support.subcommand import Subcommand, argument

COMMENTS = 44
"""The column in which the comments of the template begin, from 0."""

TEMPLATE = """\
#:schema retrograde-schema.json
# A scenario of Retrograde: one network, its data, and how it is trained.
# Try it:      retrograde {name}
# The schema:  retrograde schema > retrograde-schema.json   (editors then complete and check this file)
format = 1
# source = "where the figures come from: an address or a citation"

[title]
en = "My network"
zh = "我的网络"

[teaches]                                   # one line for the list of scenarios
en = "What someone sees here"
zh = "在这里能看到什么"

[about]                                     # a few sentences, shown when it opens
en = "Two inputs, two hidden neurons, one output, that learn exclusive or."
zh = "两个输入、两个隐藏神经元、一个输出，学习异或。"

[network]
inputs = 2
arithmetic = "exact"                        # every partial sum existed; "blas" for large networks
# numbering = "target"                      # w1, w2, ... row by row of the target neuron; or "source"
seed = 1                                    # of the initial values below

[network.init]                              # for layers that state no weights
kind = "glorot_uniform"                     # glorot_normal he_uniform he_normal constant uniform normal

[[network.layers]]
units = 2
activation = "tanh"                         # {activations}
bias = "neuron"                             # one for each neuron; "shared" by the layer; or "none"
# frozen = ["bias"]                         # parameters that are not trained; of every kind: weights, bias, ...

[[network.layers]]
units = 1
activation = "sigmoid"
weights = [[0.5, -0.4]]                     # explicit: a row for each neuron, a column for each of its inputs
biases = [0.1]

[data]
inputs = [[0, 0], [0, 1], [1, 0], [1, 1]]
targets = [[0], [1], [1], [0]]
# or from a file beside this one:
# file = "measurements.csv"                 # .csv, .csv.gz or .npz
# skip_rows = 1
# input_columns = "1-2"                     # from 1, ends included: "1-4", "1,3,5-7"
# target_columns = "3"
# classes = 3                               # targets are class indices 0, 1, 2
# standardise = true
# sample_weights = [1, 1, 2, 1]             # how much each sample counts in the loss
# mask = [[1, 0], [1, 1], [1, 1], [0, 1]]   # which steps of each sequence count

[loss]
kind = "half_squared_error"                 # {losses}
over_outputs = "sum"                        # or "mean"
over_batch = "mean"                         # or "sum"
# over_time = "mean"                        # of sequences: "mean" of each, "pooled" over all, "all" steps, or "sum"
# class_weights = [1, 5]                    # a number for each class; normalise = "weights" divides by them
# ignore_index = -100                       # of class indices: the one that has no loss
# pos_weight = 3                            # of binary_cross_entropy
# log_clip = 1e-7                           # ln of 1e-7 … 1 - 1e-7 as Keras; log_floor = -100 as PyTorch

[training]
optimizer = "sgd"                           # {optimisers}
learning_rate = 0.5
update = "simultaneous"                     # or "in_place": deltas read weights that were already updated
batch_size = 0                              # 0 = all samples; 1 = one at a time; n = mini-batches
shuffle = "none"                            # or "seeded"
# schedule = { kind = "cosine" }            # {schedules}

[stop]                                      # whichever comes first
epochs = 2000
loss_below = 1e-4

# A published figure, which `retrograde check {name}` compares with what is computed:
# [[expect]]
# value = "E"                               # also: out_o1, w5, grad(w5), delta(h1), E_epoch, E_data, ...
# updates = 0                               # after how many updates
# printed = "0.12345"                       # exactly as printed: its digits say how precisely it is compared
# mode = "round"                            # or "truncate"
"""


def template(name: str) -> str:
    """The text of a new file, with the names that the tables have."""
    from retrograde.engine.equations.activation_table import ACTIVATIONS
    from retrograde.engine.equations.losses import LOSSES
    from retrograde.engine.equations.optimisers import OPTIMISERS
    from retrograde.engine.equations.rate_schedules import SCHEDULES

    choices: Mapping[str, Iterable[str]] = {
        "activations": ACTIVATIONS,
        "losses": LOSSES,
        "optimisers": OPTIMISERS,
        "schedules": SCHEDULES,
    }
    text = TEMPLATE.replace("{name}", name)
    for table, rows in choices.items():
        text = text.replace("{" + table + "}", _listed(rows))
    return text


def _listed(names: Iterable[str]) -> str:
    """Names beside a key, and below them in as many lines as they need."""
    return ("\n" + " " * COMMENTS + "# ").join(wrap(" ".join(names), 118 - COMMENTS))


def write_template(file: str, like: str | None = None) -> int:
    """Write the template, or a copy of a scenario that ships, to a new file, whole or not at all.

    Args:
        file: The file.
        like: The scenario to copy; its samples are copied beside the file.

    Returns:
        The exit code.

    Raises:
        EngineError: The file exists, or can not be written; or there is no such scenario.
    """
    from retrograde.engine.atomic import write_whole

    path = Path(file)
    if path.suffix != ".toml":
        raise EngineError(_("{file}: the name of a scenario file ends in .toml").format(file=file))
    if path.exists() or path.is_symlink():
        raise EngineError(_("{file} exists; nothing was written").format(file=file))
    if not path.parent.is_dir():
        raise EngineError(_("{folder} is not a folder; nothing was written").format(folder=path.parent))
    if like is None:
        write_whole(path, template(path.name))
    else:
        _copy(like, path)
    print(_("wrote {file}: open it with `retrograde {file}`").format(file=quote(file)))
    return 0


def _copy(name: str, path: Path) -> None:
    """Write a copy of a scenario that ships, and of its samples where it has a file of them."""
    import tomllib

    from retrograde.engine.atomic import write_whole
    from retrograde.engine.scenario.catalogue import folder, shipped

    if name not in shipped():
        raise EngineError(
            _("{name} does not ship with Retrograde{hint}").format(name=name, hint=suggest(name, shipped()))
        )
    source = folder() / f"{name}.toml"
    text = source.read_text(encoding="utf-8")
    data = tomllib.loads(text).get("data", {})
    for key in ("file", "target_file"):
        if isinstance(data.get(key), str):
            beside = path.parent / data[key]
            content = (source.parent / data[key]).read_bytes()
            if beside.exists() and beside.read_bytes() != content:
                raise EngineError(_("{file} exists; nothing was written").format(file=beside))
            beside.parent.mkdir(exist_ok=True)
            beside.write_bytes(content)
    write_whole(path, text)


COMMAND = Subcommand(
    name="new",
    help=N_("write a commented scenario to start from"),
    arguments=(
        argument("file", metavar="FILE.toml"),
        argument("--from", dest="like", metavar="NAME", help=N_("copy a scenario that ships, with its samples")),
    ),
    run=lambda given: write_template(given.file, given.like),
    page="scenarios.md",
)
