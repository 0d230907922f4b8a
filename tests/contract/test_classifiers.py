"""Every registered classifier keeps the contract, and so does one that a user adds as a file."""

from __future__ import annotations

import inspect
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from models import registry
from tests.contract.classifier_checks import CHECKS
from tests.contract.picture_subject import PictureSubject

subject_of = cache(PictureSubject)


def run(check: Callable[..., None], subject: PictureSubject, folder: Path) -> None:
    needs_folder = "folder" in inspect.signature(check).parameters
    check(subject, folder) if needs_folder else check(subject)


@pytest.mark.parametrize("name", registry.names("image"))
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__.removeprefix("check_"))
def test_contract(check: Callable[..., None], name: str, tmp_path: Path) -> None:
    run(check, subject_of(name), tmp_path)


TEMPLATE_MODEL = Path(__file__).with_name("template_model.py")


def test_a_model_that_a_user_adds_as_one_file_keeps_the_contract(
    tmp_path: Path, restored_registry: None
) -> None:
    shutil.copy(TEMPLATE_MODEL, tmp_path / "template.py")
    assert registry.load_file(tmp_path / "template.py") == ("Template",)
    assert registry.hyperparameter_names("image")["sharpness"] >= {"Template"}
    assert "sharpness" not in registry.hyperparameter_names()
    subject = PictureSubject("Template")
    for number, check in enumerate(CHECKS):
        folder = tmp_path / str(number)
        folder.mkdir()
        run(check, subject, folder)
