"""Records the demo of the README: runs `upstox_cli demo` and draws what the terminal showed.

`make record` writes docs/_static/demo.svg. The picture is what the command printed, and nothing
else; it names only fonts that are there, so that nothing is fetched to show it.
"""

from __future__ import annotations

import re
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.text import Text

TARGET: Final = Path(__file__).parent / "_static" / "demo.svg"
COMMAND: Final = "upstox_cli demo"
WIDTH: Final = 84
# rich's own format fetches a font.
FONT_FACE: Final = re.compile(r"\s*@font-face \{.*?\}", re.DOTALL)


def record() -> str:
    """Run the demo and return its picture."""
    shown = subprocess.run(
        [sys.executable, "-m", "upstox_totp", "demo"],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout
    console = Console(record=True, width=WIDTH, file=StringIO())
    console.print(Text.assemble(("$ ", "dim"), (COMMAND, "bold")))
    console.print(Text.from_ansi(shown))
    picture = console.export_svg(title=COMMAND, unique_id="demo")
    return FONT_FACE.sub("", picture).replace("Fira Code", "ui-monospace, Menlo, Consolas")


if __name__ == "__main__":
    TARGET.write_text(record(), encoding="utf-8")
