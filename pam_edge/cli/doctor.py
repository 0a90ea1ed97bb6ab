"""``pam-edge doctor``."""

from __future__ import annotations

import platform
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, Any

import typer

from pam_edge.cli.output import print_json, say, show
from pam_edge.targets import Target
from pam_edge.terms import Mode


def doctor(
    coreml_ops: Annotated[bool, typer.Option("--coreml-ops", help="List what the Core ML runtime executes.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Tell which targets and runtimes work on this machine, and why the others do not."""
    if coreml_ops:
        _print_coreml_ops(json)
        return
    report = examine()
    if json:
        print_json(report)
        return
    say(f"pam-edge {report['pam_edge']}, Python {report['python']}, {report['machine']}")
    for name, found in report["targets"].items():
        mark = ("works", "green") if found["works"] else ("does not work", "red")
        packages = ", ".join(f"{package} {each or 'missing'}" for package, each in found["packages"].items())
        say("  ", (name, "bold"), ": ", mark, f" · {packages}")
        say(f"    {found['verified_by'] if found['works'] else found['why_not']}", style="dim")
        say(f"    precisions: {', '.join(found['precisions'])}", style="dim")
        for needed in dict.fromkeys(each for needs in found["precisions"].values() for each in needs.items()):
            those = (precision for precision, needs in found["precisions"].items() if needed in needs.items())
            say(f"    {', '.join(those)} on {needed[0].label}: {needed[1]}", style="dim")
        for precision, reason in found["precisions_not_offered"].items():
            say(f"    not {precision}: {reason}", style="dim")
        for precision, reason in found["precisions_not_offered_in_dynamic"].items():
            say(f"    not {precision} in mode dynamic: {reason}", style="dim")
    say(f"  weights: {report['weights']}")
    say(f"  data: {report['data']}")
    say(f"  parity is judged on {report['judged_on']}")


def examine() -> dict[str, Any]:
    """Return what is installed, by really importing each target's packages in a worker process."""
    from pam_edge.supernet.checkpoint import load_checkpoint
    from pam_edge.workers import side_by_side

    examined = side_by_side([partial(_examine, target) for target in Target])
    checkpoint = load_checkpoint("pam-tiny")
    return {
        "pam_edge": version("pam-edge"),
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        "torch": version("torch"),
        "targets": dict(zip(Target, examined, strict=True)),
        "weights": f"{checkpoint.title}: {checkpoint.training.summary}",
        **_data(),
    }


def _data() -> dict[str, str]:
    """Return where matting data lies and what parity is judged on, or what is wrong with the variable."""
    from pam_edge.data_folder import DATA_VARIABLE, data_folder
    from pam_edge.errors import UsageError
    from pam_edge.evaluation.pictures import judged_on

    try:
        folder = data_folder()
        return {"data": str(folder or f"none ({DATA_VARIABLE} names its folder)"), "judged_on": judged_on(None)}
    except UsageError as error:
        return {"data": str(error), "judged_on": f"nothing, until {DATA_VARIABLE} is set right"}


def _examine(target: Target) -> dict[str, Any]:
    from pam_edge.errors import PamEdgeError
    from pam_edge.workers import run_in_worker

    why_not = None
    try:
        run_in_worker("pam_edge.cli.doctor:load_in_worker", {"target": target})
    except PamEdgeError as error:
        why_not = str(error)
    packages = {name: _version(name) for name in target.facts.packages.values()}
    facts = target.facts
    return {
        "works": why_not is None,
        "why_not": why_not,
        "packages": packages,
        "verified_by": facts.verified_by,
        "precisions": {str(each): facts.needs(Mode.STATIC, each) for each in facts.precisions},
        "precisions_not_offered": {str(each): reason for each, reason in facts.not_offered.items()},
        "precisions_not_offered_in_dynamic": {str(each): reason for each, reason in facts.not_offered_choosing.items()},
    }


def load_in_worker(payload: dict[str, Any]) -> dict[str, Any]:
    """Import the converter and the runtime of ``payload["target"]``."""
    from pam_edge.converters.registry import load_converter
    from pam_edge.runtimes.registry import load_runtime

    target = Target(payload["target"])
    return load_converter(target).versions() | load_runtime(target).versions()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _print_coreml_ops(json: bool) -> None:
    from pam_edge.runtimes.coreml import supported_ops

    rows = supported_ops()
    if json:
        print_json({"operators": [{"name": row.name, "opset": row.opset, "module": row.module} for row in rows]})
        return
    from rich.table import Table

    table = Table("operator", "since", "module", title=f"{len(rows)} operators of Core ML's ML programs")
    for row in rows:
        table.add_row(row.name, row.opset, row.module.rpartition(".")[2])
    show(table)
