"""How Sphinx builds the documentation: `make docs`."""

from __future__ import annotations

import sys
from importlib.metadata import version as version_of
from pathlib import Path
from typing import TYPE_CHECKING

from pygments.lexers import IniLexer, TextLexer

if TYPE_CHECKING:
    from sphinx.application import Sphinx

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "upstox_totp"
author = "The upstox_totp maintainers"
copyright = f"2026, {author}"  # noqa: A001 - the name that Sphinx wants
version = release = version_of("upstox-totp")

extensions = [
    "error_reference",
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_design",
]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"upstox_totp {release}"
html_static_path = ["_static"]
html_copy_source = False
html_show_sphinx = False

myst_enable_extensions = ["colon_fence", "deflist", "fieldlist"]
myst_heading_anchors = 3

# Names in docstrings stand in single backticks.
default_role = "py:obj"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {"exclude-members": "model_config, model_post_init"}


def setup(app: Sphinx) -> None:
    """Name the languages that Pygments does not know.

    Args:
        app: Sphinx.
    """
    app.add_lexer("env", IniLexer)
    app.add_lexer("cron", TextLexer)
