"""Count where a production stands from the static tree alone: `python -m examples.recount TLOG [PROJECT]`.

Whoever doubts `edgeprint comply status` runs this: it shares no line with the program, and must come to the same
numbers.
"""

import json
import sys
from collections import Counter
from typing import Any

from examples.ledger_reader import entries

STATUS = {
    "ObjectIdentified": "identified",
    "ObjectAdmitted": "admitted",
    "ObjectQuarantined": "quarantined",
    "ObjectRejected": "rejected",
    "ObjectWithdrawn": "withdrawn",
}


def recount(tree: str, project: str | None = None) -> dict[str, Any]:
    """Return how many objects were submitted, and how many stand at each status."""
    standing: dict[Any, str] = {}
    lacking: dict[Any, list[str]] = {}
    wanted: set[Any] = set()
    for _, name, event in entries(tree):
        stream, kind = event["envelope"]["stream_id"], name.rpartition(".")[2]
        if kind == "ObjectIdentified" and project in (None, event["project"]):
            wanted.add(stream)
        if stream in wanted and kind in STATUS:
            standing[stream] = STATUS[kind]
            lacking[stream] = event["lacking"] if kind == "ObjectQuarantined" else []
    complete = sum(not names for names in lacking.values())
    counts = dict(sorted(Counter(standing.values()).items()))
    return {"submitted": len(standing), "by_status": counts, "complete": complete}


if __name__ == "__main__":
    print(json.dumps(recount(*sys.argv[1:3])))
