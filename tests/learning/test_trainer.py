import pytest
import torch
from lightning.fabric import Fabric

from pam_edge.errors import CheckpointError, PamEdgeError
from pam_edge.learning.state import load_state
from pam_edge.learning.trainer import STATE_FILE, Trainer
from pam_edge.supernet.checkpoint import load_checkpoint
from pam_edge.supernet.path import PathSpec


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


def test_three_stages_end_with_a_checkpoint_that_holds_an_error_table(recipe, tmp_path):
    checkpoint = load_checkpoint(Trainer(recipe, tmp_path, fabric()).run())
    assert checkpoint.training.trained
    assert str(PathSpec.full(checkpoint.supernet.block_count)) in checkpoint.training.path_errors


@pytest.mark.parametrize("steps", [1, 3, 5, 10])
def test_a_killed_and_resumed_run_ends_with_the_same_weights(recipe, tmp_path, steps):
    whole = Trainer(recipe, tmp_path / "whole", fabric())
    whole.run()
    killed = KilledTrainer(recipe, tmp_path / "killed", fabric())
    killed.steps_left = steps
    with pytest.raises(Killed):
        killed.run()
    resumed = Trainer(recipe, tmp_path / "killed", fabric())
    resumed.run()
    for name, value in whole.supernet.state_dict().items():
        assert torch.equal(value, resumed.supernet.state_dict()[name]), name
    for name, value in whole.average.module.state_dict().items():
        assert torch.equal(value, resumed.average.module.state_dict()[name]), name


def test_a_finished_run_is_not_trained_again(recipe, tmp_path):
    first = Trainer(recipe, tmp_path, fabric())
    path = first.run()
    before = path.read_bytes()
    again = Trainer(recipe, tmp_path, fabric())
    assert again.run() == path
    assert path.read_bytes() == before


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


def test_a_state_of_another_recipe_is_refused(recipe, tmp_path):
    Trainer(recipe, tmp_path, fabric()).run()
    with pytest.raises(CheckpointError, match="another recipe"):
        Trainer(recipe.model_copy(update={"seed": 2}), tmp_path, fabric()).run()
