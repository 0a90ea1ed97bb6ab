"""One list of suffixes, hidden files left out, and a name of its own for each picture."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pam_edge.errors import UsageError
from pam_edge.evaluation.datasets import find_cases
from pam_edge.evaluation.pictures import folder_pictures
from pam_edge.learning.library import background_names
from pam_edge.learning.sources import open_data
from pam_edge.matting.picture_files import SUFFIXES, namesake, pictures_in, unique_names


def put(file: Path) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    image = Image.new("L", (64, 64))
    image.paste(255, (20, 20, 50, 50))
    image.save(file)
    return file


def test_a_picture_whose_trimap_leaves_nothing_to_judge_is_named(tmp_path):
    put(tmp_path / "image" / "a.png")
    (tmp_path / "trimap").mkdir()
    Image.new("L", Image.open(tmp_path / "image" / "a.png").size, 255).save(tmp_path / "trimap" / "a.png")
    with pytest.raises(UsageError, match=r"Expected unknown pixels in the trimap of .*a\.png"):
        folder_pictures(tmp_path)


SPELLINGS = [*SUFFIXES, *(suffix.upper() for suffix in SUFFIXES)]


@pytest.mark.parametrize("suffix", SPELLINGS)
@pytest.mark.parametrize("partner", SPELLINGS)
def test_every_reader_of_folders_knows_every_suffix(tmp_path, suffix, partner):
    put(tmp_path / "image" / f"a{suffix}")
    put(tmp_path / "alpha" / f"a{partner}")
    put(tmp_path / "backgrounds" / f"a{suffix}")
    assert [picture.name for picture in folder_pictures(tmp_path)] == ["a"]
    assert [case.load().alpha.max() for case in find_cases(tmp_path, "folder")] == [pytest.approx(1, abs=0.02)]
    assert background_names(open_data(tmp_path), held_out=False) == [f"backgrounds/a{suffix}"]


@pytest.mark.parametrize("name", ["._a.png", ".DS_Store", "Thumbs.db", ".a.jpg", "notes.txt"])
def test_what_systems_leave_in_folders_is_no_picture(tmp_path, name):
    for folder in ("image", "alpha", "backgrounds"):
        put(tmp_path / folder / "a.png")
        (tmp_path / folder / name).write_bytes(b"\0\5\x16\7")
    assert len(folder_pictures(tmp_path)) == 1
    assert len(find_cases(tmp_path, "folder")) == 1
    assert len(background_names(open_data(tmp_path), held_out=False)) == 1


def test_pictures_that_differ_in_their_suffix_have_names_and_trimaps_of_their_own(tmp_path):
    for name in ("cat.jpg", "cat.png"):
        put(tmp_path / "image" / name)
        put(tmp_path / "alpha" / name)
    assert [picture.name for picture in folder_pictures(tmp_path)] == ["cat.jpg", "cat.png"]
    assert [case.name for case in find_cases(tmp_path, "folder")] == ["cat.jpg", "cat.png"]
    assert namesake(tmp_path / "alpha", "cat.jpg") == tmp_path / "alpha" / "cat.jpg"
    assert namesake(tmp_path / "alpha", "cat.webp") == tmp_path / "alpha" / "cat.png"


stems = st.sampled_from(["cat", "Cat", "cat.jpg", "dog"])


@given(st.lists(st.builds(lambda stem, suffix: Path(stem + suffix), stems, st.sampled_from(SUFFIXES)), unique=True))
def test_names_differ_in_more_than_case(files):
    files = list({file.name.casefold(): file for file in files}.values())
    names = unique_names(files)
    assert len({name.casefold() for name in names}) == len(files)
    assert all(name in (file.stem, file.name) for name, file in zip(names, files, strict=True))


def test_folders_are_no_pictures(tmp_path):
    (tmp_path / "a.png").mkdir()
    assert pictures_in(tmp_path) == []
    assert pictures_in(tmp_path / "nowhere") == []
