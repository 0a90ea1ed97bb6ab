"""Odd sizes, every target and every mode: what is converted verifies, can be looked into, and mattes."""

import json
from functools import partial

import numpy as np
import pytest
from typer.testing import CliRunner

from pam_edge.cli.main import app
from pam_edge.delivery.convert import convert
from pam_edge.delivery.inspect import inspect
from pam_edge.delivery.parity.verify import verify
from pam_edge.matting.images import write_rgba
from pam_edge.planning.budget import DEFAULT_BUDGETS
from pam_edge.targets import Target
from pam_edge.terms import Mode
from pam_edge.workers import side_by_side
from tests.conftest import minute_request

SIZES = [(32, 32), (96, 160), (224, 64)]
MODES = [Mode.STATIC, Mode.MULTI, Mode.DYNAMIC]


def cut_out_with(directory, tmp_path) -> np.ndarray:
    """Matte a picture larger than the model, and not a multiple of anything, through the command line."""
    generator = np.random.default_rng(5)
    photo = generator.integers(0, 256, (251, 173, 4), np.uint8)
    photo[..., 3] = 255
    mask = np.zeros((251, 173, 4), np.uint8)
    mask[60:200, 40:130] = 255
    mask[..., 3] = 255
    for name, rgba in (("photo", photo), ("mask", mask)):
        write_rgba(tmp_path / f"{name}.png", rgba)
    out = tmp_path / "cutout.png"
    arguments = ["matte", tmp_path / "photo.png", "--mask", tmp_path / "mask.png", "--model", directory, "-o", out]
    result = CliRunner().invoke(app, [*map(str, arguments), "--json"], catch_exceptions=False)
    assert json.loads(result.stdout)["output"] == str(out)
    from PIL import Image

    return np.asarray(Image.open(out))


def check(tmp_path, targets=tuple(Target), **changes) -> None:
    artifacts = convert(minute_request(tmp_path / "build", targets=targets, precision=None, **changes))
    judged = side_by_side([partial(verify, artifact.directory) for artifact in artifacts])
    looked_into = side_by_side([partial(inspect, artifact.directory) for artifact in artifacts])
    for artifact, records, (_, found) in zip(artifacts, judged, looked_into, strict=True):
        assert artifact.manifest.verified
        assert all(record.passed for record in records)
        assert set(found) == {entry.name for entry in artifact.manifest.entry_points}
        cutout = cut_out_with(artifact.directory, tmp_path)
        assert cutout.shape == (251, 173, 4)
        assert set(np.unique(cutout[0, :, 3])) == {0}
        assert cutout[130, 85, 3] == 255


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_every_size_in_every_mode_verifies_inspects_and_mattes(tmp_path, size, mode):
    check(tmp_path, height=size[0], width=size[1], mode=mode)


@pytest.mark.slow
@pytest.mark.parametrize(("size", "mode"), [((256, 256), m) for m in MODES] + [((288, 512), Mode.DYNAMIC)], ids=str)
def test_the_smallest_variant_that_ships_does_so_for_a_phone(tmp_path, size, mode):
    named = {"checkpoint": "pam-tiny", "profile": "iphone13", "budgets": DEFAULT_BUDGETS}
    check(tmp_path, height=size[0], width=size[1], mode=mode, **named)
