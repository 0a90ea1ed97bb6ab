# mypy: allow-untyped-calls
"""Normalisation, matrix products and reductions."""

from __future__ import annotations

import coremltools as ct
import numpy as np
import pytest
import torch
from coremltools.converters.mil.mil import Builder as mb
from scipy import special
from torch.nn import functional as F

RNG = np.random.default_rng(4)
IMAGE = RNG.normal(size=(2, 3, 4, 5)).astype(np.float32)
LINE = RNG.normal(size=(2, 3, 6)).astype(np.float32)
POSITIVE = RNG.uniform(0.1, 2, (2, 3, 4)).astype(np.float32)
INTEGERS = RNG.integers(-5, 6, (3, 4)).astype(np.int32)
MEAN, VARIANCE, GAMMA, BETA = (RNG.uniform(0.3, 1.5, 3).astype(np.float32) for _ in range(4))
MATRIX = RNG.normal(size=(4, 6)).astype(np.float32)
LEFT = RNG.normal(size=(2, 3, 4)).astype(np.float32)
RIGHT = RNG.normal(size=(2, 4, 5)).astype(np.float32)
QUERY, KEY, VALUE = (RNG.normal(size=(1, 2, n, 4)).astype(np.float32) for n in (3, 5, 5))


def t(x):
    return torch.from_numpy(x)


def column(vector):
    return vector.reshape(1, 3, 1, 1)


def case(name, operator, x, reference, **parameters):
    return (f"{operator} {name}", {"x": x}, lambda x: getattr(mb, operator)(x=x, **parameters), lambda: reference(x))


def standard(x, axes, epsilon=1e-5):
    x = x.astype(np.float64)
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + epsilon)


def response(x, size, alpha, beta, k):
    padded = np.pad(x.astype(np.float64) ** 2, [(0, 0), (size // 2, size // 2), (0, 0), (0, 0)])
    sums = sum(padded[:, i : i + x.shape[1]] for i in range(size))
    return x / (k + alpha / size * sums) ** beta


def reductions(operator, reference, x=POSITIVE):
    """All dimensions, some, and some kept."""
    return [
        case("all", operator, x, lambda x: reference(x, None, False)),
        case("one", operator, x, lambda x: reference(x, (1,), False), axes=[1]),
        case("last kept", operator, x, lambda x: reference(x, (-1,), True), axes=[-1], keep_dims=True),
        case("two kept", operator, x, lambda x: reference(x, (0, 2), True), axes=[0, 2], keep_dims=True),
    ]


def cumulative(x, exclusive, reverse):
    y = x[:, ::-1] if reverse else x
    total = np.cumsum(y, 1) - (y if exclusive else 0)
    return total[:, ::-1] if reverse else total


NORMALISATION = [
    case("", "batch_norm", IMAGE, lambda x: F.batch_norm(t(x), t(MEAN), t(VARIANCE)), mean=MEAN, variance=VARIANCE),
    case(
        "scaled",
        "batch_norm",
        IMAGE,
        lambda x: (x - column(MEAN)) / np.sqrt(column(VARIANCE) + 0.1) * column(GAMMA) + column(BETA),
        mean=MEAN,
        variance=VARIANCE,
        gamma=GAMMA,
        beta=BETA,
        epsilon=0.1,
    ),
    case("1-D", "batch_norm", LINE, lambda x: F.batch_norm(t(x), t(MEAN), t(VARIANCE)), mean=MEAN, variance=VARIANCE),
    case("", "instance_norm", IMAGE, lambda x: standard(x, (2, 3))),
    case(
        "scaled",
        "instance_norm",
        IMAGE,
        lambda x: standard(x, (2, 3), 0.1) * column(GAMMA) + column(BETA),
        gamma=GAMMA,
        beta=BETA,
        epsilon=0.1,
    ),
    case("1-D", "instance_norm", LINE, lambda x: standard(x, (2,))),
    case("all", "layer_norm", IMAGE, lambda x: standard(x, (0, 1, 2, 3)), axes=[0, 1, 2, 3]),
    case("last", "layer_norm", IMAGE, lambda x: F.layer_norm(t(x), (5,)), axes=[-1]),
    case(
        "channels scaled",
        "layer_norm",
        IMAGE,
        lambda x: standard(x, (1,), 0.1) * column(GAMMA) + column(BETA),
        axes=[1],
        gamma=GAMMA,
        beta=BETA,
        epsilon=0.1,
    ),
    case("", "l2_norm", IMAGE, lambda x: x / np.sqrt((x**2).sum((1, 2, 3), keepdims=True) + 1e-6)),
    case("rank 3", "l2_norm", LINE, lambda x: x / np.sqrt((x**2).sum() + 0.5), epsilon=0.5),
    case(
        "",
        "local_response_norm",
        IMAGE,
        lambda x: response(x, 3, 0.5, 0.75, 2.0),
        size=3,
        alpha=0.5,
        beta=0.75,
        k=2.0,
    ),
]
PRODUCTS = [
    case("", "linear", LINE, lambda x: x @ MATRIX.T, weight=MATRIX),
    case("bias", "linear", LINE, lambda x: x @ MATRIX.T + MATRIX[:, 0], weight=MATRIX, bias=MATRIX[:, 0]),
    ("matmul", {"x": LEFT, "y": RIGHT}, lambda x, y: mb.matmul(x=x, y=y), lambda: LEFT @ RIGHT),
    ("matmul constant", {"x": LEFT}, lambda x: mb.matmul(x=x, y=MATRIX), lambda: LEFT @ MATRIX),
    (
        "matmul transposed",
        {"x": LEFT, "y": RIGHT},
        lambda x, y: mb.matmul(x=y, y=x, transpose_x=True, transpose_y=True),
        lambda: (LEFT @ RIGHT).transpose(0, 2, 1),
    ),
    (
        "einsum",
        {"x": IMAGE, "y": RNG.normal(size=(2, 5, 4, 6)).astype(np.float32)},
        lambda x, y: mb.einsum(values=(x, y), equation="nchw,nwhu->nchu"),
        None,
    ),
]
PRODUCTS[-1] = (*PRODUCTS[-1][:3], lambda i=PRODUCTS[-1][1]: np.einsum("nchw,nwhu->nchu", i["x"], i["y"]))
REDUCTIONS = [
    *reductions("reduce_sum", lambda x, a, k: x.sum(axis=a, keepdims=k)),
    *reductions("reduce_mean", lambda x, a, k: x.mean(axis=a, keepdims=k)),
    *reductions("reduce_max", lambda x, a, k: x.max(axis=a, keepdims=k)),
    *reductions("reduce_min", lambda x, a, k: x.min(axis=a, keepdims=k)),
    *reductions("reduce_prod", lambda x, a, k: x.prod(axis=a, keepdims=k)),
    *reductions("reduce_l1_norm", lambda x, a, k: np.abs(x).sum(axis=a, keepdims=k)),
    *reductions("reduce_l2_norm", lambda x, a, k: np.sqrt((x**2).sum(axis=a, keepdims=k))),
    *reductions("reduce_log_sum", lambda x, a, k: np.log(x.sum(axis=a, keepdims=k))),
    *reductions("reduce_log_sum_exp", lambda x, a, k: special.logsumexp(x, axis=a, keepdims=k)),
    *reductions("reduce_sum_square", lambda x, a, k: (x**2).sum(axis=a, keepdims=k)),
    case("integers", "reduce_sum", INTEGERS, lambda x: x.sum(1), axes=[1]),
    case("integers", "reduce_max", INTEGERS, lambda x: x.max(0), axes=[0]),
    case("", "reduce_argmax", LINE, lambda x: x.argmax(-1)),
    case("kept", "reduce_argmax", LINE, lambda x: x.argmax(1)[:, None], axis=1, keep_dims=True),
    case("", "reduce_argmin", LINE, lambda x: x.argmin(1), axis=1),
    case("first of equals", "reduce_argmax", np.ones((2, 3), np.float32), lambda x: np.zeros(2)),
    *[
        case(f"{e=} {r=}", "cumsum", LEFT, lambda x, e=e, r=r: cumulative(x, e, r), axis=1, exclusive=e, reverse=r)
        for e in (False, True)
        for r in (False, True)
    ],
    case("", "argsort", LINE, lambda x: np.argsort(-x, -1)),
    case("ascending", "argsort", LINE, lambda x: np.argsort(x, 1), axis=1, ascending=True),
    case("", "topk", LINE, lambda x: -np.sort(-x, -1)[..., :2], k=2),
    case("smallest", "topk", LINE, lambda x: np.sort(x, 1)[:, :2], k=2, axis=1, ascending=True),
]
CASES = [*NORMALISATION, *PRODUCTS, *REDUCTIONS]


@pytest.fixture(scope="module")
def cases(case_type):
    return [case_type(*case) for case in CASES]


@pytest.mark.parametrize("index", range(len(CASES)), ids=[case[0] for case in CASES])
def test_operator_equals_reference(programs, cases, index):
    found = programs.values(cases, cases[index], ct.target.iOS16)[0]
    np.testing.assert_allclose(found, np.asarray(cases[index].expected()), rtol=2e-4, atol=1e-5)


def test_topk_returns_where_its_values_were(run):
    def build(x):
        values, indices = mb.topk(x=x, k=3, axis=2)
        return {"values": values, "indices": indices}

    found = run({"x": LINE}, build)
    np.testing.assert_array_equal(np.take_along_axis(LINE, found["indices"], 2), found["values"])


@pytest.mark.parametrize("mask", [None, "float", "bool"])
def test_attention_equals_its_formula(run, mask):
    bias = np.triu(np.full((3, 5), -2.0, np.float32), 1)

    def build(q, k, v):
        more = {"attn_mask": bias} if mask == "float" else {"attn_mask": bias == 0} if mask == "bool" else {}
        return {"out": mb.scaled_dot_product_attention(query=q, key=k, value=v, **more)}

    scores = QUERY @ KEY.transpose(0, 1, 3, 2) / 2
    scores = scores + bias if mask == "float" else np.where(bias == 0, scores, -np.inf) if mask == "bool" else scores
    found = run({"q": QUERY, "k": KEY, "v": VALUE}, build, ct.target.iOS18)["out"]
    np.testing.assert_allclose(found, special.softmax(scores, -1) @ VALUE, rtol=1e-4, atol=1e-5)
