"""A browser without script: it reads any page's form by its labels, and follows redirects."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from types import TracebackType
from typing import Self
from urllib.parse import urlencode, urljoin

import requests

from support.sandbox_probe import DIALOG
from upstox_totp.sandbox import Sandbox

TIMEOUT = 5
REDIRECTS = 10


@dataclass
class Page(HTMLParser):
    """What a person, or a tool for people who cannot see, finds on a page."""

    url: str
    headers: requests.structures.CaseInsensitiveDict[str]
    text: str
    language: str = ""
    title: str = ""
    alert: str = ""
    form: dict[str, str] = field(default_factory=dict)
    inputs: dict[str, dict[str, str]] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    buttons: dict[str, dict[str, str]] = field(default_factory=dict)
    scripts: int = 0

    def __post_init__(self) -> None:
        """Read the page."""
        HTMLParser.__init__(self)
        self._open: list[tuple[str, dict[str, str]]] = []
        self.feed(self.text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note forms, inputs and scripts."""
        found = {name: value or "" for name, value in attrs}
        self.scripts += tag == "script" or any(name.startswith("on") for name in found)
        if tag == "html":
            self.language = found.get("lang", "")
        if tag == "form":
            self.form = found
        if tag == "input":
            self.inputs[found["id"]] = found
        if tag not in {"input", "meta", "link"}:
            self._open.append((tag, found))

    def handle_endtag(self, tag: str) -> None:
        """Leave an element."""
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        """Note what is written in titles, labels, buttons and alerts."""
        tag, attributes = self._open[-1] if self._open else ("", {})
        if attributes.get("role") == "alert":
            self.alert += data
        elif tag == "title":
            self.title += data
        elif tag == "label":
            self.labels[data.strip()] = attributes["for"]
        elif tag == "button":
            self.buttons[data.strip()] = attributes


class FormBrowser:
    """Opens pages and posts their forms; it stops at the first address of another origin."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.session = requests.Session()
        self.session.trust_env = False
        self.history: list[requests.Response] = []
        self.page: Page | None = None
        self.left_for = ""

    def __enter__(self) -> Self:
        """Return the browser."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close its connections."""
        self.session.close()

    def open(self, url: str, method: str = "GET", data: dict[str, str] | None = None) -> None:
        """Open an address, and follow where it leads as browsers do."""
        for _ in range(REDIRECTS):
            response = self.session.request(
                method, url, data=data, timeout=TIMEOUT, allow_redirects=False
            )
            self.history.append(response)
            if not response.is_redirect:
                self.page = Page(response.url, response.headers, response.text)
                return
            # 302 and 303 turn a POST into a GET.
            assert response.status_code in {302, 303}
            method, data = "GET", None
            url = urljoin(response.url, response.headers["Location"])
            if not url.startswith(self.origin):
                self.left_for = url
                return
        raise AssertionError("too many redirects")

    @property
    def shown(self) -> Page:
        """The page that is shown."""
        assert self.page is not None
        return self.page

    def submit(self, values: dict[str, str] | None = None, button: str = "Continue") -> None:
        """Fill in fields by their labels, press a button by its text."""
        page = self.shown
        data = {page.inputs[page.labels[label]]["name"]: v for label, v in (values or {}).items()}
        pressed = page.buttons[button]
        if "name" in pressed:
            data[pressed["name"]] = pressed["value"]
        self.open(urljoin(page.url, page.form["action"]), page.form["method"].upper(), data)


class LoginBrowser(FormBrowser):
    """The browser of the person whose account a sandbox plays."""

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__(sandbox.base_domain.partition("{")[0])
        self.sandbox = sandbox
        self.known = sandbox.credentials

    def begin(self, **parameters: str) -> None:
        """Open the dialog as an app sends a person there."""
        usual = {
            "response_type": "code",
            "client_id": self.known.client_id,
            "redirect_uri": self.known.redirect_uri,
        }
        api = self.sandbox.base_domain.format(stage="api")
        self.open(f"{api}{DIALOG}?{urlencode(usual | parameters)}")

    def to_code(self, **parameters: str) -> None:
        """Go on to the form for the one-time code."""
        self.begin(**parameters)
        self.submit({"Mobile number": self.known.username})

    def to_pin(self, **parameters: str) -> None:
        """Go on to the form for the PIN."""
        self.to_code(**parameters)
        self.submit({"One-time code": self.sandbox.one_time_password()})

    def to_approval(self, **parameters: str) -> None:
        """Go on to the question for approval."""
        self.to_pin(**parameters)
        self.submit({"PIN": self.known.pin_code})
