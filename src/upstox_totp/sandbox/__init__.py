"""A strict stand-in of the Upstox login, served on this machine alone.

`Sandbox` plays every login method with a made-up account: the six requests of the login page
(dialog, one-time password, its verification, PIN, approval, token exchange), the page itself for
a user and a browser, the TOTP login in one request, and the token request that is approved on
the phone. That is how a client is tried without a trader's credentials, and without a byte sent to
Upstox::

    with Sandbox() as sandbox:
        os.environ.update(sandbox.environment)
        ...  # log in, then look at sandbox.requests

It is strict where the protocol is known: wrong casing, a missing cookie, an un-encoded PIN, a code
used twice, a form sent as JSON all fail as they do there. `Sandbox.misbehave` makes any step fail
the way networks and services do.

What the sandbox does not know about the real service, and made up:

* whether 1017076 is the code of an expired one-time password's session (one source says so);
* the code of a wrong one-time password (here 1017999; only "attempts left" is known of its
  message), and of a request of the wrong shape (here 1017998);
* what the service says to a request without the dialog's cookies, or to a version 5 verification
  followed by a version 3 PIN (here 1017076, "start again");
* the names of the cookies, and how many redirects lie between the dialog and the login page;
* whether a one-time password is refused the second time (here it is, see `single_use_codes`),
  and how far back one is accepted (here one period);
* which of several accounts the PIN step wants (here the one the app belongs to, else the default);
* whether wrong one-time passwords lock the account as wrong PINs do, and whether the fifth wrong
  PIN is called wrong or locked (here locked at once);
* how long a one-time password's token and an authorization code live (here minutes);
* the HTTP status of each failure of the `api` host beyond its being a 4xx;
* whether an empty field counts as missing (here it does);
* what the service does with a dormant account after saying so (here it goes on);
* everything of the login page but that it ends at the app's redirect URI with `code` and `state`:
  its forms, their addresses and words, and that an account which is known there is asked again;
* whether the dialog answers a wrong `response_type` at the app's redirect URI (here not);
* of the TOTP login: the code of a wrong one-time password, a wrong PIN, a locked account and an
  account without TOTP (here UDAPI100016 with 401 for all), and of a wrong key (UDAPI100069, 401);
  that the code is judged and used up before the PIN is looked at; that attempts and used codes are
  counted together with the page's; that a request which a limit refused does not count towards
  it, and that the limits are one for everybody; whether extended tokens survive (here they do);
* of the token request: the code of a wrong client id (here UDAPI100068) or secret (UDAPI100069);
  that a second one takes the place of one that waits; that the token ends no other; that any host
  may be a notifier (Upstox refuses those of tunnelling services);
* of the registered address: that it is looked at before the token; what a second change in a week
  is answered (here UDAPI100036); prices and orders, which are made up and reach no exchange;
* of the fields that only the OpenAPI description has (see `described`): their values.

The sandbox listens on 127.0.0.1 and nowhere else. It sends nothing by itself; `Sandbox.approve`
posts one message to the notifier URL that it was given.
"""

try:
    import werkzeug as _werkzeug  # noqa: F401 - imported to see that it is there
except ImportError:
    raise ImportError(
        'The sandbox needs an extra: pip install ".[sandbox]" in the folder of its checkout '
        "(on PyPI, the name upstox-totp is another project's)"
    ) from None

from upstox_totp.sandbox.calls import RequestRecord, Step
from upstox_totp.sandbox.faults import Fault
from upstox_totp.sandbox.rules import Account, Credentials
from upstox_totp.sandbox.sandbox import Sandbox

__all__ = ["Account", "Credentials", "Fault", "RequestRecord", "Sandbox", "Step"]
