"""Kits, and the programs in them run against stand-ins for adb and for a Mac: there is neither here."""

import json
import os
import runpy
import shutil
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from pam_edge.cli.main import app
from pam_edge.delivery.artifact.content import content_hash
from pam_edge.device_profiles.loader import read_profile
from pam_edge.errors import UsageError
from pam_edge.evaluation.pictures import bundled_pictures, fit
from pam_edge.measuring import kit as kit_module
from pam_edge.measuring.probe import subject
from pam_edge.measuring.samples import SampleFile
from pam_edge.runtimes import coreml
from pam_edge.runtimes.base import OF_PROBE, OF_STATIC
from pam_edge.runtimes.registry import load_runtime
from pam_edge.supernet.path import PathSpec
from pam_edge.targets import Target
from pam_edge.terms import Precision

runner = CliRunner()

STAND_IN_FOR_ADB = '''#!{python}
"""Stands in for adb with a phone whose costs are known: prints what the phone and the runner would."""
import os, random, re, sys
line = " ".join(sys.argv)
if "getprop" in line:
    name = line.split("getprop ")[1].strip("'")
    known = {{"ro.product.manufacturer": "Maker", "ro.product.model": "Phone 1", "ro.build.version.release": "15"}}
    known["ro.serialno"] = "SERIAL-42"
    print(os.environ.get(name.replace(".", "_"), known.get(name, "SoC")))
elif "runner --" in line:
    path = re.search(r"path_([01]+)[.]bin", line)[1]
    cost = 20 + sum(3 + 2 * index for index, runs in enumerate(path) if runs == "1")
    random.seed(line)
    count = int(re.search(r"num_(?:runs|executions)=([0-9]+)", line)[1])
    if "executions" in line:
        print("Iteration 1 of", count, ": not a time, loading")
        for index in range(count):
            milliseconds = cost + 50 * (index == 0)
            print(f"I 00:00 executor_runner.cpp] Iteration {{index + 1}} of {{count}}: {{milliseconds:.6f}} ms")
    else:
        print("Inference timings in us: Init: 5685, First inference: 18535, Warmup (avg): 9,", end=" ")
        print(f"Inference (avg): {{cost * 1e3}}")
'''


@pytest.fixture(scope="module", params=["tflite", pytest.param("executorch", marks=pytest.mark.slow)])
def kit(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("kits") / request.param
    arguments = f"profile kit --target {request.param} --checkpoint pam-minute --size 64 --json -o {folder}"
    result = runner.invoke(app, arguments.split())
    assert result.exit_code == 0, result.output
    assert len(json.loads(result.stdout)["paths"]) == 16
    return folder


@pytest.fixture(scope="module")
def phone(tmp_path_factory):
    adb = tmp_path_factory.mktemp("bin") / "adb"
    adb.write_text(STAND_IN_FOR_ADB.format(python=sys.executable))
    adb.chmod(0o755)
    return {"PATH": f"{adb.parent}{os.pathsep}{os.environ['PATH']}"}


def measure(kit, phone, *options):
    command = [
        sys.executable,
        str(kit / "android.py"),
        "--runner",
        sys.executable,
        "--runtime-version",
        "1.0",
        *options,
    ]
    return subprocess.run(command, env=os.environ | phone, capture_output=True, text=True)


def test_what_a_kit_brings_back_is_a_profile(kit, phone, tmp_path, monkeypatch):
    monkeypatch.setenv("PAM_EDGE_PROFILES", str(tmp_path / "profiles"))
    for rounds in ("2", "4"):  # stopped after two, gone on with later
        done = measure(kit, phone, "--rounds", rounds)
        assert done.returncode == 0, done.stderr
    samples = json.loads((kit / "samples.json").read_text())
    assert {sample["round"] for sample in samples["samples"]} == {0, 1, 2, 3}
    result = runner.invoke(app, ["profile", "import", str(kit / "samples.json"), "--json"])
    assert result.exit_code == 0, result.output
    made = json.loads(result.stdout)
    assert made["held_out_worst_error_pct"] < 1e-3
    (table,) = read_profile(tmp_path / "profiles" / "maker-phone-1.toml").measurements
    differences = [block.run_ms - block.bypass_ms for block in table.blocks]
    assert differences == pytest.approx([3, 5, 7, 9], abs=1e-3)
    (kit / "samples.json").unlink()


@pytest.fixture(scope="module")
def begun(kit, phone):
    """A kit with the samples of a first round."""
    done = measure(kit, phone, "--rounds", "1")
    assert done.returncode == 0, done.stderr
    yield kit
    (kit / "samples.json").unlink()


@pytest.mark.parametrize(
    ("elsewhere", "options", "told"),
    [
        ({"ro_product_model": "Phone 2"}, [], "device 'Maker Phone 1'; this is 'Maker Phone 2'"),
        ({"ro_soc_model": "Other"}, [], "soc 'SoC'; this is 'Other'"),
        ({"ro_build_version_release": "16"}, [], "os 'Android 15'; this is 'Android 16'"),
        ({"ro_serialno": "another of the model"}, [], "is of phone"),
        ({}, ["--threads", "2"], "threads 1; this is 2"),
        ({}, ["--taskset", "f0"], "taskset None; this is 'f0'"),
        ({}, ["--runtime-version", "1.1"], "runtime_version '1.0'; this is '1.1'"),
    ],
)
def test_timings_of_two_phones_or_of_two_ways_are_not_mixed(begun, phone, elsewhere, options, told):
    before = (begun / "samples.json").read_bytes()
    done = measure(begun, phone | elsewhere, *options, "--rounds", "2")
    assert done.returncode == 1
    assert told in done.stderr
    assert (begun / "samples.json").read_bytes() == before


def test_the_serial_number_stays_unknown(begun):
    assert not any(b"SERIAL-42" in file.read_bytes() for file in begun.rglob("*") if file.is_file())


@pytest.fixture(scope="module", params=["fp16", pytest.param("fp32", marks=pytest.mark.slow)])
def coreml_kit(request, tmp_path_factory):
    """A kit of two paths instead of sixteen."""
    folder = tmp_path_factory.mktemp("kits") / request.param
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kit_module, "design_paths", lambda blocks, count: (PathSpec.full(4), PathSpec.shortest(4)))
        asked = subject("pam-minute", Target.COREML, Precision(request.param), 64, 96)
        return kit_module.write_kit(asked, folder).directory


def test_a_kit_states_the_hashes_of_what_is_timed_and_of_its_inputs(coreml_kit):
    stated = json.loads((coreml_kit / "kit.json").read_text())["files"]
    assert list(stated) == ["inputs/image.bin", "inputs/trimap.bin", "model.mlpackage"]
    assert stated == {name: content_hash(coreml_kit / name) for name in stated}


def test_what_a_kit_says_to_do_is_about_what_it_measures(coreml_kit):
    assert "plan --profile NAME --checkpoint pam-minute --size 64x96" in (coreml_kit / "README.md").read_text()


class Mac:
    """In place of the system on a Mac, and of what runs the kit's file there."""

    def __init__(self, patch, kit):
        self.kit, self.patch = kit, patch
        self.facts = {"hw.model": "Mac1,1", "machdep.cpu.brand_string": "M", "IOPlatformExpertDevice": self.uuid("1")}
        self.given, self.units = [], set()
        patch.setattr(subprocess, "run", lambda command, **options: SimpleNamespace(stdout=self.facts[command[-1]]))

    @staticmethod
    def uuid(name):
        return f'| {{ "IOPlatformUUID" = "{name}" }}'

    def run(self, *options):
        self.patch.setattr(sys, "argv", ["mac.py", *options])
        runpy.run_path(str(self.kit / "mac.py"), run_name="__main__")
        return json.loads((self.kit / "samples.json").read_text())


class CoreMLMac(Mac):
    """The reference runtime predicts, and refuses what it cannot take."""

    def __init__(self, patch, kit):
        super().__init__(patch, kit)
        patch.setattr("coremltools.models.MLModel", self.load)

    def load(self, file, *, compute_units, function_name):
        model = coreml.load(file)
        self.units.add(compute_units.name)

        def predict(inputs):
            self.given.append(model.predict(inputs, function_name)["alpha"])

        return SimpleNamespace(predict=predict)


class CoreAIMac(Mac):
    """Apple's runtime on this processor, which takes no options and knows no units, calls the function."""

    def __init__(self, patch, kit, is_supported=True):
        super().__init__(patch, kit)
        from coreai import runtime
        from coreai.authoring import AIModelAsset
        from coreai.runtime import InferenceFunction, SpecializationOptions

        executable, call = AIModelAsset.executable, InferenceFunction.__call__

        def recorded(asset, options=None):
            self.units |= {options} - {None}
            return executable(asset)

        async def called(function, inputs):
            outputs: dict[str, Any] = await call(function, inputs)
            path = "".join(f"{run:.0f}" for run in inputs["path"].numpy()) if "path" in inputs else ""
            self.given.append((path, np.array(outputs["alpha"].numpy())))
            return outputs

        patch.setattr(AIModelAsset, "executable", recorded)
        patch.setattr(InferenceFunction, "__call__", called)
        patch.setattr(SpecializationOptions, "is_supported", lambda: is_supported)
        patch.setattr(SpecializationOptions, "cpu_only", lambda: "cpu only")
        patch.setattr(SpecializationOptions, "from_preferred_compute_unit_kind", lambda kind: kind)
        kinds = SimpleNamespace(gpu=lambda: "gpu", neural_engine=lambda: "neural engine")
        patch.setattr(runtime, "ComputeUnitKind", kinds, raising=False)


@pytest.fixture
def mac(coreml_kit, monkeypatch):
    yield CoreMLMac(monkeypatch, coreml_kit)
    (coreml_kit / "samples.json").unlink(missing_ok=True)


@pytest.fixture(scope="module")
def coreai_kit(tmp_path_factory):
    return write_coreai_kit(tmp_path_factory.mktemp("kits") / "coreai", None)


def write_coreai_kit(folder, precision):
    """A kit of two paths instead of sixteen."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kit_module, "design_paths", lambda blocks, count: (PathSpec.full(4), PathSpec.shortest(4)))
        return kit_module.write_kit(subject("pam-minute", Target.COREAI, precision, 64, 96), folder).directory


@pytest.mark.parametrize(("unit", "asked"), [("neural_engine", "neural engine"), ("gpu", "gpu"), ("cpu", "cpu only")])
def test_a_core_ai_kit_gives_its_probe_each_path(coreai_kit, monkeypatch, unit, asked):
    mac = CoreAIMac(monkeypatch, coreai_kit)
    samples = mac.run("--rounds", "1", "--unit", unit)
    (coreai_kit / "samples.json").unlink()
    assert samples["target"] == "coreai"
    assert samples["compute_unit"] == unit
    assert mac.units == {asked}
    assert sorted(sample["path"] for sample in samples["samples"]) == ["0000", "1111"]
    SampleFile.model_validate(samples)
    picture = fit(bundled_pictures()[0], 64, 96)
    (file,) = coreai_kit.glob("*.aimodel")
    model = load_runtime(Target.COREAI).load(file, "probe", OF_PROBE, threads=1)
    given = list(mac.given)  # the runtime here calls the same function
    assert len(given) == 2 * 3 + 2
    for path, alpha in given:
        runs = np.array([float(run) for run in path], np.float32)
        assert np.array_equal(alpha.reshape(64, 96), model(picture.image, picture.trimap, runs)["alpha"])


def test_a_core_ai_kit_has_a_function_for_each_path_where_conditionals_do_not_take_the_precision(tmp_path, monkeypatch):
    kit = write_coreai_kit(tmp_path / "kit", Precision.W8)
    mac = CoreAIMac(monkeypatch, kit)
    samples = mac.run("--rounds", "1")
    assert samples["precision"] == "w8"
    assert sorted(sample["path"] for sample in samples["samples"]) == ["0000", "1111"]
    assert len({alpha.tobytes() for _, alpha in mac.given}) == 2


def test_a_core_ai_kit_says_nothing_of_core_ml(coreai_kit):
    readme = (coreai_kit / "README.md").read_text()
    assert "Core ML" not in readme
    assert "CoreAIMaker()" in readme
    assert "mac.py --unit neural_engine" in readme


def test_an_older_mac_is_told_what_core_ai_takes(coreai_kit, monkeypatch):
    mac = CoreAIMac(monkeypatch, coreai_kit, is_supported=False)
    with pytest.raises(SystemExit, match="Expected macOS 27 or later"):
        mac.run("--rounds", "1")


def test_a_core_ml_kit_feeds_what_its_package_takes(mac):
    samples = mac.run("--rounds", "1")
    assert samples["compute_unit"] == {"fp16": "neural_engine", "fp32": "gpu"}[samples["precision"]]
    assert mac.units == {{"fp16": "CPU_AND_NE", "fp32": "CPU_AND_GPU"}[samples["precision"]]}
    assert sorted(sample["path"] for sample in samples["samples"]) == ["0000", "1111"]
    picture = fit(bundled_pictures()[0], 64, 96)
    (file,) = mac.kit.glob("*.mlpackage")
    model = load_runtime(Target.COREML).load(file, "path_1111", OF_STATIC, threads=1)
    expected = model(picture.image, picture.trimap)["alpha"]
    assert any(np.array_equal(np.asarray(alpha, np.float32).reshape(64, 96), expected) for alpha in mac.given)
    SampleFile.model_validate_json((mac.kit / "samples.json").read_text())
    assert f"--unit {samples['compute_unit']}" in (mac.kit / "README.md").read_text()


@pytest.mark.parametrize(
    ("fact", "value", "options", "told"),
    [
        ("hw.model", "Mac2,2", [], "device 'Mac1,1'; this is 'Mac2,2'"),
        ("machdep.cpu.brand_string", "M9", [], "soc 'M'; this is 'M9'"),
        ("IOPlatformExpertDevice", Mac.uuid("2"), [], "is of mac"),
        ("hw.model", "Mac1,1", ["--unit", "cpu"], "this is 'cpu'"),
    ],
)
def test_timings_of_two_macs_or_of_two_units_are_not_mixed(mac, fact, value, options, told):
    before = mac.run("--rounds", "1")
    mac.facts[fact] = value
    with pytest.raises(SystemExit) as stopped:
        mac.run(*options, "--rounds", "2")
    assert told in str(stopped.value)
    assert json.loads((mac.kit / "samples.json").read_text()) == before


def test_a_core_ml_kit_goes_on_where_it_stopped(mac):
    mac.run("--rounds", "1")
    assert [sample["round"] for sample in mac.run("--rounds", "3")["samples"]] == [0, 0, 1, 1, 2, 2]


def test_the_neural_engine_is_not_measured_in_fp32(mac, capsys):
    if mac.kit.name == "fp16":
        assert mac.run("--unit", "neural_engine", "--rounds", "1")["compute_unit"] == "neural_engine"
        return
    with pytest.raises(SystemExit):
        mac.run("--unit", "neural_engine")
    assert "half precision only" in capsys.readouterr().err


def test_a_dry_run_prints_the_commands_and_needs_no_phone(kit):
    done = measure(kit, {}, "--dry-run")
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert len(lines) == 16
    assert all(line.startswith("adb shell /data/local/tmp/pam-edge/runner --") for line in lines)


def test_a_runner_that_prints_no_time_is_told(kit, tmp_path):
    adb = tmp_path / "adb"
    adb.write_text("#!/bin/sh\necho something else\n")
    adb.chmod(0o755)
    kit = shutil.copytree(kit, tmp_path / "kit", ignore=shutil.ignore_patterns("samples.json"))
    done = measure(kit, {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"})
    assert done.returncode == 1
    assert "printed no time" in done.stderr
    assert not (kit / "samples.json").exists()


def test_a_folder_that_holds_something_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    result = runner.invoke(app, f"profile kit --target tflite --checkpoint pam-minute -o {tmp_path}".split())
    assert isinstance(result.exception, UsageError)
    assert [file.name for file in tmp_path.iterdir()] == ["mine.txt"]
