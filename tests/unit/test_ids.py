"""Identifiers: the format's example, published check characters, and every refusal."""

from uuid import UUID

import pytest

from domain.errors import Invalid
from domain.ids import (
    KINDS,
    Identifier,
    check_character,
    format_id,
    format_representation,
    parse_capability_id,
    parse_id,
    parse_infringement_id,
    parse_job_id,
    parse_ledger_id,
    parse_licence_id,
    parse_object_id,
    parse_party_id,
    parse_policy_set_id,
    parse_prefix,
    parse_representation,
    parse_resource_id,
    parse_rights_grant_id,
    parse_settlement_id,
    parse_template_id,
    parse_title_id,
    parse_valuation_id,
    uuid7,
)

EXAMPLE = "10.5072/O.01JDZ3YATWFN59RFJZD9XRS78E-9"
EXAMPLE_UUID = UUID("01937e3f-2b5c-7d4a-9c3e-5f6a7b8c9d0e")
DIGEST = bytes(range(32))


def written(body: str, letter: str = "O", prefix: str = "10.5072") -> str:
    """Return an identifier with a right check character around any 26 digits."""
    return f"{prefix}/{letter}.{body}-{check_character(letter + body)}"


def test_the_example_of_the_format() -> None:
    assert format_id("O", EXAMPLE_UUID, "10.5072") == EXAMPLE
    assert parse_id(EXAMPLE) == Identifier("10.5072", "O", EXAMPLE_UUID)
    assert str(parse_id(EXAMPLE)) == EXAMPLE


@pytest.mark.parametrize(
    "eidr",
    [
        "7791-8534-2C23-9030-8610-5",  # the example of EIDR's own documents
        "EA73-79D7-1B2B-B378-3A73-M",  # Blade Runner, in SCTE and DASH examples
        "07A9-90F4-F212-704C-0523-9",
        "1C80-DD87-F0C8-5488-60C2-5",  # EIDR's announcement of its 5 millionth alternate id
    ],
)
def test_the_check_character_agrees_with_published_eidr_ids(eidr: str) -> None:
    characters = eidr.replace("-", "")
    assert check_character(characters[:-1]) == characters[-1]


def test_the_check_character_agrees_with_published_grid() -> None:
    assert check_character("A12425GABC1234002") == "M"  # IFPI's Global Release Identifier, ISO 7064 MOD 37,36


def test_every_single_wrong_character_is_found() -> None:
    head, check = EXAMPLE.rsplit("-", 1)
    alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    for place in range(len("10.5072/O."), len(head)):
        for other in alphabet:
            if other != head[place]:
                with pytest.raises(Invalid):
                    parse_id(f"{head[:place]}{other}{head[place + 1 :]}-{check}")


def test_case_is_forgiven_everywhere_and_the_canonical_form_comes_out() -> None:
    for text in (EXAMPLE.lower(), EXAMPLE.swapcase(), EXAMPLE.title()):
        assert str(parse_id(text)) == EXAMPLE


def test_look_alikes_are_forgiven_in_the_26_only() -> None:
    for text in (
        EXAMPLE.replace("01JDZ", "O1JDZ"),
        EXAMPLE.replace("01JDZ", "0IJDZ"),
        EXAMPLE.replace("01JDZ", "0LJDZ"),
        EXAMPLE.replace("01JDZ", "olJDZ"),
    ):
        assert str(parse_id(text)) == EXAMPLE
    with pytest.raises(Invalid, match="expected a kind letter"):
        parse_id(EXAMPLE.replace("/O.", "/0.").replace("/0.", "/I."))
    with pytest.raises(Invalid, match="expected an identifier"):
        parse_id(EXAMPLE.replace("/O.", "/0."))
    zero = next(text for text in made_ids() if text.endswith("-0"))
    with pytest.raises(Invalid, match="expected the check character 0, found O"):
        parse_id(zero[:-1] + "O")
    one = next(text for text in made_ids() if text.endswith("-1"))
    for other in "IL":
        with pytest.raises(Invalid, match=f"expected the check character 1, found {other}"):
            parse_id(one[:-1] + other)


def made_ids() -> list[str]:
    return [
        format_id("O", uuid7(1_735_689_600_000_000, bytes(9) + bytes((number,))), "10.5072") for number in range(256)
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (written("8" + "0" * 25), "expected a first digit of 0 to 7, found 8"),
        (written("Z" * 26), "expected a first digit of 0 to 7, found Z"),
        (written("01JDZ3YATWBN59RFJZD9XRS78E"), "expected a UUID of version 7"),  # version 5
        (written("01JDZ3YATWFN51RFJZD9XRS78E"), "expected a UUID of version 7 and variant 10"),
        (EXAMPLE[:-1] + "8", "expected the check character 9, found 8"),
        (written("01JDZ3YATWFN59RFJZD9XRS7UE"), "expected base32 digits without U"),
        (written("01JDZ3YATWFN59RFJZD9XRS78E", letter="A"), "expected a kind letter"),
        (written("01JDZ3YATWFN59RFJZD9XRS78E", prefix="11.5072"), "expected a prefix such as 10.5072"),
        (written("01JDZ3YATWFN59RFJZD9XRS78E", prefix="10"), "expected a prefix such as 10.5072"),
        (written("01JDZ3YATWFN59RFJZD9XRS78E", prefix="10."), "expected a prefix such as 10.5072"),
        (written("01JDZ3YATWFN59RFJZD9XRS78E", prefix="10.507"), "expected a prefix such as 10.5072"),
        (written("01JDZ3YATWFN59RFJZD9XRS78E", prefix="10.0507"), "expected a prefix such as 10.5072"),
        (written("01JDZ3YATWFN59RFJZD9XRS78E", prefix="10.5072."), "expected a prefix such as 10.5072"),
        (written("01JDZ3YATWFN59RFJZD9XRS78E", prefix="10.5072.0"), "expected a prefix such as 10.5072"),
        (written("01JDZ3YATWFN59RFJZD9XRS78E", prefix="10.5072" + ".123456789" * 6), "expected a"),
        (EXAMPLE[:-2], "expected an identifier"),
        (EXAMPLE + " ", "expected an identifier"),
        (EXAMPLE + "\n", "expected an identifier"),
        (" " + EXAMPLE, "expected an identifier"),
        ("doi:" + EXAMPLE, "expected an identifier"),
        (EXAMPLE.replace("/", "\\"), "expected an identifier"),
        (EXAMPLE.replace("-", ""), "expected an identifier"),
        (EXAMPLE.replace("0", "٠"), "expected an identifier"),
        (EXAMPLE.replace("1", "ı"), "expected an identifier"),
        (EXAMPLE.replace("S", "ſ"), "expected an identifier"),
        ("", "expected an identifier"),
        ("x" * 1_000_000, "expected an identifier"),
    ],
)
def test_everything_else_is_refused(text: str, said: str) -> None:
    with pytest.raises(Invalid, match=said) as caught:
        parse_id(text)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("prefix", ["10.5072", "10.1000.10", "10.123456789", "10.5240"])
def test_prefixes(prefix: str) -> None:
    assert parse_id(format_id("P", EXAMPLE_UUID, prefix)).prefix == prefix
    assert parse_prefix(prefix, production=False) == prefix


def test_the_test_prefix_is_not_for_production() -> None:
    for prefix in ("10.5072", "10.5072.1"):
        with pytest.raises(Invalid, match="expected a registered prefix for production"):
            parse_prefix(prefix, production=True)
    assert parse_prefix("10.50720", production=True) == "10.50720"


def test_every_letter_round_trips_and_kinds_are_kept_apart() -> None:
    parsers = {
        "O": parse_object_id,
        "C": parse_capability_id,
        "T": parse_template_id,
        "U": parse_resource_id,
        "G": parse_title_id,
        "R": parse_rights_grant_id,
        "L": parse_licence_id,
        "M": parse_settlement_id,
        "V": parse_valuation_id,
        "P": parse_party_id,
        "H": parse_ledger_id,
        "K": parse_policy_set_id,
        "F": parse_infringement_id,
        "J": parse_job_id,
    }
    assert len(KINDS) == 24
    for letter in KINDS:
        text = format_id(letter, EXAMPLE_UUID, "10.5072")
        assert parse_id(text).letter == letter
        for other, parse in parsers.items():
            if letter == other:
                assert parse(text) == EXAMPLE_UUID
            else:
                with pytest.raises(Invalid, match=rf"expected a {KINDS[other]} \(letter {other}\), found {letter}"):
                    parse(text)


def test_what_cannot_be_named_is_refused() -> None:
    for uuid in (
        UUID(int=0),
        UUID("01937e3f-2b5c-4d4a-9c3e-5f6a7b8c9d0e"),
        UUID("01937e3f-2b5c-7d4a-1c3e-5f6a7b8c9d0e"),
    ):
        with pytest.raises(Invalid, match="expected a UUID of version 7 and variant 10"):
            format_id("O", uuid, "10.5072")
    with pytest.raises(Invalid, match="expected a kind letter"):
        format_id("A", EXAMPLE_UUID, "10.5072")
    with pytest.raises(Invalid, match="expected a prefix"):
        format_id("O", EXAMPLE_UUID, "5072")
    with pytest.raises(Invalid, match="expected digits and upper-case letters, found 'a'"):
        check_character("a")


def test_representations() -> None:
    text = format_representation(EXAMPLE.lower(), DIGEST)
    assert text == f"{EXAMPLE}#sha256:{DIGEST.hex()}"
    parsed = parse_representation(text)
    assert (parsed.object, parsed.sha256, str(parsed)) == (parse_id(EXAMPLE), DIGEST, text)
    assert str(parse_representation(text.replace(EXAMPLE, EXAMPLE.lower()))) == text
    party = format_id("P", EXAMPLE_UUID, "10.5072")
    with pytest.raises(Invalid, match="expected an object identifier"):
        format_representation(party, DIGEST)
    with pytest.raises(Invalid, match="expected a SHA-256 of 32 bytes, found 31"):
        format_representation(EXAMPLE, DIGEST[1:])
    for wrong in (
        text.replace(EXAMPLE, party),
        text.upper(),
        text[:-1],
        text + "0",
        text.replace("sha256", "sm3"),
        EXAMPLE,
    ):
        with pytest.raises(Invalid):
            parse_representation(wrong)


def test_uuid7_has_the_time_the_version_and_the_noise() -> None:
    made = uuid7(1_735_689_600_123_999, b"\xff" * 10)
    assert made.int >> 80 == 1_735_689_600_123
    assert (made.version, made.variant) == (7, UUID(int=0x8000 << 48).variant)
    assert made == UUID(int=1_735_689_600_123 << 80 | 0x7FFF << 64 | 0xBFFF_FFFF_FFFF_FFFF)
    assert uuid7(0, bytes(10)) == UUID("00000000-0000-7000-8000-000000000000")
    assert parse_id(format_id("E", made, "10.5072")).uuid == made


@pytest.mark.parametrize(
    ("time", "noise"), [(-1, bytes(10)), ((1 << 48) * 1000, bytes(10)), (0, bytes(9)), (0, bytes(11))]
)
def test_uuid7_refuses_what_does_not_fit(time: int, noise: bytes) -> None:
    with pytest.raises(Invalid, match="expected"):
        uuid7(time, noise)
