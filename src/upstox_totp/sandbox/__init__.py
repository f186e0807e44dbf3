"""A strict stand-in of the Upstox login, served on this machine alone.

`Sandbox` plays the six requests of a login (dialog, one-time password, its verification, PIN,
approval, token exchange) with a made-up account, so that a client can be tried without a trader's
credentials and without a byte sent to Upstox::

    with Sandbox() as sandbox:
        os.environ.update(sandbox.environment)
        ...  # log in, then look at sandbox.requests

It is strict where the protocol is known: wrong casing, a missing cookie, an un-encoded PIN, a code
used twice, a form sent as JSON all fail as they do there. `Sandbox.misbehave` makes any step fail
the way networks and services do.

What the sandbox does not know about the real service, and made up:

* whether 1017076 is the code of an expired one-time password's session (one source says so), and
  whether failures come in other spellings (`errors`, `request_id`; one source; never served here);
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
* what the service does with a dormant account after saying so (here it goes on).

The sandbox listens on 127.0.0.1 and nowhere else.
"""

try:
    import werkzeug as _werkzeug  # noqa: F401 - imported to see that it is there
except ImportError:
    raise ImportError(
        "the sandbox needs werkzeug: pip install 'upstox-totp[sandbox]'",
    ) from None

from upstox_totp.sandbox.credentials import Account, Credentials
from upstox_totp.sandbox.faults import Fault
from upstox_totp.sandbox.records import RequestRecord
from upstox_totp.sandbox.routes import Step
from upstox_totp.sandbox.sandbox import Sandbox

__all__ = ["Account", "Credentials", "Fault", "RequestRecord", "Sandbox", "Step"]
