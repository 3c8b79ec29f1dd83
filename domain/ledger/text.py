"""Strict text pieces that the C2SP formats share: base64, decimals, UTF-8 and key names.

Each of them has exactly one written form here; every other spelling of the same value is refused, so that bytes which
were signed or hashed can never be rewritten into different bytes that mean the same.

- base64: RFC 4648 §4, with padding, no white space, unused trailing bits zero (`AA==` yes; `AB==`, `AA=` and `AA` no).
- decimal: ASCII digits, no sign, no leading zero except in `0` itself, at most 2^63-1 (`0` yes; `00`, `+1`, `٣` no).
- key name (C2SP signed-note): not empty, valid UTF-8, no Unicode space, no `+`, no control character.
"""

import binascii
from typing import Final

from domain.ledger.errors import Invalid

UINT63_MAX: Final = 2**63 - 1
KEY_NAME_BYTES_MAX: Final = 255


def decode_base64(text: bytes, what: str) -> bytes:
    """Return the bytes that `text` spells in canonical base64; `what` names the field in the error.

    Raises:
        Invalid: another alphabet, white space, missing padding or unused bits that are not zero.
    """
    try:
        data = binascii.a2b_base64(text, strict_mode=True)
    except (ValueError, TypeError) as err:
        raise Invalid(f"{what}: expected base64, found {_quote(text)}") from err
    if encode_base64(data) != text:
        raise Invalid(f"{what}: expected canonical base64, found {_quote(text)}")
    return data


def encode_base64(data: bytes) -> bytes:
    """Return `data` in base64 of RFC 4648 §4, padded, without a newline."""
    return binascii.b2a_base64(data, newline=False)


def parse_decimal(text: bytes, what: str, high: int = UINT63_MAX) -> int:
    """Return the number that `text` spells in ASCII digits without a leading zero, 0..`high`.

    Raises:
        Invalid: anything else; a number of more than 19 digits is refused before it is converted.
    """
    if not text.isdigit() or len(text) > 19 or (text[:1] == b"0" and text != b"0"):
        raise Invalid(f"{what}: expected a decimal without leading zeros, found {_quote(text)}")
    value = int(text)
    if value > high:
        raise Invalid(f"{what}: expected at most {high}, found {value}")
    return value


def decode_text(data: bytes, what: str) -> str:
    """Return `data` as UTF-8 text that has no ASCII control character except newline.

    Raises:
        Invalid: not UTF-8, or a byte below 0x20 other than 0x0a.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as err:
        raise Invalid(f"{what}: expected utf-8, found byte {data[err.start]:#04x} at offset {err.start}") from err
    if any(char < " " and char != "\n" for char in set(text)):
        raise Invalid(f"{what}: expected no control characters other than newline")
    return text


def check_key_name(name: str) -> str:
    """Return `name` if C2SP signed-note allows it as a key name.

    Raises:
        Invalid: empty, not encodable as UTF-8, or with a Unicode space, `+` or a control character.
    """
    if not name or "+" in name or any(char.isspace() or char < " " for char in name):
        raise Invalid(f"key name: expected no spaces, plus or control characters, found {name[:80]!r}")
    encode_text(name, "key name")
    return name


def encode_text(text: str, what: str) -> bytes:
    """Return `text` as UTF-8.

    Raises:
        Invalid: a lone surrogate, which has no UTF-8 form.
    """
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as err:
        raise Invalid(f"{what}: expected text that utf-8 can hold, found {text[:80]!r}") from err


def _quote(text: bytes) -> str:
    """Return the start of `text` for an error message."""
    return repr(bytes(text[:60]))[1:]
