"""What is done to pictures while a network learns from them."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from models.imaging.augmentation import Augmentation

NOTHING = Augmentation(
    rotate_degrees=0.0, shift=0.0, zoom=0.0, flip=False, brightness=0.0, erase=0.0
)


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(3)


def dots(count: int = 200, height: int = 12, width: int = 20) -> torch.Tensor:
    """Black pictures with a white dot right of the middle."""
    pictures = torch.zeros(count, 1, height, width)
    pictures[:, :, height // 2 - 1 : height // 2 + 1, 14:16] = 1.0
    return pictures


def centres(pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Where the white is, in pixels from the middle: rows and columns."""
    height, width = pictures.shape[2:]
    whole = pictures.sum(dim=(1, 2, 3))
    rows = torch.arange(height) - (height - 1) / 2
    columns = torch.arange(width) - (width - 1) / 2
    down = (pictures.sum(dim=(1, 3)) * rows).sum(dim=1) / whole
    right = (pictures.sum(dim=(1, 2)) * columns).sum(dim=1) / whole
    return down, right


def test_without_any_change_pictures_stay_as_they_are() -> None:
    pictures = torch.randn(3, 3, 9, 7)

    assert torch.equal(NOTHING(pictures), pictures)


def test_a_shift_moves_by_up_to_its_part_of_each_side() -> None:
    down, right = centres(replace(NOTHING, shift=0.1)(dots()))

    assert 1.0 < down.abs().max() <= 1.2 + 1e-4
    assert 1.8 < (right - 5).abs().max() <= 2.0 + 1e-4
    assert (right - 5).mean().abs() < 0.3
    # Fractions of a pixel, too.
    assert len(right.round(decimals=2).unique()) > 100


def test_a_turn_keeps_the_distance_from_the_middle_whatever_the_sides_are() -> None:
    down, right = centres(replace(NOTHING, rotate_degrees=30.0)(dots()))

    assert torch.allclose((down.square() + right.square()).sqrt(), torch.tensor(5.0), atol=0.15)
    angle = torch.rad2deg(torch.atan2(down, right))
    assert 25 < angle.max() < 31
    assert -31 < angle.min() < -25


def test_zoom_makes_things_larger_and_smaller() -> None:
    _, right = centres(replace(NOTHING, zoom=0.2)(dots()))

    assert right.min() < 4.4
    assert right.max() > 5.7
    assert right.mean() == pytest.approx(5, abs=0.3)


def test_a_flip_mirrors_half_of_the_pictures_from_left_to_right() -> None:
    pictures = dots()
    flipped = replace(NOTHING, flip=True)(pictures)
    _, right = centres(flipped)

    assert torch.allclose(right.abs(), torch.tensor(5.0), atol=1e-3)
    assert 60 < (right < 0).sum() < 140
    mirrored = flipped[right < 0]
    assert torch.allclose(mirrored, pictures[: len(mirrored)].flip(3), atol=1e-4)


def test_what_comes_in_from_outside_looks_like_the_edge() -> None:
    paper = torch.full((50, 3, 10, 10), 2.5)
    changed = replace(NOTHING, rotate_degrees=45.0, shift=0.3, zoom=0.3)(paper)

    assert torch.allclose(changed, paper, atol=1e-5)


def test_brightness_changes_all_of_a_picture_alike() -> None:
    pictures = torch.randn(100, 3, 6, 6)
    changed = replace(NOTHING, brightness=0.3)(pictures)
    means = changed.mean(dim=(1, 2, 3)) - pictures.mean(dim=(1, 2, 3))
    contrast = changed.std(dim=(1, 2, 3)) / pictures.std(dim=(1, 2, 3))

    assert 0.2 < means.abs().max() < 0.45
    assert 0.7 - 1e-4 <= contrast.min() < 0.8
    assert 1.2 < contrast.max() <= 1.3 + 1e-4


def test_a_rectangle_of_up_to_its_part_of_each_side_is_covered() -> None:
    pictures = torch.ones(300, 1, 10, 20)
    covered = replace(NOTHING, erase=0.5)(pictures) == 0

    assert 4 <= covered.any(dim=3).sum(dim=2).max() <= 5
    assert 8 <= covered.any(dim=2).sum(dim=2).max() <= 10
    # Everywhere, and each a whole rectangle.
    assert (covered.float().mean(dim=(0, 1)) > 0).float().mean() > 0.9
    sides = covered.any(dim=3).sum(dim=2) * covered.any(dim=2).sum(dim=2)
    assert torch.equal(sides.flatten(), covered.sum(dim=(1, 2, 3)))


def test_the_same_random_numbers_change_pictures_alike() -> None:
    changes = Augmentation(10.0, 0.1, 0.1, True, 0.1, 0.3)
    found = []
    for _ in range(2):
        torch.manual_seed(8)
        found.append(changes(dots()))

    assert torch.equal(*found)
    assert not torch.equal(found[0][0], found[0][1])
