"""What Upstox answers.

Field names are those on the wire. Only what a login needs is demanded: fields that are not known
are kept, and a field of another type than the documented one is kept as it came. Values that must
not be shown are left out of every ``repr``.
"""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    PrivateAttr,
    model_validator,
)
from pydantic_core.core_schema import CoreSchema, any_schema, union_schema

from upstox_totp import _clock
from upstox_totp._cache.lifetime import as_datetime, expiry, milliseconds, next_expiry


def _sendable(text: str) -> str:
    # It goes into a header or a form later, where it must be a plain word.
    if not (text.isascii() and text.isprintable() and text.strip() == text and text):
        raise ValueError("not plain printable text")
    return text


class _Lenient:
    """Takes what is of a type as that type, and anything else as it came."""

    @staticmethod
    def __get_pydantic_core_schema__(source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return union_schema([handler(source), any_schema()], mode="left_to_right")


_T = TypeVar("_T")

Word = Annotated[str, AfterValidator(_sendable)]

Told = Annotated[_T, _Lenient]
"""A field that no login needs: kept as it came where it is not of its type."""


class _Wire(BaseModel):
    # Built when first used: a program that only makes a client does not wait for it.
    model_config = ConfigDict(extra="allow", hide_input_in_errors=True, defer_build=True)

    def __repr_args__(self) -> Any:
        # Fields that nobody here knows may hold anything.
        known = type(self).model_fields
        return [(name, value) for name, value in super().__repr_args__() if name in known]


class _Private(_Wire):
    # What is answered in mid-login shows up in tracebacks alone, and its words are the server's.
    def __repr_args__(self) -> Any:
        return [(name, value) for name, value in super().__repr_args__() if not _has_words(value)]


def _has_words(value: object) -> bool:
    if isinstance(value, list):
        return any(map(_has_words, value))
    return not (value is None or isinstance(value, bool | _Wire))


class ErrorDetail(_Private):
    """Why a request was refused.

    Attributes:
        code: The error code, a number or text.
        message: What Upstox says about it.
    """

    code: Told[int | str | None] = None
    message: Told[str | None] = None


class ResponseBase(_Private):
    """What every answer of the login service is wrapped in.

    Attributes:
        success: Whether the request was granted.
        error: Why not, None if it was.
    """

    success: bool
    error: Told[ErrorDetail | None] = None


class OTPGenerationData(_Private):
    """The answer to the OTP request.

    Attributes:
        validateOTPToken: Names this OTP session in the next request.
        message: What Upstox says.
        nextRequestInterval: How long until another one may be requested, in seconds.
        userType: The kind of customer.
        isTotpEnabled: Whether TOTP is set up for the account.
    """

    validateOTPToken: Word = Field(repr=False)
    message: Told[str | None] = None
    nextRequestInterval: Told[float | None] = None
    userType: Told[str | None] = None
    isTotpEnabled: Told[bool | None] = None


class OTPGenerationResponse(ResponseBase):
    """Answer to step 2, the OTP request."""

    data: OTPGenerationData


class UserProfile(_Private):
    """Whose login it is, as the older revision tells it.

    Attributes:
        profileId: The number of the profile.
        userId: The user id, which the newer revision wants back.
        firstName: First name.
        lastName: Last name.
        avatarUrl: Address of a picture.
    """

    profileId: Told[int | None] = Field(default=None, repr=False)
    userId: Told[Word | None] = Field(default=None, repr=False)
    firstName: Told[str | None] = Field(default=None, repr=False)
    lastName: Told[str | None] = Field(default=None, repr=False)
    avatarUrl: Told[str | None] = Field(default=None, repr=False)


class Account(_Private):
    """One account of the person, as the newer revision tells it.

    Attributes:
        profileId: The number of the profile.
        userId: The user id.
        isDefault: Whether the person made it the default.
    """

    profileId: int = Field(repr=False)
    userId: Word = Field(repr=False)
    isDefault: Told[bool | None] = None


class OTPValidationData(_Private):
    """The answer to the one-time password.

    Attributes:
        userProfile: Whose login it is, in the older revision.
        accounts: The person's accounts, in the newer revision.
        isSecretPinSet: Whether a PIN has been set.
        userType: The kind of customer.
        message: What Upstox says.
    """

    userProfile: Told[UserProfile | None] = None
    accounts: Told[list[Told[Account]] | None] = None
    isSecretPinSet: Told[bool | None] = None
    userType: Told[str | None] = None
    message: Told[str | None] = None


class OTPValidationResponse(ResponseBase):
    """Answer to step 3, the one-time password."""

    data: OTPValidationData


class TwoFactorAuthenticationData(_Private):
    """The answer to the PIN.

    Attributes:
        redirectUri: Where the page goes next, None for an external OAuth app.
        userType: The kind of customer.
        customerStatus: State of the account, for example ``ACTIVE`` or ``DORMANT``.
        appStatus: State of the app.
        refreshTokenExpiry: When the page's own session ends.
        isPlusPlanFastWebsocketEnabled: A feature of the account.
        isNewRefreshTokenCreated: Whether the page's own session is new.
        isExternalClientOAuthApp: Whether the app belongs to a customer.
    """

    redirectUri: Told[str | None] = Field(default=None, repr=False)
    userType: Told[str | None] = None
    customerStatus: Told[str | None] = None
    appStatus: Told[str | None] = None
    refreshTokenExpiry: Any = None
    isPlusPlanFastWebsocketEnabled: Told[bool | None] = None
    isNewRefreshTokenCreated: Told[bool | None] = None
    isExternalClientOAuthApp: Told[bool | None] = None


class TwoFactorAuthenticationResponse(ResponseBase):
    """Answer to step 4, the PIN."""

    data: TwoFactorAuthenticationData


class OAuthAuthorizationData(_Private):
    """The answer to the approval.

    Attributes:
        redirectUri: Where the page goes next; its query carries the authorization code.
        isApproved: Whether the app was approved.
    """

    redirectUri: str = Field(repr=False)
    isApproved: Told[bool | None] = None


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
    extended_token: Told[str | None] = Field(default=None, repr=False)
    email: Told[str | None] = None
    exchanges: Told[list[str] | None] = None
    products: Told[list[str] | None] = None
    broker: Told[str | None] = None
    user_id: Told[str | None] = None
    user_name: Told[str | None] = None
    order_types: Told[list[str] | None] = None
    user_type: Told[str | None] = None
    poa: Told[bool | None] = None
    ddpi: Told[bool | None] = None
    is_active: Told[bool | None] = None

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
        """When the token dies, an aware ``datetime`` in Indian time.

        The earlier of what the token itself says and of the next 03:30 after it was obtained.
        """
        return expiry(self.access_token, self._obtained_at)

    @property
    def expires_in(self) -> timedelta:
        """How long the token still lives, negative once it is dead.

        Judged by the local clock, corrected by what the server's was ahead of it at the login.
        """
        return self.expires_at - self._now()

    def is_expired(self, now: datetime | None = None) -> bool:
        """Tell whether the token is dead.

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

    Attributes:
        data: The access token and whose it is.
    """

    data: AccessTokenData

    def _repr_html_(self) -> str:
        """Return whose token it is and until when, as a notebook shows it; never the token."""
        from html import escape  # noqa: PLC0415 - for notebooks alone

        data = self.data
        owner = f"{data.user_name or 'Unknown'} ({data.user_id or 'user id unknown'})"
        rows = (("Owner", owner), ("Expires", f"{data.expires_at:%a %d %b %Y, %H:%M:%S} IST"))
        cells = "".join(
            f"<tr><th>{name}</th><td>{escape(str(text))}</td></tr>" for name, text in rows
        )
        return f"<table>{cells}</table>"


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


class TokenRequestResponse(_Wire):
    """Answer to a token request."""

    status: Literal["success", "partial_success"]
    data: TokenRequestData


class ProfileData(_Wire):
    """Whose access token it is.

    Attributes:
        user_id: The user id.
    """

    user_id: str | None = None


class ProfileResponse(_Wire):
    """Answer to the question for the profile.

    Attributes:
        status: ``success``, or ``partial_success``.
        data: Whose token it is.
    """

    status: Literal["success", "partial_success"]
    data: ProfileData


class QuoteResponse(_Wire):
    """Answer to the question for a price.

    Attributes:
        status: ``success``, or ``partial_success``.
        data: The prices, by instrument.
    """

    status: Literal["success", "partial_success"]
    data: dict[str, Any]


class AddressesData(_Wire):
    """The addresses that are registered for a user's apps.

    Attributes:
        primary_ip: The first one, None if none is registered.
        secondary_ip: The second one.
    """

    primary_ip: Told[str | None] = None
    secondary_ip: Told[str | None] = None


class AddressesResponse(_Wire):
    """Answer to the question for the registered addresses.

    Attributes:
        status: ``success``, or ``partial_success``.
        data: The addresses.
    """

    status: Literal["success", "partial_success"]
    data: AddressesData


class LogoutResponse(_Wire):
    """Answer to the logout.

    Attributes:
        status: ``success``, or ``partial_success``.
        data: True.
    """

    status: Literal["success", "partial_success"]
    data: Literal[True]
