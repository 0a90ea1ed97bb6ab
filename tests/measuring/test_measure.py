"""Measuring this machine: what is taken, what survives an interruption, and what becomes of the profile there."""

import dataclasses
import json
import threading

import pytest
from typer.testing import CliRunner

from pam_edge.cli.main import app
from pam_edge.device_profiles.loader import load_profile, read_profile
from pam_edge.device_profiles.writer import write_profile
from pam_edge.errors import ProfileError, UsageError
from pam_edge.measuring import host, measure, probe, timing
from pam_edge.measuring.draft import Round, append_round, read_rounds
from pam_edge.measuring.path_design import design_paths
from pam_edge.measuring.path_times import LEAST_SAMPLES
from pam_edge.planning.device_costs import measured_costs
from pam_edge.supernet.path import PathSpec
from pam_edge.supernet.variants import VARIANTS
from pam_edge.targets import Target
from pam_edge.terms import ComputeUnit, Precision, Provenance
from pam_edge.workers import run_in_worker
from tests.simulated_device import SimulatedDevice

runner = CliRunner()


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


def request(**changes):
    fields = {
        "checkpoint": "pam-minute",
        "target": Target.TFLITE,
        "precision": Precision.FP32,
        "height": 256,
        "width": 256,
        "threads": 1,
        "limit_s": 8.0,
        "name": host.NAME,
        "file": host.host_file(),
    }
    return measure.MeasureRequest(**(fields | changes))


@pytest.fixture
def simulated(monkeypatch):
    """Measure a simulated device: nothing is converted, and no clock is read."""

    def make(measured, *arguments):
        folder = arguments[-1]
        folder.mkdir(parents=True)
        (folder / "made.tflite").write_bytes(b"a graph")
        return folder / "made.tflite"

    device = SimulatedDevice(noise=0.003)
    monkeypatch.setattr(measure, "make_probe", make)
    monkeypatch.setattr(measure, "make_static", make)
    monkeypatch.setattr(measure, "run_in_worker", lambda function, payload, **options: device.take_rounds(payload))
    return device


def draft_folder(folders):
    (folder,) = (folders / "cache").rglob("measurements/*")
    return folder


@pytest.mark.parametrize("sessions", range(measure.SESSIONS))
def test_an_interrupted_measurement_goes_on_and_gives_a_profile_that_plans(folders, simulated, monkeypatch, sessions):
    """Interrupted in the session after so many; the graphs are then not made again, and no round is lost."""

    def interrupted(function, payload, **options):
        if payload["session"] == sessions:
            raise KeyboardInterrupt
        return simulated.take_rounds(payload)

    with monkeypatch.context() as patch:
        patch.setattr(measure, "run_in_worker", interrupted)
        with pytest.raises(KeyboardInterrupt):
            measure.measure(request())
    taken = read_rounds(draft_folder(folders) / "rounds.jsonl")
    assert [each.session for each in taken] == [session for session in range(sessions) for _ in range(3)]
    assert len(list(draft_folder(folders).rglob("*.tflite"))) == 2
    monkeypatch.setattr(measure, "make_probe", None)
    monkeypatch.setattr(measure, "make_static", None)
    done = measure.measure(request())
    assert not list((folders / "cache").rglob("measurements/*"))
    assert done.table.provenance.kind is Provenance.MEASURED
    assert (done.table.provenance.paths, done.table.provenance.samples) == (16, 3 * measure.SESSIONS * 18)
    assert done.table.static_graphs.paths == 2
    assert done.table.static_graphs.scale == pytest.approx(0.95, abs=0.02)
    assert read_profile(host.host_file()) == done.profile
    assert host.is_measured(Target.TFLITE, Precision.FP32, 256, 256, "pam-minute")
    assert not host.is_measured(Target.TFLITE, Precision.FP32, 512, 512, "pam-minute")
    costs = measured_costs(done.table, dynamic=True)
    for path in PathSpec.all(4):
        assert costs.cost(path) == pytest.approx(simulated.cost(path), rel=0.02)
    budget = measured_costs(done.table).full + measured_costs(done.table).margin + 1e-6
    result = runner.invoke(app, f"plan --profile host --checkpoint pam-minute --budget {budget}ms --json".split())
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["plans"][0]["path"] == str(PathSpec.full(4))


def test_progress_is_told_while_rounds_are_taken(folders, simulated, monkeypatch):
    told = threading.Event()

    def take_rounds_and_wait(function, payload, **options):
        found = simulated.take_rounds(payload)
        told.wait()
        return found

    monkeypatch.setattr(measure, "run_in_worker", take_rounds_and_wait)
    measure.measure(request(), lambda step, rounds: told.set() if rounds else None)
    assert told.is_set()


@pytest.mark.slow
def test_the_worker_takes_rounds_of_the_real_graphs(tmp_path):
    """Real converter and real runtime; how long the calls take is judged nowhere."""
    paths = [str(path) for path in design_paths(4, 16)]
    measured = probe.subject("pam-minute", Target.TFLITE, Precision.FP32, 64, 64)
    static_paths = tuple(PathSpec.parse(path) for path in paths[:2])
    payload = measure._make_files(measured, static_paths, tmp_path, lambda step: None) | {
        "target": Target.TFLITE,
        "threads": 1,
        "paths": paths,
        "static_paths": paths[:2],
        "bypass_shares": [0.1] * 4,
        "draft": str(tmp_path / "rounds.jsonl"),
        "session": 2,
        "limit_s": 1e-9,
    }
    found = run_in_worker("pam_edge.measuring.timing:time_in_worker", payload)
    assert "XNNPACK" in found["ran_on"]
    rounds = read_rounds(tmp_path / "rounds.jsonl")
    assert len(rounds) == LEAST_SAMPLES  # the fewest that give costs, when the time is up at once
    expected = sorted([("probe", path) for path in paths] + [("static", path) for path in paths[:2]])
    for each in rounds:
        assert sorted((graph, path) for graph, path, _ in each.timings) == expected
        assert all(ms > 0 for _, _, ms in each.timings)
        assert each.session == 2
    assert [path for _, path, _ in rounds[0].timings] != [path for _, path, _ in rounds[1].timings]


@pytest.mark.slow
def test_this_machine_can_be_measured(folders):
    """Needs a machine that does little else."""
    done = measure.measure(request())
    assert done.table.provenance.paths == 16
    assert done.table.provenance.held_out_median_error_pct < 10
    assert done.table.static_graphs.paths == 2


def test_a_draft_keeps_whole_rounds_and_no_half_one(tmp_path):
    draft = tmp_path / "rounds.jsonl"
    rounds = [Round([("probe", "10", 1.5), ("static", "11", 2.5)], None), Round([("probe", "10", 1.25)], 0.5)]
    for each in rounds:
        append_round(draft, each)
    with draft.open("a") as file:
        file.write('{"timings": [["probe", "1')
    found = read_rounds(draft)
    assert [each.error_pct for each in found] == [None, 0.5]
    samples = timing.as_samples(found)
    assert [(s.graph, s.path, s.round, s.latency_ms) for s in samples] == [
        ("probe", "10", 0, 1.5),
        ("static", "11", 0, 2.5),
        ("probe", "10", 1, 1.25),
    ]


def test_rounds_after_a_torn_line_count(tmp_path):
    draft = tmp_path / "rounds.jsonl"
    append_round(draft, Round([("probe", "10", 1.5)], None))
    with draft.open("a") as file:
        file.write('{"timings": [["probe", "1')
    for milliseconds in (2.5, 3.5):
        append_round(draft, Round([("probe", "10", milliseconds)], None, session=1))
    assert [sample.latency_ms for sample in timing.as_samples(read_rounds(draft))] == [1.5, 2.5, 3.5]


def test_rounds_end_when_costs_are_known_or_there_are_many():
    known, unknown = Round([], timing.ENOUGH_PCT / 2), Round([], timing.ENOUGH_PCT * 2)
    assert not timing._is_enough([])
    assert not timing._is_enough([known] * (timing.LEAST_ROUNDS - 1))
    assert timing._is_enough([known] * timing.LEAST_ROUNDS)
    assert not timing._is_enough([unknown] * timing.LEAST_ROUNDS)
    assert timing._is_enough([unknown] * timing.MOST_ROUNDS)


@pytest.mark.parametrize("elsewhere", [{}, {"device": "another machine"}, {"soc": "another processor, 8 cores"}])
def test_a_profile_of_another_machine_is_not_this_ones(measured_profile, elsewhere):
    write_host_profile(measured_profile, elsewhere)
    assert host.is_this_machine(read_profile(host.host_file())) == (not elsewhere)
    assert host.is_measured(Target.TFLITE, Precision.FP32, 512, 512, "pam-minute") == (not elsewhere)


def test_a_table_of_another_compute_unit_does_not_make_this_machine_measured(measured_profile):
    (table,) = measured_profile.measurements
    gpu = table.model_copy(update={"compute_unit": ComputeUnit.GPU})
    write_host_profile(measured_profile.model_copy(update={"measurements": (gpu,)}), {})
    assert not host.is_measured(Target.TFLITE, Precision.FP32, 512, 512, "pam-minute")


def write_host_profile(profile, elsewhere):
    machine = host.this_machine()
    named = {"name": host.NAME, "device": machine.device, "soc": machine.soc} | elsewhere
    write_profile(profile.model_copy(update=named), host.host_file())


def test_measuring_adds_to_this_machines_profile(simulated, measured_profile):
    write_host_profile(measured_profile, {})
    done = measure.measure(request())
    assert done.set_aside is None
    assert [table.height for table in load_profile("host").measurements] == [512, 256]


def of_another_machine(file, profile):
    write_host_profile(profile, {"device": "another machine"})


def of_another_version(file, profile):
    write_host_profile(profile, {})
    file.write_text(file.read_text().replace("schema_version = 1", "schema_version = 2"))


def of_an_earlier_network(file, profile):
    write_host_profile(profile, {})
    file.write_text(file.read_text().replace(VARIANTS["pam-minute"].architecture_hash(), "0123456789ab"))


def damaged(file, profile):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"damaged \xff")


@pytest.mark.parametrize("write", [of_another_machine, of_another_version, of_an_earlier_network, damaged])
def test_a_profile_that_cannot_take_the_measurement_is_kept(simulated, measured_profile, write):
    file = host.host_file()
    for number in (1, 2):  # a second one does not take the place of the first
        write(file, measured_profile)
        assert not host.is_measured(Target.TFLITE, Precision.FP32, 256, 256, "pam-minute")
        before = file.read_bytes()
        done = measure.measure(request())
        assert done.set_aside == file.with_name(f"host.toml.kept-{number}")
        assert done.set_aside.read_bytes() == before
        assert load_profile("host") == done.profile


def test_a_measurement_that_gives_no_costs_leaves_the_profile_where_it_is(simulated, monkeypatch):
    damaged(host.host_file(), None)
    monkeypatch.setattr(simulated, "noise", 0.5)
    with pytest.raises(ProfileError):
        measure.measure(request())
    assert [file.name for file in host.host_file().parent.iterdir()] == ["host.toml"]


@pytest.mark.parametrize("write", [of_another_machine, damaged])
def test_another_profile_that_cannot_take_the_measurement_is_refused_first(folders, measured_profile, write):
    write(host.host_file(), measured_profile)
    mine = folders / "mine.toml"
    mine.write_bytes(host.host_file().read_bytes().replace(b'name = "host"', b'name = "mine"'))
    with pytest.raises(ProfileError, match=r"mine\.toml"):
        measure.measure(request(name="mine", file=mine))
    assert not (folders / "cache").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"target": Target.COREML}, "profile kit"),
        ({"height": 100}, "multiples of 32"),
        ({"threads": 0}, "threads"),
        ({"limit_s": float("nan")}, "time limit"),
    ],
)
def test_what_cannot_be_measured_is_refused_before_anything_is_done(folders, changes, message):
    with pytest.raises(UsageError, match=message):
        measure.measure(dataclasses.replace(request(), **changes))
    assert not (folders / "cache").exists()


@pytest.mark.parametrize(
    ("name", "file", "message"),
    [
        ("MyPC", "MyPC.toml", "lower-case letters.*got 'MyPC'"),
        ("Laptop", "Laptop.toml", "got 'Laptop'"),
        ("laptop", "desktop.toml", r"laptop\.toml.*got desktop\.toml"),
    ],
)
def test_a_name_that_no_profile_can_have_is_refused_before_anything_is_done(folders, name, file, message):
    with pytest.raises(ProfileError, match=message):
        measure.measure(request(name=name, file=folders / file))
    assert list(folders.iterdir()) == []


def test_an_unknown_profile_is_not_measured():
    with pytest.raises(ProfileError, match="Known names"):
        load_profile("hostt")
