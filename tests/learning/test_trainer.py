from types import SimpleNamespace

import pytest
import torch
from lightning.fabric import Fabric

from pam_edge.errors import CheckpointError, PamEdgeError, UsageError
from pam_edge.learning.calibration import usual_paths
from pam_edge.learning.config import StageKind
from pam_edge.learning.state import Position, load_state, save_state
from pam_edge.learning.trainer import STATE_FILE, Trainer, same_start
from pam_edge.supernet.checkpoint import load_checkpoint
from pam_edge.supernet.path import PathSpec


class KeepingTrainer(Trainer):
    """Keeps the state that the second stage ended with."""

    def _finish_stage(self, index):
        if index == 2:
            (self.folder / "after2.pt").write_bytes(self.before)
        return super()._finish_stage(index)

    def _enter_stage(self, config):
        super()._enter_stage(config)
        if self.position.stage == 2:
            self.before = (self.folder / STATE_FILE).read_bytes()


class Killed(Exception):
    pass


class KilledTrainer(Trainer):
    """Dies after a number of steps, right after its state is on disk."""

    steps_left = 0

    def _housekeeping(self, batch, result):
        super()._housekeeping(batch, result)
        self.steps_left -= 1
        if self.steps_left == 0:
            raise Killed


def fabric():
    return Fabric(accelerator="cpu", devices=1)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def whole(recipe, tmp_path_factory):
    """One run that nothing disturbed, and the checkpoint that it ended with."""
    trainer = KeepingTrainer(recipe, tmp_path_factory.mktemp("whole"), fabric())
    return trainer, trainer.run()


def test_three_stages_end_with_what_planner_and_dynamic_graph_need(whole):
    checkpoint = load_checkpoint(whole[1])
    assert checkpoint.training.trained
    assert str(PathSpec.full(checkpoint.supernet.block_count)) in checkpoint.training.path_errors
    assert len(checkpoint.training.gate_paths) == checkpoint.config.budget_indices
    assert all(sum(shares.values()) == pytest.approx(1) for shares in checkpoint.training.gate_paths)
    assert {str(path) for path in usual_paths(checkpoint.training.gate_paths)} <= checkpoint.training.path_errors.keys()


def test_a_phase_of_full_precision_computes_what_a_run_without_mixed_precision_does(recipe, tmp_path):
    ends = {}
    for precision, full in (("32-true", False), ("bf16-mixed", True), ("bf16-mixed", False)):
        phases = tuple(phase.model_copy(update={"full_precision": full}) for phase in recipe.stages[0].phases)
        stage = recipe.stages[0].model_copy(update={"phases": phases})
        folder = tmp_path / f"{precision}-{full}"
        devices = Fabric(accelerator="cpu", devices=1, precision=precision)
        trainer = Trainer(recipe.model_copy(update={"stages": (stage,)}), folder, devices)
        trainer.run()
        ends[precision, full] = trainer.supernet.head.weight.detach()
    assert torch.equal(ends["32-true", False], ends["bf16-mixed", True])
    assert not torch.equal(ends["32-true", False], ends["bf16-mixed", False])


def test_training_starts_from_the_weights_of_a_smaller_supernet(recipe, tmp_path):
    grown = recipe.model_copy(update={"variant": "pam-small", "initial": "pam-tiny"})
    head = load_checkpoint("pam-tiny").supernet.head.weight
    found = Trainer(grown, tmp_path, fabric()).supernet.head.weight
    assert torch.equal(found[:, : head.shape[1]], head)


@pytest.mark.parametrize("steps", [3, 5, 10])
def test_a_killed_and_resumed_run_ends_with_the_same_weights(recipe, whole, tmp_path, steps):
    killed = KilledTrainer(recipe, tmp_path, fabric())
    killed.steps_left = steps
    with pytest.raises(Killed):
        killed.run()
    resumed = Trainer(recipe, tmp_path, fabric())
    resumed.run()
    for name, value in whole[0].supernet.state_dict().items():
        assert torch.equal(value, resumed.supernet.state_dict()[name]), name
    for name, value in whole[0].average.module.state_dict().items():
        assert torch.equal(value, resumed.average.module.state_dict()[name]), name


def test_a_finished_run_is_not_trained_again(recipe, whole):
    before = whole[1].read_bytes()
    assert Trainer(recipe, whole[1].parent, fabric()).run() == whole[1]
    assert whole[1].read_bytes() == before


def test_ten_bad_steps_in_a_row_stop_the_run_and_say_what_to_do(recipe, tmp_path):
    stage = recipe.stages[0].model_copy(update={"steps": 40})
    trainer = Trainer(recipe.model_copy(update={"stages": (stage,)}), tmp_path, fabric())
    with torch.no_grad():
        trainer.supernet.head.bias.fill_(float("nan"))
    with pytest.raises(PamEdgeError, match="Lower the learning rate"):
        trainer.run()


def test_one_bad_step_leaves_the_weights_alone(recipe, tmp_path):
    trainer = Trainer(recipe.model_copy(update={"stages": recipe.stages[:1]}), tmp_path, fabric())
    before = {name: value.clone() for name, value in trainer.supernet.named_parameters()}
    with torch.no_grad():
        trainer.supernet.head.bias.fill_(float("nan"))
    trainer.run()
    assert all(torch.equal(before[n], v) for n, v in trainer.supernet.named_parameters() if n != "head.bias")


def test_a_damaged_state_is_refused_with_its_name(tmp_path):
    (tmp_path / STATE_FILE).write_bytes(b"not a state")
    with pytest.raises(CheckpointError, match=STATE_FILE):
        load_state(tmp_path / STATE_FILE)


def test_a_state_of_another_recipe_is_refused(recipe, whole):
    with pytest.raises(CheckpointError, match="another recipe"):
        Trainer(recipe.model_copy(update={"seed": 2}), whole[1].parent, fabric()).run()


def test_a_state_whose_recipe_is_no_longer_valid_is_refused_with_what_to_do(recipe, whole, tmp_path):
    content = load_state(whole[1].parent / STATE_FILE)
    content["config"] = content["config"].replace("clip_norm", "clip_length")
    save_state(tmp_path / STATE_FILE, content)
    with pytest.raises(CheckpointError, match="Train in another folder"):
        Trainer(recipe, tmp_path, fabric()).run()


@pytest.mark.parametrize("change", [{"learning_rate": 1.0}, {"kind": StageKind.PATHS}, {"steps": 3}])
@pytest.mark.parametrize(("step", "same"), [(0, True), (1, False)])
def test_a_stage_that_has_begun_must_stay_as_it_is(recipe, change, step, same):
    first, second, third = recipe.stages
    other = recipe.model_copy(update={"stages": (first, second.model_copy(update=change), third)})
    assert same_start(recipe, other, Position(stage=1, step=step)) is same


def first_norm(network):
    connect = network.choice(0).connect
    return next(module for module in connect.modules() if isinstance(module, torch.nn.BatchNorm2d))


@pytest.mark.parametrize(("start", "calibrates"), [("stage1", True), ("stage2", False)])
def test_random_paths_start_with_norms_for_all_paths(recipe, whole, tmp_path, start, calibrates):
    initial = str(whole[1].with_name(f"{start}.safetensors"))
    trainer = Trainer(recipe.model_copy(update={"initial": initial, "stages": recipe.stages[1:2]}), tmp_path, fabric())
    before = first_norm(trainer.supernet).running_var.clone()
    trainer._enter_stage(trainer.config.stages[0])
    for network in (trainer.supernet, trainer.teacher, trainer.average.module):
        assert torch.equal(before, first_norm(network).running_var) is not calibrates


def test_every_batch_is_where_the_network_is(recipe, tmp_path):
    trainer = Trainer(recipe, tmp_path, fabric())
    elsewhere = SimpleNamespace(device=torch.device("meta"), global_rank=0, world_size=1)
    trainer.fabric = trainer.calibration.fabric = elsewhere
    batches = [*trainer.calibration._batches(0, 1), next(trainer._batches(recipe.stages[0].phases[0], 1))]
    assert [batch.alpha.device.type for batch in batches] == ["meta", "meta"]


def test_progress_is_printed_as_often_as_the_recipe_says(recipe, tmp_path, capsys):
    Trainer(recipe.model_copy(update={"stages": recipe.stages[:1], "log_steps": 2}), tmp_path, fabric()).run()
    lines = [line.split() for line in capsys.readouterr().err.splitlines() if line.startswith("complete ")]
    assert [int(words[1]) for words in lines] == [2, 4]


def test_without_data_training_says_what_it_looked_for(recipe, tmp_path):
    data = recipe.data.model_copy(update={"root": tmp_path / "nowhere"})
    with pytest.raises(UsageError, match="no such folder"):
        Trainer(recipe.model_copy(update={"data": data}), tmp_path, fabric())
