"""What each way to a token needs, and what is said of the rest."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest

from support.settings_examples import VALID
from upstox_totp import ConfigurationError, UpstoxTOTP
from upstox_totp._checks.settings import check_settings
from upstox_totp._settings.config import SettingsByName
from upstox_totp._settings.table import API, METHODS, SETTINGS, needed_by, variable

NEEDS = {
    "page": {*VALID},
    "api": {"client_id", "totp_secret", "pin_code"},
    "browser": {"client_id", "client_secret", "redirect_uri"},
    "phone": {"client_id", "client_secret"},
    "none": {"client_id"},
    "api,page": {*VALID},
    "browser, PHONE": {"client_id", "client_secret", "redirect_uri"},
}


def only(names: set[str]) -> dict[str, Any]:
    """Return the valid settings of these names."""
    return {name: VALID[name] for name in names}


@pytest.mark.parametrize(("method", "needs"), NEEDS.items())
def test_a_way_needs_what_it_needs_and_no_more(method: str, needs: set[str]) -> None:
    """With just its settings there is a client; without any, the error names these alone."""
    config = UpstoxTOTP.from_settings(login_method=method, **only(needs)).config
    assert config.login_method == tuple(method.lower().replace(" ", "").split(","))
    for name in set(VALID) - needs:
        assert getattr(config, name) is None
    with pytest.raises(ConfigurationError) as caught:
        UpstoxTOTP.from_settings(login_method=method)
    assert set(caught.value.details["settings"]) == needs
    for name in set(VALID) - needs:
        assert name not in str(caught.value).replace("client_id", "")


@pytest.mark.parametrize("method", NEEDS)
def test_a_way_comes_from_the_environment_too(monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    """UPSTOX_LOGIN_METHOD chooses for the documented constructor."""
    for name, value in {"login_method": method, **only(NEEDS[method])}.items():
        monkeypatch.setenv(variable(name), value)
    assert UpstoxTOTP().config.login_method == tuple(method.lower().replace(" ", "").split(","))


@pytest.mark.parametrize(
    "method",
    ["", " ", "fax", "page,fax", "page,page", "none,page", "api,,page", ",", 5, ["page", 5], []],
)
def test_what_is_no_way_is_refused(method: Any) -> None:
    """Unknown names, the same twice, none among others, and what is no text."""
    with pytest.raises(ConfigurationError) as caught:
        UpstoxTOTP.from_settings(**VALID, login_method=method)
    assert caught.value.details["settings"] == ["login_method"]
    for name in METHODS:
        assert name in str(caught.value)


def test_ways_may_be_given_as_names() -> None:
    """A list or a tuple is as good as text with commas."""
    for method in (["api", "page"], ("api", "page"), "api , Page"):
        client = UpstoxTOTP.from_settings(**VALID, login_method=method)
        assert client.config.login_method == ("api", "page")


@pytest.mark.parametrize("method", ["api", "api,page"])
def test_the_own_login_of_upstox_takes_six_digits(method: str) -> None:
    """A PIN of four digits is right for the page, and wrong where `api` is among the ways."""
    short = VALID | {"pin_code": "1234"}
    assert UpstoxTOTP.from_settings(**short, login_method="page")
    with pytest.raises(ConfigurationError, match=r"pin_code .* 6 digits .*Forgot PIN") as caught:
        UpstoxTOTP.from_settings(**short, login_method=method)
    assert caught.value.details["settings"] == ["pin_code"]
    assert "1234" not in str(caught.value)


def test_all_that_is_wrong_is_told_at_once_for_every_way() -> None:
    """A short PIN for `api` is named together with what is missing and what is invalid."""
    with pytest.raises(ConfigurationError) as caught:
        UpstoxTOTP.from_settings(login_method="api", pin_code="1234", client_id=' "x"')
    assert caught.value.details["settings"] == ["pin_code", "totp_secret", "client_id"]


def test_what_a_way_does_not_need_is_still_judged() -> None:
    """A setting that is given and wrong is an error, needed or not."""
    with pytest.raises(ConfigurationError, match="redirect_uri"):
        UpstoxTOTP.from_settings(
            **only(NEEDS["api"]), login_method="api", redirect_uri="no address"
        )


def test_a_way_that_was_not_configured_asks_for_its_settings() -> None:
    """What is missing for a way that a program takes by itself is named before it begins."""
    client = UpstoxTOTP.from_settings(login_method="api", **only(NEEDS["api"]))
    client.config.demand("api")
    with pytest.raises(ConfigurationError) as caught:
        client.config.demand("browser", "phone")
    assert caught.value.details["settings"] == ["client_secret", "redirect_uri"]


@pytest.mark.parametrize("method", ["api", "page"])
def test_what_a_client_does_not_have_is_named_by_each_method(method: str) -> None:
    """A client for the browser has no PIN: that is an error of ours, and not Python's own."""
    client = UpstoxTOTP.from_settings(login_method="browser", **only(NEEDS["browser"]))
    with pytest.raises(ConfigurationError) as caught:
        client.config.demand(method)
    assert set(caught.value.details["settings"]) == NEEDS[method] - NEEDS["browser"]


def test_what_a_client_needs_for_another_method_is_no_advice_to_take_a_third() -> None:
    """A machine that never logs in has not enough for the TOTP API, whatever else it lacks."""
    client = UpstoxTOTP.from_settings(login_method="none", **only(NEEDS["none"]))
    with pytest.raises(ConfigurationError) as caught:
        client.token_request.send()
    assert caught.value.details["settings"] == ["client_secret"]
    assert "are enough" not in str(caught.value)


def test_the_table_and_this_one_agree() -> None:
    """What is needed is a column of the settings' table."""
    for method in METHODS:
        assert set(needed_by([method])) == NEEDS[method]


def test_every_setting_can_be_given_by_name() -> None:
    """from_settings() takes each row of the table; a name that is none gets a hint."""
    config = UpstoxTOTP.from_settings(
        **VALID,
        debug=False,
        sleep_time=200,
        base_domain="http://127.0.0.1:1/{stage}",
        login_method="page",
        login_revision="older",
        user_id="AB1234",
        cache_dir=Path("tokens"),
        cache_url="redis://:secret-of-redis@localhost/0",
        cache_key="k",
    ).config
    assert (config.sleep_time, config.user_id, config.cache_dir) == (200, "AB1234", "tokens")
    assert "secret-of-redis" not in repr(config)
    for name, meant in {"pin": "pin_code", "api_key": "client_id", "clientid": "client_id"}.items():
        with pytest.raises(ConfigurationError, match=f"(?i)did you mean {meant}"):
            UpstoxTOTP.from_settings(**VALID, **{name: "x"})
    assert set(SETTINGS) == set(type(config).model_fields) == set(SettingsByName.__annotations__)


def test_the_constructor_names_from_settings() -> None:
    """For a setting that it does not take; what is no setting is Python's to refuse."""
    with pytest.raises(
        TypeError, match=r"use UpstoxTOTP.from_settings\(login_method=…, user_id=…\)"
    ):
        UpstoxTOTP(login_method="api", password="x", user_id="AB1234")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="unexpected keyword argument 'login'"):
        UpstoxTOTP(login="api")  # type: ignore[call-arg]
    assert "login_method" not in inspect.signature(UpstoxTOTP).parameters


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cache_url", "http://localhost"),
        ("cache_url", "redis://"),
        ("cache_url", "redis://a b"),
        ("user_id", "a b"),
        ("user_id", ""),
        ("user_id", 5),
        ("account", "../x"),
        ("cache_key", ""),
        ("cache_dir", ""),
        ("secrets_dir", ""),
    ],
)
def test_our_own_settings_have_rules(name: str, value: Any) -> None:
    """Each is refused by its rule, which stands in the message; no value is repeated."""
    with pytest.raises(ConfigurationError) as caught:
        UpstoxTOTP.from_settings(**VALID, **{name: value})
    assert caught.value.details["settings"] == [name]
    assert f"({variable(name)}) must" in str(caught.value)


def test_the_settings_of_the_api_without_a_method_are_told_what_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One word is, not four settings: in the error, and by check-env."""
    for name in needed_by([API]):
        monkeypatch.setenv(variable(name), VALID[name])
    with pytest.raises(ConfigurationError) as caught:
        UpstoxTOTP()
    assert caught.value.suggestions[0].endswith("set UPSTOX_LOGIN_METHOD=api.")
    assert any("UPSTOX_LOGIN_METHOD=api" in one for one in check_settings().advice)
