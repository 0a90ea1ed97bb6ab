"""What a bundle holds, what is refused, and that it is written whole and the same every time."""

import json
import re
import shutil
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

import pam_edge.runtimes
from pam_edge.cli.main import app, run
from pam_edge.delivery.artifact.artifact import Artifact
from pam_edge.delivery.artifact.manifest import EndsRecord, Manifest
from pam_edge.delivery.bundle.fitness import check_comparable
from pam_edge.delivery.bundle.package import package
from pam_edge.delivery.bundle.readme import readme
from pam_edge.delivery.bundle.record import read_bundle
from pam_edge.errors import ArtifactError, ParityError, UsageError
from pam_edge.supernet.checkpoint import load_checkpoint
from pam_edge.targets import Target
from pam_edge.terms import Mode, Platform, Precision, Result, Source

MODES = (Mode.STATIC, Mode.MULTI, Mode.DYNAMIC)
FITS = {
    Target.COREML: {"ios"},
    Target.TFLITE: {"android", "web"},
    Target.EXECUTORCH: {"android"},
    Target.COREAI: {"ios"},
}
HOME = {Target.COREML: "ios", Target.TFLITE: "web", Target.EXECUTORCH: "android", Target.COREAI: "ios"}


def contents(folder):
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def artifact_of(request, target, mode) -> Artifact:
    return request.getfixturevalue(f"{mode}_artifacts")[target]


@pytest.fixture
def artifact(static_artifacts, tmp_path):
    """A copy of the static LiteRT artifact, for a test to change."""
    return shutil.copytree(static_artifacts[Target.TFLITE].directory, tmp_path / "artifact")


def change_manifest(folder, change):
    manifest = json.loads((folder / "manifest.json").read_text())
    change(manifest)
    (folder / "manifest.json").write_text(json.dumps(manifest))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("platform", Platform)
@pytest.mark.parametrize("target", Target)
def test_a_target_is_packaged_for_the_platforms_that_run_it_and_for_no_other(request, tmp_path, target, platform, mode):
    made = artifact_of(request, target, mode)
    out = tmp_path / "out"
    if platform not in FITS[target]:
        with pytest.raises(UsageError, match=r"expected an artifact that apps there can run; .* Convert with --target"):
            package(made.directory, platform, out)
        assert not out.exists()
        return
    if platform is Platform.WEB and made.manifest.precision is Precision.FP16:
        with pytest.raises(UsageError, match=r"is fp16: half-precision weights .* Convert with another --precision"):
            package(made.directory, platform, out)
        assert not out.exists()
        return
    bundle = package(made.directory, platform, out)
    assert bundle.record.platform == platform
    assert Artifact.read(out / "model").manifest == made.manifest
    assert all(Artifact.read(out / "model").is_unchanged(entry) for entry in made.manifest.entry_points)
    assert all(made.golden(entry) for entry in made.manifest.entry_points)


def test_the_refusal_of_a_target_names_those_that_fit(static_artifacts, tmp_path):
    with pytest.raises(UsageError, match=r"Core ML is Apple's. Convert with --target tflite or --target executorch"):
        package(static_artifacts[Target.COREML].directory, Platform.ANDROID, tmp_path / "out")


def test_a_page_takes_a_second_artifact_of_the_same_weights(static_artifacts, dynamic_artifacts, tmp_path):
    one, other = static_artifacts[Target.TFLITE], dynamic_artifacts[Target.TFLITE]
    out = package(one.directory, Platform.WEB, tmp_path / "out", compare=other.directory).directory
    assert Artifact.read(out / "compare").manifest == other.manifest


def test_a_second_artifact_that_a_page_cannot_set_beside_the_first_is_refused(static_artifacts, artifact, tmp_path):
    one = static_artifacts[Target.TFLITE].directory
    with pytest.raises(UsageError, match=r"--compare: expected --platform web"):
        package(one, Platform.ANDROID, tmp_path / "out", compare=artifact)
    with pytest.raises(UsageError, match=r"--compare .*: expected another mode .* which is static as well"):
        package(one, Platform.WEB, tmp_path / "out", compare=artifact)
    change_manifest(artifact, lambda manifest: manifest["checkpoint"].update(sha256="0" * 64))
    with pytest.raises(UsageError, match=r"--compare .*: expected the weights of"):
        package(one, Platform.WEB, tmp_path / "out", compare=artifact)
    with pytest.raises(UsageError, match=r"is Core ML"):
        package(one, Platform.WEB, tmp_path / "out", compare=static_artifacts[Target.COREML].directory)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("size", {"height": 96}),
        ("input", {"ends": EndsRecord(source=Source.MASK, band_px=4)}),
        ("output", {"ends": EndsRecord(result=Result.CUTOUT)}),
    ],
)
def test_a_page_compares_what_differs_in_its_mode_alone(static_artifacts, dynamic_artifacts, name, change):
    one, other = static_artifacts[Target.TFLITE], dynamic_artifacts[Target.TFLITE]
    check_comparable(one, other)
    entries = tuple(each.model_copy(update=change) for each in other.manifest.entry_points)
    unlike = Artifact(other.directory, other.manifest.model_copy(update={"entry_points": entries}))
    with pytest.raises(UsageError, match=rf"expected the {name} of .*; found"):
        check_comparable(one, unlike)


@pytest.mark.parametrize("target", Target)
def test_two_runs_give_the_same_tree(static_artifacts, tmp_path, target):
    for name in ("one", "two"):
        package(static_artifacts[target].directory, Platform(HOME[target]), tmp_path / name)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    modes = {oct(each.stat().st_mode & 0o777) for each in (tmp_path / "one").rglob("*")}
    assert modes == {"0o755", "0o644"}


@pytest.mark.parametrize("target", Target)
def test_a_bundle_names_every_file_that_it_holds_and_no_other(static_artifacts, tmp_path, target):
    out = package(static_artifacts[target].directory, Platform(HOME[target]), tmp_path / "out").directory
    named = [file.path for file in read_bundle(out).files]
    assert sorted(named) == named == sorted(set(contents(out)) - {"bundle.json"})
    assert "model/report.html" not in named
    assert {"README.md", "LICENSES.md", "MODEL_CARD.md", "model/manifest.json"} <= set(named)


def test_tests_stubs_and_build_outputs_of_a_library_stay_out(static_artifacts, tmp_path):
    package(static_artifacts[Target.COREML].directory, Platform.IOS, tmp_path / "ios")
    package(static_artifacts[Target.TFLITE].directory, Platform.ANDROID, tmp_path / "android")
    package(static_artifacts[Target.TFLITE].directory, Platform.WEB, tmp_path / "web")
    own = {
        name: {path for path in contents(tmp_path / name) if not path.startswith("model/") and "/" in path}
        for name in ("ios", "android", "web")
    }
    assert own == {
        "ios": {"PamEdge/Package.swift", "PamEdge/Sources/PamEdge/Matter.swift"},
        "android": {
            "pamedge/build.gradle.kts",
            "pamedge/gradle/libs.versions.toml",
            "pamedge/core/src/main/kotlin/pamedge/Matter.kt",
        },
        "web": {"wasm/litert.wasm", "licences/Apache-2.0.txt"},
    }
    assert {"index.html", "pam-edge.js"} <= set(contents(tmp_path / "web"))


@pytest.mark.parametrize(("passed", "found"), [(False, "failed"), (None, "was not run")])
def test_parity_that_did_not_pass_is_refused(artifact, tmp_path, passed, found):
    change_manifest(artifact, lambda manifest: manifest["parity"][-1].update(passed=passed))
    with pytest.raises(ParityError, match=f"parity passed for every entry point; that of .* {found}"):
        package(artifact, Platform.WEB, tmp_path / "out")


def test_parity_that_did_not_pass_is_a_check_that_failed_to_a_shell(artifact, tmp_path, monkeypatch, capsys):
    change_manifest(artifact, lambda manifest: manifest["parity"][0].update(passed=False))
    arguments = ["pam-edge", "package", str(artifact), "--platform", "web", "-o", str(tmp_path / "out")]
    monkeypatch.setattr(sys, "argv", arguments)
    with pytest.raises(SystemExit) as stop:
        run()
    assert stop.value.code == 1
    assert "parity passed for every entry point" in " ".join(capsys.readouterr().err.split())


def test_an_entry_point_without_any_parity_is_refused(artifact, tmp_path):
    change_manifest(artifact, lambda manifest: manifest["parity"].pop())
    with pytest.raises(ParityError, match="was not run"):
        package(artifact, Platform.WEB, tmp_path / "out")


def test_a_changed_model_file_is_refused(artifact, tmp_path):
    file = next(artifact.glob("*.tflite"))
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    with pytest.raises(ArtifactError, match="changed or damaged since"):
        package(artifact, Platform.WEB, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("pattern", ["*.tflite", "golden/*.image.png", "golden/*.alpha.f32"])
def test_a_missing_file_is_refused(artifact, tmp_path, pattern):
    next(artifact.glob(pattern)).unlink()
    with pytest.raises(ArtifactError, match=r"missing|cannot be read"):
        package(artifact, Platform.WEB, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_golden_vectors_that_were_cut_short_are_refused(artifact, tmp_path):
    file = next(artifact.glob("golden/*.alpha.f32"))
    file.write_bytes(file.read_bytes()[:-4])
    with pytest.raises(ArtifactError, match=r"golden vectors .* damaged"):
        package(artifact, Platform.WEB, tmp_path / "out")


def test_a_link_that_leads_out_is_refused(artifact, tmp_path):
    file = next(artifact.glob("golden/*.image.png"))
    file.rename(tmp_path / "elsewhere.png")
    file.symlink_to(tmp_path / "elsewhere.png")
    with pytest.raises(ArtifactError, match="a link that leads out"):
        package(artifact, Platform.WEB, tmp_path / "out")


def test_a_folder_that_holds_something_is_left_alone(artifact, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match="holds files"):
        package(artifact, Platform.WEB, tmp_path / "out")
    assert contents(tmp_path / "out") == {"mine.txt": b"mine"}


def test_an_installation_without_the_library_says_so(artifact, libraries, tmp_path):
    shutil.rmtree(libraries / "android")
    with pytest.raises(UsageError, match="Expected the library for Android in this installation"):
        package(artifact, Platform.ANDROID, tmp_path / "out")


def test_what_fails_half_way_leaves_nothing(artifact, tmp_path, monkeypatch):
    from pam_edge.delivery.bundle import package as module

    def fail(*arguments, **named):
        raise OSError("no space")

    monkeypatch.setattr(module, "readme", fail)
    with pytest.raises(OSError, match="no space"):
        package(artifact, Platform.WEB, tmp_path / "made" / "out")
    assert list((tmp_path / "made").iterdir()) == []


def test_untrained_weights_and_ones_of_a_users_own_have_no_card(artifact, tmp_path):
    package(artifact, Platform.WEB, tmp_path / "untrained")
    assert "UNTRAINED" in (tmp_path / "untrained" / "MODEL_CARD.md").read_text()
    assert "made of no data" in (tmp_path / "untrained" / "LICENSES.md").read_text()
    own = {"trained": True, "variant": "pam-tiny", "reference": "mine.safetensors"}
    change_manifest(artifact, lambda manifest: manifest["checkpoint"].update(own))
    package(artifact, Platform.WEB, tmp_path / "own")
    assert "no model card" in (tmp_path / "own" / "MODEL_CARD.md").read_text()
    assert "mine.safetensors is a checkpoint of your own" in (tmp_path / "own" / "LICENSES.md").read_text()


def test_weights_that_ship_bring_their_card_and_their_licences(artifact, tmp_path):
    checkpoint = load_checkpoint("pam-tiny")
    shipped = {"variant": "pam-tiny", "sha256": checkpoint.sha256, "trained": True, "reference": "a copy of it"}
    change_manifest(artifact, lambda manifest: manifest["checkpoint"].update(shipped))
    package(artifact, Platform.WEB, tmp_path / "out")
    assert (tmp_path / "out" / "MODEL_CARD.md").read_text().startswith("# pam-tiny: model card")
    assert "Battle for Wesnoth" in (tmp_path / "out" / "LICENSES.md").read_text()


def test_licences_of_a_page_are_those_of_what_runs_in_it(artifact, tmp_path):
    package(artifact, Platform.WEB, tmp_path / "out")
    text = (tmp_path / "out" / "LICENSES.md").read_text()
    assert "| @maker/runtime | 2.5.3 | Apache-2.0 |" in text
    assert "builder" not in text
    assert "`licences/Apache-2.0.txt`" in text


@pytest.mark.parametrize("platform", Platform)
def test_commands_of_a_readme_are_ones_that_there_are(static_artifacts, tmp_path, platform):
    target = next(target for target, fits in FITS.items() if platform in fits)
    package(static_artifacts[target].directory, platform, tmp_path / "out")
    text = (tmp_path / "out" / "README.md").read_text()
    commands = re.findall(r"(?:^ {4}|`)pam-edge ((?:profile )?[a-z]+)([^\n#`]*)", text, re.MULTILINE)
    assert {"verify", "profile kit"} <= {name for name, _ in commands}
    for name, rest in commands:
        shown = CliRunner().invoke(app, [*name.split(), "--help"], env={"COLUMNS": "200"})
        assert shown.exit_code == 0, name
        assert [option for option in re.findall(r"--[a-z-]+", rest) if option not in shown.stdout] == []
    assert "<<" not in text


@pytest.mark.parametrize(
    ("target", "own", "other", "needs"),
    [
        (Target.COREML, "CoreMLMaker()", "CoreAIMaker()", "iOS 18 or macOS 15"),
        (Target.COREAI, "CoreAIMaker()", "CoreMLMaker()", "iOS 27 or macOS 27"),
    ],
)
def test_the_readme_for_ios_measures_with_the_runtime_of_the_target(static_artifacts, target, own, other, needs):
    text = readme(static_artifacts[target].manifest, Platform.IOS, {}, "", has_probe=True)
    assert own in text
    assert other not in text
    assert f"in some minutes. Needs {needs}" in text


@pytest.mark.parametrize("name", ["static", "dynamic", "multi", "video"])
def test_the_readme_of_a_page_says_how_video_is_cut_out_where_the_graph_is_for_it(name):
    cases = json.loads((Path(pam_edge.runtimes.__file__).parent / "contract" / "manifest.json").read_text())["cases"]
    manifest = Manifest.model_validate_json(next(each["text"] for each in cases if each["name"] == name))
    text = readme(manifest, Platform.WEB, {}, "", has_probe=False)
    assert ("isNext" in text) == (name == "video")
    assert "<<" not in text


@pytest.mark.parametrize(
    ("has_second", "has_probe", "does"),
    [
        (False, False, "The page\ncuts out. "),
        (False, True, "cuts out and measures its device. "),
        (True, True, "cuts out, compares two graphs and measures its device. "),
    ],
)
def test_the_readme_of_a_page_promises_what_its_bundle_holds(artifact, has_second, has_probe, does):
    manifest = Artifact.read(artifact).manifest
    assert does in readme(manifest, Platform.WEB, {}, "", has_probe=has_probe, has_second=has_second)


def test_the_command_to_serve_a_page_can_be_pasted(artifact, tmp_path):
    out = tmp_path / "a pagé"
    result = CliRunner().invoke(app, ["package", str(artifact), "--platform", "web", "-o", str(out)])
    assert f"see it: pam-edge serve '{out}'\n" in result.stdout


def test_the_command_prints_what_it_wrote(artifact, tmp_path):
    arguments = ["package", str(artifact), "--platform", "web", "-o", str(tmp_path / "out"), "--json"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["platform"] == "web"
    assert sum(told["sizes_bytes"].values()) == sum(file.bytes for file in read_bundle(tmp_path / "out").files)
    assert set(told["sizes_bytes"]) == {"model", "golden vectors", "library", "runtime", "papers"}
