from __future__ import annotations

import hashlib
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from engine.config.image_settings import ImageSplitSettings
from engine.data.images.splitting import PARTS, part_of
from engine.pictures import decode, encode_png
from tests.unit.data.images.sources import pets, picture, prepared
from tests.unit.pictures.files import png_of

HASHES = [hashlib.sha256(str(number).encode()).hexdigest() for number in range(4000)]


def sides(root: Path, **given: object) -> dict[str, str]:
    """Part of each picture, by what it shows."""
    clean = prepared(root, **given)
    return {
        clean.loaded.sha256[row]: part for row, part in zip(clean.rows, clean.parts, strict=True)
    }


def test_no_picture_changes_sides_when_others_come_or_go(tmp_path: Path) -> None:
    folder = pets(tmp_path, 60)
    before = sides(tmp_path)
    random = np.random.default_rng(1)
    for number in range(50):
        (folder / "cats" / f"a{number}.png").write_bytes(encode_png(picture(7000 + number)))
    (folder / "birds").mkdir()
    for number in range(30):
        (folder / "birds" / f"{number}.png").write_bytes(encode_png(picture(8000 + number)))
    more = sides(tmp_path)
    assert len(more) == 200 and before.items() <= more.items()
    for path in random.permutation(sorted(folder.rglob("*.png")))[:120]:
        Path(path).unlink()
    fewer = sides(tmp_path)
    assert len(fewer) == 80 and fewer.items() <= more.items()


def test_no_picture_changes_sides_when_it_is_renamed_moved_or_written_anew(tmp_path: Path) -> None:
    folder = pets(tmp_path, 40)
    before = sides(tmp_path)
    for number, path in enumerate(sorted((folder / "cats").iterdir())):
        pixels = decode(path.read_bytes(), where="")
        path.unlink()
        target = folder / ("dogs" if number % 2 else "cats") / f"z{number}.jpg"
        target.write_bytes(png_of(pixels, compress_level=number % 10))
    assert sides(tmp_path, height=9, width=30, channels="gray", fit="pad") == before


def test_copies_fall_on_one_side(tmp_path: Path) -> None:
    folder = pets(tmp_path, 40)
    for path in sorted((folder / "cats").iterdir()):
        shutil.copy(path, path.with_name(f"copy-of-{path.name}"))
    clean = prepared(tmp_path)
    assert len(clean.rows) == 120
    of = {}
    for row, part in zip(clean.rows, clean.parts, strict=True):
        of.setdefault(clean.loaded.sha256[row], set()).add(part)
    assert len(of) == 80 and all(len(parts) == 1 for parts in of.values())


@pytest.mark.parametrize(
    ("validation", "test"), [(0.15, 0.15), (0.01, 0.3), (0.1, 0.01), (0.4, 0.4)]
)
def test_shares_come_out_as_wanted(validation: float, test: float) -> None:
    split = ImageSplitSettings(validation_share=validation, test_share=test)
    counts = Counter(part_of(sha256, split) for sha256 in HASHES)
    for part, share in zip(PARTS, (1 - validation - test, validation, test), strict=True):
        # Four standard deviations of a draw.
        wide = 4 * (len(HASHES) * share * (1 - share)) ** 0.5
        assert abs(counts[part] - len(HASHES) * share) <= wide


def test_another_validation_share_leaves_the_test_part_alone() -> None:
    one, other = (ImageSplitSettings(validation_share=share) for share in (0.1, 0.3))
    tested = [{h for h in HASHES if part_of(h, split) == "test"} for split in (one, other)]
    assert tested[0] == tested[1]
    grown = ImageSplitSettings(test_share=0.3)
    assert tested[0] < {h for h in HASHES if part_of(h, grown) == "test"}


def test_another_seed_draws_anew() -> None:
    one, other = (
        [part_of(sha256, ImageSplitSettings(seed=seed)) == "test" for sha256 in HASHES]
        for seed in (0, 1)
    )
    both = np.mean(np.array(one) & np.array(other))
    assert both == pytest.approx(0.15**2, abs=0.01)


def test_sides_are_those_of_earlier_versions() -> None:
    drawn = [part_of(sha256, ImageSplitSettings()) for sha256 in HASHES[:8]]
    assert " ".join(drawn) == (
        "training training training training validation test training training"
    )
