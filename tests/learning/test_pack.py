import json
import zipfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from typer.testing import CliRunner

from pam_edge.cli.main import app
from pam_edge.errors import UsageError
from pam_edge.learning.library import is_held_out, load_library
from pam_edge.learning.pack import pack_strands, shrink_cutout, write_pack
from pam_edge.learning.sources import open_data


@pytest.fixture(scope="module")
def packed(data_root, tmp_path_factory):
    out = tmp_path_factory.mktemp("packs")
    arguments = [
        "data",
        "pack",
        "--data",
        str(data_root),
        "--out",
        str(out),
        "--strands",
        "2",
        "--workers",
        "1",
        "--json",
    ]
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    return out, json.loads(result.stdout)


def test_packs_hold_every_picture_and_say_so(packed):
    assert {name: found["pictures"] for name, found in packed[1].items()} == {
        "cutouts.pack": 8,
        "backgrounds.pack": 6,
        "strands.pack": 4,
    }
    assert all((packed[0] / name).stat().st_size == found["bytes"] for name, found in packed[1].items())


@pytest.mark.parametrize("held_out", [False, True])
def test_a_packed_library_has_the_split_and_the_pictures_of_its_folder(packed, data_config, held_out):
    before = load_library(data_config, held_out=held_out)
    after = load_library(data_config.model_copy(update={"root": packed[0]}), held_out=held_out)
    there = {item.name.removesuffix(".webp"): item for item in after.foregrounds}
    for item in before.foregrounds:
        same = there[item.name.removesuffix(".png")]
        assert np.array_equal(same.levels[0][..., 3], item.levels[0][..., 3]), "alpha is stored without loss"
        inside = item.levels[0][..., 3] > 200
        # Colours of 4:2:0 at quality 72.
        assert np.abs(same.levels[0][inside][:, :3].astype(int) - item.levels[0][inside][:, :3]).mean() < 12
        assert same.weight == pytest.approx(item.weight, rel=0.01)
    assert len(after.backgrounds) == len(before.backgrounds)


def test_strands_grown_on_a_cutout_are_on_its_side_of_the_split(packed, data_config):
    names = [name for name in open_data(packed[0]).names if "/grown/" in name]
    assert len(names) == 2
    for name in names:
        original = name.replace("/grown/", "/").replace(".webp", ".png")
        assert is_held_out(name, data_config) == is_held_out(original, data_config)
    assert all((data_config.root / name.replace("/grown/", "/").replace(".webp", ".png")).is_file() for name in names)


def test_packing_again_gives_the_same_bytes(packed, data_root, tmp_path):
    with ThreadPoolExecutor(1) as pool:
        pack_strands(data_root, tmp_path, 2, pool)
    assert (tmp_path / "strands.pack").read_bytes() == (packed[0] / "strands.pack").read_bytes()


def test_a_picture_that_cannot_be_used_is_named_and_left_out(tmp_path):
    packed = write_pack(tmp_path / "a.pack", ["cutouts/bad.png: torn", ("cutouts/good.webp", b"content", 0.5)])
    assert (packed.pictures, packed.problems) == (1, ("cutouts/bad.png: torn",))
    assert open_data(tmp_path).names == ["cutouts/good.webp"]
    assert zipfile.ZipFile(packed.path).read("cutouts/good.webp") == b"content"


def test_a_damaged_pack_is_refused_with_its_name(tmp_path):
    (tmp_path / "cutouts.pack").write_bytes(b"no pack")
    with pytest.raises(UsageError, match=r"cutouts\.pack"):
        open_data(tmp_path)


@pytest.mark.parametrize("shape", [(40, 100), (100, 40), (20, 20)])
def test_shrinking_keeps_edge_colours_free_of_what_lies_behind(shape):
    cutout = np.zeros((*shape, 4), np.uint8)
    cutout[5:, 5:] = (10, 200, 30, 255)
    small = shrink_cutout(cutout, 33)
    assert max(small.shape[:2]) == min(33, max(shape))
    visible = small[..., 3] > 8
    assert np.abs(small[visible][:, :3].astype(int) - (10, 200, 30)).max() <= 1
