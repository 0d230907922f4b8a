from __future__ import annotations

import pytest

from engine.config.engine_settings import EngineSettings
from engine.config.files import SECTIONS, SETTINGS, file_of
from engine.config.flow_settings import FLOWS
from engine.config.image_settings import ImageSettings
from engine.config.reference import describe_settings, section_docs
from engine.config.series_settings import SeriesSettings
from engine.config.values import Section
from models.data_types import DATA_TYPES

BY_KEY = {doc.key: doc for doc in describe_settings(SeriesSettings)}
ROOTS: tuple[type[Section], ...] = (SeriesSettings, ImageSettings, EngineSettings)


@pytest.mark.parametrize(
    ("key", "type_", "default", "allowed"),
    [
        ("model.window", "whole number", 30, "whole number, 2 to 366"),
        ("deploy.gate.max_ratio_to_naive", "number", 1.0, "number, above 0 to 100"),
        ("dataset.rules.unsorted", "choice", "sort", "sort | error"),
        ("dataset.decimal", "choice", ".", '"." | ","'),
        ("dataset.covariate_cols", "list of text", [], "a list of texts"),
        ("dataset.series_col", "text or null", "unique_id", "text on one line | null"),
        ("train.dataset", "text", "latest", "latest, or an id"),
        ("train.hparams", "mapping", {}, "mapping"),
    ],
)
def test_a_setting_is_described_in_words(
    key: str, type_: str, default: object, allowed: str
) -> None:
    doc = BY_KEY[key]

    assert (doc.type, doc.default, doc.allowed) == (type_, default, allowed)


def test_the_reference_has_exactly_the_keys_of_the_settings() -> None:
    def keys(data: dict[str, object], prefix: str = "") -> list[str]:
        return [
            key
            for name, value in data.items()
            for key in (
                keys(value, f"{prefix}{name}.")
                if isinstance(value, dict) and value
                else [f"{prefix}{name}"]
            )
        ]

    for root in ROOTS:
        assert [doc.key for doc in describe_settings(root)] == keys(root().model_dump())


def test_every_section_is_documented() -> None:
    docs = {key: doc for root in ROOTS for key, doc in section_docs(root).items()}

    assert docs.keys() >= {"dataset", "dataset.rules", "deploy.gate", "prefect_server", "run"}
    assert [key for key, doc in docs.items() if not doc.endswith(".")] == []


def test_every_number_has_a_range() -> None:
    docs = [doc for root in ROOTS for doc in describe_settings(root)]

    numbers = [doc for doc in docs if "number" in doc.type]
    assert len(numbers) > 15
    assert [doc.key for doc in numbers if " to " not in doc.allowed] == []


@pytest.mark.parametrize("data_type", DATA_TYPES)
def test_every_section_says_which_file_of_its_data_type_it_stands_in(data_type: str) -> None:
    docs = section_docs(SETTINGS[data_type])

    for flow in FLOWS[:4]:
        for section in SECTIONS[flow]:
            assert f"({file_of(flow, data_type)})" in docs[section]
