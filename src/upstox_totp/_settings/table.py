"""The settings: one row each, which says all that the package needs to know of it."""

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
"""The login methods, as the setting ``login_method`` names them."""


class Setting(NamedTuple):
    """One setting; what others repeat of it comes from here.

    Attributes:
        name: Its name, as arguments have it.
        rule: What it must be, in words that complete "client_id …".
        default: What holds where it is not set.
        secret: Whether its value must not be shown.
        credential: Whether it is a part of somebody's account or app.
        fingerprinted: Whether another value makes it another login.
        needed_by: The login methods that cannot do without it.
        from_working_directory: Whether a ``.env`` that happens to lie in the working directory
            may set it: not where it decides whither credentials and tokens go.
        example: The value that README shows in its place.
        other_names: Names under which it is read, too.
        called: What else people call it, for a hint.
    """

    name: str
    rule: str
    default: Any = None
    secret: bool = False
    credential: bool = False
    fingerprinted: bool = False
    needed_by: frozenset[str] = frozenset()
    from_working_directory: bool = True
    example: str | None = None
    other_names: tuple[str, ...] = ()
    called: tuple[str, ...] = ()

    @property
    def variables(self) -> tuple[str, ...]:
        """The environment variables that set it, the documented one first."""
        return tuple(map(variable, (self.name, *self.other_names)))


_ROWS: Final = (
    Setting(
        "username",
        "must be exactly 10 digits, the mobile number registered with Upstox",
        credential=True,
        fingerprinted=True,
        needed_by=frozenset({PAGE}),
        example="9876543210",
        other_names=("mobile", "mobile_number"),
        called=("mobile_no", "phone", "phone_number", "number"),
    ),
    Setting(
        "password",
        "must be a non-empty string",
        secret=True,
        credential=True,
        fingerprinted=True,
        needed_by=frozenset({PAGE}),
        example="your login password",
    ),
    Setting(
        "pin_code",
        "must be 4 to 6 digits",
        secret=True,
        credential=True,
        needed_by=frozenset({PAGE, API}),
        example="123456",
        other_names=("pin",),
        called=("mpin",),
    ),
    Setting(
        "totp_secret",
        "must be a base32 string, as shown when TOTP was set up "
        "(or its otpauth:// URI, with 6 digits every 30 seconds)",
        secret=True,
        credential=True,
        fingerprinted=True,
        needed_by=frozenset({PAGE, API}),
        example="JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
        other_names=("totp_key",),
        called=("totp", "otp_secret"),
    ),
    Setting(
        "client_id",
        "must be a non-empty string",
        credential=True,
        fingerprinted=True,
        needed_by=frozenset(METHODS),
        example="your-api-key",
        other_names=("api_key",),
        called=("apikey", "app_key"),
    ),
    Setting(
        "client_secret",
        "must be a non-empty string",
        secret=True,
        credential=True,
        fingerprinted=True,
        needed_by=frozenset({PAGE, BROWSER, PHONE}),
        example="your-api-secret",
        other_names=("api_secret",),
        called=("secret_key", "secret"),
    ),
    Setting(
        "redirect_uri",
        "must be a valid URL, for example https://127.0.0.1/callback",
        credential=True,
        fingerprinted=True,
        needed_by=frozenset({PAGE, BROWSER}),
        other_names=("redirect_url",),
        called=("callback_url",),
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
        called=("method", "login"),
    ),
    Setting("login_revision", "must be auto, newer or older", "auto"),
    Setting(
        "user_id",
        "must be letters and digits, the user id that the token has to be of",
        fingerprinted=True,
        called=("ucc",),
    ),
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
        called=("redis_url",),
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
CREDENTIALS: Final = tuple(row.name for row in _ROWS if row.credential)
DEFAULTS: Final[Mapping[str, Any]] = {row.name: row.default for row in _ROWS if not row.credential}

# Written by `token --format env`, and read by other programs.
_OURS_TO_WRITE: Final = f"{PREFIX}ACCESS_TOKEN"


def variable(name: str) -> str:
    """Return the environment variable of a setting, or of another name for one."""
    return PREFIX + name.upper()


def needed_by(methods: Iterable[str]) -> tuple[str, ...]:
    """Return the names of the settings that any of several login methods needs."""
    chosen = frozenset(methods)
    return tuple(row.name for row in _ROWS if chosen & row.needed_by)


def methods_of(value: object) -> tuple[str, ...]:
    """Return login methods in their order, from text with commas or from names.

    ValueError where they are none.
    """
    names = value.split(",") if isinstance(value, str) else value
    if isinstance(names, list | tuple):
        chosen = tuple(str(name).strip().lower() for name in names)
        known = bool(chosen) and set(chosen) <= set(METHODS)
        if known and len(set(chosen)) == len(chosen) and (NONE not in chosen or len(chosen) == 1):
            return chosen
    raise ValueError("no login methods")


def did_you_mean(name: str) -> str | None:
    """Return the setting for which a name may stand that nothing reads, None if for none.

    The name may have the prefix or not, in either case.
    """
    plain = name.lower().removeprefix(PREFIX.lower())
    meant = {one: row.name for row in _ROWS for one in (row.name, *row.other_names, *row.called)}
    if variable(plain) == _OURS_TO_WRITE:
        return None
    if plain in SETTINGS or any(plain in row.other_names for row in _ROWS):
        is_read = name == variable(plain) or name in SETTINGS
        return None if is_read else meant[plain]
    import difflib  # noqa: PLC0415 - for the one whose name is unknown

    likely = difflib.get_close_matches(plain, meant, n=1, cutoff=0.75)
    return meant[likely[0]] if likely else None
