"""``python -m tests.bench``: run the benchmarks and print them; see ``--help``."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console

from tests.bench.choosing import TARGETS
from tests.bench.machine import describe_machine

CONVERT, LATENCY, OPERATORS, CHOOSING, PREDICTION = "convert", "latency", "operators", "choosing", "prediction"
ENDS = "ends"
PARTS = (CONVERT, LATENCY, OPERATORS, CHOOSING, PREDICTION, ENDS)
_WIDTH = 116


@dataclass(frozen=True, slots=True)
class Options:
    """What to run: parts, variants, targets of those parts that have one, input side in pixels, threads, rounds."""

    parts: tuple[str, ...]
    checkpoints: tuple[str, ...]
    targets: tuple[str, ...]
    size: int
    threads: int
    rounds: int
    json: Path | None


def parse(arguments: Sequence[str] | None = None) -> Options:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--only", action="append", choices=PARTS, help="run this part alone; may be repeated")
    parser.add_argument("--checkpoint", action="append", help="variant; may be repeated (pam-tiny and pam-small)")
    parser.add_argument("--target", action="append", choices=TARGETS, help="of choosing, prediction and ends (both)")
    parser.add_argument("--size", type=int, default=512, help="height and width, a multiple of 32 (512)")
    parser.add_argument("--threads", type=int, default=1, help="of every contender (1)")
    parser.add_argument("--rounds", type=int, default=15, help="timed rounds, after three of warm-up (15)")
    parser.add_argument("--json", type=Path, help="also write every number to this file")
    given = parser.parse_args(arguments)
    return Options(
        parts=tuple(given.only or PARTS),
        checkpoints=tuple(given.checkpoint or ("pam-tiny", "pam-small")),
        targets=tuple(given.target or TARGETS),
        size=given.size,
        threads=given.threads,
        rounds=given.rounds,
        json=given.json,
    )


def main() -> int:
    """Run the parts in order, print each as it is done; exit code 1 if something is not verified or not delegated."""
    options, console = parse(), _console()
    results: dict[str, Any] = {"machine": describe_machine()}
    machine = results["machine"]
    console.print(f"{machine['processor']}, {machine['cores']} cores, {machine['system']}", style="dim")
    console.print(", ".join(f"{name} {number}" for name, number in machine["versions"].items()), style="dim")
    sound = True
    if CONVERT in options.parts:
        sound &= _convert(console, results)
    for checkpoint in options.checkpoints:
        if LATENCY in options.parts or OPERATORS in options.parts:
            sound &= _measure(console, results, options, checkpoint)
        for target in options.targets:
            if CHOOSING in options.parts:
                _choose(console, results, options, checkpoint, target)
            if ENDS in options.parts:
                _measure_ends(console, results, options, checkpoint, target)
            if PREDICTION in options.parts:
                _predict(console, results, options, checkpoint, target)
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n")
    return 0 if sound else 1


def _console() -> Console:
    """Return a console that is wide enough for the tables where there is no terminal to say how wide it is."""
    console = Console()
    return console if console.is_terminal else Console(width=_WIDTH)


def _convert(console: Console, results: dict[str, Any]) -> bool:
    from tests.bench.conversion import EXPECTED_ENTRY_POINTS, measure_conversion
    from tests.bench.tables import print_conversion

    with console.status("converting to all targets"):
        found = measure_conversion()
    print_conversion(console, found)
    results[CONVERT] = asdict(found)
    return found.verified == EXPECTED_ENTRY_POINTS


def _measure(console: Console, results: dict[str, Any], options: Options, checkpoint: str) -> bool:
    """Convert a variant's full path once, then run the parts that use it."""
    from tests.bench.forms import EXECUTORCH_FORM, FORMS, make_forms

    forms = FORMS if LATENCY in options.parts else (EXECUTORCH_FORM,)
    sound = True
    with TemporaryDirectory(prefix="pam-edge-bench-") as folder, console.status(checkpoint) as status:
        given: dict[str, Any] = {
            "size": options.size,
            "threads": options.threads,
            "rounds": options.rounds,
            "say": status.update,
        }
        make_forms(forms, checkpoint, options.size, folder, status.update)
        if LATENCY in options.parts:
            _compare(console, results, folder, checkpoint, given)
        if OPERATORS in options.parts:
            sound = _break_down(console, results, folder, checkpoint, given)
    return sound


def _choose(console: Console, results: dict[str, Any], options: Options, checkpoint: str, target: str) -> None:
    from tests.bench.choosing import measure_choosing
    from tests.bench.tables import print_choosing

    with TemporaryDirectory(prefix="pam-edge-bench-") as folder, console.status(checkpoint) as status:
        asked = {"size": options.size, "threads": options.threads, "rounds": options.rounds, "say": status.update}
        found = measure_choosing(target, folder, checkpoint, **asked)
    print_choosing(console, found)
    results.setdefault(CHOOSING, []).append(asdict(found))


def _measure_ends(console: Console, results: dict[str, Any], options: Options, checkpoint: str, target: str) -> None:
    from tests.bench.ends import measure_ends
    from tests.bench.tables import print_ends

    with TemporaryDirectory(prefix="pam-edge-bench-") as folder, console.status(checkpoint) as status:
        asked = {"size": options.size, "threads": options.threads, "rounds": options.rounds, "say": status.update}
        found = measure_ends(target, folder, checkpoint, **asked)
    print_ends(console, found)
    results.setdefault(ENDS, []).append(asdict(found))


def _predict(console: Console, results: dict[str, Any], options: Options, checkpoint: str, target: str) -> None:
    from tests.bench.prediction import measure_prediction
    from tests.bench.tables import print_prediction

    with console.status(checkpoint) as status:
        found = measure_prediction(target, checkpoint, size=options.size, threads=options.threads, say=status.update)
    print_prediction(console, found)
    results.setdefault(PREDICTION, []).append(asdict(found))


def _compare(console: Console, results: dict[str, Any], folder: str, checkpoint: str, given: dict[str, Any]) -> None:
    from tests.bench.latency import measure
    from tests.bench.records import comparison_record
    from tests.bench.tables import print_comparison

    found = measure(folder, checkpoint, **given)
    print_comparison(console, found)
    results.setdefault(LATENCY, []).append(comparison_record(found))


def _break_down(console: Console, results: dict[str, Any], folder: str, checkpoint: str, given: dict[str, Any]) -> bool:
    from tests.bench.operators import break_down
    from tests.bench.records import breakdown_record
    from tests.bench.tables import print_breakdown

    found = break_down(folder, checkpoint, **given)
    print_breakdown(console, found)
    results.setdefault(OPERATORS, []).append(breakdown_record(found))
    return not found.outside


if __name__ == "__main__":
    raise SystemExit(main())
