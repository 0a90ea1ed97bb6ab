"""Data lies where someone says, and nowhere by default: no result depends on where one stands."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from pam_edge.cli import main
from pam_edge.data_folder import DATA_VARIABLE, data_folder, need_data_folder
from pam_edge.errors import UsageError
from pam_edge.evaluation.pictures import data_pictures, judged_on
from pam_edge.learning.config import DataConfig, load_recipe
from pam_edge.learning.library import load_library

ROOT = Path(__file__).parents[1]
RECIPES = sorted((ROOT / "recipes").glob("*.toml"))
NEED_DATA = [
    ["train", "--config", str(RECIPES[-1]), "--out", "run"],
    ["evaluate", "--heldout", str(RECIPES[-1]), "--checkpoint", "pam-minute"],
    ["prior", "--checkpoint", "pam-minute", "--out", "prior.json"],
]


@pytest.fixture
def data(tmp_path):
    """Return a folder of data with one photograph."""
    folder = tmp_path / "shared" / "data"
    for kind, picture in (("image", np.zeros((40, 40, 3), np.uint8)), ("alpha", np.eye(40, dtype=np.uint8) * 255)):
        (folder / "val/some" / kind).mkdir(parents=True)
        cv2.imwrite(str(folder / "val/some" / kind / "a.png"), picture)
    return folder


def pam_edge(monkeypatch, capsys, *arguments):
    monkeypatch.setattr("sys.argv", ["pam-edge", *map(str, arguments)])
    with pytest.raises(SystemExit) as left:
        main.run()
    return left.value.code, *capsys.readouterr()


def test_data_beside_the_working_directory_is_not_found_by_itself(data, tmp_path, monkeypatch):
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    assert data_folder() is None
    assert data_pictures() == ()
    assert judged_on(None) == "the bundled photographs and adversarial pictures"
    with pytest.raises(UsageError, match=DATA_VARIABLE):
        load_library(DataConfig())


def test_the_folder_is_the_one_given_else_the_one_that_the_variable_names(data, tmp_path, monkeypatch):
    monkeypatch.setenv(DATA_VARIABLE, str(data))
    assert data_folder() == need_data_folder(None) == data
    assert data_folder(tmp_path) == need_data_folder(tmp_path) == tmp_path
    assert len(data_pictures()) == 1
    assert str(data) in judged_on(None)


def test_photographs_of_a_data_folder_without_any_are_not_claimed(tmp_path, monkeypatch):
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path))
    assert data_pictures() == ()
    assert str(tmp_path) not in judged_on(None)


def test_a_users_own_pictures_are_all_that_parity_is_judged_on(data, monkeypatch):
    monkeypatch.setenv(DATA_VARIABLE, str(data))
    assert judged_on(Path("mine")) == "the photographs in mine"


@pytest.mark.parametrize(
    "arguments",
    [["convert", "--target", "tflite", "--checkpoint", "pam-minute", "--size", "64"], *NEED_DATA],
    ids=lambda arguments: arguments[0],
)
def test_a_named_folder_that_is_not_there_is_wrong_use(arguments, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path / "nowhere"))
    code, _, err = pam_edge(monkeypatch, capsys, *arguments)
    assert code == 2
    assert DATA_VARIABLE in err
    assert "nowhere" in err.replace("\n", "")
    assert not (tmp_path / "build").exists()


@pytest.mark.parametrize("arguments", NEED_DATA, ids=lambda arguments: arguments[0])
def test_commands_that_need_data_say_how_to_name_it(arguments, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    code, _, err = pam_edge(monkeypatch, capsys, *arguments)
    assert code == 2
    for word in ("--data", DATA_VARIABLE, "data.root"):
        assert word in err


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.stem)
def test_recipes_name_no_folder(recipe):
    assert load_recipe(recipe).data.root is None


def test_doctor_says_where_data_is_and_what_is_wrong_with_it(data, monkeypatch):
    from pam_edge.cli import doctor

    monkeypatch.setattr(doctor, "_examine", lambda target: {"works": True})

    def asked():
        return json.loads(CliRunner().invoke(main.app, ["doctor", "--json"]).stdout)

    assert DATA_VARIABLE in asked()["data"]
    monkeypatch.setenv(DATA_VARIABLE, str(data))
    assert asked()["data"] == str(data)
    assert str(data) in asked()["judged_on"]
    monkeypatch.setenv(DATA_VARIABLE, str(data / "nowhere"))
    assert "there is none" in asked()["data"]


def test_nothing_that_is_installed_looks_outside_of_its_own_folders():
    for folder in ("pam_edge", "converters", "runtimes", "device_profiles", "recipes"):
        for file in (ROOT / folder).rglob("*.*"):
            if file.suffix in {".py", ".toml", ".md"}:
                assert "../shared" not in file.read_text(), file
