"""The settings: one row each, which says all that the package needs to know, and as found."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from upstox_totp._settings.totp_secret import normalise_text
from upstox_totp.errors import APPS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

PREFIX: Final = "UPSTOX_"

PAGE: Final = "page"
API: Final = "api"
BROWSER: Final = "browser"
PHONE: Final = "phone"
NONE: Final = "none"
METHODS: Final[Mapping[str, str]] = {
    PAGE: "login page (default, unofficial)",
    API: "TOTP API (official, recommended)",
    BROWSER: "browser",
    PHONE: "phone",
    NONE: "no login",
}
"""The login methods, as the setting ``login_method`` names them, and as people do."""


class Setting(NamedTuple):
    """One setting; what others repeat of it comes from here.

    Attributes:
        name: Its name, as arguments have it.
        rule: What it must be, in words that complete "client_id …".
        default: What holds where it is not set.
        secret: Whether its value must not be shown.
        needed_by: The login methods that cannot do without it; none but for credentials.
        from_working_directory: Whether a ``.env`` that happens to lie in the working directory
            may set it: not one that decides where credentials and tokens go.
        example: The value that README shows in its place, where nobody can have it.
        other_names: Names under which it is read, too.
        called: What else people call it, for a hint.
        question: How ``configure`` asks for it.
        where: Where a user gets it from Upstox.
    """

    name: str
    rule: str = "must be a non-empty string"
    default: Any = None
    secret: bool = False
    needed_by: frozenset[str] = frozenset()
    from_working_directory: bool = True
    example: str | None = None
    other_names: tuple[str, ...] = ()
    called: tuple[str, ...] = ()
    question: str = ""
    where: str = ""

    @property
    def credential(self) -> bool:
        """Whether it is a part of somebody's account or app."""
        return bool(self.needed_by)

    @property
    def variables(self) -> tuple[str, ...]:
        """The environment variables that set it, the documented one first."""
        return tuple(map(variable, (self.name, *self.other_names)))


@dataclass(frozen=True, slots=True)
class Found:
    """One setting as it was found: not validated, with its place, and the variable it had there.

    No tuple: there are printers of tracebacks that walk through those.
    """

    value: Any
    source: str
    variable: str = ""

    def __repr__(self) -> str:
        """Return where it was found, and not the value."""
        return f"Found(source={self.source!r})"


class Settings(dict[str, Found]):
    """The settings that were found in one place or in all, by name.

    Attributes:
        file: The file that was read for them, or would have been.
        differing: What two names of one setting say differently: its name, and both.
        hints: What is odd about a place, a sentence each, without a value.
    """

    def __init__(self, file: Path | None = None) -> None:
        super().__init__()
        self.file = file
        self.differing: list[tuple[str, Found, Found]] = []
        self.hints: list[str] = []

    def take(self, name: str, found: Found, *, strict: bool = False) -> None:
        """Add a setting, unless it is there: the first place that has it decides.

        Two names of one setting may not differ; where it is ``strict``, nor may one name.
        """
        first = self.setdefault(name, found)
        is_argument = not first.variable
        compared = not is_argument and (strict or first.variable != found.variable)
        if compared and not same(name, first.value, found.value):
            self.differing.append((name, first, found))

    def take_variables(self, values: Mapping[str, str], source: str) -> None:
        """Add the settings among variables, under whichever of their names."""
        for name, row in SETTINGS.items():
            for own in row.variables:
                if values.get(own):
                    self.take(name, Found(values[own], source, own))

    def take_all(self, place: Settings, *, strict: bool = False) -> None:
        """Add the settings of a place and what there is to say of it.

        Where it is ``strict``, its credentials may not differ from those that are here: a wrong
        PIN is an attempt of the user who owns the rest.
        """
        for name, found in place.items():
            self.take(name, found, strict=strict and SETTINGS[name].credential)
        self.differing += place.differing
        self.hints += place.hints

    @property
    def methods(self) -> tuple[str, ...]:
        """The login methods that are chosen, the default where there are none or no valid ones."""
        with suppress(KeyError, ValueError):
            return methods_of(self["login_method"].value)
        methods: tuple[str, ...] = DEFAULTS["login_method"]
        return methods

    def values_as_text(self) -> dict[str, str]:
        """Return the values of the settings that are text, by name."""
        return {name: one.value for name, one in self.items() if isinstance(one.value, str)}

    def place(self, name: str) -> str:
        """Return where a setting was found, and under which name if that is not its own."""
        one = self[name]
        other = one.variable not in {"", variable(name)}
        return f"{one.source}, as {one.variable}" if other else one.source


def same(name: str, one: Any, other: Any) -> bool:
    """Tell whether two values of a setting are the same, however they were written down."""
    if name == "username":
        # A country code or a blank makes it no other number; that it is invalid is told later.
        one, other = ("".join(filter(str.isdigit, text))[-10:] for text in (one, other))
    if name == "totp_secret":
        with suppress(ValueError):
            return normalise_text(one) == normalise_text(other)
    return bool(one == other)


_YOUR_APP: Final = f"see your app at {APPS}"
_ROWS: Final = (
    Setting(
        "username",
        "must be exactly 10 digits, the mobile number registered with Upstox",
        needed_by=frozenset({PAGE}),
        other_names=("mobile", "mobile_number"),
        called=("mobile_no", "phone", "phone_number", "number"),
        question="Mobile number, 10 digits",
    ),
    Setting(
        "password",
        secret=True,
        needed_by=frozenset({PAGE}),
        example="your login password",
        question="Login password",
    ),
    Setting(
        "pin_code",
        "must be 4 to 6 digits",
        secret=True,
        needed_by=frozenset({PAGE, API}),
        other_names=("pin",),
        question="PIN",
        where="the PIN that you confirm a login with, 6 digits for the TOTP API; if yours is "
        "shorter, choose Forgot PIN on Upstox's login page",
    ),
    Setting(
        "totp_secret",
        "must be the whole text shown next to the QR code, letters A to Z and digits 2 to 7",
        secret=True,
        needed_by=frozenset({PAGE, API}),
        example="JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
        other_names=("totp_key",),
        called=("totp",),
        question="TOTP secret, or its otpauth:// URI",
        where="at https://account.upstox.com open Time-based OTP (TOTP), Enable TOTP, and copy the "
        "text next to the QR code",
    ),
    Setting(
        "client_id",
        needed_by=frozenset(METHODS),
        example="your-api-key",
        other_names=("api_key",),
        called=("app_key",),
        question="API key of your app",
        where=_YOUR_APP,
    ),
    Setting(
        "client_secret",
        secret=True,
        needed_by=frozenset({PAGE, BROWSER, PHONE}),
        example="your-api-secret",
        other_names=("api_secret",),
        called=("secret_key", "secret"),
        question="API secret of your app",
        where=_YOUR_APP,
    ),
    Setting(
        "redirect_uri",
        "must be a valid URL, for example https://127.0.0.1/callback",
        needed_by=frozenset({PAGE, BROWSER}),
        other_names=("redirect_url",),
        called=("callback_url",),
        question="Redirect URI, exactly as in your app",
        where=_YOUR_APP,
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
CREDENTIALS: Final = tuple(row.name for row in _ROWS if row.credential)
DEFAULTS: Final[Mapping[str, Any]] = {row.name: row.default for row in _ROWS if not row.credential}


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
    if not isinstance(names, list | tuple):
        names = ()
    chosen = tuple(str(name).strip().lower() for name in names)
    alone = NONE not in chosen or len(chosen) == 1
    if chosen and set(chosen) <= set(METHODS) and len(set(chosen)) == len(chosen) and alone:
        return chosen
    raise ValueError("no login methods")


def did_you_mean(name: str) -> str | None:
    """Return the setting for which a name may stand that nothing reads, None if for none.

    The name may have the prefix or not, in either case.
    """
    if any(name in row.variables for row in _ROWS):
        return None
    meant = {one: row.name for row in _ROWS for one in (row.name, *row.other_names, *row.called)}
    plain = name.lower().removeprefix(PREFIX.lower())
    likely = get_close_matches(plain, meant, n=1, cutoff=0.75)
    return meant[likely[0]] if likely else None
