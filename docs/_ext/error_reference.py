"""The directive ``error-reference``: every error code, as the package's own table has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sphinx.util.docutils import SphinxDirective

from upstox_totp.errors import EXPLANATIONS, ErrorCode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docutils import nodes
    from sphinx.application import Sphinx


class ErrorReference(SphinxDirective):
    """One section a code: what it means, what to do, which class it raises."""

    def run(self) -> list[nodes.Node]:
        """Return the sections."""
        return self.parse_text_to_nodes("\n".join(lines()), allow_section_headings=True)


def lines() -> Iterator[str]:
    """Return the sections as MyST text, line by line."""
    for code in ErrorCode:
        explanation = EXPLANATIONS[code]
        yield f"(error-{code.lower()})="
        yield f"### {code}"
        yield ""
        yield f"**{explanation.meaning}** `ErrorCode.{code.name}`"
        yield ""
        yield ":Raises: {py:class}`~upstox_totp." + explanation.error.__name__ + "`"
        yield f":What to do: {' '.join(explanation.suggestions)}"
        if explanation.settings:
            names = ", ".join(f"`{name}`" for name in explanation.settings)
            yield f":Settings to look at: {names}"
        if explanation.retry_after is not None:
            yield f":Wait: {explanation.retry_after:.0f} seconds (`error.retry_after`)"
        yield ""


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive.

    Args:
        app: Sphinx.
    """
    app.add_directive("error-reference", ErrorReference)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
