"""Conditionals in Core ML packages: read from the saved package."""

import coremltools as ct
import pytest

from pam_edge.converters.coreml.splice import _Program
from pam_edge.errors import ConversionError
from pam_edge.supernet.checkpoint import load_checkpoint
from pam_edge.targets import Target

BOOL, FLOAT16, FLOAT32 = (getattr(ct.proto.MIL_pb2, name) for name in ("BOOL", "FLOAT16", "FLOAT32"))


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


def flat_program(*operations):
    """Operations (type, output, its data type, inputs by parameter), in one block."""
    body = ct.proto.MIL_pb2.Block()
    for kind, output, data_type, inputs in operations:
        made = body.operations.add()
        made.type = kind
        declared = made.outputs.add()
        declared.name, declared.type.tensorType.dataType = output, data_type
        for parameter, name in inputs.items():
            made.inputs[parameter].arguments.add().name = name
    return body


def test_a_branch_that_reads_more_than_its_own_input_is_refused():
    body = flat_program(
        ("relu", "half", FLOAT16, {"x": "branch_0_in"}), ("add", "branch_0_out", FLOAT16, {"x": "half", "y": "image"})
    )
    program = _Program(body, ["image", "branch_0_in"])
    with pytest.raises(ConversionError, match="alone; it depends on branch_0_in, image"):
        program.cut("branch_0_in", "branch_0_out")
    with pytest.raises(ConversionError, match="depends on no input"):
        program.cut("branch_0_in", "nothing")


def test_a_condition_that_comes_from_no_truth_value_is_refused():
    body = flat_program(
        ("greater", "asked", BOOL, {"x": "a", "y": "b"}),
        ("cast", "number", FLOAT32, {"x": "asked"}),
        ("sqrt", "made up", FLOAT32, {"x": "image"}),
    )
    program = _Program(body, ["image"])
    assert program._truth_value("number") == "asked"
    with pytest.raises(ConversionError, match="made up to be made of a truth value"):
        program._truth_value("made up")
