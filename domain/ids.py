"""Identifiers: `<prefix>/<T>.<26 characters of a UUIDv7>-<C>`, in DOI syntax (ISO 26324, GB/T 36369).

- prefix: `10.` and a registrant code of digits, with optional sub-codes (`10.5072`, `10.1000.10`); it is configured.
- T: one letter, the kind of the thing named (`KINDS`).
- the 26: the UUID's 128 bits as one big-endian integer, left-padded with two zero bits, as base32 digits over
  `0123456789ABCDEFGHJKMNPQRSTVWXYZ` (Crockford), so the first digit is at most 7. Only UUID version 7, variant 10.
- C: the check character of ISO 7064 MOD 37,36 over T and the 26, the prefix excluded.

Output is upper case. Input may be of either case, and in the 26 alone `O` is read as 0 and `I`, `L` as 1 (T and C use
those letters). Nothing else is forgiven: no spaces, no missing check character. A *representation* (the concrete bytes
of an object) is `<object identifier>#sha256:<64 lower-case hexadecimal digits>`.

A complete real example, UUID 01937e3f-2b5c-7d4a-9c3e-5f6a7b8c9d0e named as an object under the test prefix:

    10.5072/O.01JDZ3YATWFN59RFJZD9XRS78E-9
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, NewType
from uuid import UUID

from domain.errors import Invalid
from domain.spelling import shown

ObjectId = NewType("ObjectId", UUID)
CapabilityId = NewType("CapabilityId", UUID)
TemplateId = NewType("TemplateId", UUID)
ComputeResourceId = NewType("ComputeResourceId", UUID)
InfringementId = NewType("InfringementId", UUID)
TitleId = NewType("TitleId", UUID)
RightsGrantId = NewType("RightsGrantId", UUID)
LicenceId = NewType("LicenceId", UUID)
SettlementId = NewType("SettlementId", UUID)
ValuationId = NewType("ValuationId", UUID)
PartyId = NewType("PartyId", UUID)
LedgerId = NewType("LedgerId", UUID)
PolicySetId = NewType("PolicySetId", UUID)
JobId = NewType("JobId", UUID)
StreamId = NewType("StreamId", UUID)
EventId = NewType("EventId", UUID)
CommandId = NewType("CommandId", UUID)
Sha256 = NewType("Sha256", bytes)
Commitment = NewType("Commitment", Sha256)

KINDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "O": "ObjectId",
        "C": "CapabilityId",
        "T": "TemplateId",
        "U": "ComputeResourceId",
        "Q": "ProductionRequestId",
        "W": "WorkflowGraphId",
        "J": "JobId",
        "S": "InstanceId",
        "X": "ComplianceCaseId",
        "Y": "AssessmentId",
        "Z": "SamplingId",
        "F": "InfringementId",
        "G": "TitleId",
        "R": "RightsGrantId",
        "L": "LicenceId",
        "M": "SettlementId",
        "V": "ValuationId",
        "D": "DeliveryId",
        "B": "PreservationPackageId",
        "E": "EvidenceId",
        "P": "PartyId",
        "K": "PolicySetId",
        "N": "BenchmarkId",
        "H": "LedgerId",
    }
)
"""What each letter names; a frozen list, since the letters stand in published identifiers."""

TEST_PREFIX: Final = "10.5072"
PREFIX_CHARS_MAX: Final = 64
IDENTIFIER_CHARS_MAX: Final = PREFIX_CHARS_MAX + len("/T.") + 26 + len("-C")
SHA256_BYTES: Final = 32
RANDOM_BYTES: Final = 10

_DIGITS: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_VALUES: Final = {digit: value for value, digit in enumerate(_DIGITS)} | {"O": 0, "I": 1, "L": 1}
_PAIRS: Final = [high + low for high in _DIGITS for low in _DIGITS]
_CHECK_DIGITS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_PREFIX: Final = re.compile(r"10\.[1-9][0-9]{3,8}(?:\.[1-9][0-9]{0,8})*", re.ASCII)
_IDENTIFIER: Final = re.compile(r"([0-9.]+)/([A-Z])\.([0-9A-Z]{26})-([0-9A-Z])", re.ASCII)
_REPRESENTATION: Final = re.compile(r"([^#]+)#sha256:([0-9a-f]{64})", re.ASCII)
_MILLISECONDS_END: Final = 1 << 48
_RANDOM_BITS: Final = 0xFFF << 64 | (1 << 62) - 1
_VERSION_7_VARIANT_10: Final = 0x7 << 76 | 0b10 << 62


@dataclass(frozen=True, slots=True)
class Identifier:
    """One parsed identifier; `str()` of it is the canonical upper-case text."""

    prefix: str
    letter: str
    uuid: UUID

    def __str__(self) -> str:
        return format_id(self.letter, self.uuid, self.prefix)


@dataclass(frozen=True, slots=True)
class Representation:
    """Concrete bytes of an object: the object's identifier and the SHA-256 of the bytes."""

    object: Identifier
    sha256: Sha256

    def __str__(self) -> str:
        return format_representation(str(self.object), self.sha256)


def uuid7(unix_us: int, random: bytes) -> UUID:
    """Return the UUIDv7 of a time in microseconds since the epoch and 10 random bytes (RFC 9562 §5.7).

    The time is cut to milliseconds. Of the 80 random bits 74 are used; the rest give way to version and variant.

    Raises:
        Invalid: the time is negative or beyond 48 bits of milliseconds, or `random` is not 10 bytes.
    """
    unix_ms = unix_us // 1000
    if not 0 <= unix_ms < _MILLISECONDS_END:
        raise Invalid(f"expected a time of 0 to {_MILLISECONDS_END - 1} ms since the epoch, found {unix_ms}")
    if len(random) != RANDOM_BYTES:
        raise Invalid(f"expected {RANDOM_BYTES} random bytes, found {len(random)}")
    return UUID(int=unix_ms << 80 | int.from_bytes(random, "big") & _RANDOM_BITS | _VERSION_7_VARIANT_10)


def check_character(text: str) -> str:
    """Return the ISO 7064 MOD 37,36 check character of a text over `0-9A-Z`.

    Raises:
        Invalid: another character occurs.
    """
    remainder = 36
    for character in text:
        value = _CHECK_DIGITS.find(character)
        if value < 0:
            raise Invalid(f"expected digits and upper-case letters, found {character!r}")
        remainder = ((remainder + value) % 36 or 36) * 2 % 37
    return _CHECK_DIGITS[(1 - remainder) % 36]


def parse_prefix(text: str, *, production: bool) -> str:
    """Return a configured prefix that is fit for use, unchanged.

    Raises:
        Invalid: it has not the syntax of a DOI prefix, or it is the test prefix and the ledger is for production.
    """
    if len(text) > PREFIX_CHARS_MAX or not _PREFIX.fullmatch(text):
        raise Invalid(f"expected a prefix such as 10.5072, found {shown(text)}")
    if production and (text == TEST_PREFIX or text.startswith(TEST_PREFIX + ".")):
        raise Invalid(f"expected a registered prefix for production, found the test prefix {text}")
    return text


def format_id(letter: str, uuid: UUID, prefix: str) -> str:
    """Return the canonical text of an identifier.

    Raises:
        Invalid: unknown letter, UUID not of version 7 and variant 10, or wrong prefix syntax.
    """
    if letter not in KINDS:
        raise Invalid(f"expected a kind letter of {''.join(KINDS)}, found {shown(letter)}")
    parse_prefix(prefix, production=False)
    _require_version_7(uuid)
    number = uuid.int
    digits = "".join([_PAIRS[number >> shift & 1023] for shift in range(120, -1, -10)])
    return f"{prefix}/{letter}.{digits}-{check_character(letter + digits)}"


def parse_id(text: str) -> Identifier:
    """Return the parts of an identifier, read as leniently as the module's docstring says and no more.

    Raises:
        Invalid: anything else: syntax, length, unknown letter, first digit above 7, UUID version, check character.
    """
    # str.upper maps some foreign letters onto A-Z, hence isascii first
    match = _IDENTIFIER.fullmatch(text.upper()) if text.isascii() and len(text) <= IDENTIFIER_CHARS_MAX else None
    if match is None:
        raise Invalid(f"expected an identifier such as 10.5072/O.01JDZ3YATWFN59RFJZD9XRS78E-9, found {shown(text)}")
    prefix, letter, written, check = match.groups()
    parse_prefix(prefix, production=False)
    if letter not in KINDS:
        raise Invalid(f"expected a kind letter of {''.join(KINDS)}, found {letter} in {text}")
    number = 0
    for character in written:
        value = _VALUES.get(character)
        if value is None:
            raise Invalid(f"expected base32 digits without U, found {character} in {text}")
        number = number << 5 | value
    if number >> 128:
        raise Invalid(f"expected a first digit of 0 to 7, found {written[0]} in {text}")
    digits = "".join(_DIGITS[_VALUES[character]] for character in written)
    expected = check_character(letter + digits)
    if check != expected:
        raise Invalid(f"expected the check character {expected}, found {check} in {text}")
    uuid = UUID(int=number)
    _require_version_7(uuid)
    return Identifier(prefix, letter, uuid)


def parse_object_id(text: str) -> ObjectId:
    """Return the UUID of an object's identifier. Raises: Invalid, also for an identifier of another kind."""
    return ObjectId(_parse_kind(text, "O"))


def parse_capability_id(text: str) -> CapabilityId:
    """Return the UUID of a capability's identifier. Raises: Invalid, also for an identifier of another kind."""
    return CapabilityId(_parse_kind(text, "C"))


def parse_template_id(text: str) -> TemplateId:
    """Return the UUID of a template's identifier. Raises: Invalid, also for an identifier of another kind."""
    return TemplateId(_parse_kind(text, "T"))


def parse_resource_id(text: str) -> ComputeResourceId:
    """Return the UUID of a compute resource's identifier. Raises: Invalid, also for an identifier of another kind."""
    return ComputeResourceId(_parse_kind(text, "U"))


def parse_infringement_id(text: str) -> InfringementId:
    """Return the UUID of an infringement's identifier. Raises: Invalid, also for an identifier of another kind."""
    return InfringementId(_parse_kind(text, "F"))


def parse_title_id(text: str) -> TitleId:
    """Return the UUID of a title's identifier. Raises: Invalid, also for an identifier of another kind."""
    return TitleId(_parse_kind(text, "G"))


def parse_rights_grant_id(text: str) -> RightsGrantId:
    """Return the UUID of a grant's identifier. Raises: Invalid, also for an identifier of another kind."""
    return RightsGrantId(_parse_kind(text, "R"))


def parse_licence_id(text: str) -> LicenceId:
    """Return the UUID of a licence's identifier. Raises: Invalid, also for an identifier of another kind."""
    return LicenceId(_parse_kind(text, "L"))


def parse_settlement_id(text: str) -> SettlementId:
    """Return the UUID of a settlement account's identifier. Raises: Invalid, also for an identifier of another kind."""
    return SettlementId(_parse_kind(text, "M"))


def parse_valuation_id(text: str) -> ValuationId:
    """Return the UUID of a valuation's identifier. Raises: Invalid, also for an identifier of another kind."""
    return ValuationId(_parse_kind(text, "V"))


def parse_party_id(text: str) -> PartyId:
    """Return the UUID of a party's identifier. Raises: Invalid, also for an identifier of another kind."""
    return PartyId(_parse_kind(text, "P"))


def parse_ledger_id(text: str) -> LedgerId:
    """Return the UUID of a ledger's identifier. Raises: Invalid, also for an identifier of another kind."""
    return LedgerId(_parse_kind(text, "H"))


def parse_policy_set_id(text: str) -> PolicySetId:
    """Return the UUID of a policy set's identifier. Raises: Invalid, also for an identifier of another kind."""
    return PolicySetId(_parse_kind(text, "K"))


def parse_job_id(text: str) -> JobId:
    """Return the UUID of a job's identifier. Raises: Invalid, also for an identifier of another kind."""
    return JobId(_parse_kind(text, "J"))


def format_representation(object_id: str, sha256: bytes) -> str:
    """Return the canonical text of a representation from an object's identifier and a digest of 32 bytes.

    Raises:
        Invalid: `object_id` is no object identifier, or the digest has another length.
    """
    identifier = parse_id(object_id)
    if identifier.letter != "O":
        raise Invalid(f"expected an object identifier (letter O), found {object_id}")
    if len(sha256) != SHA256_BYTES:
        raise Invalid(f"expected a SHA-256 of {SHA256_BYTES} bytes, found {len(sha256)}")
    return f"{identifier}#sha256:{sha256.hex()}"


def parse_representation(text: str) -> Representation:
    """Return the object and digest of a representation; the digest part must be lower case.

    Raises:
        Invalid: anything that `format_representation` could not have written, but for the leniency of identifiers.
    """
    match = _REPRESENTATION.fullmatch(text)
    if match is None:
        raise Invalid(f"expected <object identifier>#sha256:<64 lower-case hex digits>, found {shown(text)}")
    identifier = parse_id(match[1])
    if identifier.letter != "O":
        raise Invalid(f"expected an object identifier (letter O), found {match[1]}")
    return Representation(identifier, Sha256(bytes.fromhex(match[2])))


def _parse_kind(text: str, letter: str) -> UUID:
    identifier = parse_id(text)
    if identifier.letter != letter:
        raise Invalid(f"expected a {KINDS[letter]} (letter {letter}), found {identifier.letter} in {text}")
    return identifier.uuid


def _require_version_7(uuid: UUID) -> None:
    if uuid.int >> 76 & 0xF != 7 or uuid.int >> 62 & 0b11 != 0b10:
        raise Invalid(f"expected a UUID of version 7 and variant 10, found {uuid}")
