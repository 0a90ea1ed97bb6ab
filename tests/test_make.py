"""The Makefile's targets for the libraries of apps, on a machine that has nothing for them."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make here")
@pytest.mark.parametrize("target", ["test-android", "test-ios", "test-web"])
def test_what_cannot_be_run_here_is_said_and_is_no_failure(target, tmp_path):
    for name in ("bash", "env", "dirname", "mkdir", "make"):
        (tmp_path / name).symlink_to(str(shutil.which(name)))
    bare = os.environ | {"PATH": str(tmp_path)}
    done = subprocess.run(["make", "-C", ROOT, target], capture_output=True, text=True, env=bare, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "not run: " in done.stdout
    assert done.stderr == ""
