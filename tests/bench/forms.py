"""Write one full path in every form that the benchmarks need, once per run."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack

from tests.bench.worker import Worker

EXECUTORCH_FORM = "executorch"
FORMS = ("tflite", EXECUTORCH_FORM, "coreml", "eager")
Say = Callable[[str], None]


def make_forms(forms: Iterable[str], checkpoint: str, size: int, folder: str, say: Say) -> None:
    """Write a checkpoint's full path into ``folder``, one worker per form, side by side."""
    say(f"{checkpoint}: converting")
    with ExitStack() as stack:
        makers = {form: stack.enter_context(Worker("artifacts:Maker", threads=1)) for form in forms}
        for form, maker in makers.items():
            maker.send("network", form=form, checkpoint=checkpoint, size=size, folder=folder)
        for maker in makers.values():
            maker.receive()
