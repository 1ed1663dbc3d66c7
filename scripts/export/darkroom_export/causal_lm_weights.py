"""Weights of a language model: read one at a time from safetensors, written one after the other beside the graphs."""

import json
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper
from safetensors import safe_open

from .manifest import ExportError

BLOCK = 32
"""Weights that share one scale, in int4."""
_ALIGN = 4096


class Checkpoint:
    """The tensors of `model.safetensors`, or of the parts that its index names. Nothing is in memory until it is asked for."""

    def __init__(self, folder: Path) -> None:
        index = folder / "model.safetensors.index.json"
        single = folder / "model.safetensors"
        if index.is_file():
            self._files = {name: folder / part for name, part in json.loads(index.read_text("utf-8"))["weight_map"].items()}
        elif single.is_file():
            with safe_open(single, "pt") as file:
                self._files = dict.fromkeys(file.keys(), single)
        else:
            raise ExportError(f"{folder} has neither model.safetensors nor model.safetensors.index.json.")

    def __contains__(self, name: str) -> bool:
        return name in self._files

    def read(self, name: str) -> np.ndarray:
        """float32, as the checkpoint shapes it: [out, in] for a projection."""
        if name not in self._files:
            raise ExportError(f"the weights have no {name}: not a Mistral model.")
        with safe_open(self._files[name], "pt") as file:
            return file.get_tensor(name).to(torch.float32).numpy()


class WeightsFile:
    """One file of raw tensors that several graphs may name as their external data."""

    def __init__(self, path: Path) -> None:
        self._path, self._file = path, path.open("wb")
        self.initializers: list[TensorProto] = []

    def __enter__(self) -> "WeightsFile":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    @property
    def bytes(self) -> int:
        return self._file.tell()

    def add(self, name: str, values: np.ndarray) -> str:
        self._file.write(b"\0" * (-self._file.tell() % _ALIGN))
        data = np.ascontiguousarray(values)
        tensor = TensorProto(
            name=name, dims=data.shape, data_type=helper.np_dtype_to_tensor_dtype(data.dtype), data_location=TensorProto.EXTERNAL
        )
        place = {"location": self._path.name, "offset": self._file.tell(), "length": data.nbytes}
        tensor.external_data.extend(onnx.StringStringEntryProto(key=key, value=str(value)) for key, value in place.items())
        self._file.write(data.tobytes())
        self.initializers.append(tensor)
        return name


def quantise(weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """[out, in] to what MatMulNBits reads: bytes [out, in/32, 16] of two weights each (low half first) and scales [out * in/32].

    A weight w is (q - 8) * scale. The largest of a block, whichever sign it has, is -8: one step more than +7 would give."""
    out, width = weight.shape
    if width % BLOCK != 0:
        raise ExportError(f"int4 needs widths that are multiples of {BLOCK}; a projection has {width}.")
    blocks = weight.reshape(out, width // BLOCK, BLOCK)
    largest = np.take_along_axis(blocks, np.abs(blocks).argmax(-1)[..., None], -1)
    scales = (largest / -8).astype(np.float32)
    steps = np.divide(blocks, scales, out=np.zeros_like(blocks), where=scales != 0)
    q = np.clip(np.rint(steps) + 8, 0, 15).astype(np.uint8)
    return q[..., 0::2] | (q[..., 1::2] << 4), scales.reshape(-1)
