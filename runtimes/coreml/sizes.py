"""The shapes that an input or output is described to take: one, a list of them, or a range for each dimension."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pam_edge.errors import ArtifactError

Shape = tuple[int, ...]

Range = tuple[int, int | None]
"""Lowest and highest size of a dimension, both allowed; None where nothing bounds it."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """What a description allows; without list and ranges the default is the only shape.

    Attributes:
        default: shape that the model is made ready for, and that stands for an input left out.
        listed: all allowed shapes, in the description's order, where they are enumerated.
        ranges: of each dimension, where sizes vary on their own.
    """

    default: Shape
    listed: tuple[Shape, ...] = ()
    ranges: tuple[Range, ...] = ()

    @classmethod
    def of_declared(cls, shape: tuple[int | None, ...]) -> Sizes:
        """Return what a program's own declaration allows: any size where it states none."""
        if None not in shape:
            return cls(tuple(size for size in shape if size is not None))
        return cls(tuple(size or 1 for size in shape), ranges=tuple((size or 0, size) for size in shape))

    @property
    def shape(self) -> tuple[int | None, ...]:
        """The size of each dimension, None where it is not always the same."""
        if self.listed:
            return tuple(
                a if all(s[d : d + 1] == (a,) for s in self.listed) else None for d, a in enumerate(self.default)
            )
        if self.ranges:
            return tuple(low if low == high else None for low, high in self.ranges)
        return self.default

    def accepts(self, shape: Shape) -> bool:
        """Tell whether Core ML takes a value of this shape."""
        if self.listed:
            return shape in self.listed
        if self.ranges:
            return len(shape) == len(self.ranges) and all(
                low <= size and (high is None or size <= high)
                for size, (low, high) in zip(shape, self.ranges, strict=True)
            )
        return shape == self.default

    def with_channels(self, channels: int) -> Sizes:
        """Return the sizes of images as arrays: three channels come last, a single one has no dimension."""
        if channels == 1:
            return self
        return Sizes(
            (*self.default, channels),
            tuple((*shape, channels) for shape in self.listed),
            (*self.ranges, (channels, channels)) if self.ranges else (),
        )

    def __str__(self) -> str:
        if self.listed:
            return "one of " + ", ".join(str(list(shape)) for shape in self.listed)
        if self.ranges:
            return f"[{', '.join(map(_range_text, self.ranges))}]"
        return str(list(self.default))


def _range_text(bounds: Range) -> str:
    low, high = bounds
    return str(low) if low == high else f"{low} to {high}" if high is not None else f"{low} or more"


def array_sizes(array: Any, place: str) -> Sizes | None:
    """Read which shapes a multi-array may have; None if its description does not say.

    Args:
        array: ``ArrayFeatureType``.
        place: for messages.

    Raises:
        ArtifactError: if the description contradicts itself.
    """
    described = tuple(int(size) for size in array.shape)
    flexibility = array.WhichOneof("ShapeFlexibility")
    if flexibility == "enumeratedShapes":
        return _listed(described, [tuple(map(int, each.shape)) for each in array.enumeratedShapes.shapes], place)
    if flexibility == "shapeRange":
        return _ranged(described, array.shapeRange.sizeRanges, place)
    return Sizes(described) if described else None


def image_sizes(image: Any, place: str) -> Sizes:
    """Read which heights and widths an image may have, from an ``ImageFeatureType``.

    Raises:
        ArtifactError: if the description contradicts itself, or names no size.
    """
    described = (int(image.height), int(image.width)) if image.height > 0 and image.width > 0 else ()
    flexibility = image.WhichOneof("SizeFlexibility")
    if flexibility == "enumeratedSizes":
        return _listed(described, [(int(each.height), int(each.width)) for each in image.enumeratedSizes.sizes], place)
    if flexibility == "imageSizeRange":
        bounds = (image.imageSizeRange.heightRange, image.imageSizeRange.widthRange)
        return _ranged(described, bounds, place)
    if not described:
        raise ArtifactError(f"Expected {place} to have a height and a width; found {image.height}x{image.width}.")
    return Sizes(described)


def _listed(described: Shape, shapes: Sequence[Shape], place: str) -> Sizes:
    if not shapes or not all(shapes):
        raise ArtifactError(f"Expected {place} to list at least one shape, and none without dimensions. Convert again.")
    return _checked(Sizes(described or shapes[0], listed=tuple(shapes)), place)


def _ranged(described: Shape, bounds: Sequence[Any], place: str) -> Sizes:
    ranges = tuple((int(b.lowerBound), int(b.upperBound) if b.upperBound >= 0 else None) for b in bounds)
    empty = [each for each in ranges if each[1] is not None and each[0] > each[1]]
    if not ranges or empty:
        raise ArtifactError(f"Expected a lowest and a highest size for each dimension of {place}; found {empty}.")
    return _checked(Sizes(described or tuple(low for low, _ in ranges), ranges=ranges), place)


def _checked(sizes: Sizes, place: str) -> Sizes:
    if not sizes.accepts(sizes.default):
        raise ArtifactError(
            f"Expected the default shape of {place} to be {sizes}; found {list(sizes.default)}. Convert again."
        )
    return sizes
