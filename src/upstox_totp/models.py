"""What Upstox answers.

Field names are those on the wire. Only what a login needs is demanded: fields that are not known
are kept, and a field of another type than the documented one is kept as it came. Values that must
not be shown are left out of every ``repr``.
"""

from datetime import UTC, datetime, timedelta
from html import escape
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    PrivateAttr,
    StringConstraints,
    model_validator,
)
from pydantic_core.core_schema import CoreSchema, any_schema, union_schema

from upstox_totp import _clock
from upstox_totp._cache.lifetime import as_datetime, expiry, milliseconds, next_expiry, when


class _AsItCame:
    """Takes what is of a type as that type, and anything else as it came."""

    @staticmethod
    def __get_pydantic_core_schema__(source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return union_schema([handler(source), any_schema()], mode="left_to_right")


_T = TypeVar("_T")

# It goes into a header or a form later, where it must be a plain word.
Word = Annotated[str, StringConstraints(pattern=r"^[!-~]([ -~]*[!-~])?$")]

Lenient = Annotated[_T, _AsItCame]
"""A field that no login needs: kept as it came where it is not of its type."""


class _Wire(BaseModel):
    # Built when first used: a program that only makes a client does not wait for it.
    model_config = ConfigDict(extra="allow", hide_input_in_errors=True, defer_build=True)

    def __repr_args__(self) -> Any:
        # Fields that nobody here knows may hold anything.
        known = type(self).model_fields
        return [(name, value) for name, value in super().__repr_args__() if name in known]


class _Granted(_Wire):
    status: Literal["success", "partial_success"]


class _Private(_Wire):
    # What is answered in mid-login shows up in tracebacks alone: nothing of it is shown.
    def __repr_args__(self) -> Any:
        return []


class ErrorDetail(_Private):
    """Why a request was refused."""

    code: Lenient[int | str | None] = None
    message: Lenient[str | None] = None


class ResponseBase(_Wire):
    """What every answer of the login service is wrapped in."""

    success: bool
    error: Lenient[ErrorDetail | None] = Field(default=None, repr=False)


class OTPGenerationData(_Private):
    """The answer to the OTP request."""

    validateOTPToken: Word
    message: Lenient[str | None] = None
    nextRequestInterval: Lenient[float | None] = None
    userType: Lenient[str | None] = None
    isTotpEnabled: Lenient[bool | None] = None


class OTPGenerationResponse(ResponseBase):
    """Answer to step 2, the OTP request."""

    data: OTPGenerationData


class UserProfile(_Private):
    """Whose login it is, as the older revision tells it."""

    profileId: Lenient[int | None] = None
    userId: Lenient[Word | None] = None
    firstName: Lenient[str | None] = None
    lastName: Lenient[str | None] = None
    avatarUrl: Lenient[str | None] = None


class Account(_Private):
    """One account of the user, as the newer revision tells it."""

    profileId: int
    userId: Word
    isDefault: Lenient[bool | None] = None


class OTPValidationData(_Private):
    """The answer to the one-time password."""

    userProfile: Lenient[UserProfile | None] = None
    accounts: Lenient[list[Lenient[Account]] | None] = None
    isSecretPinSet: Lenient[bool | None] = None
    userType: Lenient[str | None] = None
    message: Lenient[str | None] = None


class OTPValidationResponse(ResponseBase):
    """Answer to step 3, the one-time password."""

    data: OTPValidationData


class TwoFactorAuthenticationData(_Private):
    """The answer to the PIN."""

    redirectUri: Lenient[str | None] = None
    userType: Lenient[str | None] = None
    customerStatus: Lenient[str | None] = None
    appStatus: Lenient[str | None] = None
    refreshTokenExpiry: Any = None
    isPlusPlanFastWebsocketEnabled: Lenient[bool | None] = None
    isNewRefreshTokenCreated: Lenient[bool | None] = None
    isExternalClientOAuthApp: Lenient[bool | None] = None


class TwoFactorAuthenticationResponse(ResponseBase):
    """Answer to step 4, the PIN."""

    data: TwoFactorAuthenticationData


class OAuthAuthorizationData(_Private):
    """The answer to the approval."""

    redirectUri: str
    isApproved: Lenient[bool | None] = None


class OAuthAuthorizationResponse(ResponseBase):
    """Answer to step 5, the approval."""

    data: OAuthAuthorizationData


_DROPPED = frozenset({"refresh_token", "refresh_token_expires_in", "expires_in"})


class AccessTokenData(_Wire):
    """The access token and whose it is.

    Attributes:
        access_token: The access token, a JWT.
        extended_token: A second token for long-lived reading, where the account has one.
        email: E-mail address of the account's owner.
        exchanges: Exchanges that the account may trade on, for example ``NSE``.
        products: Products that the account may trade.
        broker: ``UPSTOX``.
        user_id: The user id.
        user_name: Name of the account's owner.
        order_types: Order types that the account may use.
        user_type: The kind of customer.
        poa: Whether a power of attorney was given.
        ddpi: Whether a demat debit and pledge instruction was given.
        is_active: Whether the account is active.
    """

    access_token: Word = Field(repr=False)
    extended_token: Lenient[str | None] = Field(default=None, repr=False)
    email: Lenient[str | None] = None
    exchanges: Lenient[list[str] | None] = None
    products: Lenient[list[str] | None] = None
    broker: Lenient[str | None] = None
    user_id: Lenient[str | None] = None
    user_name: Lenient[str | None] = None
    order_types: Lenient[list[str] | None] = None
    user_type: Lenient[str | None] = None
    poa: Lenient[bool | None] = None
    ddpi: Lenient[bool | None] = None
    is_active: Lenient[bool | None] = None

    @model_validator(mode="before")
    @classmethod
    def _unwrapped(cls, document: Any) -> Any:
        # Upstox documents the fields alone; they are taken out of its usual envelope as well.
        if isinstance(document, dict) and "access_token" not in document:
            document = document.get("data", document)
        if not isinstance(document, dict):
            return document
        # A refresh token is nobody's to have, and `expires_in` is told by the token itself.
        return {name: value for name, value in document.items() if name not in _DROPPED}

    _obtained_at: datetime | None = PrivateAttr(default=None)
    # A default would be copied for each token.
    _clock_offset: timedelta = PrivateAttr(default_factory=timedelta)

    def obtained(self, at: datetime, clock_offset: timedelta = timedelta()) -> Self:
        """Note when the token was made, and return it.

        Args:
            at: The moment by the server's clock, aware.
            clock_offset: How far the server's clock was ahead of the local one.
        """
        self._obtained_at = at
        self._clock_offset = clock_offset
        return self

    @property
    def obtained_at(self) -> datetime | None:
        """When the token was made, by the server's clock; None if nobody noted it."""
        return self._obtained_at

    @property
    def clock_offset(self) -> timedelta:
        """How far the server's clock was ahead of the local one when the token was made."""
        return self._clock_offset

    @property
    def expires_at(self) -> datetime:
        """When the token expires, an aware ``datetime`` in Indian time.

        The earlier of what the token itself says and of the next 03:30 after it was obtained.
        """
        return expiry(self.access_token, self._obtained_at)

    @property
    def expires_in(self) -> timedelta:
        """In how long the token expires, negative once it has.

        Judged by the local clock, corrected by what the server's was ahead of it at the login.
        """
        return self.expires_at - self._now()

    def is_expired(self, now: datetime | None = None) -> bool:
        """Tell whether the token has expired.

        Args:
            now: The moment to judge by, aware; by default the local clock's, corrected by what
                the server's was ahead of it at the login.
        """
        return (now or self._now()) >= self.expires_at

    def _now(self) -> datetime:
        return datetime.fromtimestamp(_clock.time(), UTC) + self._clock_offset


class AccessTokenResponse(ResponseBase):
    """Answer to the whole login.

    Upstox sends the token without a wrapper; it is given the shape of the other answers here, so
    that ``response.success`` and ``response.data`` read the same everywhere.
    """

    data: AccessTokenData

    def _repr_html_(self) -> str:
        """Return whose token it is and until when, as a notebook shows it; never the token."""
        data = self.data
        owner = escape(f"{data.user_name or 'Unknown'} ({data.user_id or 'user id unknown'})")
        return (
            f"<table><tr><th>Owner</th><td>{owner}</td></tr>"
            f"<tr><th>Expires</th><td>{when(data.expires_at)}</td></tr></table>"
        )


class TokenRequestData(_Wire):
    """The answer to a request for a token that is approved on the phone.

    Attributes:
        authorization_expiry: When it is too late to approve it, in milliseconds since the epoch.
        notifier_url: Where Upstox sends the token, the notifier URL of the app.
    """

    authorization_expiry: int | str | None = None
    notifier_url: str | None = None

    _came_at: float = PrivateAttr(default_factory=lambda: _clock.time())  # noqa: PLW0108 - tests move it

    @property
    def lapses_at(self) -> datetime:
        """When it is too late to approve it, an aware ``datetime`` in Indian time.

        The earlier of what Upstox said and of the next 03:30 after it was sent.
        """
        rule = next_expiry(as_datetime(self._came_at))
        told = milliseconds(self.authorization_expiry)
        return rule if told is None else min(rule, told)


class TokenRequestResponse(_Granted):
    """Answer to a token request."""

    data: TokenRequestData


class ProfileData(_Wire):
    """Whose access token it is."""

    user_id: str | None = None


class ProfileResponse(_Granted):
    """Answer to the question for the profile."""

    data: ProfileData


class QuoteResponse(_Granted):
    """Answer to the question for a price."""

    data: dict[str, Any]


class AddressesData(_Wire):
    """The addresses that are registered for a user's apps."""

    primary_ip: Lenient[str | None] = None
    secondary_ip: Lenient[str | None] = None


class AddressesResponse(_Granted):
    """Answer to the question for the registered addresses."""

    data: AddressesData


class LogoutResponse(_Granted):
    """Answer to the logout."""

    data: Literal[True]
