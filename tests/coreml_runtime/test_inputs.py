# mypy: allow-untyped-calls
"""Which inputs a package takes: fixed, listed or ranging shapes, images of several sizes, and inputs left out."""

from __future__ import annotations

from typing import Any

import coremltools as ct
import numpy as np
import pytest
from coremltools.converters.mil import mil
from coremltools.converters.mil.mil import Builder as mb
from coremltools.converters.mil.mil import Function, get_new_symbol, types
from coremltools.proto import Model_pb2

from pam_edge.errors import ArtifactError, UsageError
from pam_edge.runtimes.coreml import load

MODEL = "Data/com.apple.CoreML/model.mlmodel"
MIL_TYPES = {"float32": types.fp32, "int32": types.int32}


def program_shape(shape):
    """Return a shape as a program states it: with a symbol for every size that may vary."""
    if isinstance(shape, ct.EnumeratedShapes):
        sizes = zip(*(each.shape for each in shape.shapes), strict=True)
        return tuple(size[0] if len(set(size)) == 1 else get_new_symbol() for size in sizes)
    return tuple(get_new_symbol() if isinstance(size, ct.RangeDim) else size for size in shape)


def save(path, inputs, opset=ct.target.iOS16, edit=None):
    """Save a package that returns each input under its name and ``_out``, and twice ``x``.

    ``inputs`` holds a shape and what makes a coremltools type of it, by name; ``edit`` may change the specification.
    """
    program = mil.Program()
    declared = {name: make(name, shape) for name, (shape, make) in inputs.items()}
    placeholders = {
        name: mb.placeholder(program_shape(shape), dtype=declared[name].dtype or types.fp32)
        for name, (shape, _) in inputs.items()
    }
    with Function(placeholders, opset_version=opset) as function:
        function.set_outputs([mb.identity(x=value, name=f"{name}_out") for name, value in function.inputs.items()])
        program.add_function("main", function)
    model = ct.convert(
        program,
        inputs=list(declared.values()),
        convert_to="mlprogram",
        compute_precision=ct.precision.FLOAT32,
        minimum_deployment_target=opset,
        skip_model_load=True,
    )
    model.save(str(path))
    if edit is not None:
        specification = Model_pb2.Model()
        specification.ParseFromString((path / MODEL).read_bytes())
        edit(specification)
        (path / MODEL).write_bytes(specification.SerializeToString())
    return path


def tensor(dtype=np.float32, default=None):
    return lambda name, shape: ct.TensorType(name, shape=shape, dtype=dtype, default_value=default)


def image(layout=ct.colorlayout.RGB):
    return lambda name, shape: ct.ImageType(name, shape=shape, color_layout=layout, channel_first=True)


GRAY = ct.colorlayout.GRAYSCALE
LISTED = ct.EnumeratedShapes([(1, 3, 4, 6), (1, 3, 6, 4), (1, 3, 8, 8)], default=(1, 3, 6, 4))
HEIGHT, WIDTH = ct.RangeDim(4, 8, 6), ct.RangeDim(5, 9)
NARROW = (ct.RangeDim(1, 3), 3, ct.RangeDim(5, 9))

TAKEN: dict[str, Any] = {
    "fixed": ((2, 3), tensor(), [(2, 3)]),
    "scalar as array": ((1,), tensor(), [(1,), ()]),
    "range": ((1, 3, HEIGHT, WIDTH), tensor(), [(1, 3, 4, 5), (1, 3, 8, 9), (1, 3, 6, 7)]),
    "range of batches": (NARROW, tensor(), [(1, 3, 5), (3, 3, 9)]),
    "listed": (LISTED, tensor(), [(1, 3, 4, 6), (1, 3, 6, 4), (1, 3, 8, 8)]),
    "listed integers": (LISTED, tensor(np.int32), [(1, 3, 4, 6), (1, 3, 8, 8)]),
    "image": ((1, 3, 4, 6), image(), [(4, 6, 3)]),
    "image, gray": ((1, 1, 4, 6), image(GRAY), [(4, 6), (4, 6, 1)]),
    "image, range": ((1, 3, HEIGHT, WIDTH), image(), [(4, 5, 3), (8, 9, 3)]),
    "image, gray, range": ((1, 1, HEIGHT, 6), image(GRAY), [(4, 6), (8, 6)]),
    "image, listed": (LISTED, image(), [(4, 6, 3), (6, 4, 3), (8, 8, 3)]),
}
REFUSED: dict[str, Any] = {
    "fixed": [(1, 3), (3, 3), (2, 4), (3,), (2, 3, 1), ()],
    "scalar as array": [(2,), (1, 1)],
    "range": [(1, 3, 3, 5), (1, 3, 9, 5), (1, 3, 4, 4), (1, 3, 4, 10), (2, 3, 4, 5), (1, 4, 4, 5), (3, 4, 5)],
    "range of batches": [(0, 3, 5), (4, 3, 5), (1, 3, 4), (1, 3, 10)],
    "listed": [(1, 3, 6, 6), (1, 3, 4, 4), (2, 3, 4, 6), (1, 3, 8, 6), (3, 4, 6)],
    "listed integers": [(1, 3, 6, 6), (2, 3, 4, 6)],
    "image": [(6, 4, 3), (4, 7, 3), (4, 6), (1, 4, 6, 3), (4, 6, 4), (3, 4, 6)],
    "image, gray": [(4, 6, 3), (6, 4), (4, 6, 2)],
    "image, range": [(3, 5, 3), (9, 5, 3), (4, 4, 3), (4, 10, 3), (4, 5)],
    "image, gray, range": [(3, 6), (9, 6), (4, 5), (4, 7)],
    "image, listed": [(6, 6, 3), (4, 4, 3), (8, 6, 3), (4, 8, 3)],
}


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Return one package of each kind, made when it is first asked for."""
    folder = tmp_path_factory.mktemp("inputs")
    made: dict[str, Any] = {}

    def model(kind):
        if kind not in made:
            shape, make, _ = TAKEN[kind]
            made[kind] = load(save(folder / f"{len(made)}.mlpackage", {"x": (shape, make)}))
        return made[kind]

    return model


def values(model, shape):
    (feature,) = model.inputs()
    return np.arange(np.prod(shape, dtype=int)).reshape(shape).astype(feature.dtype)


@pytest.mark.parametrize(("kind", "shape"), [(kind, shape) for kind, (_, _, all_) in TAKEN.items() for shape in all_])
def test_every_shape_that_core_ml_takes_is_taken(models, kind, shape):
    model = models(kind)
    given = values(model, shape)
    found = model.predict({"x": given})["x_out"]
    planar = given.transpose(2, 0, 1) if kind.startswith("image") and given.ndim == 3 else given
    np.testing.assert_array_equal(found.squeeze(), planar.squeeze())


@pytest.mark.parametrize(("kind", "shape"), [(kind, shape) for kind, all_ in REFUSED.items() for shape in all_])
def test_every_shape_that_core_ml_refuses_is_refused(models, kind, shape):
    model = models(kind)
    with pytest.raises(UsageError, match=r"^Expected 'x' of shape .*; got \["):
        model.predict({"x": values(model, shape)})


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("range", "[1, 3, 4 to 8, 5 to 9]"),
        ("listed", "one of [1, 3, 6, 4], [1, 3, 4, 6], [1, 3, 8, 8]"),
        ("image, range", "[4 to 8, 5 to 9, 3]"),
        ("image, listed", "one of [4, 6, 3], [6, 4, 3], [8, 8, 3]"),
    ],
)
def test_a_refusal_says_what_is_allowed(models, kind, words):
    with pytest.raises(UsageError) as error:
        models(kind).predict({"x": values(models(kind), (1,))})
    assert words in str(error.value)


@pytest.mark.parametrize(
    ("kind", "shape"),
    [
        ("fixed", (2, 3)),
        ("range", (1, 3, None, None)),
        ("listed", (1, 3, None, None)),
        ("image, listed", (None, None, 3)),
    ],
)
def test_a_feature_shows_which_sizes_vary(models, kind, shape):
    assert models(kind).inputs()[0].shape == shape


def test_the_description_narrows_what_the_program_leaves_open(tmp_path):
    def fix(specification):
        specification.description.input[0].type.multiArrayType.ClearField("shapeRange")

    model = load(save(tmp_path / "m.mlpackage", {"x": (NARROW, tensor())}, edit=fix))
    assert model.predict({"x": np.ones((1, 3, 5), np.float32)})["x_out"].shape == (1, 3, 5)
    with pytest.raises(UsageError, match=r"\[1, 3, 5\]; got \[2, 3, 5\]"):
        model.predict({"x": np.ones((2, 3, 5), np.float32)})


def test_an_upper_bound_below_zero_bounds_nothing(tmp_path):
    def unbound(specification):
        specification.description.input[0].type.multiArrayType.shapeRange.sizeRanges[2].upperBound = -1

    model = load(save(tmp_path / "m.mlpackage", {"x": (NARROW, tensor())}, edit=unbound))
    assert model.predict({"x": np.ones((1, 3, 500), np.float32)})["x_out"].shape == (1, 3, 500)
    with pytest.raises(UsageError, match="5 or more"):
        model.predict({"x": np.ones((1, 3, 4), np.float32)})


OPTIONAL: dict[str, Any] = {
    "fixed": ((2, 3), np.full((2, 3), 1.5, np.float32), (2, 3)),
    "zeros": ((2, 3), np.zeros((2, 3), np.float32), (2, 3)),
    "half": ((2, 3), np.full((2, 3), 0.1, np.float16), (2, 3)),
    "range": ((1, HEIGHT), np.full((1, 7), -2.0, np.float32), (1, 7)),
}


@pytest.mark.parametrize("kind", OPTIONAL)
def test_an_optional_input_left_out_has_its_default_value(tmp_path, kind):
    shape, default, filled = OPTIONAL[kind]
    inputs = {"x": ((2,), tensor()), "more": (shape, tensor(default.dtype.type, default))}
    model = load(save(tmp_path / "m.mlpackage", inputs))
    x = np.ones(2, np.float32)
    found = model.predict({"x": x})["more_out"]
    assert found.shape == filled
    np.testing.assert_array_equal(found, np.full(filled, default.flat[0]))
    given = np.full(filled, 9, default.dtype)
    np.testing.assert_array_equal(model.predict({"x": x, "more": given})["more_out"], given)


@pytest.mark.parametrize("given", [{}, {"more": 1}, {"x": 1, "more": 1, "other": 1}], ids=str)
def test_inputs_that_are_not_optional_are_asked_for(tmp_path, given):
    inputs = {"x": ((2,), tensor()), "more": ((3,), tensor(default=np.ones(3, np.float32)))}
    model = load(save(tmp_path / "m.mlpackage", inputs))
    with pytest.raises(UsageError, match=r"Expected the inputs \['x'\], and if you like \['more'\]"):
        model.predict({name: np.ones(2 if name == "x" else 3, np.float32) for name in given})


def test_an_optional_integer_has_an_integer_as_default_value(tmp_path):
    def whole(specification):
        array = specification.description.input[1].type.multiArrayType
        array.intDefaultValue = 7

    inputs = {"x": ((2,), tensor()), "more": ((3,), tensor(np.int32, np.full(3, 7, np.int32)))}
    # coremltools writes a float, which Core ML refuses.
    with pytest.raises(ArtifactError, match="floatDefaultValue"):
        load(save(tmp_path / "float.mlpackage", inputs))
    model = load(save(tmp_path / "int.mlpackage", inputs, edit=whole))
    assert model.predict({"x": np.ones(2, np.float32)})["more_out"].tolist() == [7, 7, 7]


def test_an_optional_input_without_a_value_is_zeros(tmp_path):
    def optional(specification):
        specification.description.input[1].type.isOptional = True

    inputs = {"x": ((2,), tensor()), "more": ((3,), tensor())}
    model = load(save(tmp_path / "m.mlpackage", inputs, edit=optional))
    assert model.predict({"x": np.ones(2, np.float32)})["more_out"].tolist() == [0, 0, 0]


def test_an_optional_image_left_out_is_asked_for(tmp_path):
    def optional(specification):
        specification.description.input[1].type.isOptional = True

    inputs = {"x": ((2,), tensor()), "more": ((1, 3, 4, 6), image())}
    model = load(save(tmp_path / "m.mlpackage", inputs, edit=optional))
    with pytest.raises(UsageError, match="Expected a value for 'more'"):
        model.predict({"x": np.ones(2, np.float32)})


PAIR = {
    "x": (ct.EnumeratedShapes([(1, 2), (1, 3)]), tensor()),
    "y": (ct.EnumeratedShapes([(2, 1), (2, 3)]), tensor()),
}


@pytest.mark.parametrize(
    ("x", "y", "taken"),
    [((1, 2), (2, 1), True), ((1, 3), (2, 3), True), ((1, 2), (2, 3), False), ((1, 3), (2, 1), False)],
)
def test_two_lists_of_shapes_go_in_pairs(tmp_path, x, y, taken):
    model = load(save(tmp_path / "m.mlpackage", PAIR, ct.target.iOS18))
    given = {"x": np.ones(x, np.float32), "y": np.ones(y, np.float32)}
    if taken:
        assert model.predict(given)["y_out"].shape == y
        return
    with pytest.raises(UsageError, match="at the same place of each list"):
        model.predict(given)


def test_a_repeated_shape_goes_with_each_of_its_pairs(tmp_path):
    inputs = {"x": (ct.EnumeratedShapes([(1, 2), (1, 2)]), tensor()), "y": PAIR["y"]}
    model = load(save(tmp_path / "m.mlpackage", inputs, ct.target.iOS18))
    for y in ((2, 1), (2, 3)):
        assert model.predict({"x": np.ones((1, 2), np.float32), "y": np.ones(y, np.float32)})["y_out"].shape == y


def fewer_shapes(specification):
    del specification.description.input[1].type.multiArrayType.enumeratedShapes.shapes[1]


def no_shapes(specification):
    specification.description.input[0].type.multiArrayType.enumeratedShapes.ClearField("shapes")


def older(specification):
    specification.specificationVersion = 8
    function = specification.mlProgram.functions["main"]
    block = function.block_specializations[function.opset]
    function.block_specializations["CoreML7"].CopyFrom(block)
    function.opset = "CoreML7"


def default_outside(specification):
    specification.description.input[0].type.multiArrayType.shape[1] = 9


def all_optional(specification):
    for each in specification.description.input:
        each.type.isOptional = True


def optional_output(specification):
    specification.description.output[0].type.isOptional = True


def empty_range(specification):
    array = specification.description.input[0].type.multiArrayType
    array.shapeRange.sizeRanges.add(lowerBound=3, upperBound=2)


def no_shape(specification):
    array = specification.description.input[0].type.multiArrayType
    array.ClearField("shape")
    array.ClearField("enumeratedShapes")


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (fewer_shapes, "as many listed shapes"),
        (no_shapes, "at least one shape"),
        (older, "before iOS 18"),
        (default_outside, "the default shape"),
        (all_optional, "not optional"),
        (optional_output, "optional"),
        (empty_range, "a lowest and a highest size"),
        (no_shape, "with a shape"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_description_that_core_ml_refuses_is_refused(tmp_path, edit, words):
    package = save(tmp_path / "m.mlpackage", PAIR, ct.target.iOS18, edit)
    with pytest.raises(ArtifactError, match=r"^Expected ") as error:
        load(package)
    assert words in str(error.value)


def image_too_large(specification):
    specification.description.input[0].type.imageType.height = 9


def image_without_size(specification):
    specification.description.input[0].type.imageType.ClearField("imageSizeRange")
    specification.description.input[0].type.imageType.height = 0


@pytest.mark.parametrize("edit", [image_too_large, image_without_size], ids=lambda edit: edit.__name__)
def test_an_image_whose_default_size_is_impossible_is_refused(tmp_path, edit):
    package = save(tmp_path / "m.mlpackage", {"x": ((1, 3, HEIGHT, 6), image())}, edit=edit)
    with pytest.raises(ArtifactError, match=r"^Expected "):
        load(package)


def test_an_image_without_a_default_size_has_the_smallest(tmp_path):
    def forget(specification):
        specification.description.input[0].type.imageType.height = 0

    model = load(save(tmp_path / "m.mlpackage", {"x": ((1, 3, HEIGHT, 6), image())}, edit=forget))
    assert model.inputs()[0].sizes.default == (4, 6, 3)
