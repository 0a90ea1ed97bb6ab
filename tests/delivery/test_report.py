"""The report shows what was found, opens offline, and calls nothing passed that was not run."""

import base64
import re
from dataclasses import replace
from html.parser import HTMLParser

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from pam_edge.delivery.report.page import render_report, write_report
from pam_edge.delivery.report.records import EntryReport, Front, FrontPoint, ParityRow, PictureRow, Report

ENTRY = EntryReport(
    name="mild",
    budget="mild (100%)",
    limit=12.0,
    path=(True, False, True),
    predicted_cost=11.4,
    interval=(11.1, 11.8),
    unit="ms",
    provenance="estimated",
    gmacs=2.25,
    file="mild.pte",
    size_bytes=3 * 2**20,
    sha256="abcdef0123456789" * 4,
)
PASSED = ParityRow("mild", "passed", "ExecuTorch 1.5.1", 7, 2e-7, 3e-8, -0.00012, 1e-4, 1e-5)
FAILED = replace(PASSED, status="failed", max_abs_error=0.2, note="first diverging block: 3")
NOT_RUN = ParityRow("mild", "not run", "Core ML runs only on macOS", 0, None, None, None, 0.03, 0.004)


def report(**changes: object) -> Report:
    plain = Report(
        title="pam-tiny",
        untrained=False,
        target="ExecuTorch",
        mode="static",
        precision="fp32",
        sizes=((64, 96),),
        profile="iphone13",
        provenance="estimated",
        entries=(ENTRY,),
        parity=(PASSED,),
    )
    return replace(plain, **changes)


def picture(height: int = 32, width: int = 48, **changes: object) -> PictureRow:
    grey = np.full((height, width), 128, np.uint8)
    alpha = np.full((height, width), 0.5, np.float32)
    row = PictureRow("cat", "CC0", "mild", np.dstack([grey] * 3), grey, alpha, alpha, np.dstack([grey] * 4), 1e4)
    return replace(row, **changes)


class Reader(HTMLParser):
    """Collects what a browser would fetch, and the sources of the pictures by their captions."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.tags: set[str] = set()
        self.pictures: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        values = {name: value or "" for name, value in attrs}
        self.links += [values[name] for name in ("src", "href") if name in values]
        if tag == "img":
            self.pictures[values["alt"]] = values["src"]


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    return reader


def decode(uri: str) -> NDArray[np.uint8]:
    return np.asarray(cv2.imdecode(np.frombuffer(base64.b64decode(uri.split(",")[1]), np.uint8), cv2.IMREAD_UNCHANGED))


FRONT = Front(
    "cost, ms", "expected SAD", (FrontPoint(8, 0.4), FrontPoint(9, 0.6, False), FrontPoint(11, 0.2, label="mild"))
)


def test_page_loads_nothing_and_runs_no_script(tmp_path):
    write_report(tmp_path / "report.html", report(pictures=(picture(),), front=FRONT))
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    page = read(html)
    assert page.links
    assert all(link.startswith("data:image/") for link in page.links)
    assert not page.tags & {"script", "link", "iframe", "object"}
    assert not re.search(r"https?://|@import|url\((?!#)", html)


def test_same_report_gives_the_same_text():
    assert render_report(report(pictures=(picture(),))) == render_report(report(pictures=(picture(),)))


def test_text_is_escaped_wherever_it_comes_from():
    nasty = "<script>alert('&')</script>"
    html = render_report(
        report(
            title=nasty,
            target=nasty,
            profile=nasty,
            notes=(nasty,),
            facts=((nasty, nasty),),
            entries=(replace(ENTRY, name=nasty, budget=nasty, file=nasty, sha256=nasty, unit=nasty, provenance=nasty),),
            parity=(replace(FAILED, entry_point=nasty, ran_on=nasty, note=nasty),),
            pictures=(picture(picture=nasty, source=nasty, entry_point=nasty),),
            front=Front(nasty, nasty, (FrontPoint(1, 1, label=nasty), FrontPoint(2, 2))),
        )
    )
    assert "script" not in read(html).tags


def test_untrained_weights_are_marked_in_the_title_and_beside_the_pictures():
    html = render_report(report(untrained=True, pictures=(picture(),)))
    assert ">UNTRAINED<" in html
    assert "not how well a trained network cuts out" in html
    assert "UNTRAINED" not in render_report(report(pictures=(picture(),)))


def badges(html: str) -> list[tuple[str, str]]:
    return re.findall(r'class="badge (\w+)">([^<]*)<', html)


def test_parity_that_passed_is_green():
    assert badges(render_report(report())) == [("good", "✓ parity passed: 1 of 1"), ("good", "✓ passed")]


def test_one_failure_fails_the_whole():
    html = render_report(report(parity=(PASSED, FAILED, NOT_RUN)))
    assert badges(html)[0] == ("bad", "✕ parity failed: 1 of 3")
    assert "first diverging block: 3" in html


@pytest.mark.parametrize("parity", [(), (NOT_RUN,), (PASSED, NOT_RUN)])
def test_not_run_is_never_green(parity):
    shown = badges(render_report(report(parity=parity)))
    assert shown[0][0] == "idle"
    assert [kind for kind, _ in shown].count("good") == parity.count(PASSED)


@pytest.mark.parametrize("missing", [{"images": 0}, {"max_abs_error": None}, {"rms_error_unknown": None}])
def test_nothing_passes_without_having_been_compared(missing):
    with pytest.raises(ValueError, match="at least one image"):
        replace(PASSED, **missing)


def test_error_that_is_not_a_number_is_over_the_limit():
    assert "<b class=over>nan</b>" in render_report(report(parity=(replace(FAILED, max_abs_error=float("nan")),)))


def test_entry_point_shows_path_cost_interval_and_provenance():
    html = render_report(report())
    assert "2 of 3 blocks run" in html
    assert html.count("<i class=run></i>") == 2
    assert "11.4 ms" in html
    assert "11.1 to 11.8, estimated" in html
    assert "3.00 MiB" in html


def test_graph_that_chooses_its_path_shows_none():
    assert "chosen per image" in render_report(report(entries=(replace(ENTRY, path=None, interval=None, limit=None),)))


def test_estimated_costs_are_drawn_unlike_measured_ones():
    assert 'class="hatched"' in render_report(report())
    assert 'class="hatched"' not in render_report(report(entries=(replace(ENTRY, provenance="measured"),)))


@pytest.mark.parametrize("points", [(FrontPoint(3, 0.5),), (FrontPoint(0, 0), FrontPoint(0, 0)), FRONT.points, ()])
def test_any_number_of_points_can_be_drawn(points):
    html = render_report(report(front=Front("cost", "error", points)))
    assert html.count("<circle") == len(points) + sum(bool(point.label) for point in points)
    assert "nan" not in html


def test_difference_is_amplified_by_the_stated_factor_and_coloured_by_its_sign():
    artifact = np.full((32, 48), 0.5, np.float32)
    artifact[0, 0], artifact[1, 1] = 0.55, 0.3
    page = read(render_report(report(pictures=(picture(artifact=artifact, gain=5.0),))))
    blue, _, red = decode(page.pictures["Difference × 5"])[0, 0]
    assert red > blue > 0
    blue, _, red = decode(page.pictures["Difference × 5"])[1, 1]
    assert blue == 255
    assert not decode(page.pictures["Difference × 5"])[2:].any()


def test_one_wrong_pixel_survives_shrinking():
    artifact = np.full((1100, 700), 0.5, np.float32)
    artifact[777, 333] = 0.6
    page = read(render_report(report(pictures=(picture(1100, 700, artifact=artifact, gain=10.0),))))
    difference = decode(page.pictures["Difference × 10"])
    assert max(difference.shape) <= 512
    assert difference.max() == 255


def test_matte_that_was_not_computed_is_said_to_be_missing():
    html = render_report(report(pictures=(picture(artifact=None, cutout=None),)))
    assert "not run" in html
    assert set(read(html).pictures) == {"Image", "Trimap", "PyTorch"}


def test_image_and_trimap_are_shown_once_for_all_entry_points():
    rows = (picture(), picture(entry_point="aggressive"), picture(picture="dog"))
    assert render_report(report(pictures=rows)).count('alt="Trimap"') == 2


def test_cut_out_keeps_its_transparency():
    assert decode(read(render_report(report(pictures=(picture(),)))).pictures["Cut-out"]).shape == (32, 48, 4)
