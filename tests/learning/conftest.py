import cv2
import numpy as np
import pytest

from pam_edge.learning.config import DataConfig, Phase, StageConfig, StageKind, TrainConfig


def write_cutout(path, size=96, soft=6, seed=0):
    """Write a soft-edged disc with a random colour texture as an RGBA cut-out."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size]
    distance = np.hypot(x - size / 2, y - size / 2)
    alpha = np.clip((size / 3 - distance) / soft + 0.5, 0, 1)
    colour = cv2.resize(rng.integers(0, 256, (6, 6, 3), np.uint8), (size, size))
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.dstack([colour, (alpha * 255).astype(np.uint8)]))


def write_background(path, size=128, seed=0):
    rng = np.random.default_rng(1000 + seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), cv2.resize(rng.integers(0, 256, (9, 9, 3), np.uint8), (size, size)))


@pytest.fixture(scope="session")
def data_root(tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    for index in range(8):
        write_cutout(root / "cutouts" / "discs" / f"disc{index}.png", seed=index)
    for index in range(6):
        write_background(root / "backgrounds" / "noise" / f"noise{index}.png", seed=index)
    return root


@pytest.fixture(scope="session")
def data_config(data_root):
    return DataConfig(root=data_root, workers=0, held_out=0.25)


@pytest.fixture(scope="session")
def recipe(data_config):
    """Three stages of four steps each with the smallest supernet."""
    phases = (Phase(share=0.5, crop=32, batch=2), Phase(share=0.5, crop=64, batch=2))
    stages = tuple(
        StageConfig(kind=kind, steps=4, learning_rate=1e-3, warm_up_steps=1, phases=phases) for kind in StageKind
    )
    return TrainConfig(
        variant="pam-minute",
        data=data_config,
        stages=stages,
        checkpoint_steps=1,
        calibration={
            "images": 2,
            "crop": 64,
            "paths_per_budget": 1,
            "sampled_per_budget": 2,
            "screening_images": 2,
        },
    )
