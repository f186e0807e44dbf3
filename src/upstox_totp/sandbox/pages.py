"""The HTML of the login page: plain forms that need no script."""

import base64
import hashlib
import re
from html import escape
from urllib.parse import urlsplit

from werkzeug.wrappers import Response

from upstox_totp.sandbox.calls import PRIVATE

STYLE = """
body { max-width: 22rem; margin: 4rem auto; font: 1rem/1.5 system-ui, sans-serif; color: #1c1b22; }
input, button { box-sizing: border-box; width: 100%; margin: .25rem 0 1rem; padding: .6rem; }
button { color: #fff; background: #4b2d9f; border: 0; border-radius: 4px; font: inherit; }
[role=alert] { padding: .6rem; color: #8c1d18; background: #fdecea; }
"""
STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()

# Sources of a content security policy have no IPv6 address, and nothing outside ASCII.
PLAIN_HOST = re.compile(r"[A-Za-z0-9.-]+(:[0-9]+)?")

DOCUMENT = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{title}</title>
<style>{style}</style>
<link rel="icon" href="data:,">
<meta name="viewport" content="width=device-width, initial-scale=1">
</head>
<body>
<main>
<h1>{title}</h1>
{alert}{content}
<footer>A stand-in for tests. The account behind it is made up.</footer>
</main>
</body>
</html>
"""
FORM = '<form method="post" action="{action}">\n{fields}\n</form>'
FIELD = """<label for="{name}">{label}</label>
<input id="{name}" name="{name}" inputmode="numeric" {attributes} required{described}>
<button type="submit">Continue</button>"""
DECISION = """<p>{request}</p>
<button type="submit" name="decision" value="approve">Approve</button>
<button type="submit" name="decision" value="deny">Deny</button>"""

# Of each question: the page's title, the field's label and name, and the input's attributes.
TEL = 'type="tel" autocomplete="tel-national" pattern="[0-9]{10}" maxlength="10"'
CODE = 'type="text" autocomplete="one-time-code" pattern="[0-9]{6}" maxlength="6"'
PIN = 'type="password" autocomplete="current-password" pattern="[0-9]*"'
QUESTIONS = {
    "mobile": ("Log in", "Mobile number", "mobile", TEL),
    "code": ("Enter the one-time code", "One-time code", "otp", CODE),
    "pin": ("Enter your PIN", "PIN", "pin", PIN),
}


def document(title: str, content: str, notice: str) -> str:
    """Return a whole page, with what went wrong before as its notice."""
    alert = f'<p id="notice" role="alert">{escape(notice)}</p>\n' if notice else ""
    return DOCUMENT.format(title=escape(title), style=STYLE, alert=alert, content=content)


def question(asked: str, action: str, notice: str) -> str:
    """Return a page that asks for one value, as in `QUESTIONS`."""
    title, label, name, attributes = QUESTIONS[asked]
    described = ' aria-invalid="true" aria-describedby="notice"' if notice else ""
    field = FIELD.format(name=name, label=label, attributes=attributes, described=described)
    return document(title, FORM.format(action=escape(action), fields=field), notice)


def decision(action: str, request: str, notice: str) -> str:
    """Return a page that asks for a yes or a no."""
    fields = DECISION.format(request=escape(request))
    return document("Approve access", FORM.format(action=escape(action), fields=fields), notice)


def page_response(page: str, redirect_uri: str) -> Response:
    """Return a page that runs no script, is kept nowhere, and may end up at `redirect_uri`."""
    app = urlsplit(redirect_uri)
    plain = app.scheme in {"http", "https"} and PLAIN_HOST.fullmatch(app.netloc)
    policy = (
        "default-src 'none'",
        f"style-src 'sha256-{STYLE_HASH}'",
        "img-src data:",
        # Browsers hold redirects to it too.
        f"form-action 'self' {app.scheme}:{f'//{app.netloc}' if plain else ''}",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
    headers = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "; ".join(policy)}
    return Response(page, headers=PRIVATE | headers, mimetype="text/html")
