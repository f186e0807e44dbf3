"""Records: what is stored is read as it was written, and anything else is no record."""

from __future__ import annotations

import json
from typing import Any

import pytest

from upstox_totp._cache.failures import unexplained
from upstox_totp._cache.records import (
    AttemptRecord,
    CachedToken,
    Failures,
    LoginId,
    TokenRecord,
    dump,
    load,
)
from upstox_totp._redact import HiddenBytes, HiddenDict
from upstox_totp._settings.identity import Identity, identify

NOW = 1_800_000_000.0
FAILURE = unexplained("m", NOW)._replace(error_code="UDAPI10000", step=3, retry_after=2.0)
SETTINGS = {"client_id": "a client id", "totp_secret": "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"}


def made(**fields: Any) -> CachedToken:
    """Return a token as it is cached."""
    return CachedToken(HiddenDict(access_token="a token", **fields), NOW, NOW + 60, 0.5)


def who(**changed: str) -> Identity:
    """Return what identifies the settings of a login."""
    identity = identify(SETTINGS | changed, "https://{stage}.upstox.com")
    assert identity is not None
    return identity


RECORD = TokenRecord("v", made(), FAILURE, "user", "4CB7QX", "account", LoginId("log", 2))


def test_a_record_is_read_as_it_was_written() -> None:
    """Each field of it."""
    assert load(TokenRecord, dump(RECORD)) == RECORD
    assert made().access_token == "a token"
    record = AttemptRecord(
        id="log", revision=7, rejected={"pins:hash": Failures(FAILURE, 2, revision=6)}
    )
    assert load(AttemptRecord, dump(record)) == record


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("format",), 0),
        (("version",), 1),
        (("version",), "v" * 10_000),
        (("renewed",), 1),
        (("another",), 1),
        (("login", "number"), True),
        (("login", "number"), -1),
        (("login", "number"), 2**53),
        (("failure", "error_code"), True),
        (("failure", "error_code"), ["code"]),
        (("failure", "step"), 1.5),
        (("failure", "retry_after"), -1),
        (("failure", "suggestions"), "text"),
        (("token", "clock_offset"), True),
        (("token", "clock_offset"), "0"),
        (("token", "expires_at"), True),
        (("token", "expires_at"), "soon"),
        (("token", "expires_at"), float("nan")),
        (("token", "expires_at"), float("inf")),
        (("token", "more"), 1),
        (("token", "data"), "a token"),
        (("token", "data"), {"access_token": 1}),
        (("token", "data"), {}),
    ],
)
def test_anything_else_is_no_record(place: tuple[str, ...], value: object) -> None:
    """Another release, or somebody else, may have written what lies there."""
    document = json.loads(bytes(dump(RECORD)).decode())
    inner = document
    for name in place[:-1]:
        inner = inner[name]
    inner[place[-1]] = value
    assert load(TokenRecord, HiddenBytes(json.dumps(document).encode())) is None


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"null", b"\xff", b"[" * 99_999, b'{"format": NaN}']
)
def test_bytes_that_are_no_record(content: bytes) -> None:
    """A file that was cut, or is no such file."""
    assert load(TokenRecord, HiddenBytes(content)) is None


def test_the_user_id_that_was_reported_once_is_kept_for_its_account() -> None:
    """Not every answer reports it; another TOTP secret may be another user's."""
    first = TokenRecord().succeeded(made(user_id="4CB7QX"), who(), LoginId())
    assert first.user_id == "4CB7QX"
    assert first.succeeded(made(), who(), LoginId()).user_id == "4CB7QX"
    other = who(totp_secret="MFRGGZDFMZTWQ2LKMFRGGZDFMZTWQ2LK")
    assert first.succeeded(made(), other, LoginId()).user_id is None
    assert first.succeeded(made(user_id="9ZZ9ZZ"), who(), LoginId()).user_id == "9ZZ9ZZ"


def test_the_owner_as_far_as_upstox_reported_them() -> None:
    """Name and user id, either of which may be missing."""
    assert made(user_name="Asha Rao", user_id="4CB7QX").owner == "Asha Rao (4CB7QX)"
    assert made().owner == "Unknown (user id unknown)"


def test_each_login_that_ended_makes_another_version() -> None:
    """Whoever waits sees by it that another's login ended; the token stays where one failed."""
    first, second = RECORD.failed(FAILURE), RECORD.failed(FAILURE)
    third = RECORD.succeeded(made(), who(), LoginId())
    assert len({RECORD.version, first.version, second.version, third.version}) == 4
    assert (first.token, first.failure) == (RECORD.token, FAILURE)
    assert load(TokenRecord, dump(first)) == first
    assert third.failure is None
