"""Pictures for graphs that take a mask: the mask to show them, and the trimap that they should make of it."""

from __future__ import annotations

from dataclasses import replace

import torch

from pam_edge.evaluation.pictures import Picture
from pam_edge.graphs.ends import Ends
from pam_edge.matting.trimaps import mask_from_trimap
from pam_edge.terms import Source


def as_graph_sees(picture: Picture, ends: Ends) -> Picture:
    """Return a picture with the mask that a graph is given, and with the trimap that the reference makes of that mask.

    A picture for a graph that takes a trimap is left as it is.
    """
    if ends.source is Source.TRIMAP:
        return picture
    height, width = picture.trimap.shape
    mask = mask_from_trimap(picture.trimap, ends.band_px, ends.mask_height, ends.mask_width)
    trimap = ends.make_trimap(torch.from_numpy(mask)[None, None].float(), height, width)
    return replace(picture, mask=mask, trimap=trimap[0, 0].numpy().astype(picture.trimap.dtype))
