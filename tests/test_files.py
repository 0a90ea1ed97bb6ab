"""Files are written whole or not at all, and what is in their way is known before."""

import os

import pytest

from pam_edge.errors import ProfileError, UsageError
from pam_edge.files import as_path, check_can_write, read_text, what_is_in_the_way, write_whole


@pytest.fixture
def place(tmp_path):
    """Return a folder that holds a folder, a file, and a pipe."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("here")
    os.mkfifo(tmp_path / "pipe")
    return tmp_path


@pytest.mark.parametrize("name", ["new", "file", "new/deep/file", "folder/new"])
def test_a_file_that_can_be_written_is_not_refused_and_nothing_is_left(place, name):
    before = sorted(place.rglob("*"))
    check_can_write("-o", place / name)
    assert sorted(place.rglob("*")) == before
    write_whole(place / name, b"all of it")
    assert (place / name).read_bytes() == b"all of it"


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("folder", "it is a folder"),
        ("pipe", "it is neither a file nor a folder"),
        ("file/new", "file is a file, not a folder"),
        ("file/new/deep", "file is a file, not a folder"),
        ("x" * 300, "File name too long"),
        ("x" * 255, "File name too long"),  # as a draft, however short this process's number
    ],
)
def test_what_is_in_the_way_of_a_file_is_told(place, name, found):
    before = sorted(place.rglob("*"))
    with pytest.raises(UsageError, match=rf"-o: expected a file .*{name}: .*{found}.* Name a file"):
        check_can_write("-o", place / name)
    assert sorted(place.rglob("*")) == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_to_is_in_the_way(place):
    (place / "folder").chmod(0o500)
    assert what_is_in_the_way(place / "folder" / "new") == "Permission denied"


@pytest.mark.parametrize("name", ["folder", "file/new", "x" * 255])
def test_a_file_that_was_not_written_is_named_and_leaves_no_draft(place, name):
    before = sorted(place.rglob("*"))
    with pytest.raises(OSError) as error:
        write_whole(place / name, b"content")
    assert error.value.filename == str(place / name)
    assert error.value.filename2 is None
    assert sorted(place.rglob("*")) == before


@pytest.mark.parametrize(
    ("name", "found"),
    [("folder", "it is a folder"), ("none", "there is no such file"), ("picture", "it holds no text")],
)
def test_a_file_that_is_no_text_is_told_in_words(place, name, found):
    (place / "picture").write_bytes(b"\x89PNG")
    with pytest.raises(
        ProfileError, match=rf"Expected samples at .*{name}; it cannot be read: {found}.* Check the path."
    ):
        read_text(place / name, "samples", ProfileError)


@pytest.mark.parametrize("path", ["x" * 3000, "x/" * 3000])
def test_what_no_file_can_be_called_is_refused(path):
    with pytest.raises(UsageError, match="images: expected a path"):
        as_path("images", path)
