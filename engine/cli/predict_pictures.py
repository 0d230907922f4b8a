"""`engine predict PICTURE...`: which class pictures belong to, and where it is seen."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import DataError, NotFoundError

if TYPE_CHECKING:
    from engine.cli.classifying import PictureTeller, Told
    from engine.cli.options import CommandLine

_PICTURE_ROWS = 16
_MOST_BARS = 5


def predict_pictures(
    line: CommandLine,
    files: Sequence[Path],
    *,
    version: str | None,
    through_predictor: bool,
    heat_map: bool,
) -> int:
    """Tell the class of each file; one that cannot be used does not keep the others from it.

    Returns:
        The exit code: that of the first file that could not be used.
    """
    from engine.cli.diagnostics import report_error
    from engine.cli.exit_codes import ExitCode, code_of_error
    from engine.cli.output import write_json

    with _teller(line, version, through_predictor) as teller:
        answers: list[tuple[Path, dict[str, Any]]] = []
        code: int = ExitCode.OK
        is_drawn = not line.json and (heat_map or len(files) == 1)
        for path in files:
            try:
                told = teller.tell(path, heat_map=heat_map)
            except (DataError, NotFoundError) as error:
                code = code or code_of_error(error)
                answers.append((path, {"error": error.to_dict()}))
                if not line.json:
                    report_error(error)
                continue
            # Pixels are not kept: there may be many pictures.
            answers.append((path, _data(told, as_json=line.json)))
            if is_drawn:
                _draw(path, told)
        if line.json:
            write_json(_document(teller, answers, code))
        elif not is_drawn:
            _write_table(answers, teller)
    return code


@contextmanager
def _teller(
    line: CommandLine, version: str | None, through_predictor: bool
) -> Iterator[PictureTeller]:
    from engine.cli.classifying import InProcess, ThroughPredictor
    from models.data_types import IMAGE

    if not through_predictor:
        from engine.cli.versions import resolve_version

        is_alias = version in (None, "champion", "previous")
        # The kind of data of an id is its own; the version says itself when it is the wrong one.
        yield InProcess(resolve_version(line, version or "champion", IMAGE if is_alias else None))
        return
    from engine.predictor_client import PredictorClient

    with PredictorClient(line.workspace.create()) as client:
        yield ThroughPredictor(client)


def _data(told: Told, *, as_json: bool) -> dict[str, Any]:
    from engine.pictures import encode_png
    from engine.predictor.heat_maps import overlaid

    data: dict[str, Any] = {
        "prediction": told.prediction,
        "confidence": told.confidence,
        "probabilities": told.probabilities,
        "latency_ms": round(told.latency_ms, 3),
    }
    if told.heat is not None and as_json:
        png = encode_png(overlaid(told.picture, told.heat))
        data["overlaid_png"] = base64.b64encode(png).decode("ascii")
    return data


def _document(
    teller: PictureTeller, answers: Sequence[tuple[Path, dict[str, Any]]], code: int
) -> dict[str, Any]:
    return {
        "data_type": "image",
        "version": teller.version,
        "model_type": teller.model_type,
        "classes": list(teller.classes),
        "answered_by": teller.answered_by,
        "pictures": [{"file": str(path), **answer} for path, answer in answers],
        "exit_code": int(code),
    }


def _draw(path: Path, told: Told) -> None:
    from engine.charts.probabilities import percent_of, probability_bars
    from engine.charts.text import clip
    from engine.charts.thumbnail import thumbnail
    from engine.cli.output import (
        colour_depth,
        terminal_size,
        wants_ascii,
        wants_colour,
        write_text,
    )
    from engine.text import printable

    width, height = terminal_size()
    depth, ascii = colour_depth(), wants_ascii()
    rows = max(4, min(_PICTURE_ROWS, height - _MOST_BARS - 4))
    for text in thumbnail(told.picture, width, rows, heat=told.heat, colour=depth, ascii=ascii):
        write_text(text)
    sure = f"{printable(told.prediction)} ({percent_of(told.confidence)})"
    by = f"by {told.version}, in {told.latency_ms:.1f} ms"
    write_text(printable(str(path)))
    write_text(clip(f"{sure} {by}", width, ascii=ascii))
    for text in probability_bars(
        list(told.probabilities.values()),
        list(told.probabilities),
        width,
        most=_MOST_BARS,
        colour=wants_colour(),
        ascii=ascii,
    ):
        write_text(text)


def _write_table(answers: Sequence[tuple[Path, dict[str, Any]]], teller: PictureTeller) -> None:
    from engine.cli.output import write_text

    told = [(path, answer) for path, answer in answers if "error" not in answer]
    for text in _table_lines(told):
        write_text(text)
    used = f"{len(told):,} of {len(answers):,}" if len(told) < len(answers) else f"{len(told):,}"
    write_text(f"{used} pictures classified by {teller.version}")


def _table_lines(told: Sequence[tuple[Path, dict[str, Any]]]) -> Iterator[str]:
    from rich.cells import cell_len

    from engine.charts.probabilities import percent_of
    from engine.charts.text import clip, clip_start, fit
    from engine.cli.output import terminal_size, wants_ascii
    from engine.text import printable

    if not told:
        return
    width, ascii = terminal_size()[0], wants_ascii()
    rows = [("class", "sure", "or else", "picture")]
    for path, answer in told:
        others = list(answer["probabilities"].items())[1:2]
        else_ = ", ".join(f"{name} {percent_of(share)}" for name, share in others if share > 0)
        sure = percent_of(answer["confidence"])
        rows.append((printable(answer["prediction"]), sure, printable(else_), str(path)))
    sizes = [max(map(cell_len, column)) for column in list(zip(*rows, strict=True))[:3]]
    sizes = [min(size, width // 4) for size in sizes]
    room = width - sum(sizes) - 2 * len(sizes)
    for *cells, name in rows:
        head = [fit(text, size, ascii=ascii) for text, size in zip(cells, sizes, strict=True)]
        line = "  ".join([*head, clip_start(name, room, ascii=ascii)])
        yield clip(line, width, ascii=ascii)
