import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from pam_edge.errors import UsageError
from pam_edge.learning.augmentation import blur_cutout, defocus, movement, put_over
from pam_edge.learning.batches import BatchPlan, collate, iterate
from pam_edge.learning.composition import Composer, Crop
from pam_edge.learning.config import DataConfig, load_recipe
from pam_edge.learning.heldout import heldout_cases
from pam_edge.learning.library import fill_colour, load_library
from pam_edge.learning.trimaps import degraded_mask, random_trimap
from pam_edge.matting.trimaps import trimap_from_alpha


@pytest.fixture
def composer(data_config):
    config = data_config.model_copy(update={"degraded_masks": 0.0})
    return Composer(load_library(config), config, seed=3)


def test_the_splits_share_no_cutout_and_no_background(data_config):
    train, held = load_library(data_config), load_library(data_config, held_out=True)
    assert not {f.name for f in train.foregrounds} & {f.name for f in held.foregrounds}
    assert len(train.foregrounds) + len(held.foregrounds) == 8


@pytest.mark.parametrize("size", [32, 96, 256])
def test_a_crop_of_any_size_has_unknown_pixels_and_a_true_alpha(composer, size):
    for number in range(8):
        batch = collate([composer.make(number, size)])
        assert batch.image.shape == (1, 3, size, size)
        assert batch.unknown.any()
        assert 0 <= batch.alpha.min() <= batch.alpha.max() <= 1
        assert torch.isfinite(batch.image).all() and 0 <= batch.image.min() <= batch.image.max() <= 255
        assert (batch.alpha[batch.trimap == 255] >= 0.97).all()
        assert (batch.alpha[batch.trimap == 0] <= 0.03).all()


def test_a_crop_depends_on_seed_and_number_alone(composer, data_config):
    config = composer.config
    again = Composer(load_library(config), config, seed=3)
    composer.make(0, 64)
    one, other = composer.make(5, 64), again.make(5, 64)
    assert all(np.array_equal(getattr(one, name), getattr(other, name)) for name in Crop.__slots__)


def test_workers_give_the_batches_of_the_main_process(composer):
    plan = BatchPlan(first=7, steps=3, batch=2, size=32)
    for here, there in zip(iterate(composer, plan, 0), iterate(composer, plan, 2), strict=True):
        assert torch.equal(here.image, there.image)


def test_two_ranks_see_the_crops_of_one():
    whole = BatchPlan(first=10, steps=2, batch=4, size=32)
    parts = [BatchPlan(first=10, steps=2, batch=4, size=32, rank=rank, world=2) for rank in (0, 1)]
    for step in range(2):
        assert [*parts[0].numbers(step), *parts[1].numbers(step)] == list(whole.numbers(step))


def test_bad_files_are_named_with_the_reason_and_left_out(data_config, data_root, tmp_path):
    folder = tmp_path / "cutouts" / "bad"
    folder.mkdir(parents=True)
    shutil.copytree(data_root / "backgrounds", tmp_path / "backgrounds")
    good = cv2.imread(str(data_root / "cutouts" / "discs" / "disc0.png"), cv2.IMREAD_UNCHANGED)
    flat = {"opaque": 255, "empty": 0}
    for name, value in flat.items():
        cv2.imwrite(str(folder / f"{name}.png"), np.dstack([good[..., :3], np.full(good.shape[:2], value, np.uint8)]))
    cv2.imwrite(str(folder / "rgb.png"), good[..., :3])
    cv2.imwrite(str(folder / "little.png"), good[:8, :8])
    cv2.imwrite(str(folder / "good.png"), good)
    (folder / "torn.png").write_bytes((data_root / "cutouts" / "discs" / "disc0.png").read_bytes()[:200])
    (folder / "nothing.png").write_bytes(b"")
    library = load_library(data_config.model_copy(update={"root": tmp_path, "held_out": 0.0}))
    reasons = "\n".join(library.problems)
    assert [item.name for item in library.foregrounds] == ["cutouts/bad/good.png"]
    for name, reason in {
        "opaque": "opaque everywhere",
        "empty": "transparent everywhere",
        "rgb": "no alpha",
        "little": "8x8 pixels",
        "torn": "damaged",
        "nothing": "damaged",
    }.items():
        assert any(f"{name}.png" in line and reason in line for line in library.problems), (name, reasons)


def test_an_absent_folder_is_an_error_that_says_what_was_expected(data_config, tmp_path):
    with pytest.raises(UsageError, match=r"matting data at .*nowhere"):
        load_library(data_config.model_copy(update={"root": tmp_path / "nowhere"}))


def test_filled_colours_leave_visible_ones_alone_and_have_no_dark_fringe():
    colour = np.zeros((32, 32, 3), np.uint8)
    alpha = np.zeros((32, 32), np.uint8)
    colour[8:24, 8:24], alpha[8:24, 8:24] = 200, 255
    filled = fill_colour(colour, alpha)
    assert (filled[alpha > 0] == 200).all()
    assert abs(filled.astype(int) - 200).max() <= 1


def test_a_trimap_of_radius_10_reaches_ten_pixels_from_a_hard_edge():
    alpha = np.zeros((64, 64), np.float32)
    alpha[:, 32:] = 1
    trimap = trimap_from_alpha(alpha)
    assert (trimap[32, 22:42] == 128).all()
    assert (trimap[32, 21], trimap[32, 42]) == (0, 255)


def test_random_trimaps_never_call_a_soft_pixel_known():
    alpha = cv2.GaussianBlur(np.eye(64, dtype=np.float32) * 3, (0, 0), 3).clip(0, 1)
    soft = (alpha > 0.02) & (alpha < 0.98)
    for seed in range(20):
        trimap = random_trimap(np.random.default_rng(seed), alpha, DataConfig(degraded_masks=0.0))
        assert (trimap[soft] == 128).all()


@pytest.mark.parametrize("side", [96, 128, 256])
def test_a_coarse_mask_marks_the_same_thing_but_for_a_band(side):
    y, x = np.mgrid[:side, :side]
    alpha = (np.hypot(x - side / 2, y - side / 2) < side / 3).astype(np.float32)
    wrong = [np.mean((degraded_mask(np.random.default_rng(seed), alpha) > 127) != alpha) for seed in range(20)]
    assert 0 < np.mean(wrong) < 0.15


def test_one_sided_trimaps_lack_foreground_or_background():
    alpha = np.zeros((96, 96), np.float32)
    alpha[:, 48:] = 1
    config = DataConfig(one_sided=1.0, evaluation_radius_share=0.0)
    missing = {tuple(np.unique(random_trimap(np.random.default_rng(seed), alpha, config))) for seed in range(20)}
    assert missing <= {(0, 128), (128, 255), (128,)}
    assert len(missing) > 1


def test_a_name_that_a_pattern_holds_out_is_never_trained_on(data_config):
    config = data_config.model_copy(update={"held_out": 0.0, "held_out_names": ("*3", "disc5")})
    assert {Path(f.name).stem for f in load_library(config, held_out=True).foregrounds} == {"disc3", "disc5"}
    assert len(load_library(config).foregrounds) == 6


def test_held_out_composites_are_made_of_the_sources_that_are_scored(data_root, data_config):
    config = data_config.model_copy(update={"scored": ("elsewhere",)})
    assert heldout_cases(config) == ()
    config = data_config.model_copy(update={"scored": ("discs", "noise")})
    assert [case.name for case in heldout_cases(config)] == [case.name for case in heldout_cases(data_config)]


def test_held_out_composites_have_their_cutout_s_alpha(data_config):
    cases = heldout_cases(data_config, largest_side=64)
    assert cases
    sample = cases[0].load()
    assert max(sample.alpha.shape) == 64
    assert (sample.trimap == 128).any()


def test_a_recipe_with_an_unknown_key_is_refused(tmp_path):
    path = tmp_path / "recipe.toml"
    path.write_text('variant = "pam-tiny"\nlearning_speed = 3\nstages = []\n')
    with pytest.raises(UsageError, match="learning_speed"):
        load_recipe(path)


def test_a_recipe_without_stages_is_refused(tmp_path):
    path = tmp_path / "recipe.toml"
    path.write_text('variant = "pam-tiny"\nstages = []\n')
    with pytest.raises(UsageError, match="stages"):
        load_recipe(path)


@pytest.mark.parametrize("key", ["scale", "trimap_radius"])
@pytest.mark.parametrize("span", [(0.0, 1.0), (2.0, 1.0), (1.0, float("inf"))])
def test_a_span_that_cannot_be_drawn_from_is_refused(key, span):
    with pytest.raises(ValueError, match="the lower first"):
        DataConfig(**{key: span})


def test_shipped_recipes_are_valid():
    recipes = sorted((Path(__file__).parents[2] / "recipes").glob("*.toml"))
    assert recipes
    for recipe in recipes:
        load_recipe(recipe)


@pytest.mark.parametrize("blur", [defocus, movement])
def test_a_blurred_cutout_has_its_own_colour_up_to_its_faintest_edge(blur):
    cutout = np.zeros((48, 48, 4), np.uint8)
    cutout[..., :3] = (200, 50, 20)
    cutout[16:32, 16:32, 3] = 255
    for seed in range(8):
        soft = blur_cutout(cutout, blur(np.random.default_rng(seed)))
        # As much as before, elsewhere.
        assert int(soft[..., 3].sum()) == pytest.approx(int(cutout[..., 3].sum()), rel=0.02)
        assert np.abs(soft[..., :3].astype(int) - (200, 50, 20)).max() <= 1
        assert np.count_nonzero((soft[..., 3] > 5) & (soft[..., 3] < 250)) > 0


@pytest.mark.parametrize(("upper", "lower"), [(255, 255), (255, 0), (0, 255), (128, 255), (128, 128), (0, 0)])
def test_one_cutout_over_another_is_porter_and_duff_s(upper, lower):
    top, below = np.full((1, 1, 4), 200, np.uint8), np.full((1, 1, 4), 100, np.uint8)
    top[..., 3], below[..., 3] = upper, lower
    found = put_over(top, below)[0, 0].astype(float)
    a, b = upper / 255, lower / 255
    alpha = a + b * (1 - a)
    assert found[3] == pytest.approx(255 * alpha, abs=0.6)
    if alpha:
        assert found[0] == pytest.approx((200 * a + 100 * b * (1 - a)) / alpha, abs=0.6)
