"""The page of data models says what the models are, and its samples are such answers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel, TypeAdapter

from support.documentation import ROOT
from upstox_totp import Exchange, models

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = (ROOT / "docs" / "data-models.md").read_text("utf-8")
SECTIONS = {
    section.partition("\n")[0]: section.partition("\n## ")[0]
    for section in re.split(r"^### ", PAGE, flags=re.MULTILINE)[1:]
}
MODELS = {
    name: kind
    for name, kind in vars(models).items()
    if isinstance(kind, type)
    and issubclass(kind, BaseModel)
    and kind.__module__ == models.__name__
    and not name.startswith("_")
}
SAMPLES = [
    (name, sample)
    for name, section in SECTIONS.items()
    for sample in re.findall(r"^```json\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
]


def parts(model: BaseModel) -> Iterator[BaseModel]:
    """Return a model and all models in it."""
    yield model
    values: list[Any] = [value for _, value in model]
    for value in values:
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, BaseModel):
                yield from parts(one)


def test_every_model_has_a_section() -> None:
    """No model is left out, and no section is about what there is not."""
    assert set(SECTIONS) == set(MODELS)


@pytest.mark.parametrize("name", MODELS)
def test_the_table_of_a_model_has_its_fields(name: str) -> None:
    """Each field in its order, and a star at what an answer must have."""
    table = SECTIONS[name].partition("computed")[0]
    rows = re.findall(r"^\| `(\w+)` (\\\*)?", table, re.MULTILINE)
    fields = MODELS[name].model_fields
    assert [(field, bool(star)) for field, star in rows] == [
        (field, info.is_required()) for field, info in fields.items()
    ]


@pytest.mark.parametrize(("name", "sample"), SAMPLES, ids=[name for name, _ in SAMPLES])
def test_a_sample_is_such_an_answer(name: str, sample: str) -> None:
    """It has every field, each of the documented type, and none that nobody knows."""
    for part in parts(MODELS[name].model_validate_json(sample)):
        assert set(type(part).model_fields) == part.model_fields_set
        assert not part.model_extra
        for field, info in type(part).model_fields.items():
            # A model keeps what is not of the documented type as it came; this does not.
            documented: Any = info.annotation
            TypeAdapter(documented).validate_python(getattr(part, field), strict=True)


def test_the_wrappers_have_a_sample_each() -> None:
    """What a reader meets as a whole is shown as a whole."""
    wrappers = {name for name in MODELS if name.endswith(("Response", "Base"))}
    assert wrappers <= {name for name, _ in SAMPLES}


def test_the_table_of_exchanges_has_their_attributes() -> None:
    """A transcript is not a model of pydantic, and is told as completely."""
    told = re.findall(r"^\| `(\w+)` \|", PAGE.partition("## Step and Exchange")[2], re.MULTILINE)
    assert told == list(Exchange.__dataclass_fields__)
