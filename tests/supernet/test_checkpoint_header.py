"""A checkpoint's header is written by anyone: whatever it says, it is refused with a reason, or loads as it says."""

import copy
import json
import random
import tracemalloc

import pytest
import torch
from safetensors.torch import load_file, save_file

from pam_edge.errors import CheckpointError
from pam_edge.supernet import weights_file
from pam_edge.supernet.checkpoint import FORMAT, HEADER, TrainingRecord, load_checkpoint, untrained_checkpoint
from pam_edge.supernet.config import SupernetConfig
from pam_edge.supernet.variants import variant
from pam_edge.terms import Mode
from tests.conftest import minute_request

NASTY: tuple[object, ...] = (
    None, True, -1, 0, 1, 65, 10**6, 2**63, 2**64, 10**30, -(2**70), 0.5, 1e999, float("nan"), "", "8", "../x",
    "\ud800", "a" * 10**5, [], {}, [[[]]], [1] * 5, {"1": {"1": 1}}, ["1"], {"1111": float("inf")}, [{"1111": 0.2}],
)  # fmt: skip


@pytest.fixture(scope="module")
def made():
    """Return the description and the tensors of a good checkpoint with everything that a record can hold."""
    checkpoint = untrained_checkpoint(variant("pam-minute"))
    blocks, rows = checkpoint.config.block_count, checkpoint.config.budget_indices
    record = TrainingRecord(
        trained=True,
        summary="for a test",
        path_errors={"1" * blocks: 0.1, "0" * blocks: 0.3},
        gate_paths=({"1" * blocks: 0.25, "0" * blocks: 0.75},) * rows,
    )
    description = {
        "format": FORMAT,
        "config": checkpoint.config.model_dump(mode="json"),
        "training": record.model_dump(mode="json"),
    }
    state = checkpoint.supernet.state_dict()
    return description, {name: value for name, value in state.items() if not name.endswith("num_batches_tracked")}


def write(folder, description, tensors):
    file = folder / "weights.safetensors"
    text = description if isinstance(description, str) else json.dumps(description)
    save_file(tensors, file, {HEADER: text})
    return file


def places(value, here=()):
    """Return the keys that lead to everything in nested lists and dictionaries."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [here, *(place for key, each in inner for place in places(each, (*here, key)))]


def mutated(description, rng):
    """Return a description with one to three changes: values of other kinds, missing and unknown keys."""
    changed = {"root": copy.deepcopy(description)}
    for _ in range(rng.randint(1, 3)):
        *way, key = rng.choice(places(changed)[1:])
        parent = changed
        for step in way:
            parent = parent[step]
        action = rng.random()
        if action < 0.2 and isinstance(parent, dict):
            parent[rng.choice(("extra", "", "name", "1111"))] = rng.choice(NASTY)
        elif action < 0.4 and way:
            del parent[key]
        else:
            parent[key] = copy.deepcopy(rng.choice(NASTY))
    return changed.get("root", {})


WAYS_OUT = ("Give a checkpoint", "ave it with", "opy the file again", "copy it again", "convert it where you trust it")


def outcome(file):
    """Return the checkpoint, or what is said about the file, which is also what to do."""
    try:
        return load_checkpoint(file)
    except CheckpointError as error:
        said = str(error)
    assert any(each in said for each in WAYS_OUT), said
    return said


@pytest.mark.parametrize("seed", range(8))
def test_a_mutated_description_is_refused_or_loads_as_it_says(made, tmp_path, seed):
    description, tensors = made
    rng = random.Random(seed)
    for _ in range(60):
        changed = mutated(description, rng)
        try:
            text = json.dumps(changed, ensure_ascii=rng.random() < 0.5)
            file = write(tmp_path, text.encode(errors="replace").decode(), tensors)
        except UnicodeEncodeError:
            continue
        loaded = outcome(file)
        if isinstance(loaded, str):
            assert len(loaded) < 2000, "an error is one paragraph"
            continue
        assert loaded.config == SupernetConfig.model_validate(json.loads(text)["config"])
        assert all(torch.equal(loaded.supernet.state_dict()[name], value) for name, value in tensors.items())


@pytest.mark.parametrize("seed", range(6))
def test_a_header_with_mutated_bytes_is_refused_or_loads_the_same_weights(made, tmp_path, seed):
    """Bytes of the safetensors header itself: names, shapes, types and places of tensors, and the length before it."""
    file = write(tmp_path, *made)
    whole = file.read_bytes()
    length = int.from_bytes(whole[:8], "little")
    rng = random.Random(seed)
    for _ in range(60):
        damaged = bytearray(whole)
        for _ in range(rng.randint(1, 3)):
            damaged[rng.randrange(8 + length)] = rng.choice(b'\x00\xff"{}[],:019-e\\ F') if rng.random() < 0.9 else 128
        file.write_bytes(damaged)
        loaded = outcome(file)
        if isinstance(loaded, str):
            continue
        assert {tuple(each.shape) for each in loaded.supernet.state_dict().values()} >= {
            tuple(each.shape) for each in made[1].values()
        }


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"format": "' + FORMAT + '", "config": ' + "[" * 50_000 + "]" * 50_000 + ', "training": {}}',
        "1" * 5000,
        '{"format": 1, "format": 2}',
        '"text"',
        "",
        "NaN",
    ],
    ids=["open", "nested", "digits", "twice", "text", "empty", "nan"],
)
def test_a_description_that_is_no_description_is_refused(made, tmp_path, text):
    with pytest.raises(CheckpointError):
        load_checkpoint(write(tmp_path, text, made[1]))


def test_a_key_that_stands_twice_is_refused(made, tmp_path):
    text = json.dumps(made[0])
    twice = text.replace('"trained": true', '"trained": true, "trained": false')
    assert twice != text
    with pytest.raises(CheckpointError, match="twice"):
        load_checkpoint(write(tmp_path, twice, made[1]))


@pytest.mark.parametrize(
    "name",
    ["../../../tmp/x", "/tmp/x", "..", ".", "", "a/b", "a\\b", "C:x", "x\0y", "x\n", "x.y", "X", "-x", "x" * 81, "é"],
)
def test_a_variants_name_is_a_name_and_never_a_path(made, tmp_path, name):
    """Artifact folders are named after it: one that leads elsewhere would replace what lies there."""
    description = copy.deepcopy(made[0])
    description["config"]["name"] = name
    file = write(tmp_path, description, made[1])
    with pytest.raises(CheckpointError, match=r"config\.name"):
        load_checkpoint(file)


def test_nothing_is_written_outside_of_the_output_folder(made, tmp_path):
    from pam_edge.delivery.convert import convert

    treasure = tmp_path / "elsewhere_macs_tflite_static"
    treasure.mkdir()
    (treasure / "file").write_text("the only copy")
    description = copy.deepcopy(made[0])
    description["config"]["name"] = "../elsewhere"
    file = write(tmp_path, description, made[1])
    with pytest.raises(CheckpointError):
        convert(minute_request(tmp_path / "out", checkpoint=str(file), mode=Mode.STATIC))
    assert (treasure / "file").read_text() == "the only copy"
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"widths": [4096] * 5, "encoder_blocks": [16] * 4},
        {"widths": [2**62] * 5},
        {"widths": [2**64] * 5},
        {"encoder_blocks": [10**9, 0, 0, 0]},
        {"budget_indices": 2**40},
        {"embedding_size": 10**30},
        {"kernel_sizes": [2**33 + 1] * 3},
        {"pyramid_pools": 10**8},
        {"expansion": 10**12},
        {"gate_hidden": 10**15},
        {"connect_reduction": -1},
    ],
    ids=str,
)
def test_a_configuration_is_not_given_the_memory_it_asks_for(made, tmp_path, monkeypatch, changes):
    """The largest that a configuration may ask for is 45 GB: it is refused before a network of it is made."""
    description = copy.deepcopy(made[0])
    description["config"] |= changes
    description["training"] |= {"path_errors": {}, "gate_paths": []}
    file = write(tmp_path, description, made[1])
    given = []
    allocate = torch.nn.Module.register_parameter

    def watch(self, name, value):
        given.append(value is not None and not value.is_meta)
        allocate(self, name, value)

    monkeypatch.setattr(torch.nn.Module, "register_parameter", watch)
    with pytest.raises(CheckpointError):
        load_checkpoint(file)
    assert not any(given), "a network was made of a configuration that the file does not hold"


def test_a_header_longer_than_any_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(weights_file, "LARGEST_HEADER_BYTES", 1000)
    file = tmp_path / "weights.safetensors"
    save_file({"a": torch.zeros(1)}, file, {HEADER: "x" * 2000})
    with pytest.raises(CheckpointError, match=r"at most 1000 bytes.*Give a checkpoint"):
        load_checkpoint(file)


def test_a_large_file_of_another_network_is_not_read_beyond_its_header(made, tmp_path):
    file = write(tmp_path, *made)
    with file.open("r+b") as stream:
        stream.truncate(2**33)  # sparse: it takes no room
    tracemalloc.start()
    with pytest.raises(CheckpointError, match="not a whole safetensors file"):
        load_checkpoint(file)
    assert tracemalloc.get_traced_memory()[1] < 2**26
    tracemalloc.stop()


@pytest.mark.parametrize("first", [0x0280, 0x0380, 0x0480, 0x0580], ids=hex)
def test_a_header_whose_length_starts_like_a_pickle_is_no_pickle(made, tmp_path, first):
    description, tensors = copy.deepcopy(made[0]), made[1]
    start = int.from_bytes(write(tmp_path, description, tensors).read_bytes()[:2], "little")
    description["training"]["summary"] += "x" * ((first - start) % 2**16)
    file = write(tmp_path, description, tensors)
    assert int.from_bytes(file.read_bytes()[:2], "little") == first
    assert load_checkpoint(file).training.summary == description["training"]["summary"]


@pytest.mark.parametrize(
    "changes",
    [
        {"path_errors": {"111": 0.1}},
        {"path_errors": {"11x1": 0.1}},
        {"path_errors": {"1111": -0.1}},
        {"gate_paths": [{"1111": 0.5}] * 5},
        {"gate_paths": [{"1111": 1e-9}] * 5},
    ],
    ids=str,
)
def test_paths_that_no_plan_can_use_are_refused(made, tmp_path, changes):
    """Shares that do not add up left the table from budget to row without a threshold to find."""
    description = copy.deepcopy(made[0])
    description["training"] |= changes
    with pytest.raises(CheckpointError):
        load_checkpoint(write(tmp_path, description, made[1]))


@pytest.mark.parametrize("reference", ["x" * 5000, "a\0b", "."], ids=["long", "nul", "folder"])
def test_what_cannot_be_a_file_is_refused(reference):
    with pytest.raises(CheckpointError, match="there is no file"):
        load_checkpoint(reference)


def test_the_hash_is_of_the_bytes_that_were_loaded(made, tmp_path, monkeypatch):
    """The file is read once: another that takes its place meanwhile has another hash and is not what was loaded."""
    file = write(tmp_path, *made)
    before = load_checkpoint(file)
    other = {name: tensor + 1 for name, tensor in load_file(file).items()}
    read = weights_file.read_values

    def replaced(path, stream, header, expected):
        (tmp_path / "next").mkdir()
        write(tmp_path / "next", made[0], other).replace(file)
        return read(path, stream, header, expected)

    monkeypatch.setattr("pam_edge.supernet.checkpoint.read_values", replaced)
    loaded = load_checkpoint(file)
    assert loaded.sha256 == before.sha256
    assert torch.equal(loaded.supernet.head.weight, before.supernet.head.weight)
