"""Conditionals in Core ML packages: read from the saved package."""

import coremltools as ct
import pytest

from pam_edge.supernet.checkpoint import load_checkpoint
from pam_edge.targets import Target

FLOAT16, FLOAT32 = ct.proto.MIL_pb2.FLOAT16, ct.proto.MIL_pb2.FLOAT32


@pytest.fixture(scope="module")
def operations(dynamic_artifacts):
    artifact = dynamic_artifacts[Target.COREML]
    function = specification(artifact).mlProgram.functions["main"]
    return list(function.block_specializations[function.opset].operations)


def specification(artifact):
    return ct.utils.load_spec(str(artifact.directory / artifact.manifest.entry_points[0].file))


def argument(operation, name):
    return operation.inputs[name].arguments[0].name


def test_each_block_is_a_conditional_with_its_weights_inside(operations):
    conditionals = [operation for operation in operations if operation.type == "cond"]
    assert len(conditionals) == load_checkpoint("pam-minute").supernet.block_count
    assert not [operation for operation in operations if operation.type == "pow"]
    for conditional in conditionals:
        assert len(conditional.blocks) == 2
        for block in conditional.blocks:
            constants = {o.outputs[0].name for o in block.operations if o.type == "const"}
            convolutions = [o for o in block.operations if o.type == "conv"]
            assert convolutions
            for convolution in convolutions:
                assert {argument(convolution, "weight"), argument(convolution, "bias")} <= constants


def test_features_stay_in_half_precision_across_branches(operations):
    for conditional in (operation for operation in operations if operation.type == "cond"):
        assert conditional.outputs[0].type.tensorType.dataType == FLOAT16
        made = [o for block in conditional.blocks for o in block.operations if o.type != "const"]
        assert {o.outputs[0].type.tensorType.dataType for o in made} == {FLOAT16}
        assert "cast" not in {o.type for o in made}


def test_costs_are_in_float32_and_pictures_are_images(operations, dynamic_artifacts):
    types = {output.name: output.type.tensorType.dataType for o in operations for output in o.outputs}
    assert types["cost"] == types["path"] == FLOAT32
    description = specification(dynamic_artifacts[Target.COREML]).description
    kinds = {feature.name: feature.type.WhichOneof("Type") for feature in (*description.input, *description.output)}
    assert kinds == {
        "image": "imageType",
        "trimap": "imageType",
        "budget": "multiArrayType",
        "alpha": "imageType",
        "path": "multiArrayType",
        "cost": "multiArrayType",
    }
