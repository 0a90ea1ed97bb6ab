"""Conditionals in Core ML packages: read from the saved package."""

import coremltools as ct
import pytest

from pam_edge.converters.coreml.splice_conds import _Program
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


def reads(operation):
    """Return the names that an operation reads."""
    given = (each for value in operation.inputs.values() for each in value.arguments)
    return [each.name for each in given if each.WhichOneof("binding") == "name"]


def makers(operations):
    return {output.name: operation for operation in operations for output in operation.outputs}


def data_type(maker, name):
    """Return the type of a value; inputs of the graph, which nothing makes, have none."""
    return (
        next((o.type.tensorType.dataType for o in maker[name].outputs if o.name == name), None)
        if name in maker
        else None
    )


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
    maker = makers(operations)
    conditionals = [operation for operation in operations if operation.type == "cond"]
    handed_on = {conditional.outputs[0].name for conditional in conditionals}
    for operation in operations:
        if operation.type == "cast":
            assert argument(operation, "x") not in handed_on
    for conditional in conditionals:
        inside = {output.name for block in conditional.blocks for o in block.operations for output in o.outputs}
        read = {
            name for block in conditional.blocks for o in block.operations if o.type != "const" for name in reads(o)
        }
        (features,) = read - inside
        assert maker[features].type != "cast"
        assert conditional.outputs[0].type.tensorType.dataType == FLOAT16
        made = [o for block in conditional.blocks for o in block.operations if o.type != "const"]
        assert {o.outputs[0].type.tensorType.dataType for o in made} == {FLOAT16}
        assert "cast" not in {o.type for o in made}


def test_costs_are_added_and_compared_in_float32(operations):
    maker = makers(operations)
    waiting, arithmetic, comparisons = ["cost"], [], []
    while waiting:
        operation = maker.get(waiting.pop())
        if operation is None or operation.type == "const":
            continue
        if operation.type == "logical_and":
            # whether the gate wishes to run, and the governor's comparison of what would be spent with the limit
            sides = [maker[argument(operation, side)] for side in ("x", "y")]
            comparisons += [side for side in sides if side.type == "less_equal"]
        else:
            arithmetic += [operation] if operation.type in ("add", "sub", "mul", "select") else []
            waiting += reads(operation)
    blocks = load_checkpoint("pam-minute").supernet.block_count
    assert len(arithmetic) >= blocks
    assert {operation.outputs[0].type.tensorType.dataType for operation in arithmetic} == {FLOAT32}
    assert len(comparisons) == blocks
    assert {data_type(maker, argument(operation, "x")) for operation in comparisons} == {FLOAT32}


def test_pictures_are_images(dynamic_artifacts):
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
        ("sub", "opposite", FLOAT32, {"x": "number", "y": "one"}),
    )
    program = _Program(body, ["image"])
    assert program._truth_value("number") == "asked"
    for other in ("made up", "opposite"):
        with pytest.raises(ConversionError, match=f"{other} to be made of a truth value"):
            program._truth_value(other)
