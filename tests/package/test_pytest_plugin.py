"""The pytest plugin, used as a trading bot's own tests use it."""

from __future__ import annotations

import pytest

from support.plugin_runs import with_plugin

BOT = """
    import requests

    from upstox_totp import UpstoxTOTP

    def balance_report():
        with UpstoxTOTP() as upx:
            token = upx.app_token.get_access_token().data.access_token
            url = upx.base_domain.replace("{stage}", "api") + "/v2/user/profile"
        answer = requests.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=5)
        return answer.json()["data"]["user_name"]
"""


@pytest.fixture
def bot(pytester: pytest.Pytester) -> pytest.Pytester:
    """A bot's project."""
    pytester.makepyfile(bot=BOT)
    return with_plugin(pytester)


def run(bot: pytest.Pytester, test: str, *options: str) -> pytest.RunResult:
    """Run one test file of the bot's."""
    bot.makepyfile(test_bot=test)
    return bot.runpytest_inprocess("-pno:cacheprovider", *options)


def test_the_fixture_is_listed(bot: pytest.Pytester) -> None:
    """`pytest --fixtures` names it and says what it does."""
    run(bot, "").stdout.fnmatch_lines(["*no tests ran*"])
    shown = bot.runpytest_inprocess("--fixtures")
    assert shown.ret == pytest.ExitCode.OK
    shown.stdout.fnmatch_lines(["upstox_sandbox*", "*without an account*"])


def test_a_bot_logs_in_without_an_account(bot: pytest.Pytester) -> None:
    """A test that asks for the fixture logs in twice, quickly, and sees what was sent."""
    run(
        bot,
        """
        from time import monotonic

        from bot import balance_report

        def test_report(upstox_sandbox):
            started = monotonic()
            assert balance_report() == "Asha Rao"
            assert balance_report() == "Asha Rao"
            assert monotonic() - started < 10
            assert upstox_sandbox.logins == 2
            assert upstox_sandbox.pins_received == 2
        """,
    ).assert_outcomes(passed=1)


def test_no_setting_of_the_machine_is_used(
    bot: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Variables of a real account and a proxy are out of the way during a test, and back after."""
    monkeypatch.setenv("UPSTOX_LOGIN_REVISION", "nonsense")
    monkeypatch.setenv("UPSTOX_PIN_CODE", "000000")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "intranet.example")
    run(
        bot,
        """
        import os

        from bot import balance_report

        def test_inside(upstox_sandbox):
            assert balance_report()
            assert os.environ["no_proxy"] == "intranet.example,127.0.0.1"

        def test_outside():
            assert os.environ["UPSTOX_PIN_CODE"] == "000000"
            assert os.environ["no_proxy"] == "intranet.example"
            assert "UPSTOX_BASE_DOMAIN" not in os.environ
        """,
    ).assert_outcomes(passed=2)


def test_tests_do_not_share_a_sandbox(bot: pytest.Pytester) -> None:
    """What one test does to its sandbox does not reach the next."""
    run(
        bot,
        """
        import pytest

        from bot import balance_report
        from upstox_totp import AuthenticationError

        @pytest.mark.parametrize("attempt", [1, 2])
        def test_locked(upstox_sandbox, monkeypatch, attempt):
            monkeypatch.setenv("UPSTOX_PIN_CODE", "0000")
            with pytest.raises(AuthenticationError) as caught:
                balance_report()
            assert caught.value.attempts_left == 4
        """,
    ).assert_outcomes(passed=2)


def test_without_werkzeug_the_fixture_says_what_is_missing(bot: pytest.Pytester) -> None:
    """Where the extra is not installed, only tests that ask for the fixture fail, and say why."""
    result = run(
        bot,
        """
        import sys

        import pytest

        @pytest.fixture(autouse=True)
        def bare(monkeypatch):
            for name in [name for name in sys.modules if name.startswith("upstox_totp.sandbox")]:
                monkeypatch.delitem(sys.modules, name)
            monkeypatch.setitem(sys.modules, "werkzeug", None)

        def test_other():
            pass

        def test_report(bare, upstox_sandbox):
            pass
        """,
    )
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(['*pip install ".?sandbox?"*'])


def test_the_plugin_loads_nothing_else(bot: pytest.Pytester) -> None:
    """A test run that does not use the fixture does not pay for it."""
    bot.makepyfile(
        test_bot="""
        import sys

        def test_lean():
            assert not {"pydantic", "requests", "werkzeug"} & set(sys.modules)
        """
    )
    bot.runpytest_subprocess("-pno:cacheprovider", "-pno:hypothesispytest").assert_outcomes(
        passed=1
    )
