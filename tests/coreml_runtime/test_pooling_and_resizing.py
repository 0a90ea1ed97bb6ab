# mypy: allow-untyped-calls
from __future__ import annotations

import coremltools as ct
import numpy as np
import pytest
import torch
from coremltools.converters.mil.mil import Builder as mb
from torch.nn import functional as F

from pam_edge.errors import UnsupportedOpError

RNG = np.random.default_rng(3)
IMAGE = RNG.normal(size=(2, 3, 7, 8)).astype(np.float32)
LINE = RNG.normal(size=(1, 3, 9)).astype(np.float32)
VOLUME = RNG.normal(size=(1, 2, 4, 5, 6)).astype(np.float32)
PAIR = np.array([0, 1], np.float32).reshape(1, 1, 1, 2)
SQUARE = np.arange(1, 17, dtype=np.float32).reshape(1, 1, 4, 4)


def t(x):
    return torch.from_numpy(x)


def case(name, x, operator, expected, **parameters):
    return (
        f"{operator} {name}",
        {"x": x},
        lambda x: getattr(mb, operator)(x=x, **parameters),
        lambda: np.asarray(expected()),
    )


def pool(name, operator, expected, x=IMAGE, kernel_sizes=(3, 3), **parameters):
    return case(name, x, operator, expected, kernel_sizes=list(kernel_sizes), **parameters)


def averages(x, before, after):
    """3 by 3 windows at stride 2, padding left out of the count: sums over counts, window by window."""
    height, width = x.shape[2:]
    rows = range(-before[0], height + after[0] - 2, 2)
    columns = range(-before[1], width + after[1] - 2, 2)
    take = lambda i, j: x[:, :, max(i, 0) : i + 3, max(j, 0) : j + 3].mean((2, 3))  # noqa: E731
    return np.stack([np.stack([take(i, j) for j in columns], -1) for i in rows], -2)


def sampled(x, rows, columns):
    """Bilinear samples of [1, 1, H, W] at given positions, one at a time."""
    result = np.empty((1, 1, len(rows), len(columns)), np.float64)
    for i, r in enumerate(rows):
        for j, c in enumerate(columns):
            r0, c0 = min(int(r), x.shape[2] - 1), min(int(c), x.shape[3] - 1)
            r1, c1 = min(r0 + 1, x.shape[2] - 1), min(c0 + 1, x.shape[3] - 1)
            top = x[0, 0, r0, c0] * (1 - (c - c0)) + x[0, 0, r0, c1] * (c - c0)
            bottom = x[0, 0, r1, c0] * (1 - (c - c0)) + x[0, 0, r1, c1] * (c - c0)
            result[0, 0, i, j] = top * (1 - (r - r0)) + bottom * (r - r0)
    return result


def line_resize(mode, values):
    """The table in coremltools' documentation of resize_bilinear: two elements to five or six."""
    return case(
        f"{mode} to {len(values)}",
        PAIR,
        "resize_bilinear",
        lambda: np.array(values).reshape(1, 1, 1, -1),
        target_size_height=1,
        target_size_width=len(values),
        sampling_mode=mode,
    )


def interpolate(x, size, align):
    return F.interpolate(t(x), size, mode="bilinear", align_corners=align)


def unbatched(operator, **parameters):
    return lambda x: getattr(mb, operator)(x=x, **parameters)


BOX = np.array([[1, 1, 2, 2]], np.float32).reshape(1, 1, 4, 1, 1)
NORMALISED = np.array([[0, 0.0, 0.0, 1 / 3, 1 / 3]], np.float32).reshape(1, 1, 5, 1, 1)
REVERSED = np.array([[2, 2, 1, 1]], np.float32).reshape(1, 1, 4, 1, 1)
WIDTH_FIRST = np.array([[0, 1, 2, 3]], np.float32).reshape(1, 1, 4, 1, 1)
CENTRED = np.array([[1.5, 1.5, 1, 1]], np.float32).reshape(1, 1, 4, 1, 1)


def crop_resize(name, roi, size, expected, **parameters):
    return case(
        name,
        SQUARE,
        "crop_resize",
        lambda: np.array(expected, np.float32).reshape(1, 1, 1, size, size),
        roi=roi,
        target_height=size,
        target_width=size,
        **parameters,
    )


GRID = RNG.uniform(-1.3, 1.3, (2, 3, 4, 2)).astype(np.float32)
INSIDE = RNG.uniform(0, 6, (2, 3, 4, 2)).astype(np.float32)


def resample(name, coordinates, expected, **parameters):
    defaults = {
        "sampling_mode": "bilinear",
        "padding_mode": "constant",
        "padding_value": 0.0,
        "coordinates_mode": "normalized_minus_one_to_one",
        "align_corners": True,
    }
    return (
        f"resample {name}",
        {"x": IMAGE, "grid": coordinates},
        lambda x, grid: mb.resample(x=x, coordinates=grid, **(defaults | parameters)),
        lambda: np.asarray(expected()),
    )


def grid_sample(grid, **parameters):
    return F.grid_sample(t(IMAGE), t(grid.astype(np.float32)), **({"align_corners": True} | parameters))


MATRIX = np.array([[0.8, 0.1, 0.2, -0.2, 0.9, -0.1]], np.float32)
ones = torch.ones

CASES = [
    pool("valid", "max_pool", lambda: F.max_pool2d(t(IMAGE), 3, 1), pad_type="valid"),
    pool("stride", "max_pool", lambda: F.max_pool2d(t(IMAGE), 3, 2), pad_type="valid", strides=[2, 2]),
    pool("same", "max_pool", lambda: F.max_pool2d(t(IMAGE), 3, 1, 1), pad_type="same"),
    pool(
        "same with stride",
        "max_pool",
        lambda: F.max_pool2d(F.pad(t(IMAGE), (0, 1, 1, 1), value=-torch.inf), 3, 2),
        pad_type="same",
        strides=[2, 2],
    ),
    pool(
        "same_lower with stride",
        "max_pool",
        lambda: F.max_pool2d(F.pad(t(IMAGE), (1, 0, 1, 1), value=-torch.inf), 3, 2),
        pad_type="same_lower",
        strides=[2, 2],
    ),
    pool(
        "custom",
        "max_pool",
        lambda: F.max_pool2d(F.pad(t(IMAGE), (2, 0, 0, 1), value=-torch.inf), 3, 1),
        pad_type="custom",
        pad=[0, 1, 2, 0],
    ),
    pool(
        "ceil_mode",
        "max_pool",
        lambda: F.max_pool2d(t(IMAGE), 3, 2, ceil_mode=True),
        pad_type="valid",
        strides=[2, 2],
        ceil_mode=True,
    ),
    pool("1-D", "max_pool", lambda: F.max_pool1d(t(LINE), 3, 1, 1), LINE, (3,), pad_type="same"),
    pool("3-D", "max_pool", lambda: F.max_pool3d(t(VOLUME), 2, 1), VOLUME, (2, 2, 2), pad_type="valid"),
    pool("valid", "avg_pool", lambda: F.avg_pool2d(t(IMAGE), 3, 1), pad_type="valid"),
    pool("same", "avg_pool", lambda: F.avg_pool2d(t(IMAGE), 3, 1, 1), pad_type="same"),
    pool(
        "same without padding",
        "avg_pool",
        lambda: averages(IMAGE, (1, 0), (1, 1)),
        pad_type="same",
        strides=[2, 2],
        exclude_padding_from_average=True,
    ),
    pool(
        "custom",
        "avg_pool",
        lambda: F.avg_pool2d(F.pad(t(IMAGE), (2, 0, 0, 1)), 3, 1),
        pad_type="custom",
        pad=[0, 1, 2, 0],
    ),
    pool(
        "custom without padding",
        "avg_pool",
        lambda: F.avg_pool2d(t(IMAGE), 3, 2, 1, count_include_pad=False),
        pad_type="custom",
        pad=[1, 1, 1, 1],
        strides=[2, 2],
        exclude_padding_from_average=True,
    ),
    pool(
        "ceil_mode",
        "avg_pool",
        lambda: F.avg_pool2d(t(IMAGE), 3, 2, 1, ceil_mode=True),
        pad_type="custom",
        pad=[1, 1, 1, 1],
        strides=[2, 2],
        ceil_mode=True,
    ),
    pool(
        "ceil_mode without padding",
        "avg_pool",
        lambda: F.avg_pool2d(t(IMAGE), 3, 2, 1, ceil_mode=True, count_include_pad=False),
        pad_type="custom",
        pad=[1, 1, 1, 1],
        strides=[2, 2],
        ceil_mode=True,
        exclude_padding_from_average=True,
    ),
    pool("1-D", "avg_pool", lambda: F.avg_pool1d(t(LINE), 3, 2), LINE, (3,), pad_type="valid", strides=[2]),
    pool(
        "3-D", "avg_pool", lambda: F.avg_pool3d(t(VOLUME), 2, 2), VOLUME, (2, 2, 2), pad_type="valid", strides=[2] * 3
    ),
    pool("valid", "l2_pool", lambda: 3 * F.avg_pool2d(t(IMAGE) ** 2, 3, 1).sqrt(), pad_type="valid"),
    pool("same", "l2_pool", lambda: 3 * F.avg_pool2d(t(IMAGE) ** 2, 3, 1, 1).sqrt(), pad_type="same"),
    line_resize("STRICT_ALIGN_CORNERS", [0, 0.25, 0.5, 0.75, 1]),
    line_resize("ALIGN_CORNERS", [0, 0.25, 0.5, 0.75, 1]),
    line_resize("ALIGN_CORNERS", [0.5]),
    line_resize("STRICT_ALIGN_CORNERS", [0]),
    line_resize("DEFAULT", [0, 0.4, 0.8, 1, 1]),
    line_resize("OFFSET_CORNERS", [0.1, 0.3, 0.5, 0.7, 0.9]),
    line_resize("UNALIGN_CORNERS", [0, 0.1, 0.5, 0.9, 1]),
    line_resize("DEFAULT", [0, 1 / 3, 2 / 3, 1, 1, 1]),
    line_resize("OFFSET_CORNERS", [1 / 12, 3 / 12, 5 / 12, 7 / 12, 9 / 12, 11 / 12]),
    line_resize("UNALIGN_CORNERS", [0, 0, 1 / 3, 2 / 3, 1, 1]),
    case(
        "both dimensions",
        SQUARE,
        "resize_bilinear",
        lambda: sampled(SQUARE, [0, 4 / 6, 8 / 6, 2, 16 / 6, 3], [0, 0.8, 1.6, 2.4, 3]),
        target_size_height=6,
        target_size_width=5,
        sampling_mode="DEFAULT",
    ),
    case(
        "shrink",
        IMAGE,
        "resize_bilinear",
        lambda: interpolate(IMAGE, (3, 5), False),
        target_size_height=3,
        target_size_width=5,
        sampling_mode="UNALIGN_CORNERS",
    ),
    case(
        "aligned",
        IMAGE,
        "upsample_bilinear",
        lambda: interpolate(IMAGE, (14, 24), True),
        scale_factor_height=2,
        scale_factor_width=3,
        align_corners=True,
    ),
    case(
        "half pixel",
        IMAGE,
        "upsample_bilinear",
        lambda: interpolate(IMAGE, (14, 16), False),
        scale_factor_height=2,
        scale_factor_width=2,
        align_corners=False,
    ),
    case(
        "fractional",
        PAIR,
        "upsample_bilinear",
        lambda: np.array([0, 0.1, 0.5, 0.9, 1]).reshape(1, 1, 1, 5),
        scale_factor_height=1.0,
        scale_factor_width=2.6,
        align_corners=False,
    ),
    case(
        "neither",
        PAIR,
        "upsample_bilinear",
        lambda: np.array([0, 0.5, 1, 1]).reshape(1, 1, 1, 4),
        scale_factor_height=1,
        scale_factor_width=2,
        align_corners=False,
        half_pixel_centers=False,
    ),
    case(
        "whole factors",
        IMAGE,
        "upsample_nearest_neighbor",
        lambda: IMAGE.repeat(2, 2).repeat(3, 3),
        scale_factor_height=2,
        scale_factor_width=3,
    ),
    case(
        "half as many",
        IMAGE,
        "upsample_nearest_neighbor",
        lambda: IMAGE[:, :, :, ::2],
        scale_factor_height=1.0,
        scale_factor_width=0.5,
    ),
    case(
        "to a size",
        IMAGE,
        "resize_nearest_neighbor",
        lambda: IMAGE[:, :, [0, 0, 1, 2, 2, 3, 4, 4, 5, 6]][:, :, :, [0, 2, 4, 6]],
        target_size_height=10,
        target_size_width=4,
    ),
    case("", IMAGE, "crop", lambda: IMAGE[:, :, 1:5, 3:8], crop_height=[1, 2], crop_width=[3, 0]),
    crop_resize("two by two", BOX, 2, [6, 7, 10, 11], sampling_mode="ALIGN_CORNERS"),
    crop_resize("one element", BOX, 1, [8.5], sampling_mode="ALIGN_CORNERS"),
    crop_resize("one element strict", BOX, 1, [6], sampling_mode="STRICT_ALIGN_CORNERS"),
    crop_resize(
        "index and normalised", NORMALISED, 2, [1, 2, 5, 6], normalized_coordinates=True, sampling_mode="ALIGN_CORNERS"
    ),
    crop_resize("reversed", REVERSED, 2, [11, 10, 7, 6], sampling_mode="ALIGN_CORNERS"),
    crop_resize(
        "width first",
        WIDTH_FIRST,
        2,
        [5, 7, 13, 15],
        box_coordinate_mode="CORNERS_WIDTH_FIRST",
        sampling_mode="ALIGN_CORNERS",
    ),
    crop_resize(
        "centre and size",
        CENTRED,
        2,
        [6, 7, 10, 11],
        box_coordinate_mode="CENTER_SIZE_HEIGHT_FIRST",
        sampling_mode="ALIGN_CORNERS",
    ),
    crop_resize("scaled", BOX / 2, 2, [6, 7, 10, 11], spatial_scale=2.0, sampling_mode="ALIGN_CORNERS"),
    crop_resize("offset corners", BOX, 2, [7.25, 7.75, 9.25, 9.75], sampling_mode="OFFSET_CORNERS"),
    crop_resize("default", BOX, 2, [6, 7, 10, 11], sampling_mode="DEFAULT"),
    crop_resize(
        "unaligned",
        BOX,
        4,
        [6, 6.25, 6.75, 7, 7, 7.25, 7.75, 8, 9, 9.25, 9.75, 10, 10, 10.25, 10.75, 11],
        sampling_mode="UNALIGN_CORNERS",
    ),
    resample("constant", GRID, lambda: grid_sample(GRID)),
    resample("edges", GRID, lambda: grid_sample(GRID, align_corners=False), align_corners=False),
    resample("nearest", GRID, lambda: grid_sample(GRID, mode="nearest"), sampling_mode="nearest"),
    resample("border", GRID, lambda: grid_sample(GRID, padding_mode="border"), padding_mode="border"),
    resample("reflection", GRID, lambda: grid_sample(GRID, padding_mode="reflection"), padding_mode="reflection"),
    resample(
        "symmetric",
        GRID,
        lambda: grid_sample(GRID, padding_mode="reflection", align_corners=False),
        padding_mode="symmetric",
        align_corners=False,
    ),
    resample(
        "constant other than zero",
        GRID,
        lambda: grid_sample(GRID) + 2 * (1 - F.grid_sample(ones(2, 1, 7, 8), t(GRID), align_corners=True)),
        padding_value=2.0,
    ),
    resample(
        "pixels",
        INSIDE,
        lambda: grid_sample(INSIDE * (2 / np.array([7, 6])) - 1),
        coordinates_mode="unnormalized",
    ),
    resample(
        "zero to one", INSIDE / 7, lambda: grid_sample(2 * (INSIDE / 7) - 1), coordinates_mode="normalized_zero_to_one"
    ),
    case(
        "",
        IMAGE,
        "affine",
        lambda: grid_sample(F.affine_grid(t(MATRIX).reshape(1, 2, 3).expand(2, 2, 3), [2, 3, 5, 6], True).numpy()),
        transform_matrix=MATRIX,
        output_height=5,
        output_width=6,
        sampling_mode="bilinear",
        padding_mode="constant",
        padding_value=0.0,
        coordinates_mode="normalized_minus_one_to_one",
        align_corners=True,
    ),
]

BOXES = np.array([[0.1, 0.3, 1.3, 1.0], [0.5, 1.8, 1.0, 0.3], [0.0, 0.4, 0.6, 0.7]], np.float32)


def resize17(name, x, expected, **parameters):
    return case(name, x, "resize", lambda: np.array(expected, np.float32), **parameters)


CASES_IOS17 = [
    # Core ML's own values, from coremltools' tests of this operator
    case(
        "boxes beyond the image",
        SQUARE,
        "crop_resize",
        lambda: np.array([3.1, 5.2, 10, 10, 10, 7.9, 10, 13.9, 2.2, 3.1, 9.4, 10.3]).reshape(3, 1, 2, 2),
        boxes=BOXES,
        box_indices=np.zeros(3, np.int32),
        target_height=2,
        target_width=2,
        normalized_coordinates=True,
        sampling_mode="ALIGN_CORNERS",
        pad_value=10.0,
    ),
    resize17(
        "nearest neighbour rounds",
        np.array([-6.174, 9.371], np.float32).reshape(1, 1, 2, 1),
        [[[[-6.174] * 2, [9.371] * 2, [9.371] * 2]]],
        shape=[1, 1, 3, 2],
        resized_dims=np.uint32(2),
        interpolation_mode="NEAREST_NEIGHBOR",
    ),
    resize17(
        "linear",
        PAIR[0],
        [[[0, 0.4, 0.8, 1, 1]]],
        shape=[1, 1, 5],
        resized_dims=np.uint32(2),
        interpolation_mode="LINEAR",
        sampling_mode="DEFAULT",
    ),
    resize17(
        "kept size", PAIR, [[[[0, 0.5, 1]]]], shape=[0, 3], resized_dims=np.uint32(2), sampling_mode="ALIGN_CORNERS"
    ),
]


@pytest.fixture(scope="module")
def cases(case_type):
    return [case_type(*case) for case in CASES]


@pytest.fixture(scope="module")
def cases_ios17(case_type):
    return [case_type(*case) for case in CASES_IOS17]


@pytest.mark.parametrize("index", range(len(CASES)), ids=[case[0] for case in CASES])
def test_operator_equals_reference(programs, cases, index):
    (found,) = programs.values(cases, cases[index], ct.target.iOS16)
    np.testing.assert_allclose(found, cases[index].expected(), rtol=1e-4, atol=2e-5)


@pytest.mark.parametrize("index", range(len(CASES_IOS17)), ids=[case[0] for case in CASES_IOS17])
def test_operator_of_ios17_equals_reference(programs, cases_ios17, index):
    (found,) = programs.values(cases_ios17, cases_ios17[index], ct.target.iOS17)
    np.testing.assert_allclose(found, cases_ios17[index].expected(), rtol=1e-4, atol=1e-4)


def test_nearest_neighbour_halfway_between_two_elements_is_refused(run):
    def build(x):
        size = {"shape": [1, 1, 1, 4], "resized_dims": np.uint32(2), "interpolation_mode": "NEAREST_NEIGHBOR"}
        return {"out": mb.resize(x=x, **size)}

    with pytest.raises(UnsupportedOpError, match="halfway"):
        run({"x": PAIR}, build, ct.target.iOS17)
