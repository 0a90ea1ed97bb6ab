import pytest

from pam_edge.device_profiles import load_profile
from pam_edge.errors import ProfileError, UsageError
from pam_edge.planning import estimated_profiles
from pam_edge.planning.budget import DEFAULT_BUDGETS, parse_budget
from pam_edge.planning.cost import mac_cost_table
from pam_edge.planning.device_costs import describe_conditions, profile_cost_table
from pam_edge.planning.operators import Operator, list_operators
from pam_edge.planning.planner import plan_path
from pam_edge.planning.roofline import Machine, choose_machine
from pam_edge.planning.service import default_conditions
from pam_edge.supernet.macs import count_macs
from pam_edge.supernet.path import PathSpec
from pam_edge.supernet.variants import VARIANTS
from pam_edge.targets import Target
from pam_edge.terms import ComputeUnit, CostUnit, Precision, Provenance

MINUTE = VARIANTS["pam-minute"]


def costs_of(profile, target="tflite", precision="fp32", size=512, config=MINUTE, **options):
    return profile_cost_table(
        profile, target=target, precision=precision, height=size, width=size, config=config, **options
    )


def test_the_committed_estimates_are_what_the_published_numbers_give():
    assert [file.name for file, text in estimated_profiles.render().items() if file.read_text() != text] == []


@pytest.mark.parametrize("variant", ["pam-base", "pam-tiny", "pam-minute"])
def test_operators_hold_the_macs_of_the_mac_table(variant):
    config = VARIANTS[variant]
    operators, macs = list_operators(config, 64, 96), count_macs(config, 64, 96)
    assert sum(op.macs for op in operators.fixed) == macs.fixed
    assert tuple(sum(op.macs for op in block) for block in operators.run) == macs.run
    assert tuple(sum(op.macs for op in block) for block in operators.bypass) == macs.bypass


def test_a_block_moves_what_its_convolutions_and_its_residual_move():
    pixels, channels = 16 * 24, MINUTE.widths[1]
    block = list_operators(MINUTE, 64, 96).run[0]
    assert [op.name for op in block] == ["convolution", "convolution", "add"]
    assert [op.activations for op in block] == [2 * pixels * channels, 2 * pixels * channels, pixels * channels]
    assert block[0].weights == channels * channels * 9 + channels


def test_an_operator_takes_the_longer_of_arithmetic_and_memory():
    machine = Machine(ComputeUnit.CPU, 1, gmacs_per_s=10.0, gb_per_s=4.0, activation_bytes=4, weight_bytes=4)
    assert machine.latency_ms([Operator("conv", 10**9, 0, 0)]) == pytest.approx(100.0)
    assert machine.latency_ms([Operator("add", 10**6, 10**9, 0)]) == pytest.approx(1000.0)


def test_each_target_uses_its_own_compute_unit():
    estimate = load_profile("iphone13").estimate
    assert estimate is not None

    def unit(target, precision, **options):
        machine = choose_machine("iphone13", estimate, target, precision, **options)
        return machine.unit, machine.activation_bytes, machine.weight_bytes

    assert unit(Target.COREML, Precision.FP16) == (ComputeUnit.NEURAL_ENGINE, 2, 2)
    assert unit(Target.COREML, Precision.FP32) == (ComputeUnit.GPU, 4, 4)
    assert unit(Target.TFLITE, Precision.FP16) == (ComputeUnit.CPU, 4, 2)
    assert unit(Target.EXECUTORCH, Precision.FP16) == (ComputeUnit.CPU, 2, 2)
    assert unit(Target.COREML, Precision.FP16, dynamic=True) == (ComputeUnit.CPU, 2, 2)
    assert unit(Target.COREML, Precision.FP32, dynamic=True) == (ComputeUnit.CPU, 4, 4)


def test_core_ml_on_an_android_phone_is_refused():
    with pytest.raises(ProfileError, match="neural engine of pixel8"):
        costs_of(load_profile("pixel8"), "coreml", "fp16")
    with pytest.raises(ProfileError, match="neural engine of pixel8"):
        costs_of(load_profile("pixel8"), "coreml", "fp16", dynamic=True)


@pytest.mark.parametrize("target", ["coreml", "tflite", "executorch"])
@pytest.mark.parametrize("variant", ["pam-base", "pam-small", "pam-tiny"])
def test_the_default_budgets_can_be_planned_for_the_default_phone(variant, target):
    config, precision = VARIANTS[variant], "fp16" if target == "coreml" else "fp32"
    costs, macs = costs_of(load_profile("iphone13"), target, precision, 512, config), mac_cost_table(config, 512, 512)
    plans = [plan_path(budget, costs, macs) for budget in DEFAULT_BUDGETS]
    assert [plan.provenance for plan in plans] == [Provenance.ESTIMATED] * 3
    assert len({plan.path for plan in plans}) == 3


def test_an_estimate_answers_for_any_size():
    profile = load_profile("iphone13")
    small, large = costs_of(profile, size=256), costs_of(profile, size=512)
    assert (small.unit, small.provenance) == (CostUnit.MS, Provenance.ESTIMATED)
    assert large.full == pytest.approx(4 * small.full, rel=0.05)


def test_a_measured_profile_gives_its_numbers_and_errors(measured_profile):
    costs = costs_of(measured_profile)
    assert (costs.provenance, costs.full, costs.shortest) == (Provenance.MEASURED, 24.0, 12.0)
    assert costs.upper(PathSpec.full(4)) == pytest.approx(24.0 + 1.645 * 0.05)
    assert plan_path(parse_budget("24.05ms"), costs, mac_cost_table(MINUTE, 512, 512)).path != PathSpec.full(4)


@pytest.mark.parametrize(
    "asked",
    [{"target": "executorch"}, {"precision": "fp16"}, {"size": 256}, {"config": VARIANTS["pam-tiny"]}, {"threads": 4}],
)
def test_what_was_not_measured_is_refused_with_the_command(measured_profile, asked):
    with pytest.raises(ProfileError, match=r"pam-edge profile measure --target \w+ --precision fp\d\d --checkpoint"):
        costs_of(measured_profile, **asked)


def test_another_architecture_of_the_same_name_is_refused(measured_profile):
    changed = MINUTE.model_copy(update={"kernel_sizes": (5, 5, 5)})
    with pytest.raises(ProfileError, match="Measure again"):
        costs_of(measured_profile, config=changed)


def test_several_numbers_of_threads_are_told_apart_and_the_latest_counts(measured_profile):
    (table,) = measured_profile.measurements
    faster = table.model_copy(update={"threads": 2, "fixed_ms": 6.0})
    both = measured_profile.model_copy(update={"measurements": (table, faster)})
    assert costs_of(both).full == costs_of(both, threads=2).full == 20.0
    assert costs_of(both, threads=1).full == costs_of(measured_profile).full != 20.0
    described = describe_conditions(both, target="tflite", precision="fp32", config=MINUTE, height=512, width=512)
    assert described.endswith("512x512, 2 threads")


def test_conditions_that_nobody_gave_are_those_of_the_variant_s_latest_table(measured_profile):
    (table,) = measured_profile.measurements
    other = table.model_copy(update={"target": Target.EXECUTORCH, "height": 256, "width": 256, "variant": "pam-small"})
    both = measured_profile.model_copy(update={"measurements": (table, other)})
    assert default_conditions(both).target is Target.EXECUTORCH
    own = default_conditions(both, variant=table.variant)
    assert (own.target, own.height, own.width) == (table.target, table.height, table.width)


def test_core_ml_measured_on_the_neural_engine_says_nothing_of_a_dynamic_graph(measured_profile):
    (table,) = measured_profile.measurements
    there = table.model_copy(update={"target": Target.COREML, "compute_unit": ComputeUnit.NEURAL_ENGINE})
    phone = measured_profile.model_copy(update={"measurements": (there,)})
    assert costs_of(phone, "coreml").full == 24.0
    with pytest.raises(ProfileError, match="--mode multi"):
        costs_of(phone, "coreml", dynamic=True)
    cpu = there.model_copy(update={"compute_unit": ComputeUnit.CPU})
    on_cpu = measured_profile.model_copy(update={"measurements": (cpu,)})
    assert costs_of(on_cpu, "coreml", dynamic=True).full == 24.0


def test_an_unknown_target_is_refused():
    with pytest.raises(UsageError, match="coreml, tflite, executorch; got 'onnx'"):
        costs_of(load_profile("iphone13"), "onnx")


def test_conditions_carry_the_word_estimated(measured_profile):
    def line(profile):
        return describe_conditions(profile, target="tflite", precision="fp32", config=MINUTE, height=512, width=512)

    assert line(load_profile("pixel8")).startswith("estimated for the cpu, 5 cores")
    assert line(measured_profile).startswith("measured with tflite fp32")
