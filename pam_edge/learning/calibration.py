"""What a trained supernet does on calibration images: errors of many paths, and what its gates choose."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from lightning.fabric import Fabric
from numpy.typing import NDArray

from pam_edge.learning.batches import Batch, collate
from pam_edge.learning.composition import Composer
from pam_edge.learning.config import CalibrationConfig
from pam_edge.learning.costs import BudgetScale
from pam_edge.learning.distributed import gather_rows
from pam_edge.learning.forward import forward_along
from pam_edge.learning.losses import l1_loss
from pam_edge.learning.prior import Errors, Prior, make_prior, sample_paths, shortlist
from pam_edge.supernet.network import Supernet
from pam_edge.supernet.path import PathSpec, path_shares

FIRST_PATH_CROP = 1 << 41
"""Number of the first crop that paths are measured on: beyond those that a run trains and calibrates norms on."""
USUAL_SHARE = 0.1


class Calibration:
    """Calibration images of one recipe and seed, shared among processes; results do not depend on their number."""

    def __init__(self, fabric: Fabric, composer: Composer, settings: CalibrationConfig, seed: int) -> None:
        self.fabric = fabric
        self.composer = composer
        self.settings = settings
        self.seed = seed

    def measure_paths(self, supernet: Supernet, scale: BudgetScale, proposed: Sequence[PathSpec] = ()) -> Prior:
        """Screen many paths on a few images; measure the best of each budget, and those proposed, on all others."""
        settings = self.settings
        sampled = sample_paths(scale, settings.sampled_per_budget, self.seed)
        screened = self._errors(supernet, sampled, 0, settings.screening_images)
        kept = shortlist(screened, sampled, scale, settings.paths_per_budget)
        kept = sorted({*kept, *proposed})
        return make_prior(self._errors(supernet, kept, settings.screening_images, settings.images), kept, scale)

    def observe_gates(self, supernet: Supernet) -> tuple[dict[str, float], ...]:
        """Return for each row of the cost constraint embedding the paths that the gates choose, with their shares."""
        rows, first = supernet.config.budget_indices, self.settings.screening_images
        chosen = [gate_choices(supernet, batch) for batch in self._batches(first, self.settings.images)]
        mine = np.array(chosen, np.float64).reshape(len(chosen), -1)
        whole = gather_rows(self.fabric, mine, self.settings.images)
        paths = whole.reshape(len(whole), rows, -1) > 0.5
        return tuple(path_shares(paths[:, row].tolist()) for row in range(rows))

    def _errors(self, supernet: Supernet, paths: Sequence[PathSpec], first: int, images: int) -> Errors:
        return gather_rows(self.fabric, path_errors(supernet, self._batches(first, images), paths), images)

    def _batches(self, first: int, images: int) -> list[Batch]:
        """Compose calibration images, one to a batch, so that errors do not depend on how they were split."""
        begin = FIRST_PATH_CROP + first
        numbers = range(begin + self.fabric.global_rank, begin + images, self.fabric.world_size)
        batches = (collate([self.composer.make(number, self.settings.crop)]) for number in numbers)
        return [batch.to(self.fabric.device) for batch in batches]


def usual_paths(gate_paths: Sequence[dict[str, float]]) -> list[PathSpec]:
    """Return the paths that gates take for every tenth image and more, under some budget.

    Sampled paths run whatever a budget allows; gates may have learned that less does as well.

    Args:
        gate_paths: as ``Calibration.observe_gates`` returns them.
    """
    usual = {path for row in gate_paths for path, share in row.items() if share >= USUAL_SHARE}
    return sorted(map(PathSpec.parse, usual))


@torch.no_grad()
def path_errors(supernet: Supernet, batches: Sequence[Batch], paths: Sequence[PathSpec]) -> Errors:
    """Return float64[batches, paths], mean absolute error of alpha over the unknown region."""
    supernet.eval()
    table = np.zeros((len(batches), len(paths)))
    for row, batch in enumerate(batches):
        for column, path in enumerate(paths):
            alpha = forward_along(supernet, batch, torch.tensor(path.runs))
            table[row, column] = float(l1_loss(alpha, batch.alpha, batch.unknown).mean())
    return table


@torch.no_grad()
def gate_choices(supernet: Supernet, batch: Batch) -> NDArray[np.bool_]:
    """Return bool[rows, L], the path that the gates choose for a batch of one image under each budget."""
    supernet.eval()
    rows = range(supernet.config.budget_indices)
    indices = [torch.tensor([row], device=batch.image.device) for row in rows]
    chosen = [supernet(batch.image, batch.trimap, budget_index=index).runs[0] for index in indices]
    return np.asarray(torch.stack(chosen).cpu().numpy())
