"""docs/formats.md: every example is real, and is what the code makes or reads."""

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from uuid import UUID

import rfc8785

from consumers.feed import parse_cursor
from domain.events import Sha256
from domain.governance.party import AssignRole
from domain.governance.signing import binding_text
from domain.identity.events import content_key
from domain.identity.trace_set import TRACE_SET_POLICY
from domain.ids import (
    PartyId,
    format_id,
    format_representation,
    parse_id,
    parse_ledger_id,
    parse_party_id,
    parse_representation,
)
from domain.ledger.checkpoint import parse_checkpoint
from domain.ledger.keys import parse_vkey
from domain.ledger.merkle import CompactRange, leaf_hash
from domain.ledger.note import open_note
from domain.ledger.policy import parse_policy
from domain.ledger.proof import parse_proof, verify_proof
from domain.ledger.tiles import encode_bundle, parse_bundle, parse_tile_path, tile_path, tiles_for
from domain.rights.events import title_key
from domain.rights.plan import read_plan
from domain.rights.scope_json import parse_scope, scope_json
from domain.rights.scope_terms import scope_of, terms_of
from domain.rights.statement import read_statement
from infra.consumers.skips import read_skips
from infra.embedded.place import Record
from infra.home import Home
from infra.intake.manifest import find_line
from infra.intake.sidecar import load_sidecar, parse_sidecar
from infra.keys.files import FileKeys
from infra.process import read_json_object
from infra.vault.memory import MemoryVault
from infra.views.memory import MemoryViewStore
from producers.ports import LedgerRow
from producers.relay import record_of
from producers.relay_ports import parse_position
from projections.compliance import HOLD
from projections.runner import Batch
from projections.tables import Key, Values, Written
from projections.view import View
from schemas import envelope
from schemas.attestation import command_text, manifest_text
from schemas.catalogue import CATALOGUE
from schemas.codec import Codec
from schemas.framing import unframe
from schemas.licence_token import parse_token
from schemas.records import Partition
from schemas.requests import parse_request
from tests.docs.pages import ROOT, example, examples, text
from tests.golden.ledger.make_golden import LEAVES
from tests.golden.trade.make_golden import PREFIX
from tests.golden.trade.make_golden import plan as golden_plan
from tests.golden.trade.make_golden import statement as golden_statement
from tests.rights_kit import FILM

PAGE = "formats.md"
GOLDEN = ROOT / "tests" / "golden"
UUID7 = UUID("01937e3f-2b5c-7d4a-9c3e-5f6a7b8c9d0e")
STILL = hashlib.sha256(b"still").digest()
ANNOTATED = re.compile(r"^ *(\d+)  ([0-9a-f]+)(?: +(\S.*))?$")


def read(name: str) -> str:
    return example(PAGE, name)


def golden_entry() -> bytes:
    return bytes.fromhex((GOLDEN / "codec" / "LedgerFounded.hex").read_text().replace("\n", ""))


def test_identifiers() -> None:
    for line, letter in zip(read("identifiers").splitlines(), "OPGH", strict=True):
        assert line == format_id(letter, UUID7, "10.5072")
        assert parse_id(line).uuid == UUID7
    shown = read("representation")
    assert shown == format_representation(format_id("O", UUID7, "10.5072"), STILL)
    parse_representation(shown)


def test_the_entry_is_the_golden_one_and_its_offsets_are_the_frozen_ones() -> None:
    data, offsets = b"", {}
    for line in read("entry").splitlines():
        found = ANNOTATED.match(line)
        assert found, line
        assert int(found.group(1)) == len(data), line
        if found.group(3):
            offsets.setdefault(found.group(3).split(":")[0], len(data))
        data += bytes.fromhex(found.group(2))
    assert data == golden_entry()
    frozen = {
        "schema_sha256": envelope.SCHEMA,
        "event_id": envelope.EVENT_ID,
        "stream_id": envelope.STREAM_ID,
        "previous": envelope.PREVIOUS,
        "command_id": envelope.COMMAND_ID,
        "causation_id": envelope.CAUSATION,
        "correlation_id": envelope.CORRELATION,
        "ledger_id": envelope.LEDGER_ID,
        "actor": envelope.ACTOR,
        "recorded_at": envelope.RECORDED_AT,
        "stream_version": envelope.STREAM_VERSION,
    }
    assert {name: offsets[name] for name in frozen} == frozen
    decoded = Codec(CATALOGUE).accept(data)
    fields = [f"{name}" for name in (*decoded.envelope.__dataclass_fields__, *decoded.event.__dataclass_fields__)]
    assert [name for name in offsets if "[" not in name] == ["schema_sha256", *fields]


def test_schema_text_and_digest() -> None:
    file = (ROOT / "schemas" / "evidence" / "LedgerFounded.v1.avsc").read_bytes()
    assert read("schema").encode() == file
    digest = hashlib.sha256(file).hexdigest()
    assert f"`{digest}`" in text(PAGE)
    assert golden_entry()[:32].hex() == digest
    assert read("digest-line") in (ROOT / "schemas" / "digests.json").read_text(encoding="utf-8")


def test_leaf_and_roots() -> None:
    assert read("leaf") == leaf_hash(golden_entry()).hex()
    tree = CompactRange()
    lines = [f"0 {tree.root().hex()}"]
    for size, entry in enumerate(LEAVES, 1):
        tree.append(leaf_hash(entry))
        lines.append(f"{size} {tree.root().hex()}")
    assert read("roots").splitlines() == lines
    assert " ".join(leaf.hex() for leaf in LEAVES[1:]) in " ".join(text(PAGE).split())


def test_keys_note_proof_and_policy_hang_together() -> None:
    log, witness = map(parse_vkey, read("vkeys").splitlines())
    note = read("checkpoint").encode() + b"\n"
    opened = open_note(note, [log, witness])
    assert len(opened.verified) == 2
    assert parse_checkpoint(opened.text).size == len(LEAVES)
    proof = read("proof").encode() + b"\n"
    assert proof == (GOLDEN / "ledger" / "leaf5.tlog-proof").read_bytes()
    assert parse_proof(proof).checkpoint == note
    policy = read("policy").encode() + b"\n"
    assert policy == (GOLDEN / "ledger" / "policy").read_bytes()
    assert verify_proof(parse_proof(proof), LEAVES[5], parse_policy(policy)).size == 8


def test_tiles_and_bundles() -> None:
    named = read("tile-paths").splitlines()
    assert [tile_path(parse_tile_path(path)) for path in named] == named
    assert parse_tile_path(named[-1]).n == 1_234_067
    partial = {path for path in map(tile_path, tiles_for(70_000)) if ".p/" in path}
    assert set(named[:-1]) == partial
    bundle = bytes.fromhex(read("bundle").replace("\n", ""))
    assert bundle == encode_bundle(LEAVES) == (GOLDEN / "ledger" / "entries.p8").read_bytes()
    assert parse_bundle(bundle, 8) == LEAVES
    tile = bytes.fromhex(read("tile").replace("\n", ""))
    assert tile == b"".join(map(leaf_hash, LEAVES)) == (GOLDEN / "ledger" / "tile.p8").read_bytes()


def test_home_and_its_files(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.config_path.write_text(read("config") + "\n", encoding="utf-8")
    config = home.config()
    assert json.dumps(asdict(config), indent=2) == read("config")
    assert config.ledger_id == UUID7
    (tmp_path / "postgres.json").write_text(read("postgres"))
    record = read_json_object(tmp_path / "postgres.json")
    assert record is not None
    assert list(record) == ["format", *Record.__dataclass_fields__]
    home.keys.mkdir(mode=0o700)
    keys = FileKeys(home.keys, lambda: 0)
    keys.generate(config.origin)
    written = home.keys / "log-ed25519"
    written.write_text(read("key") + "\n")
    assert keys.load(config.origin).ed25519.vkey == read("vkeys").splitlines()[0]
    paths = [home.config_path, home.policy_path, home.keys, home.tlog, home.blobs, home.run]
    for path in paths:
        assert re.search(rf"^    {path.name}/? ", text(PAGE), re.MULTILINE), path.name


def test_manifest() -> None:
    data = read("manifest").encode()
    assert rfc8785.dumps(json.loads(data)) == data
    vault = MemoryVault()
    digest = vault.keep_document(UUID7, data)
    assert f"`{digest.hex()}`" in text(PAGE)
    line = find_line(vault, digest, STILL)
    assert line == {"path": "/film/still.png", "sha256": STILL.hex(), "sidecar": None, "size": "5"}


def test_sidecar() -> None:
    file = ROOT / "examples" / "film" / "project" / "generated" / "night-river.png.edgeprint.json"
    assert read("sidecar") + "\n" == file.read_text(encoding="utf-8")
    sidecar = load_sidecar(file, "night-river.png")
    assert parse_sidecar(read("sidecar").encode(), "night-river.png", "docs").document() == sidecar.document()
    found = [f"{element} {digest.hex()}" for element, digest in sidecar.declared().evidence.items()]
    assert read("sidecar-digests").splitlines() == found


def test_built_in_policy() -> None:
    data = rfc8785.dumps(dict(TRACE_SET_POLICY))
    assert read("trace-set").encode() == data
    assert f"`{hashlib.sha256(data).hexdigest()}`" in text(PAGE)


def test_keys_of_the_append() -> None:
    party = PartyId(UUID7)
    made: tuple[Callable[[PartyId, bytes], str], ...] = (content_key, title_key)
    assert read("keys").splitlines() == [make(party, STILL) for make in made]


def test_scope() -> None:
    scope = parse_scope(json.loads(read("scope")))
    assert read("scope").encode() == rfc8785.dumps(scope_json(scope))
    assert scope_of(terms_of(scope)) == scope == FILM


def test_the_licence_token_is_the_golden_one() -> None:
    shown = read("licence-token").removesuffix("\n")
    assert shown == (GOLDEN / "licence" / "presentation.txt").read_text().removesuffix("\n")
    assert set(parse_token(shown).claims["scope"]) == {"territory", "uses"}


def test_the_record_on_kafka_is_the_golden_one() -> None:
    record = json.loads(read("record"))
    golden = json.loads((GOLDEN / "framing" / "LedgerFounded.json").read_text())
    assert record == {name: value for name, value in golden.items() if name != "bare"}
    entry = unframe(bytes.fromhex(record["value"]))
    row = LedgerRow(0, record["headers"]["ce_type"], entry, leaf_hash(entry))
    made = record_of(row)
    assert (made.topic, made.partition, made.key) == (record["topic"], record["partition"], record["key"].encode())
    assert {name: value.decode() for name, value in made.headers} == record["headers"]


def test_the_position_of_the_relay() -> None:
    value = read("position").encode()
    assert parse_position(value).encode() == value


def test_the_cursor_of_a_consumer() -> None:
    cursor = parse_cursor(read("cursor"))
    assert cursor.encode() == read("cursor")
    assert cursor.hashes == (CompactRange(2, cursor.hashes).root(),)


def test_a_decision_to_skip(tmp_path: Path) -> None:
    (tmp_path / "skips.jsonl").write_text(read("skip") + "\n")
    assert read_skips(tmp_path) == {(Partition("edgeprint.identity.v1", 4), 17): hashlib.sha256(b"a").hexdigest()}


def test_every_example_of_the_page_is_read_by_a_test() -> None:
    source = Path(__file__).read_text(encoding="utf-8")
    assert [name for name in examples(PAGE) if f'read("{name}")' not in source] == []


def test_the_digest_of_a_view() -> None:
    party, clerk = UUID7, UUID("01937e3f-2b5c-7d4a-9c3e-5f6a7b8c9d0f")
    store = MemoryViewStore(View("holds", 1, "legal holds alone", (HOLD,)))
    rows: list[tuple[Key, Values, int, int | None]] = [
        ((party, 7), ("a matter\twith a tab", clerk), 120, None),
        ((party, 3), ("(2026) 京73民初1号", clerk), 97, 99),
    ]
    store.write(0, Batch(121, {HOLD.name: Written(rows, [])}))
    assert store.digest().hex() == read("view-digest").strip()
    assert hashlib.sha256(read("view-lines").encode() + b"\n").hexdigest() == read("view-digest").strip()


def test_signed_commands() -> None:
    document = json.loads(read("command"))
    party, ledger = parse_party_id(document["actor"]), parse_ledger_id(document["ledger"])
    command = parse_request(AssignRole, json.dumps(document["input"]).encode(), "10.5072")
    text = command_text(
        command, command_id=UUID(document["id"]), actor=party, on_behalf_of=None, ledger=ledger, prefix="10.5072"
    )
    assert text.decode() == read("command")
    assert binding_text(ledger, "KEY") == f"edgeprint/key-binding/v1\n{ledger}\nKEY\n".encode()


def test_signed_manifests() -> None:
    document = json.loads(read("signed-manifest"))
    text = manifest_text(
        Sha256(bytes.fromhex(document["input"]["manifest"])),
        command_id=UUID(document["id"]),
        actor=parse_party_id(document["actor"]),
        on_behalf_of=None,
        ledger=parse_ledger_id(document["ledger"]),
        prefix="10.5072",
    )
    assert text.decode() == read("signed-manifest")


def test_the_plan_and_the_statement_are_the_golden_ones() -> None:
    assert read("plan").encode() == (GOLDEN / "trade" / "plan.json").read_bytes()
    assert read_plan(json.loads(read("plan")), PREFIX) == golden_plan()
    assert read("plan-digest") == hashlib.sha256(read("plan").encode()).hexdigest()
    assert read("statement").encode() == (GOLDEN / "trade" / "statement.json").read_bytes()
    assert read_statement(json.loads(read("statement")), PREFIX) == golden_statement()
