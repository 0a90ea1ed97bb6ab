# mypy: allow-untyped-calls
"""Real networks: parity of a converted static graph, and where it breaks when the package is tampered with."""

from __future__ import annotations

import shutil

import coremltools as ct
import numpy as np
import pytest
import torch
from coremltools.proto import Model_pb2

from pam_edge.errors import UsageError
from pam_edge.graphs.static import StaticGraph, layer_outputs, stage_outputs
from pam_edge.runtimes.coreml import load
from pam_edge.runtimes.coreml.localise import Verdict, localise
from pam_edge.supernet.network import Supernet
from pam_edge.supernet.path import PathSpec
from pam_edge.supernet.variants import variant

SIZE = 64
RNG = np.random.default_rng(0)
INPUTS = {
    "image": RNG.integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8),
    "trimap": RNG.choice(np.array([0, 128, 255], np.uint8), (SIZE, SIZE), p=[0.1, 0.8, 0.1]),
}
MODEL = "Data/com.apple.CoreML/model.mlmodel"
WEIGHTS = "Data/com.apple.CoreML/weights/weight.bin"


def static_graph(name="pam-minute"):
    torch.manual_seed(0)
    supernet = Supernet(variant(name)).eval()
    return StaticGraph(supernet, PathSpec.full(supernet.block_count)).eval()


def convert(graph, path, precision, size=SIZE):
    shapes = {"image": (1, 3, size, size), "trimap": (1, 1, size, size)}
    program = torch.export.export(graph, tuple(torch.zeros(shape) for shape in shapes.values()))
    layouts = {"image": ct.colorlayout.RGB, "trimap": ct.colorlayout.GRAYSCALE}
    model = ct.convert(
        program.run_decompositions({}),
        inputs=[ct.ImageType(name, shape=shape, color_layout=layouts[name]) for name, shape in shapes.items()],
        outputs=[ct.TensorType("alpha")],
        minimum_deployment_target=ct.target.iOS16,
        compute_precision=precision,
        skip_model_load=True,
    )
    model.save(str(path))
    return path


def block_references(graph, image, trimap):
    """Return the choice blocks' outputs and alpha, and as details what enters and leaves every layer."""
    with torch.no_grad():
        parts = [(name, output.numpy()) for name, output in stage_outputs(graph, image, trimap)]
        layers = [(name, value.numpy()) for name, value in layer_outputs(graph, image, trimap)]
        alpha = graph(image, trimap).numpy()
    names = graph.network.config.block_names
    return [*((name, value) for name, value in parts if name in names), ("alpha", alpha)], layers


def tensors(inputs):
    image = torch.from_numpy(inputs["image"]).permute(2, 0, 1)[None].float()
    return image, torch.from_numpy(inputs["trimap"])[None, None].float()


@pytest.fixture(scope="module")
def graph():
    return static_graph()


@pytest.fixture(scope="module")
def packages(graph, tmp_path_factory):
    folder = tmp_path_factory.mktemp("minute")
    return {
        "fp32": convert(graph, folder / "fp32.mlpackage", ct.precision.FLOAT32),
        "fp16": convert(graph, folder / "fp16.mlpackage", ct.precision.FLOAT16),
    }


@pytest.fixture(scope="module")
def references(graph):
    return block_references(graph, *tensors(INPUTS))


@pytest.mark.parametrize(("precision", "limit"), [("fp32", 1e-5), ("fp16", 0.03)])
def test_alpha_equals_pytorch_within_the_precision(graph, packages, precision, limit):
    with torch.inference_mode():
        expected = graph(*tensors(INPUTS)).numpy()
    alpha = load(packages[precision]).predict(INPUTS)["alpha"].astype(np.float32)
    assert expected.std() > 0.05  # a constant matte would prove nothing
    assert np.abs(alpha - expected).max() <= limit


def test_float16_package_differs_from_its_own_float32_run(packages):
    model = load(packages["fp16"])
    declared, exact = (model.run(INPUTS, compute=compute)["alpha"] for compute in ("declared", "float32"))
    assert 0 < np.abs(declared.astype(np.float32) - exact.astype(np.float32)).max() < 0.03


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_every_block_of_an_intact_package_is_found(packages, references, precision):
    blocks, details = references
    # Weights are stored as float16 in the one: the same in both runs, and not in the reference.
    tolerance = 1e-4 if precision == "fp32" else 0.02
    found = localise(load(packages[precision]), INPUTS, blocks, details=details, float32_tolerance=tolerance)
    assert found.verdict is Verdict.SAME
    assert [block.name for block in found.blocks][-1] == "alpha"
    assert all(block.matches for block in found.blocks)


def conv_operations(model):
    function = model.mlProgram.functions["main"]
    block = function.block_specializations[function.opset]
    constants = {item.outputs[0].name: item for item in block.operations if item.type == "const"}
    return [item for item in block.operations if item.type == "conv"], constants


def weight_of(operation, constants):
    return constants[operation.inputs["weight"].arguments[0].name].attributes["val"].blobFileValue


def block_convs(model, packages_model, block_name, references):
    """Return the convolutions between the block before and the named one, by the names the runtime reports."""
    blocks, details = references
    seen = []
    packages_model.run(INPUTS, observe=lambda kind, name, value: seen.append((kind, name)))
    findings = {block.name: block.value for block in localise(packages_model, INPUTS, blocks, details=details).blocks}
    names = [name for _, name in seen]
    order = [block.name for block in localise(packages_model, INPUTS, blocks, details=details).blocks]
    start = names.index(findings[order[order.index(block_name) - 1]])
    inside = set(names[start + 1 : names.index(findings[block_name]) + 1])
    operations, constants = conv_operations(model)
    return [item for item in operations if item.outputs[0].name in inside], constants


def tampered(source, target, change):
    shutil.copytree(source, target)
    model = Model_pb2.Model()
    model.ParseFromString((target / MODEL).read_bytes())
    change(model, target)
    (target / MODEL).write_bytes(model.SerializeToString())
    return load(target)


@pytest.fixture(scope="module")
def victim(packages, references):
    """Return the second block's name and the convolution in its branch to tamper with."""
    model = Model_pb2.Model()
    model.ParseFromString((packages["fp32"] / MODEL).read_bytes())
    name = references[0][1][0]
    operations, _ = block_convs(model, load(packages["fp32"]), name, references)
    return name, operations[1].outputs[0].name


def test_flipped_weight_byte_names_block_and_operation(packages, references, victim, tmp_path):
    name, conv = victim

    def flip(model, package):
        operations, constants = conv_operations(model)
        offset = weight_of(next(item for item in operations if item.outputs[0].name == conv), constants).offset
        content = bytearray((package / WEIGHTS).read_bytes())
        content[offset + 64 + 3] ^= 0x41  # exponent of the first weight: the data follows 64 bytes of metadata
        (package / WEIGHTS).write_bytes(bytes(content))

    model = tampered(packages["fp32"], tmp_path / "flipped.mlpackage", flip)
    found = localise(model, INPUTS, references[0], details=references[1])
    assert (found.verdict, found.first_different) == (Verdict.OPERATOR, name)
    assert found.suspect is not None
    assert (found.suspect.kind, found.suspect.output) == ("conv", conv)


def test_swapped_blobs_name_the_first_block_that_reads_them(packages, references, victim, tmp_path):
    name, conv = victim

    def swap(model, package):
        operations, constants = conv_operations(model)
        first = next(item for item in operations if item.outputs[0].name == conv)
        shape = weight_shape(first, constants)
        later = operations[operations.index(first) + 1 :]
        second = next(item for item in later if weight_shape(item, constants) == shape)
        a, b = weight_of(first, constants), weight_of(second, constants)
        assert a.offset
        assert b.offset
        a.offset, b.offset = b.offset, a.offset

    model = tampered(packages["fp32"], tmp_path / "swapped.mlpackage", swap)
    found = localise(model, INPUTS, references[0], details=references[1])
    assert (found.verdict, found.first_different) == (Verdict.OPERATOR, name)
    assert found.suspect is not None
    assert found.suspect.output == conv


def weight_shape(operation, constants):
    value = constants[operation.inputs["weight"].arguments[0].name].attributes["val"]
    return [item.constant.size for item in value.type.tensorType.dimensions]


def test_wrong_alignment_rule_names_the_resize(packages, references, tmp_path):
    wrong = []

    def align(model, package):
        function = model.mlProgram.functions["main"]
        block = function.block_specializations[function.opset]
        resize = next(item for item in block.operations if item.type == "upsample_bilinear")
        wrong.append(resize.outputs[0].name)
        constants = {item.outputs[0].name: item for item in block.operations if item.type == "const"}
        for parameter, value in (("align_corners", True), ("half_pixel_centers", False)):
            if parameter in resize.inputs:
                bound = constants[resize.inputs[parameter].arguments[0].name]
                bound.attributes["val"].immediateValue.tensor.bools.values[:] = [value]

    model = tampered(packages["fp32"], tmp_path / "aligned.mlpackage", align)
    found = localise(model, INPUTS, references[0], details=references[1])
    assert found.verdict is Verdict.OPERATOR
    assert found.first_different == references[0][3][0]  # the first decoder block
    assert found.suspect is not None
    assert found.suspect.output == wrong[0]


def test_float16_overflow_is_told_from_a_wrong_operator(tmp_path):
    graph = static_graph()
    with torch.no_grad():
        first, middle, last = [m for m in graph.network.blocks[1].branch.modules() if isinstance(m, torch.nn.Conv2d)]
        # A strong branch whose weights stay within float16, and whose values between the layers do not.
        for layer, factor, biased in ((first, 1e3, 1e3), (middle, 1e4, 1e7), (last, 1e-5, 1)):
            assert layer.bias is not None
            layer.weight.mul_(factor)
            layer.bias.mul_(biased)
    path = convert(graph, tmp_path / "overflow.mlpackage", ct.precision.FLOAT16)
    blocks, details = block_references(graph, *tensors(INPUTS))
    # The last layer's weights are subnormal in float16, so that the block is inexact in float32 as well.
    model = load(path)
    found = localise(model, INPUTS, blocks, details=details, float32_tolerance=0.2, declared_tolerance=0.2)
    assert (found.verdict, found.first_different) == (Verdict.OVERFLOW, blocks[1][0])
    assert found.suspect is not None
    assert not found.suspect.finite


def test_nothing_to_look_for_is_refused(packages):
    with pytest.raises(UsageError, match="at least one block"):
        localise(load(packages["fp32"]), INPUTS, [])
