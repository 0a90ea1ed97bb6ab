# mypy: allow-untyped-calls
"""Compressed weights in the forms of iOS 16 (packed bytes) and iOS 18 (narrow integers, blocks, vectors)."""

from __future__ import annotations

import coremltools as ct
import numpy as np
import pytest
from coremltools.converters.mil.mil import Builder as mb
from coremltools.converters.mil.mil import types

ZERO = np.zeros((1,), np.float32)
INT4, UINT1, UINT2, UINT4 = (types.nptype_from_builtin(t) for t in (types.int4, types.uint1, types.uint2, types.uint4))
DATA = np.array([[1, -2, 3, 7], [-8, 5, 0, 2]])
SCALE = np.array([[0.5, 2.0], [0.25, 1.0]], np.float32)
SPREAD_SCALE = np.repeat(SCALE, 2, 1)
OFFSET = np.array([[1, -1], [0, 2]])
MASK = np.array([[1, 0, 1, 1], [0, 0, 1, 0]])
LUT = np.array([1.5, -2.0, 0.25, 8.0], np.float32)
INDICES = np.array([[2, 3, 3, 0], [1, 0, 3, 0]])
BLOCK_LUT = np.stack([LUT, 10 * LUT]).reshape(2, 1, 4, 1)
VECTORS = np.array([[1, 2, 3], [4, 5, 6]], np.float32).reshape(1, 1, 2, 3)


def packed(values, bits):
    flat = ((np.asarray(values).reshape(-1, 1) >> np.arange(bits)) & 1).astype(np.uint8)
    return np.packbits(flat.reshape(-1), bitorder="little")


def half(x):
    return np.asarray(x, np.float16)


IOS16 = {
    "affine per tensor": (
        lambda: mb.constexpr_affine_dequantize(
            quantized_data=DATA.astype(np.int8), zero_point=np.int8(3), scale=np.float32(0.5), axis=0
        ),
        0.5 * (DATA - 3.0),
    ),
    "affine per channel": (
        lambda: mb.constexpr_affine_dequantize(
            quantized_data=(DATA + 8).astype(np.uint8),
            zero_point=np.array([1, 2, 3, 4], np.uint8),
            scale=np.array([0.5, 1, 2, 4], np.float32),
            axis=1,
        ),
        np.array([0.5, 1, 2, 4]) * (DATA + 8.0 - np.array([1, 2, 3, 4])),
    ),
    "lookup of 2 bits": (
        lambda: mb.constexpr_lut_to_dense(
            indices=packed(INDICES, 2), lut=LUT, shape=np.array(INDICES.shape, np.uint32)
        ),
        LUT[INDICES],
    ),
    "lookup of 6 bits": (
        lambda: mb.constexpr_lut_to_dense(
            indices=packed(np.arange(0, 50, 7), 6),
            lut=np.arange(64, dtype=np.float32),
            shape=np.array([2, 4], np.uint32),
        ),
        np.arange(0, 50, 7.0).reshape(2, 4),
    ),
    "sparse": (
        lambda: mb.constexpr_sparse_to_dense(
            nonzero_data=np.array([1, 2, 3, 4], np.float32), mask=packed(MASK, 1), shape=np.array([2, 4], np.uint32)
        ),
        np.array([[1, 0, 2, 3], [0, 0, 4, 0]]),
    ),
    "cast": (
        lambda: mb.constexpr_cast(source_val=half([[0.1, 3.3], [7, 1e-3]]), output_dtype="fp32"),
        half([[0.1, 3.3], [7, 1e-3]]),
    ),
}
IOS18 = {
    "blocks": (
        lambda: mb.constexpr_blockwise_shift_scale(data=DATA.astype(np.int8), scale=SCALE),
        SPREAD_SCALE * DATA,
    ),
    "blocks of 4 bits with offset": (
        lambda: mb.constexpr_blockwise_shift_scale(data=DATA.astype(INT4), scale=SCALE, offset=OFFSET.astype(INT4)),
        SPREAD_SCALE * (DATA - np.repeat(OFFSET, 2, 1)),
    ),
    "blocks of unsigned 4 bits": (
        lambda: mb.constexpr_blockwise_shift_scale(data=(DATA + 8).astype(UINT4), scale=SCALE),
        SPREAD_SCALE * (DATA + 8.0),
    ),
    "lookup": (
        lambda: mb.constexpr_lut_to_dense(indices=INDICES.astype(UINT2), lut=LUT.reshape(1, 1, 4, 1)),
        LUT[INDICES],
    ),
    "lookup per block": (
        lambda: mb.constexpr_lut_to_dense(indices=INDICES.astype(UINT2), lut=BLOCK_LUT),
        np.stack([LUT[INDICES[0]], 10 * LUT[INDICES[1]]]),
    ),
    "lookup of vectors": (
        lambda: mb.constexpr_lut_to_dense(indices=MASK.astype(UINT1), lut=VECTORS, vector_axis=np.int32(1)),
        VECTORS[0, 0][MASK].reshape(2, 12),
    ),
    "lookup of vectors on the first axis": (
        lambda: mb.constexpr_lut_to_dense(indices=MASK.astype(UINT1), lut=VECTORS, vector_axis=np.int32(0)),
        VECTORS[0, 0][MASK].transpose(0, 2, 1).reshape(6, 4),
    ),
    "sparse": (
        lambda: mb.constexpr_sparse_to_dense(nonzero_data=np.array([1, 2, 3, 4], np.float32), mask=MASK.astype(UINT1)),
        np.array([[1, 0, 2, 3], [0, 0, 4, 0]]),
    ),
    "sparse lookup": (lambda: _sparse_lookup(), np.array([[1.5, 0, 8, -2], [0, 0, 0.25, 0]])),
    "sparse blocks": (
        lambda: _sparse_blocks(),
        np.array([[0.5 * 9, 0, 2 * 8, 2 * 7], [0, 0, 6, 0]]),
    ),
}


def _sparse_lookup():
    mask, data = mb.constexpr_lut_to_sparse(
        indices_mask=MASK.astype(UINT1),
        indices_nonzero_data=np.array([0, 3, 1, 2]).astype(UINT2),
        lut=LUT.reshape(1, 1, 4, 1),
    )
    return mb.constexpr_sparse_to_dense(nonzero_data=data, mask=mask)


def _sparse_blocks():
    mask, data = mb.constexpr_sparse_blockwise_shift_scale(
        data_mask=MASK.astype(UINT1), nonzero_data=np.array([9, 8, 7, 6], np.int8), scale=SCALE
    )
    return mb.constexpr_sparse_to_dense(nonzero_data=data, mask=mask)


def as_cases(case_type, constants):
    """Constants of a package without inputs would be folded: each is added to an input of zero."""
    return [
        case_type(name, {"zero": ZERO}, lambda zero, make=make: mb.add(x=make(), y=zero), lambda value=value: value)
        for name, (make, value) in constants.items()
    ]


@pytest.fixture(scope="module")
def ios16(case_type):
    return as_cases(case_type, IOS16)


@pytest.fixture(scope="module")
def ios18(case_type):
    return as_cases(case_type, IOS18)


@pytest.mark.parametrize("index", range(len(IOS16)), ids=list(IOS16))
def test_constant_of_ios16_equals_its_definition(programs, ios16, index):
    (found,) = programs.values(ios16, ios16[index], ct.target.iOS16)
    np.testing.assert_allclose(found, ios16[index].expected(), rtol=1e-6)


@pytest.mark.parametrize("index", range(len(IOS18)), ids=list(IOS18))
def test_constant_of_ios18_equals_its_definition(programs, ios18, index):
    (found,) = programs.values(ios18, ios18[index], ct.target.iOS18)
    np.testing.assert_allclose(found, ios18[index].expected(), rtol=1e-6)


@pytest.mark.parametrize("dtype", ["uint8", "int8"])
def test_quantize_and_dequantize_equal_their_formulas(run, dtype):
    x = np.linspace(-300, 300, 24, dtype=np.float32).reshape(2, 3, 4)
    scale, zero = np.array([0.5, 1.0, 2.0], np.float32), np.array([3, 4, 5]).astype(dtype)

    def build(x):
        q = mb.quantize(input=x, scale=scale, zero_point=zero, axis=1, output_dtype=dtype)
        return {"q": q, "back": mb.dequantize(input=q, scale=scale, zero_point=zero, axis=1)}

    low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
    expected = np.clip(np.round(x / scale[:, None]) + zero[:, None], low, high)
    found = run({"x": x}, build, ct.target.iOS17)
    np.testing.assert_array_equal(found["q"], expected)
    np.testing.assert_allclose(found["back"], (expected - zero[:, None]) * scale[:, None])


def test_palettised_network_equals_its_decompressed_form(tmp_path, save):
    from coremltools.optimize import coreml as cto

    from pam_edge.runtimes.coreml import load

    rng = np.random.default_rng(0)
    weight = rng.choice([-1.0, -0.25, 0.5, 2.0], (32, 16, 3, 3)).astype(np.float32)
    x = rng.normal(size=(1, 16, 8, 8)).astype(np.float32)
    path = save({"x": x}, lambda x: {"out": mb.conv(x=x, weight=weight, pad_type="same")})
    config = cto.OptimizationConfig(global_config=cto.OpPalettizerConfig(mode="unique"))
    small = tmp_path / "small.mlpackage"
    cto.palettize_weights(ct.models.MLModel(str(path), skip_model_load=True), config).save(str(small))
    kinds = []
    np.testing.assert_allclose(load(small).predict({"x": x})["out"], load(path).predict({"x": x})["out"], rtol=1e-5)
    load(small).run({"x": x}, observe=lambda kind, *_: kinds.append(kind))
    assert (small / "Data/com.apple.CoreML/weights/weight.bin").stat().st_size < 4096
    assert "conv" in kinds
