"""Write the golden files of settlement: `python -m tests.golden.settlement.make_golden`.

Each file is one case: why it is here, the plan, the amount, the lines and the flows. A changed file would pay somebody
else: it needs a version of the rule and a decision record.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from domain.rights.settlement import AMOUNT_MINOR_MAX, Plan, settle
from tests.settlement_kit import cny, edge, node, plan

FOLDER = Path(__file__).parent
NOVEL, FILM, PARK = 1, 2, 3


def cases() -> dict[str, tuple[str, Plan, int]]:
    """Return why, plan and amount of each case by name."""
    one = plan(1, [node(1, p1=3334, p2=3333, p3=3333)])
    halves = plan(1, [node(1, p2=5000, p1=5000)])
    half_up = plan(2, [node(1, p9=10_000), node(2, p1=10_000)], edge(2, 1, 5000))
    two_up = plan(9, [node(7, p1=10_000), node(5, p2=10_000), node(9, p3=10_000)], edge(9, 7, 5000), edge(9, 5, 5000))
    diamond = plan(
        4,
        [node(1, p1=10_000), node(2, p2=10_000), node(3, p3=10_000), node(4, p4=10_000)],
        *(edge(4, 2, 3333), edge(4, 3, 3333), edge(2, 1, 5000), edge(3, 1, 5000)),
    )
    all_up = plan(2, [node(1, p1=6000, p2=4000), node(2, p3=10_000)], edge(2, 1, 10_000))
    chain = plan(
        20, [node(k, **{f"p{k}": 10_000}) for k in range(1, 21)], *(edge(k, k - 1, 5000) for k in range(2, 21))
    )
    story = plan(
        PARK,
        [node(NOVEL, p1=6000, p2=4000), node(FILM, p3=7500, p4=2500), node(PARK, p5=10_000)],
        *(edge(FILM, NOVEL, 1500), edge(PARK, FILM, 2000)),
    )
    crowd = plan(1, [node(1, **{f"p{k}": 1000 for k in range(1, 11)})])
    return {
        "a-third-each": ("33.34, 33.33, 33.33: the unit left over goes to the largest fraction, .34", one, 100),
        "two-thirds-of-a-crowd": ("7 units for ten equal claims of 0.7: the seven lowest parties", crowd, 7),
        "equal-holders": (
            "half a unit each: the lower party identifier has it, in whatever order they stand",
            halves,
            1,
        ),
        "edge-before-holder": ("half a unit each: the original comes before the derived work", half_up, 1),
        "equal-edges": (
            "half a unit each, nothing left for the holder: the lower identifier, not the birth",
            two_up,
            1,
        ),
        "by-node-not-by-path": (
            "3.333 + 3.333 of 10 come in as 3 + 3 at two works whose halves meet again as one sum of 2 + 2",
            diamond,
            10,
        ),
        "nothing-kept": ("the shares add up to 10,000: the holder of the object sold has no line", all_up, 101),
        "twenty-levels": ("each level keeps half of what comes in, rounded once", chain, 1_000_003),
        "novel-film-park": ("1,234.57 over two levels, and titles of two owners each", story, 123_457),
        "largest-amount": ("2^63 - 1 minor units", story, AMOUNT_MINOR_MAX),
        "nothing": ("no amount, no lines", story, 0),
    }


def golden() -> dict[str, bytes]:
    """Return the content of each file by name."""
    files = {}
    for name, (why, made, minor) in cases().items():
        settled = settle(made, cny(minor))
        document: dict[str, Any] = {
            "why": why,
            "plan": asdict(made),
            "minor": minor,
            "lines": [asdict(line) for line in settled.lines],
            "flows": [asdict(flow) for flow in settled.flows],
        }
        files[f"{name}.json"] = (json.dumps(document, default=str, indent=1, ensure_ascii=False) + "\n").encode()
    return files


if __name__ == "__main__":
    for name, content in golden().items():
        (FOLDER / name).write_bytes(content)
