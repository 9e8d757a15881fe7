"""What people call things: words of other programs and books for what has a name of its own here, in one table.

A row belongs to every place where its name may stand: it answers for a key, a kind, a function or a subcommand alike,
since only names that are known there are ever suggested. A word is the same in any case, and with or without
separators: `ReLU`, `MaxPool` and `batchNorm` are relu, max_pool and batch_norm.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import lru_cache

_LONGEST = 60
# What `text.N_` is, which reads this table: the mark of a text for the catalogues.
N_ = str


@dataclass(frozen=True, slots=True, kw_only=True)
class Synonym:
    """Other words for a name.

    Attributes:
        name: what it is called here.
        words: what it is called elsewhere, folded.
        same: whether these words mean exactly the same, so that a file may use them.
        note: where it differs, or what else has to be said, in English; empty for nothing.
    """

    name: str
    words: tuple[str, ...]
    same: bool = False
    note: str = ""


@lru_cache(maxsize=4096)
def _folded(word: str) -> str:
    return "".join(character for character in word.casefold() if character not in " _-.")


def folded(word: str) -> str:
    """A word without case and separators."""
    return _folded(word[:_LONGEST])


def strange(word: str) -> bool:
    """Whether a word names something that there is not here, so that no name that is spelled alike is meant."""
    return folded(word) in FOREIGN


def canonical(word: str, names: Collection[str]) -> str:
    """The name that a word of a file means exactly; the word itself where it means none.

    Args:
        word: the word.
        names: the names that may stand there.
    """
    if word in names:
        return word
    key = folded(word)
    spelled = [name for name in names if folded(name) == key]
    meant = spelled or [row.name for row in _rows(key) if row.same and row.name in names]
    return meant[0] if len(meant) == 1 else word


def meanings(word: str, names: Collection[str]) -> list[Synonym]:
    """What a wrong word means elsewhere, as far as it is among some names; first the name that is spelled alike."""
    key = folded(word)
    spelled = [Synonym(name=name, words=()) for name in names if name != word and folded(name) == key]
    return [*spelled, *(row for row in _rows(key) if row.name in names and row.name != word)]


def _rows(key: str) -> Iterator[Synonym]:
    if key:
        yield from (row for row in SYNONYMS if key in row.words)


def _row(name: str, words: str, note: str = "", *, same: bool = False) -> Synonym:
    return Synonym(name=name, words=tuple(words.split()), note=note, same=same)


_CLAMP = N_("unlike in Keras and PyTorch, nothing is clamped near 0 and 1")
_CLASSES = N_("its layer has softmax; indices as targets need data.classes")

SYNONYMS: tuple[Synonym, ...] = (
    # Activations.
    _row("identity", "linear none id ident purelin noactivation null", same=True),
    _row("sigmoid", "logistic sigm σ logsig expit", same=True),
    _row("tanh", "tansig hyperbolictangent htan th", same=True),
    _row("relu", "rectifier rectifiedlinear rectifiedlinearunit rect", same=True),
    _row("silu", "swish", same=True),
    _row("gelu_tanh", "gelunew geluapproximate gelufast", same=True),
    _row("leaky_relu", "lrelu leaky rrelu", N_("its factor below 0 is the key slope")),
    _row(
        "leaky_relu", "prelu parametricrelu", N_('its slope is given; one that is learned is a layer of kind = "prelu"')
    ),
    _row("prelu", "parametricrelu", same=True),
    _row("hard_swish", "hswish", same=True),
    _row("hard_sigmoid", "hsigmoid", N_("programs differ in its slope; here it is PyTorch's, 1/6")),
    _row("softmax", "softargmax", same=True),
    _row("softmax", "logsoftmax", N_("cross_entropy takes the logarithm itself")),
    # Losses.
    _row(
        "mean_squared_error",
        "mse mseloss l2loss l2 quadratic meansquareerror",
        N_(
            "as in Keras and PyTorch it has no ½ and is the mean over outputs and samples; with the ½ of textbooks it"
            " is half_squared_error, a sum"
        ),
    ),
    _row(
        "half_squared_error",
        "halfmse halfsse halfsquarederrors halfmeansquarederror",
        N_("it is a sum unless over_outputs and over_batch say mean"),
    ),
    _row(
        "nll",
        "nllloss negativeloglikelihood",
        N_("it takes log-probabilities, of log_softmax; after softmax the same is cross_entropy"),
    ),
    _row("squared_error", "sse rss sumofsquares sumsquarederror sumofsquarederrors", same=True),
    _row("mean_absolute_error", "mae l1loss l1 absoluteerror meanabsoluteerrorloss", same=True),
    _row(
        "huber",
        "smoothl1 smoothl1loss huberloss",
        N_("with delta = 1 they are the same; smooth L1 with another β is huber divided by it"),
    ),
    _row("binary_cross_entropy", "bce bceloss logloss binarylogloss", _CLAMP),
    _row(
        "binary_cross_entropy_logits",
        "bcewithlogits bcewithlogitsloss sigmoidcrossentropy sigmoidcrossentropywithlogits bcelogits"
        " binarycrossentropywithlogits",
        same=True,
    ),
    _row(
        "cross_entropy",
        "ce xent crossentropyloss categoricalcrossentropy sparsecategoricalcrossentropy softmaxcrossentropy"
        " multinomial categorical logloss",
        _CLASSES,
    ),
    # Optimisers.
    _row(
        "sgd",
        "gd gradientdescent batchgradientdescent stochasticgradientdescent descent bgd vanilla steepestdescent",
        same=True,
    ),
    _row(
        "sgd", "momentum sgdmomentum sgdwithmomentum heavyball sgdm", N_('write optimizer = "sgd" and momentum = 0.9')
    ),
    _row("sgd", "nesterov nag", N_('write optimizer = "sgd", momentum = 0.9 and nesterov = true')),
    # Layers.
    _row("dense", "fc fullyconnected affine innerproduct densely full", same=True),
    _row(
        "conv",
        "conv1d conv2d convolution convolution1d convolution2d cnn",
        N_("kernel has one entry for each axis, and channels come first"),
    ),
    _row("conv_transpose", "convtranspose1d convtranspose2d conv1dtranspose conv2dtranspose deconv deconvolution"),
    _row("max_pool", "maxpool1d maxpool2d maxpooling maxpooling1d maxpooling2d pool pooling"),
    _row("average_pool", "avgpool avgpool1d avgpool2d averagepooling averagepooling1d averagepooling2d meanpool"),
    _row(
        "global_average_pool",
        "gap globalavgpool globalaveragepooling globalaveragepooling1d globalaveragepooling2d adaptiveavgpool2d",
    ),
    _row("batch_norm", "bn batchnorm1d batchnorm2d batchnormalization batchnormalisation"),
    _row("layer_norm", "ln layernormalization layernormalisation"),
    _row("rms_norm", "rms rmsnormalization rmsnormalisation rootmeansquarenorm t5layernorm llamarmsnorm", same=True),
    _row("group_norm", "gn groupnormalization groupnormalisation", same=True),
    _row("instance_norm", "instancenorm1d instancenorm2d instancenorm3d instancenormalization in", same=True),
    _row("rnn", "simplernn elman recurrent vanillarnn"),
    _row("attention", "mha multiheadattention selfattention multihead"),
    _row("concatenate", "concat cat"),
    _row(
        "slice",
        "getitem narrow crop split chunk select index unbind",
        N_("its places are counted from 1, and last is one of them"),
    ),
    _row("add", "residual skip plus"),
    _row("mean", "reducemean meanpooling", same=True),
    _row("sum", "reducesum", same=True),
    _row("multiply", "mul product times hadamard"),
    _row("subtract", "sub minus difference", same=True),
    _row("divide", "div truediv quotient ratio", same=True),
    _row("embedding", "embed embeddings lookup"),
    _row("position", "positionalencoding positionalembedding positional posenc"),
    _row("upsample", "upsampling upsampling2d upsampling1d resize"),
    _row(
        "upsample", "interpolate interpolation bilinear upsamplingbilinear2d", N_('with mode = "linear" it is bilinear')
    ),
    _row("linear", "bilinear trilinear", N_("along two axes it is bilinear")),
    _row("factor", "scalefactor"),
    _row("size", "outputsize"),
    _row("permute", "swapaxes"),
    _row("reshape", "view unflatten"),
    _row("flatten", "ravel"),
    _row("graph", "scalargraph formula circuit expression micrograd lambda"),
    _row("dropout", "drop dropout1d dropout2d"),
    # Schedules of the learning rate.
    _row("step", "steplr multisteplr multistep staircase stepdecay piecewise"),
    _row("exponential", "exponentiallr exp expdecay exponentialdecay"),
    _row("cosine", "cosineannealing cosineannealinglr cosinedecay"),
    _row("warm_up", "linearwarmup warmuplr linearlr"),
    _row("one_cycle", "onecyclelr cyclic 1cycle"),
    _row("plateau", "reducelronplateau reduceonplateau"),
    # Keys of [training] and [stop].
    _row("learning_rate", "lr eta η alpha α rate stepsize learnrate learningrates lr0 baselr initiallearningrate"),
    _row("batch_size", "batch batches minibatch minibatchsize bs"),
    _row("optimizer", "optimiser optim opt solver algorithm method updaterule"),
    _row("epochs", "epoch numepochs nepochs maxepochs nepoch"),
    _row(
        "epochs",
        "iterations maxiter maxiterations iters niter steps maxsteps",
        N_("an epoch is all samples once, in one or several iterations"),
    ),
    _row("momentum", "mu μ beta β"),
    _row("betas", "beta1 beta2 b1 b2", N_("both in one list: betas = [0.9, 0.999]")),
    _row("eps", "epsilon ε fuzz"),
    _row("epsilon", "eps ε"),
    _row("rho", "decayrate ρ"),
    _row("weight_decay", "wd decay", N_("weight_decay is the optimiser's own; E has a penalty with l2")),
    _row("l2", "l2penalty lambda λ regularization regularisation reg regularizer l2reg ridge lambd"),
    _row("l1", "l1reg lasso l1penalty"),
    _row("clip_norm", "gradclip gradientclip gradientclipping maxnorm maxgradnorm clipgradnorm gradclipnorm clip"),
    _row("clip_value", "clipgradvalue gradclipvalue"),
    _row("shuffle", "shuffling randomorder"),
    _row("seed", "randomstate randomseed rngseed"),
    _row("schedule", "scheduler lrscheduler lrschedule learningrateschedule"),
    _row("change_epochs", "patience niternochange"),
    _row("loss_change_below", "tol tolerance mindelta"),
    _row("loss_below", "targetloss maxerror errorbelow goal loss error minloss minerror losslimit"),
    # Keys of [loss].
    _row("kind", "type name function fn loss lossfunction criterion layertype class mode"),
    _row("loss", "lossfunction criterion objective cost costfunction"),
    _row("over_batch", "reduction reduce", N_('it is "sum" or "mean"; over_outputs is that of the outputs')),
    _row("weight", "weights lossweight lossweights coefficient", N_("it is a factor of the whole loss")),
    _row("label_smoothing", "smoothing"),
    _row("delta", "beta δ"),
    # Keys of layers.
    _row("units", "nodes neurons hidden size width outfeatures outputdim hiddensize hiddenunits dim nunits features"),
    _row("channels", "filters outchannels nfilters maps featuremaps units"),
    _row("kernel", "kernelsize filtersize poolsize window windowsize"),
    _row("stride", "strides step"),
    _row("padding", "pad"),
    _row("ceil_mode", "ceil ceiling roundup"),
    _row("activation", "act nonlinearity activationfunction activations transfer transferfunction f fn function"),
    _row("weights", "w weight kernel matrix coefficients initialweights"),
    _row("biases", "b biasvalues intercept offsets initialbias initialbiases"),
    _row("bias", "usebias hasbias", N_('it is "neuron", "shared" or "none"')),
    _row("recurrent_weights", "u whh recurrentkernel weighthh"),
    _row("h0", "initialstate hidden0"),
    _row("outputs", "returnsequences", N_('"all" is every step of a sequence, "last" the last one')),
    _row("direction", "bidirectional", N_('write direction = "both"')),
    _row("axes", "dim dims axis"),
    _row("groups", "numgroups ngroups"),
    _row("affine", "elementwiseaffine"),
    _row("per_channel", "numparameters"),
    _row("slopes", "initslope"),
    _row("gamma", "weight weights scale γ"),
    _row("beta", "bias biases shift offset β"),
    _row("keep", "keepdim keepdims"),
    _row("rate", "dropoutrate droprate p prob probability"),
    _row("rate", "keepprob keep keeprate", N_("rate is how often a value is left out: 1 less what is kept")),
    _row("vocabulary", "vocabsize vocab numembeddings inputdim"),
    _row("heads", "numheads nheads nhead"),
    _row("causal", "iscausal causalmask"),
    _row("mask", "attnmask attentionmask"),
    _row("key_mask", "keypaddingmask srckeypaddingmask paddingmask"),
    _row("dropout", "attndropout attentiondropout dropoutp"),
    _row("assign", "formula formulas code equations expression"),
    _row("values", "variables vars parameters params"),
    _row("frozen", "trainable requiresgrad freeze fixed", N_('write frozen = ["weights", "bias"]')),
    _row("init", "initializer initialiser initialization initialisation kernelinitializer weightinit"),
    _row("std", "stddev sigma stdev scale σ"),
    _row("glorot_uniform", "xavier xavieruniform glorot"),
    _row("glorot_normal", "xaviernormal"),
    _row("he_uniform", "kaiminguniform kaiming he"),
    _row("he_normal", "kaimingnormal"),
    _row("normal", "gaussian randn randomnormal"),
    _row("uniform", "rand random randomuniform"),
    _row("constant", "zeros ones fill zero", N_("with value = 0, or any other number")),
    # Keys of [network] and [data].
    _row("inputs", "inputdim inputsize infeatures inputshape ninputs numinputs nfeatures x xs features samples input"),
    _row("input_shape", "inputsize inputdims shape"),
    _row("targets", "y ys labels t outputs target output answers desired expected"),
    _row("layers", "layer"),
    _row("classes", "numclasses nclasses nclass categories"),
    _row("class_names", "labelnames names labels"),
    _row("file", "path filename csv source url"),
    _row("skip_rows", "header skip headerrows"),
    _row("input_columns", "columns featurecolumns xcolumns usecols inputcols"),
    _row("target_columns", "labelcolumn labelcolumns targetcolumn ycolumns targetcols"),
    _row("standardise", "standardize normalize normalise zscore scale scaling"),
    _row("divide_inputs_by", "divideby rescale divisor"),
    # Values of other keys.
    _row("mean", "average avg"),
    _row("sum", "total add"),
    _row("simultaneous", "afterwards atonce together"),
    _row("in_place", "immediately online sequential"),
    _row("seeded", "true yes random"),
    _row("none", "false no off"),
    _row("all", "true sequences every"),
    _row("last", "false final"),
    # Subcommands.
    _row("run", "train fit start execute learn"),
    _row("open", "debug show view app gui tui launch"),
    _row("list", "ls scenarios examples catalogue"),
    _row("new", "init create template generate make"),
    _row("check", "verify test validate expect"),
    _row("gradcheck", "gradientcheck checkgrad checkgradients numericalgradient gradients"),
    _row("query", "find ask search when grep"),
    _row("race", "compare benchmark"),
    _row("trace", "log steps print dump walk"),
    _row("schema", "jsonschema"),
    # Functions and names of formulas.
    _row("log", "ln"),
    _row("abs", "fabs magnitude"),
    _row("isnan", "nan isnull"),
    _row("lr", "η eta learningrate"),
    _row("E", "loss cost error err j objective"),
    _row("E_epoch", "epochloss trainloss trainingloss"),
    _row("E_held_out", "valloss validationloss testloss heldoutloss"),
    _row("accuracy", "acc hitrate"),
    _row("iteration", "batch"),
    _row("grad", "gradient d diff derivative"),
    _row("prev", "previous old before last"),
    _row("norm", "l2norm length"),
)
"""THE table of synonyms, by what the names name; a further word is a word in a row."""

FOREIGN = frozenset(
    {
        *("arctan", "heaviside", "maxout", "celu", "sin", "cos", "step", "signum", "lecunnormal", "lecununiform"),
        *(
            "orthogonal",
            "truncatednormal",
            "kl",
            "kldiv",
            "kldivergence",
            "poisson",
            "focal",
            "logcosh",
            "cosinesimilarity",
        ),
        *("triplet", "ctc", "rmse", "lbfgs", "ftrl", "lamb", "lars", "device", "verbose", "callbacks", "workers"),
        *("dtype", "precision", "earlystopping", "length"),
    }
)
"""Words of other programs for what there is not here, folded: what is spelled like them is something else."""
