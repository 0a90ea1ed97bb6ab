"""``python -m tests.contract``: write the cases that all four languages run."""

import json
from pathlib import Path

from tests.contract.cases import TOPICS, document

FOLDER = Path(__file__).parents[2] / "runtimes/contract"

if __name__ == "__main__":
    for topic in TOPICS:
        whole = document(topic)
        about = {key: value for key, value in whole.items() if key != "cases"}
        lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in whole["cases"])
        (FOLDER / f"{topic}.json").write_text(json.dumps(about)[:-1] + f', "cases": [\n{lines}\n]}}\n')
