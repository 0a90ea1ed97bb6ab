"""Samples that a browser sends: checked, then written as a new file; nothing else can be written."""

from __future__ import annotations

import hashlib
import shlex
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from pam_edge.files import write_whole
from pam_edge.measuring.samples import parse_samples

MOST_BYTES = 2 * 2**20
"""The largest variant's kit, with all that a sample may say, is half a megabyte of JSON; see the test."""


@dataclass(frozen=True, slots=True)
class Upload:
    """Samples that were taken.

    Attributes:
        file: where they are now.
        device: that they are of, in its own words.
        count: of timings.
    """

    file: Path
    device: str
    count: int

    @property
    def command(self) -> str:
        """What makes a profile of them."""
        return shlex.join(["pam-edge", "profile", "import", str(self.file)])


class Uploads:
    """The folder that samples go to, one upload at a time."""

    def __init__(self, folder: Path, taken: Callable[[Upload], None]) -> None:
        """Take uploads.

        Args:
            folder: to write to; made with the first of them.
            taken: called with each.
        """
        self.folder = folder
        self._taken = taken
        self._busy = threading.Lock()

    @contextmanager
    def turn(self, wait_s: float = 0.0) -> Iterator[bool]:
        """Give the turn to take an upload, or False if another one has it, and go on having it for ``wait_s``."""
        has_turn = self._busy.acquire(timeout=wait_s) if wait_s else self._busy.acquire(blocking=False)
        try:
            yield has_turn
        finally:
            if has_turn:
                self._busy.release()

    def take(self, body: bytes) -> Upload:
        """Check samples and write them whole, under a name made of their content: the same ones twice are one file.

        Raises:
            ProfileError: if they are no samples.
            OSError: if they cannot be written.
        """
        samples = parse_samples(body, "that were sent")
        name = f"{samples.variant}_{samples.target}_{hashlib.sha256(body).hexdigest()[:12]}.json"
        write_whole(self.folder / name, body)
        upload = Upload(self.folder / name, samples.device, len(samples.samples))
        with suppress(OSError):  # that nobody reads the notice any more is no fault of the samples
            self._taken(upload)
        return upload
