"""Repeat the paper's ablation at a small scale: train without one part at a time, and score on held-out composites.

python recipes/ablate.py --initial runs/tiny/stage1.safetensors --out runs/ablations
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Callable
from pathlib import Path

from pam_edge.evaluation.evaluate import Evaluation, evaluate_cases
from pam_edge.evaluation.methods import methods_for
from pam_edge.learning.config import StageKind, TrainConfig, load_recipe
from pam_edge.learning.heldout import heldout_cases
from pam_edge.learning.launch import train_recipe

BUDGETS = ("92%", "77.5%", "60%")


def _in_paths_stage(**changes: object) -> Callable[[TrainConfig], TrainConfig]:
    def change(config: TrainConfig) -> TrainConfig:
        stages = (
            stage.model_copy(update=changes) if stage.kind is StageKind.PATHS else stage for stage in config.stages
        )
        return config.model_copy(update={"stages": tuple(stages)})

    return change


def _without_distillation(config: TrainConfig) -> TrainConfig:
    return config.model_copy(update={"losses": config.losses.model_copy(update={"distillation": 0.0})})


ABLATIONS: dict[str, Callable[[TrainConfig], TrainConfig]] = {
    "the method": lambda config: config,
    "Gumbel-Softmax alone": _in_paths_stage(candidates=0),
    "uniform instead of prior sampling": _in_paths_stage(uniform_prior=True),
    "no connect layers": lambda config: config.model_copy(update={"use_connect": False}),
    "no distillation": _without_distillation,
}
"""What is left out, and the change to the recipe that leaves it out."""


def main() -> None:
    """Train and score each; what is already trained in ``--out`` is only scored."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--initial", required=True, help="checkpoint of a complete network, such as stage1.safetensors")
    parser.add_argument("--out", type=Path, required=True, help="receives a folder for each run")
    given = parser.parse_args()
    base = load_recipe(Path(__file__).with_name("ablations.toml")).model_copy(update={"initial": given.initial})
    cases = heldout_cases(base.data)  # of the folder that PAM_EDGE_DATA names
    print(f"| held-out composites ({len(cases)}), SAD | {' | '.join(f'{b} static | {b} gates' for b in BUDGETS)} |")
    print("|---" * (1 + 2 * len(BUDGETS)) + "|", flush=True)
    for name, change in ABLATIONS.items():
        methods = methods_for(str(_train(change(base), base, given.out, name)), BUDGETS, (), compare_paths=True)
        chosen = {key: method for key, method in methods.items() if not key.endswith("by chance")}
        print(f"| {name} | {' | '.join(_cells(evaluate_cases(cases, chosen)))} |", flush=True)


def _train(config: TrainConfig, base: TrainConfig, out: Path, name: str) -> Path:
    """Train one; what differs in its last stage alone goes on from the first stage of the method itself."""
    folder, common = out / name.replace(" ", "-"), out / "warm-up"
    first = base.model_copy(update={"stages": base.stages[:1]})
    if config.model_copy(update={"stages": config.stages[:1]}) == first and not folder.exists():
        train_recipe(first, common)
        shutil.copytree(common, folder)
    checkpoint = train_recipe(config, folder)
    assert checkpoint is not None
    return checkpoint


def _cells(found: Evaluation) -> list[str]:
    """Return SAD and the share of MACs of each method; for gates, also how often they keep the budget unaided."""
    cells = []
    for means in found.summary().values():
        kept = f", kept {means['within_budget']:.0%}" if "within_budget" in means else ""
        cells.append(f"{means['sad']:.3f} ({means['cost']:.0%}{kept})")
    return cells


if __name__ == "__main__":
    main()
