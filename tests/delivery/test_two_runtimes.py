"""Where a target has two runtimes, both are run and compared. Core ML itself, which is not here, has a stand-in."""

import numpy as np
import pytest

from pam_edge.delivery.parity.verify import check_in_process
from pam_edge.evaluation.parity import LIMITS
from pam_edge.runtimes.coreml.native import as_coreml_takes_them
from pam_edge.runtimes.coreml.runtime import CoreMLRuntime
from pam_edge.supernet.checkpoint import load_checkpoint
from pam_edge.targets import Target


class Off:
    """A model with an error added to every alpha."""

    ran_on = "a stand-in for Core ML"

    def __init__(self, model, error):
        self.model, self.error = model, np.float32(error)
        self.height, self.width = model.height, model.width

    def __call__(self, image, source, control=None, last=None):
        found = self.model(image, source, control, last)
        return found | {"alpha": self.error * (source == 128) + found["alpha"]}


class StandInForCoreML(CoreMLRuntime):
    """The reference runtime under Core ML's name, with an error added to every alpha."""

    name = "coreml"
    error = 0.0

    def load(self, file, entry_point, names, *, threads):
        model = super().load(file, entry_point, names, threads=threads)

        return Off(model, self.error)


@pytest.fixture
def check(static_artifacts, monkeypatch):
    def run(error):
        artifact = static_artifacts[Target.COREML]
        monkeypatch.setattr(StandInForCoreML, "error", error)
        monkeypatch.setattr("platform.system", lambda: "Darwin")
        monkeypatch.setitem(
            __import__("pam_edge.runtimes.registry", fromlist=["RUNTIMES"]).RUNTIMES,
            Target.COREML,
            {"coreml": f"{__name__}:StandInForCoreML", "reference": "pam_edge.runtimes.coreml.runtime:CoreMLRuntime"},
        )
        checkpoint = load_checkpoint("pam-minute")
        return check_in_process(artifact, checkpoint, {"kind": "convert"}, threads=1)

    return run


def test_both_runtimes_are_run_and_compared(check):
    records = check(0.0)
    assert [(record.entry_point, record.runtime) for record in records] == [
        (entry, runtime) for entry in ("100pct", "60pct") for runtime in ("coreml", "reference")
    ]
    assert all(record.passed for record in records)
    assert [record.max_abs_between_runtimes for record in records] == [None, 0.0, None, 0.0]


def test_a_runtime_that_is_off_fails_and_so_does_the_comparison(check):
    error = 2 * next(iter(LIMITS.values())).max_abs
    native, reference, *_ = check(error)
    assert native.passed is False
    assert reference.max_abs_between_runtimes == pytest.approx(error, rel=0.01)
    assert "away from coreml" in reference.reason


def test_images_go_to_core_ml_as_pictures_and_arrays_as_they_are():
    given = {"image": np.zeros((4, 6, 3), np.uint8), "budget": np.ones(1, np.float32)}
    taken = as_coreml_takes_them(given)
    assert taken["image"].size == (6, 4)
    assert taken["budget"] is given["budget"]
