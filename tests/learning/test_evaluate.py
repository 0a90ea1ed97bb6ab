import csv
import json
from dataclasses import astuple

import cv2
import numpy as np
import pytest
from typer import Typer
from typer.testing import CliRunner

from pam_edge.cli.learning import evaluate as evaluate_command
from pam_edge.errors import UsageError
from pam_edge.evaluation.datasets import LAYOUTS, UnusableCase, find_cases
from pam_edge.evaluation.evaluate import Evaluation, Matte, Row, evaluate_cases, group_table, merge, write_report
from pam_edge.evaluation.methods import along_path, bilinear_fill, by_chance, methods_for
from pam_edge.evaluation.metrics import Scores
from pam_edge.learning.heldout import class_of, hair_cases, heldout_cases
from pam_edge.learning.library import load_library
from pam_edge.supernet.checkpoint import untrained_checkpoint
from pam_edge.supernet.path import PathSpec
from pam_edge.supernet.variants import variant


def write_set(root, layout, names, trimaps=False):
    """Write a test set of discs in a published layout."""
    folders = LAYOUTS[layout]
    y, x = np.mgrid[:70, :90]
    alpha = (np.clip((20 - np.hypot(x - 45, y - 35)) / 4 + 0.5, 0, 1) * 255).astype(np.uint8)
    for name in names:
        pictures = {folders.images[0]: np.dstack([alpha] * 3), folders.alphas[0]: alpha}
        if trimaps:
            pictures[folders.trimaps[0]] = np.full_like(alpha, 128)
        for folder, picture in pictures.items():
            (root / folder).mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(root / folder / f"{name}.png"), picture)
    return root


def perfect(image, trimap):
    return Matte(image[..., 0].astype(np.float32) / np.float32(255))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_published_layouts_are_read(tmp_path, layout):
    cases = find_cases(write_set(tmp_path, layout, ["one", "two"], trimaps=True), layout)
    assert [case.name for case in cases] == ["one", "two"]
    assert (cases[0].load().trimap == 128).all()


def test_a_trimap_is_made_from_alpha_where_there_is_none(tmp_path):
    sample = find_cases(write_set(tmp_path, "folder", ["one"]))[0].load()
    assert set(np.unique(sample.trimap)) == {0, 128, 255}


def test_several_sets_below_one_folder_count_together(tmp_path):
    for part in ("a", "b"):
        write_set(tmp_path / part, "folder", ["one"])
    assert [case.name for case in find_cases(tmp_path)] == ["a/one", "b/one"]


def test_composites_share_the_alpha_of_their_foreground(tmp_path):
    write_set(tmp_path, "folder", ["cat"])
    (tmp_path / "image" / "cat.png").rename(tmp_path / "image" / "cat_7.png")
    assert find_cases(tmp_path)[0].load().alpha.max() == 1


def test_a_perfect_matte_has_no_error_and_bad_cases_are_named(tmp_path):
    write_set(tmp_path, "folder", ["good", "torn", "orphan", "known"])
    (tmp_path / "image" / "torn.png").write_bytes(b"")
    (tmp_path / "alpha" / "orphan.png").unlink()
    cv2.imwrite(str(tmp_path / "alpha" / "known.png"), np.zeros((70, 90), np.uint8))
    result = evaluate_cases(find_cases(tmp_path), {"perfect": perfect})
    assert result.summary()["perfect"] == pytest.approx({"sad": 0, "mse": 0, "grad": 0, "conn": 0, "images": 1})
    assert [problem.split(":")[0] for problem in result.problems] == ["known", "orphan", "torn"]


def test_a_case_that_one_method_cannot_do_is_left_out_for_all(tmp_path):
    def picky(image, trimap):
        raise UnusableCase("too hard")

    cases = find_cases(write_set(tmp_path, "folder", ["a"]))
    result = evaluate_cases(cases, {"perfect": perfect, "picky": picky}, (0, 2))
    assert result.rows == ()
    assert result.problems == ("a: too hard",)


def test_shards_join_to_the_whole(tmp_path):
    cases = find_cases(write_set(tmp_path, "folder", ["a", "b", "c"]))
    methods = {"perfect": perfect, "bilinear": bilinear_fill}
    whole = merge([evaluate_cases(cases, methods)])
    joined = merge([evaluate_cases(cases, methods, (rank, 2)) for rank in (1, 0)])
    assert [(row.method, row.case) for row in joined.rows] == [(row.method, row.case) for row in whole.rows]
    for one, other in zip(joined.rows, whole.rows, strict=True):
        # OpenCV's filters round differently by where in memory a picture lies, in the last bits of a double.
        assert astuple(one.scores) == pytest.approx(astuple(other.scores), rel=1e-9)


def test_an_empty_folder_is_an_error(tmp_path):
    with pytest.raises(UsageError, match="image and alpha"):
        find_cases(tmp_path)


def test_reports_hold_every_score_and_the_worst_cases(tmp_path):
    cases = find_cases(write_set(tmp_path / "set", "folder", ["a", "b"]))
    methods = {"bilinear": bilinear_fill}
    write_report(evaluate_cases(cases, methods), cases, methods, tmp_path / "out")
    with (tmp_path / "out" / "scores.csv").open() as file:
        assert [row["case"] for row in csv.DictReader(file)] == ["a", "b"]
    assert cv2.imread(str(tmp_path / "out" / "worst.png")) is not None


def test_bilinear_fill_keeps_what_is_known_and_is_between():
    trimap = np.full((64, 64), 128, np.uint8)
    trimap[:, :10], trimap[:, 50:] = 0, 255
    alpha = bilinear_fill(np.zeros((64, 64, 3), np.uint8), trimap).alpha
    assert (alpha[:, :10] == 0).all()
    assert (alpha[:, 50:] == 1).all()
    assert (np.diff(alpha.mean(0)) >= -0.05).all()


def test_pictures_of_any_size_are_matted_at_their_own_size():
    checkpoint = untrained_checkpoint(variant("pam-minute"))
    method = along_path(checkpoint.supernet, PathSpec.full(checkpoint.supernet.block_count))
    alpha = method(np.zeros((45, 70, 3), np.uint8), np.full((45, 70), 128, np.uint8)).alpha
    assert alpha.shape == (45, 70)


def test_an_unknown_baseline_is_refused():
    with pytest.raises(UsageError, match="closed-form"):
        methods_for("pam-minute", (), ("magic",))


def test_paths_by_gates_and_by_chance_are_scored_beside_the_static_one(tmp_path):
    """Untrained gates want what they want: the governor holds the budget, and the table says on how many it had to."""
    cases = find_cases(write_set(tmp_path, "folder", ["a", "b"]))
    methods = methods_for("pam-minute", ("80%", "40%"), (), compare_paths=True)
    summary = evaluate_cases(cases, methods).summary()
    assert len(summary) == 6
    for name, means in summary.items():
        assert means["cost"] <= (0.8 if "80pct" in name else 0.4) + 1e-6 or "chance" in name
        assert ("within_budget" in means) == ("gates" in name)


def test_chance_takes_other_paths_of_like_cost():
    supernet = untrained_checkpoint(variant("pam-minute")).supernet
    like = PathSpec.parse("1110")
    method, picture = by_chance(supernet, like), np.zeros((64, 64, 3), np.uint8)
    trimaps = [np.full((64, 64), value, np.uint8) for value in range(60)]
    wanted = along_path(supernet, like)(picture, trimaps[0]).cost
    costs = [method(picture, trimap).cost for trimap in trimaps]
    assert len(set(costs)) > 1
    assert costs == pytest.approx([wanted] * len(trimaps), abs=0.1)
    assert costs == [method(picture, trimap).cost for trimap in trimaps], "the same picture takes the same path"


def test_held_out_composites_are_scored_by_the_recipe_that_split_them(tmp_path, data_root, data_config):
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(
        f'variant = "pam-minute"\n[data]\nroot = "{data_root}"\nheld_out = 0.25\n'
        '[[stages]]\nkind = "complete"\nsteps = 1\nlearning_rate = 1e-3\n'
        "phases = [{ share = 1.0, crop = 32, batch = 2 }]\n"
    )
    app = Typer()
    app.command()(evaluate_command)
    arguments = ["--heldout", str(recipe), "--checkpoint", "pam-minute", "--budget", "100%", "--json"]
    found = json.loads(CliRunner().invoke(app, arguments, catch_exceptions=False).stdout)
    assert [means["images"] for means in found["scores"].values()] == [len(heldout_cases(data_config))]
    assert {name: next(iter(part.values()))["images"] for name, part in found["groups"].items()} == {"solid": 3}
    hair = json.loads(CliRunner().invoke(app, [*arguments, "--hair"], catch_exceptions=False).stdout)
    assert [means["images"] for means in hair["scores"].values()] == [len(hair_cases(data_config))]
    both = CliRunner().invoke(app, [str(data_root), *arguments])
    assert isinstance(both.exception, UsageError)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("cutouts/makehuman_renders/b2_002_long01_african.webp", "hair"),
        ("cutouts/flightgear/069_cirrus_textures_0.png", "translucent"),
        ("cutouts/flightgear/014_ichu2.png", "leaves"),
        ("cutouts/freeorion_nebulae/3.png", "translucent"),
        ("cutouts/wesnoth_portraits/knight.png", "painted"),
        ("discs/disc3.png", "solid"),
    ],
)
def test_a_cutout_s_class_follows_from_its_source_and_name(name, kind):
    assert class_of(name) == kind


def test_the_hair_set_has_one_picture_with_three_widths_of_unknown(data_config):
    cases = hair_cases(data_config, largest_side=64)
    assert len(cases) == 3 * (len(load_library(data_config, held_out=True).foregrounds) + 8)
    for narrow, middle, wide in zip(cases[::3], cases[1::3], cases[2::3], strict=True):
        samples = [case.load() for case in (narrow, middle, wide)]
        assert all(np.array_equal(sample.image, samples[0].image) for sample in samples)
        unknown = [np.count_nonzero(sample.trimap == 128) for sample in samples]
        assert unknown == sorted(unknown)
        assert all(side % 32 == 0 for side in samples[0].alpha.shape)
    groups = {case.group for case in cases}
    assert groups == {f"{kind} {radius}" for kind in ("solid", "strands") for radius in (4, 10, 24)}


def test_the_hair_set_does_not_change_with_the_recipe_s_cameras(data_config):
    other = data_config.model_copy(update={"linear_light": 1.0, "compressed": 1.0, "trimap_radius": (2.0, 5.0)})
    for one, same in zip(hair_cases(data_config, 64)[:6], hair_cases(other, 64)[:6], strict=True):
        assert np.array_equal(one.load().image, same.load().image)


def test_means_of_groups_are_those_of_their_own_cases():
    def row(case, group, sad):
        return Row("m", case, Scores(sad, 0, 0, 0), group=group)

    found = Evaluation((row("a", "hair", 1.0), row("b", "hair", 3.0), row("c", "solid", 8.0)), ())
    assert {name: part.summary()["m"]["sad"] for name, part in found.by_group().items()} == {"hair": 2.0, "solid": 8.0}
    table = group_table(found)
    assert [column.header for column in table.columns] == ["method", "hair (2)", "solid (1)"]


def test_without_groups_there_is_no_table_of_them():
    assert group_table(Evaluation((Row("m", "a", Scores(1, 1, 1, 1)),), ())) is None


def test_the_command_prints_one_json_object(tmp_path):
    write_set(tmp_path, "folder", ["one"])
    app = Typer()
    app.command()(evaluate_command)
    arguments = [str(tmp_path), "--checkpoint", "pam-minute", "--baseline", "bilinear", "--json"]
    found = json.loads(CliRunner().invoke(app, arguments, catch_exceptions=False).stdout)
    assert set(found["scores"]["bilinear"]) == {"sad", "mse", "grad", "conn", "images"}
    assert len(found["scores"]) == 4, "three budgets and a baseline"
