# mypy: allow-untyped-calls
"""Control flow, several functions, float16 storage, images: what a program does around single operators."""

from __future__ import annotations

import weakref

import coremltools as ct
import numpy as np
import pytest
import torch
from coremltools.converters.mil.mil import Builder as mb
from coremltools.converters.mil.mil import types

from pam_edge.errors import UsageError
from pam_edge.runtimes.coreml import load, supported_ops

X = np.linspace(-2, 2, 12, dtype=np.float32).reshape(3, 4)


def branching(x):
    def inner_then():
        return mb.mul(x=x, y=3.0)

    def inner_else():
        return mb.mul(x=x, y=5.0)

    def then():
        big = mb.greater(x=mb.reduce_sum(x=x, keep_dims=False), y=10.0)
        return mb.cond(pred=big, _true_fn=inner_then, _false_fn=inner_else)

    positive = mb.greater(x=mb.reduce_sum(x=x, keep_dims=False), y=0.0)
    return {"out": mb.cond(pred=positive, _true_fn=then, _false_fn=lambda: mb.mul(x=x, y=-1.0))}


@pytest.mark.parametrize(("shift", "factor"), [(-1, -1), (0.1, 5), (2, 3)])
def test_nested_condition_takes_one_branch(save, shift, factor):
    model, seen = load(save({"x": X}, branching)), []
    found = model.run({"x": X + np.float32(shift)}, observe=lambda kind, *_: seen.append(kind))["out"]
    np.testing.assert_allclose(found, factor * (X + np.float32(shift)), rtol=1e-6)
    assert seen.count("mul") == 1


def test_loop_runs_until_its_test_fails(run):
    def build(x):
        return {
            "out": mb.while_loop(
                _cond=lambda a, n: mb.less(x=n, y=4.0),
                _body=lambda a, n: (mb.add(x=a, y=a), mb.add(x=n, y=1.0)),
                loop_vars=(x, mb.reduce_sum(x=mb.mul(x=x, y=0.0), keep_dims=False)),
            )[0]
        }

    np.testing.assert_allclose(run({"x": X}, build)["out"], 16 * X)


def test_functions_of_one_package_share_weights(tmp_path, save):
    weights = {
        name: np.random.default_rng(seed).normal(size=(8, 8, 3, 3)).astype(np.float32) for seed, name in enumerate("ab")
    }
    x = np.ones((1, 8, 6, 6), np.float32)
    descriptor = ct.utils.MultiFunctionDescriptor()
    for name, factor in (("mild", 1.0), ("aggressive", 2.0)):
        path = save(
            {"x": x},
            lambda x, factor=factor: {"out": mb.mul(x=mb.conv(x=x, weight=weights["a"], pad_type="same"), y=factor)},
            ct.target.iOS18,
        )
        path = path.rename(tmp_path / f"{name}.mlpackage")
        descriptor.add_function(str(path), "main", name)
    descriptor.default_function_name = "mild"
    ct.utils.save_multifunction(descriptor, str(tmp_path / "both.mlpackage"))
    model = load(tmp_path / "both.mlpackage")
    assert sorted(model.functions) == ["aggressive", "mild"]
    mild, aggressive = (model.predict({"x": x}, function=name)["out"] for name in ("mild", "aggressive"))
    np.testing.assert_allclose(aggressive, 2 * mild)
    np.testing.assert_array_equal(model.predict({"x": x})["out"], mild)
    with pytest.raises(UsageError, match="mild"):
        model.predict({"x": x}, function="main")


def half(x):
    return np.asarray(x, np.float16).astype(np.float32)


FLOAT16 = {
    "add": (lambda x: mb.add(x=x, y=np.float16(0.3)), lambda x: x + half(0.3)),
    "exp": (lambda x: mb.exp(x=x), np.exp),
    "matmul": (lambda x: mb.matmul(x=x, y=x, transpose_y=True), lambda x: x @ x.T),
    "reduce_mean": (lambda x: mb.reduce_mean(x=x, axes=[0]), lambda x: x.mean(0)),
    "softmax": (lambda x: mb.softmax(x=x, axis=1), lambda x: torch.softmax(torch.from_numpy(x), 1).numpy()),
    "relu": (lambda x: mb.relu(x=x), lambda x: np.maximum(x, 0)),
}


HALVES = np.random.default_rng(0).normal(size=(3, 400)).astype(np.float16)


@pytest.fixture(scope="module")
def float16_cases(case_type):
    return [
        case_type(name, {"x": HALVES}, build, lambda reference=reference: reference(HALVES.astype(np.float32)))
        for name, (build, reference) in FLOAT16.items()
    ]


@pytest.mark.parametrize("index", range(len(FLOAT16)), ids=list(FLOAT16))
def test_float16_result_is_the_float32_result_rounded_once(programs, float16_cases, index):
    (found,) = programs.values(float16_cases, float16_cases[index], ct.target.iOS16)
    assert found.dtype == np.float16
    # One unit in the last place: both sums are float32, in another order.
    np.testing.assert_array_max_ulp(found, float16_cases[index].expected().astype(np.float16), 1)


def test_float16_overflow_shows_in_the_declared_run_alone(save):
    x = np.full((2, 2), 300, np.float16)
    model = load(save({"x": x}, lambda x: {"out": mb.mul(x=mb.mul(x=x, y=x), y=np.float16(0.001))}))
    assert np.isinf(model.predict({"x": x})["out"]).all()
    np.testing.assert_allclose(model.run({"x": x}, compute="float32")["out"], 90, rtol=2e-3)


def test_values_are_freed_after_their_last_use(save):
    def build(x):
        for _ in range(6):
            x = mb.add(x=x, y=1.0)
        return {"out": x}

    model, alive, most = load(save({"x": X}, build)), [], []

    def watch(kind, name, value):
        alive.append(weakref.ref(value))
        most.append(sum(ref() is not None for ref in alive))

    model.run({"x": X}, observe=watch)
    assert max(most) <= 3


def image_model(tmp_path, colour, outputs=None, scale=1.0, bias=0.0, channels=3):
    @mb.program(input_specs=[mb.TensorSpec(shape=(1, channels, 4, 6))], opset_version=ct.target.iOS16)
    def program(image):
        return mb.identity(x=image, name="out")

    if outputs is not None:
        program.functions["main"].set_output_types(outputs)  # the builder's programs have no such argument
    inputs = [ct.ImageType("image", shape=(1, channels, 4, 6), color_layout=colour, scale=scale, bias=bias)]
    model = ct.convert(
        program,
        inputs=inputs,
        convert_to="mlprogram",
        compute_precision=ct.precision.FLOAT32,
        minimum_deployment_target=ct.target.iOS16,
        skip_model_load=True,
    )
    model.save(str(tmp_path / "image.mlpackage"))
    return load(tmp_path / "image.mlpackage")


PIXELS = np.random.default_rng(7).integers(0, 256, (4, 6, 3), dtype=np.uint8)


@pytest.mark.parametrize(("colour", "order"), [(ct.colorlayout.RGB, [0, 1, 2]), (ct.colorlayout.BGR, [2, 1, 0])])
def test_colour_image_enters_in_the_declared_layout(tmp_path, colour, order):
    found = image_model(tmp_path, colour).predict({"image": PIXELS})["out"]
    np.testing.assert_array_equal(found[0], PIXELS.transpose(2, 0, 1)[order])


def test_scale_and_bias_are_part_of_the_program(tmp_path):
    model = image_model(tmp_path, ct.colorlayout.RGB, scale=1 / 127.5, bias=[-1.0, -0.5, 0.0])
    found = model.predict({"image": PIXELS})["out"][0]
    expected = PIXELS.transpose(2, 0, 1) / 127.5 + np.array([-1, -0.5, 0])[:, None, None]
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("layout", "dtype"), [(ct.colorlayout.GRAYSCALE, np.uint8), (ct.colorlayout.GRAYSCALE_FLOAT16, np.float16)]
)
def test_grayscale_image_leaves_as_pixels(tmp_path, layout, dtype):
    outputs = [ct.ImageType("out", color_layout=layout)]
    model = image_model(tmp_path, ct.colorlayout.GRAYSCALE, outputs, channels=1)
    found = model.predict({"image": PIXELS[:, :, 0]})["out"]
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, PIXELS[:, :, 0])


def test_colour_image_leaves_in_rgb_order(tmp_path):
    model = image_model(tmp_path, ct.colorlayout.BGR, [ct.ImageType("out", color_layout=ct.colorlayout.BGR)])
    np.testing.assert_array_equal(model.predict({"image": PIXELS})["out"], PIXELS)


@pytest.fixture(scope="module")
def rgb_model(tmp_path_factory):
    return image_model(tmp_path_factory.mktemp("rgb"), ct.colorlayout.RGB)


@pytest.mark.parametrize(
    "inputs",
    [
        {},
        {"image": PIXELS, "more": PIXELS},
        {"image": PIXELS.astype(np.float32)},
        {"image": PIXELS[:2]},
        {"image": PIXELS[:, :, 0]},
    ],
    ids=["missing", "unknown", "float", "size", "channels"],
)
def test_unfit_inputs_are_refused(rgb_model, inputs):
    with pytest.raises(UsageError, match="Expected"):
        rgb_model.predict(inputs)


def test_computed_shape_is_taken_as_it_comes(tmp_path):
    program = ct.converters.mil.mil.Program()
    size = ct.RangeDim(2, 8, 4)
    from coremltools.converters.mil.mil import Function, get_new_symbol

    with Function({"x": mb.placeholder((1, get_new_symbol()), dtype=types.fp32)}, opset_version=ct.target.iOS16) as f:
        f.set_outputs([mb.concat(values=(f.inputs["x"], f.inputs["x"]), axis=1, name="out")])
        program.add_function("main", f)
    model = ct.convert(
        program,
        inputs=[ct.TensorType("x", shape=(1, size))],
        convert_to="mlprogram",
        minimum_deployment_target=ct.target.iOS16,
        skip_model_load=True,
    )
    model.save(str(tmp_path / "m.mlpackage"))
    for count in (2, 7):
        assert load(tmp_path / "m.mlpackage").predict({"x": np.ones((1, count), np.float32)})["out"].shape == (
            1,
            2 * count,
        )


def test_coverage_table_lists_more_than_a_hundred_operators():
    rows = supported_ops()
    assert len({row.name for row in rows}) >= 140
    assert {
        "conv": "CoreML5",
        "pixel_unshuffle": "CoreML6",
        "resize": "CoreML7",
        "slice_update": "CoreML8",
    }.items() <= {row.name: row.opset for row in rows}.items()
