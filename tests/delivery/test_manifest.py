"""A manifest is written by anyone: whatever it says is refused with a reason, and no file outside is opened."""

import json
import os
import random
import re
import shutil
import subprocess
import sys

import pytest

from pam_edge.delivery.artifact.artifact import Artifact
from pam_edge.delivery.artifact.manifest import Manifest
from pam_edge.delivery.inspect import inspect_in_worker
from pam_edge.delivery.open_model import open_model
from pam_edge.delivery.parity.device_outputs import verify_device_outputs
from pam_edge.delivery.parity.verify import verify, verify_in_worker
from pam_edge.errors import ArtifactError, UsageError
from pam_edge.measuring.bench import bench
from pam_edge.runtimes.registry import load_runtime
from pam_edge.targets import Target

PATHS_OUTSIDE = ("../elsewhere/mild.tflite", "/etc/passwd", "..", ".", "", "a/../../b", "./mild.tflite", "a//b", "a/")
PATHS_OF_SOME_SYSTEM = ("a\\b", "..\\b", "C:b", "C:\\b", "b\0", "b\n", "\ud800", "x" * 300)
NASTY: tuple[object, ...] = (
    None,
    True,
    -1,
    0,
    2**64,
    10**30,
    1.5,
    "",
    "../x",
    "x" * 10**5,
    [],
    {},
    [[]],
    ["1"],
    {"x": 1},
    "NaN",
    "static",
)


@pytest.fixture(scope="module")
def folders(static_artifacts, dynamic_artifacts):
    return {"static": static_artifacts[Target.TFLITE].directory, "dynamic": dynamic_artifacts[Target.TFLITE].directory}


@pytest.fixture
def copied(folders, tmp_path):
    """Return a function that copies an artifact and returns the copy."""

    def copy(kind):
        return shutil.copytree(folders[kind], tmp_path / kind)

    return copy


def change(directory, edit):
    """Change a manifest by a function of its parsed text."""
    file = directory / "manifest.json"
    manifest = json.loads(file.read_text())
    edit(manifest)
    file.write_text(json.dumps(manifest))


def places(value, here=()):
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [here, *(place for key, each in inner for place in places(each, (*here, key)))]


@pytest.mark.parametrize("path", [*PATHS_OUTSIDE, *PATHS_OF_SOME_SYSTEM], ids=lambda path: ascii(path)[:40])
@pytest.mark.parametrize("where", ["file", "image", "trimap", "alpha", "path"])
def test_paths_stay_inside_of_the_folder(copied, where, path):
    directory = copied("dynamic")

    def edit(manifest):
        golden, name = manifest["golden"][0], manifest["entry_points"][0]["name"]
        places = {
            "file": (manifest["entry_points"][0], "file"),
            "image": (golden, "image"),
            "trimap": (golden, "trimap"),
            "alpha": (golden["alphas"], name),
            "path": (golden["paths"][name], "file"),
        }
        record, key = places[where]
        record[key] = path

    change(directory, edit)
    with pytest.raises(ArtifactError):
        Artifact.read(directory)


@pytest.mark.parametrize("where", ["file", "folder", "chain", "golden"])
def test_links_that_lead_out_are_refused(copied, tmp_path, where):
    directory = copied("static")
    entry = Artifact.read(directory).manifest.entry_points[0]
    outside = tmp_path / "elsewhere"
    if where == "golden":
        shutil.move(directory / "golden", outside)
        (directory / "golden").symlink_to(outside)
    else:
        outside.mkdir()
        shutil.move(directory / entry.file, outside / "model.tflite")
        if where == "file":
            (directory / entry.file).symlink_to(outside / "model.tflite")
        elif where == "chain":
            (directory / "link").symlink_to(outside / "model.tflite")
            (directory / entry.file).symlink_to("link")
        else:
            (directory / "link").symlink_to(outside)
            change(directory, lambda manifest: manifest["entry_points"][0].update(file="link/model.tflite"))
    with pytest.raises(ArtifactError, match="leads out"):
        Artifact.read(directory)


def test_a_link_inside_of_a_package_that_leads_out_is_refused(static_artifacts, tmp_path):
    directory = shutil.copytree(static_artifacts[Target.COREML].directory, tmp_path / "coreml")
    package = directory / Artifact.read(directory).manifest.entry_points[0].file
    weights = next(package.rglob("weight.bin"))
    shutil.move(weights, tmp_path / "weight.bin")
    weights.symlink_to(tmp_path / "weight.bin")
    with pytest.raises(ArtifactError, match="leads out"):
        Artifact.read(directory)


def test_links_that_stay_inside_are_taken(copied, tmp_path):
    directory = copied("static")
    entry = Artifact.read(directory).manifest.entry_points[0]
    (directory / entry.file).rename(directory / "stored")
    (directory / entry.file).symlink_to("stored")
    (tmp_path / "link").symlink_to(directory)
    artifact = Artifact.read(tmp_path / "link")
    assert artifact.is_unchanged(artifact.manifest.entry_points[0])


def test_a_link_to_itself_is_a_missing_file(copied):
    directory = copied("static")
    entry = Artifact.read(directory).manifest.entry_points[0]
    (directory / entry.file).unlink()
    (directory / entry.file).symlink_to(entry.file)
    with pytest.raises(ArtifactError, match="missing"):
        Artifact.read(directory).file(entry)


@pytest.mark.parametrize("name", ["../x", "a/b", "", "..", "X", "a b", "a\0", "é"])
@pytest.mark.parametrize("key", ["name", "function"])
def test_names_of_entry_points_are_names(copied, key, name):
    directory = copied("static")
    change(directory, lambda manifest: manifest["entry_points"][0].update({key: name}))
    with pytest.raises(ArtifactError):
        Artifact.read(directory)


@pytest.mark.parametrize("key", ["height", "width"])
@pytest.mark.parametrize("kind", ["static", "dynamic"])
def test_shapes_that_are_not_of_the_stated_size_are_refused(copied, kind, key):
    directory = copied(kind)
    change(directory, lambda manifest: [entry.update({key: 128}) for entry in manifest["entry_points"]])
    with pytest.raises(ArtifactError, match="image is expected to be"):
        Artifact.read(directory)


def test_several_sizes_are_refused_where_a_file_has_one_graph(copied):
    directory = copied("dynamic")

    def enlarge_the_first(manifest):
        first, *others = manifest["entry_points"]
        manifest["entry_points"] = [first]
        say_it_is_128_high(manifest)
        manifest["entry_points"] += others

    change(directory, enlarge_the_first)
    with pytest.raises(ArtifactError, match="one size is expected"):
        Artifact.read(directory)


@pytest.mark.parametrize("kind", ["static", "dynamic"])
@pytest.mark.parametrize("seed", range(5))
def test_a_mutated_manifest_is_refused_or_is_the_manifest_that_it_says(folders, tmp_path, kind, seed):
    whole = json.loads((folders[kind] / "manifest.json").read_text())
    directory, rng = tmp_path / kind, random.Random(seed)
    directory.mkdir()
    for _ in range(100):
        manifest = json.loads(json.dumps({"root": whole}))
        *way, key = rng.choice(places(manifest)[1:])
        parent = manifest
        for step in way:
            parent = parent[step]
        if rng.random() < 0.3 and way:
            del parent[key]
        else:
            parent[key] = rng.choice(NASTY)
        (directory / "manifest.json").write_text(json.dumps(manifest["root"]))
        try:
            artifact = Artifact.read(directory)
            assert artifact.manifest == Manifest.model_validate(manifest["root"])
            assert (artifact.selection is None) == (kind == "static")
        except ArtifactError:
            continue


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe{}", b"[" * 10**5, b'{"a":' * 10**5, b"1" * 10**6, b" " * 2**23],
    ids=["empty", "open", "list", "null", "text", "utf16", "deep", "deep keys", "digits", "long"],
)
def test_what_is_no_manifest_is_refused_in_one_paragraph(copied, content):
    directory = copied("static")
    (directory / "manifest.json").write_bytes(content)
    with pytest.raises(ArtifactError) as error:
        Artifact.read(directory)
    assert len(str(error.value)) < 1000


@pytest.mark.parametrize("version", [3, 99, 998])
def test_a_manifest_of_a_newer_version_says_who_wrote_it(copied, version):
    directory = copied("static")
    change(directory, lambda manifest: manifest.update(schema_version=version, new_key={}))
    with pytest.raises(ArtifactError, match=r"newer pam-edge.*Update"):
        Artifact.read(directory)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999", "-1"])
def test_costs_are_numbers(copied, number):
    directory = copied("dynamic")
    file = directory / "manifest.json"
    fixed = json.loads(file.read_text())["selection"]["fixed"]
    file.write_text(file.read_text().replace(f'"fixed": {fixed}', f'"fixed": {number}'))
    with pytest.raises(ArtifactError, match=r"fixed|it holds (NaN|Infinity)"):
        Artifact.read(directory)


@pytest.mark.parametrize(
    "edit",
    [
        lambda manifest: manifest["selection"]["run"].pop(),
        lambda manifest: manifest.update(selection=None),
        lambda manifest: manifest.update(mode="static"),
        lambda manifest: manifest["entry_points"][0].update(path="1111"),
        lambda manifest: manifest["entry_points"][0].update(budget_input=None),
        lambda manifest: manifest["entry_points"].append(manifest["entry_points"][0]),
        lambda manifest: manifest.update(entry_points=[]),
    ],
    ids=["run", "selection", "mode", "path", "budget", "twice", "none"],
)
def test_a_manifest_that_contradicts_itself_is_refused(copied, edit):
    directory = copied("dynamic")
    change(directory, edit)
    with pytest.raises(ArtifactError):
        Artifact.read(directory)


def longer_paths(manifest):
    for entry in manifest["entry_points"]:
        entry["path"] += "1"


def more_blocks(manifest):
    for costs in ("run", "bypass"):
        manifest["selection"][costs] *= 2


def falling_rows(manifest):
    manifest["selection"]["thresholds"].reverse()


@pytest.mark.parametrize(
    ("kind", "edit"),
    [
        ("static", longer_paths),
        ("dynamic", more_blocks),
        ("dynamic", falling_rows),
        ("dynamic", lambda manifest: manifest["selection"]["thresholds"].append(1e9)),
    ],
    ids=["paths", "blocks", "falling", "rows"],
)
def test_a_manifest_that_contradicts_its_checkpoint_is_refused(copied, kind, edit):
    directory = copied(kind)
    change(directory, edit)
    asked = {"directory": str(directory), "checkpoint": None, "runtime": None, "threads": 1}
    with pytest.raises(ArtifactError):
        verify_in_worker(asked | {"pictures": {"kind": "convert"}})


def not_half_precision(target):
    """Return how it is said that a full-precision file of a target is no half-precision one."""
    if target is Target.EXECUTORCH:  # its files do not show their precision
        return "the manifest says fp16, in which ExecuTorch files do not come"
    return "the file's weights are fp32, the manifest says fp16"


def say_it_is_128_high(manifest):
    """Change a manifest of 64x64 so that nothing in it contradicts the rest."""
    for entry in manifest["entry_points"]:
        entry["height"] = 128
        for tensor in (*entry["inputs"], *entry["outputs"]):
            rows = {"NCHW": 2, "NHWC": 1, "pixel buffer": 0}.get(tensor["layout"])
            if rows is not None:
                tensor["shape"][rows] = 128


def test_a_file_of_another_size_than_the_manifests_is_not_opened(copied):
    directory = copied("static")
    change(directory, say_it_is_128_high)
    artifact = Artifact.read(directory)
    with pytest.raises(ArtifactError, match="64x64"):
        artifact.open(artifact.manifest.entry_points[0], threads=1)


def checks(directory):
    asked = {"directory": str(directory), "checkpoint": None, "runtime": None, "threads": 1}
    return verify_in_worker(asked | {"pictures": {"kind": "convert"}})["parity"]


@pytest.mark.parametrize("target", Target, ids=str)
def test_verify_says_no_more_of_a_file_of_another_size_than_that(static_artifacts, tmp_path, target):
    directory = shutil.copytree(static_artifacts[target].directory, tmp_path / "copy")
    change(directory, say_it_is_128_high)
    for check in checks(directory):
        assert check["passed"] is False
        assert "take 128x64, as the manifest says; it takes 64x64" in check["reason"]
        assert check["divergence"] is None


@pytest.mark.parametrize("target", Target, ids=str)
def test_a_file_of_another_precision_than_the_manifests_fails(static_artifacts, tmp_path, target):
    directory = shutil.copytree(static_artifacts[target].directory, tmp_path / "copy")
    change(directory, lambda manifest: manifest.update(precision="fp16"))
    for check in checks(directory):
        assert check["passed"] is False
        assert check["reason"] == not_half_precision(target)
        assert check["divergence"] is None


def test_half_precision_is_told_from_the_file(multi_artifacts):
    for artifact in multi_artifacts.values():
        runtime = load_runtime(artifact.manifest.target)
        for entry in artifact.manifest.entry_points:
            assert artifact.contradictions(entry, runtime) == ()


@pytest.mark.parametrize("target", Target, ids=str)
def test_inspect_looks_into_what_does_not_belong_together_and_says_so(static_artifacts, tmp_path, target):
    directory = shutil.copytree(static_artifacts[target].directory, tmp_path / "copy")
    change(directory, say_it_is_128_high)
    change(directory, lambda manifest: manifest.update(precision="fp16"))
    change(directory, lambda manifest: manifest["entry_points"][0].update(sha256="0" * 64))
    first, second = inspect_in_worker({"directory": str(directory)}).values()
    assert (first["unchanged"], second["unchanged"]) == (False, True)
    assert any("SHA-256" in each for each in first["contradictions"])
    assert not_half_precision(target) in second["contradictions"]
    assert any("64x64, the manifest says 128x64" in each for each in second["contradictions"])
    assert second["inspection"]["operators"]


def test_bench_runs_no_file_that_was_changed(copied):
    directory = copied("static")
    with (directory / Artifact.read(directory).manifest.entry_points[-1].file).open("ab") as file:
        file.write(b"\0")
    with pytest.raises(ArtifactError, match="changed or damaged since"):
        bench(directory, threads=1, seconds=1)


@pytest.mark.parametrize("threads", [0, -1, 1.5, "2", None, True, 10**9])
def test_a_number_of_threads_that_is_none_is_no_fault_of_the_file(folders, threads):
    artifact = Artifact.read(folders["static"])
    calls = {
        "open": lambda: artifact.open(artifact.manifest.entry_points[0], threads=threads),
        "matte": lambda: open_model("pam-minute", None, threads=threads),
        "verify": lambda: verify(artifact.directory, threads=threads),
        "bench": lambda: bench(artifact.directory, threads=threads, seconds=1),
    }
    for call in calls.values():
        with pytest.raises(UsageError, match=r"threads: expected .* Give"):
            call()


@pytest.mark.parametrize("kind", ["static", "dynamic"])
def test_opening_and_running_prints_nothing(folders, capfd, kind):
    from pam_edge.evaluation.pictures import bundled_pictures, fit

    picture, artifact = fit(bundled_pictures()[0], 64, 64), Artifact.read(folders[kind])
    artifact.open(artifact.manifest.entry_points[0], threads=1)(picture.image, picture.trimap)
    assert capfd.readouterr() == ("", "")


def test_a_folder_of_artifacts_names_them(tmp_path):
    (tmp_path / "one").mkdir()
    with pytest.raises(ArtifactError, match="Check the path"):
        Artifact.read(tmp_path)
    (tmp_path / "one" / "manifest.json").write_text("{}")
    with pytest.raises(ArtifactError, match=f"such as {re.escape(str(tmp_path / 'one'))}"):
        Artifact.read(tmp_path)


def test_a_key_that_is_there_twice_is_refused(copied):
    file = copied("static") / "manifest.json"
    file.write_text(file.read_text().replace("{", '{"mode": "static", ', 1))
    with pytest.raises(ArtifactError, match="a key twice"):
        Artifact.read(file.parent)


def test_a_large_number_of_a_schema_is_not_repeated(copied):
    file = copied("static") / "manifest.json"
    file.write_text('{"schema_version": ' + "9" * 4000 + "}")
    with pytest.raises(ArtifactError) as error:
        Artifact.read(file.parent)
    assert len(str(error.value)) < 500 + len(str(file))


def in_milliseconds(manifest):
    manifest["selection"]["unit"] = "ms"


@pytest.mark.parametrize(
    ("kind", "edit"),
    [
        ("static", lambda manifest: manifest.update(mode="multi")),
        ("static", lambda manifest: manifest["entry_points"][0].update(file=manifest["entry_points"][1]["file"])),
        ("dynamic", in_milliseconds),
    ],
    ids=["mode", "file", "unit"],
)
def test_a_manifest_whose_mode_or_unit_contradicts_its_entry_points_is_refused(copied, kind, edit):
    directory = copied(kind)
    change(directory, edit)
    with pytest.raises(ArtifactError, match="expected"):
        Artifact.read(directory)


def without_folder(directory):
    shutil.rmtree(directory / "golden")


def without_trimap(directory):
    next((directory / "golden").glob("*.trimap.png")).unlink()


def without_alpha(directory):
    next((directory / "golden").glob("*.alpha.f32")).unlink()


def truncated(directory):
    for file in (directory / "golden").iterdir():
        os.truncate(file, 10)


def no_numbers(directory):
    for file in (directory / "golden").glob("*.alpha.f32"):
        file.write_bytes(b"\xff" * file.stat().st_size)


def half_paths(directory):
    for file in (directory / "golden").glob("*.path.f32"):
        file.write_bytes(b"\0\0\0\x3f" * (file.stat().st_size // 4))


def not_listed(directory):
    change(directory, lambda manifest: manifest.update(golden=[]))


def not_of_this_entry(directory):
    change(directory, lambda manifest: manifest["golden"][0]["alphas"].popitem())


DAMAGES = [without_folder, without_trimap, without_alpha, truncated, no_numbers, half_paths, not_listed]


@pytest.mark.parametrize("damage", [*DAMAGES, not_of_this_entry], ids=lambda damage: damage.__name__)
def test_golden_vectors_that_are_missing_or_damaged_are_no_fault_of_the_device(copied, tmp_path, damage):
    directory = copied("dynamic")
    outputs = shutil.copytree(directory / "golden", tmp_path / "outputs")
    damage(directory)
    with pytest.raises(ArtifactError):
        verify_device_outputs(directory, outputs)


def test_one_way_to_run_a_fixed_path_and_a_chosen_one(folders):
    from pam_edge.evaluation.pictures import bundled_pictures, fit

    picture = fit(bundled_pictures()[0], 64, 64)
    for directory in folders.values():
        artifact = Artifact.read(directory)
        for entry in artifact.manifest.entry_points:
            matte = artifact.open(entry, threads=1)(picture.image, picture.trimap)
            assert matte.alpha.shape == (64, 64)
            assert matte.path == (entry.path or matte.path)
            assert len(matte.path) == artifact.manifest.block_count
            assert matte.cost <= (entry.budget_input or entry.predicted_cost)


def test_a_fixed_path_takes_no_budget(folders):
    from pam_edge.evaluation.pictures import bundled_pictures, fit

    picture, artifact = fit(bundled_pictures()[0], 64, 64), Artifact.read(folders["static"])
    model = artifact.open(artifact.manifest.entry_points[0], threads=1)
    with pytest.raises(UsageError, match="fixed"):
        model(picture.image, picture.trimap, 1.0)


def test_the_pytest_plugin_fails_a_damaged_folder_and_tests_the_others(copied, tmp_path):
    copied("static")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "manifest.json").write_text('{"schema_version": 99}')
    command = [sys.executable, "-P", "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path)]
    done = subprocess.run([*command, "--pam-artifacts", "."], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1, done.stdout
    assert "2 passed" in done.stdout
    assert "1 failed" in done.stdout
    assert "newer pam-edge" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert "INTERNALERROR" not in done.stdout


def test_the_pytest_plugin_fails_every_entry_point_of_a_folder_that_cannot_be_verified(copied, tmp_path):
    change(copied("static"), lambda manifest: manifest["checkpoint"].update(sha256="0" * 64))
    command = [sys.executable, "-P", "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path)]
    done = subprocess.run([*command, "--pam-artifacts", "."], cwd=tmp_path, capture_output=True, text=True)
    assert "2 failed" in done.stdout
    assert "KeyError" not in done.stdout
