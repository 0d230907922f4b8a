"""Pictures: how many of them a classifier tells right, and how sure it may be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from engine.cli.views.view import Column, View, names_of, number, percent, score_table
from engine.plurals import counted
from models.data_types import IMAGE

if TYPE_CHECKING:
    pass

_BASELINE = "MeanPicture"
_SCORES = ("accuracy", "macro_f1", "balanced_accuracy", "log_loss", "ece", "errors", "count")
_TITLES = ("ACCURACY", "95 % INTERVAL", "MACRO F1", "ECE", "ERRORS")
_WIDTH = 10


class ImageView(View):
    """Classifiers and pictures."""

    data_type = IMAGE
    examples = "pictures"
    columns = (
        Column("accuracy", is_main=True),
        Column("mean picture"),
        Column("macro F1"),
        Column("ECE", is_main=True),
    )

    def cells(self, scores: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
        """How often it is right, and how far it can be believed."""
        candidate, nearest = scores["candidate"]["overall"], scores[_BASELINE]["overall"]
        return (
            percent(candidate["accuracy"]),
            percent(nearest["accuracy"]),
            number(candidate["macro_f1"]),
            percent(candidate.get("ece")),
        )

    def measures(self, evaluation: Mapping[str, Any]) -> dict[str, Any]:
        """Those of the candidate, and the one that the baseline is judged by."""
        scores = evaluation["scores"]
        candidate = scores["candidate"]["overall"]
        return {
            **{name: candidate.get(name) for name in _SCORES},
            "accuracy_of_mean_picture": scores[_BASELINE]["overall"]["accuracy"],
        }

    def shape(self, training: Mapping[str, Any], evaluation: Mapping[str, Any]) -> dict[str, Any]:
        """Classes and size of the pictures."""
        model = training.get("model", {})
        classes = len(model["classes"]) if "classes" in model else None
        return {"classes": classes, "size": _size(model)}

    def what(self, model: Mapping[str, Any]) -> Iterator[str]:
        """Classes and size."""
        if "classes" in model:
            yield f"{len(model['classes'])} classes"
        if size := _size(model):
            yield f"pictures of {size}"

    def learnt_from(self, training: Mapping[str, Any]) -> str:
        """The data set and how many pictures of it."""
        counts = training.get("pictures", {})
        parts = [f"{counts[part]:,} for {part}" for part in ("training", "validation") if counts]
        return ", ".join([str(training["dataset"]), *parts])

    def evaluation_lines(self, evaluation: Mapping[str, Any]) -> list[str]:
        """One row a contender, the intervals beside: a few pictures tell an accuracy roughly."""
        scores: Mapping[str, Mapping[str, Any]] = evaluation["scores"]
        names = names_of(evaluation)
        count = scores["candidate"]["count"]
        classes = evaluation.get("classes")
        of = f" of {len(classes)} classes" if classes else ""
        rows = {names[label]: _row(overall) for label, overall in scores.items()}
        lines = [counted("{count} test [picture|pictures]", count) + of]
        lines += score_table("", _TITLES, rows, width=_WIDTH)
        return [*lines, *(f"note: {note}" for note in evaluation.get("notes", ()))]

    def detail_lines(self, evaluation: Mapping[str, Any]) -> Iterator[str]:
        """The report of the candidate: classes, what is taken for what, the worst mistakes."""
        from engine.cli.image_report import image_evaluation_lines
        from engine.cli.output import colour_depth, terminal_size, wants_ascii

        candidate = evaluation["scores"]["candidate"]
        if "confusion" not in candidate:
            return  # of an imported version less may be known
        width, _ = terminal_size()
        yield from image_evaluation_lines(
            candidate, width, colour=colour_depth(), ascii=wants_ascii()
        )


def _row(overall: Mapping[str, Any]) -> tuple[str, ...]:
    interval = overall.get("accuracy_interval")
    within = "-"
    if interval is not None:
        low, high = interval
        within = f"{low * 100:.2f} to {high * 100:.2f} %"
    return (
        percent(overall["accuracy"]),
        within,
        number(overall["macro_f1"], ".4f"),
        percent(overall.get("ece")),
        f"{overall['errors']:,}",
    )


def _size(model: Mapping[str, Any]) -> str | None:
    """Rows, columns and colours of what a model sees; None where that is not known."""
    if not {"height", "width", "channels"} <= model.keys():
        return None
    return f"{model['height']} x {model['width']}, {'gray' if model['channels'] == 1 else 'colour'}"
