"""PyTorch module to ONNX file with one output; the operators are those of opset 23."""

from pathlib import Path

import torch

from ..graphs import without_traces

#: Has Attention, RMSNormalization and Gelu as operators of their own, for which execution providers have fused kernels.
OPSET = 23

#: Beyond it a protobuf cannot hold the weights; they go into a file beside the graph.
_INLINE_MAX_BYTES = 1 << 30

Dims = dict[str, dict[int, torch.export.Dim]]


def write_graph(
    module: torch.nn.Module,
    inputs: dict[str, torch.Tensor | list[torch.Tensor]],
    path: Path,
    *,
    output: str,
    dynamic: dict[str, dict[int, object]],
    input_names: list[str] | None = None,
) -> int:
    """Writes `module(**inputs)` as a graph with one output. Returns the bytes of its weights."""
    module.eval()
    shapes = {name: dynamic.get(name, [{} for _ in value] if isinstance(value, list) else {}) for name, value in inputs.items()}
    with torch.no_grad():
        program = torch.onnx.export(
            module,
            kwargs=inputs,
            dynamo=True,
            opset_version=OPSET,
            dynamic_shapes=shapes,
            input_names=input_names or list(inputs),
            output_names=[output],
            verbose=False,
        )
    without_traces(program.model)
    weights = sum(value.const_value.nbytes for value in program.model.graph.initializers.values() if value.const_value is not None)
    path.parent.mkdir(parents=True, exist_ok=True)
    program.save(str(path), external_data=weights > _INLINE_MAX_BYTES)
    return weights
