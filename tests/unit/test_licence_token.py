"""Tokens of licences: made by the library, read by us and by a second reader; checked against what a log proves."""

import hashlib
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sd_jwt.holder import SDJWTHolder  # type: ignore[import-untyped]  # the library has no types
from sd_jwt.verifier import SDJWTVerifier  # type: ignore[import-untyped]  # likewise

from domain.errors import Invalid
from domain.ids import format_id
from domain.ledger.keys import ed25519_signer, parse_vkey
from domain.ledger.policy import parse_policy
from domain.ledger.proof import TlogProof
from domain.rights.licence import Offered, Refused, Requested
from domain.rights.licence_commands import ResumeLicence
from domain.rights.scope import Component
from domain.rights.scope_json import component_json
from infra.rights.token import present_token
from schemas.licence_check import NO_ENTRY, NO_HOLDER, NO_NONCE, NO_STATUS, Step, Verdict, standing_text
from schemas.licence_status import ENTRIES_MAX
from schemas.licence_token import DISCLOSED, TOKEN_BYTES_MAX, encode_base64url, parse_token, verify_signature
from tests import sd_jwt_oracle as oracle
from tests.governance_kit import NOW, PREFIX, identifier, signer_of
from tests.licence_kit import FLAT, ending
from tests.token_kit import AUDIENCE, INSIDE, NONCE, Sold, path, sold


def verdicts(sale: Sold, token: str, **changes: Any) -> dict[str, str]:
    return {str(one.step): str(one.verdict) for one in sale.check(token, **changes).steps}


def because(sale: Sold, step: Step, token: str, **changes: Any) -> str:
    return next(one.said for one in sale.check(token, **changes).steps if one.step is step)


# -- the token ---------------------------------------------------------------------------------------------------------


def test_what_the_ledger_names_is_what_was_signed() -> None:
    sale = sold()
    token = parse_token(sale.token)
    verify_signature(token)
    assert token.digest == sale.issued.token and token.hidden == 0 and token.binding is None
    assert token.issuer == signer_of(sale.town.holder).verifier
    claims = token.claims
    assert claims["licence"] == sale.name and claims["sub"] == identifier(sale.deal.buyer)
    assert claims["objects"] == [format_id("O", sale.deal.object, PREFIX)]
    assert claims["scope"] == {str(name): component_json(FLAT, name) for name in DISCLOSED}
    window = FLAT.window
    assert window.since and window.until
    assert (claims["nbf"], claims["exp"]) == (int(window.since.timestamp()), int(window.until.timestamp()))
    assert set(Component) - set(DISCLOSED) == {Component.WINDOW, Component.SUBLICENCE_DEPTH}


def test_what_is_not_disclosed_is_not_in_the_presentation() -> None:
    sale = sold()
    shown = sale.presented("uses", "territory")
    token = parse_token(shown)
    assert set(token.claims["scope"]) == {"uses", "territory"} and token.hidden == len(DISCLOSED) - 2
    hidden = [one for one in parse_token(sale.token).disclosures if one not in token.disclosures]
    assert len(hidden) == len(DISCLOSED) - 2 and not any(one in shown for one in hidden)
    assert parse_token(sale.presented()).claims["scope"] == {}


def test_digests_without_a_disclosure_are_kept_as_they_are_ordered() -> None:
    whole = parse_token(sold().token)
    digests = tuple(encode_base64url(hashlib.sha256(one.encode()).digest()) for one in whole.disclosures)
    assert parse_token(f"{whole.signed}~").undisclosed == digests and whole.undisclosed == ()
    assert parse_token(f"{whole.signed}~{whole.disclosures[1]}~").undisclosed == (digests[0], *digests[2:])


@pytest.mark.parametrize("disclose", [(), ("uses",), tuple(map(str, DISCLOSED))])
def test_a_second_reader_reads_ours(disclose: tuple[str, ...]) -> None:
    sale = sold()
    shown = sale.presented(*disclose)
    issuer = signer_of(sale.town.holder).verifier.public_key
    told = oracle.verify(shown, issuer, audience=AUDIENCE, nonce=NONCE)
    ours = parse_token(shown).claims
    assert told == {name: value for name, value in ours.items() if name != "_sd_alg"}
    with pytest.raises(oracle.Wrong):
        oracle.verify(shown, issuer, audience=AUDIENCE, nonce="another")


class Library(SDJWTVerifier):  # type: ignore[misc]  # the library has no types
    """The library's own verifier with the one algorithm that we use; its constructor knows ES256 alone."""

    def _verify_key_binding_jwt(self, aud: str, nonce: str, sign_alg: str | None = None) -> None:
        del sign_alg
        super()._verify_key_binding_jwt(aud, nonce, "EdDSA")


def test_the_library_verifies_ours() -> None:
    from jwcrypto.jwk import JWK  # type: ignore[import-untyped]  # the library has no types

    sale = sold()
    public = signer_of(sale.town.holder).verifier.public_key
    key = JWK(kty="OKP", crv="Ed25519", x=encode_base64url(public))
    shown = sale.presented("media")
    read = Library(shown, lambda _, __: key, AUDIENCE, NONCE).get_verified_payload()
    assert read["scope"] == {"media": ["theatrical"]}


def foreign(seed: bytes, holder_seed: bytes, **changes: Any) -> tuple[str, dict[str, str]]:
    """Return a signed JWT that the second implementation made, and its disclosures by name."""
    issuer, holder = ed25519_signer(identifier(sold().town.holder), seed), parse_token(sold().token)
    claims = {name: value for name, value in holder.claims.items() if name != "scope"}
    public = ed25519_signer("x", holder_seed).verifier.public_key
    claims["cnf"] = {"jwk": {"kty": "OKP", "crv": "Ed25519", "x": oracle.b64(public)}}
    made = {name: oracle.disclosure(f"salt-{name}", name, value) for name, value in holder.claims["scope"].items()}
    digests = sorted(oracle.b64(hashlib.sha256(one.encode()).digest()) for one in made.values())
    header = {"alg": "EdDSA", "typ": "dc+sd-jwt", "kid": issuer.vkey, **changes.pop("header", {})}
    payload = {**claims, "scope": {"_sd": digests}, **changes}
    return oracle.compact(header, payload, seed), made


def test_we_read_what_a_second_implementation_makes() -> None:
    seed, holder = bytes(range(32)), bytes(range(1, 33))
    jwt, made = foreign(seed, holder)
    shown = oracle.bound(jwt, [made["uses"], made["media"]], holder, audience=AUDIENCE, nonce=NONCE, iat=1)
    steps = verdicts(sold(), shown)
    assert steps == {"token": "holds", "holder": "holds", "window": "holds", "ledger": "unknown", "status": "unknown"}
    ours = present_token(
        "~".join([jwt, *made.values(), ""]),
        ["uses"],
        audience=AUDIENCE,
        nonce=NONCE,
        sign=ed25519_signer("x", holder).sign,
        now=NOW,
    )
    assert verdicts(sold(), ours)["holder"] == "holds"
    library = SDJWTHolder("~".join([jwt, *made.values(), ""]))
    library.create_presentation({"scope": {"uses": True}})
    assert parse_token(library.sd_jwt_presentation).claims["scope"] == {"uses": ["project", "translate"]}


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"header": {"alg": "ES256"}}, "alg"),
        ({"header": {"alg": "none"}}, "alg"),
        ({"header": {"typ": "jwt"}}, "typ"),
        ({"header": {"kid": 7}}, "kid"),
        ({"header": {"kid": signer_of(sold().deal.buyer).vkey}}, "kid"),
        ({"header": {"crit": []}}, "token header"),
        ({"vct": "urn:edgeprint:licence:2"}, "vct"),
        ({"_sd_alg": "sha-512"}, "_sd_alg"),
        ({"nbf": True}, "nbf"),
        ({"exp": -1}, "exp"),
        ({"exp": 1 << 50}, "exp"),
        ({"objects": []}, "objects"),
        ({"objects": [7]}, "objects"),
        ({"licence": identifier(sold().deal.buyer)}, "LicenceId"),
        ({"sub": 7}, "identifiers"),
        ({"status": {}}, "status"),
        ({"status": {"ledger": {"origin": 7, "size": 1}}}, "origin"),
        ({"cnf": {"jwk": {"kty": "EC", "crv": "P-256", "x": ""}}}, "jwk"),
        ({"cnf": {"jwk": {"kty": "OKP", "crv": "Ed25519", "x": 7}}}, "public key"),
        ({"cnf": {}}, "cnf"),
        ({"more": 1}, "token: expected an object"),
        ({"scope": {}}, "scope"),
        ({"scope": {"_sd": ["x"]}}, "digests"),
        ({"scope": {"_sd": [7] * 7}}, "digests"),
        ({"scope": {"_sd": ["x"] * 7}}, "digests"),
    ],
)
def test_a_token_of_another_form_is_none(changes: dict[str, Any], why: str) -> None:
    jwt, _ = foreign(bytes(32), bytes(32), **dict(changes))
    with pytest.raises(Invalid, match=why):
        parse_token(f"{jwt}~")


def test_disclosures_of_another_form_are_none() -> None:
    jwt, made = foreign(bytes(32), bytes(32))
    known = next(iter(made.values()))
    for disclosure, why in (
        (oracle.disclosure("s", "uses", ["adapt"]), "of none"),
        (f"{known}=", "of none"),
    ):
        with pytest.raises(Invalid, match=why):
            parse_token(f"{jwt}~{disclosure}~")
    with pytest.raises(Invalid, match="or one twice"):
        parse_token(f"{jwt}~{known}~{known}~")
    twice = {name: oracle.disclosure(f"s{number}", "uses", []) for number, name in enumerate(made)}
    digests = [oracle.b64(hashlib.sha256(one.encode()).digest()) for one in twice.values()]
    jwt, _ = foreign(bytes(32), bytes(32), scope={"_sd": digests})
    with pytest.raises(Invalid, match="expected uses once"):
        parse_token("~".join([jwt, *twice.values(), ""]))
    for odd in (["s", "uses"], ["s", "window", {}], [1, "uses", []], {"a": 1}):
        text = oracle.b64(json.dumps(odd).encode())
        digest = oracle.b64(hashlib.sha256(text.encode()).digest())
        jwt, _ = foreign(bytes(32), bytes(32), scope={"_sd": [digest, *digests[1:]]})
        with pytest.raises(Invalid, match="a salt, one of"):
            parse_token(f"{jwt}~{text}~")


@pytest.mark.parametrize(
    "text", ["", "~", "a~", "a.b~", "a.b.c~", "é~", "x" * (TOKEN_BYTES_MAX + 1), "e30.e30.AB~", "A=.e30.AA~"]
)
def test_rubbish_is_no_token(text: str) -> None:
    with pytest.raises(Invalid):
        parse_token(text)
    answer = sold().check(text)
    assert answer.verdict is Verdict.INVALID and answer.token is None


@pytest.mark.parametrize(
    ("header", "payload", "why"),
    [
        ({"alg": "EdDSA", "typ": "jwt"}, {}, "typ"),
        ({"alg": "none", "typ": "kb+jwt"}, {}, "alg"),
        ({"alg": "EdDSA", "typ": "kb+jwt", "kid": "x"}, {}, "header"),
        ({"alg": "EdDSA", "typ": "kb+jwt"}, {"iat": 1}, "expected an object"),
        ({"alg": "EdDSA", "typ": "kb+jwt"}, {"iat": "1", "aud": "", "nonce": "", "sd_hash": ""}, "iat in seconds"),
        ({"alg": "EdDSA", "typ": "kb+jwt"}, {"iat": 1, "aud": 7, "nonce": "", "sd_hash": ""}, "iat in seconds"),
    ],
)
def test_a_key_binding_of_another_form_is_none(header: Any, payload: Any, why: str) -> None:
    jwt, _ = foreign(bytes(32), bytes(32))
    with pytest.raises(Invalid, match=why):
        parse_token(f"{jwt}~{oracle.compact(header, payload, bytes(32))}")


def test_what_cannot_be_presented() -> None:
    sale = sold()
    with pytest.raises(Invalid, match="expected some of"):
        sale.presented("window")
    for audience, nonce in (("", NONCE), (AUDIENCE, "")):
        with pytest.raises(Invalid, match="an audience and a nonce"):
            sale.presented("uses", audience=audience, nonce=nonce)


# -- the check ---------------------------------------------------------------------------------------------------------


def test_with_a_status_all_of_it_holds() -> None:
    sale = sold()
    answer = sale.check(sale.presented("uses"), status=sale.status())
    assert answer.verdict is Verdict.VALID and [one.verdict for one in answer.steps] == [Verdict.HOLDS] * 5
    size = sale.sealed()[1].size
    assert answer.as_of is not None and answer.as_of.size == size
    assert answer.steps[-1].said == f"in force, as of size {size}"


def test_what_is_not_given_is_unknown_and_never_valid() -> None:
    sale = sold()
    shown, entry = sale.presented("uses"), sale.issue()
    assert because(sale, Step.LEDGER, shown) == NO_ENTRY and because(sale, Step.STATUS, shown) == NO_STATUS
    answer = sale.check(shown, issue=entry)
    assert answer.verdict is Verdict.INCOMPLETE and verdicts(sale, shown, issue=entry)["ledger"] == "holds"
    status = sale.status()
    assert sale.check(sale.token, status=status).verdict is Verdict.INCOMPLETE
    assert because(sale, Step.HOLDER, sale.token, status=status) == NO_HOLDER
    for missing in ("audience", "nonce"):
        assert because(sale, Step.HOLDER, shown, status=status, **{missing: None}) == NO_NONCE
        assert sale.check(shown, status=status, **{missing: None}).verdict is Verdict.INCOMPLETE


@pytest.mark.parametrize(
    ("changes", "step"),
    [
        ({"audience": "https://another.example"}, "holder"),
        ({"nonce": "another"}, "holder"),
        ({"instant": FLAT.window.until}, "window"),
        ({"instant": FLAT.window.since - timedelta(microseconds=1)}, "window"),  # type: ignore[operator]
    ],
)
def test_shown_to_another_or_at_another_time(changes: dict[str, Any], step: str) -> None:
    sale = sold()
    answer = sale.check(sale.presented("uses"), status=sale.status(), **changes)
    assert answer.verdict is Verdict.INVALID
    assert next(one.verdict for one in answer.steps if one.step == step) is Verdict.FAILS


def test_disclosures_may_not_be_added_or_taken_away() -> None:
    sale = sold()
    shown = sale.presented("uses", "media")
    first, *rest = shown.split("~")
    without = "~".join([first, *rest[1:]])
    assert "over this presentation" in because(sale, Step.HOLDER, without)
    other = sale.presented("uses", nonce="another").split("~")
    assert verdicts(sale, "~".join([*shown.split("~")[:-1], other[-1]]))["holder"] == "fails"


def test_another_issuer_or_another_holder_is_not_this_licence() -> None:
    sale = sold()
    jwt, made = foreign(bytes(range(32)), bytes(32))
    shown = oracle.bound(jwt, [made["uses"]], bytes(32), audience=AUDIENCE, nonce=NONCE, iat=1)
    answer = sale.check(shown, issue=sale.issue())
    assert answer.verdict is Verdict.INVALID and "which was issued" in because(
        sale, Step.LEDGER, shown, issue=sale.issue()
    )
    assert "status" in because(sale, Step.STATUS, shown, status=sale.status()) or answer.verdict is Verdict.INVALID
    stolen = present_token(
        sale.token, ["uses"], audience=AUDIENCE, nonce=NONCE, sign=signer_of(sale.town.holder).sign, now=NOW
    )
    assert verdicts(sale, stolen, status=sale.status())["holder"] == "fails"


def test_an_entry_that_does_not_issue_it_fails() -> None:
    sale, other = sold(), Sold()
    shown = sale.presented("uses")
    entry, proof = sale.issue()
    assert verdicts(sale, shown, issue=(entry + b"\0", proof))["ledger"] == "fails"
    assert verdicts(sale, shown, issue=(entry, proof[:-10]))["ledger"] == "fails"
    assert "which was issued" in because(sale, Step.LEDGER, shown, issue=other.issue())
    offered = sale.rows()[0]
    leaves, _, note = sale.sealed()
    wrong = TlogProof(offered.index, path(offered.index, leaves), note).encode()
    assert "expected a LicenceIssued" in because(sale, Step.LEDGER, shown, issue=(offered.entry, wrong))


def test_a_licence_that_rests_or_has_ended_is_not_valid_as_of_then() -> None:
    sale = Sold()
    shown, before = sale.presented("uses"), sale.status()
    sale.deal.give("suspend").require()
    assert sale.check(shown, status=before).verdict is Verdict.VALID, "as of the checkpoint that was given"
    assert "suspended from" in because(sale, Step.STATUS, shown, status=sale.status())
    resume = ResumeLicence(licence=sale.deal.licence, basis=sale.deal.paper, effective_at=NOW)
    sale.town.give(resume, sale.deal.licensor).require()
    assert sale.check(shown, status=sale.status()).verdict is Verdict.VALID
    sale.town.give(ending(sale.deal.licence, sale.deal.paper), sale.deal.licensor).require()
    after = sale.check(shown, status=sale.status())
    assert after.verdict is Verdict.INVALID and "ended at" in after.steps[-1].said
    assert sale.check(shown, status=sale.status(), instant=NOW - timedelta(days=1)).verdict is Verdict.VALID


def test_a_status_must_be_whole_and_the_issuers() -> None:
    sale = sold()
    shown, status, rows = sale.presented("uses"), sale.status(), sale.rows()
    document = json.loads(status)

    def said(**changes: Any) -> str:
        return because(sale, Step.STATUS, shown, status=json.dumps({**document, **changes}).encode())

    entries = document["entries"]
    assert "statement over these entries" in said(entries=entries[:-1])
    assert "expected version 1" in said(entries=entries[1:])
    assert "expected version 2" in said(entries=[entries[0], entries[2]])
    assert "1 to" in said(entries=[]) and "1 to" in said(entries=entries * (ENTRIES_MAX // 3 + 1))
    assert "another format or licence" in said(licence=format_id("L", sale.deal.buyer, PREFIX))
    assert "another format or licence" in said(format="edgeprint-licence-status/2")
    assert "expected an object of" in said(more=1) and "to be a str" in said(checkpoint=7)
    assert "to be a int" in said(entries=[{**entries[0], "index": "1"}])
    assert "a path of texts" in said(entries=[{**entries[0], "path": [1]}])
    assert "expected base64" in said(entries=[{**entries[0], "entry": "é"}])
    assert said(checkpoint=document["checkpoint"].replace("\n", "\n\n", 1))
    assert said(statement="nothing")
    other = signer_of(sale.deal.buyer)
    assert "known keys" in because(sale, Step.STATUS, shown, status=sale.status(signer=other))
    assert "no such" not in because(sale, Step.STATUS, shown, status=b"rubbish")
    foreign_row = replace(rows[0], entry=sale.town.store.rows(0, 1)[0].entry, index=0)
    assert "expected version 1" in because(sale, Step.STATUS, shown, status=sale.status([foreign_row]))
    early = sale.check(shown, status=sale.status(rows[:2]))
    assert verdicts(sale, shown, status=sale.status(rows[:2]))["ledger"] == "fails" and early.verdict is Verdict.INVALID
    assert "not issued" in early.steps[-1].said


def test_another_log_proves_nothing() -> None:
    sale = sold()
    other = parse_policy(f"log {ed25519_signer('example.org/log', bytes(32)).vkey}\nquorum none\n".encode())
    found = verdicts(sale, sale.presented("uses"), policy=other, status=sale.status())
    assert found["status"] == "fails"
    assert verdicts(sale, sale.presented("uses"), policy=other, issue=sale.issue())["ledger"] == "fails"


def test_words_for_what_is_not_issued() -> None:
    assert {standing_text(one) for one in (Offered(), Requested(), Refused("x"))} == {"not issued"}
    assert parse_vkey(sold().issued.key).name == identifier(sold().deal.buyer)
    assert sold().check(sold().presented(), status=sold().status(), instant=INSIDE).verdict is Verdict.VALID
