"""The pass that puts conditionals into .tflite files: on a model that is no network of ours, and on one that is."""

import litert_torch
import numpy as np
import pytest
import torch
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from torch import nn

from pam_edge.converters.tflite.splice_ifs import splice
from pam_edge.errors import ConversionError
from pam_edge.runtimes.tflite.inspection import inspect_signature
from pam_edge.supernet.checkpoint import load_checkpoint
from pam_edge.targets import Target


class Marked(nn.Module):
    """Two marks, and an addition that needs the result of the first after the second."""

    def forward(self, x, control):
        first = torch.pow(x, (control[0] > 0.0).float().reshape(1, 1, 1, 1))
        second = torch.pow(first, (control[1] > 0.0).float().reshape(1, 1, 1, 1))
        return {"y": first + second}


class FourBranches(nn.Module):
    """Branches that tell themselves apart by what they multiply with and add."""

    def forward(self, in_0, in_1, in_2, in_3):
        inputs = (in_0, in_1, in_2, in_3)
        return {f"out_{index}": torch.relu(x * (index + 2.0)) + index for index, x in enumerate(inputs)}


INPUTS = [f"in_{index}" for index in range(4)]
OUTPUTS = [f"out_{index}" for index in range(4)]


@pytest.fixture(scope="module")
def marked(tmp_path_factory):
    x = torch.ones(1, 4, 4, 2)
    file = tmp_path_factory.mktemp("marked") / "marked.tflite"
    model = litert_torch.signature("main", Marked().eval(), sample_kwargs={"x": x, "control": torch.ones(2)})
    apart = {name: x.clone() for name in INPUTS}  # one tensor for all would be exported as one input
    model = model.signature("branches", FourBranches().eval(), sample_kwargs=apart)
    model.convert().export(str(file))
    return file.read_bytes()


def read(file):
    return schema.ModelT.InitFromObj(schema.Model.GetRootAs(file.read_bytes(), 0))


def is_if(model, operator):
    return model.operatorCodes[operator.opcodeIndex].builtinCode == schema.BuiltinOperator.IF


@pytest.mark.parametrize("control", [(1, 1), (1, -1), (-1, 1), (-1, -1)])
def test_each_mark_becomes_a_choice_between_its_two_branches(marked, tmp_path, control):
    file = tmp_path / "spliced.tflite"
    file.write_bytes(marked)
    splice(file, "main", "branches", INPUTS, OUTPUTS)
    x = np.random.default_rng(0).normal(size=(1, 4, 4, 2)).astype(np.float32)
    run = Interpreter(model_path=str(file)).get_signature_runner("main")
    branches = [lambda v, k=k: np.maximum(v * (k + 2.0), 0) + k for k in range(4)]
    first = branches[0 if control[0] > 0 else 1](x)
    second = branches[2 if control[1] > 0 else 3](first)
    np.testing.assert_allclose(run(x=x, control=np.array(control, np.float32))["y"], first + second, rtol=1e-6)


def test_marks_and_branches_that_do_not_fit_leave_the_file_alone(marked, tmp_path):
    file = tmp_path / "marked.tflite"
    file.write_bytes(marked)
    with pytest.raises(ConversionError, match="found 2 for 2"):
        splice(file, "main", "branches", INPUTS[:2], OUTPUTS[:2])
    assert file.read_bytes() == marked


def test_branches_with_another_input_are_refused(marked, tmp_path):
    file = tmp_path / "marked.tflite"
    file.write_bytes(marked)
    with pytest.raises(ConversionError, match="on no other input"):
        splice(file, "main", "branches", INPUTS[::-1], OUTPUTS)
    assert file.read_bytes() == marked


class Opposite(nn.Module):
    """A mark whose condition is computed from a truth value."""

    def forward(self, x, control):
        return {"y": torch.pow(x, 1.0 - (control[:1] > 0.0).float().reshape(1, 1, 1, 1))}


class TwoBranches(nn.Module):
    def forward(self, in_0, in_1):
        return {"out_0": torch.relu(in_0 * 2.0), "out_1": torch.relu(in_1 * 3.0)}


def test_a_condition_that_is_more_than_a_truth_value_is_refused(tmp_path):
    file, x = tmp_path / "opposite.tflite", torch.ones(1, 4, 4, 2)
    model = litert_torch.signature("main", Opposite().eval(), sample_kwargs={"x": x, "control": torch.ones(2)})
    model = model.signature("branches", TwoBranches().eval(), sample_kwargs={n: x.clone() for n in INPUTS[:2]})
    model.convert().export(str(file))
    with pytest.raises(ConversionError, match="from a truth value by casts"):
        splice(file, "main", "branches", INPUTS[:2], OUTPUTS[:2])


@pytest.fixture(scope="module")
def dynamic_file(dynamic_artifacts):
    artifact = dynamic_artifacts[Target.TFLITE]
    return artifact.directory / artifact.manifest.entry_points[0].file


def test_every_branch_of_every_block_is_one_partition(dynamic_artifacts, dynamic_file):
    model = read(dynamic_file)
    choices = [operator for operator in model.subgraphs[0].operators if is_if(model, operator)]
    blocks = load_checkpoint("pam-minute").supernet.block_count
    assert len(choices) == blocks
    assert len(model.subgraphs) == 1 + 2 * blocks
    branches = inspect_signature(dynamic_file, model.signatureDefs[0].signatureKey.decode()).branches
    assert len(branches) == 2 * blocks
    assert all(branch.is_whole for branch in branches)


def test_branches_take_features_alone_and_share_no_weights(dynamic_file):
    model = read(dynamic_file)
    for operator in model.subgraphs[0].operators:
        if is_if(model, operator):
            assert len(operator.inputs) == 2  # the condition and the features: weights are inside
    codes = [model.operatorCodes[o.opcodeIndex].builtinCode for s in model.subgraphs[1:] for o in s.operators]
    assert schema.BuiltinOperator.TRANSPOSE not in codes
    buffers = [bytes(b.data) for b in model.buffers if b.data is not None and len(b.data) >= 256]
    assert len(buffers) == len(set(buffers))


def test_nothing_that_is_made_of_the_trimap_alone_waits_for_the_choices(dynamic_file):
    """It would be kept in LiteRT's memory meanwhile, at the image's full size."""
    main = read(dynamic_file).subgraphs[0]
    (trimap,) = (
        index for index in main.inputs if main.tensors[index].shape[-1] == 1 and len(main.tensors[index].shape) == 4
    )
    sources = {index: {index} for index in main.inputs}
    for operator in main.operators:
        found = set().union(*(sources.get(index, set()) for index in operator.inputs))
        sources |= dict.fromkeys(operator.outputs, found)
    everything = set(main.inputs)
    late = [operator for operator in main.operators if sources[operator.outputs[0]] == everything]
    read_late = {index for operator in late for index in operator.inputs}
    assert trimap in read_late
    assert not [index for index in read_late - {trimap} if sources.get(index) == {trimap}]


def test_no_two_tensors_have_one_name(dynamic_file):
    """The tool that stores weights as half floats finds them by name."""
    names = [tensor.name for subgraph in read(dynamic_file).subgraphs for tensor in subgraph.tensors]
    assert len(set(names)) == len(names)


def test_weights_lie_where_the_schema_wants_them(dynamic_file):
    content = dynamic_file.read_bytes()
    model = schema.Model.GetRootAs(content, 0)
    for index in range(model.BuffersLength()):
        buffer = model.Buffers(index)
        if buffer.DataLength():
            field = buffer._tab.Offset(4)
            assert buffer._tab.Vector(field) % 16 == 0
