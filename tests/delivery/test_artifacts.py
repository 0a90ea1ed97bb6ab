"""Real converters, real runtimes: what is in an artifact folder computes what the supernet computes."""

import hashlib
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from pam_edge.cli.main import app
from pam_edge.delivery.artifact.content import content_hash
from pam_edge.delivery.artifact.manifest import read_manifest
from pam_edge.delivery.convert import convert
from pam_edge.delivery.parity.verify import assert_parity, verify
from pam_edge.errors import ArtifactError, CheckpointError, ParityError, UsageError
from pam_edge.graphs.static import StaticGraph
from pam_edge.planning.budget import parse_budget
from pam_edge.supernet.checkpoint import TrainingRecord, load_checkpoint, save_checkpoint
from pam_edge.supernet.path import PathSpec
from pam_edge.targets import Target
from pam_edge.workers import run_in_worker
from tests.conftest import inspections, minute_request

EVERY_TARGET = pytest.mark.parametrize("target", list(Target), ids=str)
runner = CliRunner()


@EVERY_TARGET
def test_fp32_parity_is_within_1e_5_on_photographs_and_adversarial_pictures(static_artifacts, target):
    for record in static_artifacts[target].manifest.parity:
        assert record.passed is True
        assert record.max_abs_error <= 1e-5
        assert record.images >= 7
        assert record.path_mismatches == 0


@EVERY_TARGET
def test_every_entry_point_of_a_multi_file_passes_parity(multi_artifacts, target):
    manifest = multi_artifacts[target].manifest
    assert manifest.verified
    assert len({entry.file for entry in manifest.entry_points}) == 1
    assert manifest.sizes == ((64, 96),)


@EVERY_TARGET
def test_one_partition_and_nothing_outside_of_it(static_artifacts, multi_artifacts, target):
    for artifacts in (static_artifacts, multi_artifacts):
        for inspection in inspections(artifacts[target]):
            assert inspection.outside == {}
            assert inspection.partitions == (None if target in (Target.COREML, Target.COREAI) else 1)


@pytest.mark.parametrize("command", ["verify", "inspect"])
def test_how_near_half_precision_comes_to_its_end_is_told_where_something_computes_in_it(multi_artifacts, command):
    folder = str(multi_artifacts[Target.TFLITE].directory)
    half = json.loads(runner.invoke(app, [command, folder, "--json"]).stdout)["half_precision"]
    assert "GPU delegate" in half["computed_by"]
    assert half["least_room"] == half["operations"][0]["room"] > 4
    assert "half precision (LiteRT's GPU delegate" in runner.invoke(app, [command, folder]).stdout


def test_litert_signatures_carry_the_contracts_names(multi_artifacts):
    from ai_edge_litert.interpreter import Interpreter

    artifact = multi_artifacts[Target.TFLITE]
    signatures = Interpreter(str(artifact.directory / "model.tflite")).get_signature_list()
    assert signatures == {name: {"inputs": ["image", "trimap"], "outputs": ["alpha"]} for name in ("100pct", "60pct")}


def test_coreml_functions_take_and_give_images_under_the_contracts_names(multi_artifacts):
    from pam_edge.runtimes.coreml import load

    model = load(multi_artifacts[Target.COREML].directory / "model.mlpackage")
    assert set(model.functions) == {"100pct", "60pct"}
    inputs, outputs = model.inputs("60pct"), model.outputs("60pct")
    assert [(each.name, each.colour, each.shape) for each in inputs] == [
        ("image", "RGB", (64, 96, 3)),
        ("trimap", "GRAYSCALE", (64, 96)),
    ]
    assert [(each.name, each.colour) for each in outputs] == [("alpha", "GRAYSCALE_FLOAT16")]


@EVERY_TARGET
def test_a_matte_stays_what_it_is_when_the_model_runs_again(static_artifacts, target):
    artifact = static_artifacts[target]
    model = artifact.open(artifact.manifest.entry_points[0], threads=1)
    black, white = (np.full((64, 64, 3), grey, np.uint8) for grey in (0, 255))
    alpha = model(black, np.full((64, 64), 0, np.uint8)).alpha
    model(white, np.full((64, 64), 255, np.uint8))
    assert (alpha == 0).all()


def test_an_entry_point_is_found_by_its_budget_or_its_name(static_artifacts):
    artifact = static_artifacts[Target.TFLITE]
    assert artifact.entry("60%").name == artifact.entry("60pct").name == artifact.entry("6e1 %").name == "60pct"
    with pytest.raises(UsageError, match="100%, 60%; got 80%"):
        artifact.entry("80pct")


def test_an_entry_point_of_a_named_budget_is_found_by_its_name(static_artifacts):
    artifact = static_artifacts[Target.TFLITE]
    first, second = artifact.manifest.entry_points
    named = [first.model_copy(update={"name": "mild", "budget": str(parse_budget("mild"))}), second]
    mixed = replace(artifact, manifest=artifact.manifest.model_copy(update={"entry_points": tuple(named)}))
    assert mixed.entry("mild").name == mixed.entry("Mild").name == "mild"
    assert mixed.entry("60%").name == "60pct"
    with pytest.raises(UsageError, match=r"mild \(100% of the MACs\), 60%; got moderate"):
        mixed.entry("moderate")


@pytest.mark.parametrize(
    "target",
    [Target.TFLITE, *(pytest.param(each, marks=pytest.mark.slow) for each in (Target.COREML, Target.EXECUTORCH))],
)
def test_the_same_command_gives_the_same_bytes(static_artifacts, tmp_path, target):
    (again,) = convert(minute_request(tmp_path, targets=(target,), budgets=(parse_budget("60%"),)))
    first = next(e for e in static_artifacts[target].manifest.entry_points if e.name == "60pct")
    assert again.manifest.entry_points[0].sha256 == first.sha256


@EVERY_TARGET
def test_a_changed_weight_is_found_and_its_block_named(static_artifacts, target, tmp_path):
    directory = tmp_path / "tampered"
    shutil.copytree(static_artifacts[target].directory, directory)
    entry = read_manifest(directory).entry_points[0]
    graph = StaticGraph(load_checkpoint("pam-minute").supernet, PathSpec.parse(entry.path))
    block = 2
    weights = next(p for n, p in graph.network.blocks[block].named_parameters() if n.endswith("branch.3.0.weight"))
    file = next(f for f in _files(directory / entry.file) if weights.detach().numpy().tobytes() in f.read_bytes())
    data = file.read_bytes()
    changed = (weights.detach().numpy() * 3).astype(np.float32).tobytes()
    file.write_bytes(data.replace(weights.detach().numpy().tobytes(), changed))
    if target is Target.COREAI:  # whose own hash keeps a program that was not saved so from running at all
        (file.parent / "main.hash").write_bytes(hashlib.sha256(file.read_bytes()).digest())
    result = runner.invoke(app, ["verify", str(directory), "--json"])
    assert result.exit_code == 1
    check = json.loads(result.stdout)["checks"][0]
    assert check["first_diverging_block"] == load_checkpoint("pam-minute").config.block_names[block]
    assert "SHA-256" in check["reason"]
    assert check["max_abs_error"] > 1e-4


def _files(path):
    return [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]


@pytest.mark.slow  # but for a file cut short, which stands with the other damaged files of every target
@pytest.mark.parametrize("target", [Target.TFLITE, Target.EXECUTORCH], ids=str)
@pytest.mark.parametrize(
    "damage",
    [lambda data: data[: len(data) // 3], lambda data: b"", lambda data: b"\0" * 5000],
)
def test_a_damaged_file_fails_verification_and_does_not_crash(static_artifacts, target, damage, tmp_path):
    directory = tmp_path / "damaged"
    shutil.copytree(static_artifacts[target].directory, directory)
    file = directory / read_manifest(directory).entry_points[0].file
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(ParityError):
        assert_parity(directory)


def test_swapped_entry_points_are_a_path_mismatch(static_artifacts, tmp_path):
    directory = tmp_path / "swapped"
    shutil.copytree(static_artifacts[Target.TFLITE].directory, directory)
    manifest = json.loads((directory / "manifest.json").read_text())
    first, second = manifest["entry_points"]
    first["path"], second["path"] = second["path"], first["path"]
    (directory / "manifest.json").write_text(json.dumps(manifest))
    records = verify(directory)
    assert [record.passed for record in records] == [False, False]
    assert [record.path_mismatches for record in records] == [1, 1]


def test_other_weights_than_the_manifests_are_refused(static_artifacts, tmp_path):
    other = tmp_path / "other.safetensors"
    save_checkpoint(other, load_checkpoint("pam-minute").supernet, TrainingRecord(trained=True, summary="other"))
    with pytest.raises(ArtifactError, match="SHA-256"):
        verify(static_artifacts[Target.TFLITE].directory, checkpoint=str(other))


def test_a_checkpoint_that_changes_while_it_is_converted_is_not_delivered_under_its_old_hash(tmp_path, monkeypatch):
    file = tmp_path / "weights.safetensors"
    supernet = load_checkpoint("pam-minute").supernet
    save_checkpoint(file, supernet, TrainingRecord(trained=True, summary="the one that was planned"))

    def replace_then_run(*asked, **options):
        save_checkpoint(file, supernet, TrainingRecord(trained=True, summary="the next one"))
        return run_in_worker(*asked, **options)

    monkeypatch.setattr("pam_edge.delivery.convert.run_in_worker", replace_then_run)
    with pytest.raises(CheckpointError, match="changed while it was converted"):
        convert(minute_request(tmp_path / "out", targets=(Target.TFLITE,), checkpoint=str(file)))
    assert list((tmp_path / "out").iterdir()) == []


@EVERY_TARGET
def test_the_manifest_says_what_the_files_are(static_artifacts, target):
    artifact = static_artifacts[target]
    manifest = read_manifest(artifact.directory)
    assert manifest == artifact.manifest
    assert not manifest.checkpoint.trained
    for entry in manifest.entry_points:
        assert content_hash(artifact.directory / entry.file) == entry.sha256
        assert entry.cost_provenance == "counted"
        assert entry.gmacs == pytest.approx(entry.predicted_cost)


def test_opening_a_package_with_coremltools_leaves_its_hash(static_artifacts, tmp_path):
    import coremltools as ct

    artifact = static_artifacts[Target.COREML]
    entry = artifact.manifest.entry_points[0]
    package = tmp_path / entry.file
    shutil.copytree(artifact.directory / entry.file, package)
    ct.utils.load_spec(str(package))
    assert content_hash(package) == entry.sha256


def test_golden_vectors_pass_as_device_outputs_and_wrong_ones_fail(static_artifacts, tmp_path):
    directory = static_artifacts[Target.TFLITE].directory
    outputs = tmp_path / "outputs"
    outputs.mkdir()
    for file in (directory / "golden").glob("*.f32"):
        shutil.copy(file, outputs)
    assert runner.invoke(app, ["verify", str(directory), "--device-outputs", str(outputs)]).exit_code == 0
    one = next(outputs.glob("60pct.*.f32"))
    values = np.fromfile(one, "<f4")
    values[values.size // 2] += 0.2
    one.write_bytes(values.tobytes())
    result = runner.invoke(app, ["verify", str(directory), "--device-outputs", str(outputs), "--json"])
    assert result.exit_code == 1
    assert [check["passed"] for check in json.loads(result.stdout)["checks"]] == [True, False]
    one.unlink()
    result = runner.invoke(app, ["verify", str(directory), "--device-outputs", str(outputs), "--json"])
    assert [check["passed"] for check in json.loads(result.stdout)["checks"]] == [True, None]


def test_the_report_opens_offline_and_marks_untrained_weights(static_artifacts):
    page = (static_artifacts[Target.EXECUTORCH].directory / "report.html").read_text()
    assert "UNTRAINED" in page
    assert "http" not in page.replace("http://www.w3.org", "")
    assert page.count("<img") >= 8


@pytest.mark.slow
@EVERY_TARGET
def test_three_paths_of_pam_tiny_in_one_file_cost_at_most_15_percent_more_than_the_full_path(target, tmp_path):
    """Without errors of paths the planner takes the most MACs: the longest of the three is then the full path."""
    from pam_edge.planning.budget import DEFAULT_BUDGETS
    from pam_edge.terms import Mode

    file = tmp_path / "pam-tiny.safetensors"
    save_checkpoint(file, load_checkpoint("pam-tiny").supernet, TrainingRecord(trained=True, summary="no error table"))
    changes = {"checkpoint": str(file), "targets": (target,), "height": 128, "width": 128, "precision": None}
    (multi,) = convert(minute_request(tmp_path, **changes, budgets=DEFAULT_BUDGETS, mode=Mode.MULTI))
    (alone,) = convert(minute_request(tmp_path, **changes, budgets=DEFAULT_BUDGETS[:1]))
    assert set(alone.manifest.entry_points[0].path or "") == {"1"}
    ratio = multi.manifest.entry_points[0].bytes / alone.manifest.entry_points[0].bytes
    assert ratio <= 1.15, f"{ratio:.3f}"
