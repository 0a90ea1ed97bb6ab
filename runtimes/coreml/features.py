"""Inputs and outputs of a model as an app sees them: arrays and images, and their conversion to and from tensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from pam_edge.errors import ArtifactError, UnsupportedOpError, UsageError
from pam_edge.runtimes.coreml.types import NUMPY, DType, TensorType, hold

Kind = Literal["tensor", "image"]

COLOUR_CHANNELS: dict[str, int] = {"RGB": 3, "BGR": 3, "GRAYSCALE": 1, "GRAYSCALE_FLOAT16": 1}
_ARRAY_DTYPES: dict[str, DType] = {
    "FLOAT16": DType.FP16,
    "FLOAT32": DType.FP32,
    "INT32": DType.INT32,
    "INT8": DType.INT8,
}


@dataclass(frozen=True, slots=True)
class Feature:
    """An input or output of a function.

    Attributes:
        name: as in the model.
        kind: ``image`` or ``tensor``.
        shape: of the array an app passes: sizes for tensors, height and width (and 3) for images; None where free.
        dtype: numpy name of its elements: images are ``uint8``, or ``float16`` for 16-bit grayscale.
        colour: ``RGB``, ``BGR``, ``GRAYSCALE`` or ``GRAYSCALE_FLOAT16`` for images, else None. It is the layout inside
            the model: colour images are always passed and returned as RGB.
        type: what the program declares.
    """

    name: str
    kind: Kind
    shape: tuple[int | None, ...]
    dtype: str
    colour: str | None
    type: TensorType

    def to_tensor(self, value: Any) -> Tensor:
        """Convert what a caller passes to the tensor that the program takes.

        Args:
            value: array of ``shape`` and ``dtype``, or for images anything numpy takes, such as a PIL image. Floats
                and integers of another width are converted, as Core ML converts multi-arrays.

        Raises:
            UsageError: if shape or type do not fit.
        """
        array = np.asarray(value)
        if self.kind == "image":
            return self._image_to_tensor(array)
        wanted = np.dtype(self.dtype)
        if array.dtype.kind != wanted.kind and not (array.dtype.kind == "u" and wanted.kind == "i"):
            raise UsageError(f"Expected '{self.name}' as {self.dtype}; got {array.dtype}. Convert it first.")
        array = array.reshape(1) if array.shape == () and self.shape == (1,) else array
        self._check_shape(array.shape)
        tensor = hold(np.ascontiguousarray(array.astype(wanted)))
        return tensor.reshape(()) if self.type.shape == () else tensor

    def _image_to_tensor(self, array: np.ndarray) -> Tensor:
        if array.dtype != np.dtype(self.dtype):
            raise UsageError(f"Expected the image '{self.name}' as {self.dtype}; got {array.dtype}. Convert it first.")
        if self.colour in ("GRAYSCALE", "GRAYSCALE_FLOAT16") and array.ndim == 3 and array.shape[2] == 1:
            array = array[:, :, 0]
        self._check_shape(array.shape)
        pixels = torch.from_numpy(np.array(array, dtype=np.float32))
        if pixels.dim() == 2:
            return pixels[None, None]
        channels = pixels.permute(2, 0, 1).contiguous()[None]
        return channels.flip(1) if self.colour == "BGR" else channels

    def _check_shape(self, shape: tuple[int, ...]) -> None:
        fits = len(shape) == len(self.shape) and all(
            w is None or w == n for w, n in zip(self.shape, shape, strict=True)
        )
        if not fits:
            wanted = ["any" if size is None else size for size in self.shape]
            raise UsageError(
                f"Expected '{self.name}' of shape {wanted}; got {list(shape)}. Resize or reshape it first."
            )

    def to_array(self, tensor: Tensor) -> np.ndarray:
        """Convert a tensor that the program returned to what Core ML hands to an app.

        8-bit images are clamped to 0..255 and rounded to the nearest integer: the conversion itself is not part of the
        program, and Core ML does not document its rounding.
        """
        if self.kind == "tensor":
            array: np.ndarray = tensor.detach().numpy().astype(np.dtype(self.dtype))
            return array.reshape(1) if self.type.shape == () else array
        plane = tensor[0].flip(0) if self.colour == "BGR" else tensor[0]
        if self.dtype == "uint8":
            plane = plane.clamp(0, 255).round()
        pixels = plane[0] if len(plane) == 1 else plane.permute(1, 2, 0)
        return pixels.numpy().astype(np.dtype(self.dtype))


def parse_features(descriptions: Any, declared: Mapping[str, TensorType], place: str) -> list[Feature]:
    """Parse input or output descriptions and check them against the program.

    Args:
        descriptions: repeated ``FeatureDescription``.
        declared: types of the function's inputs or outputs.
        place: for messages.

    Raises:
        ArtifactError: if names, types or sizes disagree with the program.
        UnsupportedOpError: if a feature is neither image nor array.
    """
    names = [item.name for item in descriptions]
    if sorted(names) != sorted(declared):
        raise ArtifactError(f"Expected {sorted(declared)} to be described as {place}; found {sorted(names)}.")
    return [_feature(item, declared[item.name], place) for item in descriptions]


def _feature(description: Any, declared: TensorType, place: str) -> Feature:
    kind = description.type.WhichOneof("Type")
    where = f"'{description.name}' of {place}"
    if kind == "imageType":
        return _image(description, declared, where)
    if kind != "multiArrayType":
        raise UnsupportedOpError(f"The runtime takes images and multi-arrays; {where} is a {kind}.")
    array = description.type.multiArrayType
    name = type(array).DESCRIPTOR.fields_by_name["dataType"].enum_type.values_by_number[array.dataType].name
    if _ARRAY_DTYPES.get(name) is not declared.dtype:
        raise ArtifactError(f"Expected {where} to be described as {declared.dtype.value}; found {name}. Convert again.")
    shape: tuple[int | None, ...] = (1,) if declared.shape == () else declared.shape or ()
    described = tuple(array.shape)
    fits = not described or (
        len(described) == len(shape) and all(w in (None, d) for w, d in zip(shape, described, strict=True))
    )
    if not fits:
        raise ArtifactError(f"Expected {where} to be described as {list(shape)}; found {list(described)}.")
    return Feature(description.name, "tensor", shape, str(NUMPY[declared.dtype]), None, declared)


def _image(description: Any, declared: TensorType, where: str) -> Feature:
    image = description.type.imageType
    enum = type(image).DESCRIPTOR.fields_by_name["colorSpace"].enum_type
    colour = enum.values_by_number[image.colorSpace].name
    if colour not in COLOUR_CHANNELS:
        raise ArtifactError(
            f"Expected {where} to have one of the colours {', '.join(COLOUR_CHANNELS)}; found {colour}."
        )
    flexible = image.WhichOneof("SizeFlexibility") is not None
    sizes = (None, None) if flexible else (int(image.height), int(image.width))
    wanted = TensorType(declared.dtype, (1, COLOUR_CHANNELS[colour], *sizes))
    dtypes = (DType.FP16,) if colour == "GRAYSCALE_FLOAT16" else (DType.FP32, DType.FP16)
    shape = declared.shape
    agrees = (
        shape is not None
        and len(shape) == 4
        and all(a in (None, b) or b is None for a, b in zip(shape, wanted.shape or (), strict=True))
    )
    if declared.dtype not in dtypes or not agrees:
        raise ArtifactError(f"Expected {where}, an image {colour} of {sizes}, to be {wanted}; found {declared}.")
    outside = (*sizes, 3) if COLOUR_CHANNELS[colour] == 3 else sizes
    return Feature(
        description.name, "image", outside, "float16" if colour == "GRAYSCALE_FLOAT16" else "uint8", colour, declared
    )
