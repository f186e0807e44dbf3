"""The notifier: takes a token that was approved on the phone, and nothing else."""

from __future__ import annotations

import json
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from werkzeug.serving import make_server
from werkzeug.test import Client as Caller

from conftest import PATIENCE, go, wait_until
from support.canaries import everything_logged
from upstox_totp import ConfigurationError, TokenCache, UpstoxTOTP, UpstoxWarning, _clock
from upstox_totp._api.phone_login import TokenPendingError
from upstox_totp.notifier import Notifier
from upstox_totp.sandbox import Fault, Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from conftest import FakeTime

SECRET = "a-made-up-secret-of-this-test"
PATH = f"/notify/{SECRET}"


@pytest.fixture
def cache(tmp_path: Path) -> TokenCache:
    """Where the notifier keeps tokens."""
    return TokenCache(tmp_path / "cache")


@pytest.fixture
def notifier(
    client: UpstoxTOTP, sandbox: Sandbox, cache: TokenCache, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Notifier]:
    """A notifier that has had a token of its user before; that one is dead by now."""
    cache.get_access_token(client)
    sandbox.revoke(sandbox.access_tokens[-1])
    sandbox.notifier_url = f"http://127.0.0.1:9{PATH}"
    made = Notifier(client, SECRET, cache)
    # Nothing tries again behind a test's back.
    monkeypatch.setattr(made, "_work", lambda: None)
    yield made
    made.close()


class Scene:
    """A client, its notifier, somebody who sends messages, and what came of them.

    Args:
        client: Whose tokens they are.
        sandbox: Plays Upstox.
        cache: Where the notifier keeps tokens.
        notifier: The notifier.
    """

    def __init__(
        self, client: UpstoxTOTP, sandbox: Sandbox, cache: TokenCache, notifier: Notifier
    ) -> None:
        self.client, self.sandbox, self.cache, self.notifier = client, sandbox, cache, notifier
        self.caller = Caller(notifier)

    def message(self, **changes: Any) -> Any:
        """Return a message as Upstox sends it, its token made by the sandbox, with some changes."""
        _clock.sleep(1)
        self.client.token_request.send()
        # Nobody listens there: the test sends it.
        with pytest.raises(OSError, match=r"."):
            self.sandbox.approve(timeout=0.2)
        made = {**self.sandbox.notifications[-1], **changes}
        return {name: value for name, value in made.items() if value is not None}

    @property
    def kept_token(self) -> str | None:
        """The token that is kept."""
        token = self.cache.read(self.client).token
        return None if token is None else token.access_token

    @property
    def questions(self) -> int:
        """How often Upstox was asked whose a token is."""
        return sum(record.step == "profile" for record in self.sandbox.requests)


@pytest.fixture
def scene(client: UpstoxTOTP, sandbox: Sandbox, cache: TokenCache, notifier: Notifier) -> Scene:
    """All of them."""
    return Scene(client, sandbox, cache, notifier)


def test_a_message_brings_the_token(scene: Scene, fake_time: FakeTime) -> None:
    """Upstox is asked once, and the token is served to all; the repeat is answered alike."""
    sent = scene.message()
    before = scene.questions
    with everything_logged() as records:
        answer = scene.caller.post(PATH, json=sent)
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    assert scene.questions == before + 1
    response = scene.cache.get_access_token(scene.client)
    assert response.data.access_token == sent["access_token"]
    assert response.data.user_id == sent["user_id"]
    assert response.data.obtained_at is not None
    issued = int(sent["issued_at"]) / 1000
    assert response.data.obtained_at.timestamp() == pytest.approx(issued, abs=2)
    assert scene.caller.post(PATH, json=sent).status_code == 200
    logged = "".join(f"{record.getMessage()}{vars(record)}" for record in records)
    assert sent["access_token"] not in logged
    assert SECRET not in logged


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [
        (PATH, "GET", 405),
        (PATH, "PUT", 405),
        ("/notify/", "POST", 404),
        ("/notify/another-secret-of-this-test", "POST", 404),
        (PATH + "x", "POST", 404),
        (PATH + "//", "POST", 404),
        (PATH.upper(), "POST", 404),
        ("/notify/\xe9", "POST", 404),
        ("/", "POST", 404),
    ],
)
def test_another_address_is_not_there(
    scene: Scene, fake_time: FakeTime, path: str, method: str, status: int
) -> None:
    """Whatever the message is; nobody is asked."""
    sent = scene.message()
    before = scene.questions
    assert scene.caller.open(path, method=method, json=sent).status_code == status
    assert scene.questions == before


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"not JSON", 400),
        (b"[]", 400),
        (b'"text"', 400),
        (b"[" * 10_000, 400),
        (b"\xff\xfe", 400),
        (b"x" * 10 * 2**20, 413),
    ],
    ids=["text", "list", "string", "deep", "no text", "10 MB"],
)
def test_what_is_no_message(scene: Scene, body: bytes, status: int) -> None:
    """It is refused, and nobody is asked."""
    before = len(scene.sandbox.requests)
    assert scene.caller.post(PATH, data=body).status_code == status
    assert len(scene.sandbox.requests) == before


def test_a_slash_after_the_path(scene: Scene) -> None:
    """As a web server or a user may add one."""
    assert scene.caller.post(PATH + "/", json=scene.message()).status_code == 200


def test_a_body_without_a_length(scene: Scene) -> None:
    """It is refused before it is read, and so is a length that is no number."""
    statuses: list[str] = []
    for length in ("9" * 400, None, "", "ten", "-1", "\u0661"):
        environ = {"PATH_INFO": PATH, "REQUEST_METHOD": "POST", "CONTENT_LENGTH": length}
        list(scene.notifier(environ, lambda status, _: statuses.append(status[:3])))
    assert statuses == ["413"] + ["411"] * 5


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"client_id": "another-app"}, 403),
        ({"client_id": None}, 400),
        ({"client_id": 5}, 400),
        ({"user_id": "9ZZ9ZZ"}, 403),
        ({"user_id": None}, 400),
        ({"access_token": None}, 400),
        ({"access_token": ""}, 400),
        ({"access_token": "line\nbreak"}, 400),
        ({"access_token": "t\u00f6ken"}, 400),
        ({"access_token": "x" * 5000}, 400),
        ({"access_token": ["x"]}, 400),
        ({"token_type": "Basic"}, 400),
        ({"message_type": "order"}, 400),
        ({"expires_at": "1000"}, 403),
        ({"expires_at": "soon"}, 400),
        ({"expires_at": "9" * 400}, 400),
        ({"expires_at": 1}, 400),
        ({"issued_at": None}, 400),
        ({"issued_at": "-5"}, 400),
    ],
)
def test_a_message_that_is_not_for_us(
    scene: Scene, fake_time: FakeTime, changes: dict[str, Any], status: int
) -> None:
    """Another client or user, a dead token, another shape: refused, nobody asked, nothing kept."""
    sent = scene.message(**changes)
    before, kept = scene.questions, scene.kept_token
    assert scene.caller.post(PATH, json=sent).status_code == status
    assert scene.questions == before
    assert scene.kept_token == kept


def test_a_dead_token_is_refused(scene: Scene, fake_time: FakeTime) -> None:
    """By Upstox's word, and its repeats use up no more questions than others do."""
    sent = scene.message()
    scene.sandbox.revoke(sent["access_token"])
    before, kept = scene.questions, scene.kept_token
    statuses = [scene.caller.post(PATH, json=sent).status_code for _ in range(50)]
    assert statuses == [403] * 10 + [202] * 40
    assert scene.questions == before + 10
    assert (scene.kept_token, scene.notifier.waiting) == (kept, 1)


@pytest.mark.parametrize("cleared", [False, True])
def test_a_token_of_somebody_else_is_refused(
    scene: Scene, fake_time: FakeTime, *, cleared: bool
) -> None:
    """The message claims to be of this user, and Upstox says that its token is another's.

    So it is where the cache knows of no user any more, and would store anybody's.
    """
    sent = scene.message()
    if cleared:
        scene.cache.clear(scene.client)
    kept = scene.kept_token
    profile = {"status": "success", "data": {"user_id": "9ZZ9ZZ", "user_name": "Somebody"}}
    scene.sandbox.misbehave("profile", Fault.json(profile))
    assert scene.caller.post(PATH, json=sent).status_code == 403
    assert scene.kept_token == kept


@pytest.mark.filterwarnings("ignore::upstox_totp.UpstoxWarning")
def test_a_profile_without_a_user_id(scene: Scene, fake_time: FakeTime) -> None:
    """The token is valid: as away from the registered address, it must name its user itself."""
    scene.sandbox.misbehave("profile", Fault.json({"status": "success", "data": {}}))
    scene.sandbox.claims = {"sub": ""}
    assert scene.caller.post(PATH, json=scene.message()).status_code == 403
    scene.sandbox.claims = {}
    assert scene.caller.post(PATH, json=scene.message()).status_code == 200


def test_away_from_the_registered_address_the_token_must_name_its_user(
    scene: Scene, fake_time: FakeTime
) -> None:
    """Upstox tells there that a token is valid, and not whose: the message alone is no proof."""
    scene.sandbox.static_address = True
    kept = scene.kept_token
    for claims in ({"sub": "9ZZ9ZZ"}, {"sub": ""}):
        scene.sandbox.claims = claims
        sent = scene.message()
        with pytest.warns(UpstoxWarning, match="does not say that it is of user 4CB7QX"):
            assert scene.caller.post(PATH, json=sent).status_code == 403
        assert scene.kept_token == kept
    scene.sandbox.claims = {}
    dead = scene.message()
    scene.sandbox.revoke(dead["access_token"])
    assert scene.caller.post(PATH, json=dead).status_code == 403
    assert scene.kept_token == kept
    sent = scene.message()
    assert scene.caller.post(PATH, json=sent).status_code == 200
    assert scene.kept_token == sent["access_token"]


@pytest.mark.parametrize(
    "fault",
    [
        Fault.reset(),
        Fault.status(500),
        Fault.html(403),
        Fault.refuse("UDAPI10005", "Too many requests", 429),
        Fault.json({"status": "success"}),
        Fault.redirect("https://example.com/"),
    ],
    ids=repr,
)
@pytest.mark.filterwarnings("ignore::upstox_totp.UpstoxWarning")
def test_what_cannot_be_verified_waits(scene: Scene, fake_time: FakeTime, fault: Fault) -> None:
    """It is taken, served to nobody, and tried again each half minute, until Upstox answers."""
    sent = scene.message()
    kept = scene.kept_token
    scene.sandbox.misbehave("profile", fault)
    before = scene.questions
    assert scene.caller.post(PATH, json=sent).status_code == 202
    # A repeat asks nobody.
    assert scene.caller.post(PATH, json=sent).status_code == 202
    scene.notifier.try_again()
    assert scene.questions == before + 1
    for _ in range(3):
        fake_time.sleep(30)
        scene.notifier.try_again()
        scene.notifier.try_again()
    assert scene.questions == before + 4
    assert scene.kept_token == kept
    assert scene.notifier.waiting == 1
    scene.sandbox.behave()
    fake_time.sleep(600)
    scene.notifier.try_again()
    assert scene.kept_token == sent["access_token"]
    assert scene.notifier.waiting == 0


@pytest.mark.filterwarnings("ignore::upstox_totp.UpstoxWarning")
def test_what_waits_is_forgotten_once_its_token_is_dead(scene: Scene, fake_time: FakeTime) -> None:
    """Nobody is asked then."""
    scene.sandbox.misbehave("profile", Fault.reset())
    assert scene.caller.post(PATH, json=scene.message()).status_code == 202
    fake_time.sleep(86_400)
    before = scene.questions
    scene.notifier.try_again()
    assert (scene.questions, scene.notifier.waiting) == (before, 0)


@pytest.mark.parametrize(
    ("place", "number", "token"),
    [(50, 100, "{}-{}"), (1000, 1000, "forged-{1}"), (2500, 5000, "forged-{1}")],
    ids=["that name the user", "before it", "around it"],
)
def test_thousands_of_forgeries_keep_nobody_out(
    scene: Scene, fake_time: FakeTime, place: int, number: int, token: str
) -> None:
    """Of somebody who knows address, app and user: few questions, and the real message gets in."""
    real = scene.message()
    forged = [
        {**real, "access_token": token.format(real["access_token"], one)} for one in range(number)
    ]
    forged.insert(place, real)
    before = scene.questions
    statuses = {scene.caller.post(PATH, data=json.dumps(one)).status_code for one in forged}
    assert statuses <= {200, 202, 403}
    assert scene.questions - before <= 20
    minutes = 0
    while scene.kept_token != real["access_token"]:
        asked = scene.questions
        for _ in range(2):
            fake_time.sleep(30)
            scene.notifier.try_again()
        minutes += 1
        assert scene.questions - asked <= 20
        assert minutes <= 5


def test_a_token_waits_while_somebody_logs_in(scene: Scene, fake_time: FakeTime) -> None:
    """Once the lock is free it is cached."""
    sent = scene.message()
    store = scene.cache._open(scene.client)  # noqa: SLF001 - another program's
    lock = store.acquire(scene.client.identity)
    assert lock is not None
    assert scene.caller.post(PATH, json=sent).status_code == 202
    lock.release()
    fake_time.sleep(30)
    scene.notifier.try_again()
    assert scene.kept_token == sent["access_token"]


def test_a_token_waits_while_nothing_can_be_kept(scene: Scene, tmp_path: Path) -> None:
    """Once the disk takes it, it is cached."""
    sent = scene.message()
    folder = tmp_path / "cache"
    folder.rename(tmp_path / "away")
    folder.touch()
    with pytest.warns(UpstoxWarning, match="cannot be cached yet"):
        assert scene.caller.post(PATH, json=sent).status_code == 202
    folder.unlink()
    (tmp_path / "away").rename(folder)
    _clock.sleep(30)
    scene.notifier.try_again()
    assert scene.kept_token == sent["access_token"]


@pytest.mark.filterwarnings("ignore::upstox_totp.UpstoxWarning")
def test_what_waits_is_tried_again_by_itself(
    client: UpstoxTOTP, sandbox: Sandbox, cache: TokenCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread does it, as long as anything waits; an error that nobody thought of ends it not."""
    monkeypatch.setattr("upstox_totp.notifier._LOOK", 0.02)
    cache.get_access_token(client)
    sandbox.notifier_url = f"http://127.0.0.1:9{PATH}"
    notifier = Notifier(client, SECRET, cache)
    scene = Scene(client, sandbox, cache, notifier)
    sent = scene.message()
    sandbox.misbehave("profile", Fault.reset())
    assert scene.caller.post(PATH, json=sent).status_code == 202
    following, failures = notifier._next, [KeyError("nobody thought of it")]  # noqa: SLF001

    def fail_once() -> Any:
        if failures:
            raise failures.pop()
        return following()

    monkeypatch.setattr(notifier, "_next", fail_once)
    sandbox.behave()
    _clock.sleep(30)
    wait_until(lambda: notifier.waiting == 0)
    assert failures == []
    assert scene.kept_token == sent["access_token"]
    worker = notifier._worker  # noqa: SLF001 - the thread
    assert worker is not None
    notifier.close()
    worker.join(PATIENCE)
    assert not worker.is_alive()


def test_an_older_token_replaces_no_newer(scene: Scene, fake_time: FakeTime) -> None:
    """A replay of an earlier message, whose token lives still, changes nothing."""
    older, newer = (scene.message() for _ in range(2))
    assert [scene.caller.post(PATH, json=one).status_code for one in (newer, older)] == [200, 200]
    assert scene.kept_token == newer["access_token"]


@pytest.mark.parametrize("behind", [0, 500])
def test_a_second_token_replaces_one_that_it_ended(
    scene: Scene, fake_time: FakeTime, behind: int
) -> None:
    """Two within a second, by clocks that differ: Upstox says which of them is valid."""
    first, second = (scene.message() for _ in range(2))
    second["issued_at"] = str(int(first["issued_at"]) - behind)
    assert scene.caller.post(PATH, json=first).status_code == 200
    scene.sandbox.revoke(first["access_token"])
    assert scene.caller.post(PATH, json=second).status_code == 200
    assert scene.kept_token == second["access_token"]


def test_it_does_not_start_without_a_user(client: UpstoxTOTP, tmp_path: Path) -> None:
    """Nobody said of whom the tokens are, neither the setting nor an earlier token."""
    empty = TokenCache(tmp_path / "empty")
    with pytest.raises(ConfigurationError, match="UPSTOX_USER_ID"):
        Notifier(client, SECRET, empty)


@pytest.mark.parametrize(
    "secret", ["", "short", "x" * 23, "with a blank and more letters", "/" * 30]
)
def test_a_weak_secret_is_refused(client: UpstoxTOTP, secret: str, cache: TokenCache) -> None:
    """It is all that keeps strangers out; the error does not repeat it."""
    with pytest.raises(ConfigurationError, match="24 letters") as caught:
        Notifier(client, secret, cache)
    assert not secret or secret not in str(caught.value)


def test_it_shows_no_secret(notifier: Notifier) -> None:
    """Not even in debuggers."""
    assert SECRET not in f"{notifier!r}{vars(notifier)!r}"


@contextmanager
def served(notifier: Notifier) -> Iterator[str]:
    """Serve a notifier, and return its URL."""
    server = make_server("127.0.0.1", 0, notifier)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}{PATH}"
    finally:
        server.shutdown()
        thread.join(PATIENCE)
        server.server_close()


def test_the_phone_from_request_to_token(
    scene: Scene, fake_time: FakeTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cache asks once, waits, and returns the token that the notifier kept."""
    # Times of tokens are those of servers, in whole seconds: one of the same second is no newer.
    fake_time.sleep(1)
    go(scene.client, "phone")

    asked: list[str | None] = []
    approving: list[threading.Thread] = []

    def sleep(seconds: float) -> None:
        # From its first look on the cache holds no lock, and the message is stored at once.
        if asked and not approving:
            approving.append(threading.Thread(target=scene.sandbox.approve))
            approving[0].start()
        # The approval is under way in real time, which a sleep that takes none would outrun.
        time.sleep(0.02)
        assert len(fake_time.sleeps) < 500
        fake_time.sleep(seconds)

    monkeypatch.setattr(_clock, "sleep", sleep)
    with served(scene.notifier) as url:
        scene.sandbox.notifier_url = url

        def announce(request: Any) -> None:
            asked.append(request.notifier_url)

        scene.client.token_request.announce = announce
        response = scene.cache.get_access_token(scene.client, refresh=True)
        approving[0].join(PATIENCE)
    assert asked == [url]
    assert response.data.access_token == scene.sandbox.access_tokens[-1]
    assert sum(record.step == "token_request" for record in scene.sandbox.requests) == 1


def test_the_phone_is_asked_once(scene: Scene, fake_time: FakeTime) -> None:
    """Who asks again while it can be approved waits for the same; force asks anew; it lapses."""
    go(scene.client, "phone")
    scene.client.token_request.timeout = 30

    def ask(*, force: bool = False) -> int:
        before = fake_time.monotonic()
        with pytest.raises(TokenPendingError, match="WhatsApp") as caught:
            scene.cache.get_access_token(scene.client, refresh=True, force=force)
        assert caught.value.step is not None
        assert 30 <= fake_time.monotonic() - before < 40
        return sum(record.step == "token_request" for record in scene.sandbox.requests)

    told: list[Any] = []
    scene.client.token_request.announce = told.append
    assert [ask(), ask(), ask(force=True), ask()] == [1, 1, 2, 2]
    assert len({request.lapses_at for request in told}) == 1
    assert len(told) == 4
    scene.client.token_request.timeout = None
    _clock.sleep(told[0].lapses_at.timestamp() - _clock.time() - 60)
    with pytest.raises(TokenPendingError):
        scene.cache.get_access_token(scene.client, refresh=True)
    scene.client.token_request.timeout = 30
    assert ask() == 3
