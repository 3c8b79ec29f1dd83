"""Canaries in every secret of a whole demo and of a ledger that is up: found nowhere but in the vault, encrypted.

Looked at (`tests.e2e.canaries`): every file of the home, the database and its write-ahead log, every table, the records
of every topic, what consumers keep, and the logs.
"""

import base64
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from domain.identity.events import DuplicateSubmissionDetected, ObjectIdentified
from domain.ids import parse_party_id
from infra.bootstrap import opened
from infra.intake.manifest import find_line
from infra.vault.opening import entry_at
from schemas.topics import TOPICS
from tests.e2e.canaries import Canaries, everything, zigzag
from tests.e2e.kit import Place, all_rows, enrol, place, until
from tests.kafka_kit import records_of

DEMO_S_MAX = 300
FOLDER = "canary-folder 金丝雀沈家角"
FILE = "canary-file 金丝雀未公开的结局.txt"
TITLE = "canary-title 金丝雀结局"
SESSION = "canary-session"
SOURCE = "canary-source 金丝雀老周的硬盘"
REFUSED = "canary-refused 金丝雀.txt"
BROKEN = "canary-broken"
GONE = "canary-gone.mov"
BAD_INPUT = "canary-input"
PROMPT, NEGATIVE = "canary-prompt 金丝雀夜里的水闸", "canary-negative"
NAME, ADDRESS, CONTACT = "canary-name 金丝雀林晚照", "canary-address 金丝雀衡山路", "canary-contact"
MINOR = 7_300_119_384_756_213
PRICE = {"currency": "CNY", "minor": MINOR}
DEMO = ("夜里的水闸", "video.example", "京 0491 民初", "周未", "Night River")
LOOKED_FOR = Canaries(["canary-", "金丝雀", str(MINOR), *DEMO])
"""What every canary has in it, and secrets of the demo itself: a prompt, a place, a docket, names."""


class Studio:
    """A home that has told the whole story over files with canaries, is up, and holds everybody's secrets."""

    def __init__(self, made: Place) -> None:
        self.made = made
        self.said = b""
        self.folder = made.files / FOLDER
        self._plant_files()
        self._demo()
        made.run("up").ok()
        self.kafka = str(made.run("status", "--json").ok().json["kafka"])
        self.holder = str(made.run("status", "--json").ok().json["holder"])
        self.indexes = self._give_secrets()
        self._provoke()
        for name in ("mirror", "views"):
            made.run("consumer", "run", name, "--once").ok()

    def _plant_files(self) -> None:
        self.made.write(f"{FOLDER}/{FILE}", "the last scene\n")
        sidecar = {"format": "edgeprint/sidecar/1", "file": FILE, "title": TITLE, "origin": "human_work"}
        sidecar |= {"authorisation": {"root": "own_creation", "source": SOURCE}, "job": {"session": SESSION}}
        self.made.write(f"{FOLDER}/{FILE}.edgeprint.json", json.dumps(sidecar, ensure_ascii=False))
        self.made.write(f"{FOLDER}/{REFUSED}", "")
        self.made.write(f"{FOLDER}/{BROKEN}.txt", "its sidecar is broken\n")
        self.made.write(f"{FOLDER}/{BROKEN}.txt.edgeprint.json", json.dumps({"title": TITLE, BAD_INPUT: SESSION}))
        os.mkfifo(self.folder / f"{BROKEN}.fifo")

    def _demo(self) -> None:
        nothing = str(self.made.folder / "no-package-here")
        process = self.made.start("demo", "--files", self.folder, "--photographs", nothing, "--json")
        out, err = process.communicate(timeout=DEMO_S_MAX)
        assert process.returncode == 0, err.decode()[-3000:]
        run = json.loads(out)
        assert run["taken"] == 1 and sorted(one["reason"] for one in run["refused"]) == ["empty", "fifo", "sidecar"]
        assert run["kafka_records"] == run["ledger_size"] == run["sealed_size"]
        assert run["tampered_index"] >= 0 and run["proved_index"] == run["objects"][0]["first_index"]
        self.object = str(run["objects"][0]["id"])

    def _secret(self, name: str, value: Any) -> Path:
        return self.made.write(f"secrets/{name}", value if isinstance(value, str) else json.dumps(value))

    def _give_secrets(self) -> dict[str, str]:
        made, secret = self.made, self._secret
        self.person = enrol(made, "person")
        self.auditor = enrol(made, "person", "auditor")
        prompts = ["--prompt", secret("prompt.txt", PROMPT), "--negative-prompt", secret("not.txt", NEGATIVE)]
        who = ["--name", secret("name.txt", NAME), "--address", secret("address.txt", ADDRESS)]
        enrolled = "resource enrol --pool local --country CN --security-level 2 --accelerators 0 "
        enrolled += "--accelerator-memory-mib 0 --memory-mib 1024 --json"
        machines = str(made.run(*enrolled.split()).ok().json["stream"])
        quoting = ["resource", "quote", machines, "--unit", "call", "--price", secret("price.json", PRICE)]
        given = {
            "prompt": ["object", "record-prompt", self.object, *prompts],
            "name": ["subject", "declare", self.person, *who, "--contact", secret("contact.txt", CONTACT)],
            "price": [*quoting, "--until", "2035-01-01T00:00:00Z"],
        }
        done = {path: made.run(*command, "--json").ok() for path, command in given.items()}
        assert not any(LOOKED_FOR.found_in((one.out + one.err).encode()) for one in done.values())
        index = {path: str(one.json["first_index"]) for path, one in done.items()}
        return index | {"negative_prompt": index["prompt"], "address": index["name"], "contact": index["name"]}

    def _provoke(self) -> None:
        """Give what must be refused, in every way that could find its way into a log or a message."""
        made, still = self.made, self.object
        bad = self._secret("bad.json", '{"prompt": "' + BAD_INPUT + '", "prompt": 1')
        twice = self._secret("input.json", {"object": still, BAD_INPUT: BAD_INPUT})
        wrong = self._secret("wrong.json", {"prompt": BAD_INPUT, "nothing": NAME})
        for command, code in (
            (["command", "record-prompt", "--input", bad], 1),
            (["command", "record-prompt", "--input", twice, "--secrets", wrong], 1),
            (["command", "record-prompt", "--input", twice, "--secrets", bad], 1),
        ):
            answer = made.run(*command)
            assert answer.code == code, answer
            self.said += answer.err.encode() + answer.out.encode()
        assert made.run("identify", self.folder / GONE).code == 3
        assert made.run("declare", "own-creation", self.folder).code == 4
        assert made.run("identify", self.folder).code == 4
        assert made.run("find", self.folder / GONE).code == 3
        assert made.run("blob", "put", self.folder / REFUSED).code == 4
        assert made.run("object", "record-prompt", still, "--prompt", self.folder / GONE).code == 3

    def records(self) -> Iterator[tuple[str, bytes]]:
        """Yield key, value and headers of every record of every topic."""
        for topic in TOPICS:
            for partition in range(topic.partitions):
                for record in records_of(self.kafka, topic.name, partition):
                    parts = [record.key, record.value, *(part for pair in record.headers for part in pair)]
                    data = b"\n".join(part.encode() if isinstance(part, str) else part or b"" for part in parts)
                    yield f"{topic.name}/{partition}@{record.offset}", data


@pytest.fixture(scope="module")
def studio() -> Iterator[Studio]:
    with place() as made:
        yield Studio(made)


def test_every_spelling_would_be_found() -> None:
    for word in LOOKED_FOR.words:
        sentence = f"a line with {word}, in it"
        data = sentence.encode()
        spellings = [data, sentence.encode("utf-16-le"), sentence.encode("utf-16-be"), data.hex().encode()]
        spellings += [json.dumps(sentence).encode(), quote(sentence).encode(), data.hex().upper().encode()]
        spellings += [base64.b64encode(b"." * before + data) for before in range(3)]
        spellings += [base64.urlsafe_b64encode(b"." * before + data) for before in range(3)]
        assert all(LOOKED_FOR.found_in(spelling) == {word} for spelling in spellings), word
    assert LOOKED_FOR.found_in(bytes([2]) + zigzag(MINOR)) == {str(MINOR)}
    assert not LOOKED_FOR.found_in(b"nothing of all this")


def test_no_canary_is_on_any_topic(studio: Studio) -> None:
    size = studio.made.run("status", "--json").ok().json["ledger_size"]
    until(lambda: studio.made.run("status", "--json").json["relayed_size"] >= size, "all is relayed")
    records = list(studio.records())
    LOOKED_FOR.require_nowhere(iter(records))
    assert len(records) >= size


def test_no_canary_is_in_the_home_or_the_database(studio: Studio) -> None:
    seen = LOOKED_FOR.require_nowhere(everything(studio.made))
    stores = {"mirror.sqlite3", "views.sqlite3"}
    assert {"sealer.log", "relay.log", "api.log", "broker.log", "postgres.log", *stores} <= seen, sorted(seen)
    assert not LOOKED_FOR.found_in(studio.said), "an error repeats what was wrong in its input"


def test_the_vault_gives_each_of_them_back(studio: Studio) -> None:
    made = studio.made
    expected = {"prompt": PROMPT, "negative_prompt": NEGATIVE, "price": PRICE}
    expected |= {"name": NAME, "address": ADDRESS, "contact": CONTACT}
    for path, value in expected.items():
        opening = made.run("vault", "open", studio.indexes[path], path, "--as", studio.auditor, "--json").ok()
        assert opening.json["value"] == value
    shown = made.run("object", "show", studio.object, "--json").ok().json
    assert shown["name"] == str(studio.folder / FILE)
    with opened(made.settings) as session:
        birth = entry_at(session.application, shown["history"][0]["index"]).event
        assert isinstance(birth, ObjectIdentified)
        line = find_line(session.vault, birth.submission, birth.content.sha256)
        kinds = [row.type for row in all_rows(session)]
    assert line is not None and line["sidecar"]["title"] == TITLE
    assert line["sidecar"]["job"]["session"] == SESSION and line["sidecar"]["authorisation"]["source"] == SOURCE
    assert kinds.count(DuplicateSubmissionDetected.TYPE) == 1, "it was brought twice, and each time named in a manifest"
    assert made.run("fsck", "--deep").ok().out.endswith("clean\n")


def test_what_is_erased_with_its_holder_has_no_name_and_everything_still_holds(studio: Studio) -> None:
    made = studio.made
    for party in (studio.person, studio.holder):
        made.run("subject", "erase", party).ok()
    shown = made.run("object", "show", studio.object, "--json").ok().json
    assert shown["name"] is None and shown["status"] in ("admitted", "quarantined")
    assert made.run("find", studio.folder / FILE, "--json").ok().json["name"] is None
    assert made.run("object", "show", studio.object).ok()
    for path in ("prompt", "name", "price"):
        assert made.run("vault", "open", studio.indexes[path], path, "--as", studio.auditor).code == 3
    refused = made.run("identify", studio.folder)
    assert refused.code == 7 and "nothing more is kept of subject" in refused.err
    assert made.run("declare", "own-creation", studio.folder).code == 7
    with opened(made.settings) as session:
        for party in (studio.person, studio.holder):
            assert session.vault.held(parse_party_id(party)) == 0
        assert session.vault.held() > 0, "what others have stays"
    made.run("fsck", "--deep").ok()
    LOOKED_FOR.require_nowhere(everything(made))
