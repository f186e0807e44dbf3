"""How Sphinx builds the documentation: `make docs`."""

from __future__ import annotations

import re
import sys
from importlib.metadata import version as version_of
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel
from pygments.lexers import IniLexer, TextLexer

if TYPE_CHECKING:
    from typing import Any

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
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "sphinx_design",
]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"upstox_totp {release}"
html_static_path = ["_static"]
html_css_files = ["pages.css"]
html_copy_source = False
html_show_sphinx = False

myst_enable_extensions = ["colon_fence", "deflist", "fieldlist"]
myst_heading_anchors = 3

# Of a session in a terminal, what was typed is copied and what was printed is not.
copybutton_prompt_text = r"\$ |PS> "
copybutton_prompt_is_regexp = True
copybutton_line_continuation_character = "\\"

# Names in docstrings stand in single backticks.
default_role = "py:obj"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
# Short enough for the page contents at the right.
toc_object_entries_show_parents = "hide"
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
python_maximum_signature_line_length = 88
autodoc_default_options = {"exclude-members": "model_config, model_post_init"}


def setup(app: Sphinx) -> None:
    """Name the languages that Pygments does not know.

    Args:
        app: Sphinx.
    """
    app.add_lexer("env", IniLexer)
    app.add_lexer("cron", TextLexer)
    app.connect("autodoc-process-bases", without_private_bases)
    app.connect("autodoc-process-signature", without_model_signature)
    # After napoleon, which writes the types of fields.
    app.connect("autodoc-process-docstring", with_plain_types, priority=600)


def without_private_bases(app: Sphinx, name: str, obj: Any, options: Any, bases: list[Any]) -> None:
    """Let a class be told to come from the nearest bases that a reader can import.

    Args:
        app: Sphinx.
        name: The name of the class.
        obj: The class.
        options: Those of the directive.
        bases: Its bases, changed in place.
    """
    del app, name, obj, options
    bases[:] = dict.fromkeys(public for base in bases for public in _public(base))


def _public(base: Any) -> list[Any]:
    if isinstance(base, type) and base.__name__.startswith("_"):
        return [public for above in base.__bases__ for public in _public(above)]
    return [base]


def without_model_signature(
    app: Sphinx, what: str, name: str, obj: Any, *rest: Any
) -> tuple[str, None] | None:
    """Leave out the signature that pydantic gives every model, which tells nothing.

    Args:
        app: Sphinx.
        what: What is documented.
        name: Its name.
        obj: The object.
        rest: Options, signature and what is returned.
    """
    del app, name, rest
    if what == "class" and isinstance(obj, type) and issubclass(obj, BaseModel):
        return "", None
    return None


def with_plain_types(  # noqa: PLR0917 - as Sphinx calls it
    app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]
) -> None:
    """Call the type of a model's field what its value is, not how it is validated.

    Args:
        app: Sphinx.
        what: What is documented.
        name: Its name.
        obj: The object.
        options: Those of the directive.
        lines: The docstring, changed in place.
    """
    del app, what, name, obj, options
    for number, line in enumerate(lines):
        if line.startswith(":vartype "):
            plain = re.sub(r"\bLenient\[((?:[^][]|\[[^][]*\])*)\]", r"\1", line)
            lines[number] = re.sub(r"\bWord\b", "str", plain)
