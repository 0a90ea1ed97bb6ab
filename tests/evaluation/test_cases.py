"""Test cases are read as all pictures are, and one process or several score them alike."""

from functools import partial

import cv2
import numpy as np
import pytest

from pam_edge.errors import UsageError
from pam_edge.evaluation.datasets import Case, Sample, UnusableCase, find_cases
from pam_edge.evaluation.evaluate import Matte, evaluate_cases, merge

Y, X = np.mgrid[:70, :90]
DISC = (np.clip((20 - np.hypot(X - 45, Y - 35)) / 4 + 0.5, 0, 1) * 255).astype(np.uint8)


def write(root, alpha=DISC, **more):
    """Write a case named ``one``: its picture, its alpha, and pictures in other folders."""
    for folder, pixels in {"image": np.dstack([DISC] * 3), "alpha": alpha, **more}.items():
        (root / folder).mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(root / folder / "one.png"), pixels)
    return find_cases(root)[0]


@pytest.mark.parametrize(
    "alpha",
    [DISC, np.dstack([DISC] * 3), DISC.astype(np.uint16) * 257, np.dstack([np.zeros((70, 90, 3), np.uint8), DISC])],
    ids=["grey", "RGB of grey", "16 bit", "alpha of a cut-out"],
)
def test_alpha_is_read_from_whatever_holds_it(tmp_path, alpha):
    sample = write(tmp_path, alpha).load()
    assert (sample.alpha == DISC.astype(np.float32) / np.float32(255)).all()


def test_a_float_tiff_of_four_channels_is_read_as_any_other(tmp_path):
    write(tmp_path)
    (tmp_path / "alpha" / "one.png").unlink()
    share = DISC.astype(np.float32) / np.float32(255)
    assert cv2.imwrite(str(tmp_path / "alpha" / "one.tiff"), np.dstack([np.zeros((70, 90, 3), np.float32), share]))
    assert (find_cases(tmp_path)[0].load().alpha == share).all()


def test_a_picture_keeps_its_colours(tmp_path):
    red = np.zeros((70, 90, 3), np.uint8)
    red[..., 2] = 200
    assert write(tmp_path, image=red).load().image[0, 0].tolist() == [200, 0, 0]


def test_a_trimaps_greys_are_cleaned(tmp_path):
    trimap = np.where(DISC == 0, 3, np.where(DISC == 255, 250, 130)).astype(np.uint8)
    assert set(np.unique(write(tmp_path, trimap=trimap).load().trimap)) == {0, 128, 255}


def as_a_folder(root):
    (root / "image" / "one.png").unlink()
    (root / "image" / "one.png").mkdir()


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (as_a_folder, "Expected an image file"),
        (lambda root: (root / "image" / "one.png").write_bytes(b"text"), "Expected an image in"),
        (lambda root: (root / "alpha" / "one.png").write_bytes(b""), "Expected an image in"),
        (lambda root: cv2.imwrite(str(root / "alpha" / "one.png"), DISC[:50]), "90 x 70.*90 x 50"),
        (lambda root: cv2.imwrite(str(root / "trimap" / "one.png"), DISC // 128), "labels"),
    ],
)
def test_a_case_that_cannot_be_read_says_why(tmp_path, damage, reason):
    case = write(tmp_path, trimap=np.full_like(DISC, 128))
    damage(tmp_path)
    with pytest.raises(UnusableCase, match=reason):
        case.load()


def torn():
    raise UnusableCase("torn")


def fill(image, trimap, value):
    return Matte(np.full(trimap.shape, value, np.float32))


METHODS = {"second": partial(fill, value=0.5), "first": partial(fill, value=1.0)}


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_results_stand_in_the_same_order_for_any_number_of_processes(processes):
    sample = Sample(np.dstack([DISC] * 3), np.full_like(DISC, 128), DISC.astype(np.float32) / 255)
    cases = [Case(name, lambda: sample) for name in ("b", "a.b/x", "a/x", "a")]
    cases += [Case(name, torn) for name in ("z", "y")]
    parts = [evaluate_cases(cases, METHODS, (rank, processes)) for rank in range(processes)]
    found = parts[0] if processes == 1 else merge(parts)
    names = ["a", "a.b/x", "a/x", "b"]
    assert [(row.case, row.method) for row in found.rows] == [(n, m) for n in names for m in ("second", "first")]
    assert found.problems == ("y: torn", "z: torn")
    assert list(found.summary()) == ["second", "first"]


@pytest.mark.parametrize("processes", [1, 2])
def test_nothing_to_score_is_an_error_for_any_number_of_processes(processes):
    cases = [Case(name, torn) for name in ("b", "a", "c")]
    with pytest.raises(UsageError, match="None of 3 cases could be scored: a: torn; b: torn; c: torn"):
        merge([evaluate_cases(cases, METHODS, (rank, processes)) for rank in range(processes)])
