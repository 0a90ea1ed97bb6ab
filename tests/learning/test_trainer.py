from dataclasses import replace
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


class PoisonedTrainer(Trainer):
    """The third step of a stage gets a picture of NaN; everything that a run is made of is kept before and after."""

    def _step(self, config, stage, batch, meter, *, full_precision):
        bad = self.position.step == 2
        if bad:
            batch = replace(batch, image=batch.image * float("nan"))
            self.before = self.everything()
        super()._step(config, stage, batch, meter, full_precision=full_precision)
        if bad:
            self.after = self.everything()

    def everything(self):
        moments = {str(i): state for i, state in enumerate(self.optimizer.state.values())}
        parts = {"network": self.supernet.state_dict(), "average": self.average.module.state_dict(), **moments}
        return {f"{part}.{name}": value.clone() for part, found in parts.items() for name, value in found.items()}


@pytest.mark.parametrize("kind", StageKind)
def test_a_step_that_is_not_finite_leaves_no_trace(recipe, tmp_path, kind):
    """Weights, norms' statistics, moving average and the optimizer's moments and counts, in every stage."""
    stages = tuple(stage for stage in recipe.stages if stage.kind is kind)
    stages = tuple(stage.model_copy(update={"candidates": 0}) for stage in stages)
    trainer = PoisonedTrainer(recipe.model_copy(update={"stages": stages, "log_steps": 4}), tmp_path, fabric())
    loaded = load_checkpoint(str(trainer.run()))
    assert loaded.training.trained, "what was exported can be loaded: nothing in it is NaN"
    assert trainer.before.keys() <= trainer.after.keys()
    for name, value in trainer.after.items():
        # A parameter on its first path has no moments before: zeros are the same.
        assert torch.equal(value, trainer.before.get(name, torch.zeros_like(value))), name


def test_skipped_steps_are_counted_where_progress_is_printed(recipe, tmp_path, capsys):
    stages = recipe.stages[:1]
    PoisonedTrainer(recipe.model_copy(update={"stages": stages, "log_steps": 4}), tmp_path, fabric()).run()
    assert "1 steps skipped" in capsys.readouterr().err


@pytest.mark.parametrize("stage", [0, 1, 2])
def test_a_run_stopped_by_the_clock_goes_on_to_the_same_weights(recipe, whole, tmp_path, stage):
    class Stopped(Trainer):
        def _is_late(self):
            return (self.position.stage, self.position.step) == (stage, 2)

    assert Stopped(recipe, tmp_path, fabric()).run(minutes=1) is None
    resumed = Trainer(recipe, tmp_path, fabric())
    resumed.run()
    for name, value in whole[0].supernet.state_dict().items():
        assert torch.equal(value, resumed.supernet.state_dict()[name]), name


def test_a_run_without_time_stops_at_once_with_a_state(recipe, tmp_path):
    assert Trainer(recipe, tmp_path, fabric()).run(minutes=1e-9) is None
    assert load_state(tmp_path / STATE_FILE)["position"]["step"] == 0


def test_a_state_holds_a_teacher_only_where_one_is_needed(recipe, whole, tmp_path):
    assert load_state(whole[1].parent / STATE_FILE)["teacher"] is None, "all stages are done"
    trainer = Trainer(recipe, tmp_path, fabric())
    trainer._save()
    assert load_state(tmp_path / STATE_FILE)["teacher"] is not None


def test_a_compiled_network_is_saved_like_any_other(recipe, tmp_path):
    trainer = Trainer(recipe.model_copy(update={"compile": True}), tmp_path, fabric())
    assert trainer.supernet.stem._compiled_call_impl is not None
    assert trainer.supernet.state_dict().keys() == trainer.average.module.state_dict().keys()
    assert same_start(recipe, trainer.config, Position(step=1))


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


def test_every_batch_is_made_where_the_network_is(recipe, tmp_path, monkeypatch):
    trainer = Trainer(recipe, tmp_path, fabric())
    elsewhere = SimpleNamespace(device=torch.device("meta"), global_rank=0, world_size=1)
    trainer.fabric = trainer.calibration.fabric = elsewhere
    asked = []
    monkeypatch.setattr("pam_edge.learning.trainer.iterate", lambda *given: asked.append(given[-1]))
    trainer._batches(recipe.stages[0].phases[0], 1)
    assert [asked[0].type, trainer.calibration._batches(0, 1)[0].alpha.device.type] == ["meta", "meta"]


def test_progress_is_printed_as_often_as_the_recipe_says(recipe, tmp_path, capsys):
    Trainer(recipe.model_copy(update={"stages": recipe.stages[:1], "log_steps": 2}), tmp_path, fabric()).run()
    lines = [line.split() for line in capsys.readouterr().err.splitlines() if line.startswith("complete ")]
    assert [int(words[1]) for words in lines] == [2, 4]


def test_without_data_training_says_what_it_looked_for(recipe, tmp_path):
    data = recipe.data.model_copy(update={"root": tmp_path / "nowhere"})
    with pytest.raises(UsageError, match=r"matting data at .*nowhere"):
        Trainer(recipe.model_copy(update={"data": data}), tmp_path, fabric())
