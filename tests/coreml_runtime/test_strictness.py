# mypy: allow-untyped-calls
"""Damaged or contradictory packages are refused; silent damage changes the result."""

from __future__ import annotations

import json
import shutil
import struct

import coremltools as ct
import numpy as np
import pytest
from coremltools.converters.mil.mil import Builder as mb
from coremltools.proto import MIL_pb2, Model_pb2

from pam_edge.errors import ArtifactError, UnsupportedOpError
from pam_edge.runtimes.coreml import load

RNG = np.random.default_rng(6)
X = RNG.normal(size=(1, 8, 8, 8)).astype(np.float32)
FIRST, SECOND = (RNG.normal(size=(8, 8, 3, 3)).astype(np.float32) for _ in range(2))
MODEL = "Data/com.apple.CoreML/model.mlmodel"
WEIGHTS = "Data/com.apple.CoreML/weights/weight.bin"


def two_layers(x):
    y = mb.conv(x=x, weight=FIRST, pad_type="same", name="first")
    y = mb.resize_bilinear(x=y, target_size_height=12, target_size_width=12, sampling_mode="UNALIGN_CORNERS", name="up")
    return {"out": mb.conv(x=y, weight=SECOND, pad_type="same", name="second")}


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    from coremltools.converters.mil import mil
    from coremltools.converters.mil.mil import Function

    program = mil.Program()
    with Function({"x": mb.placeholder(X.shape)}, opset_version=ct.target.iOS16) as function:
        function.set_outputs([two_layers(**function.inputs)["out"]])
        program.add_function("main", function)
    model = ct.convert(
        program,
        convert_to="mlprogram",
        pass_pipeline=ct.PassPipeline.EMPTY,
        compute_precision=ct.precision.FLOAT32,
        minimum_deployment_target=ct.target.iOS16,
        skip_model_load=True,
    )
    path = tmp_path_factory.mktemp("strict") / "model.mlpackage"
    model.save(str(path))
    return path


@pytest.fixture
def package(original, tmp_path):
    shutil.copytree(original, tmp_path / "copy.mlpackage")
    return tmp_path / "copy.mlpackage"


def edit(package, change):
    """Change the specification on disk: ``change`` gets the model and its only block."""
    model = Model_pb2.Model()
    model.ParseFromString((package / MODEL).read_bytes())
    function = model.mlProgram.functions["main"]
    change(model, function.block_specializations[function.opset])
    (package / MODEL).write_bytes(model.SerializeToString())


def operation(block, output):
    return next(item for item in block.operations if item.outputs and item.outputs[0].name == output)


def constant(block, parameter, of):
    """Return the literal bound to a parameter of an operation."""
    name = operation(block, of).inputs[parameter].arguments[0].name
    return operation(block, name).attributes["val"]


def patch(path, offset, data):
    content = bytearray(path.read_bytes())
    content[offset : offset + len(data)] = data
    path.write_bytes(bytes(content))


def output_name(block):
    return block.outputs[0]


def result(package):
    (value,) = load(package).predict({"x": X}).values()
    return value


def swap_weights(model, block):
    a, b = (constant(block, "weight", of).blobFileValue for of in ("first", output_name(block)))
    a.offset, b.offset = b.offset, a.offset


def set_text(value, text):
    value.immediateValue.tensor.strings.values[:] = [text]


@pytest.mark.parametrize(
    "change",
    [
        swap_weights,
        lambda model, block: set_text(constant(block, "sampling_mode", "up"), "ALIGN_CORNERS"),
        lambda model, block: set_text(constant(block, "pad_type", "first"), "same_lower"),
    ],
    ids=["swapped offsets", "other alignment rule", "other padding rule, same result for odd windows"],
)
def test_change_of_the_program_shows_in_the_result(original, package, change, request):
    edit(package, change)
    same = np.allclose(result(package), result(original), atol=1e-4)
    assert same == ("same result" in request.node.callspec.id)


def test_flipped_weight_byte_shows_in_the_result(original, package):
    before = result(original)
    content = (package / WEIGHTS).read_bytes()
    patch(package / WEIGHTS, 128 + 4 * 7 + 2, bytes([content[128 + 4 * 7 + 2] ^ 0x40]))
    assert np.abs(result(package) - before).max() > 1e-3


def set_stride(model, block):
    constant(block, "strides", "first").immediateValue.tensor.ints.values[:] = [2, 2]


def dangle(model, block):
    operation(block, "up").inputs["x"].arguments[0].name = "nowhere"


def wrong_shape(model, block):
    operation(block, "first").outputs[0].type.tensorType.dimensions[1].constant.size = 9


def wrong_dtype(model, block):
    operation(block, "first").outputs[0].type.tensorType.dataType = MIL_pb2.FLOAT16


def wrong_operand(model, block):
    operation(block, "up").inputs["x"].arguments[0].name = operation(block, "first").inputs["strides"].arguments[0].name


def computed_weight(model, block):
    operation(block, output_name(block)).inputs["weight"].arguments[0].name = "up"


def computed_parameter(model, block):
    operation(block, output_name(block)).inputs["bias"].CopyFrom(operation(block, "up").inputs["x"])


def defined_twice(model, block):
    operation(block, "up").outputs[0].name = "first"


def unknown_input(model, block):
    operation(block, "up").inputs["antialias"].CopyFrom(operation(block, "up").inputs["x"])


def missing_input(model, block):
    del operation(block, "first").inputs["weight"]


def too_new(model, block):
    operation(block, "up").type = "resize"


def opset_too_new(model, block):
    model.specificationVersion = 6


def wrong_offset(model, block):
    constant(block, "weight", "first").blobFileValue.offset += 64


def offset_outside(model, block):
    constant(block, "weight", "first").blobFileValue.offset = 1 << 40


def other_file(model, block):
    constant(block, "weight", "first").blobFileValue.fileName = "@model_path/weights/other.bin"


def outside_the_package(model, block):
    constant(block, "weight", "first").blobFileValue.fileName = "@model_path/../../../secret.bin"


def short_literal(model, block):
    constant(block, "strides", "first").immediateValue.tensor.ints.values[:] = [1]


def renamed_output(model, block):
    model.description.output[0].name = "other"


REFUSED = {
    set_stride: "found shape",
    dangle: "'nowhere'",
    wrong_shape: "found shape",
    wrong_dtype: "fp32",
    wrong_operand: "int32",
    computed_weight: "constant weights",
    computed_parameter: "constant as 'bias'",
    defined_twice: "defined once",
    unknown_input: "antialias",
    missing_input: "weight",
    too_new: "CoreML6",
    opset_too_new: "specification version",
    wrong_offset: "sentinel",
    offset_outside: "inside the file",
    other_file: "missing",
    outside_the_package: "weight file below",
    short_literal: "2 elements",
    renamed_output: "other",
}


@pytest.mark.parametrize("change", REFUSED, ids=lambda change: change.__name__)
def test_contradiction_is_refused(package, change):
    edit(package, change)
    with pytest.raises(ArtifactError, match=r"^Expected ") as error:
        result(package)
    assert REFUSED[change] in str(error.value)


def test_unknown_operator_is_named_with_its_place(package):
    edit(package, lambda model, block: setattr(operation(block, "up"), "type", "hologram"))
    with pytest.raises(UnsupportedOpError, match=r"'hologram'.*'up' in function 'main'"):
        load(package)


def test_computed_weights_are_taken_when_asked_for(tmp_path, save):
    path = save({"x": X, "w": FIRST}, lambda x, w: {"out": mb.conv(x=x, weight=w, pad_type="same")})
    with pytest.raises(ArtifactError, match="constant weights"):
        load(path)
    fixed = save({"x": X}, lambda x: {"out": mb.conv(x=x, weight=FIRST, pad_type="same")})
    expected = load(fixed).predict({"x": X})["out"]
    path = save({"x": X, "w": FIRST}, lambda x, w: {"out": mb.conv(x=x, weight=w, pad_type="same")})
    found = load(path, computed_weights=True).predict({"x": X, "w": FIRST})["out"]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("offset", "data", "reason"),
    [
        (4, struct.pack("<I", 1), "version"),
        (64, struct.pack("<I", 0xDEADBEE0), "sentinel"),
        (68, struct.pack("<I", 1), "fp32"),
        (72, struct.pack("<Q", 4), "bytes"),
        (80, struct.pack("<Q", 129), "multiple of 64"),
        (80, struct.pack("<Q", 1 << 20), "truncated"),
    ],
    ids=["version", "sentinel", "type", "size", "alignment", "start"],
)
def test_damaged_blob_is_refused(package, offset, data, reason):
    patch(package / WEIGHTS, offset, data)
    with pytest.raises(ArtifactError, match=reason):
        load(package)


@pytest.mark.parametrize("keep", [0, 40, 200, -10])
def test_truncated_weight_file_is_refused(package, keep):
    content = (package / WEIGHTS).read_bytes()
    (package / WEIGHTS).write_bytes(content[:keep])
    with pytest.raises(ArtifactError, match="found"):
        load(package)


def break_manifest(package):
    (package / "Manifest.json").write_text("{}")


def manifest_outside(package):
    content = json.loads((package / "Manifest.json").read_text())
    content["itemInfoEntries"][content["rootModelIdentifier"]]["path"] = "../../elsewhere"
    (package / "Manifest.json").write_text(json.dumps(content))


@pytest.mark.parametrize(
    "damage",
    [
        break_manifest,
        manifest_outside,
        lambda package: (package / "Manifest.json").unlink(),
        lambda package: (package / MODEL).unlink(),
        lambda package: (package / MODEL).write_bytes(b"\xff" * 40),
        lambda package: (package / MODEL).write_bytes(b""),
        lambda package: (package / WEIGHTS).unlink(),
    ],
    ids=["manifest", "manifest outside", "no manifest", "no model", "no protobuf", "empty model", "no weights"],
)
def test_damaged_package_is_refused(package, damage):
    damage(package)
    with pytest.raises(ArtifactError, match="Expected"):
        load(package)
