"""The settings: one row each, with its rule, its default, and the ways to a token that need it.

Needs nothing but the standard library, so that a kept token is found at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PREFIX: Final = "UPSTOX_"

PAGE: Final = "page"
API: Final = "api"
BROWSER: Final = "browser"
PHONE: Final = "phone"
NONE: Final = "none"
METHODS: Final = (PAGE, API, BROWSER, PHONE, NONE)
"""The ways to a token, as the setting ``login_method`` names them."""


class Setting(NamedTuple):
    """One setting.

    Attributes:
        name: Its name, as arguments have it; the environment variable is `variable` of it.
        rule: What it must be, in words that complete "client_id …".
        default: What holds where it is not set.
        secret: Whether its value must not be shown.
        needed_by: The ways to a token that cannot do without it.
        credential: Whether it is a part of somebody's account or app.
        from_working_directory: Whether a ``.env`` that happens to lie in the working directory
            may set it: not where it decides whither credentials and tokens go.
        example: The value that README and ``.env.example`` show in its place, None if none.
    """

    name: str
    rule: str
    default: Any = None
    secret: bool = False
    needed_by: frozenset[str] = frozenset()
    credential: bool = False
    from_working_directory: bool = True
    example: str | None = None


_ROWS: Final = (
    Setting(
        "username",
        "must be exactly 10 digits, the mobile number registered with Upstox",
        needed_by=frozenset({PAGE}),
        credential=True,
        example="9876543210",
    ),
    Setting(
        "password",
        "must be a non-empty string",
        secret=True,
        needed_by=frozenset({PAGE}),
        credential=True,
        example="your login password",
    ),
    Setting(
        "pin_code",
        "must be 4 to 6 digits",
        secret=True,
        needed_by=frozenset({PAGE, API}),
        credential=True,
        example="123456",
    ),
    Setting(
        "totp_secret",
        "must be a base32 string, as shown when TOTP was set up "
        "(or its otpauth:// URI, with 6 digits every 30 seconds)",
        secret=True,
        needed_by=frozenset({PAGE, API}),
        credential=True,
        example="JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
    ),
    Setting(
        "client_id",
        "must be a non-empty string",
        needed_by=frozenset(METHODS),
        credential=True,
        example="your-api-key",
    ),
    Setting(
        "client_secret",
        "must be a non-empty string",
        secret=True,
        needed_by=frozenset({PAGE, BROWSER, PHONE}),
        credential=True,
        example="your-api-secret",
    ),
    Setting(
        "redirect_uri",
        "must be a valid URL, for example https://127.0.0.1/callback",
        needed_by=frozenset({PAGE, BROWSER}),
        credential=True,
    ),
    Setting("debug", "must be true or false", default=False),
    Setting("sleep_time", "must be between 100 and 10000 milliseconds", 1000),
    Setting(
        "base_domain",
        "must be an https URL with {stage} in it; http only on loopback",
        "https://{stage}.upstox.com",
        from_working_directory=False,
    ),
    Setting(
        "login_method",
        f"must be one of {', '.join(METHODS)}, or several of them with commas between "
        f"({NONE} alone)",
        (PAGE,),
    ),
    Setting("login_revision", "must be auto, newer or older", "auto"),
    Setting("user_id", "must be letters and digits, the user id that the token has to be of"),
    Setting(
        "account",
        "must be letters, digits, dots, dashes and underscores, beginning with a letter or digit",
    ),
    Setting("cache_dir", "must be a path"),
    Setting(
        "cache_url",
        "must be a redis://, rediss:// or unix:// URL",
        secret=True,
        from_working_directory=False,
    ),
    Setting(
        "cache_key",
        "must be one key of upstox_cli cache-key, or several with commas between",
        secret=True,
        from_working_directory=False,
    ),
    Setting("secrets_dir", "must be the path of a directory", from_working_directory=False),
)

SETTINGS: Final[Mapping[str, Setting]] = {row.name: row for row in _ROWS}
"""Every setting, by its name, the documented ones first."""

NAMES: Final = tuple(SETTINGS)
REQUIRED: Final = tuple(row.name for row in _ROWS if row.credential)
"""What the documented login needs; the other ways need less."""
DEFAULTS: Final[Mapping[str, Any]] = {row.name: row.default for row in _ROWS if not row.credential}

# What people call things; the names of settings themselves are found by their likeness.
_OTHER_NAMES: Final = {
    "api_key": "client_id",
    "apikey": "client_id",
    "app_key": "client_id",
    "api_secret": "client_secret",
    "secret_key": "client_secret",
    "secret": "client_secret",
    "mobile": "username",
    "mobile_no": "username",
    "mobile_number": "username",
    "phone": "username",
    "phone_number": "username",
    "number": "username",
    "mpin": "pin_code",
    "pin": "pin_code",
    "totp": "totp_secret",
    "totp_key": "totp_secret",
    "otp_secret": "totp_secret",
    "redirect_url": "redirect_uri",
    "callback_url": "redirect_uri",
    "method": "login_method",
    "login": "login_method",
    "redis_url": "cache_url",
    "ucc": "user_id",
}
# Written by `token --format env`, and read by other programs.
_OURS_TO_WRITE: Final = frozenset({"access_token"})


def variable(name: str) -> str:
    """Return the environment variable of a setting.

    Args:
        name: The setting's name, for example ``pin_code``.
    """
    return PREFIX + name.upper()


def is_secret(name: str) -> bool:
    """Tell whether a setting's value must not be shown.

    Args:
        name: The name, which need not be a setting's.
    """
    return name in SETTINGS and SETTINGS[name].secret


def needed_by(methods: Iterable[str]) -> tuple[str, ...]:
    """Return the names of the settings that any of several ways to a token needs.

    Args:
        methods: Some of `METHODS`.
    """
    chosen = frozenset(methods)
    return tuple(row.name for row in _ROWS if chosen & row.needed_by)


def did_you_mean(name: str) -> str | None:
    """Return the name of the setting that a name which nothing reads may stand for.

    Args:
        name: The name as it was found, with or without the prefix, in either case.

    Returns:
        The setting's name; None if the name is a setting's own, or like none of them.
    """
    plain = name.lower().removeprefix(PREFIX.lower())
    if plain in _OURS_TO_WRITE:
        return None
    if plain in SETTINGS:
        return None if name in {plain, variable(plain)} else plain
    import difflib  # noqa: PLC0415 - for the one whose name is unknown

    likely = difflib.get_close_matches(plain, [*NAMES, *_OTHER_NAMES], n=1, cutoff=0.75)
    return None if not likely else _OTHER_NAMES.get(likely[0], likely[0])
