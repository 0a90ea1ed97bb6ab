import numpy as np
import pytest

from pam_edge.evaluation.pictures import Picture, adversarial_pictures, bundled_pictures, fit
from pam_edge.matting.trimaps import BACKGROUND, FOREGROUND, UNKNOWN

SIZES = [(32, 32), (32, 512), (64, 32), (96, 96), (160, 224), (512, 288)]


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_every_picture_that_parity_is_judged_on_has_something_to_judge(size):
    pictures = [*(fit(picture, *size) for picture in bundled_pictures()), *adversarial_pictures(*size)]
    assert {picture.trimap.shape for picture in pictures} == {size}
    assert [picture.name for picture in pictures if not (picture.trimap == UNKNOWN).any()] == []


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_a_band_thinner_than_what_a_small_size_keeps_survives(size):
    trimap = np.full((1000, 1000), BACKGROUND, np.uint8)
    trimap[300:700, 300:700] = FOREGROUND
    trimap[300, 300:700] = UNKNOWN
    thin = Picture("thin", np.zeros((1000, 1000, 3), np.uint8), trimap, "photograph", "made")
    assert (fit(thin, *size).trimap == UNKNOWN).any()
