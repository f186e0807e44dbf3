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
WRAPPERS = dict(re.findall(r"^\| `(\w+Response)` \| \[?`(\w+)`", PAGE, re.MULTILINE))
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


def test_every_model_has_a_section_or_is_a_wrapper_in_the_table() -> None:
    """No model is left out, and nothing is about what there is not."""
    assert {*SECTIONS, *WRAPPERS} == set(MODELS)


@pytest.mark.parametrize("name", SECTIONS)
def test_the_table_of_a_model_has_its_fields(name: str) -> None:
    """Each field in its order, and a star at what an answer must have."""
    table = SECTIONS[name].partition("computed")[0]
    rows = re.findall(r"^\| `(\w+)` (\\\*)?", table, re.MULTILINE)
    fields = MODELS[name].model_fields
    assert [(field, bool(star)) for field, star in rows] == [
        (field, info.is_required()) for field, info in fields.items()
    ]


@pytest.mark.parametrize("name", WRAPPERS)
def test_a_wrapper_is_as_the_table_says(name: str) -> None:
    """The first five are the login's, the others the API's, and each names what is in it."""
    required = {field: info.is_required() for field, info in MODELS[name].model_fields.items()}
    if issubclass(MODELS[name], models.ResponseBase):
        assert required == {"success": True, "error": False, "data": True}
    else:
        assert required == {"status": True, "data": True}
    content: Any = MODELS[name].model_fields["data"].annotation
    assert WRAPPERS[name] in {getattr(content, "__name__", ""), "dict", "true"}
    assert list(WRAPPERS).index(name) < 5 or not issubclass(MODELS[name], models.ResponseBase)


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


def test_the_table_of_exchanges_has_their_attributes() -> None:
    """A transcript is not a model of pydantic, and is told as completely."""
    told = re.findall(r"^\| `(\w+)` \|", PAGE.partition("## Step and Exchange")[2], re.MULTILINE)
    assert told == list(Exchange.__dataclass_fields__)
