import math

import pytest
import torch
from torch import nn

from pam_edge.learning.config import Phase, StageConfig
from pam_edge.learning.schedule import MovingAverage, learning_rate_factor, progress


def stage(**changes):
    phases = (Phase(share=1.0, crop=32, batch=2),)
    return StageConfig(**{"kind": "complete", "steps": 100, "learning_rate": 1.0, "phases": phases, **changes})


def test_the_learning_rate_rises_and_then_falls_to_zero():
    config = stage(warm_up_steps=10)
    factors = [learning_rate_factor(config, step, progress(config, step, 0.0)) for step in range(101)]
    assert factors[0] == pytest.approx(0.1)
    assert max(factors) == pytest.approx(factors[9], abs=0.01)
    assert factors[100] == pytest.approx(0.0)


def test_a_stage_ends_by_steps_or_by_minutes_whichever_comes_first():
    assert progress(stage(), 50, 1e9) == 0.5
    assert progress(stage(minutes=10.0), 50, 8.0) == 0.8
    assert progress(stage(minutes=10.0), 50, 11.0) == 1.0


def test_the_average_of_a_constant_is_that_constant_and_its_memory_halves_as_told():
    source = nn.Linear(1, 1)
    average = MovingAverage(source, half_life=5.0)
    assert isinstance(average.module, nn.Linear)
    average.update(source, 10_000)
    assert torch.equal(average.module.weight, source.weight)
    before = source.weight.detach().clone()
    with torch.no_grad():
        source.weight.add_(1.0)
    for _ in range(5):
        average.update(source, 10_000)
    moved = (average.module.weight - before).item()
    assert math.isclose(moved, 0.5, rel_tol=1e-4)


def test_shares_of_phases_must_sum_to_one():
    with pytest.raises(ValueError, match="sum to 1"):
        stage(phases=(Phase(share=0.4, crop=32, batch=2),))
