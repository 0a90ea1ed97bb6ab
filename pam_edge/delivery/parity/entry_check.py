"""Check one entry point of an artifact in one runtime, and say where it starts to differ if it does."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pam_edge.delivery.artifact.manifest import EntryPointRecord, Manifest, ParityRecord, is_unchanged
from pam_edge.delivery.parity.expected import expected_path, selection_of
from pam_edge.errors import MissingExtraError, PamEdgeError
from pam_edge.evaluation.dynamic_parity import EDGE_BUDGETS, check_dynamic
from pam_edge.evaluation.parity import LIMITS, Deviation, Reference, check_entry_point
from pam_edge.evaluation.pictures import Picture
from pam_edge.runtimes.base import BlockOutput, Expectation, Runtime
from pam_edge.runtimes.registry import load_runtime
from pam_edge.supernet.path import PathSpec

Alphas = dict[str, NDArray[np.float32]]
"""Alpha float32[H, W] by picture name."""


@dataclass(frozen=True, slots=True)
class _Pass:
    """One picture run through an entry point, a dynamic one within a budget."""

    picture: Picture
    budget: float | None
    deviation: Deviation
    passed: bool

    @property
    def badness(self) -> tuple[bool, bool, float]:
        """What failed comes last, and of that what is farthest off; a NaN is as far off as can be."""
        return not self.passed, bool(np.isnan(self.deviation.max_abs)), self.deviation.max_abs


@dataclass(frozen=True, slots=True)
class _Run:
    """What running an entry point gave, on every picture at least once."""

    ran_on: str
    passes: tuple[_Pass, ...]
    alphas: Alphas
    path_mismatches: int
    path_ties: int = 0
    costs_over_budget: int = 0

    @property
    def worst(self) -> _Pass:
        """The pass to look into: the one that failed by most, or that was farthest off."""
        return max(self.passes, key=lambda each: each.badness)


@dataclass(frozen=True, slots=True)
class EntryCheck:
    """Everything that is needed to check one entry point.

    Attributes:
        directory: the artifact folder.
        manifest: what it should be.
        entry: the entry point.
        reference: supernet and pictures.
        threads: for the runtime.
    """

    directory: Path
    manifest: Manifest
    entry: EntryPointRecord
    reference: Reference
    threads: int

    @property
    def file(self) -> Path:
        """The entry point's file, or package folder."""
        return self.directory / self.entry.file

    def in_runtime(self, name: str) -> tuple[ParityRecord, Alphas]:
        """Check in a runtime; return the record and the alphas, none if it did not run."""
        blank = _blank(self.entry.name, name, self.manifest.target.facts.proves[name])
        try:
            runtime = load_runtime(self.manifest.target, name)
        except MissingExtraError as error:
            return blank.model_copy(update={"reason": str(error)}), {}
        try:
            run = self._run(runtime)
        except PamEdgeError as error:
            where = self._locate(runtime, self.reference.pictures[0], self.entry.budget_input)
            return blank.model_copy(update={"passed": False, "reason": str(error)} | where), {}
        changed = not is_unchanged(self.directory, self.entry)
        passed = all(each.passed for each in run.passes) and not (changed or run.path_mismatches)
        update: dict[str, Any] = _measured(run) | {"passed": passed}
        if changed:
            update["reason"] = "the file's SHA-256 is not the manifest's: it was changed after it was made"
        if not passed:
            update |= self._locate(runtime, run.worst.picture, run.worst.budget)
        return blank.model_copy(update=update), run.alphas

    def _run(self, runtime: Runtime) -> _Run:
        return self._run_dynamic(runtime) if self.entry.path is None else self._run_fixed(runtime, self.entry.path)

    def _run_fixed(self, runtime: Runtime, path: str) -> _Run:
        model = runtime.load(self.file, self.entry.function, threads=self.threads)
        others = [PathSpec.parse(other.path) for other in self.manifest.entry_points if other.path]
        parity, alphas = check_entry_point(model, PathSpec.parse(path), others, self.reference)
        limits = LIMITS[self.manifest.precision]
        passes = tuple(
            _Pass(picture, None, parity.deviations[picture.name], parity.deviations[picture.name].within(limits))
            for picture in self.reference.pictures
        )
        return _Run(model.ran_on, passes, alphas, int(parity.nearest_path != path))

    def _run_dynamic(self, runtime: Runtime) -> _Run:
        """Run at the entry point's budget on all pictures, and at budgets that no planner gives on the first."""
        model = runtime.load_dynamic(self.file, self.entry.function, threads=self.threads)
        costs, table = selection_of(self.manifest)
        limits, own = LIMITS[self.manifest.precision], self.entry.budget_input
        assert own is not None, "the manifest of a dynamic graph states every budget"
        first = self.reference.pictures[0]
        runs = [(picture, own) for picture in self.reference.pictures] + [(first, budget) for budget in EDGE_BUDGETS]
        passes, checks = [], []
        alphas: Alphas = {}
        for picture, budget in runs:
            check, alpha = check_dynamic(model, self.reference, costs, table, picture, budget, limits)
            passes.append(_Pass(picture, budget, check.deviation, check.passes(limits)))
            checks.append(check)
            alphas.setdefault(picture.name, alpha)
        return _Run(
            model.ran_on,
            tuple(passes),
            alphas,
            path_mismatches=sum(not (check.same_path or check.is_tie) for check in checks),
            path_ties=sum(check.is_tie for check in checks),
            costs_over_budget=sum(not check.keeps_budget for check in checks),
        )

    def _locate(self, runtime: Runtime, picture: Picture, budget: float | None) -> dict[str, Any]:
        """Return the fields of a record that say where an entry point starts to differ."""
        if not self.file.exists():
            return {}
        precision = self.manifest.precision
        path = expected_path(self.manifest, self.entry, self.reference, picture, budget)
        stages, values = self.reference.parts(path, picture, precision)
        blocks = tuple(
            BlockOutput(stage.name, stage.output.numpy(), tuple(w.detach().numpy() for w in stage.weights))
            for stage in stages
        )
        expected = Expectation(
            picture.image,
            picture.trimap,
            budget,
            blocks,
            tuple((name, value.numpy()) for name, value in values),
            LIMITS[precision].block,
            LIMITS[precision].block_float32,
        )
        found = runtime.first_divergence(self.file, self.entry.function, expected)
        if found is None:
            return {}
        return {
            "first_diverging_block": found.block,
            "first_diverging_operation": found.operation,
            "divergence": found.explanation,
        }


def compare_runtimes(records: list[ParityRecord], alphas: list[Alphas], largest: float) -> list[ParityRecord]:
    """Compare each runtime's alphas of one entry point with the first runtime's; more than ``largest`` fails."""
    compared = records[:1]
    for record, own in zip(records[1:], alphas[1:], strict=True):
        shared = alphas[0].keys() & own.keys()
        if not shared:
            compared.append(record)
            continue
        apart = float(np.max([np.abs(alphas[0][name] - own[name]).max() for name in shared]))
        update: dict[str, Any] = {"max_abs_between_runtimes": apart}
        if not apart <= largest:
            update |= {"passed": False, "reason": f"{apart:.2g} away from {records[0].runtime}; allowed: {largest:g}"}
        compared.append(record.model_copy(update=update))
    return compared


def _measured(run: _Run) -> dict[str, Any]:
    """Return the fields of a record that running the entry point gives."""
    found = [each.deviation for each in run.passes]
    return {
        "ran_on": run.ran_on,
        "images": len(run.alphas),
        "max_abs_error": float(np.max([d.max_abs for d in found])),
        "rms_error_unknown": float(np.max([d.rms for d in found])),
        "sad_change": float(np.max([d.sad_change for d in found])),
        "path_mismatches": run.path_mismatches,
        "path_ties": run.path_ties,
        "costs_over_budget": run.costs_over_budget,
        "worst_picture": run.worst.picture.name,
    }


def _blank(entry_point: str, runtime: str, proves: str) -> ParityRecord:
    """Return the record of an entry point that was not run."""
    return ParityRecord(
        entry_point=entry_point,
        passed=None,
        runtime=runtime,
        ran_on="nothing",
        proves=proves,
        images=0,
        max_abs_error=None,
        rms_error_unknown=None,
        sad_change=None,
        path_mismatches=0,
        worst_picture=None,
        reason=None,
    )
