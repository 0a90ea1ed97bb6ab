"""Features that are written over in ExecuTorch programs: only where nobody misses them."""

import pytest
import torch
from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
from executorch.exir import to_edge, to_edge_transform_and_lower
from executorch.exir._serialize._program import deserialize_pte_binary
from executorch.runtime import Runtime, Verification
from torch import nn

from pam_edge.converters.executorch.converter import backend_config
from pam_edge.converters.executorch.in_place import may_overwrite
from pam_edge.targets import Target


def made_of(function):
    """Return a module that computes a function."""
    module = nn.Module()
    module.forward = function
    return module


def edge_program(function, *operands):
    """Return what a delegate's program would be."""
    return to_edge(torch.export.export(made_of(function), operands, strict=False)).exported_program()


@pytest.fixture
def features():
    return torch.linspace(-1.0, 1.0, 1 * 4 * 8 * 8).reshape(1, 4, 8, 8), torch.linspace(0.0, 1.0, 4).reshape(1, 4, 1, 1)


KERNEL = torch.ones(4, 1, 3, 3)


def blurred(x):
    return torch.nn.functional.conv2d(x, KERNEL, padding=1, groups=4)


@pytest.mark.parametrize(
    ("function", "allowed"),
    [
        pytest.param(lambda x, a: (x * a,), True, id="element by element"),
        pytest.param(lambda x, a: (blurred(torch.relu(x * a)) + 1.0,), True, id="read before a convolution"),
        pytest.param(lambda x, a: (blurred(x) * a,), False, id="read by a convolution"),
        pytest.param(lambda x, a: (torch.relu(blurred(x)),), False, id="a convolution that an activation joins"),
        pytest.param(lambda x, a: (blurred(x * a) + x,), True, id="read twice, both times element by element"),
        pytest.param(lambda x, a: (x * a, x + a), False, id="read again for another output"),
    ],
)
def test_an_output_overwrites_an_operand_that_is_read_element_by_element(features, function, allowed):
    assert may_overwrite(edge_program(function, *features), 0, 0) is allowed


class AroundAnOperator(nn.Module):
    """An operator that XNNPACK does not take is between two partitions; both of its sides meet in the second."""

    def __init__(self, returned):
        super().__init__()
        self.returned = returned

    def forward(self, x):
        first = x * 2.0
        second = torch.cumsum(first, 3)
        third = first + second
        return tuple({"first": first, "second": second, "third": third}[name] for name in self.returned)


@pytest.mark.parametrize(
    ("returned", "maps"),
    # Two maps meet in the sum, and it takes the place of the one that is not returned.
    [(("third",), 2), (("third", "first"), 2), (("third", "second"), 2), (("third", "first", "second"), 3)],
)
def test_what_is_read_later_is_kept(features, returned, maps):
    x, _ = features
    module = AroundAnOperator(returned)
    exported = torch.export.export(module, (x,), strict=False)
    edge = to_edge_transform_and_lower(exported, partitioner=[XnnpackPartitioner()])
    buffer = edge.to_executorch(backend_config()).buffer
    method = Runtime.get().load_program(buffer, verification=Verification.Minimal).load_method("forward")
    for found, expected in zip(method.execute([x]), module(x), strict=True):
        assert torch.allclose(found, expected, atol=1e-5)
    _, planned = deserialize_pte_binary(buffer).program.execution_plan[0].non_const_buffer_sizes
    assert planned // x.nbytes == maps


def test_every_branch_writes_over_the_features_that_it_reads(dynamic_artifacts):
    artifact = dynamic_artifacts[Target.EXECUTORCH]
    (plan,) = deserialize_pte_binary((artifact.directory / "model.pte").read_bytes()).program.execution_plan
    instructions = [each.instr_args for each in plan.chains[0].instructions]
    kinds = [type(instruction).__name__ for instruction in instructions]
    branches = [
        instructions[position + 1]
        for position, kind in enumerate(kinds[:-1])
        if (kind, kinds[position + 1]) == ("JumpFalseCall", "DelegateCall")
    ]
    assert branches
    for branch in branches:
        read, _, written = (plan.values[index].val.allocation_info for index in branch.args[:3])
        assert (read.memory_id, read.memory_offset_low) == (written.memory_id, written.memory_offset_low)
