"""What every converter takes and gives."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pam_edge.supernet.network import Supernet
from pam_edge.supernet.path import PathSpec
from pam_edge.targets import Mode, Precision, TensorIO


@dataclass(frozen=True, slots=True)
class EntryPoint:
    """A path under the name by which an app calls it."""

    name: str
    path: PathSpec


@dataclass(frozen=True, slots=True)
class ConversionJob:
    """One conversion to one target.

    Attributes:
        supernet: in evaluation mode, float32.
        entry_points: at least one; names are unique.
        height: of the input, a multiple of 32.
        width: of the input, a multiple of 32.
        io: Core ML only; the other targets have tensors alone.
        directory: existing folder that receives the files.
    """

    supernet: Supernet
    entry_points: tuple[EntryPoint, ...]
    mode: Mode
    precision: Precision
    height: int
    width: int
    io: TensorIO
    directory: Path


class Converter(Protocol):
    """Turns paths of a supernet into files of one target.

    Implementations write only inside ``job.directory``, give the same bytes for the same job, keep the names
    ``image``, ``trimap`` and ``alpha``, and call each entry point by its name.
    """

    def convert(self, job: ConversionJob) -> dict[str, str]:
        """Write the files and return each entry point's file name.

        ``Mode.STATIC`` gives one file per entry point, ``Mode.MULTI`` one file for all, with each weight once.

        Raises:
            UnsupportedOpError: if an operator would fall outside the delegate.
            ConversionError: if the toolchain refuses the graph.
        """
        ...

    def versions(self) -> dict[str, str]:
        """Return the versions of the packages that shape the file, by package name."""
        ...


def groups(job: ConversionJob, suffix: str) -> dict[str, tuple[EntryPoint, ...]]:
    """Return which entry points go into which file: one each when static, all into ``model`` when multi."""
    if job.mode is Mode.MULTI:
        return {f"model{suffix}": job.entry_points}
    return {f"{entry.name}{suffix}": (entry,) for entry in job.entry_points}
