"""Drift drill: changes something at the sandbox, shows what a user sees, and what a fix touches.

``python tools/drill.py`` runs each change and compares the table in docs/drill.md with what came of
it; ``--write`` writes the table. Each change is made in a copy of the package, in the sandbox's
files; the fix in the client's files of a second copy, which has to log in again.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

ROOT: Final = Path(__file__).resolve().parent.parent
PACKAGE: Final = ROOT / "src" / "upstox_totp"
PAGE: Final = ROOT / "docs" / "drill.md"
RUN: Final = Path(__file__).with_name("drill_run.py")
WAYS: Final = ("page", "api", "api,page")
SIGNS: Final = ("<!-- drill: begin -->", "<!-- drill: end -->")


@dataclass(frozen=True)
class Edit:
    """One text in one file, and what takes its place.

    Attributes:
        file: The file, in the package.
        old: The text; it is there once.
        new: What takes its place.
    """

    file: str
    old: str
    new: str

    def apply(self, package: Path) -> None:
        """Change a copy of the package.

        Args:
            package: The copy.

        Raises:
            ValueError: If the text is not there exactly once.
        """
        path = package / self.file
        text = path.read_text("utf-8")
        if text.count(self.old) != 1:
            raise ValueError(f"{self.file} has {self.old!r} {text.count(self.old)} times")
        path.write_text(text.replace(self.old, self.new), "utf-8")


@dataclass(frozen=True)
class Drift:
    """A change at Upstox.

    Attributes:
        name: What it is called in the tests.
        what: What changes, as the table says it.
        change: How the sandbox plays it.
        fix: What has to be changed in the client, nothing if no release can help.
    """

    name: str
    what: str
    change: tuple[Edit, ...]
    fix: tuple[Edit, ...] = ()


_ROUTES: Final = "_api/routes.py"
_THEIRS: Final = "sandbox/routes.py"
_SERVICE: Final = "sandbox/service.py"
_VERIFY: Final = "/login/open/v{}/auth/1fa/otp-totp/verify"
_OTP: Final = "/login/open/v{}/auth/1fa/otp/generate"
_TOTP: Final = "/v{}/totp-login/authorization/token"
_NEWER_MOVES: Final = Edit(_THEIRS, "VERIFY.format(5)", "VERIFY.format(6)")
_FOLLOWS: Final = Edit(_ROUTES, _VERIFY.format(5), _VERIFY.format(6))

DRIFTS: Final = (
    Drift(
        "verify-moves",
        "The verification moves to v6; the older revision stays",
        (_NEWER_MOVES,),
        (_FOLLOWS,),
    ),
    Drift(
        "verify-moves-alone",
        "The verification moves to v6, and the older revision is gone",
        (_NEWER_MOVES, Edit(_THEIRS, "VERIFY.format(4)", 'VERIFY.format("-gone")')),
        (_FOLLOWS,),
    ),
    Drift(
        "pin-moves",
        "The PIN's route moves to v5",
        (Edit(_THEIRS, "/login/open/v4/auth/2fa", "/login/open/v5/auth/2fa"),),
        (Edit(_ROUTES, "/login/open/v4/auth/2fa", "/login/open/v5/auth/2fa"),),
    ),
    Drift(
        "otp-moves",
        "The OTP request's route moves to v7",
        (Edit(_THEIRS, _OTP.format(6), _OTP.format(7)),),
        (Edit(_ROUTES, _OTP.format(6), _OTP.format(7)),),
    ),
    Drift(
        "field-otp-token",
        "The OTP request's answer calls `validateOTPToken` `otpToken`",
        (Edit(_SERVICE, "validateOTPToken=login", "otpToken=login"),),
        (
            Edit("models.py", "    validateOTPToken: Word", "    otpToken: Word"),
            Edit("_api/page_login.py", "answer.data.validateOTPToken", "answer.data.otpToken"),
        ),
    ),
    Drift(
        "field-accounts",
        "The verification's answer calls `accounts` `profiles`",
        (Edit(_SERVICE, '"accounts": [', '"profiles": ['),),
        (
            Edit("models.py", "    accounts: Told", "    profiles: Told"),
            Edit(
                "_api/accounts.py",
                "data.accounts if isinstance(data.accounts, list)",
                "data.profiles if isinstance(data.profiles, list)",
            ),
        ),
    ),
    Drift(
        "header",
        "The OTP request demands a header, `X-App-Version`",
        (
            Edit(
                _SERVICE,
                '        number = data.get("mobileNumber")',
                '        demand(call.header("X-App-Version"), MALFORMED, "No X-App-Version")\n'
                '        number = data.get("mobileNumber")',
            ),
        ),
        (
            Edit(
                _ROUTES,
                '        "X-Device-Details": _DEVICE,',
                '        "X-Device-Details": _DEVICE,\n        "X-App-Version": "5.0.0",',
            ),
        ),
    ),
    Drift(
        "block-page",
        "The login service goes behind a page that blocks programs (Cloudflare's error 1010)",
        (
            Edit("sandbox/application.py", "import PROPER, ", "import PROPER, Fault, "),
            Edit(
                "sandbox/application.py",
                "        fault = self._faults.take(offered.step)",
                '        page = "<html><title>Cloudflare</title>Error 1010</html>"\n'
                '        blocked = Fault.status(403, page, "text/html")\n'
                '        theirs = offered.stage == "service"\n'
                "        fault = blocked if theirs else self._faults.take(offered.step)",
            ),
        ),
    ),
    Drift(
        "totp-login-moves",
        "The TOTP login's route is dropped, or moves to v3",
        (Edit(_THEIRS, _TOTP.format(2), _TOTP.format(3)),),
        (Edit(_ROUTES, _TOTP.format(2), _TOTP.format(3)),),
    ),
)


@dataclass(frozen=True)
class Outcome:
    """What came of a change.

    Attributes:
        drift: The change.
        before: What users of this release see, by way.
        after: What they see once the fix is made, by the ways that were broken; empty if there
            is none.
    """

    drift: Drift
    before: Mapping[str, Any]
    after: Mapping[str, Any]

    def row(self) -> str:
        """Return the row of the table."""
        files = ", ".join(dict.fromkeys(f"`{one.file}`" for one in self.drift.fix))
        return _row(
            self.drift.what,
            _short(self.before["page"]),
            _short(self.before["api"]),
            "carried" if "token" in self.before["api,page"] else _short(self.before["api,page"]),
            files or "none: see the advice",
        )

    def details(self) -> Iterator[str]:
        """Yield the lines of what a user sees, of the way that fails first."""
        way = next((way for way, seen in self.before.items() if "error" in seen), None)
        yield f"## {self.drift.what}"
        yield ""
        if way is None:
            yield "A token by each way: the older revision carries it."
            yield ""
            return
        seen = self.before[way]
        yield f"With `{way}`: `{seen['error']}`, {_spent(seen)}; tried six times in a row,"
        yield f"{_words(seen['spent_in_a_loop'])}."
        yield ""
        yield "```text"
        yield from (seen["message"], *seen["suggestions"], "", *seen["transcript"])
        yield "```"
        yield ""


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _short(seen: Mapping[str, Any]) -> str:
    return "a token" if "token" in seen else f"`{seen['error']}` at {seen['step']}; {_spent(seen)}"


def _spent(seen: Mapping[str, Any]) -> str:
    return _words(seen["spent"])


def _words(counts: Mapping[str, int]) -> str:
    told = (f"{n} {what}{'s' if n > 1 else ''}" for what, n in counts.items() if n)
    return f"spent: {', '.join(told) or 'nothing'}"


def run(drift: Drift, ways: Iterable[str], *, fixed: bool = False) -> dict[str, Any]:
    """Return what came of a change, by way.

    Args:
        drift: The change.
        ways: The ways to try.
        fixed: Whether the client has its fix.

    Raises:
        subprocess.CalledProcessError: If the login ended otherwise than the library promises.
        ValueError: If a text that is to be changed is not where it was.
    """
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "upstox_totp"
        shutil.copytree(PACKAGE, copy)
        for edit in (*drift.change, *(drift.fix if fixed else ())):
            edit.apply(copy)
        # Coverage of a copy that is gone afterwards tells nobody anything.
        others = ("UPSTOX_", "COVERAGE_")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(others)}
        changed = {"PYTHONPATH": folder, "UPSTOX_CACHE_DIR": str(Path(folder) / "cache")}
        ended = subprocess.run(
            [sys.executable, str(RUN), *ways],
            env=kept | changed,
            cwd=folder,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            timeout=120,
        )
    seen: dict[str, Any] = json.loads(ended.stdout)
    return seen


def play(drift: Drift) -> Outcome:
    """Return what users see of a change, and that its fix mends it.

    Args:
        drift: The change.
    """
    before = run(drift, WAYS)
    # Where nothing broke, the fix is what the newest route is worth.
    broken = [way for way, seen in before.items() if "error" in seen] or WAYS[:1]
    return Outcome(drift, before, run(drift, broken, fixed=True) if drift.fix else {})


def table(outcomes: Sequence[Outcome]) -> str:
    """Return the part of the page that the drill writes.

    Args:
        outcomes: What came of each change.
    """
    heads = ("what changes", "`page`", "`api`", "`api,page`", "files of the fix")
    rows = [_row(*heads), _row(*("---" for _ in heads)), *(one.row() for one in outcomes)]
    parts = [line for one in outcomes for line in one.details()]
    return "\n".join([SIGNS[0], "", *rows, "", *parts, SIGNS[1]])


def written() -> str:
    """Return that part of the page as it stands."""
    text = PAGE.read_text("utf-8")
    return text[text.index(SIGNS[0]) : text.index(SIGNS[1]) + len(SIGNS[1])]


def main() -> None:
    """Run the drill, print its table, and fail where it differs from the page's."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--write", action="store_true", help="write the table into docs/drill.md")
    arguments = parser.parse_args()
    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(play, DRIFTS))
    made = table(outcomes)
    print(made)
    if arguments.write:
        PAGE.write_text(PAGE.read_text("utf-8").replace(written(), made), "utf-8")
    unmended = [one.drift.name for one in outcomes if any("error" in s for s in one.after.values())]
    if unmended or made != written():
        sys.exit(f"not as docs/drill.md says, or not mended: {', '.join(unmended) or 'the table'}")


if __name__ == "__main__":
    main()
