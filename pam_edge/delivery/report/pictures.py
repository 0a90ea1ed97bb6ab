"""Pictures of the report, inside the page: inputs, mattes, their differences, cut-outs."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape

import cv2
import numpy as np
from numpy.typing import NDArray

from pam_edge.delivery.report.markup import scientific
from pam_edge.delivery.report.records import BesideFloatRow, PictureRow, Report

_LARGEST_SIDE_PX = 512
"""Pictures are shown no larger than this: the page stays a few megabytes."""

_MORE_OPAQUE, _LESS_OPAQUE = (255, 150, 40), (70, 150, 255)
"""Colours of differences: orange where the artifact is more opaque than PyTorch, blue where it is less."""

_GROUNDS = {"white": (255, 255, 255), "black": (0, 0, 0), "green": (0, 255, 0)}
"""A fringe of the old background shows on at least one of these."""


def pictures(report: Report) -> str:
    """Return every picture with its mattes; says that untrained ones are no judgement."""
    warning = (
        '<p class="note">The weights are an initialisation: these mattes show that the artifact computes what PyTorch '
        "does, not how well a trained network cuts out.</p>"
        if report.untrained
        else ""
    )
    names = list(dict.fromkeys(row.picture for row in report.pictures))
    groups = ([row for row in report.pictures if row.picture == name] for name in names)
    hint = "<p class=hint>Click a picture to enlarge it, and again to put it back.</p>"
    return warning + hint + "".join(_picture(group) for group in groups)


def beside_float(rows: Sequence[BesideFloatRow]) -> str:
    """Return for each path the judged picture that quantisation made worst, float and quantised."""
    hint = "<p class=hint>For each path the picture of known alpha whose SAD grew by the largest share.</p>"
    return hint + "".join(map(_beside_float, rows))


def _beside_float(row: BesideFloatRow) -> str:
    mattes = (("True alpha", row.truth), ("Float, in PyTorch", row.full), ("Quantised, in PyTorch", row.quantised))
    cells = "".join(_figure(caption, _png(_grey(alpha))) for caption, alpha in mattes)
    difference = _figure(f"Difference × {row.gain:g}", _png(_signed((row.quantised - row.full) * row.gain)))
    return (
        f"<article><h3>{escape(row.picture)} <small>{escape(row.source)}</small></h3>"
        f'<div class="picture"><div class="inputs">{_figure("Image", _jpeg(row.image))}</div><div class="results">'
        f"<h4>path {escape(row.path)} <small>SAD {row.sad_change:+.1%}</small></h4>"
        f'<div class="cells">{cells}{difference}</div></div></div></article>'
    )


def _picture(rows: Sequence[PictureRow]) -> str:
    first = rows[0]
    inputs = _figure("Image", _jpeg(first.image))
    inputs += _figure("Mask", _png(_shrink(first.mask))) if first.mask is not None else ""
    inputs += _figure("Trimap" if first.mask is None else "Trimap made of it", _png(_shrink(first.trimap)))
    return (
        f"<article><h3>{escape(first.picture)} <small>{escape(first.source)}</small></h3>"
        f'<div class="picture"><div class="inputs">{inputs}</div><div class="results">'
        f"{''.join(_picture_row(row) for row in rows)}</div></div></article>"
    )


def _picture_row(row: PictureRow) -> str:
    reference = _figure("PyTorch", _png(_grey(row.reference)))
    if row.artifact is None:
        cells, summary = '<div class="missing">not run</div>' * 2, "not run"
    else:
        difference = row.artifact.astype(np.float32) - row.reference
        caption = f"Difference × {row.gain:,.0f}" if row.gain >= 10 else f"Difference × {row.gain:g}"
        cells = _figure("Artifact", _png(_grey(row.artifact))) + _figure(caption, _png(_signed(difference * row.gain)))
        summary = f"max |Δα| {scientific(float(np.abs(difference).max()))}, full colour at {scientific(1 / row.gain)}"
    cutout = "" if row.cutout is None else _figure("Cut-out", _png(_shrink(row.cutout)), "cutout")
    if row.cutout is not None and row.colours_are_artifacts:
        cutout += "".join(_figure(f"On {name}", _jpeg(_over(row.cutout, grey))) for name, grey in _GROUNDS.items())
    return (
        f"<h4>{escape(row.entry_point)} <small>{summary}</small></h4>"
        f'<div class="cells">{reference}{cells}{cutout}</div>'
    )


def _over(cutout: NDArray[np.uint8], ground: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Return uint8[h,w,3]: a cut-out, straight RGBA, on a plain ground."""
    alpha = cutout[..., 3:].astype(np.float32) / 255
    mixed = cutout[..., :3] * alpha + np.array(ground, np.float32) * (1 - alpha)
    return np.asarray(mixed.round(), dtype=np.uint8)


def _figure(caption: str, source: str, kind: str = "") -> str:
    zoom = f'<label><input type="checkbox"><img class="{kind}" src="{source}" alt="{escape(caption)}"></label>'
    return f"<figure>{zoom}<figcaption>{escape(caption)}</figcaption></figure>"


def _grey(alpha: NDArray[np.float32]) -> NDArray[np.uint8]:
    return _shrink((np.nan_to_num(alpha).clip(0, 1) * 255).round().astype(np.uint8))


def _signed(difference: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return uint8[h,w,3]: black where equal, orange up to 1 where the artifact is more opaque, blue where less."""
    difference = np.nan_to_num(_strongest(difference), nan=1.0).clip(-1, 1)[..., None]
    colours = np.where(difference > 0, np.array(_MORE_OPAQUE), np.array(_LESS_OPAQUE))
    return np.asarray((np.abs(difference) * colours).round(), dtype=np.uint8)


def _strongest(difference: NDArray[np.float32]) -> NDArray[np.float32]:
    """Shrink by keeping each cell's largest difference: an average would hide the one pixel that is wrong."""
    cell = -(-max(difference.shape) // _LARGEST_SIDE_PX)
    height, width = (-(-side // cell) * cell for side in difference.shape)
    padded = np.zeros((height, width), np.float32)
    padded[: difference.shape[0], : difference.shape[1]] = difference
    blocks = padded.reshape(height // cell, cell, width // cell, cell).swapaxes(1, 2)
    cells = blocks.reshape(height // cell, width // cell, cell * cell)
    strongest = np.abs(np.nan_to_num(cells, nan=np.inf)).argmax(axis=2)
    return np.asarray(np.take_along_axis(cells, strongest[..., None], axis=2)[..., 0], dtype=np.float32)


def _shrink(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    scale = _LARGEST_SIDE_PX / max(picture.shape[:2])
    if scale >= 1:
        return picture
    return np.asarray(cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _jpeg(image: NDArray[np.uint8]) -> str:
    return _data_uri("jpeg", cv2.imencode(".jpg", _shrink(image)[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])[1])


def _png(picture: NDArray[np.uint8]) -> str:
    if picture.ndim == 3:
        picture = picture[..., [2, 1, 0, 3] if picture.shape[2] == 4 else [2, 1, 0]]
    return _data_uri("png", cv2.imencode(".png", picture, [cv2.IMWRITE_PNG_COMPRESSION, 9])[1])


def _data_uri(kind: str, encoded: NDArray[np.uint8]) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(encoded.tobytes()).decode()}"
