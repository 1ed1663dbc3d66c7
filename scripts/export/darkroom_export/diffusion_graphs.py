"""torch modules as ONNX files: dynamic sizes by name, no traces of this machine in them, weights outside above 1 GB."""

import tempfile
from pathlib import Path
from typing import Any

import onnx
import torch

OPSET = 23
#: diffusers copies the memory of larger batches, which would be another graph.
BATCH_MAX = 63
#: A protobuf file ends at 2 GB, and a file with its weights inside is read into memory as a whole.
INSIDE_MAX_BYTES = 1_000_000_000


def weight_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir() if path.suffix in (".onnx", ".data"))


def _dynamic(inputs: dict[str, tuple[torch.Tensor, dict[int, str]]], multiple: int) -> tuple[Any, ...]:
    sizes: dict[str, Any] = {}

    def size(name: str) -> Any:
        if name not in sizes:
            dim = torch.export.Dim(name, min=1, max=BATCH_MAX if name == "batch" else 4096)
            sizes[name] = dim * multiple if multiple > 1 and name != "batch" else dim
        return sizes[name]

    return tuple({axis: size(name) for axis, name in axes.items()} for _, axes in inputs.values())


def _without_traces(model: onnx.ModelProto) -> None:
    """Node by node, the exporter notes module paths and lines of code: more bytes than a small model's weights."""
    graphs = [model.graph, *(function for function in model.functions)]
    for graph in graphs:
        graph.doc_string = ""
        del graph.metadata_props[:]
        for node in graph.node:
            node.doc_string = ""
            del node.metadata_props[:]
    for value in (*model.graph.value_info, *model.graph.initializer, *model.graph.input, *model.graph.output):
        value.doc_string = ""
        del value.metadata_props[:]
    del model.graph.value_info[:]
    model.doc_string = ""
    del model.metadata_props[:]


def save(model: onnx.ModelProto, path: Path) -> None:
    data = path.with_name(f"{path.name}.data")
    data.unlink(missing_ok=True)
    large = sum(len(tensor.raw_data) for tensor in model.graph.initializer) > INSIDE_MAX_BYTES
    if large:
        onnx.save(model, path, save_as_external_data=True, all_tensors_to_one_file=True, location=data.name, size_threshold=1024)
    else:
        onnx.save(model, path)


def export_graph(module: torch.nn.Module, path: Path, *, inputs: dict[str, tuple[torch.Tensor, dict[int, str]]],
                 outputs: list[str], multiple: int = 1) -> None:
    """`inputs`: name -> (an example, axis -> name of a size known at run time); `multiple`: all sizes are multiples of it."""
    *shapes, = _dynamic(inputs, multiple)
    names = list(inputs)
    positional = len(names) - sum(name.startswith("lora_") for name in names)
    dynamic = (*shapes[:positional], *([tuple(shapes[positional:])] if positional < len(names) else []))
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".export-") as scratch:
        program = torch.onnx.export(
            module.eval(), tuple(example for example, _ in inputs.values()), input_names=names, output_names=outputs,
            dynamic_shapes=dynamic, opset_version=OPSET, dynamo=True, verbose=False, external_data=True,
        )
        draft = Path(scratch) / "graph.onnx"
        program.save(str(draft), external_data=True)
        model = onnx.load(draft)
    _without_traces(model)
    save(model, path)


def quantise_linear(path: Path) -> None:
    """Weights of the matrix products as int8 by column, activations quantised as they come: for CPUs."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".quantise-") as scratch:
        draft = Path(scratch) / "graph.onnx"
        quantize_dynamic(
            path, draft, op_types_to_quantize=["MatMul"], per_channel=True, weight_type=QuantType.QInt8,
            use_external_data_format=path.with_name(f"{path.name}.data").exists(),
            extra_options={"MatMulConstBOnly": True, "DefaultTensorType": onnx.TensorProto.FLOAT},
        )
        model = onnx.load(draft)
    _without_traces(model)
    save(model, path)
