# mypy: allow-untyped-calls
from __future__ import annotations

import coremltools as ct
import numpy as np
import pytest
import torch
from coremltools.converters.mil.mil import Builder as mb
from scipy import special

RNG = np.random.default_rng(1)
ANY = RNG.uniform(-3, 3, (2, 3, 4)).astype(np.float32)
OTHER = RNG.uniform(-3, 3, (3, 1)).astype(np.float32)
UNIT = RNG.uniform(-0.95, 0.95, (2, 3, 4)).astype(np.float32)
POSITIVE = RNG.uniform(0.1, 4, (2, 3, 4)).astype(np.float32)
INTEGERS = RNG.integers(-9, 9, (2, 6)).astype(np.int32)
DIVISORS = RNG.choice([-3, -2, 2, 5], (2, 6)).astype(np.int32)
IMAGE = RNG.uniform(-3, 3, (1, 3, 4, 5)).astype(np.float32)
PER_CHANNEL = np.array([0.5, -1.0, 2.0], np.float32)
HALVES = np.array([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 0.2], np.float32)


def unary(name, reference, value=ANY, **parameters):
    mode = "".join(f" {key}={parameter}" for key, parameter in parameters.items())
    return (f"{name}{mode}", {"x": value}, lambda x: getattr(mb, name)(x=x, **parameters), lambda: reference(value))


def binary(name, reference, x=ANY, y=OTHER, kind=""):
    return (f"{name}{kind}", {"x": x, "y": y}, lambda x, y: getattr(mb, name)(x=x, y=y), lambda: reference(x, y))


def logical(name, reference):
    def build(x, y):
        truths = [mb.greater(x=value, y=np.float32(0)) for value in (x, y)]
        return getattr(mb, name)(x=truths[0], y=truths[1])

    return (name, {"x": ANY, "y": OTHER}, build, lambda: reference(ANY > 0, OTHER > 0))


def column(vector):
    return vector.reshape(1, 3, 1, 1)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


CASES = [
    unary("abs", np.abs),
    unary("abs", np.abs, INTEGERS, **{}),
    unary("acos", np.arccos, UNIT),
    unary("asin", np.arcsin, UNIT),
    unary("atan", np.arctan),
    unary("atanh", np.arctanh, UNIT),
    unary("ceil", np.ceil),
    unary("cos", np.cos),
    unary("cosh", np.cosh),
    unary("erf", special.erf),
    unary("exp", np.exp),
    unary("exp2", np.exp2),
    unary("floor", np.floor),
    unary("round", np.round, HALVES),
    unary("sign", np.sign),
    unary("sin", np.sin),
    unary("sinh", np.sinh),
    unary("sqrt", np.sqrt, POSITIVE),
    unary("square", np.square),
    unary("tan", np.tan, UNIT),
    unary("tanh", np.tanh),
    unary("clip", lambda x: np.clip(x, -1, 0.5), alpha=-1.0, beta=0.5),
    unary("threshold", lambda x: np.maximum(x, 0.7), alpha=0.7),
    unary("log", np.log, POSITIVE),
    unary("log", lambda x: np.log(x + 0.5), POSITIVE, epsilon=0.5),
    unary("rsqrt", lambda x: 1 / np.sqrt(x), POSITIVE),
    unary("rsqrt", lambda x: 1 / np.sqrt(x + 0.5), POSITIVE, epsilon=0.5),
    unary("inverse", lambda x: 1 / (x + 1e-4), POSITIVE),
    unary("inverse", lambda x: 1 / (x + 0.5), POSITIVE, epsilon=0.5),
    unary("cast", np.trunc, dtype="int32"),
    unary("cast", lambda x: x != 0, INTEGERS, dtype="bool"),
    unary("cast", lambda x: x.astype(np.float16).astype(np.float32), dtype="fp16"),
    binary("add", np.add),
    binary("sub", np.subtract),
    binary("mul", np.multiply),
    binary("real_div", np.divide, y=POSITIVE),
    binary("floor_div", np.floor_divide, y=POSITIVE),
    binary("floor_div", np.floor_divide, INTEGERS, DIVISORS, " integers"),
    binary("mod", np.mod, y=POSITIVE),
    binary("mod", np.mod, INTEGERS, DIVISORS, " integers"),
    binary("pow", np.power, POSITIVE, OTHER),
    binary("maximum", np.maximum),
    binary("minimum", np.minimum),
    binary("add", np.add, INTEGERS, DIVISORS, " integers"),
    binary("mul", np.multiply, INTEGERS, DIVISORS, " integers"),
    binary("equal", np.equal, INTEGERS, DIVISORS),
    binary("not_equal", np.not_equal, INTEGERS, DIVISORS),
    binary("greater", np.greater),
    binary("greater_equal", np.greater_equal, INTEGERS, DIVISORS),
    binary("less", np.less),
    binary("less_equal", np.less_equal, INTEGERS, DIVISORS),
    logical("logical_and", np.logical_and),
    logical("logical_or", np.logical_or),
    logical("logical_xor", np.logical_xor),
    (
        "logical_not",
        {"x": ANY},
        lambda x: mb.logical_not(x=mb.greater(x=x, y=np.float32(0))),
        lambda: ANY <= 0,
    ),
    (
        "select",
        {"x": ANY, "y": OTHER},
        lambda x, y: mb.select(cond=mb.greater(x=x, y=np.float32(0)), a=x, b=y),
        lambda: np.where(ANY > 0, ANY, OTHER),
    ),
    unary("relu", lambda x: np.maximum(x, 0)),
    unary("relu6", lambda x: np.clip(x, 0, 6), 4 * ANY),
    unary("clamped_relu", lambda x: np.minimum(np.where(x < 0, 0.3 * x, x), 1.5), alpha=0.3, beta=1.5),
    unary("leaky_relu", lambda x: np.where(x < 0, 0.1 * x, x), alpha=0.1),
    unary("thresholded_relu", lambda x: np.where(x < 0.8, 0, x), alpha=0.8),
    unary("prelu", lambda x: np.where(x < 0, x * column(PER_CHANNEL), x), IMAGE, alpha=PER_CHANNEL),
    unary("elu", lambda x: np.where(x < 0, 0.7 * (np.exp(x) - 1), x), alpha=0.7),
    unary("gelu", lambda x: 0.5 * x * (1 + special.erf(x / np.sqrt(2)))),
    unary(
        "gelu",
        lambda x: 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
        mode="TANH_APPROXIMATION",
    ),
    unary("gelu", lambda x: x * sigmoid(1.702 * x), mode="SIGMOID_APPROXIMATION"),
    unary("linear_activation", lambda x: 2 * x - 0.5, alpha=2.0, beta=-0.5),
    unary("scaled_tanh", lambda x: 1.5 * np.tanh(0.4 * x), alpha=1.5, beta=0.4),
    unary("sigmoid", sigmoid),
    unary("sigmoid_hard", lambda x: np.clip(0.2 * x + 0.5, 0, 1), alpha=0.2, beta=0.5),
    unary("silu", lambda x: x * sigmoid(x)),
    unary("softplus", lambda x: np.log1p(np.exp(x)), 8 * ANY),
    unary(
        "softplus_parametric",
        lambda x: column(PER_CHANNEL) * np.log1p(np.exp(x * column(PER_CHANNEL + 1))),
        IMAGE,
        alpha=PER_CHANNEL,
        beta=PER_CHANNEL + 1,
    ),
    unary("softsign", lambda x: x / (1 + np.abs(x))),
    unary("softmax", lambda x: special.softmax(x, axis=-1)),
    unary("softmax", lambda x: special.softmax(x, axis=1), axis=1),
]
NAMES = [f"{name} {i}" if [case[0] for case in CASES].count(name) > 1 else name for i, (name, *_) in enumerate(CASES)]
CASES = [(name, *case[1:]) for name, case in zip(NAMES, CASES, strict=True)]


@pytest.fixture(scope="module")
def cases(case_type):
    return [case_type(*case) for case in CASES]


@pytest.mark.parametrize("index", range(len(CASES)), ids=NAMES)
def test_operator_equals_numpy(programs, cases, index):
    (found,) = programs.values(cases, cases[index], ct.target.iOS16)
    np.testing.assert_allclose(found, cases[index].expected(), rtol=2e-5, atol=2e-6)


def test_integer_division_truncates_to_the_declared_type(run):
    inputs = {"x": np.array([7, -7], np.int32), "y": np.array([2, 2], np.int32)}
    found = run(inputs, lambda x, y: {"out": mb.floor_div(x=x, y=y)})["out"]
    assert found.tolist() == [3, -4]
    assert found.dtype == torch.int32 or found.dtype == np.int32
