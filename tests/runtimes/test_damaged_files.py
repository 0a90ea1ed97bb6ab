"""What is no file of a target, or no longer one: every runtime says so in one paragraph, and no command dies of it."""

import os
import random
import shutil
import subprocess
import sys

import pytest

from pam_edge.delivery.artifact.manifest import read_manifest
from pam_edge.errors import ArtifactError, ParityError
from pam_edge.runtimes.base import OF_DYNAMIC, OF_PROBE, OF_STATIC
from pam_edge.runtimes.registry import load_runtime
from pam_edge.targets import Target
from pam_edge.workers import CRASH_HOOK

METHODS = {
    "inspect": lambda runtime, file, name: runtime.inspect(file, name),
    "load": lambda runtime, file, name: runtime.load(file, name, OF_STATIC, threads=1),
    "load a dynamic graph": lambda runtime, file, name: runtime.load(file, name, OF_DYNAMIC, threads=1),
    "load a probe": lambda runtime, file, name: runtime.load(file, name, OF_PROBE, threads=1),
}


def in_a_fork(call) -> str:
    """Return what a call raises, as class and message, or ``fine``; native code may end the fork, not the tests."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        try:
            call()
            said = "fine"
        except BaseException as error:
            said = f"{type(error).__name__}: {error}"
        os.write(writer, said.encode(errors="replace")[:4000])
        os._exit(0)
    os.close(writer)
    with open(reader, encoding="utf-8", errors="replace") as stream:  # noqa: PTH123  (a descriptor)
        said = stream.read()
    _, status = os.waitpid(child, 0)
    return f"signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else said


@pytest.fixture(scope="module")
def made(static_artifacts):
    """Return each target's runtime, a file of it, and the file's entry point."""

    def one(target):
        artifact = static_artifacts[target]
        entry = artifact.manifest.entry_points[0]
        return load_runtime(target), artifact.directory / entry.file, entry.function

    return {target: one(target) for target in Target}


def parts(file):
    """Return the files that make up a file or a package."""
    return sorted(each for each in file.rglob("*") if each.is_file()) if file.is_dir() else [file]


def copied(file, folder):
    """Copy a file or a package."""
    to = folder / f"copy{file.suffix}"
    return shutil.copytree(file, to) if file.is_dir() else shutil.copy(file, to)


def places(made, target, tmp_path):
    """Yield what is no file of a target, by name."""
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    (tmp_path / "random").write_bytes(random.Random(0).randbytes(5000))
    (tmp_path / "text").write_text("no model at all, but long enough to hold a header and more " * 9)
    for name in ("missing", "empty", "folder", "random", "text", "empty/below"):
        yield name, tmp_path / name
    yield "device", type(tmp_path)(os.devnull)
    for other in Target:
        if other is not target:
            yield other, made[other][1]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("target", Target, ids=str)
def test_what_is_no_file_of_the_target_is_refused_in_one_paragraph(made, target, method, tmp_path):
    runtime, _, name = made[target]
    for what, place in places(made, target, tmp_path):
        said = in_a_fork(lambda place=place: METHODS[method](runtime, place, name))
        assert said.startswith("ArtifactError: "), (what, said)
        assert "\n" not in said, what
        assert str(place) in said, what


CUTS = (0, 1, 7, 8, 9, 32, 100, 1000, 0.1, 0.5, 0.9, -64, -1)
"""Bytes kept, or their share, or how many are left out at the end."""


def cut(data, at):
    return data[: int(at * len(data)) if isinstance(at, float) else at]


@pytest.mark.parametrize("method", ["inspect", "load"])
@pytest.mark.parametrize("target", Target, ids=str)
def test_a_file_cut_short_anywhere_is_refused_or_whole_in_what_counts(made, target, method, tmp_path):
    runtime, file, name = made[target]
    fine = 0
    for part in range(len(parts(file))):
        for at in CUTS:
            copy = copied(file, tmp_path)
            piece = parts(copy)[part]
            whole = piece.read_bytes()
            piece.write_bytes(cut(whole, at))
            said = in_a_fork(lambda copy=copy: METHODS[method](runtime, copy, name))
            assert said == "fine" or said.startswith("ArtifactError: "), (piece.name, at, said)
            assert "\n" not in said
            fine += said == "fine" and piece.read_bytes() != whole
            shutil.rmtree(copy) if copy.is_dir() else copy.unlink()
    # Inspection reads no weights, which a package keeps apart; a line's end and what pads a file's end may go.
    assert fine <= 2 + (len(CUTS) if target is Target.COREML and method == "inspect" else 0)


def mutated(data, seed):
    """Return bytes of which some, many of them near the start or the end, are others."""
    chance, changed = random.Random(seed), bytearray(data)
    for _ in range(chance.randrange(1, 30)):
        place = chance.choice(
            [chance.randrange(min(4096, len(data))), -chance.randrange(1, 16384), chance.randrange(len(data))]
        )
        changed[place % len(data)] = chance.randrange(256)
    return bytes(changed)


@pytest.mark.parametrize("seed", [*range(2), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 60))])
@pytest.mark.parametrize("target", Target, ids=str)
def test_changed_bytes_raise_no_other_error_than_artifact_errors(made, target, seed, tmp_path):
    runtime, file, name = made[target]
    copy = copied(file, tmp_path)
    piece = random.Random(seed).choice(parts(copy))
    piece.write_bytes(mutated(piece.read_bytes(), seed))
    for method in ("inspect", "load"):
        said = in_a_fork(lambda method=method: METHODS[method](runtime, copy, name))
        # Native code may crash; the commands run it in a worker for that reason.
        assert said == "fine" or said.startswith(("ArtifactError: ", "signal ")), (method, said)


@pytest.fixture
def folder(static_artifacts, request, tmp_path):
    """Return a copy of an artifact folder."""
    artifact = static_artifacts[request.param]
    return shutil.copytree(artifact.directory, tmp_path / "artifact")


def pam_edge(*arguments, **environment):
    """Run the command line as users do."""
    command = [sys.executable, "-P", "-m", "pam_edge.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=os.environ | environment)


def damage(folder, how):
    entry = read_manifest(folder).entry_points[0]
    for piece in parts(folder / entry.file):
        data = piece.read_bytes()
        piece.write_bytes(data[: len(data) // 2] if how == "cut" else mutated(data, 3) if how == "changed" else b"")


@pytest.mark.parametrize("how", ["cut", *(pytest.param(how, marks=pytest.mark.slow) for how in ("changed", "emptied"))])
@pytest.mark.parametrize("folder", Target, ids=str, indirect=True)
def test_inspect_of_a_damaged_artifact_ends_with_a_paragraph(folder, how):
    damage(folder, how)
    done = pam_edge("inspect", folder)
    assert done.returncode == 2 or (how == "changed" and done.returncode == 0), done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == (1 if done.returncode else 0)


@pytest.mark.parametrize("how", ["cut", *(pytest.param(how, marks=pytest.mark.slow) for how in ("changed", "emptied"))])
@pytest.mark.parametrize("folder", Target, ids=str, indirect=True)
def test_verify_of_a_damaged_artifact_fails_and_says_why(folder, how):
    damage(folder, how)
    done = pam_edge("verify", folder)
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert read_manifest(folder).entry_points[0].name in done.stdout + done.stderr


@pytest.mark.parametrize("folder", [Target.TFLITE], ids=str, indirect=True)
@pytest.mark.parametrize(("command", "code", "error"), [("inspect", 2, ArtifactError), ("verify", 1, ParityError)])
def test_a_file_that_crashes_its_runtime_is_an_error_paragraph(folder, command, code, error):
    done = pam_edge(command, folder, **{CRASH_HOOK: folder.name})
    assert done.returncode == code
    (line,) = [line for line in done.stderr.splitlines() if line.strip()]
    assert str(folder) in line and "SIGABRT" in line


@pytest.mark.parametrize("folder", Target, ids=str, indirect=True)
def test_matte_does_not_load_a_file_that_was_changed(folder, tmp_path):
    from pam_edge.delivery.open_model import open_model

    entry = read_manifest(folder).entry_points[0]
    piece = parts(folder / entry.file)[-1]
    piece.write_bytes(mutated(piece.read_bytes(), 0))
    with pytest.raises(ArtifactError, match=r"as it was made.*SHA-256"):
        open_model(str(folder), None, threads=1)
