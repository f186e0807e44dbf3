"""What to install where an optional part is missing, said in one way for all of them."""

from __future__ import annotations


def missing(what: str, extra: str) -> str:
    """Return the message of something that needs an extra which is not installed.

    It names a checkout, never a package of the registry: ``upstox-totp`` there is another project.

    Args:
        what: What cannot be used, as the beginning of a sentence.
        extra: The extra that it needs, as in pyproject.toml.
    """
    return (
        f'{what} needs an extra: pip install ".[{extra}]" in the folder of its checkout '
        "(on PyPI, the name upstox-totp is another project's)"
    )
