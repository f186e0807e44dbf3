"""A strict mock of the Upstox login, on this machine alone.

`Sandbox` plays every login method with a sample account: the six requests of the login page, the
page itself in a browser, the TOTP API, and the token request that is approved on the phone. You
test a client without an account, and nothing is sent to Upstox::

    with Sandbox() as sandbox:
        os.environ.update(sandbox.environment)
        ...  # log in, then look at sandbox.requests

It is strict where the protocol is known: wrong casing, a missing cookie, an un-encoded PIN, a code
used twice or a form sent as JSON fail as they do at Upstox. `Sandbox.misbehave` makes a step fail
as networks and services do.

The sandbox does not know these things about Upstox, and makes them up:

* whether 1017076 is the code of an expired one-time password's session (one source says so);
* the code of a wrong one-time password (here 1017999; only "attempts left" is known of its
  message), and of a request of the wrong shape (here 1017998);
* the answer to a request without the dialog's cookies, and to a version 5 verification followed by
  a version 3 PIN (here 1017076, "start again");
* the names of the cookies, and how many redirects lie between the dialog and the login page;
* whether a one-time password is refused the second time (here it is, see `single_use_codes`), and
  how old it may be (here one period);
* which of several accounts the PIN step wants (here the app's own, otherwise the default);
* whether wrong one-time passwords lock the account as wrong PINs do, and whether the fifth wrong
  PIN is called wrong or locked (here locked at once);
* how many one-time passwords may be requested, and how long their tokens and an authorization code
  are valid (here minutes);
* the HTTP status of each failure of the `api` host beyond its being a 4xx;
* whether an empty field counts as missing (here it does);
* what happens to a dormant account after the PIN (here the login goes on);
* everything of the login page but that it ends at the app's redirect URI with `code` and `state`;
* whether the dialog answers a wrong `response_type` at the app's redirect URI (here not);
* of the TOTP API: the code of a wrong one-time password, a wrong PIN, a locked account and an
  account without TOTP (here UDAPI100016 with 401 for all), and of a wrong key (UDAPI100069, 401);
  that the code is judged and used up before the PIN; that attempts and used codes are counted
  together with the page's; that a refused request does not count towards a limit, and that the
  limits are one for everybody; whether extended tokens survive (here they do);
* of the token request: the code of a wrong client id (here UDAPI100068) or secret (UDAPI100069);
  that a second one replaces the first; that the token ends no other; that any host may be a
  notifier (Upstox refuses those of tunneling services);
* of the registered address: that it is judged before the token; the answer to a second change in a
  week (here UDAPI100036); prices and orders, which reach no exchange;
* the values of the fields that only the OpenAPI description has (see `described`).

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
