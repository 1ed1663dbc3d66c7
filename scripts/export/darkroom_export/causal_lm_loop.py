"""The graph `generate`: several tokens in one run, so that the key/value cache stays where the layers are.

  input_ids [1, sequence] int64: the tokens that the cache has not seen yet; past_key_values.{i}.{key,value} as in `decoder`;
  uniforms [steps] float32 in [0, 1): one random number for each token to sample;
  temperature [] float32 above 0; top_p [] float32, so small that one token is left for greedy; eos_token_ids [ends] int64
  -> tokens [sampled] int64: as many as there are uniforms, fewer when the last one is an end; present.{i}.{key,value}: all but that one.

Each pass of the Loop is a decoder step and the sampling of docs/text-models.md: temperature, top-p, softmax, draw.
"""

import numpy as np
from onnx import GraphProto, ModelProto, TensorProto, helper

from .causal_lm_graph import Model, Nodes


def _lengths(nodes: Nodes, ids: str, past: str) -> tuple[str, str]:
    axis = nodes.constant("axis", 1, np.int64)
    fresh = nodes.add("Gather", [nodes.add("Shape", [ids], "ids.shape"), axis], "ids.length", axis=0)
    known = nodes.add("Gather", [nodes.add("Shape", [past], "past.shape"), nodes.constant("past.axis", 2, np.int64)], "past.length", axis=0)
    total = nodes.add("Cast", [nodes.add("Add", [fresh, known], "length")], "total_sequence_length", to=TensorProto.INT32)
    before = nodes.add("Sub", [total, nodes.constant("one.int32", 1, np.int32)], "length.before")
    return nodes.add("Reshape", [before, nodes.constant("one", [1], np.int64)], "seqlens_k"), total


def _sample(nodes: Nodes, logits: str, vocabulary: int, uniform: str) -> str:
    """[1] int64. The likeliest tokens whose predecessors have less than top_p together; of these the one that the number falls on."""
    first, last = nodes.constant("zero", [0], np.int64), nodes.constant("last", [-1], np.int64)
    scores = nodes.add("Div", [nodes.add("Reshape", [logits, last], "logits.flat"), "temperature"], "scaled")
    nodes.add("TopK", [scores, nodes.constant("vocabulary", [vocabulary], np.int64)], "sorted", more=("sorted.ids",), sorted=1)
    odds = nodes.add("Softmax", ["sorted"], "odds", axis=0)
    before = nodes.add("CumSum", [odds, nodes.constant("cumsum.axis", 0, np.int64)], "odds.before", exclusive=1)
    kept = nodes.add("Cast", [nodes.add("Less", [before, "top_p"], "kept")], "kept.float", to=TensorProto.FLOAT)
    nucleus = nodes.add("Mul", [odds, kept], "nucleus")
    upto = nodes.add("CumSum", [nucleus, "cumsum.axis"], "nucleus.upto")
    mark = nodes.add("Mul", [nodes.add("ReduceSum", [nucleus, first], "nucleus.sum", keepdims=0), uniform], "mark")
    passed = nodes.add("Cast", [nodes.add("LessOrEqual", [upto, mark], "passed")], "passed.float", to=TensorProto.FLOAT)
    rank = nodes.add("ReduceSum", [passed, first], "rank")
    # Rounding could pass the last of the nucleus.
    most = nodes.add("Sub", [nodes.add("ReduceSum", [kept, first], "kept.count"), nodes.constant("one.float", [1], np.float32)], "rank.most")
    index = nodes.add("Cast", [nodes.add("Min", [rank, most], "rank.kept")], "index", to=TensorProto.INT64)
    return nodes.add("Gather", ["sorted.ids", index], "token", axis=0)


def _body(model: Model) -> GraphProto:
    nodes = Nodes()
    lengths = _lengths(nodes, "ids", "past.0.key")
    logits = model.add_layers(nodes, "ids", lengths, ("past", "present"), "logits")
    uniform = nodes.add("Gather", ["uniforms", "iteration"], "uniform", axis=0)
    token = _sample(nodes, logits, model.shape.vocabulary, uniform)
    nodes.add("Reshape", [token, nodes.constant("one.one", [1, 1], np.int64)], "ids.next")
    ends = nodes.add("Cast", [nodes.add("Equal", [token, "eos_token_ids"], "is.end")], "is.end.float", to=TensorProto.FLOAT)
    count = nodes.add("ReduceSum", [ends, nodes.constant("zero", [0], np.int64)], "ends", keepdims=0)
    nodes.add("Less", [count, nodes.constant("half", 0.5, np.float32)], "goes.on.next")
    scalar = [helper.make_tensor_value_info("iteration", TensorProto.INT64, []), helper.make_tensor_value_info("goes.on", TensorProto.BOOL, [])]
    return helper.make_graph(
        nodes.made, "step",
        [*scalar, helper.make_tensor_value_info("ids", TensorProto.INT64, [1, "sequence"]), *model.caches("past", "past", 1)],
        [
            helper.make_tensor_value_info("goes.on.next", TensorProto.BOOL, []),
            helper.make_tensor_value_info("ids.next", TensorProto.INT64, [1, "next"]),
            *model.caches("present", "total", 1),
            helper.make_tensor_value_info("token", TensorProto.INT64, [1]),
        ],
        nodes.constants,
    )


def generate(model: Model) -> ModelProto:
    nodes = Nodes()
    steps = nodes.add("Shape", ["uniforms"], "uniforms.shape")
    trips = nodes.add("Reshape", [steps, nodes.constant("scalar", np.zeros(0), np.int64)], "trips")
    past, present = model.caches("past_key_values", "past", 1), model.caches("present", "total", 1)
    nodes.add(
        "Loop", [trips, nodes.constant("true", True, np.bool_), "input_ids", *(one.name for one in past)],
        "ids.last", more=(*(one.name for one in present), "tokens.rows"), body=_body(model),
    )
    nodes.add("Reshape", ["tokens.rows", nodes.constant("flat", [-1], np.int64)], "tokens")
    graph = helper.make_graph(
        nodes.made, "generate",
        [
            helper.make_tensor_value_info("input_ids", TensorProto.INT64, [1, "sequence"]),
            helper.make_tensor_value_info("uniforms", TensorProto.FLOAT, ["steps"]),
            helper.make_tensor_value_info("temperature", TensorProto.FLOAT, []),
            helper.make_tensor_value_info("top_p", TensorProto.FLOAT, []),
            helper.make_tensor_value_info("eos_token_ids", TensorProto.INT64, ["ends"]),
            *past,
        ],
        [helper.make_tensor_value_info("tokens", TensorProto.INT64, ["sampled"]), *present],
        nodes.constants,
    )
    return model.model(graph)
