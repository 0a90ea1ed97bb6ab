"""Whether an artifact may go into an app, and into this one."""

from __future__ import annotations

from shlex import quote

from pam_edge.delivery.artifact.artifact import Artifact
from pam_edge.delivery.artifact.manifest import Manifest
from pam_edge.delivery.artifact.quantisation import is_good_enough
from pam_edge.errors import ParityError, UsageError
from pam_edge.targets import Target
from pam_edge.terms import Platform


def check_fits(artifact: Artifact, platform: Platform) -> None:
    """Check that apps on a platform can run an artifact, and may trust it.

    Raises:
        UsageError: if apps on that platform cannot ship it.
        ParityError: if an entry point's parity did not pass, or was not run.
        ArtifactError: if a file is not what was made, or golden vectors are missing or damaged.
    """
    _check_platform(artifact, platform)
    _check_parity(artifact)
    for entry in artifact.manifest.entry_points:
        artifact.check_unchanged(entry)
        artifact.golden(entry)


def check_comparable(artifact: Artifact, other: Artifact) -> None:
    """Check that a page may show two artifacts side by side: alike in all but the mode, so that this is what differs.

    Raises:
        UsageError: if it may not.
    """
    alike = zip(_compared(artifact.manifest), _compared(other.manifest), strict=True)
    for (name, own), (_, found) in alike:
        if own != found:
            raise UsageError(
                f"--compare {other.directory}: expected the {name} of {artifact.directory}, {own}; found {found}. "
                "Convert both alike, from one checkpoint and with one profile, but for --mode."
            )
    if artifact.manifest.mode is other.manifest.mode:
        raise UsageError(
            f"--compare {other.directory}: expected another mode than that of {artifact.directory}, which is "
            f"{other.manifest.mode} as well. Convert with another --mode, such as dynamic."
        )


def _compared(manifest: Manifest) -> tuple[tuple[str, str], ...]:
    """Return, by name, what two artifacts have in common that can be compared."""
    first = manifest.entry_points[0]
    return (
        ("weights", manifest.checkpoint.sha256),
        ("cost unit", str(first.cost_unit)),
        ("size", ", ".join(f"{height}x{width}" for height, width in manifest.sizes)),
        ("input", str(first.ends.source)),
        ("output", str(first.ends.result)),
    )


def _check_platform(artifact: Artifact, platform: Platform) -> None:
    manifest = artifact.manifest
    known = manifest.target.facts.shipping[platform]
    slow = known.refused_precisions.get(manifest.precision)
    if slow is not None:
        raise UsageError(
            f"--platform {platform}: expected an artifact that apps there can use; {artifact.directory} is "
            f"{manifest.precision}: {slow}. Convert with another --precision."
        )
    if known.refused:
        fit = [target for target in Target if not target.facts.shipping[platform].refused]
        ways = " or ".join(f"--target {target}" for target in fit)
        raise UsageError(
            f"--platform {platform}: expected an artifact that apps there can run; {artifact.directory} is "
            f"{manifest.target.facts.label}, which they cannot: {known.refused}. Convert with {ways}."
        )


def _check_parity(artifact: Artifact) -> None:
    manifest = artifact.manifest
    for each in manifest.quantisation.quality if manifest.quantisation else ():
        if not is_good_enough(each, manifest.precision):
            raise ParityError(
                f"Expected an artifact whose mattes are good enough beside the float network's; those of path "
                f"{each.path} are not, by the manifest of {artifact.directory}. Convert again."
            )
    for entry in manifest.entry_points:
        outcomes = [record.passed for record in manifest.parity if record.entry_point == entry.name]
        if not outcomes or not all(passed is True for passed in outcomes):
            found = "failed" if False in outcomes else "was not run"
            raise ParityError(
                f"Expected an artifact whose parity passed for every entry point; that of {entry.name} {found} in "
                f"{artifact.directory}. See why: pam-edge verify {quote(str(artifact.directory))}; then convert again."
            )
