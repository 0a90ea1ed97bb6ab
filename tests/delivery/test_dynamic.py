"""Dynamic artifacts on every target: converted, verified, inspected, tampered with, and used at any budget."""

import json
import math
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from pam_edge.cli.main import app
from pam_edge.delivery.artifact.accelerators import accelerators
from pam_edge.delivery.artifact.manifest import read_manifest
from pam_edge.delivery.convert import _prepare, convert
from pam_edge.delivery.convert_worker import _check_branches
from pam_edge.delivery.parity.entry_check import EntryCheck
from pam_edge.delivery.parity.expected import expected_matte
from pam_edge.errors import ArtifactError, BudgetError, ProfileError, UnsupportedOpError, UsageError
from pam_edge.evaluation.dynamic_parity import EDGE_BUDGETS, check_dynamic
from pam_edge.evaluation.parity import LIMITS, Reference
from pam_edge.evaluation.pictures import adversarial_pictures, bundled_pictures, fit
from pam_edge.planning.budget import parse_budget
from pam_edge.runtimes.base import OF_DYNAMIC, Branch
from pam_edge.runtimes.registry import load_runtime
from pam_edge.supernet.checkpoint import TrainingRecord, load_checkpoint, save_checkpoint
from pam_edge.targets import Target
from pam_edge.terms import Mode, Precision
from tests.conftest import inspections, minute_request
from tests.gates import lean_towards_running

EVERY_TARGET = pytest.mark.parametrize("target", list(Target), ids=str)
runner = CliRunner()


@EVERY_TARGET
def test_every_budget_passes_parity_of_alpha_path_and_cost(dynamic_artifacts, target):
    manifest = dynamic_artifacts[target].manifest
    assert [entry.path for entry in manifest.entry_points] == [None, None]
    assert len({entry.file for entry in manifest.entry_points}) == 1
    for record in manifest.parity:
        assert record.passed is True
        assert record.max_abs_error <= LIMITS[manifest.precision].max_abs
        assert record.images >= 7
        assert (record.path_mismatches, record.costs_over_budget) == (0, 0)


@pytest.mark.parametrize(
    "target",
    [Target.EXECUTORCH, *(pytest.param(each, marks=pytest.mark.slow) for each in (Target.TFLITE, Target.COREML))],
    ids=str,
)
def test_paths_follow_budgets_and_no_budget_is_broken(dynamic_artifacts, target):
    artifact = dynamic_artifacts[target]
    manifest = artifact.manifest
    costs, table = artifact.selection.costs, artifact.selection.table
    model = artifact.open(manifest.entry_points[0], threads=1)
    pictures = tuple(fit(each, 64, 64) for each in bundled_pictures()) + adversarial_pictures(64, 64)
    reference = Reference(load_checkpoint("pam-minute").supernet, pictures)
    budgets = [math.nan, -1.0, 0.0, *np.linspace(costs.shortest, costs.full, 6).astype(np.float32), math.inf]
    paths = set()
    for budget in map(float, budgets):
        for picture in pictures:
            limits = LIMITS[manifest.precision]
            check, _ = check_dynamic(model, reference, costs, table, picture, budget, limits)
            assert check.passes(limits), (budget, picture.name, check)
            paths.add(model(picture.image, picture.trimap, budget).path)
    assert len(paths) >= 3, "the test network takes too few paths to tell a graph that froze one"


class Broken:
    """A real model whose alpha is NaN at one budget: a file whose shortest path overflows."""

    def __init__(self, model, budget):
        self.model, self.budget, self.ran_on = model, budget, model.ran_on
        self.height, self.width = model.height, model.width

    def __call__(self, image, source, control, last=None):
        found = self.model(image, source, control, last)
        wrong = np.array_equal(control, [self.budget], equal_nan=True)
        return found | {"alpha": np.full_like(found["alpha"], np.nan)} if wrong else found


@pytest.mark.parametrize(
    "budget", [EDGE_BUDGETS[0], *(pytest.param(budget, marks=pytest.mark.slow) for budget in EDGE_BUDGETS[1:])]
)
def test_an_alpha_that_is_wrong_at_an_edge_budget_alone_fails(dynamic_artifacts, monkeypatch, budget):
    artifact = dynamic_artifacts[Target.EXECUTORCH]
    runtime = type(load_runtime(Target.EXECUTORCH))
    load = runtime.load
    monkeypatch.setattr(runtime, "load", lambda self, *a, **k: Broken(load(self, *a, **k), budget))
    pictures = tuple(fit(each, 64, 64) for each in bundled_pictures()[:2])
    reference = Reference(load_checkpoint("pam-minute").supernet, pictures)
    check = EntryCheck(artifact, artifact.manifest.entry_points[0], reference, threads=1)
    record, _ = check.in_runtime("executorch")
    assert record.passed is False
    assert record.worst_picture == pictures[0].name
    assert record.max_abs_error is None
    assert "NaN" in record.reason


@pytest.mark.parametrize("target", [Target.TFLITE, Target.EXECUTORCH], ids=str)
def test_both_branches_of_every_block_are_delegated(dynamic_artifacts, target):
    heavy = ("conv", "pool", "mean", "resize", "upsample", "interpolate")
    for inspection in inspections(dynamic_artifacts[target]):
        outside = [name for name in inspection.outside if any(word in name.lower() for word in heavy)]
        assert outside == []
        assert len(inspection.branches) == 2 * load_checkpoint("pam-minute").supernet.block_count
        assert all(branch.is_whole for branch in inspection.branches)
        assert "XNNPACK" in inspection.delegate.upper()


def test_a_conversion_that_leaves_a_branch_to_slow_kernels_is_refused(dynamic_artifacts, monkeypatch):
    artifact = dynamic_artifacts[Target.TFLITE]
    entry = artifact.manifest.entry_points[0]
    _check_branches(Target.TFLITE, artifact.directory, {entry.function: entry.file})
    runtime = type(load_runtime(Target.TFLITE))
    inspect = runtime.inspect

    def with_a_split_branch(self, file, function):
        found = inspect(self, file, function)
        return replace(found, branches=(*found.branches[:-1], Branch(2, {"POW": 1})))

    monkeypatch.setattr(runtime, "inspect", with_a_split_branch)
    with pytest.raises(UnsupportedOpError, match="does not take 1 of"):
        _check_branches(Target.TFLITE, artifact.directory, {entry.function: entry.file})


@pytest.mark.slow
@EVERY_TARGET
def test_gates_that_always_say_run_cannot_break_a_budget(tmp_path, target):
    supernet = load_checkpoint("pam-minute").supernet
    lean_towards_running(supernet, 1e4)
    greedy = tmp_path / "greedy.safetensors"
    save_checkpoint(greedy, supernet, TrainingRecord(trained=False, summary="gates that always say run"))
    result = runner.invoke(
        app,
        f"convert --target {target} --checkpoint {greedy} --mode dynamic --size 64 --budget 60% --budget 100% "
        f"--out {tmp_path / 'out'} --json".split(),
    )
    assert result.exit_code == 0, result.output
    (made,) = json.loads(result.stdout)["artifacts"]
    assert made["verified"] is True
    assert [record["costs_over_budget"] for record in made["parity"]] == [0, 0]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("target", "precision"), [(Target.TFLITE, Precision.FP16), (Target.COREML, Precision.FP32)], ids=str
)
def test_the_other_precision_and_an_oblong_picture_are_verified_too(tmp_path, target, precision):
    request = minute_request(tmp_path, targets=(target,), mode=Mode.DYNAMIC, precision=precision, width=96)
    (made,) = convert(request)
    assert [record.passed for record in made.manifest.parity] == [True, True]
    assert (made.manifest.sizes, made.manifest.precision) == (((64, 96),), precision)


def test_a_changed_cost_is_found(dynamic_artifacts, tmp_path):
    directory = tmp_path / "changed"
    shutil.copytree(dynamic_artifacts[Target.EXECUTORCH].directory, directory)
    manifest = json.loads((directory / "manifest.json").read_text())
    manifest["selection"]["run"][1] *= 1.5
    (directory / "manifest.json").write_text(json.dumps(manifest))
    result = runner.invoke(app, ["verify", str(directory), "--json"])
    assert result.exit_code == 1
    assert any(check["costs_over_budget"] for check in json.loads(result.stdout)["checks"])


def test_matte_takes_any_budget_within_reach_and_says_what_it_took(dynamic_artifacts, tmp_path):
    directory = dynamic_artifacts[Target.EXECUTORCH].directory
    golden = read_manifest(directory).golden[0]
    arguments = ["matte", str(directory / golden.image), "--trimap", str(directory / golden.trimap)]
    arguments += ["--model", str(directory), "-o", str(tmp_path / "out.png")]
    result = runner.invoke(app, [*arguments, "--budget", "71%"])
    assert result.exit_code == 0
    assert "path " in result.stdout
    assert "GMAC (counted)" in result.stdout
    (taken,) = json.loads(runner.invoke(app, [*arguments, "--budget", "71%", "--json"]).stdout)["taken"]
    assert f"path {taken['path']}, predicted {taken['cost']:.4g} {taken['unit']}" in result.stdout
    refused = runner.invoke(app, [*arguments, "--budget", "5%"])
    assert isinstance(refused.exception, BudgetError)
    assert "shortest path" in str(refused.exception)


@EVERY_TARGET
def test_a_picture_of_another_size_is_refused(dynamic_artifacts, target):
    artifact = dynamic_artifacts[target]
    model = artifact.open(artifact.manifest.entry_points[0], threads=1)
    with pytest.raises(UsageError, match="64x64x3"):
        model(np.zeros((64, 96, 3), np.uint8), np.zeros((64, 96), np.uint8), 1.0)


@EVERY_TARGET
def test_views_are_pictures_and_floats_are_not(dynamic_artifacts, target):
    artifact = dynamic_artifacts[target]
    model = artifact.open(artifact.manifest.entry_points[0], threads=1)
    picture = fit(bundled_pictures()[0], 64, 64)
    flipped = picture.image[:, ::-1], picture.trimap[:, ::-1]
    expected = model(np.ascontiguousarray(flipped[0]), np.ascontiguousarray(flipped[1]), 1.0)
    assert np.array_equal(model(*flipped, 1.0).alpha, expected.alpha)
    with pytest.raises(UsageError, match="the image is float32"):
        model(picture.image.astype(np.float32) / 255, picture.trimap, 1.0)


@pytest.mark.parametrize(
    ("target", "known", "unknown"),
    [(Target.TFLITE, None, None), (Target.EXECUTORCH, b"aten::logical_and", b"aten::logical_ant")],
    ids=["tflite", "executorch"],
)
def test_a_runtime_that_cannot_choose_names_the_mode_that_needs_no_choice(
    dynamic_artifacts, tmp_path, target, known, unknown
):
    """Stands for a runtime of a user's older version: the file asks for what this one does not have either."""
    artifact = dynamic_artifacts[target]
    entry = artifact.manifest.entry_points[0]
    file = tmp_path / entry.file
    content = (artifact.directory / entry.file).read_bytes()
    file.write_bytes(content.replace(known, unknown) if known else _with_later_conditionals(content))
    assert file.read_bytes() != content
    with pytest.raises(ArtifactError, match="mode multi"):
        load_runtime(target).load(file, entry.function, OF_DYNAMIC, threads=1)
    if target is Target.TFLITE:  # ExecuTorch's files are read without their runtime
        with pytest.raises(ArtifactError, match="mode multi"):
            load_runtime(target).inspect(file, entry.function)


def _with_later_conditionals(content: bytes) -> bytes:
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
    for code in model.operatorCodes:
        if code.builtinCode == schema.BuiltinOperator.IF:
            code.version = 99
    builder = flatbuffers.Builder(len(content))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def test_probe_graphs_and_foreign_units_are_refused(tmp_path):
    with pytest.raises(UsageError, match="profile measure"):
        convert(minute_request(tmp_path, mode=Mode.PROBE))
    with pytest.raises(BudgetError, match="unit"):
        convert(minute_request(tmp_path, mode=Mode.DYNAMIC, profile="iphone13", budgets=(parse_budget("1GMAC"),)))


def test_the_manifest_says_which_accelerators_suit_and_why(dynamic_artifacts, static_artifacts):
    for target in Target:
        dynamic = {a.accelerator: a for a in dynamic_artifacts[target].manifest.accelerators}
        fixed = {a.accelerator: a for a in static_artifacts[target].manifest.accelerators}
        assert {name for name, a in fixed.items() if not a.suits} <= {"Neural Engine"}
        assert all(a.why for a in dynamic.values())
        assert any(a.suits for a in dynamic.values())
    assert not {a.accelerator: a for a in dynamic_artifacts[Target.TFLITE].manifest.accelerators}["GPU delegate"].suits


def test_the_neural_engine_suits_half_precision_alone():
    for precision, suits in ((Precision.FP16, True), (Precision.FP32, False)):
        rows = {row.accelerator: row.suits for row in accelerators(Target.COREML, Mode.STATIC, precision)}
        assert rows == {"CPU": True, "GPU": True, "Neural Engine": suits}


def test_inspect_shows_branches_and_their_delegation(dynamic_artifacts):
    blocks = load_checkpoint("pam-minute").supernet.block_count
    directory = str(dynamic_artifacts[Target.TFLITE].directory)
    shown = runner.invoke(app, ["inspect", directory]).stdout
    assert shown.count("model.tflite") == 1, "two budgets are two inputs of one function"
    assert "path chosen for each image and budget" in shown
    assert f"branches, two for each block: {2 * blocks} of {2 * blocks} taken whole" in shown
    entries = json.loads(runner.invoke(app, ["inspect", directory, "--json"]).stdout)["entry_points"]
    assert [len(entry["branches"]) for entry in entries] == [2 * blocks] * 2


@pytest.fixture
def device_outputs(dynamic_artifacts, tmp_path):
    """Return an artifact's folder, and one with what a device computes that computes as the supernet does."""
    directory = tmp_path / "artifact"
    shutil.copytree(dynamic_artifacts[Target.EXECUTORCH].directory, directory)
    shutil.copytree(directory / "golden", tmp_path / "outputs")
    return directory, tmp_path / "outputs"


def judged(directory, outputs):
    result = runner.invoke(app, ["verify", str(directory), "--device-outputs", str(outputs), "--json"])
    return json.loads(result.stdout)["checks"]


def test_a_device_is_asked_for_its_paths_as_well(device_outputs):
    directory, outputs = device_outputs
    assert [check["passed"] for check in judged(directory, outputs)] == [True, True]
    last = read_manifest(directory).entry_points[-1].name
    for file in outputs.glob(f"{last}.*.path.f32"):
        file.unlink()
    without = judged(directory, outputs)[-1]
    assert without["passed"] is None
    assert ".path.f32" in without["reason"]


def test_a_device_that_takes_another_path_fails_unless_its_gate_was_undecided(device_outputs):
    directory, outputs = device_outputs
    manifest = json.loads((directory / "manifest.json").read_text())
    golden, name = manifest["golden"][0], manifest["entry_points"][-1]["name"]
    file = outputs / golden["paths"][name]["file"].split("/")[-1]
    path = np.fromfile(file, "<f4")
    (1.0 - path).astype("<f4").tofile(file)
    other = judged(directory, outputs)[-1]
    assert (other["passed"], other["path_mismatches"], other["path_ties"]) == (False, 1, 0)
    golden["paths"][name]["margins"][0] = 1e-6
    (directory / "manifest.json").write_text(json.dumps(manifest))
    tied = judged(directory, outputs)[-1]
    assert (tied["path_mismatches"], tied["path_ties"]) == (0, 1)


def test_a_path_over_the_budget_is_found_in_a_devices_outputs(device_outputs):
    directory, outputs = device_outputs
    manifest = read_manifest(directory)
    tightest = min(manifest.entry_points, key=lambda entry: entry.budget_input)
    for golden in manifest.golden:
        file = outputs / golden.paths[tightest.name].file.split("/")[-1]
        np.ones(len(golden.paths[tightest.name].margins), "<f4").tofile(file)
    check = next(check for check in judged(directory, outputs) if check["entry_point"] == tightest.name)
    assert check["passed"] is False
    assert check["costs_over_budget"] == len(manifest.golden)


def test_core_ml_budgets_of_a_dynamic_graph_are_the_cpus(tmp_path):
    """The Neural Engine, for which static graphs are planned, does not promise control flow."""
    ask = {"targets": (Target.COREML,), "profile": "iphone13", "precision": None, "budgets": (parse_budget("100%"),)}
    (dynamic,) = _prepare(minute_request(tmp_path, mode=Mode.DYNAMIC, **ask))
    (fixed,) = _prepare(minute_request(tmp_path, **ask))
    assert dynamic.planned[0].costs.full > 2 * fixed.planned[0].costs.full
    with pytest.raises(ProfileError, match="pixel8"):
        _prepare(minute_request(tmp_path, mode=Mode.DYNAMIC, **ask | {"profile": "pixel8"}))


def test_core_ai_names_the_block_that_gives_something_else_also_where_the_graph_chooses(dynamic_artifacts):
    artifact = dynamic_artifacts[Target.COREAI]
    entry, runtime, picture = (
        artifact.manifest.entry_points[0],
        load_runtime(Target.COREAI),
        fit(bundled_pictures()[0], 64, 64),
    )
    network = load_checkpoint("pam-minute").supernet
    check = EntryCheck(artifact, entry, Reference(network, (picture,)), 1)
    assert check._locate(runtime, picture, entry.budget_input) == {}
    path = expected_matte(artifact, entry, check.reference, picture).path
    last = max(index for index, run in enumerate(path.runs) if run)
    with torch.no_grad():
        for name, weights in network.named_parameters():
            if name.startswith(f"blocks.{last}.block."):
                weights.mul_(3)
    found = EntryCheck(artifact, entry, Reference(network, (picture,)), 1)._locate(runtime, picture, entry.budget_input)
    assert found["first_diverging_block"] == load_checkpoint("pam-minute").config.block_names[last]
    assert found["divergence"].startswith("no intermediate value")
