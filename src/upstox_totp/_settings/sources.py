"""Where settings come from: arguments, the environment, a file; read here, validated elsewhere.

Needs neither pydantic nor requests, so that a kept token is found without loading them.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from upstox_totp._log import logger
from upstox_totp._settings.names import DEFAULTS, NAMES, variable
from upstox_totp.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# Where the credentials go must not depend on which directory a script is started in.
_NOT_FROM_WORKING_DIRECTORY: Final = frozenset({"base_domain"})


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting as it was found.

    Attributes:
        value: The value as given, not validated.
        source: ``argument``, ``environment``, or the path of the file it came from.
    """

    value: Any = field(repr=False)
    source: str


def read_settings(
    arguments: Mapping[str, Any] | None = None,
    env_file: str | os.PathLike[str] | None = None,
) -> dict[str, Setting]:
    """Find every setting, the first source that has it winning.

    The order is: argument, environment, file. The environment of the process is not changed, and
    values in a file are taken literally: nothing in them is expanded.

    Args:
        arguments: Settings given in code. None counts as not given, and so does a value equal
            to the setting's default.
        env_file: The only file to read; by default ``.env`` in the working directory, if there
            is one.

    Returns:
        The settings found, by name. What is found nowhere is left out.

    Raises:
        ConfigurationError: If ``env_file`` is given and cannot be read.
    """
    found = dict(_from_arguments(arguments or {}))
    for name in NAMES:
        value = os.environ.get(variable(name))
        if value and name not in found:
            found[name] = Setting(value, "environment")
    for name, setting in _from_file(env_file):
        found.setdefault(name, setting)
    return found


def _from_arguments(arguments: Mapping[str, Any]) -> Iterator[tuple[str, Setting]]:
    for name, value in arguments.items():
        if value is not None and not (name in DEFAULTS and value == DEFAULTS[name]):
            yield name, Setting(value, "argument")


def _from_file(env_file: str | os.PathLike[str] | None) -> Iterator[tuple[str, Setting]]:
    path = Path(".env" if env_file is None else env_file)
    if env_file is None and not path.is_file():
        return
    values, problem = _parse(path)
    if problem and env_file is not None:
        raise ConfigurationError(
            f"The file {path} cannot be read: {problem}.",
            suggestions=["Check the path; .env.example shows what the file holds."],
        )
    if problem:
        logger.warning("Ignoring %s in the working directory: %s", path, problem)
    for name in NAMES:
        value = values.get(variable(name))
        if not value:
            continue
        if env_file is None and name in _NOT_FROM_WORKING_DIRECTORY:
            logger.warning(
                "Ignoring %s in the .env of the working directory: set it in the environment, "
                "or name the file with from_env_file()",
                variable(name),
            )
        else:
            yield name, Setting(value, str(path))


def _parse(path: Path) -> tuple[Mapping[str, str | None], str | None]:
    if not path.is_file():
        return {}, "there is no such file"
    from dotenv import dotenv_values  # noqa: PLC0415 - loaded only where there is a file

    try:
        # A byte order mark, as Windows editors write it, is no part of the first name.
        return dotenv_values(path, interpolate=False, encoding="utf-8-sig"), None
    except UnicodeDecodeError:
        return {}, "it is not UTF-8 text"
    except OSError as error:
        return {}, error.strerror or type(error).__name__
