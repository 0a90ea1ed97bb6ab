# mypy: allow-untyped-calls
"""Padding amounts are written out by hand, so that the padding rules are checked and not repeated."""

from __future__ import annotations

import coremltools as ct
import numpy as np
import pytest
import torch
from coremltools.converters.mil.mil import Builder as mb
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

RNG = np.random.default_rng(2)
IMAGE = RNG.normal(size=(2, 4, 7, 8)).astype(np.float32)
LINE = RNG.normal(size=(1, 4, 9)).astype(np.float32)
VOLUME = RNG.normal(size=(1, 2, 4, 5, 6)).astype(np.float32)


def weight(*shape):
    return np.random.default_rng(len(shape) + sum(shape)).normal(size=shape).astype(np.float32)


def padded(x, pads):
    return F.pad(torch.from_numpy(x), pads)


def conv(name, x, w, pads, bias=None, stride=1, dilation=1, groups=1, **parameters):
    """``pads`` is PyTorch's: last dimension first, before and after."""
    kernel = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}[x.ndim - 2]

    def build(x):
        more = {} if bias is None else {"bias": bias}
        return mb.conv(x=x, weight=w, groups=groups, **more, **parameters)

    def expected():
        b = None if bias is None else torch.from_numpy(bias)
        return kernel(padded(x, pads), torch.from_numpy(w), b, stride, 0, dilation, groups)

    return (f"conv {name}", {"x": x}, build, expected)


def transposed(name, x, w, expected, bias=None, groups=1, **parameters):
    def build(x):
        more = {} if bias is None else {"bias": bias}
        return mb.conv_transpose(x=x, weight=w, groups=groups, **more, **parameters)

    return (f"conv_transpose {name}", {"x": x}, build, expected)


def whole(x, w, stride=1, bias=None, groups=1, dilation=1):
    """The transposed convolution before any cropping."""
    kernel = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}[x.ndim - 2]
    b = None if bias is None else torch.from_numpy(bias)
    return kernel(torch.from_numpy(x), torch.from_numpy(w), b, stride, 0, 0, groups, dilation)


W = weight(6, 4, 3, 3)
EVEN = weight(6, 4, 2, 4)
BIAS = weight(6)
T = weight(4, 6, 3, 3)
TWO = weight(4, 3, 2, 2)
TWO_BIAS = weight(3)

CASES = [
    conv("valid", IMAGE, W, (0, 0, 0, 0), pad_type="valid"),
    conv("valid with bias", IMAGE, W, (0, 0, 0, 0), BIAS, pad_type="valid"),
    conv("custom symmetric", IMAGE, W, (1, 1, 1, 1), BIAS, pad_type="custom", pad=[1, 1, 1, 1]),
    conv("custom uneven", IMAGE, W, (2, 0, 0, 1), pad_type="custom", pad=[0, 1, 2, 0]),
    conv("same", IMAGE, W, (1, 1, 1, 1), pad_type="same"),
    # 7 by stride 2: 4 outputs span 9, 1 before and 1 after; 8 by stride 2: 4 outputs span 9, 0 before and 1 after
    conv("same with stride", IMAGE, W, (0, 1, 1, 1), stride=2, pad_type="same", strides=[2, 2]),
    conv("same_lower with stride", IMAGE, W, (1, 0, 1, 1), stride=2, pad_type="same_lower", strides=[2, 2]),
    # kernel 2 by 4: 1 too many in height, 3 in width
    conv("same with even kernel", IMAGE, EVEN, (1, 2, 0, 1), pad_type="same"),
    conv("same_lower with even kernel", IMAGE, EVEN, (2, 1, 1, 0), pad_type="same_lower"),
    conv("same with dilation", IMAGE, W, (2, 2, 2, 2), dilation=2, pad_type="same", dilations=[2, 2]),
    conv("same where windows skip", IMAGE, weight(6, 4, 1, 1), (0, 0, 0, 0), stride=3, pad_type="same", strides=[3, 3]),
    conv("two strides", IMAGE, W, (0, 0, 0, 0), stride=(1, 2), pad_type="valid", strides=[1, 2]),
    conv("depthwise", IMAGE, weight(4, 1, 3, 3), (1, 1, 1, 1), groups=4, pad_type="same"),
    conv("grouped", IMAGE, weight(6, 2, 3, 3), (0, 0, 0, 0), groups=2, pad_type="valid"),
    conv("1-D", LINE, weight(5, 4, 3), (1, 1), pad_type="same"),
    conv("3-D", VOLUME, weight(3, 2, 2, 3, 3), (1, 1, 1, 1, 0, 1), pad_type="same"),
    transposed("valid", IMAGE, T, lambda: whole(IMAGE, T), pad_type="valid"),
    transposed("stride", IMAGE, TWO, lambda: whole(IMAGE, TWO, 2), strides=[2, 2]),
    transposed("bias", IMAGE, TWO, lambda: whole(IMAGE, TWO, 2, TWO_BIAS), TWO_BIAS, strides=[2, 2]),
    transposed(
        "custom",
        IMAGE,
        T,
        lambda: whole(IMAGE, T, 2)[:, :, 1:-1, 1:-1],
        pad_type="custom",
        pad=[1, 1, 1, 1],
        strides=[2, 2],
    ),
    transposed(
        "custom uneven with bias",
        IMAGE,
        T,
        lambda: whole(IMAGE, T, 2, BIAS)[:, :, :-1, 2:-1],
        BIAS,
        pad_type="custom",
        pad=[0, 1, 2, 1],
        strides=[2, 2],
    ),
    # 7 by 8 with stride 2: 15 by 17 in all, 14 by 16 kept, the odd row and column cut behind
    transposed("same", IMAGE, T, lambda: whole(IMAGE, T, 2)[:, :, :14, :16], pad_type="same", strides=[2, 2]),
    transposed(
        "same where windows leave gaps",
        IMAGE,
        TWO,
        lambda: F.pad(whole(IMAGE, TWO, 3), (0, 1, 0, 1)) + torch.from_numpy(TWO_BIAS)[None, :, None, None],
        TWO_BIAS,
        pad_type="same",
        strides=[3, 3],
    ),
    transposed(
        "output_shape",
        IMAGE,
        T,
        lambda: whole(IMAGE, T, 2)[:, :, 1:15, 1:17],
        pad_type="custom",
        pad=[1, 1, 1, 1],
        output_shape=[2, 6, 14, 16],
        strides=[2, 2],
    ),
    transposed("grouped", IMAGE, weight(4, 3, 3, 3), lambda: whole(IMAGE, weight(4, 3, 3, 3), groups=2), groups=2),
    transposed("dilated", IMAGE, T, lambda: whole(IMAGE, T, dilation=2), dilations=[2, 2]),
    transposed("1-D", LINE, weight(4, 2, 3), lambda: whole(LINE, weight(4, 2, 3), 2), strides=[2]),
    transposed("3-D", VOLUME, weight(2, 3, 2, 2, 2), lambda: whole(VOLUME, weight(2, 3, 2, 2, 2))),
]


@pytest.fixture(scope="module")
def cases(case_type):
    return [case_type(*case) for case in CASES]


@pytest.mark.parametrize("index", range(len(CASES)), ids=[case[0] for case in CASES])
def test_operator_equals_pytorch(programs, cases, index):
    (found,) = programs.values(cases, cases[index], ct.target.iOS16)
    np.testing.assert_allclose(found, cases[index].expected().numpy(), rtol=1e-4, atol=1e-5)


def naive_conv(x, w, pads, stride):
    """One sum per output element, in float64."""
    x = np.pad(x.astype(np.float64), [(0, 0), (0, 0), *pads])
    (_, _, height, width), (outputs, _, kh, kw) = x.shape, w.shape
    rows, columns = (height - kh) // stride + 1, (width - kw) // stride + 1
    y = np.zeros((x.shape[0], outputs, rows, columns))
    for i in range(rows):
        for j in range(columns):
            patch = x[:, :, i * stride : i * stride + kh, j * stride : j * stride + kw]
            y[:, :, i, j] = np.tensordot(patch, w, axes=((1, 2, 3), (1, 2, 3)))
    return y


@settings(max_examples=40, deadline=None)
@given(
    size=st.tuples(st.integers(3, 8), st.integers(3, 8)),
    kernel=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    pads=st.tuples(*[st.integers(0, 2)] * 4),
    stride=st.integers(1, 3),
)
def test_any_shape_equals_sums_written_out(size, kernel, pads, stride):
    from pam_edge.runtimes.coreml.convolution import conv as kernel_of_runtime

    x, w = RNG.normal(size=(1, 2, *size)).astype(np.float32), RNG.normal(size=(3, 2, *kernel)).astype(np.float32)
    found = kernel_of_runtime(
        torch.from_numpy(x), torch.from_numpy(w), strides=[stride] * 2, pad_type="custom", pad=pads
    )
    np.testing.assert_allclose(found, naive_conv(x, w, [pads[:2], pads[2:]], stride), rtol=1e-4, atol=1e-5)
