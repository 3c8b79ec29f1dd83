"""docs/reference/subscribe.md: what a downstream developer reads.

The prose is `subscribe.tmpl`; tables, example and programs come from the topic manifest, the schemas, the goldens and
`examples/subscribe`, so that none of them can drift.
"""

import json
from pathlib import Path
from string import Template

from schemas.asyncapi import HEADERS
from schemas.catalogue import CATALOGUE
from schemas.topics import CHECKPOINTS, CONTEXT_TOPICS, RELAY, topic_of

ROOT = Path(__file__).parents[1]
PROGRAMS = ROOT / "examples" / "subscribe"
GOLDEN = ROOT / "tests" / "golden"
COLUMN = 96
LANGUAGES = {"subscribe.py": "python", "Subscribe.java": "java", "subscribe.go": "go"}


def subscribe_page() -> str:
    """Return the page."""
    prose = Template((ROOT / "docs" / "subscribe.tmpl").read_text(encoding="utf-8"))
    return prose.substitute(topics=_topics(), headers=_headers(), programs=_programs(), fields=_fields(), **_example())


def _topics() -> str:
    rows = ["| topic | partitions | event types |", "|---|---|---|"]
    for topic in CONTEXT_TOPICS:
        types = [_short(name) for name in sorted(CATALOGUE.by_type) if topic_of(name) == topic]
        links = ", ".join(f"[{name}](#{name.lower()})" for name in types) or "none yet"
        rows.append(f"| `{topic.name}` | {topic.partitions} | {links} |")
    checkpoints = "signed checkpoints, each once all that it covers is there"
    rows.append(f"| `{CHECKPOINTS.name}` | {CHECKPOINTS.partitions} | {checkpoints} |")
    rows.append(f"| `{RELAY.name}` | {RELAY.partitions} | the relay's own positions; nothing for subscribers |")
    return "\n".join(rows)


def _headers() -> str:
    there = {True: "always", False: "where the event belongs to a case"}
    rows = ["| header | there | meaning |", "|---|---|---|"]
    return "\n".join(rows + [f"| `{name}` | {there[always]} | {meaning} |" for name, _, meaning, always in HEADERS])


def _example() -> dict[str, str]:
    record = json.loads((GOLDEN / "framing" / "LedgerFounded.json").read_text(encoding="utf-8"))
    decoded = json.loads((GOLDEN / "codec" / "LedgerFounded.json").read_text(encoding="utf-8"))
    value = record["value"]
    return {
        "topic": record["topic"],
        "partition": record["partition"],
        "key": record["key"],
        "schema_id": value[2:10],
        "example_headers": "\n".join(f"{name}: {text}" for name, text in record["headers"].items()),
        "example_value": "\n".join(value[at : at + COLUMN] for at in range(0, len(value), COLUMN)),
        "example_decoded": json.dumps(
            {name: decoded[name] for name in ("envelope", "event")}, indent=1, ensure_ascii=False
        ),
    }


def _programs() -> str:
    parts = []
    for name, language in LANGUAGES.items():
        text = (PROGRAMS / name).read_text(encoding="utf-8").rstrip()
        parts.append(f"[{name}](../../examples/subscribe/{name})\n\n```{language}\n{text}\n```")
    return "\n\n".join(parts)


def _fields() -> str:
    lines = []
    for name in sorted(CATALOGUE.by_type):
        published = CATALOGUE.by_type[name]
        schema = json.loads(published.text)
        lines += ["", f"### {_short(name)}", ""]
        lines += [f"`{name}`, schema id `{published.registry_id}`. {schema['doc']}", ""]
        fields = [f"| `{one['name']}` | {one['doc'].replace('|', '/')} |" for one in schema["fields"][1:]]
        lines += ["| field | meaning, unit, bounds |", "|---|---|", *fields] if fields else ["No fields of its own."]
    return "\n".join(lines)


def _short(name: str) -> str:
    return name.rpartition(".")[2]
