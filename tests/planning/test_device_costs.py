import pytest

from pam_edge.device_profiles import load_profile
from pam_edge.errors import ProfileError, UsageError
from pam_edge.planning import estimated_profiles
from pam_edge.planning.budget import DEFAULT_BUDGETS, parse_budget
from pam_edge.planning.conditions import Conditions
from pam_edge.planning.cost import mac_cost_table
from pam_edge.planning.device_costs import describe_basis, profile_costs
from pam_edge.planning.operators import Operator, list_operators
from pam_edge.planning.planner import plan_path
from pam_edge.planning.roofline import Machine, choose_machine
from pam_edge.planning.service import default_conditions
from pam_edge.supernet.macs import count_macs
from pam_edge.supernet.path import PathSpec
from pam_edge.supernet.variants import VARIANTS
from pam_edge.targets import Target
from pam_edge.terms import ComputeUnit, CostUnit, Mode, Precision, Provenance

MINUTE = VARIANTS["pam-minute"]


def conditions(target=Target.TFLITE, precision=Precision.FP32, size=512, config=MINUTE, **options):
    return Conditions(config, size, size, target, precision, **options)


def costs_of(profile, *arguments, **options):
    return profile_costs(profile, conditions(*arguments, **options))


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
        machine = choose_machine("iphone13", estimate, conditions(target, precision, **options))
        return machine.unit, machine.activation_bytes, machine.weight_bytes

    assert unit(Target.COREML, Precision.FP16) == (ComputeUnit.NEURAL_ENGINE, 2, 2)
    assert unit(Target.COREML, Precision.FP32) == (ComputeUnit.GPU, 4, 4)
    assert unit(Target.TFLITE, Precision.FP16) == (ComputeUnit.CPU, 4, 2)
    assert unit(Target.EXECUTORCH, Precision.FP32) == (ComputeUnit.CPU, 4, 4)
    assert unit(Target.COREML, Precision.FP16, mode=Mode.DYNAMIC) == (ComputeUnit.CPU, 2, 2)
    assert unit(Target.COREML, Precision.FP32, mode=Mode.DYNAMIC) == (ComputeUnit.CPU, 4, 4)


def test_core_ml_on_an_android_phone_is_refused():
    with pytest.raises(ProfileError, match="neural engine of pixel8"):
        costs_of(load_profile("pixel8"), Target.COREML, Precision.FP16)
    with pytest.raises(ProfileError, match="neural engine of pixel8"):
        costs_of(load_profile("pixel8"), Target.COREML, Precision.FP16, mode=Mode.DYNAMIC)


@pytest.mark.parametrize("target", ["coreml", "tflite", "executorch"])
@pytest.mark.parametrize("variant", ["pam-base", "pam-small", "pam-tiny"])
def test_the_default_budgets_can_be_planned_for_the_default_phone(variant, target):
    config, precision = VARIANTS[variant], "fp16" if target == "coreml" else "fp32"
    costs = costs_of(load_profile("iphone13"), Target(target), Precision(precision), 512, config)
    macs = mac_cost_table(config, 512, 512)
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
    [
        {"target": Target.EXECUTORCH},
        {"precision": Precision.FP16},
        {"size": 256},
        {"config": VARIANTS["pam-tiny"]},
        {"threads": 4},
    ],
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
    assert describe_basis(both, conditions()).endswith("at 512x512, on the cpu, 2 threads")


def test_conditions_that_nobody_gave_are_those_of_the_variant_s_latest_table(measured_profile):
    (table,) = measured_profile.measurements
    other = table.model_copy(update={"target": Target.EXECUTORCH, "height": 256, "width": 256, "variant": "pam-small"})
    both = measured_profile.model_copy(update={"measurements": (table, other)})
    for config, latest in ((VARIANTS["pam-small"], other), (MINUTE, table)):
        own = default_conditions(config, both)
        assert (own.target, own.height, own.width) == (latest.target, latest.height, latest.width)


@pytest.mark.parametrize(
    ("phone", "usual"), [("iphone13", Target.COREML), ("pixel8", Target.TFLITE), (None, Target.TFLITE)]
)
def test_a_device_is_planned_for_what_it_usually_runs(phone, usual):
    assert default_conditions(MINUTE, load_profile(phone) if phone else None).target is usual


def coreml_tables(measured_profile, *units):
    (table,) = measured_profile.measurements
    tables = (
        table.model_copy(
            update={"target": Target.COREML, "precision": Precision.FP16, "compute_unit": unit, "fixed_ms": 10.0 * at}
        )
        for at, unit in enumerate(units, 1)
    )
    return measured_profile.model_copy(update={"measurements": tuple(tables)})


def test_static_plans_take_the_neural_engine_s_times_whatever_was_measured_last(measured_profile):
    asked = (Target.COREML, Precision.FP16)
    phone = coreml_tables(measured_profile, ComputeUnit.NEURAL_ENGINE, ComputeUnit.GPU, ComputeUnit.CPU)
    assert costs_of(phone, *asked).fixed == 10.0
    assert costs_of(phone, *asked, mode=Mode.DYNAMIC).fixed == 30.0
    assert costs_of(phone, *asked, compute_unit=ComputeUnit.GPU).fixed == 20.0
    assert "on the neural engine" in describe_basis(phone, conditions(*asked))


def test_a_unit_that_alone_was_measured_serves_a_static_plan_and_is_named(measured_profile):
    asked = (Target.COREML, Precision.FP16)
    phone = coreml_tables(measured_profile, ComputeUnit.CPU)
    assert costs_of(phone, *asked).fixed == 10.0
    assert "on the cpu" in describe_basis(phone, conditions(*asked))
    with pytest.raises(ProfileError, match="not on the gpu"):
        costs_of(phone, *asked, compute_unit=ComputeUnit.GPU)


def test_core_ml_measured_on_the_neural_engine_says_nothing_of_a_dynamic_graph(measured_profile):
    (table,) = measured_profile.measurements
    there = table.model_copy(update={"target": Target.COREML, "compute_unit": ComputeUnit.NEURAL_ENGINE})
    phone = measured_profile.model_copy(update={"measurements": (there,)})
    assert costs_of(phone, Target.COREML).full == 24.0
    with pytest.raises(ProfileError, match="mode multi"):
        costs_of(phone, Target.COREML, mode=Mode.DYNAMIC)
    cpu = there.model_copy(update={"compute_unit": ComputeUnit.CPU})
    on_cpu = measured_profile.model_copy(update={"measurements": (cpu,)})
    assert costs_of(on_cpu, Target.COREML, mode=Mode.DYNAMIC).full == 24.0


def test_the_basis_carries_the_word_estimated_or_measured(measured_profile):
    assert "estimated for the cpu, 5 cores" in describe_basis(load_profile("pixel8"), conditions())
    assert "measured with pam-minute with tflite in fp32" in describe_basis(measured_profile, conditions())


@pytest.mark.parametrize("size", [(0, 64), (64, 100), (-32, 64), (64, 8224)])
def test_conditions_refuse_sizes_that_no_network_takes(size):
    with pytest.raises(UsageError, match="multiples of 32"):
        Conditions(MINUTE, *size)


def test_conditions_refuse_a_precision_without_a_target():
    with pytest.raises(UsageError, match="target"):
        Conditions(MINUTE, 64, 64, precision=Precision.FP16)
