"""Check one entry point of an artifact in one runtime, and say where it starts to differ if it does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pam_edge.converters.base import Selection
from pam_edge.delivery.artifact.artifact import Artifact
from pam_edge.delivery.artifact.manifest import EntryPointRecord, ParityRecord
from pam_edge.delivery.artifact.opened import Opened
from pam_edge.delivery.parity.expected import expected_matte
from pam_edge.delivery.parity.figures import Judged, figures, join_reasons, worst
from pam_edge.errors import ArtifactError, MissingExtraError, PamEdgeError, UsageError
from pam_edge.evaluation.dynamic_parity import EDGE_BUDGETS, check_dynamic
from pam_edge.evaluation.parity import LIMITS, Cutout, ParityLimits, Reference, check_entry_point
from pam_edge.evaluation.pictures import Picture
from pam_edge.runtimes.base import BlockOutput, Expectation, Runtime
from pam_edge.runtimes.registry import load_runtime
from pam_edge.supernet.path import PathSpec
from pam_edge.terms import Precision

Mattes = Mapping[str, Cutout]
"""What an entry point gave, by picture name."""


@dataclass(frozen=True, slots=True)
class _Run:
    """What running an entry point gave, on every picture at least once."""

    ran_on: str
    judged: tuple[Judged, ...]
    mattes: Mattes
    path_mismatches: int
    path_ties: int = 0
    costs_over_budget: int = 0

    @property
    def passed(self) -> bool:
        """Whether every picture passed and every path is right."""
        return all(each.passed for each in self.judged) and not self.path_mismatches


@dataclass(frozen=True, slots=True)
class EntryCheck:
    """Everything that is needed to check one entry point.

    Attributes:
        artifact: that has the entry point.
        entry: the entry point.
        reference: supernet and pictures.
        threads: for the runtime.
    """

    artifact: Artifact
    entry: EntryPointRecord
    reference: Reference
    threads: int

    @property
    def _limits(self) -> ParityLimits:
        return LIMITS[self.artifact.manifest.precision]

    def in_runtime(self, name: str) -> tuple[ParityRecord, Mattes]:
        """Check in a runtime; return the record and what it gave, nothing if it did not run."""
        try:
            runtime = load_runtime(self.artifact.manifest.target, name)
        except MissingExtraError as error:
            return self._record(name, {"reason": str(error)}), {}
        try:
            run = self._run(runtime)
            unchanged = self.artifact.is_unchanged(self.entry)
            contradictions = self.artifact.contradictions(self.entry, runtime)
        except PamEdgeError as error:
            where = self._locate(runtime, self.reference.pictures[0], self.entry.budget_input)
            return self._record(name, {"passed": False, "reason": str(error)} | where), {}
        fields = _measured(run) | {"passed": run.passed and not contradictions}
        fields["reason"] = join_reasons(*contradictions, fields.get("reason"))
        if not (run.passed and unchanged):
            look_into = worst(run.judged)
            picture = next(each for each in self.reference.pictures if each.name == look_into.picture)
            fields |= self._locate(runtime, picture, look_into.budget)
        return self._record(name, fields), run.mattes

    def _record(self, runtime: str, fields: dict[str, Any]) -> ParityRecord:
        """Return the record of the entry point; without other fields, of one that was not run."""
        not_run: dict[str, Any] = {
            "entry_point": self.entry.name,
            "passed": None,
            "runtime": runtime,
            "ran_on": "nothing",
            "proves": self.artifact.manifest.target.facts.proves[runtime],
            "images": 0,
            "path_mismatches": 0,
        }
        return ParityRecord(**not_run | fields)

    def _run(self, runtime: Runtime) -> _Run:
        model = self.artifact.open(self.entry, threads=self.threads, runtime=runtime)
        selection = self.artifact.selection
        return self._run_chosen(model, selection) if selection else self._run_fixed(model)

    def _run_fixed(self, model: Opened) -> _Run:
        entries = self.artifact.manifest.entry_points
        paths = {each.name: PathSpec.parse(each.path) for each in entries if each.path and each.size == self.entry.size}
        own = paths[self.entry.name]
        parity, mattes = check_entry_point(model, own, tuple(paths.values()), self.reference)
        judged = tuple(
            Judged(name, None, off, all(each.within(self._limits) for each in (off, colours) if each), colours)
            for (name, off), colours in zip(parity.deviations.items(), parity.foregrounds.values(), strict=True)
        )
        return _Run(model.ran_on, judged, mattes, int(parity.nearest_path != str(own)))

    def _run_chosen(self, model: Opened, selection: Selection) -> _Run:
        """Run at the entry point's budget on all pictures, and at budgets that no planner gives on the first."""
        own = self.entry.budget_input
        assert own is not None, "a manifest that was read states every budget"
        first = self.reference.pictures[0]
        runs = [(picture, own) for picture in self.reference.pictures] + [(first, budget) for budget in EDGE_BUDGETS]
        judged, checks = [], []
        mattes: dict[str, Cutout] = {}
        for picture, budget in runs:
            check, found = check_dynamic(
                model, self.reference, selection.costs, selection.table, picture, budget, self._limits
            )
            judged.append(Judged(picture.name, budget, check.deviation, check.passes(self._limits), check.foreground))
            checks.append(check)
            mattes.setdefault(picture.name, found)
        return _Run(
            model.ran_on,
            tuple(judged),
            mattes,
            path_mismatches=sum(not (check.same_path or check.is_tie) for check in checks),
            path_ties=sum(check.is_tie for check in checks),
            costs_over_budget=sum(not check.keeps_budget for check in checks),
        )

    def _locate(self, runtime: Runtime, picture: Picture, budget: float | None) -> dict[str, Any]:
        """Return the fields of a record that say where an entry point starts to differ; none if it takes no picture."""
        try:
            file = self.artifact.file(self.entry)
        except ArtifactError:
            return {}
        path = expected_matte(self.artifact, self.entry, self.reference, picture, budget).path
        precision = self.artifact.manifest.precision
        stages, values = self.reference.parts(path, picture, precision)
        # Of w8 and w6 the reference has what stored integers stand for, which no file holds.
        is_stored = precision is Precision.INT8 or not precision.is_quantised
        weights = self.reference.weights(path) if is_stored else {}
        blocks = tuple(
            BlockOutput(name, output.numpy(), tuple(each.detach().numpy() for each in weights.get(name, ())))
            for name, output in stages
        )
        expected = Expectation(
            self.entry.tensor_names,
            picture.image,
            picture.given,
            None if budget is None else np.array([budget], np.float32),
            picture.last,
            blocks,
            tuple((name, value.numpy()) for name, value in values),
            self._limits.block,
            self._limits.block_float32,
        )
        try:
            found = runtime.first_divergence(file, self.entry.function, expected)
        except UsageError:  # pictures are of the manifest's size, and the file is for another: the reason says so
            return {}
        if found is None:
            return {}
        return {
            "first_diverging_block": found.block,
            "first_diverging_operation": found.operation,
            "divergence": found.explanation,
        }


def compare_runtimes(records: list[ParityRecord], mattes: list[Mattes], largest: float) -> list[ParityRecord]:
    """Compare each runtime's alphas of one entry point with the first's; more than ``largest``, or NaN, fails."""
    compared = records[:1]
    for record, own in zip(records[1:], mattes[1:], strict=True):
        shared = mattes[0].keys() & own.keys()
        if not shared:
            compared.append(record)
            continue
        apart = float(np.max([np.abs(mattes[0][name].alpha - own[name].alpha).max() for name in shared]))
        update: dict[str, Any] = {"max_abs_between_runtimes": apart if np.isfinite(apart) else None}
        if not apart <= largest:
            reason = f"{apart:.2g} away from {records[0].runtime}; allowed: {largest:g}"
            update |= {"passed": False, "reason": join_reasons(record.reason, reason)}
        compared.append(record.model_copy(update=update))
    return compared


def _measured(run: _Run) -> dict[str, Any]:
    """Return the fields of a record that running the entry point gives."""
    return figures(run.judged) | {
        "ran_on": run.ran_on,
        "images": len(run.mattes),
        "path_mismatches": run.path_mismatches,
        "path_ties": run.path_ties,
        "costs_over_budget": run.costs_over_budget,
    }
