import json
import shlex

import pytest
from pydantic import ValidationError
from typer.testing import CliRunner

from pam_edge.cli.main import app
from pam_edge.device_profiles import load_profile
from pam_edge.device_profiles.schema import DeviceProfile
from pam_edge.errors import ProfileError
from pam_edge.measuring.import_samples import import_samples
from pam_edge.planning.conditions import Conditions
from pam_edge.planning.device_costs import profile_costs
from pam_edge.supernet.path import PathSpec
from pam_edge.supernet.variants import VARIANTS
from pam_edge.targets import Target
from pam_edge.terms import Precision, Provenance


@pytest.fixture
def source(tmp_path, simulated_device):
    file = tmp_path / "samples.json"
    file.write_text(json.dumps(simulated_device().file()))
    return file


def change(source, **fields):
    source.write_text(json.dumps(json.loads(source.read_text()) | fields))
    return source


def test_imported_samples_become_a_profile_that_predicts_the_device(source, user_profiles, simulated_device):
    done = import_samples(source, "phone", user_profiles / "phone.toml")
    profile = load_profile("phone")
    assert profile == done.profile
    assert profile.provenance is Provenance.IMPORTED
    costs = profile_costs(profile, Conditions(VARIANTS["pam-minute"], 256, 256, Target.TFLITE, Precision.FP32))
    device = simulated_device()
    for path in PathSpec.all(4):
        assert costs.cost(path) == pytest.approx(device.cost(path), rel=0.01)
    assert costs.margin > 0


def test_the_provenance_says_what_was_fitted(source, user_profiles):
    table = import_samples(source, "phone", user_profiles / "phone.toml").table
    assert table.provenance.samples == 16 * 12
    assert (table.provenance.paths, table.provenance.held_out_paths) == (16, 6)
    assert 0 < table.provenance.held_out_median_error_pct < 1
    assert table.provenance.source == "samples.json, made by a simulation"


def test_the_same_samples_give_the_same_file(source, user_profiles):
    files = [user_profiles / "phone.toml", user_profiles / "again" / "phone.toml"]
    for file in files:
        import_samples(source, "phone", file)
    assert files[0].read_bytes() == files[1].read_bytes()


@pytest.mark.parametrize("option", [[], ["-o", "my profiles/phone.toml"]])
def test_the_command_says_how_the_profile_is_named_to_others(source, user_profiles, tmp_path, monkeypatch, option):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["profile", "import", str(source), *option])
    said = shlex.split(result.stdout.splitlines()[-1])
    assert said[-2] == "--profile"
    assert load_profile(said[-1]).provenance is Provenance.IMPORTED


def test_another_size_is_added_and_the_same_conditions_replaced(source, user_profiles):
    file = user_profiles / "phone.toml"
    import_samples(source, "phone", file)
    assert import_samples(source, "phone", file).replaced
    added = import_samples(change(source, height=512), "phone", file)
    assert not added.replaced
    assert [table.height for table in load_profile("phone").measurements] == [256, 512]


@pytest.mark.parametrize(
    "other",
    [
        {"compute_unit": "neural_engine"},
        {"compute_unit": "gpu"},
        {"threads": 2},
        {"precision": "fp16"},
        {"height": 512},
        {"width": 512},
        {"target": "executorch"},
    ],
)
def test_tables_of_other_conditions_live_side_by_side_and_each_is_replaced_alone(source, user_profiles, other):
    file, first = user_profiles / "phone.toml", {"target": "coreml", "compute_unit": "cpu"}
    import_samples(change(source, **first), "phone", file)
    assert not import_samples(change(source, **first | other), "phone", file).replaced
    tables = load_profile("phone").measurements
    assert [[getattr(table, key) for key in other] for table in tables] == [
        [getattr(tables[0], key) for key in other],
        list(other.values()),
    ]
    again = import_samples(change(source, **first | other, runtime_version="99"), "phone", file)
    assert again.replaced
    assert [table.runtime_version for table in again.profile.measurements] == ["2.3.0", "99"]


def test_two_tables_for_the_same_conditions_are_no_profile(measured_profile):
    (table,) = measured_profile.measurements
    newer = table.model_copy(update={"runtime_version": "99"})
    data = measured_profile.model_dump() | {"measurements": (table, newer)}
    with pytest.raises(ValidationError, match="one table is expected for each target, compute unit"):
        DeviceProfile.model_validate(data)


def test_samples_of_another_device_do_not_mix(source, user_profiles):
    file = user_profiles / "phone.toml"
    import_samples(source, "phone", file)
    before = file.read_bytes()
    with pytest.raises(ProfileError, match="Give another --name"):
        import_samples(change(source, device="Other phone"), "phone", file)
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda text: text[: len(text) // 2], "not complete JSON"),
        (lambda text: "", "not complete JSON"),
        (
            lambda text: text.replace('"latency_ms": ', '"latency_ms": -', 1),
            r"samples\.0\.latency_ms: .*greater than 0",
        ),
        (lambda text: text.replace('"height": 256', '"height": 250'), "height: .*multiple of 32"),
        (lambda text: text.replace('"threads": 1', '"threads": 0'), "threads"),
        (lambda text: text.replace('"threads": 1', '"threads": 1, "colour": "red"'), "colour: .*not permitted"),
        (lambda text: text.replace('"path": "', '"path": "2', 1), r"samples\.0\.path"),
        (lambda text: text.replace('"path": "', '"path": "1', 1), "paths of one length"),
        (lambda text: text.replace('"variant": "pam-minute"', '"variant": "pam-tiny"'), "are of another network"),
        (lambda text: text.replace('"variant": "pam-minute"', '"variant": "u-net"'), "one of the variants"),
        (lambda text: text.replace('"schema_version": 1', '"schema_version": 9'), "schema_version"),
    ],
)
def test_damaged_samples_are_refused_and_nothing_is_written(source, user_profiles, damage, reason):
    source.write_text(damage(source.read_text()))
    with pytest.raises(ProfileError, match=reason):
        import_samples(source, "phone", user_profiles / "phone.toml")
    assert not user_profiles.exists()


@pytest.mark.parametrize("latency", ["NaN", "Infinity", "null", '"12"', "0"])
def test_a_latency_that_is_none_is_refused(source, user_profiles, latency):
    data = json.loads(source.read_text())
    data["samples"][5]["latency_ms"] = "HERE"
    source.write_text(json.dumps(data).replace('"HERE"', latency))
    with pytest.raises(ProfileError, match=r"samples\.5\.latency_ms"):
        import_samples(source, "phone", user_profiles / "phone.toml")
    assert not user_profiles.exists()


def test_samples_of_static_graphs_alone_are_refused(source, user_profiles):
    samples = [row | {"graph": "static"} for row in json.loads(source.read_text())["samples"]]
    with pytest.raises(ProfileError, match="Expected timings of the probe"):
        import_samples(change(source, samples=samples), "phone", user_profiles / "phone.toml")
    assert not user_profiles.exists()


def test_static_graphs_that_run_against_the_probe_are_refused(source, user_profiles):
    samples = json.loads(source.read_text())["samples"]
    backwards = {"1111": 10.0, "0000": 20.0}
    static = [
        row | {"graph": "static", "latency_ms": backwards[row["path"]]} for row in samples if row["path"] in backwards
    ]
    with pytest.raises(ProfileError, match="static graphs to take longer"):
        import_samples(change(source, samples=samples + static), "phone", user_profiles / "phone.toml")
    assert not user_profiles.exists()


@pytest.mark.parametrize(
    ("name", "file"), [("MyPC", "MyPC.toml"), ("Laptop", "Laptop.toml"), ("phone", "other.toml"), ("", ".toml")]
)
def test_a_name_that_could_not_be_read_back_is_refused(source, user_profiles, name, file):
    with pytest.raises(ProfileError, match=r"Expected a .*name.*--name"):
        import_samples(source, name, user_profiles / file)
    assert not user_profiles.exists()


def test_samples_that_no_costs_per_block_explain_are_refused(source, user_profiles, simulated_device):
    data = simulated_device(noise=0.0).file()
    data["samples"] = [row | {"latency_ms": 10.0 + 90.0 * (row["path"].count("1") % 2)} for row in data["samples"]]
    source.write_text(json.dumps(data))
    with pytest.raises(ProfileError, match="held-out paths"):
        import_samples(source, "phone", user_profiles / "phone.toml")
    assert not user_profiles.exists()


def test_a_folder_that_cannot_be_written_is_named(source, tmp_path):
    (tmp_path / "blocked").write_text("a file, not a folder")
    with pytest.raises(ProfileError, match="cannot be written"):
        import_samples(source, "phone", tmp_path / "blocked" / "phone.toml")


def test_a_write_that_fails_leaves_the_old_profile_and_nothing_else(source, user_profiles, monkeypatch):
    file = user_profiles / "phone.toml"
    import_samples(source, "phone", file)
    before = file.read_bytes()

    def full_disk(descriptor):
        raise OSError("No space left on device")

    monkeypatch.setattr("os.fsync", full_disk)
    with pytest.raises(ProfileError, match="No space left"):
        import_samples(change(source, height=512), "phone", file)
    assert {path.name: path.read_bytes() for path in user_profiles.iterdir()} == {"phone.toml": before}


def test_missing_samples_are_refused(tmp_path):
    with pytest.raises(ProfileError, match="cannot be read"):
        import_samples(tmp_path / "none.json", "phone", tmp_path / "phone.toml")
