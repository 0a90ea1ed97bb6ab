"""Choices in ExecuTorch programs: delegated branches, and results that survive the next conditional."""

import pytest
import torch
from executorch.exir import ExecutorchBackendConfig, to_edge
from executorch.runtime import Runtime, Verification
from torch import nn

from pam_edge.converters.executorch.converter import backend_config

ISSUE = "executorch issue 21490 (all conditionals of a graph share the memory of their results)"


class TwoConditionals(nn.Module):
    """The second conditional runs while the result of the first is still needed, as by a skip connection."""

    def forward(self, run, x):
        y = torch.cond(run, lambda v: v + 1.0, lambda v: v - 1.0, (x,))
        z = torch.cond(run, lambda v: v * 2.0, lambda v: v * 3.0, (y,))
        return y + z


def executed(program, config, *inputs):
    """Return the output of a program saved and loaded by ExecuTorch's own runtime."""
    buffer = to_edge(program).to_executorch(config).buffer
    method = Runtime.get().load_program(buffer, verification=Verification.Minimal).load_method("forward")
    return method.execute(list(inputs))[0].clone()


@pytest.fixture
def example():
    return torch.tensor(True), torch.arange(8.0)


def exported(example):
    return torch.export.export(TwoConditionals(), example, strict=False)


def test_results_survive_the_next_conditional(example):
    for run in (torch.tensor(True), torch.tensor(False)):
        config = backend_config()
        expected = TwoConditionals()(run, example[1])
        assert torch.equal(executed(exported(example), config, run, example[1]), expected), ISSUE


def test_as_the_toolchain_plans_them_they_are_overwritten(example):
    overwritten = executed(exported(example), ExecutorchBackendConfig(), *example)
    assert not torch.equal(overwritten, TwoConditionals()(*example)), (
        f"{ISSUE} is fixed: what PlanInPlace does with _results can go, features in place stay"
    )
