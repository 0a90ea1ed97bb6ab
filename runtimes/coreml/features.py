"""Inputs and outputs of a model as an app sees them: arrays and images, and their conversion to and from tensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from pam_edge.errors import ArtifactError, UnsupportedOpError, UsageError
from pam_edge.runtimes.coreml.sizes import Sizes, array_sizes, image_sizes
from pam_edge.runtimes.coreml.types import FLOATS, NUMPY, DType, TensorType, enum_name, hold

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
        sizes: allowed shapes of the array an app passes: height and width (and 3) for images.
        dtype: numpy name of its elements: images are ``uint8``, or ``float16`` for 16-bit grayscale.
        colour: ``RGB``, ``BGR``, ``GRAYSCALE`` or ``GRAYSCALE_FLOAT16`` for images, else None. It is the layout inside
            the model: colour images are always passed and returned as RGB.
        type: what the program declares.
        optional: whether an input may be left out.
        default: what a multi-array that is left out is filled with; None where the description does not say.
    """

    name: str
    kind: Kind
    sizes: Sizes
    dtype: str
    colour: str | None
    type: TensorType
    optional: bool = False
    default: float | None = None

    @property
    def shape(self) -> tuple[int | None, ...]:
        """Shape of the array an app passes, None for sizes that are not always the same."""
        return self.sizes.shape

    def fit(self, value: Any) -> np.ndarray:
        """Return what a caller passes as an array of an allowed shape.

        Args:
            value: array of an allowed shape and ``dtype``, or for images anything numpy takes, such as a PIL image.
                Floats and integers of another width are converted, as Core ML converts multi-arrays. A scalar may stand
                for an array of one element, and a grayscale image may have a channel.

        Raises:
            UsageError: if shape or type do not fit.
        """
        array, wanted = np.asarray(value), np.dtype(self.dtype)
        same_kind = array.dtype.kind == wanted.kind or (array.dtype.kind == "u" and wanted.kind == "i")
        if not (array.dtype == wanted if self.kind == "image" else same_kind):
            raise UsageError(f"Expected '{self.name}' as {self.dtype}; got {array.dtype}. Convert it first.")
        if self.kind == "tensor" and array.shape == () and self.sizes.accepts((1,)):
            array = array.reshape(1)
        if self.kind == "image" and array.ndim == 3 and array.shape[2] == 1:
            array = array[:, :, 0]
        self._check_shape(array.shape)
        return array.astype(wanted)

    def to_tensor(self, array: np.ndarray) -> Tensor:
        """Convert an array that fits to the tensor that the program takes."""
        if self.kind == "tensor":
            tensor = hold(np.ascontiguousarray(array))
            return tensor.reshape(()) if self.type.shape == () else tensor
        pixels = torch.from_numpy(np.array(array, dtype=np.float32))
        if pixels.dim() == 2:
            return pixels[None, None]
        channels = pixels.permute(2, 0, 1).contiguous()[None]
        return channels.flip(1) if self.colour == "BGR" else channels

    def _check_shape(self, shape: tuple[int, ...]) -> None:
        if not self.sizes.accepts(shape):
            raise UsageError(
                f"Expected '{self.name}' of shape {self.sizes}; got {list(shape)}. Resize or reshape it first."
            )

    def value_left_out(self) -> np.ndarray:
        """Return what stands for an optional input that a caller leaves out: its default shape, filled.

        Without a value in the description it is filled with zeros.

        Raises:
            UsageError: if it is not optional, or an image, for which no description holds a value.
        """
        if not self.optional or self.kind == "image":
            raise UsageError(f"Expected a value for '{self.name}', {self.sizes}; got none. Pass it.")
        return np.full(self.sizes.default, self.default or 0, np.dtype(self.dtype))

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


def parse_features(
    descriptions: Any, declared: Mapping[str, TensorType], place: str, *, entering: bool
) -> list[Feature]:
    """Parse input or output descriptions and check them against the program.

    Args:
        descriptions: repeated ``FeatureDescription``.
        declared: types of the function's inputs or outputs.
        place: for messages.
        entering: whether they are inputs, which must state their shapes and may be optional.

    Raises:
        ArtifactError: if names, types or sizes disagree with the program, or Core ML would refuse them.
        UnsupportedOpError: if a feature is neither image nor array.
    """
    names = [item.name for item in descriptions]
    if sorted(names) != sorted(declared):
        raise ArtifactError(f"Expected {sorted(declared)} to be described as {place}; found {sorted(names)}.")
    return [_feature(item, declared[item.name], place, entering) for item in descriptions]


def _feature(description: Any, declared: TensorType, place: str, entering: bool) -> Feature:
    kind = description.type.WhichOneof("Type")
    where = f"'{description.name}' of {place}"
    if description.type.isOptional and not entering:
        raise ArtifactError(f"Expected every output always to be there; found {where} described as optional.")
    if kind == "imageType":
        return _image(description, declared, where)
    if kind != "multiArrayType":
        raise UnsupportedOpError(f"The runtime takes images and multi-arrays; {where} is a {kind}.")
    array = description.type.multiArrayType
    if _ARRAY_DTYPES.get(name := enum_name(array, "dataType")) is not declared.dtype:
        raise ArtifactError(f"Expected {where} to be described as {declared.dtype.value}; found {name}. Convert again.")
    shape: tuple[int | None, ...] = (1,) if declared.shape == () else declared.shape or ()
    sizes = array_sizes(array, where)
    if sizes is None and entering:
        raise ArtifactError(f"Expected {where} to be described with a shape; found none. Convert again.")
    sizes = sizes or Sizes.of_declared(shape)
    _check_default_shape(sizes, TensorType(declared.dtype, shape), where)
    return Feature(
        description.name,
        "tensor",
        sizes,
        str(NUMPY[declared.dtype]),
        None,
        declared,
        optional=description.type.isOptional,
        default=_default_value(array, declared.dtype, where) if description.type.isOptional else None,
    )


def _check_default_shape(sizes: Sizes, declared: TensorType, where: str) -> None:
    if not declared.accepts(sizes.default):
        raise ArtifactError(
            f"Expected {where}, described as {sizes}, to be so in the program too; found {declared}. Convert again."
        )


def _default_value(array: Any, dtype: DType, where: str) -> float | None:
    """Return the value of an optional multi-array that is left out.

    Raises:
        ArtifactError: if it is of another kind than the array's elements, which Core ML refuses.
    """
    field = array.WhichOneof("defaultOptionalValue")
    if field is None:
        return None
    if field != ("floatDefaultValue" if dtype in FLOATS else "intDefaultValue"):
        raise ArtifactError(f"Expected the default value of {where} to be of its type, {dtype.value}; found {field}.")
    value: float = getattr(array, field)
    return value


def _image(description: Any, declared: TensorType, where: str) -> Feature:
    image = description.type.imageType
    colour = enum_name(image, "colorSpace")
    if colour not in COLOUR_CHANNELS:
        raise ArtifactError(
            f"Expected {where} to have one of the colours {', '.join(COLOUR_CHANNELS)}; found {colour}."
        )
    channels = COLOUR_CHANNELS[colour]
    sizes = image_sizes(image, where)
    wanted = TensorType(declared.dtype, (1, channels, *sizes.shape))
    dtypes = (DType.FP16,) if colour == "GRAYSCALE_FLOAT16" else (DType.FP32, DType.FP16)
    if declared.dtype not in dtypes or declared.shape is None or not declared.accepts((1, channels, *sizes.default)):
        raise ArtifactError(f"Expected {where}, an image {colour} of {sizes}, to be {wanted}; found {declared}.")
    dtype = "float16" if colour == "GRAYSCALE_FLOAT16" else "uint8"
    outside = sizes.with_channels(channels)
    return Feature(description.name, "image", outside, dtype, colour, declared, optional=description.type.isOptional)
