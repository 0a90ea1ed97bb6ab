"""One file for several sizes: which can be asked for, what is in it, and which of them a picture gets."""

import json
from itertools import product

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from pam_edge.cli.main import app
from pam_edge.delivery.artifact.artifact import Artifact
from pam_edge.delivery.convert import _draft, _prepare, choose_interfaces, convert
from pam_edge.delivery.open_model import open_model
from pam_edge.delivery.parity.device_outputs import verify_device_outputs
from pam_edge.delivery.parity.verify import verify
from pam_edge.errors import UsageError
from pam_edge.graphs.ends import Interface
from pam_edge.matting.tiling import choose_size
from pam_edge.measuring.bench import time_in_worker
from pam_edge.planning.budget import parse_budget
from pam_edge.targets import Target
from pam_edge.terms import Mode, Result, Source
from tests.conftest import inspections, minute_request

SIZES = ((64, 64), (96, 32), (32, 128))
MODES = (Mode.STATIC, Mode.MULTI, Mode.DYNAMIC)


def of_sizes(out, sizes, **changes):
    ends = {"inputs": Source.TRIMAP, "outputs": Result.ALPHA, "band_px": None, "mask_size": None}
    ends |= {key: changes.pop(key) for key in list(changes) if key in ends}
    return minute_request(out, interfaces=choose_interfaces(sizes, **ends), **changes)


@pytest.mark.parametrize("target", Target, ids=str)
@pytest.mark.parametrize("mode", MODES, ids=str)
@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_several_sizes_are_for_files_of_several_functions(tmp_path, target, mode, count):
    request = of_sizes(tmp_path, SIZES[:count], targets=(target,), mode=mode)
    if count == 0 or (count > 1 and mode is not Mode.MULTI):
        with pytest.raises(UsageError, match="Expected one size"):
            _prepare(request)
        return
    (job,) = _prepare(request)
    assert [each.conditions.height for each in job.planned] == [size[0] for size in SIZES[:count]]


def test_a_size_that_is_there_twice_or_cannot_be_is_refused(tmp_path):
    for sizes, words in ((((64, 64), (64, 64)), "Drop repeats"), (((64, 64), (64, 65)), "multiples of 32")):
        with pytest.raises(UsageError, match=words):
            _prepare(minute_request(tmp_path, mode=Mode.MULTI, interfaces=tuple(Interface(*size) for size in sizes)))


def test_each_size_has_a_band_of_its_own():
    interfaces = choose_interfaces([(256, 512), (512, 512)], Source.MASK, Result.ALPHA, None, None)
    assert [each.ends.band_px for each in interfaces] == [5, 10]


def test_a_mask_larger_than_one_of_the_sizes_is_refused():
    with pytest.raises(UsageError, match="64x64"):
        choose_interfaces([(512, 512), (64, 64)], Source.MASK, Result.ALPHA, None, (256, 256))


CASES = [
    (Target.TFLITE, Source.MASK, Result.ALPHA),
    pytest.param((Target.EXECUTORCH, Source.TRIMAP, Result.ALPHA), marks=pytest.mark.slow),
    pytest.param((Target.COREML, Source.MASK_AND_PREVIOUS, Result.CUTOUT), marks=pytest.mark.slow),
]


@pytest.fixture(scope="module", params=CASES, ids=str)
def made(request, tmp_path_factory):
    target, inputs, outputs = request.param
    asked = of_sizes(
        tmp_path_factory.mktemp("sizes"),
        SIZES,
        targets=(target,),
        budgets=(parse_budget("60%"),),
        mode=Mode.MULTI,
        precision=None,
        inputs=inputs,
        outputs=outputs,
    )
    return convert(asked)[0]


@pytest.mark.parametrize("target", Target, ids=str)
def test_each_size_and_budget_gets_an_entry_point_with_tensors_of_its_own(tmp_path, target):
    (job,) = _prepare(of_sizes(tmp_path, SIZES, targets=(target,), mode=Mode.MULTI))
    expected = [f"{budget}_{height}x{width}" for (height, width), budget in product(SIZES, ("100pct", "60pct"))]
    entries = _draft(job).entry_points
    assert [entry.name for entry in entries] == [entry.function for entry in entries] == expected
    assert [entry.size for entry in entries] == [size for size in SIZES for _ in range(2)]
    assert all(entry.predicted_cost == pytest.approx(entry.gmacs) for entry in entries)


def test_one_file_holds_all_sizes(made):
    manifest = Artifact.read(made.directory).manifest
    assert [entry.name for entry in manifest.entry_points] == [f"60pct_{high}x{wide}" for high, wide in SIZES]
    assert len({entry.file for entry in manifest.entry_points}) == 1
    assert manifest.sizes == SIZES
    assert manifest.verified
    assert [(found.height, found.width) for found in inspections(made)] == list(SIZES)


def test_verify_and_a_device_judge_every_size(made):
    assert [record.passed for record in verify(made.directory)] == [True] * 3
    records = verify_device_outputs(made.directory, made.directory / "golden")
    assert [record.passed for record in records] == [True] * 3


def test_golden_vectors_are_of_each_size(made):
    for entry in made.manifest.entry_points:
        vectors = made.golden(entry)
        assert len(vectors) == 2
        assert all(vector.trimap.shape == entry.size == vector.expected.alpha.shape for vector in vectors)


def test_bench_times_every_size(made):
    if made.manifest.target.facts.why_not_timed_here:
        pytest.skip("this target's times mean nothing here")
    times = time_in_worker({"directory": str(made.directory), "threads": 1, "seconds": 0.01})
    assert set(times["calls"]) == {entry.name for entry in made.manifest.entry_points}


@pytest.mark.parametrize(("shape", "expected"), [((60, 50), (64, 64)), ((96, 30), (96, 32)), ((20, 100), (32, 128))])
def test_a_picture_is_matted_at_the_size_that_suits_it(made, tmp_path, shape, expected):
    opened = open_model(str(made.directory), "60%", threads=1, picture=shape)
    assert (opened.matter.height, opened.matter.width) == expected
    mask = np.zeros(shape, np.uint8)
    mask[8:-8, 8:-8] = 255
    cv2.imwrite(str(tmp_path / "photo.png"), np.random.default_rng(3).integers(0, 256, (*shape, 3), np.uint8))
    cv2.imwrite(str(tmp_path / "mask.png"), mask)
    arguments = ["matte", str(tmp_path / "photo.png"), "--mask", str(tmp_path / "mask.png"), "--budget", "60%"]
    result = CliRunner().invoke(
        app, [*arguments, "--model", str(made.directory), "-o", str(tmp_path / "cutout.png"), "--json"]
    )
    assert result.exit_code == 0, result.output
    assert len(json.loads(result.stdout)["taken"]) == 1


def test_a_size_or_budget_that_is_not_there_is_told(made):
    with pytest.raises(UsageError, match="64x64, 96x32, 32x128; got 32x32"):
        made.entry("60%", (32, 32))
    with pytest.raises(UsageError, match="60%; got 80%"):
        made.entry("80%", (96, 32))
    assert made.entry("60%", (96, 32)).name == "60pct_96x32"
    assert made.entry("60%").name == "60pct_64x64"


@given(
    st.lists(st.tuples(st.integers(1, 16), st.integers(1, 16)), min_size=1, max_size=5, unique=True),
    st.integers(1, 3000),
    st.integers(1, 3000),
)
def test_the_size_chosen_needs_the_fewest_tiles_and_is_the_smallest_of_those(units, height, width):
    sizes = [(32 * high, 32 * wide) for high, wide in units]
    chosen = choose_size(sizes, height, width)
    fitting = [size for size in sizes if size[0] >= height and size[1] >= width]
    if fitting:
        assert chosen in fitting
        assert chosen[0] * chosen[1] == min(high * wide for high, wide in fitting)
    assert choose_size([chosen], height, width) == chosen
    others = [size for size in sizes if size[0] >= chosen[0] and size[1] >= chosen[1] and size != chosen]
    assert all(size[0] * size[1] > chosen[0] * chosen[1] for size in others)
