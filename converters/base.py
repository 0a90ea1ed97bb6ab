"""What every converter takes and gives."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pam_edge.graphs.ends import Interface
from pam_edge.graphs.governor import BudgetTable, GovernorCosts
from pam_edge.supernet.network import Supernet
from pam_edge.supernet.path import PathSpec
from pam_edge.terms import Mode, Precision, TensorIO


@dataclass(frozen=True, slots=True)
class EntryPoint:
    """What an app calls: its name, its path, None where the graph chooses or is told, and what goes in and out."""

    name: str
    path: PathSpec | None
    interface: Interface

    @property
    def fixed_path(self) -> PathSpec:
        """Its path, in the modes that fix one."""
        assert self.path is not None, "only dynamic and probe graphs have no path of their own"
        return self.path


@dataclass(frozen=True, slots=True)
class Selection:
    """How a dynamic graph selects its path: the governor's costs, and the table from budget to embedding row."""

    costs: GovernorCosts
    table: BudgetTable


@dataclass(frozen=True, slots=True)
class ConversionJob:
    """One conversion to one target.

    Attributes:
        supernet: in evaluation mode, float32.
        entry_points: at least one, names are unique; for dynamic and probe graphs exactly one, without a path. They may
            differ in size, and not in what they take and give otherwise; a probe's ends are plain.
        io: Core ML only; the other targets have tensors alone.
        directory: existing folder that receives the files.
        selection: of a dynamic graph; None for all others.
    """

    supernet: Supernet
    entry_points: tuple[EntryPoint, ...]
    mode: Mode
    precision: Precision
    io: TensorIO
    directory: Path
    selection: Selection | None = None


class Converter(Protocol):
    """Turns paths of a supernet into files of one target.

    Implementations write only inside ``job.directory``, give the same bytes for the same job, keep the names
    ``image``, ``trimap`` or ``mask``, and ``alpha`` (dynamic: also ``budget``, ``path`` and ``cost``; probe: also the
    input ``path``; cut-outs: also ``foreground``), and call each entry point by its name.
    """

    def convert(self, job: ConversionJob) -> dict[str, str]:
        """Write the files and return each entry point's file name.

        ``Mode.STATIC`` gives one file per entry point, all other modes one file named ``model``, each weight once.

        Raises:
            UnsupportedOpError: if an operator would fall outside the delegate.
            ConversionError: if the toolchain refuses the graph.
        """
        ...

    def versions(self) -> dict[str, str]:
        """Return the versions of the packages that shape the file, by package name."""
        ...


def groups(job: ConversionJob, suffix: str) -> dict[str, tuple[EntryPoint, ...]]:
    """Return which entry points go into which file: one each when static, all into ``model`` otherwise."""
    if job.mode is not Mode.STATIC:
        return {f"model{suffix}": job.entry_points}
    return {f"{entry.name}{suffix}": (entry,) for entry in job.entry_points}
