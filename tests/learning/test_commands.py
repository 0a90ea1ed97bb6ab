import json
import os
import subprocess
import sys

import pytest

RECIPE = """
variant = "pam-minute"
[data]
workers = 0
[calibration]
images = 2
crop = 32
paths_per_budget = 1
[[stages]]
kind = "complete"
steps = 1
learning_rate = 1e-3
phases = [{ share = 1.0, crop = 32, batch = 2 }]
[[stages]]
kind = "warm-up"
steps = 1
learning_rate = 1e-3
phases = [{ share = 1.0, crop = 32, batch = 2 }]
"""


def run(*arguments):
    """Run the command line in a process of its own: with several devices it starts itself again."""
    code = "import sys; from pam_edge.cli.main import run; run()"
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


@pytest.fixture(scope="module")
def recipe_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("recipe") / "minute.toml"
    path.write_text(RECIPE)
    return path


def test_train_prints_one_json_object_and_leaves_a_checkpoint_and_a_prior(recipe_file, data_root, tmp_path):
    result = run("train", "--config", recipe_file, "--out", tmp_path, "--data", data_root, "--json")
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout) == {"checkpoint": str(tmp_path / "stage2.safetensors")}
    assert (tmp_path / "prior.json").is_file()
    measured = run(
        "prior", "--checkpoint", tmp_path / "stage2.safetensors", "--out", tmp_path / "again.json",
        "--data", data_root, "--images", 2, "--crop", 32, "--json",
    )  # fmt: skip
    assert json.loads(measured.stdout)["budgets"] == 5, measured.stderr


def test_a_bad_recipe_is_wrong_use_not_a_traceback(tmp_path):
    (tmp_path / "recipe.toml").write_text("variant = 3")
    result = run("train", "--config", tmp_path / "recipe.toml", "--out", tmp_path)
    assert result.returncode == 2
    assert "recipe" in result.stderr
    assert "Traceback" not in result.stderr
