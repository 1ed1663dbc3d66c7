"""torch modules as ONNX files with several outputs, sizes known at run time, and matrix products in int8 on request."""

import tempfile
from pathlib import Path
from typing import Any

import onnx
import onnx_ir
import torch

#: Has Attention, GroupNormalization and Gelu as operators of their own, for which execution providers have fused kernels.
OPSET = 23

#: A protobuf file ends at 2 GB, and a file with its weights inside is read into memory as a whole.
INSIDE_MAX_BYTES = 1_000_000_000

#: diffusers copies the memory of larger batches, which would be another graph.
BATCH_MAX = 63

#: Below, a size is 1 on a UNet's lowest level, which the exporter would take for a constant. The graphs run there, too.
SIZE_MIN, SIZE_MAX = 9, 4096

#: Name -> an example, and axis -> name of a size known at run time.
Inputs = dict[str, tuple[torch.Tensor, dict[int, str]]]


def weight_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir() if path.suffix in (".onnx", ".data"))


def _dynamic(inputs: Inputs, multiple: int) -> list[Any]:
    sizes: dict[str, Any] = {}

    def size(name: str) -> Any:
        if name not in sizes:
            if name == "batch":
                sizes[name] = torch.export.Dim(name, min=1, max=BATCH_MAX)
            else:
                dim = torch.export.Dim(name, min=SIZE_MIN, max=SIZE_MAX)
                sizes[name] = dim * multiple if multiple > 1 else dim
        return sizes[name]

    return [{axis: size(name) for axis, name in axes.items()} for _, axes in inputs.values()]


def without_traces(model: onnx_ir.Model) -> None:
    """Node by node, the exporter notes module paths and lines of code: more bytes than a small model's weights."""
    model.metadata_props.clear()
    model.graph.metadata_props.clear()
    model.graph.doc_string = None
    for node in model.graph.all_nodes():
        node.metadata_props.clear()
        node.doc_string = None
        for value in node.outputs:
            value.metadata_props.clear()
    for value in (*model.graph.inputs, *model.graph.initializers.values()):
        value.metadata_props.clear()


def export_graph(module: torch.nn.Module, path: Path, *, inputs: Inputs, outputs: list[str], multiple: int = 1) -> None:
    """`multiple`: every size known at run time is a multiple of it, but for the batch. Adapters' weights come last."""
    shapes = _dynamic(inputs, multiple)
    named = sum(not name.startswith("lora_") for name in inputs)
    program = torch.onnx.export(
        module.eval(), tuple(example for example, _ in inputs.values()), input_names=list(inputs), output_names=outputs,
        dynamic_shapes=(*shapes[:named], *([tuple(shapes[named:])] if named < len(inputs) else [])),
        opset_version=OPSET, dynamo=True, verbose=False,
    )
    without_traces(program.model)
    weights = sum(value.const_value.nbytes for value in program.model.graph.initializers.values() if value.const_value is not None)
    path.with_name(f"{path.name}.data").unlink(missing_ok=True)
    program.save(str(path), external_data=weights > INSIDE_MAX_BYTES)


def quantise_linear(path: Path) -> None:
    """Weights of the matrix products as int8 by column, activations quantised as they come: for CPUs."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    data = path.with_name(f"{path.name}.data")
    large = data.exists()
    # The quantiser turns weights round and would find their noted shapes wrong.
    unshaped = onnx.load(path, load_external_data=False)
    del unshaped.graph.value_info[:]
    onnx.save(unshaped, path)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".quantise-") as scratch:
        draft = Path(scratch) / path.name
        quantize_dynamic(
            path, draft, op_types_to_quantize=["MatMul"], per_channel=True, weight_type=QuantType.QInt8, use_external_data_format=large,
            extra_options={"MatMulConstBOnly": True, "DefaultTensorType": onnx.TensorProto.FLOAT},
        )
        model = onnx.load(draft)
    data.unlink(missing_ok=True)
    if large:
        onnx.save(model, path, save_as_external_data=True, all_tensors_to_one_file=True, location=data.name, size_threshold=1024)
    else:
        onnx.save(model, path)
