"""The graphs of a Mistral model, written node by node in ONNX Runtime's own operators.

`decoder` has the names of onnxruntime-genai's builder, so that graphs made there run as well:
  input_ids [batch, sequence] int64, attention_mask [batch, past + sequence] int64,
  past_key_values.{i}.{key,value} [batch, kv heads, past, head size]
  -> logits [batch, 1, vocabulary] float32 of the last position, present.{i}.{key,value}
`generate` (causal_lm_loop.py) has the same layers inside a Loop.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

from .causal_lm_weights import BLOCK, Checkpoint, WeightsFile, quantise
from .manifest import ExportError

MICROSOFT = "com.microsoft"
_OPSET = 18
_IR = 10


@dataclass(frozen=True)
class Shape:
    layers: int
    hidden: int
    inner: int
    heads: int
    kv_heads: int
    head_size: int
    vocabulary: int
    context: int
    rope_theta: float
    epsilon: float

    @property
    def cache_values(self) -> int:
        """Values in the key/value cache of one token."""
        return self.layers * 2 * self.kv_heads * self.head_size


def shape_of(config: dict[str, Any], context: int | None = None) -> Shape:
    """What config.json says, or an ExportError that names what this exporter does not know."""
    if config.get("model_type") != "mistral":
        raise ExportError(f"config.json says model_type {config.get('model_type')}; the exporter of causal-lm knows mistral.")
    if config.get("hidden_act", "silu") != "silu":
        raise ExportError(f"config.json says hidden_act {config['hidden_act']}; the exporter of causal-lm knows silu.")
    rope = config.get("rope_parameters") or config.get("rope_scaling") or {}
    if rope.get("rope_type", "default") != "default":
        raise ExportError(f"config.json says rope_type {rope['rope_type']}; the exporter of causal-lm knows the default one.")
    heads = config["num_attention_heads"]
    # Beyond the window a token would have to forget the earliest ones; the graphs keep all, so the context ends there.
    window = config.get("sliding_window") or config["max_position_embeddings"]
    return Shape(
        layers=config["num_hidden_layers"],
        hidden=config["hidden_size"],
        inner=config["intermediate_size"],
        heads=heads,
        kv_heads=config.get("num_key_value_heads") or heads,
        head_size=config.get("head_dim") or config["hidden_size"] // heads,
        vocabulary=config["vocab_size"],
        context=min(config["max_position_embeddings"], window, context or window),
        rope_theta=rope.get("rope_theta") or config.get("rope_theta") or 10000.0,
        epsilon=config["rms_norm_eps"],
    )


@dataclass
class Nodes:
    """A list of nodes in the making, and its small constants."""

    made: list[NodeProto] = field(default_factory=list)
    constants: list[TensorProto] = field(default_factory=list)

    def add(self, op: str, inputs: list[str], output: str, *, more: tuple[str, ...] = (), domain: str = "", **attributes: Any) -> str:
        # Named, so that what ONNX Runtime says of a node (where it runs, why it failed) can be found.
        self.made.append(helper.make_node(op, inputs, [output, *more], name=output, domain=domain, **attributes))
        return output

    def constant(self, name: str, values: Any, dtype: Any) -> str:
        if not any(one.name == name for one in self.constants):
            self.constants.append(numpy_helper.from_array(np.array(values, dtype), name))
        return name


@dataclass(frozen=True)
class Projection:
    """A matrix that is in the weights file, to multiply with."""

    name: str
    width: int
    out: int
    quantised: bool

    def apply(self, nodes: Nodes, x: str, output: str) -> str:
        if not self.quantised:
            return nodes.add("MatMul", [x, self.name], output)
        return nodes.add(
            "MatMulNBits", [x, f"{self.name}.q4", f"{self.name}.scales"], output,
            domain=MICROSOFT, K=self.width, N=self.out, bits=4, block_size=BLOCK, accuracy_level=4,
        )


class Model:
    """Writes the weights of a checkpoint once; then its layers can be put into any number of graphs."""

    def __init__(self, shape: Shape, checkpoint: Checkpoint, weights: WeightsFile, precision: str, report: Any) -> None:
        self.shape, self._weights, self._checkpoint = shape, weights, checkpoint
        self._quantised = precision == "int4"
        self.dtype = np.float16 if precision == "fp16" else np.float32
        self.element = TensorProto.FLOAT16 if precision == "fp16" else TensorProto.FLOAT
        self._layers: list[dict[str, Projection]] = []
        self._write_weights(report)

    def _vector(self, name: str) -> None:
        self._weights.add(name, self._checkpoint.read(name).astype(self.dtype))

    def _projection(self, name: str, *parts: str) -> Projection:
        weight = np.concatenate([self._checkpoint.read(part) for part in parts])
        out, width = weight.shape
        if self._quantised:
            q, scales = quantise(weight)
            self._weights.add(f"{name}.q4", q)
            self._weights.add(f"{name}.scales", scales)
        else:
            self._weights.add(name, weight.T.astype(self.dtype))
        return Projection(name, width, out, self._quantised)

    def _write_weights(self, report: Any) -> None:
        shape = self.shape
        self._vector("model.embed_tokens.weight")
        for i in range(shape.layers):
            report("writing layers", i, shape.layers)
            at = f"model.layers.{i}"
            self._vector(f"{at}.input_layernorm.weight")
            self._vector(f"{at}.post_attention_layernorm.weight")
            self._layers.append({
                "qkv": self._projection(f"{at}.self_attn.qkv", *(f"{at}.self_attn.{part}_proj.weight" for part in "qkv")),
                **{
                    part: self._projection(f"{at}.{block}.{part}", f"{at}.{block}.{part}_proj.weight")
                    for block, part in (("self_attn", "o"), ("mlp", "gate"), ("mlp", "up"), ("mlp", "down"))
                },
            })
        self._vector("model.norm.weight")
        is_tied = "lm_head.weight" not in self._checkpoint
        self._head = self._projection("lm_head", "model.embed_tokens.weight" if is_tied else "lm_head.weight")
        angles = np.outer(np.arange(shape.context), shape.rope_theta ** -(np.arange(0, shape.head_size, 2) / shape.head_size))
        self._weights.add("cos_cache", np.cos(angles).astype(self.dtype))
        self._weights.add("sin_cache", np.sin(angles).astype(self.dtype))

    def _norm(self, nodes: Nodes, x: str, skip: str | None, name: str, weight: str) -> tuple[str, str]:
        """Normalised, and the sum of both before that: the residual."""
        if skip is None:
            attributes = {"axis": -1, "epsilon": self.shape.epsilon, "stash_type": 1}
            return nodes.add("SimplifiedLayerNormalization", [x, weight], name, **attributes), x
        total = f"{name}.sum"
        normal = nodes.add(
            "SkipSimplifiedLayerNormalization", [x, skip, weight], name, more=("", "", total), domain=MICROSOFT, epsilon=self.shape.epsilon
        )
        return normal, total

    def _layer(self, nodes: Nodes, i: int, x: str, skip: str | None, lengths: tuple[str, str], cache: tuple[str, str]) -> tuple[str, str]:
        at, parts = f"model.layers.{i}", self._layers[i]
        normal, residual = self._norm(nodes, x, skip, f"{at}.input_norm", f"{at}.input_layernorm.weight")
        qkv = parts["qkv"].apply(nodes, normal, f"{at}.qkv")
        attended = nodes.add(
            "GroupQueryAttention",
            [qkv, "", "", *(f"{cache[0]}.{i}.{kind}" for kind in ("key", "value")), *lengths, "cos_cache", "sin_cache"],
            f"{at}.attention", more=tuple(f"{cache[1]}.{i}.{kind}" for kind in ("key", "value")), domain=MICROSOFT,
            num_heads=self.shape.heads, kv_num_heads=self.shape.kv_heads, do_rotary=1, rotary_interleaved=0,
        )
        mixed = parts["o"].apply(nodes, attended, f"{at}.o")
        normal, residual = self._norm(nodes, residual, mixed, f"{at}.post_norm", f"{at}.post_attention_layernorm.weight")
        gate = parts["gate"].apply(nodes, normal, f"{at}.gate")
        swish = nodes.add("Mul", [gate, nodes.add("Sigmoid", [gate], f"{at}.sigmoid")], f"{at}.swish")
        inner = nodes.add("Mul", [swish, parts["up"].apply(nodes, normal, f"{at}.up")], f"{at}.inner")
        return residual, parts["down"].apply(nodes, inner, f"{at}.down")

    def add_layers(self, nodes: Nodes, ids: str, lengths: tuple[str, str], cache: tuple[str, str], logits: str) -> str:
        """`lengths`: keys of each row minus one and of all [int32]. `cache`: the prefixes of past and present names."""
        x, skip = nodes.add("Gather", ["model.embed_tokens.weight", ids], "embedded"), None
        for i in range(self.shape.layers):
            x, skip = self._layer(nodes, i, x, skip, lengths, cache)
        normal, _ = self._norm(nodes, x, skip, "final_norm", "model.norm.weight")
        last = nodes.add("Gather", [normal, nodes.constant("last", [-1], np.int64)], "final_norm.last", axis=1)
        scores = self._head.apply(nodes, last, "scores")
        return nodes.add("Cast", [scores], logits, to=TensorProto.FLOAT)

    def caches(self, prefix: str, length: str, batch: str | int = "batch") -> list[ValueInfoProto]:
        shape = self.shape
        dims = [batch, shape.kv_heads, length, shape.head_size]
        return [
            helper.make_tensor_value_info(f"{prefix}.{i}.{kind}", self.element, dims) for i in range(shape.layers) for kind in ("key", "value")
        ]

    def model(self, graph: GraphProto) -> ModelProto:
        graph.initializer.extend(self._weights.initializers)
        opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid(MICROSOFT, 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=_IR, producer_name="darkroom")


def decoder(model: Model) -> ModelProto:
    nodes = Nodes()
    one = nodes.constant("one", [1], np.int64)
    counted = nodes.add("ReduceSum", ["attention_mask", one], "keys", keepdims=0)
    before = nodes.add("Cast", [nodes.add("Sub", [counted, one], "keys.before")], "seqlens_k", to=TensorProto.INT32)
    total = nodes.add("Gather", [nodes.add("Shape", ["attention_mask"], "mask.shape"), nodes.constant("axis", 1, np.int64)], "mask.length", axis=0)
    all_keys = nodes.add("Cast", [total], "total_sequence_length", to=TensorProto.INT32)
    model.add_layers(nodes, "input_ids", (before, all_keys), ("past_key_values", "present"), "logits")
    graph = helper.make_graph(
        nodes.made, "decoder",
        [
            helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch", "sequence"]),
            helper.make_tensor_value_info("attention_mask", TensorProto.INT64, ["batch", "total"]),
            *model.caches("past_key_values", "past"),
        ],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 1, model.shape.vocabulary]), *model.caches("present", "total")],
        nodes.constants,
    )
    return model.model(graph)
