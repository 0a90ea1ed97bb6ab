"""Train on a machine that is lent for minutes, has no network, and takes and gives little.

python recipes/lease.py prepare --recipe recipes/pam-small-lease.toml --run runs/small   # here: fills runs/lease
python3 recipes/lease.py benchmark                                # there, in a copy of the tree with runs/lease
OUT=out python3 recipes/lease.py train --minutes 9                # there: leaves the state, in parts, in $OUT
python recipes/lease.py collect out --run runs/small              # here: the run goes on from there

The folder runs/lease holds the packs, a few packages that the other machine lacks, the recipe and the run's state.
The package need not be installed there: a tree of copies is put on the path.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path

PART_BYTES = 15 << 20
"""A file that comes back has at most 16 MiB."""
ALL_BYTES = 60 << 20
"""Files that come back have at most 64 MiB together."""
LENT_PYTHON = "3.12"
PACKAGES = ("pydantic", "pydantic_core", "annotated_types", "typing_inspection")
"""What training needs and that machine's Python lacks; in the versions that are installed here."""
SAVED_AT = 0.8
"""Share of the time after which a first state is left, should the machine go early."""

ROOT = Path(__file__).resolve().parents[1]
LEASE = ROOT / "runs" / "lease"
STATE = "state.pt"


def prepare(recipe: Path, run: Path, data: Path) -> None:
    """Fill runs/lease with what travels, and say how large it is."""
    shutil.rmtree(LEASE, ignore_errors=True)
    for folder in ("data", "state", "wheels"):
        (LEASE / folder).mkdir(parents=True)
    shutil.copy(recipe, LEASE / "recipe.toml")
    for name in ("cutouts.pack", "backgrounds.pack"):
        shutil.copy(data / name, LEASE / "data" / name)
    if (run / STATE).is_file():
        split(run / STATE, LEASE / "state")
    download_wheels(LEASE / "wheels")
    carried = sum(file.stat().st_size for file in LEASE.rglob("*") if file.is_file())
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split(
        "\n"
    )
    tracked = sum((ROOT / name).stat().st_size for name in listed if name)
    print(f"runs/lease {carried / 2**20:.1f} MiB, the tree {tracked / 2**20:.1f} MiB, of 64 MiB together")


def download_wheels(folder: Path) -> None:
    """Fetch wheels of the installed versions for the other machine's Python."""
    from importlib.metadata import version

    wanted = [f"{name}=={version(name)}" for name in PACKAGES]
    options = ["--no-deps", "--only-binary=:all:", "--python-version", LENT_PYTHON, "--implementation", "cp"]
    platforms = [f"--platform={name}" for name in ("manylinux_2_17_x86_64", "manylinux2014_x86_64")]
    subprocess.run(
        [sys.executable, "-m", "pip", "download", "-q", *options, *platforms, "-d", folder, *wanted], check=True
    )


def split(file: Path, folder: Path) -> list[Path]:
    """Copy a file in parts that are small enough to travel."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob(f"{file.name}.*"):
        old.unlink()
    parts = []
    with file.open("rb") as stream:
        while content := stream.read(PART_BYTES):
            parts.append(folder / f"{file.name}.{len(parts):02d}")
            parts[-1].write_bytes(content)
    return parts


def join(folder: Path, name: str, file: Path) -> bool:
    """Put the parts of a file together; False if there are none."""
    parts = sorted(folder.glob(f"{name}.[0-9][0-9]"))
    if parts:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"".join(part.read_bytes() for part in parts))
    return bool(parts)


def set_up() -> Path:
    """Put a copy of the package, and the packages that travelled, on the path; return the folder of data.

    Strands do not travel: they are drawn here, by all cores, once.
    """
    place = Path(os.environ.get("TMPDIR", "/tmp")) / "pam-edge-lease"
    tree, data = place / "tree", place / "data"
    if not data.exists():
        shutil.copytree(ROOT / "pam_edge", tree / "pam_edge", ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("converters", "device_profiles", "runtimes"):
            shutil.copytree(ROOT / name, tree / "pam_edge" / name, ignore=shutil.ignore_patterns("__pycache__"))
        for wheel in (LEASE / "wheels").glob(f"*{'' if _is_lent_python() else 'none-any'}*.whl"):
            zipfile.ZipFile(wheel).extractall(place / "site")
        shutil.copytree(LEASE / "data", data)
    sys.path[:0] = [str(tree)]
    if _is_lent_python():
        sys.path.append(str(place / "site"))
    _draw_strands(data)
    return data


def _is_lent_python() -> bool:
    return sys.version_info[:2] == tuple(map(int, LENT_PYTHON.split(".")))


def _draw_strands(data: Path) -> None:
    from concurrent.futures import ProcessPoolExecutor

    from pam_edge.learning.pack import STRANDS_PACK, pack_strands

    if not (data / STRANDS_PACK).exists():
        start = time.monotonic()
        with ProcessPoolExecutor(os.cpu_count()) as pool:
            pack_strands(data, data, int(os.environ.get("STRANDS", "240")), pool)
        print(f"strands drawn in {time.monotonic() - start:.0f} s", flush=True)


def make_trainer(data: Path, **changes: object):  # noqa: ANN201
    """Return a trainer of the recipe that travelled, in runs/lease/run, on the device that is there."""
    from pam_edge.learning.config import load_recipe
    from pam_edge.learning.launch import make_fabric
    from pam_edge.learning.trainer import Trainer

    config = load_recipe(LEASE / "recipe.toml")
    workers = max(1, (os.cpu_count() or 2) - 1)
    data_config = config.data.model_copy(update={"root": data, "workers": workers})
    config = config.model_copy(
        update={"data": data_config, "checkpoint_steps": 10**9, "picture_steps": 10**9, **changes}
    )
    folder = LEASE / "run"
    if not (folder / STATE).is_file():
        join(LEASE / "state", STATE, folder / STATE)
    return Trainer(config, folder, make_fabric(1, config.precision, folder / "tensorboard"))


def train(minutes: float, out: Path) -> None:
    """Train until the time is over and leave the state in parts; the time includes what comes before the first step."""
    start = time.monotonic()
    trainer = make_trainer(set_up())
    print(f"ready after {time.monotonic() - start:.0f} s on {trainer.fabric.device}", flush=True)
    for share in (SAVED_AT, 1.0):
        left = minutes * share - (time.monotonic() - start) / 60
        done = trainer.run(max(left, 0.01))
        leave(LEASE / "run", out)
        if done:
            break


def leave(run: Path, out: Path) -> None:
    """Put a run's state into the folder that comes back; without the optimizer's moments where it is too large."""
    import torch

    state = run / STATE
    if state.stat().st_size > ALL_BYTES:
        content = torch.load(state, map_location="cpu", weights_only=True)
        state = run / "small" / STATE
        state.parent.mkdir(exist_ok=True)
        torch.save({**content, "optimizer": None}, state)
    print("left:", ", ".join(part.name for part in split(state, out)), flush=True)


def benchmark(seconds: float) -> None:
    """Print for each phase of the recipe's first stage how many crops are composed, trained on, and both, a second."""
    data = set_up()
    trainer = make_trainer(data, log_steps=10**9)
    stage_config = trainer.config.stages[0]
    trainer._enter_stage(stage_config)
    stage = trainer._make_stage(stage_config)
    trainer.optimizer = trainer._make_optimizer(stage_config)
    for phase in stage_config.phases:
        rates = [f"{name} {rate:.0f}" for name, rate in _rates(trainer, stage_config, stage, phase, seconds)]
        print(f"{phase.crop} pixels, {phase.batch} a batch: crops a second: {', '.join(rates)}", flush=True)


def _rates(trainer, stage_config, stage, phase, seconds: float):  # noqa: ANN001, ANN202
    """Yield what is measured and its rate: batches alone, steps on one batch over and over, and both together."""
    from itertools import repeat

    from pam_edge.learning.batches import BatchPlan
    from pam_edge.learning.guard import StepGuard
    from pam_edge.learning.progress import Progress
    from pam_edge.learning.trainer import set_mode

    plan = BatchPlan(0, 10**6, phase.batch, phase.crop)
    first = next(iter(trainer._iterate(plan)))
    set_mode(trainer.supernet, stage.freeze_norms)
    guard = StepGuard(trainer.supernet, trainer.fabric)

    def rate(batches, train: bool) -> tuple[float, float]:  # noqa: ANN001
        meter = Progress(stage_config, trainer.fabric, trainer.position, guard, 10**9)
        count, start = 0, None
        for number, batch in enumerate(meter.timed(batches)):
            if train:
                trainer._step(stage_config, stage, batch, meter, full_precision=phase.full_precision)
            if number == 2:  # the first steps choose kernels and fill queues
                _finish(trainer)
                count, start, meter._waited_s = 0, time.monotonic(), 0.0
            count += len(batch)
            if start and time.monotonic() - start > seconds:
                break
        _finish(trainer)
        spent = time.monotonic() - (start or 0.0)
        return (count - len(batch)) / spent, meter._waited_s / spent

    yield "composed", rate(trainer._iterate(plan), train=False)[0]
    yield "trained on", rate(repeat(first), train=True)[0]
    both, waiting = rate(trainer._iterate(plan), train=True)
    yield "both", both
    yield "% of it waiting for data", 100 * waiting


def _finish(trainer) -> None:  # noqa: ANN001
    import torch

    if trainer.fabric.device.type == "cuda":
        torch.cuda.synchronize()


def collect(parts: Path, run: Path) -> None:
    """Put a state that came back into a run's folder; ``pam-edge train`` with the same recipe goes on from there."""
    if not join(parts, STATE, run / STATE):
        raise SystemExit(f"Expected parts of {STATE} in {parts}; there are none.")
    print(f"{run / STATE}: go on with pam-edge train --config {LEASE / 'recipe.toml'} --out {run}")


def main() -> None:
    """Parse and run one of the four."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("prepare", "benchmark", "train", "collect"):
        command = commands.add_parser(name)
        if name == "prepare":
            command.add_argument("--recipe", type=Path, required=True)
            command.add_argument("--data", type=Path, default=ROOT / "runs" / "data", help="packs")
        if name in ("prepare", "collect"):
            command.add_argument("--run", type=Path, required=True, help="folder of a run")
        if name == "collect":
            command.add_argument("parts", type=Path)
        if name == "train":
            command.add_argument("--minutes", type=float, required=True)
        if name == "benchmark":
            command.add_argument("--seconds", type=float, default=6.0)
    given = parser.parse_args()
    if given.command == "prepare":
        prepare(given.recipe, given.run, given.data)
    elif given.command == "benchmark":
        benchmark(given.seconds)
    elif given.command == "train":
        train(given.minutes, Path(os.environ["OUT"]))
    else:
        collect(given.parts, given.run)


if __name__ == "__main__":
    main()
