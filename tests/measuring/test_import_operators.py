import dataclasses
import json
import re
from functools import partial

import pytest

from pam_edge.delivery.artifact.manifest import read_manifest
from pam_edge.delivery.convert import convert
from pam_edge.device_profiles import load_profile
from pam_edge.errors import ProfileError, UsageError
from pam_edge.measuring.import_operators import Device, import_operator_profiles
from pam_edge.measuring.operator_profile import FIXED, by_part, convolution_parts, read_operator_times
from pam_edge.planning.budget import parse_budget
from pam_edge.planning.conditions import Conditions
from pam_edge.planning.device_costs import profile_costs
from pam_edge.supernet.path import PathSpec
from pam_edge.supernet.variants import VARIANTS
from pam_edge.targets import Target
from pam_edge.terms import Provenance
from tests.conftest import minute_request

CONFIG = VARIANTS["pam-minute"]
PATHS = {"full": "1111", "middle": "1010", "shortest": "0000"}
RUN, BYPASS = 0.5, 0.125
DEVICE = Device("Phone", "Chip", "Android 15", "2.1", threads=1)
HEADER = "node type, first, avg_ms, %, cdf%, mem KB, times called, name"


def csv_profile(path: str) -> str:
    """Return what ``benchmark_model`` writes for a path of which the costs are known, with commas as it leaves them.

    A convolution of the fixed part takes 1 ms; a block's share its cost evenly; another operator follows each. First
    calls take three times as long as the others.
    """
    spec = PathSpec.parse(path)
    parts = convolution_parts(CONFIG, 64, 64, spec)
    rows = ["TfLiteXNNPackDelegate, 27, 9, 50%, 50%, 0, 1, [alpha]:0"]
    for part in parts:
        cost = 1.0 if part == FIXED else (RUN if spec.runs[part] else BYPASS) / parts.count(part)
        for kind, share in (("Convolution (NHWC, F32) IGEMM", 0.75), ("Clamp (NC, F32)", 0.25)):
            name = f"Delegate/{kind}:{len(rows)}".replace(",", "\t")
            rows.append(f"{kind}, {3 * share * cost}, {share * cost}, 1%, 1%, 0, 1, {name}")
    title = "============================== {} =============================="
    loading = [title.format("Run Order"), HEADER, "ModifyGraphWithDelegate, 5, 5, 100%, 100%, 0, 1, X", ""]
    regular = ["Operator-wise Profiling Info for Regular Benchmark Runs:", title.format("Run Order"), HEADER, *rows]
    return "\n".join([*loading, *regular, "", title.format("Top by Computation Time"), HEADER, *rows])


@pytest.fixture
def artifact(multi_artifacts, tmp_path):
    """A folder whose manifest names three paths at 64x64; the importer reads nothing else of it."""
    made = json.loads((multi_artifacts[Target.TFLITE].directory / "manifest.json").read_text())
    entry = made["entry_points"][0]
    entry["width"] = 64
    for tensor in (*entry["inputs"], *entry["outputs"]):
        tensor["shape"] = [64 if side == 96 else side for side in tensor["shape"]]
    made["entry_points"] = [entry | {"name": name, "path": path} for name, path in PATHS.items()]
    directory = tmp_path / "artifact"
    directory.mkdir()
    (directory / "manifest.json").write_text(json.dumps(made))
    return directory


@pytest.fixture
def profiles(tmp_path):
    files = [tmp_path / f"{name}.csv" for name in PATHS]
    for file in files:
        file.write_text(csv_profile(PATHS[file.stem]))
    return files


def run_import(artifact, profiles, user_profiles):
    return import_operator_profiles(artifact, profiles, DEVICE, "phone", user_profiles / "phone.toml")


def test_blocks_get_the_time_of_their_operators(artifact, profiles, user_profiles):
    table = run_import(artifact, profiles, user_profiles).table
    assert [block.run_ms for block in table.blocks] == pytest.approx([RUN] * CONFIG.block_count)
    assert [block.bypass_ms for block in table.blocks] == pytest.approx([BYPASS] * CONFIG.block_count)
    assert table.fixed_ms == convolution_parts(CONFIG, 64, 64, PathSpec.parse("1111")).count(FIXED)
    assert table.provenance.held_out_worst_error_pct == pytest.approx(0, abs=1e-9)
    assert (table.provenance.paths, table.provenance.held_out_paths) == (3, 1)


def test_the_profile_serves_the_planner(artifact, profiles, user_profiles):
    run_import(artifact, profiles, user_profiles)
    profile = load_profile("phone")
    assert profile.provenance is Provenance.IMPORTED
    precision = read_manifest(artifact).precision
    costs = profile_costs(profile, Conditions(CONFIG, 64, 64, Target.TFLITE, precision))
    assert costs.cost(PathSpec.parse("1111")) - costs.cost(PathSpec.parse("0111")) == pytest.approx(RUN - BYPASS)


def renamed(profiles):
    return [*profiles[:2], profiles[2].rename(profiles[2].with_stem("other"))]


def with_one_convolution_less(profiles):
    lines = profiles[1].read_text().splitlines()
    lines.remove(next(line for line in lines if line.startswith("Convolution")))  # of those in order
    profiles[1].write_text("\n".join(lines))
    return profiles


def with_other_numbers(profiles, text):
    profiles[1].write_text(profiles[1].read_text().replace(", 0.75,", f", {text},"))
    return profiles


def without_any_time(profiles):
    profiles[1].write_text(re.sub(r", [0-9.]+, [0-9.]+, 1%", ", 0.0, 0.0, 1%", profiles[1].read_text()))
    return profiles


def without_operators(profiles):
    profiles[1].write_text("Inference timings in us: Init: 1, First inference: 2\n")
    return profiles


def as_a_damaged_etdump(profiles):
    file = profiles[1].rename(profiles[1].with_suffix(".etdp"))
    file.write_bytes(b"not a dump")
    return [profiles[0], file, profiles[2]]


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (renamed, "named after entry points .full, middle, shortest.; got other.csv"),
        (lambda profiles: profiles[:2], "three paths or more"),
        (lambda profiles: [profiles[0], profiles[0], profiles[1]], "three paths or more"),
        (with_one_convolution_less, r"middle.csv: expected the \d+ convolutions .* it has \d+"),
        (
            partial(with_other_numbers, text="soon"),
            r"middle.csv, line \d+: expected a number as avg_ms of 'Conv.* got 'soon'",
        ),
        (partial(with_other_numbers, text="nan"), r"middle.csv: expected milliseconds for 'Convolution .* got nan"),
        (partial(with_other_numbers, text="-0.75"), r"middle.csv: expected milliseconds for 'Convolution .* got -0.75"),
        (without_any_time, r"middle.csv: expected operators that take time"),
        (without_operators, "holds no operators"),
        (lambda profiles: [*profiles[:2], profiles[2].with_name("shortest.txt")], "Expected an operator profile"),
        (
            lambda profiles: [*profiles[:2], profiles[2].with_stem("shortest").with_suffix(".etdp")],
            "There is no operator",
        ),
        (as_a_damaged_etdump, "not a readable ETDump"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_written(artifact, profiles, user_profiles, damage, reason):
    with pytest.raises(ProfileError, match=reason):
        run_import(artifact, damage(profiles), user_profiles)
    assert not (user_profiles / "phone.toml").exists()


@pytest.mark.parametrize(("name", "file"), [("Phone", "Phone.toml"), ("phone", "other.toml")])
def test_a_name_that_no_profile_can_have_is_refused(artifact, profiles, tmp_path, name, file):
    with pytest.raises(ProfileError, match=r"Expected a .*name"):
        import_operator_profiles(artifact, profiles, DEVICE, name, tmp_path / file)
    assert not (tmp_path / file).exists()


@pytest.mark.parametrize(("changes", "found"), [({"threads": 0}, "0 threads"), ({"soc": ""}, "no soc")])
def test_a_device_without_what_the_profile_needs_is_refused(changes, found):
    with pytest.raises(UsageError, match=f"got {found}"):
        dataclasses.replace(DEVICE, **changes)


def test_blocks_that_no_path_tells_are_named(artifact, profiles, user_profiles):
    made = json.loads((artifact / "manifest.json").read_text())
    made["entry_points"][2]["path"] = "0010"
    (artifact / "manifest.json").write_text(json.dumps(made))
    profiles[2].write_text(csv_profile("0010"))
    with pytest.raises(ProfileError, match=f"do not tell the cost of {CONFIG.block_names[2]}:"):
        run_import(artifact, profiles, user_profiles)


def test_an_artifact_without_operator_order_is_sent_to_the_kit(multi_artifacts, profiles, user_profiles):
    with pytest.raises(ProfileError, match="profile kit"):
        run_import(multi_artifacts[Target.COREML].directory, profiles, user_profiles)


@pytest.mark.slow
def test_a_dump_of_the_real_runtime_is_read(tmp_path, user_profiles):
    """The runtime writes the dumps; its clock ticks in microseconds, so pictures are large enough for each block."""
    import torch
    from executorch.extension.pybindings.portable_lib import _load_for_executorch

    budgets = tuple(map(parse_budget, ("100%", "70%", "38.4%")))
    size = 256
    request = minute_request(tmp_path / "made", targets=(Target.EXECUTORCH,), budgets=budgets, height=size, width=size)
    (made,) = convert(request)
    dumps = []
    for entry in made.manifest.entry_points:
        program = _load_for_executorch(str(made.directory / entry.file), enable_etdump=True)
        for _ in range(20):
            program.run_method(
                entry.function, (torch.rand(1, 3, size, size) * 255, torch.full((1, 1, size, size), 128.0))
            )
        dumps.append(tmp_path / f"{entry.name}.etdp")
        program.write_etdump_result_to_file(str(dumps[-1]))
    paths = {entry.path for entry in made.manifest.entry_points}
    assert {"1111", "0000"} <= paths
    table = run_import(made.directory, dumps, user_profiles).table
    assert all(block.run_ms > 0 and block.bypass_ms > 0 for block in table.blocks)
    assert (table.provenance.paths, table.provenance.held_out_paths) == (3, 1)


def test_times_before_the_first_convolution_are_of_the_fixed_part(tmp_path):
    file = tmp_path / "profile.csv"
    text = csv_profile("0000").replace("TfLiteXNNPackDelegate", "Transpose")
    file.write_text(text)
    times = read_operator_times(file)
    assert times[0].name == "Transpose"
    parts = [0] * sum(time.is_convolution for time in times)
    assert by_part(times, parts, file)[FIXED] == 9.0
