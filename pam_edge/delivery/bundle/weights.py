"""What an app's people have to know of the weights: the model card, and whose data they come from."""

from __future__ import annotations

import hashlib
import re
from importlib.resources import files

from pam_edge.delivery.artifact.manifest import CheckpointRecord

_DATA = "Data and licences"

_NO_CARD = """# {variant}: no model card

The weights of `{reference}` (SHA-256 {sha256}) do not ship with
pam-edge, so that there is no card of them here: what they were trained on, how well they matte and where they fail is
known to whoever trained them. The checkpoint says of itself: {summary}
{warning}"""

_UNTRAINED = "\n**UNTRAINED**: these weights are an initialisation; their mattes mean nothing.\n"


def model_card(checkpoint: CheckpointRecord) -> str:
    """Return the card of an artifact's weights, in Markdown; of weights without one, a page that says so."""
    return _shipped_card(checkpoint) or _NO_CARD.format(
        **checkpoint.model_dump(), warning="" if checkpoint.trained else _UNTRAINED
    )


def weights_licences(checkpoint: CheckpointRecord) -> str:
    """Return a paragraph on the data that the weights come from and its licences, out of the card."""
    card = _shipped_card(checkpoint)
    found = re.search(rf"\*\*{_DATA}\.\*\*(.*?)(?:\n\n|\Z)", card, re.DOTALL)
    if found:
        return " ".join(found[1].split())
    if not checkpoint.trained:
        return "UNTRAINED: a deterministic initialisation, made of no data."
    return (
        f"Not known to pam-edge: {checkpoint.reference} is a checkpoint of your own. Say here what it was trained on, "
        "and under which licences, before you ship it."
    )


def _shipped_card(checkpoint: CheckpointRecord) -> str:
    """Return the card that ships with exactly these weights, or nothing."""
    folder = files("pam_edge.supernet") / "checkpoints"
    weights, card = folder / f"{checkpoint.variant}.safetensors", folder / f"{checkpoint.variant}.md"
    if not (weights.is_file() and card.is_file()):
        return ""
    same = hashlib.sha256(weights.read_bytes()).hexdigest() == checkpoint.sha256
    return card.read_text(encoding="utf-8") if same else ""
