"""Pictures come with trimaps that fit them, wherever they come from."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from pam_edge.data_folder import DATA_VARIABLE
from pam_edge.errors import UsageError
from pam_edge.evaluation.pictures import (
    adversarial_pictures,
    bundled_pictures,
    data_pictures,
    fit,
    folder_pictures,
)


def put(file: Path, height: int = 12, width: int = 16, value: int = 255) -> None:
    """Write a picture or matte that is black on its left half."""
    file.parent.mkdir(parents=True, exist_ok=True)
    grey = np.zeros((height, width), np.uint8)
    grey[:, width // 2 :] = value
    assert cv2.imwrite(str(file), grey)


def test_bundled_photographs_have_trimaps_with_all_three_regions():
    pictures = bundled_pictures()
    assert [picture.name for picture in pictures] == ["astronaut", "chelsea", "coffee"]
    for picture in pictures:
        assert picture.trimap.shape == picture.image.shape[:2]
        assert np.unique(picture.trimap).tolist() == [0, 128, 255]
        assert 0.02 < (picture.trimap == 128).mean() < 0.2
        assert picture.kind == "photograph"


def test_adversarial_pictures_are_the_same_at_every_call():
    first, second = adversarial_pictures(64, 96), adversarial_pictures(64, 96)
    for one, other in zip(first, second, strict=True):
        assert one.image.shape == (64, 96, 3)
        assert set(np.unique(one.trimap)) <= {0, 128, 255}
        assert (one.image == other.image).all()
        assert (one.trimap == other.trimap).all()
    extremes = next(picture for picture in first if picture.name == "extremes")
    assert set(np.unique(extremes.image)) == {0, 255}


@pytest.mark.parametrize("size", [(32, 32), (700, 640), (300, 451)])
def test_fitting_keeps_the_trimaps_three_values(size):
    fitted = fit(bundled_pictures()[1], *size)
    assert fitted.image.shape == (*size, 3)
    assert fitted.trimap.shape == size
    assert np.unique(fitted.trimap).tolist() == [0, 128, 255]


def test_data_folder_gives_trimaps_from_alpha(tmp_path, monkeypatch):
    put(tmp_path / "val/some/image/a.png", 60, 80)
    put(tmp_path / "val/some/alpha/a.png", 60, 80)
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path))
    (picture,) = data_pictures()
    assert picture.name == "some-a"
    assert picture.trimap[5].tolist() == [0] * 30 + [128] * 20 + [255] * 30


@pytest.mark.parametrize("trimap", ["a.trimap.png", "trimap/a.png", "trimap/a.bmp", "../trimap/a.png"])
def test_folder_takes_trimaps_beside_the_image_or_in_a_folder(tmp_path, trimap):
    put(tmp_path / "mine/a.jpg")
    put(tmp_path / "mine" / trimap, value=128)
    (picture,) = folder_pictures(tmp_path / "mine")
    assert picture.name == "a"
    assert np.unique(picture.trimap).tolist() == [0, 128]


@pytest.mark.parametrize("folder", [".", "image"])
def test_folder_takes_alpha_mattes(tmp_path, folder):
    put(tmp_path / "set" / "image" / "a.jpg", 60, 80)
    put(tmp_path / "set" / "alpha" / "a.png", 60, 80)
    (picture,) = folder_pictures(tmp_path / "set" / folder)
    assert np.unique(picture.trimap).tolist() == [0, 128, 255]


def test_trimap_goes_before_alpha(tmp_path):
    put(tmp_path / "a.png")
    put(tmp_path / "alpha/a.png")
    put(tmp_path / "a.trimap.png", value=128)
    assert (folder_pictures(tmp_path)[0].trimap != 255).all()


def test_folder_without_a_trimap_says_where_one_goes(tmp_path):
    put(tmp_path / "a.png")
    with pytest.raises(UsageError, match=r"a\.trimap\.png"):
        folder_pictures(tmp_path)


def test_trimap_of_another_size_is_refused(tmp_path):
    put(tmp_path / "a.png")
    put(tmp_path / "a.trimap.png", 13, 16)
    with pytest.raises(UsageError, match="16 x 12"):
        folder_pictures(tmp_path)


def test_missing_and_empty_folders_are_refused(tmp_path):
    with pytest.raises(UsageError, match="there is none"):
        folder_pictures(tmp_path / "nowhere")
    with pytest.raises(UsageError, match="found none"):
        folder_pictures(tmp_path)
