"""UpstoxTOTP: owns one configuration, one session and one request id, and hands out the login."""

from __future__ import annotations

import secrets
import string
from functools import cached_property, wraps
from typing import TYPE_CHECKING, Any, Final, ParamSpec, Self, Unpack

from pydantic import SecretStr

from upstox_totp._api.one_time_passwords import OneTimePasswords
from upstox_totp._api.routes import DIALOG, address
from upstox_totp._http.server_clock import clock_of
from upstox_totp._http.session import Session
from upstox_totp._log import enable_debug
from upstox_totp._settings.config import Config, SettingsByName, as_secret
from upstox_totp._settings.identity import identify
from upstox_totp._settings.rules import valid_base_domain
from upstox_totp._settings.table import SETTINGS
from upstox_totp.errors import ConfigurationError

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from upstox_totp._api.app_token import AppTokenAPI
    from upstox_totp._api.browser_login import BrowserLoginAPI
    from upstox_totp._api.login_method import LoginMethod
    from upstox_totp._api.phone_login import PhoneLoginAPI
    from upstox_totp._api.totp_login import TotpLoginAPI
    from upstox_totp._cache.attempt_log import AttemptLog
    from upstox_totp._redact import Secrets
    from upstox_totp._settings.identity import Identity
    from upstox_totp.models import AccessTokenResponse

_ALPHABET: Final = string.ascii_letters + string.digits
_P = ParamSpec("_P")


def _hinting(init: Callable[_P, None]) -> Callable[_P, None]:
    """Return a constructor whose secrets are hidden, and whose errors name `from_settings`."""

    @wraps(init)
    def hinted(*args: _P.args, **settings: _P.kwargs) -> None:
        _hide_secrets(settings)
        taken = init.__kwdefaults__ or {}
        others = [name for name in settings if name in SETTINGS and name not in taken]
        if others:
            given = ", ".join(f"{name}=…" for name in others)
            raise TypeError(
                f"UpstoxTOTP() takes no {' or '.join(others)}: use "
                f"UpstoxTOTP.from_settings({given}), which takes every setting."
            )
        init(*args, **settings)

    return hinted


class UpstoxTOTP:
    """Logs you in to your own Upstox account and returns the day's access token.

    A setting that is not given as an argument is read from the environment (``UPSTOX_USERNAME``
    and so on), otherwise from ``.env`` in the working directory. All are validated at once. You
    may log in again and again with a client. It is not thread-safe: use one for each thread.

    Args:
        username: The 10-digit mobile number registered with Upstox.
        password: The Upstox login password.
        pin_code: The Upstox PIN, 4 to 6 digits.
        totp_secret: The secret from which an authenticator app makes codes: base32, also in
            groups or in lower case, or an ``otpauth://`` URI.
        client_id: The API key of the app.
        client_secret: The API secret of the app.
        redirect_uri: The redirect URI, exactly as in the app.
        debug: Whether to log what happens in a login, without any secret.
        sleep_time: How long to wait between two requests, in milliseconds, 100 to 10000.

    Raises:
        ConfigurationError: If a setting is missing or invalid; it names every one of them.
    """

    @_hinting
    def __init__(
        self,
        *,
        username: str | None = None,
        password: SecretStr | str | None = None,
        pin_code: SecretStr | str | None = None,
        totp_secret: SecretStr | str | None = None,
        client_id: str | None = None,
        client_secret: SecretStr | str | None = None,
        redirect_uri: str | None = None,
        debug: bool = False,
        sleep_time: int = 1000,
    ) -> None:
        self._use(
            Config.load(
                {
                    "username": username,
                    "password": password,
                    "pin_code": pin_code,
                    "totp_secret": totp_secret,
                    "client_id": client_id,
                    "client_secret": client_secret,
                    "redirect_uri": redirect_uri,
                    "debug": debug,
                    "sleep_time": sleep_time,
                }
            )
        )

    @classmethod
    def from_env_file(
        cls, path: str | os.PathLike[str] = ".env", **settings: Unpack[SettingsByName]
    ) -> Self:
        """Return a client whose settings come from the environment, otherwise from one file.

        Args:
            path: The file, in the format of ``.env.example``. No other file is read, and unlike
                the constructor's ``.env`` this one must be there.
            settings: Settings by name that win over both, as for `from_settings`.

        Raises:
            ConfigurationError: If the file is missing or unreadable, a setting is missing or
                invalid, or none is called so.
        """
        _hide_secrets(settings)
        return cls._made(Config.load(settings, env_file=path))

    @classmethod
    def from_account(cls, name: str) -> Self:
        """Return a client for one of your accounts, by the name that you gave it.

        Each setting comes from the first of these places that has it: the environment, a secrets
        directory, the account's file in the user's configuration directory, its entry in the
        operating system's keyring, ``.env`` in the working directory.

        Args:
            name: The account's name, as ``upstox_cli configure --account`` was given it.

        Raises:
            ConfigurationError: If there is no such account, its file cannot be read, the
                environment names another credential, or a setting is missing or invalid.
        """
        return cls._made(Config.load(account=name))

    @classmethod
    def from_settings(cls, **settings: Unpack[SettingsByName]) -> Self:
        """Return a client for settings by name: those of the constructor and all others.

        What is not given comes from where the constructor finds it. For example
        ``from_settings(login_method="api", client_id=…, totp_secret=…, pin_code=…)``.

        Args:
            settings: The settings, as the page about configuration lists them; None counts as
                not given.

        Raises:
            ConfigurationError: If a setting is missing or invalid, or none is called so.
        """
        _hide_secrets(settings)
        return cls._made(Config.load(settings))

    @classmethod
    def _made(cls, config: Config) -> Self:
        """Return a client with settings that were read and validated already."""
        client = cls.__new__(cls)
        client._use(config)  # noqa: SLF001 - its own
        return client

    def _use(self, config: Config) -> None:
        self.config = config
        self._set_base_domain(config.base_domain)
        self._request_id = "WPRO-" + "".join(secrets.choice(_ALPHABET) for _ in range(10))
        self._session = Session(repeatable=DIALOG.path)
        if config.debug:
            enable_debug()

    def _set_base_domain(self, base_domain: str) -> None:
        self._base_domain = base_domain
        # The clock of Upstox, as its answers told it to any client of this process.
        self.server_clock = clock_of(base_domain)
        self._identity: Identity | None = None

    def __repr__(self) -> str:
        """Return where the client logs in to, and no setting."""
        # A client whose settings were refused has no attributes, and is in the traceback.
        return f"<{type(self).__name__} {vars(self).get('_base_domain', 'not configured')}>"

    def __enter__(self) -> Self:
        """Return the client, whose connections are closed when the block ends."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections of the session."""
        self._session.close()

    @cached_property
    def app_token(self) -> AppTokenAPI:
        """App token management; ``app_token.get_access_token()`` logs in."""
        # With its models a third of the package, and needed by nothing before a login.
        from upstox_totp._api.app_token import AppTokenAPI  # noqa: PLC0415

        return AppTokenAPI(self)

    @cached_property
    def totp_login(self) -> TotpLoginAPI:
        """Upstox's own TOTP login; ``totp_login.get_access_token()`` logs in with it."""
        from upstox_totp._api.totp_login import TotpLoginAPI  # noqa: PLC0415 - as above

        return TotpLoginAPI(self)

    @cached_property
    def browser_login(self) -> BrowserLoginAPI:
        """The login in the user's own browser."""
        from upstox_totp._api.browser_login import BrowserLoginAPI  # noqa: PLC0415 - as above

        return BrowserLoginAPI(self)

    @cached_property
    def token_request(self) -> PhoneLoginAPI:
        """The request for a token that is approved on the phone."""
        from upstox_totp._api.phone_login import PhoneLoginAPI  # noqa: PLC0415 - as above

        return PhoneLoginAPI(self)

    def log_in(self, attempt_log: AttemptLog) -> AccessTokenResponse:
        """Log in with the configured methods, for a caller who holds the account's lock.

        Args:
            attempt_log: The account's attempts.

        Raises:
            UpstoxError: If Upstox refused, or something blocks the login.
            requests.RequestException: If a request got no whole answer.
        """
        from upstox_totp._api.login_method import log_in  # noqa: PLC0415 - as above

        return log_in(self, self._login_method, attempt_log)

    def _login_method(self, name: str) -> LoginMethod:
        """Return a login method by its name in the settings, loaded when it is first used."""
        match name:
            case "page":
                from upstox_totp._api.page_login import PageLogin  # noqa: PLC0415 - as above

                return PageLogin(self)
            case "api":
                return self.totp_login
            case "browser":
                return self.browser_login
            case "phone":
                return self.token_request
            case _:
                raise ConfigurationError(
                    "No valid token is cached, and login_method (UPSTOX_LOGIN_METHOD) is none: "
                    "this program never logs in. Nothing was sent.",
                    suggestions=[
                        "Run upstox_cli token on the machine that logs in, with the same cache.",
                        "Or set login_method to api or page here.",
                    ],
                )

    @property
    def identity(self) -> Identity:
        """What tells this client's app, account and settings apart, without telling them."""
        if self._identity is None:
            values = {
                name: value.get_secret_value() if isinstance(value, SecretStr) else str(value)
                for name, value in self.config
                if value is not None
            }
            self._identity = identify(values, self._base_domain)
        assert self._identity is not None  # noqa: S101 - a client has a client id
        return self._identity

    @property
    def secrets(self) -> Secrets:
        """What the settings hold that must not be shown, to be masked in the words of others."""
        from upstox_totp._api.base import secrets_of  # noqa: PLC0415 - as above

        return secrets_of(self.config)

    @property
    def session(self) -> Session:
        """The underlying HTTP session, a ``requests.Session``.

        Headers, proxies, hooks, adapters and ``timeout`` set here hold for every request of a
        login; a header set here wins over the library's own.
        """
        return self._session

    @property
    def base_domain(self) -> str:
        """Where to log in, a URL with ``{stage}`` in it.

        Setting it raises a `ConfigurationError` for anything but https, save on loopback.
        """
        return self._base_domain

    @base_domain.setter
    def base_domain(self, template: str) -> None:
        try:
            base_domain = valid_base_domain(template)
        except (ValueError, TypeError, AttributeError):
            raise ConfigurationError(
                "base_domain (UPSTOX_BASE_DOMAIN) must be an https URL with {stage} in it; "
                "http only on loopback.",
                suggestions=["Leave it unset to log in to Upstox."],
            ) from None
        self._set_base_domain(base_domain)

    def api_url(self, path: str) -> str:
        """Return the address of something at Upstox's API, for a request of your own.

        Args:
            path: The path, for example ``/v2/user/profile``.
        """
        return address("api", self._base_domain, path)

    def generate_request_id(self) -> str:
        """Return the same request ID for the entire lifecycle of this client instance.

        Returns:
            ``WPRO-`` and ten letters or digits, as the login page sends it.
        """
        return self._request_id

    def generate_totp_secret(self) -> str:
        """Return the current one-time password, six digits.

        It is shown only: nothing is used up, and nothing waits. It is made for the server's clock
        if a login of this process has seen it, else for the local one.

        Raises:
            ConfigurationError: If no TOTP secret is set: not every login method needs one.
        """
        self.config.demand_settings("totp_secret")
        passwords = OneTimePasswords(self.config.totp_secret)
        return passwords.current(self.server_clock).get_secret_value()

    def reset_session(self) -> None:
        """Reset the underlying HTTP session.

        Empties its headers, cookies and auth. The session object, its timeout, proxies, hooks and
        adapters stay, and a login after it works as before it.
        """
        self._session.reset()


def _hide_secrets(settings: Any) -> None:
    # In place: the frame of an error holds them. What is no setting may be a secret, too, under a
    # name that was mistyped.
    settings |= {
        name: as_secret(value)
        for name, value in settings.items()
        if name not in SETTINGS or SETTINGS[name].secret
    }
