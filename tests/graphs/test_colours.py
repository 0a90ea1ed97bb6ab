"""Foreground colours inside the graph against those of the whole picture, and against what is known."""

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from pam_edge.evaluation.pictures import bundled_pictures, fit
from pam_edge.graphs.colours import estimate_foreground
from pam_edge.matting.foreground import foreground_blocks


def in_graph(image: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    planar = torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))[None].float()
    return estimate_foreground(planar, torch.from_numpy(alpha)[None, None])[0].numpy().transpose(1, 2, 0)


def on_picture(image: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    colours = np.empty(image.shape, np.float32)
    for block, found in foreground_blocks(image, alpha):
        colours[block] = found
    return colours


def composites():
    """Return image, alpha and true foreground of soft discs: smooth colours over photographs."""
    for seed, picture in enumerate(bundled_pictures()):
        behind = fit(picture, 256, 256).image.astype(np.float32)
        random = np.random.default_rng(seed)
        noise = gaussian_filter(random.random((256, 256)), 6)
        alpha = np.clip((noise - np.median(noise)) * 40 + 0.5, 0, 1).astype(np.float32)
        smooth = gaussian_filter(random.random((256, 256, 3)), (30, 30, 0))
        front = (255 * (smooth - smooth.min()) / np.ptp(smooth)).astype(np.float32)
        image = behind + (front - behind) * alpha[..., None]
        yield np.rint(image).astype(np.uint8), alpha, front


def fringe(colours, alpha, front) -> float:
    """Return the mean of |alpha * F - true alpha * F| over the soft pixels, in greys."""
    soft = (alpha > 0.02) & (alpha < 0.98)
    return float(np.abs((colours - front) * alpha[..., None])[soft].mean())


def test_the_fringe_is_that_of_the_whole_pictures_method():
    errors = [
        [fringe(estimate, alpha, front) for estimate in (in_graph(image, alpha), on_picture(image, alpha), image)]
        for image, alpha, front in composites()
    ]
    ours, theirs, untouched = np.mean(errors, axis=0)
    assert ours < 1.1 * theirs
    assert ours < 0.7 * untouched


def test_certain_foreground_keeps_its_colours():
    image, alpha, _ = next(composites())
    assert np.abs(in_graph(image, alpha) - image)[alpha == 1].max() < 1e-3


@pytest.mark.parametrize("value", [0.0, 1.0])
@pytest.mark.parametrize("size", [(32, 32), (64, 96), (224, 64)])
def test_a_picture_of_one_kind_gives_numbers(size, value):
    image = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    found = in_graph(image, np.full(size, value, np.float32))
    assert np.isfinite(found).all()
    assert (found >= 0).all()
    assert (found <= 255).all()
    if value:
        assert np.abs(found - image).max() < 1e-3


def test_half_precision_has_no_division_by_nothing():
    image = torch.randint(0, 256, (1, 3, 64, 64)).half()
    alpha = torch.zeros(1, 1, 64, 64).half()
    alpha[..., 10:12] = 0.001
    assert torch.isfinite(estimate_foreground(image, alpha)).all()
