"""Attention: each position takes along the values of the positions that it looks for."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from retrograde.engine.equations.array import Role
from retrograde.engine.layers.base import MAX_UNITS, Form, Layer, Matrix, Parameter, Row, Shape, ShapeError
from retrograde.engine.layers.dropout import FirstMask, MaskRows, check_mask, drawn_mask
from retrograde.engine.layers.linear import OptionalBias, project
from retrograde.engine.layers.stored import Stored
from retrograde.engine.text import _

if TYPE_CHECKING:
    from retrograde.engine.equations.array import Array
    from retrograde.engine.layers.base import Forward, Value

Projection = Literal["q", "k", "v", "o"]


class AttentionLayer(Layer):
    """Scaled dot-product attention with several heads: out = Wo · concat(softmax(q·kᵀ / √d) · v) + bo.

    The queries are q = Wq·x + bq, keys and values k = Wk·y + bk and v = Wv·y + bv. One layer before it is all three
    (self-attention); of two, the first gives the queries and the second keys and values; of three, each gives one.
    """

    kind: Literal["attention"] = Field(description="the kind of layer")
    heads: int = Field(default=1, ge=1, le=1024, description="number of heads, among which the width is divided")
    causal: bool = Field(default=False, description="whether a position sees only those up to itself")
    key_mask: bool = Field(
        default=False, description="whether keys that data.mask or data.lengths leave out are not seen: padding"
    )
    mask: Matrix | None = Field(
        default=None,
        description="which keys each query sees: a row per query with a 1 for each key that it sees and a 0 for others;"
        " all if absent. In PyTorch True means the same in scaled_dot_product_attention, and the opposite in"
        " nn.MultiheadAttention",
    )
    dropout: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        description="how often an attention weight is left out in training; those that stay are divided by 1 − dropout",
    )
    dropout_mask: MaskRows | None = Field(
        default=None,
        description="of dropout: a mask instead of drawn ones, a row per sample with 0 for each weight that is left out"
        " and 1 for the others, head by head, query by query; or the name of an array of the NPZ file of samples",
    )
    first_mask: FirstMask = None
    width: int | None = Field(
        default=None,
        ge=1,
        le=MAX_UNITS,
        description="width of queries, keys and values, of all heads together; that of the layer before it if absent",
    )
    units: int | None = Field(
        default=None, ge=1, le=MAX_UNITS, description="width of the output; that of the layer before it if absent"
    )
    projections: Annotated[tuple[Projection, ...], Field(strict=False)] = Field(
        default=("q", "k", "v", "o"),
        max_length=4,
        description="which of Wq, Wk, Wv and Wo there are; what is not projected is taken as it is",
    )
    bias: OptionalBias = Field(default="neuron", description="whether the projections have biases: neuron, or none")
    Wq: Matrix | None = Field(default=None, description="initial weights of the queries; a row per element")
    Wk: Matrix | None = Field(default=None, description="initial weights of the keys; a row per element")
    Wv: Matrix | None = Field(default=None, description="initial weights of the values; a row per element")
    Wo: Matrix | None = Field(default=None, description="initial weights of the output; a row per unit")
    bq: Row | None = Field(default=None, description="initial biases of the queries")
    bk: Row | None = Field(default=None, description="initial biases of the keys")
    bv: Row | None = Field(default=None, description="initial biases of the values")
    bo: Row | None = Field(default=None, description="initial biases of the output")

    start_role: ClassVar[Role] = Role.MASK

    @property
    def label(self) -> str:
        """The layer in a few words."""
        heads = f"{self.heads} heads" if self.heads > 1 else "attention"
        return f"{heads} causal" if self.causal else heads

    @property
    def evaluates_apart(self) -> bool:
        """Where weights are left out in training."""
        return self.dropout > 0 or self.dropout_mask is not None

    @property
    def starts(self) -> dict[str, Any]:
        """The mask of dropout of each sample, where the file gives it."""
        return {} if self.dropout_mask is None else {"dropout_mask": self.dropout_mask}

    def start_shapes(self, name: str, sources: Sequence[Form]) -> list[tuple[int | None, Shape]]:
        """The shape of the attention weights."""
        del name
        queries, keys, _values = self._sources(sources)
        return [(None, self._table(queries.shape[0], keys.shape[0]))]

    def _table(self, queries: int, keys: int) -> Shape:
        """The shape of scores and weights; one head goes without saying."""
        return (*((self.heads,) if self.heads > 1 else ()), queries, keys)

    @property
    def arity(self) -> tuple[int, int]:
        """One layer (self-attention) to three: queries, keys, values."""
        return 1, 3

    def _sources(self, sources: Sequence[Any]) -> tuple[Any, Any, Any]:
        """What the queries, the keys and the values are made of."""
        return sources[0], sources[min(1, len(sources) - 1)], sources[-1]

    def _widths(self, sources: Sequence[Form]) -> dict[str, int]:
        """The widths of q, k, v and of the output."""
        made = dict(zip("qkv", (form.shape[-1] for form in self._sources(sources)), strict=True))
        width = self.width or made["q"]
        found = {name: width if name in self.projections else made[name] for name in "qkv"}
        return {**found, "o": (self.units or made["q"]) if "o" in self.projections else found["v"]}

    def form(self, sources: Sequence[Form]) -> Form:
        """A vector for each position of the queries."""
        for form in sources:
            if form.steps or len(form.shape) != 2:
                message = _("attention takes arrays (positions, width); {shape} comes before it")
                raise ShapeError("inputs", message.format(shape=form))
        queries, keys, values = self._sources(sources)
        if keys.shape[0] != values.shape[0]:
            message = _("there must be as many keys as values; there are {keys} and {values}")
            raise ShapeError("inputs", message.format(keys=keys.shape[0], values=values.shape[0]))
        widths = self._widths(sources)
        if widths["q"] != widths["k"]:
            message = _("queries have the width {q} and keys {k}; project them, or make them equal")
            raise ShapeError("projections", message.format(q=widths["q"], k=widths["k"]))
        for name in ("q", "v"):
            if widths[name] % self.heads:
                message = _("a width of {width} cannot be divided among {heads} heads")
                raise ShapeError("heads", message.format(width=widths[name], heads=self.heads))
        for given, there, key in ((self.units, "o", "units"), (self.width, "q", "width")):
            if given is not None and there not in self.projections:
                message = _("{key} is the width of a projection that is not there")
                raise ShapeError(key, message.format(key=key))
        self._check_masks(queries.shape[0], keys.shape[0])
        return Form((queries.shape[0], widths["o"]))

    def _check_masks(self, queries: int, keys: int) -> None:
        """Refuses masks of another shape, or with other numbers than 0 and 1.

        Raises:
            ShapeError: with what there is.
        """
        if self.mask is not None and len(self.mask) != queries:
            message = _("the mask has {found} rows, and there are {wanted} queries")
            raise ShapeError("mask", message.format(found=len(self.mask), wanted=queries))
        check_mask("mask", self.mask, keys)
        check_mask("dropout_mask", self.dropout_mask, prod(self._table(queries, keys)))

    def slots(self, sources: Sequence[Form]) -> int:
        """Queries, keys, values and mixtures, the outputs, and five tables of scores."""
        queries, keys = (int(form.shape[0]) for form in self._sources(sources)[:2])
        widths = self._widths(sources)
        rows = queries * (widths["q"] + widths["v"] + widths["o"]) + keys * 2 * widths["v"]
        return rows + 5 * self.heads * queries * keys

    def parameters(self, sources: Sequence[Form]) -> tuple[Parameter, ...]:
        """Wq (width, features) and bq (width,), and those of the other projections."""
        widths = self._widths(sources)
        before = dict(zip("qkv", (form.shape[-1] for form in self._sources(sources)), strict=True))
        before["o"] = widths["v"]
        found: list[Parameter] = []
        for name in "qkvo":
            if name not in self.projections:
                continue
            fans = (widths[name], before[name])
            for letter, shape, role in (("W", fans, Role.WEIGHT), ("b", fans[:1], Role.BIAS)):
                if letter == "b" and self.bias == "none":
                    continue
                key = letter + name
                given = getattr(self, key)
                also = ("weights",) if letter == "W" else ("bias", "biases")
                found.append(Parameter(name=key, shape=shape, role=role, fans=fans, given=given, key=key, also=also))
        return tuple(found)

    def stored(self, sources: Sequence[Form]) -> tuple[Stored, ...]:
        """The tensors of PyTorch's nn.MultiheadAttention: those of q, k and v in one where all three are alike."""
        known = {one.name: one for one in self.parameters(sources)}

        def stacked(name: str, letter: str, letters: str) -> Stored:
            shapes = [known[letter + one].shape for one in letters]
            heights = tuple(shape[0] for shape in shapes)
            parameters = tuple(letter + one for one in letters)
            return Stored(name=name, shape=(sum(heights), *shapes[0][1:]), parameters=parameters, heights=heights)

        there = [name for name in "qkv" if name in self.projections]
        found = []
        if len(there) == 3 and len({known[f"W{name}"].shape[1] for name in there}) == 1:
            found.append(stacked("in_proj_weight", "W", "qkv"))
        else:
            found += [stacked(f"{name}_proj_weight", "W", name) for name in there]
        if there and self.bias != "none":
            found.append(stacked("in_proj_bias", "b", "".join(there)))
        if "o" in self.projections:
            found.append(stacked("out_proj.weight", "W", "o"))
            found += [stacked("out_proj.bias", "b", "o")] if self.bias != "none" else []
        return tuple(found)

    def build(self, forward: Forward, sources: Sequence[Value]) -> Value:
        """Projections, dot products, scores, softmax, perhaps dropout, mixtures, projection."""
        from retrograde.engine.equations.array import Extent, Phase
        from retrograde.engine.ops.attention import Dots, Mixture, Scores, root
        from retrograde.engine.ops.contract import ContractFactor
        from retrograde.engine.ops.dropout import Dropout

        op: dict[str, Any] = {"phase": Phase.FORWARD, "layer": self.name, "extent": Extent.SAMPLE}

        def projected(name: str, stem: str, x: Array, role: Role = Role.VALUE) -> Array:
            if name not in self.projections:
                return x
            bias = forward.parameter(f"b{name}") if self.bias != "none" else None
            return project(forward, stem, x, forward.parameter(f"W{name}"), bias, role)

        q, k, v = (projected(name, name, x) for name, x in zip("qkv", self._sources(sources), strict=True))
        queries, width = q.element_shape
        count, depth = v.element_shape
        sizes = {"h": self.heads, "t": queries, "u": count}
        # One head goes without saying: its tables have two axes.
        head = ("h",) if self.heads > 1 else ()
        within = "hd" if self.heads > 1 else "d"
        table = self._table(queries, count)
        dots = forward.append(
            Dots(
                target=forward.made("dot", table),
                axes=(*head, "t", "u"),
                left=ContractFactor(q, ("t", within)),
                right=ContractFactor(k, ("u", within)),
                sizes={**sizes, "d": width // self.heads},
                **op,
            )
        )
        made, scale = forward.made("scores", table), root(width // self.heads)
        masks = self._masks(forward, count)
        scores = forward.append(Scores(target=made, dots=dots, scale=scale, causal=self.causal, masks=masks, **op))
        weights = forward.shares(scores, "a", role=Role.VALUE, causal=self.causal)
        if self.evaluates_apart and forward.train:
            dropped = drawn_mask(forward, "dropout_mask", table, None, self.dropout)
            made = forward.made("dropped", table)
            weights = forward.append(Dropout.of(target=made, x=weights, mask=dropped, rate=self.dropout, **op))
        last = "o" not in self.projections
        mixture = forward.append(
            Mixture(
                target=forward.made("out" if last else "z", (queries, depth), role=Role.OUT if last else Role.VALUE),
                axes=("t", within),
                left=ContractFactor(weights, (*head, "t", "u")),
                right=ContractFactor(v, ("u", within)),
                sizes={**sizes, "d": depth // self.heads},
                **op,
            )
        )
        return projected("o", "out", mixture, Role.OUT)

    def _masks(self, forward: Forward, keys: int) -> tuple[Array, ...]:
        """What says which keys are seen: those of the data that count, and those that the file lets each query see."""
        found = forward.masked(keys) if self.key_mask else None
        masks = () if found is None else (found,)
        return masks if self.mask is None else (*masks, forward.leaves.table(f"seen_{self.name}", self.mask, self.name))
