"""Measuring this machine: real converter, real runtime, the minute variant."""

import dataclasses
import json

import pytest
from typer.testing import CliRunner

from pam_edge.cli.main import app
from pam_edge.device_profiles.loader import load_profile, read_profile
from pam_edge.device_profiles.writer import write_profile
from pam_edge.errors import ProfileError, UsageError
from pam_edge.measuring import host, measure, timing
from pam_edge.measuring.draft import Round, append_round, read_rounds
from pam_edge.planning.device_costs import measured_costs
from pam_edge.supernet.path import PathSpec
from pam_edge.targets import Target
from pam_edge.terms import Precision, Provenance

runner = CliRunner()


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch):
    monkeypatch.setenv("PAM_EDGE_PROFILES", str(tmp_path / "profiles"))
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


def test_an_interrupted_measurement_goes_on_and_gives_a_profile_that_plans(folders, monkeypatch):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(measure, "run_in_worker", interrupted)
        with pytest.raises(KeyboardInterrupt):
            measure.measure(request())
    (folder,) = (folders / "cache").rglob("measurements/*")
    assert len(list(folder.rglob("*.tflite"))) == 2  # the probe and the static graphs, which are not made again
    append_round(folder / "rounds.jsonl", Round([("probe", "1111", 5.0)], None))
    seen = []
    done = measure.measure(request(), lambda step, rounds: seen.append(rounds))
    assert max(map(len, seen)) > 1
    assert not folder.exists()
    assert done.table.provenance.kind is Provenance.MEASURED
    assert done.table.provenance.paths == 16
    assert {each.session for each in seen[-1]} >= {1, 2}, "sessions go on after the one that was interrupted"
    assert done.table.static_graphs.paths == 2
    assert read_profile(host.host_file()) == done.profile
    assert host.is_measured(Target.TFLITE, Precision.FP32, 256, 256, "pam-minute")
    assert not host.is_measured(Target.TFLITE, Precision.FP32, 512, 512, "pam-minute")
    costs = measured_costs(done.table)
    result = runner.invoke(
        app, f"plan --profile host --checkpoint pam-minute --budget {costs.full + costs.margin + 1e-6}ms --json".split()
    )
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["plans"][0]["path"] == str(PathSpec.full(4))


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
    machine = host.this_machine()
    named = {"name": host.NAME, "device": machine.device, "soc": machine.soc} | elsewhere
    profile = measured_profile.model_copy(update=named)
    write_profile(profile, host.host_file())
    assert host.is_this_machine(profile) == (not elsewhere)
    assert host.is_measured(Target.TFLITE, Precision.FP32, 512, 512, "pam-minute") == (not elsewhere)
    measure._forget_other_machine(request())
    assert host.host_file().exists() == (not elsewhere)


def test_a_damaged_profile_is_not_this_machines(folders):
    assert not host.is_measured(Target.TFLITE, Precision.FP32, 256, 256, "pam-minute")  # no file at all
    host.host_file().parent.mkdir(parents=True)
    host.host_file().write_text("damaged")
    assert not host.is_measured(Target.TFLITE, Precision.FP32, 256, 256, "pam-minute")
    measure._forget_other_machine(request())
    assert not host.host_file().exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"target": Target.COREML}, "profile kit"),
        ({"height": 100}, "multiples of 32"),
        ({"threads": 0}, "one thread"),
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
