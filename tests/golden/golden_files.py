"""Golden files: public names and requests, so that none of them changes by accident.

`GOLDEN_WRITE=1 python -m pytest tests/golden` writes them again after a change on purpose.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Final

DATA: Final = Path(__file__).parent / "data"


def compare(name: str, found: dict[str, Any]) -> None:
    """Assert that what was found is what the golden file of this name says, or write it."""
    path = DATA / f"{name}.json"
    if os.environ.get("GOLDEN_WRITE"):
        DATA.mkdir(exist_ok=True)
        rows = (f"{json.dumps(key)}: {json.dumps(row)}" for key, row in sorted(found.items()))
        path.write_text("{\n" + ",\n".join(rows) + "\n}\n", encoding="utf-8")
    expected, now = json.loads(path.read_text(encoding="utf-8")), json.loads(json.dumps(found))
    changes = [
        f"{key}\n  was {json.dumps(expected.get(key))}\n  is  {json.dumps(now.get(key))}"
        for key in sorted(expected.keys() | now.keys())
        if expected.get(key) != now.get(key)
    ]
    assert not changes, f"{len(changes)} of {len(expected)} rows of {name}:\n" + "\n".join(changes)
