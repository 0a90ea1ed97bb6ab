"""What is changed in a Core ML package after it was made: ``verify`` exits 1, names the block, and says why."""

import json
import shutil

import numpy as np
import pytest
from coremltools.proto import Model_pb2
from typer.testing import CliRunner

from pam_edge.cli.main import app
from pam_edge.delivery.artifact.manifest import read_manifest
from pam_edge.delivery.convert import convert
from pam_edge.errors import UsageError
from pam_edge.graphs.static import StaticGraph
from pam_edge.planning.budget import parse_budget
from pam_edge.supernet.checkpoint import load_checkpoint
from pam_edge.supernet.path import PathSpec
from pam_edge.targets import Target
from pam_edge.terms import Precision, TensorIO
from tests.conftest import minute_request

MODEL = "Data/com.apple.CoreML/model.mlmodel"
WEIGHTS = "Data/com.apple.CoreML/weights/weight.bin"
METADATA_BYTES = 64
BLOCK = 1
runner = CliRunner()

DTYPES = {Precision.FP32: np.float32, Precision.FP16: np.float16}


@pytest.fixture(scope="module", params=[Precision.FP16, pytest.param(Precision.FP32, marks=pytest.mark.slow)], ids=str)
def artifact(request, tmp_path_factory):
    changes = {"precision": request.param, "io": TensorIO.TENSOR, "budgets": (parse_budget("100%"),)}
    out = tmp_path_factory.mktemp("tampering")
    (made,) = convert(minute_request(out, targets=(Target.COREML,), **changes))
    return made


class Package:
    """A copy of an artifact's package that is about to be tampered with."""

    def __init__(self, artifact, folder):
        self.directory = folder / "artifact"
        shutil.copytree(artifact.directory, self.directory)
        manifest = read_manifest(self.directory)
        entry = manifest.entry_points[0]
        self.path = self.directory / entry.file
        self.dtype = DTYPES[manifest.precision]
        supernet = load_checkpoint("pam-minute").supernet
        self.names = supernet.config.block_names
        self.graph = StaticGraph(supernet, PathSpec.parse(entry.path))
        self.model = Model_pb2.Model()
        self.model.ParseFromString((self.path / MODEL).read_bytes())
        function = self.model.mlProgram.functions["main"]
        self.operations = function.block_specializations[function.opset].operations
        self.constants = {item.outputs[0].name: item for item in self.operations if item.type == "const"}
        self.weights = bytearray((self.path / WEIGHTS).read_bytes())

    def argument(self, operation, name):
        return self.constants[operation.inputs[name].arguments[0].name].attributes["val"]

    def conv_with(self, weights):
        """Return the convolution that holds these weights."""
        data = weights.detach().numpy().astype(self.dtype).tobytes()
        for operation in self.operations:
            if operation.type == "conv":
                start = self.argument(operation, "weight").blobFileValue.offset + METADATA_BYTES
                if self.weights[start : start + len(data)] == data:
                    return operation
        raise AssertionError("no convolution holds these weights")

    def block_weights(self, block=BLOCK):
        return [
            p
            for n, p in self.graph.network.blocks[block].named_parameters()
            if n.startswith("branch.branch") and p.ndim == 4
        ]

    def verify(self):
        (self.path / MODEL).write_bytes(self.model.SerializeToString())
        (self.path / WEIGHTS).write_bytes(bytes(self.weights))
        result = runner.invoke(app, ["verify", str(self.directory), "--json"])
        assert result.exit_code == 1
        (check,) = json.loads(result.stdout)["checks"]
        assert check["passed"] is False
        return check


@pytest.fixture
def package(artifact, tmp_path):
    return Package(artifact, tmp_path)


@pytest.mark.parametrize("byte", [pytest.param(0, marks=pytest.mark.slow), -1], ids=["least", "most"])
def test_one_flipped_weight_byte_names_its_block(package, byte):
    conv = package.conv_with(package.block_weights()[0])
    start = package.argument(conv, "weight").blobFileValue.offset + METADATA_BYTES
    width = np.dtype(package.dtype).itemsize
    package.weights[start + byte % width] ^= 0x55 if byte else 0x01
    check = package.verify()
    assert check["first_diverging_block"] == package.names[BLOCK]
    assert "SHA-256" in check["reason"]
    if byte:
        assert check["first_diverging_operation"] == f"conv {conv.outputs[0].name!r}"
        assert "in float32" in check["divergence"]


def test_two_swapped_blob_offsets_of_one_shape_name_the_first_block_that_reads_them(package):
    first = package.conv_with(package.block_weights()[0])
    shape = [d.constant.size for d in package.argument(first, "weight").type.tensorType.dimensions]
    later = list(package.operations)[list(package.operations).index(first) + 1 :]
    second = next(
        item
        for item in later
        if item.type == "conv"
        and [d.constant.size for d in package.argument(item, "weight").type.tensorType.dimensions] == shape
    )
    swap(package, first, second)
    check = package.verify()
    assert check["first_diverging_block"] == package.names[BLOCK]
    assert check["first_diverging_operation"] == f"conv {first.outputs[0].name!r}"
    assert "operator or a weight is wrong" in check["divergence"]


def test_two_swapped_blob_offsets_of_unequal_size_name_the_first_block_that_reads_them(package):
    swap(package, *map(package.conv_with, package.block_weights()[:2]))
    check = package.verify()
    assert check["first_diverging_block"] == package.names[BLOCK]
    assert "weight.bin" in check["reason"]


def swap(package, first, second):
    a, b = (package.argument(each, "weight").blobFileValue for each in (first, second))
    assert a.offset != b.offset
    a.offset, b.offset = b.offset, a.offset


def own_constant(package, operation, name):
    """Give one operation a constant of its own in place of one that several share, and return its value."""
    shared = package.constants[operation.inputs[name].arguments[0].name]
    copy = type(shared)()
    copy.CopyFrom(shared)
    copy.outputs[0].name = "tampered"
    copy.attributes["name"].immediateValue.tensor.strings.values[:] = ["tampered"]
    operation.inputs[name].arguments[0].name = "tampered"
    position = list(package.operations).index(operation)
    package.operations.insert(position, copy)
    return package.operations[position].attributes["val"].immediateValue.tensor


def test_one_changed_stride_names_its_block(package):
    conv = package.conv_with(package.block_weights()[0])
    output = conv.outputs[0].name
    own_constant(package, conv, "strides").ints.values[:] = [2, 2]
    check = package.verify()
    assert check["first_diverging_block"] == package.names[BLOCK]
    assert check["first_diverging_operation"] == f"conv {output!r}"
    assert "another shape" in check["divergence"]


def test_a_wrong_alignment_rule_names_the_resize(package):
    resize = next(item for item in package.operations if item.type == "upsample_bilinear")
    output = resize.outputs[0].name
    own_constant(package, resize, "align_corners").bools.values[:] = [True]
    check = package.verify()
    assert check["first_diverging_operation"] == f"upsample_bilinear {output!r}"
    # The minute variant's decoder has no block at stride 16: what reads the resized map is the next lateral.
    assert check["first_diverging_block"] == "lateral8"


def test_missing_weights_are_told(package):
    package.weights = package.weights[: len(package.weights) // 2]
    check = package.verify()
    assert check["first_diverging_block"] is not None
    assert "weight.bin" in check["reason"]


def test_an_unknown_runtime_is_refused(artifact):
    result = runner.invoke(app, ["verify", str(artifact.directory), "--runtime", "litert"])
    assert isinstance(result.exception, UsageError)
    assert "expected reference" in str(result.exception)


def test_core_ml_itself_is_refused_where_it_does_not_exist(artifact, monkeypatch):
    monkeypatch.setattr("platform.system", lambda: "Linux")
    result = runner.invoke(app, ["verify", str(artifact.directory), "--runtime", "coreml"])
    assert isinstance(result.exception, UsageError)
    assert "macOS alone" in str(result.exception)


def test_the_named_runtime_is_the_one_that_ran(artifact):
    result = runner.invoke(app, ["verify", str(artifact.directory), "--runtime", "reference", "--json"])
    assert result.exit_code == 0
    assert [check["runtime"] for check in json.loads(result.stdout)["checks"]] == ["reference"]
