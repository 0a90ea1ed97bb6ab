# mypy: allow-untyped-calls
"""Operators that move values: shapes, slices, gathers, scatters, padding, generated tensors."""

from __future__ import annotations

from typing import Any

import coremltools as ct
import numpy as np
import pytest
import torch
from coremltools.converters.mil.mil import Builder as mb
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from pam_edge.errors import ArtifactError
from pam_edge.runtimes.coreml.indexing import slice_by_index

RNG = np.random.default_rng(5)
CUBE = RNG.normal(size=(2, 3, 4)).astype(np.float32)
OTHER = RNG.normal(size=(2, 3, 4)).astype(np.float32)
IMAGE = RNG.normal(size=(2, 4, 4, 6)).astype(np.float32)
TABLE = RNG.normal(size=(5, 4)).astype(np.float32)
ONES = RNG.normal(size=(1, 3, 1, 4)).astype(np.float32)
PICK = np.array([[0, 2, -1], [1, 1, 0]], np.int32)
ROWS = np.array([3, 0, 3], np.int32)
ALONG = np.array([[0, 1, 2, 0], [2, 2, 1, 1]], np.int32)


def case(name, operator, x, reference, **parameters):
    title = f"{operator} {name}" if name else operator
    return (title, {"x": x}, lambda x: getattr(mb, operator)(x=x, **parameters), lambda: reference(x))


def pair(name, operator, inputs, reference, **parameters):
    title = f"{operator} {name}" if name else operator
    return (title, inputs, lambda **v: getattr(mb, operator)(**v, **parameters), lambda: reference(**inputs))


def listed(name, operator, reference, **parameters):
    return (
        f"{operator} {name}",
        {"x": CUBE, "y": OTHER},
        lambda x, y: getattr(mb, operator)(values=(x, y), **parameters),
        lambda: reference(CUBE, OTHER),
    )


def blocks_to_depth(x):
    """NHWC reshapes: the block's rows and columns in front of the channel."""
    n, c, h, w = x.shape
    y = x.transpose(0, 2, 3, 1).reshape(n, h // 2, 2, w // 2, 2, c)
    return y.transpose(0, 1, 3, 2, 4, 5).reshape(n, h // 2, w // 2, 4 * c).transpose(0, 3, 1, 2)


def depth_to_blocks(x):
    n, c, h, w = x.shape
    y = x.transpose(0, 2, 3, 1).reshape(n, h, w, 2, 2, c // 4).transpose(0, 1, 3, 2, 4, 5)
    return y.reshape(n, 2 * h, 2 * w, c // 4).transpose(0, 3, 1, 2)


def into_batch(x, paddings):
    x = np.pad(x, [(0, 0), (0, 0), *paddings])
    return np.concatenate([x[:, :, i::2, j::3] for i in range(2) for j in range(3)], 0)


def scattered(mode, indices, updates):
    result = TABLE.copy()
    operation: dict[str, Any] = {"add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide}
    operation |= {"max": np.maximum, "min": np.minimum, "update": lambda a, b: b}
    for row, update in zip(indices, updates, strict=True):
        result[row] = operation[mode](result[row], update)
    return result


UPDATES = RNG.uniform(0.5, 2, (3, 4)).astype(np.float32)
PLACES = np.array([[0, 1], [4, 3], [0, 1]], np.int32)


def scatter(mode):
    return pair(
        mode,
        "scatter",
        {"data": TABLE, "indices": ROWS, "updates": UPDATES},
        lambda data, indices, updates: scattered(mode, indices, updates),
        mode=mode,
    )


def scatter_nd(data, indices, updates):
    result = data.copy()
    for (i, j), update in zip(indices, updates, strict=True):
        result[i, j] += update
    return result


def scatter_along(data, indices, updates):
    result = data.copy()
    for i, j in np.ndindex(*indices.shape):
        result[indices[i, j], j] += updates[i, j]
    return result


SHAPES = [
    case("", "identity", CUBE, lambda x: x),
    case("", "reshape", CUBE, lambda x: x.reshape(4, 6), shape=[4, -1]),
    case("zero keeps a size", "reshape", CUBE, lambda x: x.reshape(2, 4, 3), shape=[0, 4, -1]),
    case("", "transpose", CUBE, lambda x: x.transpose(2, 0, 1), perm=[2, 0, 1]),
    case("", "expand_dims", CUBE, lambda x: x[:, None, :, :, None], axes=[1, -1]),
    case("all", "squeeze", ONES, np.squeeze),
    case("one", "squeeze", ONES, lambda x: x[0], axes=[0]),
    case("", "flatten2d", IMAGE, lambda x: x.reshape(2, -1)),
    case("axis", "flatten2d", IMAGE, lambda x: x.reshape(32, 6), axis=-1),
    case("", "shape", CUBE, lambda x: np.array(x.shape)),
    listed("", "concat", lambda x, y: np.concatenate([x, y], 1), axis=1),
    listed("negative axis", "concat", lambda x, y: np.concatenate([x, y], 2), axis=-1),
    listed(
        "interleaved",
        "concat",
        lambda x, y: np.stack([x, y], 2).reshape(2, 6, 4),
        axis=1,
        interleave=True,
    ),
    listed("", "stack", lambda x, y: np.stack([x, y], 1), axis=1),
    listed("behind", "stack", lambda x, y: np.stack([x, y], -1), axis=-1),
    case("", "split", IMAGE, lambda x: np.split(x, 2, 1)[0], num_splits=2, axis=1),
    case("sizes", "split", IMAGE, lambda x: x[:, :1], split_sizes=[1, 3], axis=1),
    case("", "tile", CUBE, lambda x: np.tile(x, (1, 2, 3)), reps=[1, 2, 3]),
    case("all", "reverse", CUBE, lambda x: x[::-1, ::-1, ::-1]),
    case("one", "reverse", CUBE, lambda x: x[:, ::-1], axes=[1]),
    case(
        "",
        "reverse_sequence",
        CUBE,
        lambda x: np.stack([np.concatenate([x[0, :2][::-1], x[0, 2:]]), x[1, ::-1]]),
        lengths=np.array([2, 3], np.int32),
        seq_axis=1,
        batch_axis=0,
    ),
    case("constant", "pad", CUBE, lambda x: np.pad(x, [(0, 0), (1, 2), (0, 3)]), pad=[1, 2, 0, 3]),
    case(
        "constant value",
        "pad",
        CUBE,
        lambda x: np.pad(x, [(1, 0), (0, 0), (2, 1)], constant_values=1.5),
        pad=[1, 0, 0, 0, 2, 1],
        constant_val=1.5,
    ),
    case(
        "reflect",
        "pad",
        CUBE,
        lambda x: np.pad(x, [(0, 0), (2, 1), (3, 2)], "reflect"),
        pad=[2, 1, 3, 2],
        mode="reflect",
    ),
    case(
        "replicate",
        "pad",
        CUBE,
        lambda x: np.pad(x, [(0, 0), (2, 1), (3, 2)], "edge"),
        pad=[2, 1, 3, 2],
        mode="replicate",
    ),
    case("", "pixel_shuffle", IMAGE, lambda x: F.pixel_shuffle(torch.from_numpy(x), 2), upscale_factor=2),
    case(
        "", "pixel_unshuffle", IMAGE, lambda x: F.pixel_unshuffle(torch.from_numpy(x), 2), downscale_factor=np.uint32(2)
    ),
    case("", "depth_to_space", IMAGE, depth_to_blocks, block_size=2),
    case("", "space_to_depth", IMAGE, blocks_to_depth, block_size=2),
    case(
        "",
        "space_to_batch",
        IMAGE,
        lambda x: into_batch(x, [(1, 1), (0, 0)]),
        block_shape=[2, 3],
        paddings=[[1, 1], [0, 0]],
    ),
    case(
        "",
        "batch_to_space",
        into_batch(IMAGE, [(1, 1), (0, 0)]),
        lambda x: IMAGE,
        block_shape=[2, 3],
        crops=[[1, 1], [0, 0]],
    ),
    case(
        "",
        "sliding_windows",
        IMAGE,
        lambda x: np.stack([x[:, :, 0:2], x[:, :, 2:4]], 2),
        axis=2,
        size=2,
        stride=2,
    ),
    case("upper", "band_part", CUBE, np.triu, lower=0, upper=-1),
    case("band", "band_part", IMAGE, lambda x: np.triu(np.tril(x, 2), -1), lower=1, upper=2),
    (
        "reshape_like",
        {"x": CUBE, "y": IMAGE},
        lambda x, y: mb.reshape_like(x=x, ref_tensors=(y, x), begins=(2, 1), ends=(4, 0), end_masks=(False, False)),
        lambda: CUBE.reshape(4, 6),
    ),
]
INDEXING = [
    case("", "slice_by_index", CUBE, lambda x: x[0:1, 1:3, 2:4], begin=[0, 1, 2], end=[1, 3, 4]),
    case("negative", "slice_by_index", CUBE, lambda x: x[:, -2:-1, -3:], begin=[0, -2, -3], end=[2, -1, 4]),
    case("stride", "slice_by_index", CUBE, lambda x: x[:, ::2, 1::2], begin=[0, 0, 1], end=[2, 3, 4], stride=[1, 2, 2]),
    case(
        "masks",
        "slice_by_index",
        CUBE,
        lambda x: x[:, 1:, :2],
        begin=[1, 1, 3],
        end=[1, 1, 2],
        begin_mask=[True, False, True],
        end_mask=[True, True, False],
    ),
    case(
        "backwards",
        "slice_by_index",
        CUBE,
        lambda x: x[:, ::-1, 3:0:-2],
        begin=[0, 0, 3],
        end=[2, 0, 0],
        stride=[1, -1, -2],
        begin_mask=[False, True, False],
        end_mask=[False, True, False],
    ),
    case(
        "squeezed",
        "slice_by_index",
        CUBE,
        lambda x: x[1, :, -1],
        begin=[1, 0, -1],
        end=[0, 3, 0],
        squeeze_mask=[True, False, True],
    ),
    case("", "slice_by_size", CUBE, lambda x: x[1:2, 1:3, 2:], begin=[1, 1, 2], size=[1, 2, -1]),
    pair("", "gather", {"x": TABLE, "indices": PICK}, lambda x, indices: x[indices]),
    pair("axis", "gather", {"x": CUBE, "indices": PICK}, lambda x, indices: x[:, indices], axis=1),
    pair(
        "batch_dims",
        "gather",
        {"x": CUBE, "indices": PICK},
        lambda x, indices: np.stack([a[i] for a, i in zip(x, indices, strict=True)]),
        axis=1,
        batch_dims=1,
    ),
    pair("", "gather_along_axis", {"x": TABLE, "indices": ALONG}, lambda x, indices: np.take_along_axis(x, indices, 0)),
    pair("", "gather_nd", {"x": TABLE, "indices": PLACES}, lambda x, indices: x[indices[:, 0], indices[:, 1]]),
    pair(
        "batch_dims",
        "gather_nd",
        {"x": CUBE, "indices": np.array([[[2], [0]], [[1], [1]]], np.int32)},
        lambda x, indices: np.stack([x[0, [2, 0]], x[1, [1, 1]]]),
        batch_dims=1,
    ),
    *[scatter(mode) for mode in ("update", "add", "sub", "mul", "div", "max", "min")],
    pair("", "scatter_nd", {"data": TABLE, "indices": PLACES, "updates": UPDATES[:, 0]}, scatter_nd, mode="add"),
    pair(
        "", "scatter_along_axis", {"data": TABLE, "indices": ALONG, "updates": UPDATES[:2]}, scatter_along, mode="add"
    ),
]
GENERATED = [
    case("", "fill", CUBE, lambda x: np.full((2, 3), 1.5), shape=[2, 3], value=1.5),
    (
        "fill of a computed shape",
        {"x": CUBE},
        lambda x: mb.fill(shape=mb.shape(x=x), value=2.0),
        lambda: np.full((2, 3, 4), 2.0),
    ),
    ("fill_like", {"x": CUBE}, lambda x: mb.fill_like(ref_tensor=x, value=3.0), lambda: np.full((2, 3, 4), 3.0)),
    (
        "range_1d",
        {"x": np.array([9], np.int32)},
        lambda x: mb.range_1d(end=mb.squeeze(x=x), start=2, step=3),
        lambda: np.arange(2, 9, 3),
    ),
    (
        "one_hot",
        {"x": ROWS},
        lambda x: mb.one_hot(indices=x, one_hot_vector_size=4, on_value=2.0, off_value=-1.0),
        lambda: np.where(np.eye(4)[ROWS] > 0, 2.0, -1.0),
    ),
    (
        "one_hot axis",
        {"x": ROWS},
        lambda x: mb.one_hot(indices=x, one_hot_vector_size=4, axis=0),
        lambda: np.eye(4)[ROWS].T,
    ),
    ("non_zero", {"x": PICK}, lambda x: mb.non_zero(x=x), lambda: np.argwhere(PICK)),
]
GENERATED[0] = (
    GENERATED[0][0],
    {"x": CUBE},
    lambda x: mb.add(x=mb.fill(shape=[2, 3], value=1.5), y=0.0),
    GENERATED[0][3],
)
CASES = [*SHAPES, *INDEXING, *GENERATED]


@pytest.fixture(scope="module")
def cases(case_type):
    return [case_type(*case) for case in CASES]


@pytest.mark.parametrize("index", range(len(CASES)), ids=[case[0] for case in CASES])
def test_operator_equals_numpy(programs, cases, index):
    found = programs.values(cases, cases[index], ct.target.iOS16)[0]
    np.testing.assert_allclose(found, np.asarray(cases[index].expected()), rtol=1e-6, atol=1e-7)


def test_slice_update_replaces_a_slice(run):
    def build(x, u):
        return {"out": mb.slice_update(x=x, update=u, begin=[0, 1, 0], end=[2, 3, 4], stride=[1, 1, 2])}

    expected = CUBE.copy()
    expected[0:2, 1:3, 0:4:2] = 7.0
    found = run({"x": CUBE, "u": np.full((2, 2, 2), 7.0, np.float32)}, build, ct.target.iOS18)["out"]
    np.testing.assert_array_equal(found, expected)


def test_index_outside_is_refused(run):
    with pytest.raises(ArtifactError, match=r"gather 'taken'.*within 5 elements; found \[5\]"):
        run({"x": TABLE, "i": np.array([5], np.int32)}, lambda x, i: {"out": mb.gather(x=x, indices=i, name="taken")})


def test_negative_index_counts_from_the_end_before_ios17_alone(run):
    inputs = {"x": TABLE, "i": np.array([-1], np.int32)}
    np.testing.assert_array_equal(run(inputs, lambda x, i: {"out": mb.gather(x=x, indices=i)})["out"], TABLE[-1:])
    with pytest.raises(ArtifactError, match="within 5 elements"):
        run(inputs, lambda x, i: {"out": mb.gather(x=x, indices=i)}, ct.target.iOS17)


def test_reshape_of_ios17_counts_zeros_from_the_end(run):
    x = np.arange(100, dtype=np.float32).reshape(2, 50)
    found = run({"x": x}, lambda x: {"out": mb.reshape(x=x, shape=[1, 0, -1, 0])}, ct.target.iOS17)["out"]
    assert found.shape == (1, 1, 2, 50)


bounds = st.integers(-6, 6)


@settings(max_examples=200, deadline=None)
@given(
    begin=bounds,
    end=bounds,
    stride=st.sampled_from([-3, -2, -1, 1, 2, 3]),
    masks=st.tuples(st.booleans(), st.booleans()),
)
def test_any_slice_equals_numpy(begin, end, stride, masks):
    x = np.arange(5, dtype=np.float32)
    expected = x[slice(None if masks[0] else begin, None if masks[1] else end, stride)]
    found = slice_by_index(torch.from_numpy(x), [begin], [end], [stride], [masks[0]], [masks[1]])
    np.testing.assert_array_equal(found.numpy(), expected)
