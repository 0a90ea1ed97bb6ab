import cv2
import numpy as np
import pytest
import torch

from pam_edge.learning.batches import BatchPlan, collate, finish_batch, iterate, stack
from pam_edge.learning.camera import (
    BACK_TONE,
    COARSE,
    FRONT_TONE,
    GRAIN,
    LINEAR,
    MATCH,
    NOISE_AT,
    PICTURE_TONE,
    QUALITY,
    SETTINGS,
    SHARPEN,
    SUBSAMPLED,
    develop,
    draw_settings,
)
from pam_edge.learning.composition import Composer
from pam_edge.learning.config import DataConfig
from pam_edge.learning.jpeg import compress
from pam_edge.learning.library import load_library


def plain(count=1):
    """Settings that change nothing."""
    settings = torch.zeros(count, SETTINGS)
    for place in (FRONT_TONE, BACK_TONE, PICTURE_TONE):
        settings[:, place] = torch.tensor([1.0, 1, 0, 1, 1, 1, 1])
    return settings


def layers(count=1, size=32, seed=0):
    generator = torch.Generator().manual_seed(seed)
    front = torch.rand(count, 4, size, size, generator=generator)
    return front, torch.rand(count, 3, size, size, generator=generator)


@pytest.fixture
def composer(data_config):
    return Composer(load_library(data_config), data_config, seed=3)


def test_without_settings_a_picture_is_the_composition():
    front, back = layers(3)
    picture, contrast = develop(front, back, plain(3))
    expected = (front[:, :3] * front[:, 3:] + back * (1 - front[:, 3:])) * 255
    assert (picture - expected).abs().max() <= 0.51
    torch.testing.assert_close(contrast, (front[:, :3] - back).abs().mean(1, keepdim=True), atol=2e-4, rtol=0)


def test_linear_light_mixes_black_and_white_to_a_lighter_grey():
    front, back = torch.ones(1, 4, 32, 32), torch.zeros(1, 3, 32, 32)
    front[:, 3] = 0.5
    settings = plain()
    settings[:, LINEAR] = 1
    assert develop(front, back, settings)[0].mean().item() == pytest.approx(255 * 0.5 ** (1 / 2.2), abs=1)


def test_a_matched_background_has_the_subject_s_mean_colour():
    front, back = layers()
    front[:, :3], back = 0.3 + 0.1 * front[:, :3], 0.6 + 0.2 * back
    settings = plain()
    settings[:, MATCH] = 1
    contrast = develop(front, back, settings)[1]
    assert contrast.mean() < develop(front, back, plain())[1].mean() / 3


@pytest.mark.parametrize("coarse", [0, 1])
def test_grain_has_about_its_standard_deviation_and_depends_on_the_crop_alone(coarse):
    flat, settings = torch.full((1, 3, 64, 64), 0.5), plain()
    settings[:, GRAIN], settings[:, NOISE_AT], settings[:, COARSE] = 6.0, 12345, coarse
    empty = torch.zeros(1, 4, 64, 64)
    alone = develop(empty, flat, settings)[0]
    assert alone.std().item() == pytest.approx(6.0 if not coarse else 4.5, rel=0.1)
    both = torch.cat([plain(), settings])
    assert torch.equal(develop(empty.expand(2, -1, -1, -1), flat.expand(2, -1, -1, -1), both)[0][1:], alone)


def test_sharpening_leaves_flat_parts_alone_and_raises_edges():
    flat = torch.full((1, 3, 32, 32), 0.4)
    flat[..., 16:] = 0.6
    settings = plain()
    settings[:, SHARPEN] = 1.0
    found = develop(torch.zeros(1, 4, 32, 32), flat, settings)[0]
    assert found[..., 2].unique().tolist() == [102]
    assert found[..., 16].min() > 0.6 * 255 + 5


@pytest.mark.parametrize("quality", [30, 50, 75, 95])
@pytest.mark.parametrize("halved", [False, True])
def test_jpeg_s_losses_are_those_of_a_real_encoder(quality, halved):
    rng = np.random.default_rng(0)
    picture = cv2.GaussianBlur(rng.uniform(0, 255, (64, 64, 3)).astype(np.float32), (0, 0), 1.5).clip(0, 255)
    picture = np.rint((picture - 128) * 3 + 128).clip(0, 255).astype(np.uint8)
    sampling = cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420 if halved else cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444
    options = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling]
    real = cv2.imdecode(cv2.imencode(".jpg", picture[..., ::-1], options)[1], cv2.IMREAD_COLOR)[..., ::-1]
    tensor = torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 255
    found = compress(tensor, torch.tensor([float(quality)]), halved=halved)[0].permute(1, 2, 0).numpy() * 255
    # The encoder rounds in between, and decoders widen chroma in their own ways.
    assert np.abs(found - real).mean() < 0.75 + 0.25 * np.abs(picture - real.astype(float)).mean()


def test_every_drawn_setting_gives_a_picture():
    rng = np.random.default_rng(0)
    config = DataConfig(matched_background=0.5, linear_light=0.5, sharpened=0.5, compressed=0.5)
    settings = torch.from_numpy(np.stack([draw_settings(rng, config) for _ in range(64)]))
    assert (settings[:, SUBSAMPLED] > 0).any() and (settings[:, QUALITY] > 0).any()
    front, back = layers(64)
    picture, contrast = develop(front, back, settings)
    assert torch.isfinite(picture).all() and picture.min() >= 0 and picture.max() <= 255
    assert contrast.min() >= 0 and contrast.max() <= 1


@pytest.mark.parametrize("size", [32, 96])
def test_a_batch_is_the_same_made_at_once_or_crop_by_crop(composer, size):
    crops = [composer.make(number, size) for number in range(6)]
    whole = collate(crops)
    for index, crop in enumerate(crops):
        alone = collate([crop])
        # Convolutions and products of another batch size round differently, which rarely tips a grey level.
        assert (whole.image[index] - alone.image[0]).abs().mean() < 0.01
        assert torch.equal(whole.alpha[index], alone.alpha[0])


def test_layers_composed_by_the_training_process_are_the_workers_batches(composer):
    plan = BatchPlan(first=7, steps=1, batch=2, size=32)
    batch = next(iterate(composer, plan, 0))
    layers = stack([composer.make(number, 32) for number in plan.numbers(0)])
    assert torch.equal(finish_batch(layers.to(torch.device("cpu"))).image, batch.image)
    assert batch.image.is_contiguous(memory_format=torch.channels_last)


def test_layers_go_to_a_device_but_for_the_settings_that_decide(composer):
    layers = stack([composer.make(1, 32)]).to(torch.device("meta"))
    assert (layers.front.device.type, layers.settings.device.type) == ("meta", "cpu")
