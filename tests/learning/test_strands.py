import numpy as np
import pytest

from pam_edge.learning.library import check_cutout, find_anchors
from pam_edge.learning.strand_drawing import Strands, compose_over, draw_strands
from pam_edge.learning.strand_growth import KINDS
from pam_edge.learning.strands import draw_kind, grow_on


def straight(width, colour=(200.0, 100.0, 50.0), y=16.0):
    """One strand across a picture of 32 pixels."""
    points = np.stack([np.linspace(-8, 40, 26), np.full(26, y)], 1)[None].astype(np.float32)
    widths = np.full((1, 26), width, np.float32)
    return Strands(points, widths, np.broadcast_to(np.float32(colour), (1, 26, 3)), np.zeros(1, np.int64))


@pytest.mark.parametrize("width", [0.2, 0.5, 1.0, 2.0, 3.0])
def test_a_strand_covers_as_much_as_it_is_wide(width):
    alpha = draw_strands(straight(width), 32, 32, (1.0,))[..., 3]
    assert alpha[:, 4:28].sum(0) == pytest.approx(np.full(24, width), rel=0.1, abs=0.25 if width > 0.4 else 0.02)


@pytest.mark.parametrize("width", [0.2, 1.0, 3.0])
@pytest.mark.parametrize("opacity", [0.3, 1.0])
def test_every_touched_pixel_has_the_strand_s_own_colour(width, opacity):
    drawn = draw_strands(straight(width, y=15.3), 32, 32, (opacity,))
    touched = drawn[..., 3] > 0.01
    straight_colour = drawn[touched][:, :3] / drawn[touched][:, 3:]
    assert straight_colour == pytest.approx(np.broadcast_to((200, 100, 50), straight_colour.shape), abs=1.0)


def test_layers_are_composed_by_their_opacities():
    one, two = straight(3.0), straight(3.0, (0.0, 0.0, 250.0))
    points, widths, colours = (
        np.concatenate([getattr(one, name), getattr(two, name)]) for name in ("points", "widths", "colours")
    )
    both = Strands(points, widths, colours, np.array([0, 1]))
    drawn = draw_strands(both, 32, 32, (0.5, 0.5))[16, 16]
    assert drawn[3] == pytest.approx(0.75, abs=0.01)
    assert drawn[:3] == pytest.approx([50, 25, 12.5 + 125], abs=2)


def test_composition_of_premultiplied_pictures_is_porter_and_duff_s():
    top, below = np.full((1, 1, 4), 0.25, np.float32), np.full((1, 1, 4), 0.5, np.float32)
    assert compose_over(top, below) == pytest.approx(0.25 + 0.75 * 0.5)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_can_be_trained_on_and_is_soft(kind):
    for seed in range(4):
        picture = draw_kind(np.random.default_rng(seed), kind, 96)
        check_cutout(picture)
        assert len(find_anchors(picture[..., 3])) > 50


@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_depends_on_its_generator_alone(kind):
    one, same, other = (draw_kind(np.random.default_rng(seed), kind, 64) for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_strands_grow_out_of_a_cutout_and_leave_its_inside_alone():
    y, x = np.mgrid[:80, :80]
    cutout = np.full((80, 80, 4), 90, np.uint8)
    cutout[..., 3] = (np.hypot(x - 40, y - 40) < 30) * 255
    grown = grow_on(np.random.default_rng(3), cutout, 120)
    height, width = grown.shape[:2]
    assert max(height, width) <= 120
    y, x = np.mgrid[:height, :width]
    distance = np.hypot(x - width / 2, y - height / 2)
    assert (grown[distance < 15, 3] == 255).all()
    outside = grown[(distance > 32) & (distance < 45), 3]
    assert (outside > 0).mean() > 0.02


def test_a_cutout_without_a_border_is_returned_as_it_is():
    flat = np.full((40, 40, 4), 100, np.uint8)
    assert grow_on(np.random.default_rng(0), flat, 64)[..., 3].max() == 100
