"""Checkpoints come back as they went, and a bad file is refused with its reason."""

import json
import pickle

import pytest
import torch
from safetensors.torch import load_file, save_file

from pam_edge.errors import CheckpointError
from pam_edge.supernet.checkpoint import (
    FORMAT,
    HEADER,
    TrainingRecord,
    load_checkpoint,
    save_checkpoint,
    untrained_checkpoint,
)
from pam_edge.supernet.variants import variant

RECORD = TrainingRecord(trained=True, summary="for a test")


@pytest.fixture
def saved(tmp_path):
    checkpoint = untrained_checkpoint(variant("pam-minute"))
    file = tmp_path / "weights.safetensors"
    save_checkpoint(file, checkpoint.supernet, RECORD)
    return file, checkpoint


def metadata(checkpoint):
    header = {"format": FORMAT, "config": checkpoint.config.model_dump(), "training": RECORD.model_dump()}
    return {HEADER: json.dumps(header)}


def test_weights_and_record_survive_saving(saved):
    file, checkpoint = saved
    loaded = load_checkpoint(file)
    assert loaded.training == RECORD
    for name, tensor in checkpoint.supernet.state_dict().items():
        assert torch.equal(tensor, loaded.supernet.state_dict()[name])


def test_gate_paths_of_another_network_are_refused(tmp_path):
    checkpoint = untrained_checkpoint(variant("pam-minute"))
    good = ({"1" * checkpoint.config.block_count: 1.0},) * checkpoint.config.budget_indices
    for rows in (good[1:], ({"1": 1.0}, *good[1:]), ({}, *good[1:])):
        record = checkpoint.training.model_copy(update={"gate_paths": rows})
        save_checkpoint(tmp_path / "bad.safetensors", checkpoint.supernet, record)
        with pytest.raises(CheckpointError, match="written for another network"):
            load_checkpoint(tmp_path / "bad.safetensors")
    record = checkpoint.training.model_copy(update={"gate_paths": good})
    save_checkpoint(tmp_path / "good.safetensors", checkpoint.supernet, record)
    assert load_checkpoint(tmp_path / "good.safetensors").training.gate_paths == good


def test_untrained_weights_are_the_same_every_time_and_say_so():
    first, second = load_checkpoint("pam-minute"), load_checkpoint("pam-minute")
    assert first.sha256 == second.sha256
    assert "UNTRAINED" in first.title


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda t: t.pop("stem.0.0.weight"), r"1 missing.*save it with"),
        (lambda t: t.update(extra=torch.zeros(1)), "1 unknown"),
        (
            lambda t: t.update({"stem.0.0.weight": torch.zeros(2, 2)}),
            r"to be F32 \[8, 6, 3, 3\], found F32 \[2, 2\]\. Save it",
        ),
        (lambda t: t.update({"head.bias": torch.zeros(4, dtype=torch.float64)}), "found F64"),
        (lambda t: t["head.bias"].fill_(float("nan")), r"NaN or infinity.*copy the file again"),
    ],
)
def test_wrong_tensors_are_refused(saved, damage, message):
    file, checkpoint = saved
    tensors = load_file(file)
    damage(tensors)
    save_file(tensors, file, metadata(checkpoint))
    with pytest.raises(CheckpointError, match=message):
        load_checkpoint(file)


def test_a_pickle_is_refused_unread(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (pytest.fail, ("the pickle was executed",))

    file = tmp_path / "model.pt"
    file.write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(CheckpointError, match="is a pickle"):
        load_checkpoint(file)
    torch.save({"a": torch.zeros(1)}, file)
    with pytest.raises(CheckpointError, match="is a pickle"):
        load_checkpoint(file)


@pytest.mark.parametrize("length", [0, 4, 100, -50])
def test_a_truncated_file_is_refused(saved, length):
    file, _ = saved
    file.write_bytes(file.read_bytes()[:length])
    with pytest.raises(CheckpointError, match="not a whole safetensors file"):
        load_checkpoint(file)


def test_a_foreign_safetensors_file_is_refused(tmp_path):
    file = tmp_path / "other.safetensors"
    save_file({"a": torch.zeros(1)}, file)
    with pytest.raises(CheckpointError, match=r"expected the format.*Give a checkpoint"):
        load_checkpoint(file)


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(CheckpointError, match=r"pam-tiny.*Check the path"):
        load_checkpoint("pam-huge")
