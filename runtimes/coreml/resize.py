"""Resizing, resampling and cropping of the last two dimensions, with each alignment rule.

Each rule is a list of positions in the input, one per output element; coremltools documents the formulas under
``resize_bilinear``. Where the documents leave a result open (ties of nearest neighbours), the operator is refused.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from pam_edge.errors import ArtifactError, UnsupportedOpError
from pam_edge.runtimes.coreml.operator import Operator, moves, numbers


def sampling_grid(mode: str, size: float, count: int) -> Tensor:
    """Return where output elements sample an input of ``size`` elements.

    Args:
        mode: ``STRICT_ALIGN_CORNERS``, ``ALIGN_CORNERS``, ``DEFAULT``, ``OFFSET_CORNERS`` or ``UNALIGN_CORNERS``.
        size: elements of the input along the dimension; fractional for a box.
        count: elements of the output along the dimension.

    Returns:
        float64[count], within 0 and size - 1.

    Raises:
        ArtifactError: if the mode is unknown.
    """
    i = torch.arange(count, dtype=torch.float64)
    if mode == "ALIGN_CORNERS" and count == 1:
        return torch.tensor([(size - 1) / 2], dtype=torch.float64)
    if mode in ("STRICT_ALIGN_CORNERS", "ALIGN_CORNERS"):
        positions = i * ((size - 1) / max(count - 1, 1))
    elif mode == "DEFAULT":
        positions = i * (size / count)
    elif mode == "OFFSET_CORNERS":
        positions = (i + 0.5) * (max(1.0, size - 1) / count)
    elif mode == "UNALIGN_CORNERS":
        positions = (i + 0.5) * (size / count) - 0.5
    else:
        raise ArtifactError(f"expected a known sampling mode; found {mode!r}")
    return positions.clamp(0, size - 1)


def _interpolate(x: Tensor, dim: int, positions: Tensor) -> Tensor:
    """Interpolate linearly along ``dim`` at positions within 0 and size - 1."""
    low = positions.floor().long().clamp(0, x.shape[dim] - 1)
    high = (low + 1).clamp(max=x.shape[dim] - 1)
    shape = [1] * x.dim()
    shape[dim] = -1
    share = (positions - low).to(x.dtype).reshape(shape)
    return torch.lerp(x.index_select(dim, low), x.index_select(dim, high), share)


def linear_resize(x: Tensor, sizes: Sequence[int], mode: str) -> Tensor:
    """Resize the last ``len(sizes)`` dimensions by linear interpolation under an alignment rule."""
    fast = {"UNALIGN_CORNERS": False, "STRICT_ALIGN_CORNERS": True}
    if x.dim() == 4 and len(sizes) == 2 and mode in fast:
        # PyTorch's kernel samples the same positions and is an order of magnitude faster.
        return F.interpolate(x, list(sizes), mode="bilinear", align_corners=fast[mode])
    for dim, count in enumerate(sizes, x.dim() - len(sizes)):
        if x.shape[dim] != count or mode == "OFFSET_CORNERS":
            x = _interpolate(x, dim, sampling_grid(mode, x.shape[dim], count))
    return x


def resize_bilinear(
    x: Tensor, target_size_height: int = 1, target_size_width: int = 1, sampling_mode: str = "DEFAULT"
) -> Tensor:
    """Resize to a size."""
    return linear_resize(x, (target_size_height, target_size_width), sampling_mode)


def upsample_bilinear(
    x: Tensor,
    scale_factor_height: float = 1,
    scale_factor_width: float = 1,
    align_corners: bool = True,
    half_pixel_centers: bool | None = None,
) -> Tensor:
    """Resize by factors; the sampling uses the resulting size, not the factors."""
    half = not align_corners if half_pixel_centers is None else half_pixel_centers
    if align_corners and half:
        raise UnsupportedOpError("upsample_bilinear with both align_corners and half_pixel_centers is not specified")
    mode = "STRICT_ALIGN_CORNERS" if align_corners else "UNALIGN_CORNERS" if half else "DEFAULT"
    return linear_resize(x, _scaled(x, scale_factor_height, scale_factor_width), mode)


def _scaled(x: Tensor, *factors: float) -> list[int]:
    """Return the sizes of the last dimensions times factors, rounded down (in float64, as coremltools does)."""
    return [math.floor(factor * size) for factor, size in zip(factors, x.shape[-len(factors) :], strict=True)]


def _pick(x: Tensor, indices: Sequence[Tensor]) -> Tensor:
    for dim, index in enumerate(indices, x.dim() - len(indices)):
        x = x.index_select(dim, index.long())
    return x


def _floor_indices(size: int, count: int) -> Tensor:
    return torch.arange(count) * size // count


def resize_nearest_neighbor(x: Tensor, target_size_height: int, target_size_width: int) -> Tensor:
    """Resize to a size; output element i takes input element floor(i * size / count)."""
    counts = (target_size_height, target_size_width)
    return _pick(x, [_floor_indices(size, count) for size, count in zip(x.shape[-2:], counts, strict=True)])


def upsample_nearest_neighbor(x: Tensor, scale_factor_height: float = 1, scale_factor_width: float = 1) -> Tensor:
    """Resize by factors; refused where a fractional factor and the rounded size would take different elements."""
    factors = (scale_factor_height, scale_factor_width)
    indices = []
    for size, factor, count in zip(x.shape[-2:], factors, _scaled(x, *factors), strict=True):
        by_size = _floor_indices(size, count)
        by_factor = torch.floor(torch.arange(count, dtype=torch.float64) / factor).long().clamp(max=size - 1)
        if not torch.equal(by_size, by_factor):
            raise UnsupportedOpError(f"upsample_nearest_neighbor of {size} elements by {factor} is not specified")
        indices.append(by_size)
    return _pick(x, indices)


def resize(
    x: Tensor,
    shape: Tensor | Sequence[int],
    resized_dims: int,
    interpolation_mode: str = "LINEAR",
    sampling_mode: str = "DEFAULT",
) -> Tensor:
    """Resize the last ``resized_dims`` dimensions to the end of ``shape``; 0 keeps a dimension's size."""
    wanted = numbers(shape)[-resized_dims:]
    counts = [count or size for count, size in zip(wanted, x.shape[-resized_dims:], strict=True)]
    if interpolation_mode == "LINEAR":
        return linear_resize(x, counts, sampling_mode)
    if interpolation_mode != "NEAREST_NEIGHBOR":
        raise ArtifactError(f"expected LINEAR or NEAREST_NEIGHBOR; found {interpolation_mode!r}")
    pairs = zip(x.shape[-resized_dims:], counts, strict=True)
    return _pick(x, [_rounded(sampling_grid(sampling_mode, size, count)) for size, count in pairs])


def _rounded(positions: Tensor) -> Tensor:
    """Round to the nearest element; a position halfway between two is refused, for no document says which wins."""
    if bool(((positions - positions.floor()) == 0.5).any()):
        raise UnsupportedOpError("resize to the nearest neighbour meets positions halfway between two elements")
    return torch.round(positions)


def crop(x: Tensor, crop_height: Sequence[int], crop_width: Sequence[int]) -> Tensor:
    """Cut elements off both ends of the last two dimensions."""
    height, width = x.shape[-2:]
    return x[..., crop_height[0] : height - crop_height[1], crop_width[0] : width - crop_width[1]]


def crop_resize(
    x: Tensor,
    roi: Tensor | None = None,
    boxes: Tensor | None = None,
    box_indices: Tensor | None = None,
    target_height: int = 1,
    target_width: int = 1,
    normalized_coordinates: bool = False,
    spatial_scale: float = 1.0,
    box_coordinate_mode: str = "CORNERS_HEIGHT_FIRST",
    sampling_mode: str = "DEFAULT",
    pad_value: float = 0.0,
) -> Tensor:
    """Cut boxes out of images and resize each; positions outside the image take ``pad_value``.

    Up to iOS 16 boxes come as ``roi`` [N, 1, 4 or 5, 1, 1] and the result is [N, images, C, height, width]; from
    iOS 17 on as ``boxes`` [N, 4] with ``box_indices`` [N] and the result is [N, C, height, width].
    """
    if roi is not None:
        rows = roi.reshape(roi.shape[0], -1)
        images = [list(range(x.shape[0]))] * len(rows) if rows.shape[1] == 4 else [[int(row[0])] for row in rows]
        rows = rows[:, -4:]
    else:
        assert boxes is not None
        rows = boxes.to(torch.float32)
        images = [[index] for index in (range(len(rows)) if box_indices is None else numbers(box_indices))]
    scale = torch.tensor([x.shape[-2] - 1.0, x.shape[-1] - 1.0]) if normalized_coordinates else torch.ones(2)
    corners = _corners(rows, box_coordinate_mode).double() * scale.repeat(2) * spatial_scale
    counts = (target_height, target_width)
    pairs = zip(images, corners, strict=True)
    crops = [_crop_box(x[index], box, counts, sampling_mode, pad_value) for index, box in pairs]
    return torch.stack(crops) if roi is not None else torch.cat(crops)


def _corners(boxes: Tensor, mode: str) -> Tensor:
    """Return [N, 4]: top, left, bottom, right."""
    kinds = {"CORNERS": False, "CENTER_SIZE": True}
    kind, order = mode.removesuffix("_HEIGHT_FIRST").removesuffix("_WIDTH_FIRST"), mode.rsplit("_", 2)[1:]
    if kind not in kinds or order not in (["HEIGHT", "FIRST"], ["WIDTH", "FIRST"]):
        raise ArtifactError(f"expected a known box_coordinate_mode; found {mode!r}")
    if order[0] == "WIDTH":
        boxes = boxes[:, [1, 0, 3, 2]]
    if kinds[kind]:
        centre, half = boxes[:, :2], boxes[:, 2:] / 2
        boxes = torch.cat([centre - half, centre + half], 1)
    return boxes


def _crop_box(images: Tensor, box: Tensor, counts: Sequence[int], mode: str, pad_value: float) -> Tensor:
    top, left, bottom, right = (float(value) for value in box)
    rows = _sample_between(images, images.dim() - 2, (top, bottom), counts[0], mode, pad_value)
    return _sample_between(rows, images.dim() - 1, (left, right), counts[1], mode, pad_value)


def _sample_between(x: Tensor, dim: int, ends: tuple[float, float], count: int, mode: str, pad_value: float) -> Tensor:
    start, end = ends
    if end < start and mode not in ("STRICT_ALIGN_CORNERS", "ALIGN_CORNERS"):
        raise UnsupportedOpError(f"crop_resize of a reversed box is specified for aligned corners alone, not {mode}")
    step = -1.0 if end < start else 1.0
    positions = start + step * sampling_grid(mode, abs(end - start) + 1, count)
    inside = (positions >= 0) & (positions <= x.shape[dim] - 1)
    sampled = _interpolate(x, dim, positions.clamp(0, x.shape[dim] - 1))
    shape = [1] * x.dim()
    shape[dim] = -1
    return torch.where(inside.reshape(shape), sampled, torch.full((), pad_value))


def resample(
    x: Tensor,
    coordinates: Tensor,
    sampling_mode: str,
    padding_mode: str,
    padding_value: float,
    coordinates_mode: str,
    align_corners: bool,
) -> Tensor:
    """Sample float32[N, C, H, W] at coordinates [N, h, w, 2] given as (x, y)."""
    sizes = torch.tensor([x.shape[3], x.shape[2]], dtype=torch.float32)
    pixels = _to_pixels(coordinates.to(torch.float32), sizes, coordinates_mode, align_corners)
    modes = {"constant": "zeros", "border": "border", "reflection": "reflection", "symmetric": "reflection"}
    if padding_mode not in modes or sampling_mode not in ("bilinear", "nearest"):
        raise ArtifactError(f"expected a known padding and sampling mode; found {padding_mode!r}, {sampling_mode!r}")
    # PyTorch reflects about the centres of the outer pixels when it aligns corners and about their edges otherwise.
    aligned = padding_mode == "reflection"
    grid = 2 * pixels / (sizes - 1).clamp(min=1) - 1 if aligned else (2 * pixels + 1) / sizes - 1
    shift = padding_value if padding_mode == "constant" else 0.0
    sampled = F.grid_sample(x - shift, grid, sampling_mode, modes[padding_mode], align_corners=aligned)
    return sampled + shift


def _to_pixels(coordinates: Tensor, sizes: Tensor, mode: str, align_corners: bool) -> Tensor:
    if mode == "unnormalized":
        return coordinates
    if mode == "normalized_minus_one_to_one":
        share = (coordinates + 1) / 2
    elif mode == "normalized_zero_to_one":
        share = coordinates
    else:
        raise ArtifactError(f"expected a known coordinates_mode; found {mode!r}")
    return share * (sizes - 1) if align_corners else share * sizes - 0.5


def affine(
    x: Tensor,
    transform_matrix: Tensor,
    output_height: int,
    output_width: int,
    sampling_mode: str,
    padding_mode: str,
    padding_value: float,
    coordinates_mode: str,
    align_corners: bool,
) -> Tensor:
    """Sample float32[N, C, H, W] at an affine map of normalised output coordinates."""
    if (coordinates_mode, align_corners) != ("normalized_minus_one_to_one", True):
        raise UnsupportedOpError("affine is specified for aligned corners and coordinates from -1 to 1 alone")
    matrix = transform_matrix.reshape(-1, 2, 3).expand(x.shape[0], 2, 3)
    grid = F.affine_grid(matrix, [x.shape[0], x.shape[1], output_height, output_width], align_corners=True)
    return resample(x, grid, sampling_mode, padding_mode, padding_value, coordinates_mode, align_corners)


OPERATORS: dict[str, Operator] = {
    "upsample_nearest_neighbor": moves(upsample_nearest_neighbor),
    "resize_nearest_neighbor": moves(resize_nearest_neighbor),
    "upsample_bilinear": Operator(upsample_bilinear),
    "resize_bilinear": Operator(resize_bilinear),
    "resize": Operator(resize),
    "crop": moves(crop),
    "crop_resize": Operator(crop_resize),
    "resample": Operator(resample),
    "affine": Operator(affine),
}
