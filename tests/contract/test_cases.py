"""The contract cases say what Python says: made anew, they are what ``runtimes/contract`` holds."""

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from pam_edge.delivery.artifact.manifest import MANIFEST, read_manifest
from pam_edge.errors import ArtifactError
from tests.contract import manifests, traces
from tests.contract.cases import TOPICS, document, follow
from tests.contract.coding import decode

CONTRACT = Path(__file__).parents[2] / "runtimes/contract"
AGAIN = "if that is meant, `python -m tests.contract` writes it anew, and three other languages must follow"


def same(ours, theirs, tolerance):
    """Whether two parsed documents are equal, numbers and float arrays within a tolerance."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        if {"shape", "f32"} == set(ours) == set(theirs):
            alike = np.allclose(decode(ours), decode(theirs), rtol=0, atol=tolerance, equal_nan=True)
            return bool(ours["shape"] == theirs["shape"] and alike)
        return ours.keys() == theirs.keys() and all(same(ours[key], theirs[key], tolerance) for key in ours)
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(same, ours, theirs, [tolerance] * len(ours)))
    if isinstance(ours, float) and isinstance(theirs, float):
        return abs(ours - theirs) <= tolerance
    return bool(ours == theirs)


@pytest.mark.parametrize("topic", TOPICS)
def test_python_answers_as_the_cases_say(topic):
    held = json.loads((CONTRACT / f"{topic}.json").read_text())
    made = json.loads(json.dumps(document(topic)))
    names = [case["name"] for case in held["cases"]]
    assert len(names) == len(set(names))
    assert names == [case["name"] for case in made["cases"]], AGAIN
    differ = [
        theirs["name"]
        for ours, theirs in zip(made["cases"], held["cases"], strict=True)
        if not same(ours, theirs, held["tolerance"])
    ]
    assert not differ, AGAIN
    assert {**held, "cases": None} == {**made, "cases": None}, AGAIN


def test_there_is_no_file_without_a_topic():
    assert {file.stem for file in CONTRACT.glob("*.json")} == set(TOPICS)


@pytest.mark.parametrize("case", manifests.cases(), ids=lambda case: case["name"])
def test_manifests_that_apps_refuse_are_refused_here(tmp_path, case):
    (tmp_path / MANIFEST).write_text(case["text"])
    error = case["expect"].get("error")
    if error is None:
        assert [list(size) for size in read_manifest(tmp_path).sizes] == case["expect"]["sizes"]
        return
    with pytest.raises(ArtifactError, match="newer" if error == "newer" else "damaged"):
        read_manifest(tmp_path)


@pytest.mark.parametrize("trace", list(traces.all_traces()), ids=lambda trace: trace.name)
def test_deadlines_are_kept_after_settling_wherever_they_can_be(trace):
    """Two in a hundred may be missed: what comes without a warning is missed by everybody."""
    paces = {unit.name: unit.true_pace for unit in trace.units}
    did = follow(trace)
    missed = possible = 0
    for call, level, unit in list(zip(trace.calls, did["levels"], did["units"], strict=True))[traces.SETTLED_AFTER :]:
        if unit is None or trace.costs[0] * paces[unit] * call.slowdown > call.deadline_ms:
            continue
        possible += 1
        missed += trace.costs[level] * paces[unit] * call.slowdown > call.deadline_ms
    assert missed <= 0.02 * possible


STEADY = [trace for trace in traces.all_traces() if len({call.deadline_ms for call in trace.calls}) == 1]
"""Traces that ask for the same all the time; others ask for another level themselves."""


@pytest.mark.parametrize("trace", STEADY, ids=lambda trace: trace.name)
def test_levels_do_not_swing(trace):
    """Going up and down again within two seconds of video is seen; a hundred calls may hold two such swings."""
    levels = follow(trace)["levels"]
    turns = [index for index in range(1, len(levels)) if levels[index] != levels[index - 1]]
    swings = sum(
        later - earlier <= 60 and levels[earlier] > levels[earlier - 1] and levels[later] < levels[later - 1]
        for earlier, later in pairwise(turns)
    )
    assert swings <= 1 + len(levels) // 100
