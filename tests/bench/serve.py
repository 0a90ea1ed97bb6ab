"""The far end of a worker: build one object, then answer calls to its methods, one JSON line each.

Native libraries print to file descriptor 1, so answers go to a copy of it and the descriptor itself to the log.
"""

from __future__ import annotations

import importlib
import json
import os
import sys


def serve(reference: str) -> None:
    """Answer calls until standard input closes.

    Args:
        reference: ``module:Class`` inside this package; the class takes no arguments.
    """
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    module, _, name = reference.partition(":")
    served = getattr(importlib.import_module(f"tests.bench.{module}"), name)()
    for line in sys.stdin:
        request = json.loads(line)
        value = getattr(served, request["call"])(**request["arguments"])
        answers.write(json.dumps({"value": value}) + "\n")
        answers.flush()


if __name__ == "__main__":
    serve(sys.argv[1])
