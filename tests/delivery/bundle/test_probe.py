"""A probe goes into a bundle if it measures what is in the artifact."""

import json

import pytest

from pam_edge.delivery.artifact.content import content_hash
from pam_edge.delivery.bundle.package import package
from pam_edge.errors import ArtifactError, UsageError
from pam_edge.targets import Target
from pam_edge.terms import Platform


@pytest.fixture
def kit(static_artifacts, tmp_path):
    """What ``profile kit`` writes for the artifact, with a stand-in for the probe."""
    manifest = static_artifacts[Target.TFLITE].manifest
    samples = {
        "target": "tflite",
        "architecture_hash": manifest.checkpoint.architecture_hash,
        "precision": "fp32",
        "height": 64,
        "width": 64,
    }
    folder = tmp_path / "kit"
    (folder / "inputs").mkdir(parents=True)
    for name in ("probe.tflite", "inputs/image.bin", "android.py", "README.md"):
        (folder / name).write_text(name)
    files = {name: content_hash(folder / name) for name in ("probe.tflite", "inputs/image.bin")}
    stated = {"file": "probe.tflite", "rounds": [["1111"]], "samples": samples, "files": files}
    (folder / "kit.json").write_text(json.dumps(stated))
    return folder


def packaged(artifacts, kit, tmp_path):
    return package(artifacts[Target.TFLITE].directory, Platform.WEB, tmp_path / "out", probe=kit)


def test_a_bundle_takes_what_an_app_reads_of_a_kit(static_artifacts, kit, tmp_path):
    bundle = packaged(static_artifacts, kit, tmp_path)
    probe = [file.path for file in bundle.record.files if file.path.startswith("probe/")]
    assert probe == ["probe/inputs/image.bin", "probe/kit.json", "probe/probe.tflite"]
    assert "profile import samples.json" in (bundle.directory / "README.md").read_text()


@pytest.mark.parametrize(
    ("key", "value", "found"),
    [
        ("target", "executorch", "target, tflite; it is of executorch"),
        ("architecture_hash", "0123456789ab", "it is of 0123456789ab"),
        ("precision", "fp16", "precision, fp32; it is of fp16"),
        ("height", 512, "size, 64x64; it is of 512x64"),
    ],
)
def test_a_probe_of_something_else_is_refused(static_artifacts, kit, tmp_path, key, value, found):
    stated = json.loads((kit / "kit.json").read_text())
    stated["samples"][key] = value
    (kit / "kit.json").write_text(json.dumps(stated))
    with pytest.raises(UsageError, match=found):
        packaged(static_artifacts, kit, tmp_path)


@pytest.mark.parametrize("text", ["[]", "{", "{}", '{"file": "none.tflite", "rounds": [[]], "samples": {}}'])
def test_what_is_no_kit_is_refused(static_artifacts, kit, tmp_path, text):
    (kit / "kit.json").write_text(text)
    with pytest.raises(UsageError, match="expected a kit with its files"):
        packaged(static_artifacts, kit, tmp_path)


def test_a_folder_without_a_kit_is_refused(static_artifacts, tmp_path):
    with pytest.raises(UsageError, match="profile kit"):
        packaged(static_artifacts, tmp_path, tmp_path)


def test_a_kit_that_leads_out_of_its_folder_is_refused(static_artifacts, kit, tmp_path):
    (tmp_path / "secret").write_text("not a probe")
    stated = json.loads((kit / "kit.json").read_text()) | {"file": "../secret", "files": {"../secret": "0" * 64}}
    (kit / "kit.json").write_text(json.dumps(stated))
    with pytest.raises(ArtifactError, match="leads out"):
        packaged(static_artifacts, kit, tmp_path)


@pytest.mark.parametrize("name", ["probe.tflite", "inputs/image.bin"])
def test_a_kit_that_was_changed_or_lost_a_file_is_refused(static_artifacts, kit, tmp_path, name):
    (kit / name).write_text("other")
    with pytest.raises(ArtifactError, match=f"expected {name} as it was made; it was changed"):
        packaged(static_artifacts, kit, tmp_path)
    (kit / name).unlink()
    with pytest.raises(ArtifactError, match=f"expected {name} as it was made; it is missing"):
        packaged(static_artifacts, kit, tmp_path)
