"""The HTML of the login page: plain forms that need no script."""

import base64
import hashlib
import re
from html import escape
from urllib.parse import urlsplit

from werkzeug.wrappers import Response

from upstox_totp.sandbox.calls import PRIVATE

STYLE = """
body { margin: 0; font: 1rem/1.5 system-ui, sans-serif; color: #1c1b22; background: #f4f3f8; }
main { max-width: 22rem; margin: 4rem auto; padding: 2rem; background: #fff; border-radius: 8px; }
h1 { margin: 0 0 1rem; font-size: 1.5rem; }
label { display: block; font-weight: 600; }
input, button { box-sizing: border-box; width: 100%; padding: .6rem; font: inherit; }
input { margin: .25rem 0 1rem; border: 1px solid #6b6976; border-radius: 4px; }
button { margin: 0 0 .5rem; color: #fff; background: #4b2d9f; border: 0; border-radius: 4px; }
button.second { color: #4b2d9f; background: #fff; border: 1px solid #4b2d9f; }
[role=alert] { padding: .6rem; color: #8c1d18; background: #fdecea; border-radius: 4px; }
footer { margin-top: 1.5rem; font-size: .85rem; color: #5a5866; }
"""
STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()

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
<input id="{name}" name="{name}" {attributes} required{described}>
<button type="submit">Continue</button>"""
DECISION = """<button type="submit" name="decision" value="approve">Approve</button>
<button type="submit" name="decision" value="deny" class="second">Deny</button>"""

# Of each question: the page's title, the field's label and name, and the input's attributes.
QUESTIONS = {
    "mobile": (
        "Log in",
        "Mobile number",
        "mobile",
        (
            'type="tel" inputmode="numeric" autocomplete="tel-national" '
            'pattern="[0-9]{10}" maxlength="10" title="Ten digits"'
        ),
    ),
    "code": (
        "Enter the one-time code",
        "One-time code",
        "otp",
        (
            'type="text" inputmode="numeric" autocomplete="one-time-code" '
            'pattern="[0-9]{6}" maxlength="6" title="Six digits"'
        ),
    ),
    "pin": (
        "Enter your PIN",
        "PIN",
        "pin",
        (
            'type="password" inputmode="numeric" autocomplete="current-password" '
            'pattern="[0-9]*" title="Digits"'
        ),
    ),
}


def document(title: str, content: str, notice: str = "") -> str:
    """Return a whole page, with what went wrong before as its notice."""
    alert = f'<p id="notice" role="alert">{escape(notice)}</p>\n' if notice else ""
    return DOCUMENT.format(title=escape(title), style=STYLE, alert=alert, content=content)


def question(asked: str, action: str, notice: str) -> str:
    """Return a page that asks for one value, as in `QUESTIONS`."""
    title, label, name, attributes = QUESTIONS[asked]
    described = ' aria-invalid="true" aria-describedby="notice"' if notice else ""
    field = FIELD.format(name=name, label=label, attributes=attributes, described=described)
    return document(title, FORM.format(action=escape(action), fields=field), notice)


def decision(title: str, action: str, request: str, notice: str) -> str:
    """Return a page that asks for a yes or a no."""
    form = FORM.format(action=escape(action), fields=DECISION)
    return document(title, f"<p>{escape(request)}</p>\n{form}", notice)


def source_of(uri: str) -> str:
    """Return where `uri` leads, as a content security policy writes sources."""
    parts = urlsplit(uri)
    # The grammar of sources has no IPv6 address, and nothing outside ASCII.
    named = parts.scheme in {"http", "https"} and PLAIN_HOST.fullmatch(parts.netloc)
    return f"{parts.scheme}://{parts.netloc}" if named else f"{parts.scheme}:"


def page_response(page: str, redirect_uri: str) -> Response:
    """Return a page that runs no script, is kept nowhere, and may end up at `redirect_uri`."""
    response = Response(page, mimetype="text/html")
    response.headers.update(PRIVATE)
    response.headers["X-Content-Type-Options"] = "nosniff"
    # Browsers hold redirects to `form-action` too.
    response.headers["Content-Security-Policy"] = "; ".join(
        (
            "default-src 'none'",
            f"style-src 'sha256-{STYLE_HASH}'",
            "img-src data:",
            f"form-action 'self' {source_of(redirect_uri)}",
            "frame-ancestors 'none'",
            "base-uri 'none'",
        ),
    )
    return response
