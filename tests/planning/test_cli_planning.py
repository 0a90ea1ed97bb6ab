import json
import re
import subprocess
import sys

import pytest
import typer
from typer.testing import CliRunner

from pam_edge.cli import planning
from pam_edge.cli.output import console
from pam_edge.device_profiles.writer import write_profile
from pam_edge.errors import BudgetError, ProfileError, UsageError
from pam_edge.supernet.variants import VARIANTS

app = typer.Typer()
app.command("plan")(planning.plan)
app.add_typer(planning.profile_app, name="profile")


def run(*arguments):
    result = CliRunner(env={"COLUMNS": "160"}).invoke(app, list(arguments), catch_exceptions=True)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.output


@pytest.fixture
def wide_console(monkeypatch):
    monkeypatch.setattr(console, "_width", 160)


pytestmark = pytest.mark.usefixtures("wide_console")


def test_profile_list_says_estimated_for_each_phone():
    output = run("profile", "list")
    for name in ("iphone13", "pixel8", "galaxy-s23"):
        (line,) = (line for line in output.splitlines() if f"│ {name} " in line)
        assert "estimated" in line
    assert "measured" not in output.replace("not measured on the device", "")


def test_profile_list_as_json():
    profiles = {row["name"]: row for row in json.loads(run("profile", "list", "--json"))["profiles"]}
    assert profiles["iphone13"]["provenance"] == "estimated"
    assert profiles["iphone13"]["bundled"]


def test_a_damaged_profile_does_not_hide_the_others(user_profiles):
    user_profiles.mkdir()
    (user_profiles / "mine.toml").write_text("what is this")
    output = run("profile", "list")
    assert "damaged" in output
    assert "iphone13" in output


def test_profile_show_has_a_bar_and_a_source_for_each_number():
    output = run("profile", "show", "iphone13", "--variant", "pam-minute")
    assert "costs are estimated" in output
    assert "pocketnow.com" in output
    assert re.search(r"enc4\.0 .*█", output)
    assert output.count("estimated") >= 3
    assert "measured" not in output


def test_profile_show_as_json_has_the_costs_with_their_provenance():
    shown = json.loads(run("profile", "show", "pixel8", "--variant", "pam-minute", "--json"))
    assert shown["costs"]["provenance"] == "estimated"
    assert [block["name"] for block in shown["costs"]["blocks"]] == list(VARIANTS["pam-minute"].block_names)
    assert shown["profile"]["name"] == "pixel8"


def test_profile_show_of_a_measured_profile_tells_how_well_it_predicts(measured_profile, user_profiles):
    write_profile(measured_profile, user_profiles / "bench.toml")
    output = run("profile", "show", "bench")
    assert "costs are measured" in output
    assert "median error 0.40%, worst 1.10%" in output
    assert "2 ± 0.1" in output
    assert "estimated" not in output


def test_plan_shows_a_path_per_budget_with_the_word_estimated():
    output = run("plan", "--profile", "iphone13", "--target", "tflite", "--checkpoint", "pam-minute")
    for name in ("mild", "moderate", "aggressive"):
        (line,) = (line for line in output.splitlines() if f"│ {name} " in line)
        assert re.search(r"[01]{4}.*ms estimated", line)
    assert "Pareto front" in output
    assert "no error table" in output


def test_plan_as_json_is_one_object_with_the_keys_that_scripts_use():
    report = json.loads(run("plan", "--profile", "pixel8", "--checkpoint", "pam-minute", "--budget", "3ms", "--json"))
    (plan,) = report["plans"]
    assert (report["provenance"], report["target"], plan["budget"]) == ("estimated", "tflite", "3ms")
    assert plan["predicted_cost"] <= plan["limit"] == 3.0
    assert set(plan["path"]) <= {"0", "1"}
    assert len(report["front"]) > 3


def test_plan_without_a_profile_counts_macs():
    report = json.loads(run("plan", "--checkpoint", "pam-minute", "--budget", "95%", "--size", "64x96", "--json"))
    assert (report["profile"], report["provenance"], report["height"], report["width"]) == (None, "counted", 64, 96)


def test_plot_writes_a_png(tmp_path):
    file = tmp_path / "new" / "front.png"
    run("plan", "--profile", "iphone13", "--target", "tflite", "--checkpoint", "pam-minute", "--plot", str(file))
    assert file.read_bytes().startswith(b"\x89PNG")
    assert [path.name for path in file.parent.iterdir()] == ["front.png"]


@pytest.mark.parametrize(
    ("arguments", "error", "reason"),
    [
        (["--budget", "12ms"], BudgetError, "profile"),
        (["--budget", "1%"], BudgetError, "Feasible here"),
        (["--profile", "nokia3310"], ProfileError, "iphone13"),
        (["--profile", "iphone13", "--target", "onnx"], UsageError, "coreml, tflite, executorch"),
        (["--profile", "iphone13", "--precision", "int4"], UsageError, "fp32, fp16"),
        (["--size", "500"], UsageError, "multiples of 32"),
        (["--plot", "front.jpg"], UsageError, "ends in .png"),
    ],
)
def test_wrong_use_is_refused(arguments, error, reason):
    with pytest.raises(error, match=reason):
        run("plan", "--checkpoint", "pam-minute", *arguments)


def test_import_makes_a_profile_that_plan_can_use(tmp_path, simulated_device):
    samples = tmp_path / "samples.json"
    samples.write_text(json.dumps(simulated_device().file()))
    done = json.loads(run("profile", "import", str(samples), "--json"))
    assert done["profile"] == "simulated-phone"
    assert done["held_out_median_error_pct"] <= done["held_out_worst_error_pct"] < 3
    assert done["samples"] == 192
    report = json.loads(run("plan", "--profile", "simulated-phone", "--checkpoint", "pam-minute", "--json"))
    assert (report["provenance"], report["height"]) == ("imported", 256)
    low, high = report["plans"][0]["interval"]
    assert low < report["plans"][0]["predicted_cost"] < high


def test_import_of_a_truncated_file_writes_nothing(tmp_path, simulated_device, user_profiles):
    samples = tmp_path / "samples.json"
    samples.write_text(json.dumps(simulated_device().file())[:-100])
    with pytest.raises(ProfileError, match="not complete JSON"):
        run("profile", "import", str(samples), "--name", "phone")
    assert not user_profiles.exists()


def test_the_commands_load_nothing_heavy_before_they_run():
    code = "import sys, pam_edge.cli.planning; print([m for m in ('torch', 'numpy', 'matplotlib') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_budgets_costs_and_plans_need_no_torch():
    names = (
        *("planning.budget", "planning.cost", "planning.planner", "planning.front", "planning.device_costs"),
        "planning.roofline",
        "measuring.path_design",
        "measuring.fit",
        "measuring.samples",
        "measuring.path_times",
    )
    code = f"import sys; {'; '.join(f'import pam_edge.{name}' for name in names)}; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
