"""``python -m tests.campaign``: change files in many ways, hand them to the command line, count what becomes of them.

The same seed tries the same changes. What should not be (a traceback, a crash, a hang, too much memory, a file taken
that is wrong) is kept in a folder, with the command, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import shlex
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path
from random import Random

import torch
from rich.console import Console
from rich.table import Table

import pam_edge.delivery.bundle.package
import pam_edge.delivery.open_model
import pam_edge.measuring.import_samples
import pam_edge.planning.service  # noqa: F401  # imported before the forks, all of them
from tests.campaign.subjects import KINDS, Subject
from tests.campaign.trial import Outcome, judge, limit_this_process, run

FINE = (Outcome.REFUSED, Outcome.TAKEN)


def main() -> int:
    """Run the campaign; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaign", description=__doc__)
    parser.add_argument("--cases", type=int, default=100, help="tries of each kind of file")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=KINDS, action="append", help="this kind of file; may be repeated")
    parser.add_argument("--keep", type=Path, default=Path("campaign"), help="folder for what should not be")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    limit_this_process()
    counts: dict[str, Counter[Outcome]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for subject in (each for kind in asked.only or KINDS for each in KINDS[kind](Path(folder))):
            counts[subject.name] = Counter(_try(subject, asked.seed, case, asked.keep) for case in range(asked.cases))
            print(subject.name, dict(counts[subject.name]), file=sys.stderr, flush=True)
    _show(counts)
    return int(any(outcome not in FINE for count in counts.values() for outcome in count))


def _try(subject: Subject, seed: int, case: int, keep: Path) -> Outcome:
    chance = Random(f"{seed} {subject.name} {case}")
    with tempfile.TemporaryDirectory() as folder:
        scratch, copies = Path(folder, "scratch"), Path(folder, "copies")
        scratch.mkdir()
        root = _folder_of(subject.file)
        copy = shutil.copytree(root, copies / root.name) / subject.file.relative_to(root)
        copy.write_bytes(chance.choice(subject.mutations)(copy.read_bytes(), chance))
        arguments = subject.command(copy, scratch)
        ended = run(arguments, scratch)
        outcome, why = judge(ended), ""
        if outcome is Outcome.TAKEN:
            try:
                why = subject.wrong(copy, ended.stdout, scratch)
            except Exception as error:
                why = f"what it made cannot be used: {error!r}"
            outcome = Outcome.WRONG if why else Outcome.TAKEN
        if outcome not in FINE:
            kept = keep / f"{subject.name.replace(' ', '-')}-{seed}-{case}-{outcome.replace(' ', '-')}"
            shutil.copytree(copies, kept / "copies", dirs_exist_ok=True)
            told = [
                shlex.join(["pam-edge", *arguments]),
                f"{outcome}: {why}",
                f"exit {ended.code}, {ended.peak_bytes} bytes",
            ]
            (kept / "told.txt").write_text("\n".join([*told, ended.stdout, ended.stderr]))
    return outcome


def _folder_of(file: Path) -> Path:
    """Return the folder that is copied whole: the artifact that a file is in, or its own."""
    return next((parent for parent in file.parents if (parent / "manifest.json").is_file()), file.parent)


def _show(counts: dict[str, Counter[Outcome]]) -> None:
    table = Table("file", "tries", *Outcome)
    for name, count in counts.items():
        table.add_row(name, str(count.total()), *(str(count[outcome] or "-") for outcome in Outcome))
    total = sum(counts.values(), Counter())
    table.add_row("all", str(total.total()), *(str(total[outcome] or "-") for outcome in Outcome))
    Console(width=140).print(table)


if __name__ == "__main__":
    sys.exit(main())
