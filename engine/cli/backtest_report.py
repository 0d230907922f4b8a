"""A backtest as tables and charts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from engine.charts.bars import bar_list
from engine.charts.curves import curve_chart
from engine.charts.forecast import forecast_chart
from engine.cli.output import terminal_size, wants_ascii, wants_colour, write_table, write_text
from engine.text import printable

_CHART_ROWS = 16
_HISTORY_DAYS_A_COLUMN = 0.4
_DAYS_A_WEEK = 7


def write_backtest(data: Mapping[str, Any]) -> None:
    """Print the table of contenders, what it comes to, and the error by days ahead.

    Args:
        data: A result, or what is known of an unfinished backtest.
    """
    options, measured = data["options"], [one for one in data["contenders"] if not one["problem"]]
    if data["state"] != "finished":
        write_text(f"backtest {data['id']} is {data['state']}: {data['done']} of {data['total']}")
        return
    days = f"{options['folds']} folds x {options['horizon']} days"
    write_text(
        f"backtest {data['id']}{_named(data)}: rolling origin, {days} from {data['origins'][0]} on"
    )
    again = "; again before each origin" if options["retrain"] else ""
    write_text(f"data set {data['dataset']}, trained on days up to {data['last_day_seen']}{again}")
    _write_scores(data)
    write_text(printable(data["verdict"]))
    for one in data["contenders"]:
        if one["comparison"] is not None and one["comparison"]["verdict"] != data["verdict"]:
            write_text(f"  {printable(one['comparison']['verdict'])}")
    for one in data["contenders"]:
        if one["problem"]:
            write_text(f"not measured: {printable(one['name'])}: {printable(one['problem'])}")
    for note in data["notes"]:
        write_text(f"note: {printable(note)}")
    if measured:
        write_text(_ahead_chart(data, measured))
        if options["folds"] > 1 and options["step_days"] % _DAYS_A_WEEK == 0:
            write_text(
                f"origins lie {options['step_days']} days apart: a day ahead is always the same "
                "weekday, whose difficulty is in its error"
            )


def _named(data: Mapping[str, Any]) -> str:
    return f" ({printable(data['name'])})" if data["name"] else ""


def _write_scores(data: Mapping[str, Any]) -> None:
    from rich.table import Column, Table
    from rich.text import Text

    metric = data["metric"]
    other = "mase" if metric == "rmsse" else "rmsse"
    headings = (metric, "95 %", other, "wape", "bias", "coverage", "width", "seconds")
    columns = [Column(heading.upper(), justify="right", no_wrap=True) for heading in headings]
    shown = Table("", "", *columns, box=None, pad_edge=False, padding=(0, 1))
    for one in data["contenders"]:
        scores = one["scores"]
        shown.add_row(
            "-" if one["rank"] is None else str(one["rank"]),
            Text(printable(_label(one))),
            _number(scores[metric]),
            _ends(one["interval"]),
            *(_number(scores[name]) for name in (other, "wape")),
            _number(scores["bias"], "+.3f"),
            _number(scores["coverage"]),
            _number(scores["width"]),
            _number(one["seconds"], ".1f"),
        )
    write_table(shown)


def _label(contender: Mapping[str, Any]) -> str:
    name, version = str(contender["name"]), contender["version"]
    return name if version in (None, name) else f"{name} {version}"


def _ends(interval: Sequence[float] | None) -> str:
    return "-" if interval is None else f"{interval[0]:.3f}-{interval[1]:.3f}"


def _number(value: float | None, form: str = ".3f") -> str:
    return "-" if value is None else format(value, form)


def _ahead_chart(data: Mapping[str, Any], measured: Sequence[Mapping[str, Any]]) -> str:
    """The error of each day ahead, a curve a contender; bars where there is but one day."""
    metric = data["metric"]
    width, height = terminal_size()
    title = f"{metric.upper()} by days ahead"
    if data["options"]["horizon"] == 1:
        items = [(one["name"], _or_nan(one["ahead"][0][metric])) for one in measured]
        bars = bar_list(items, width, colour=wants_colour(), ascii=wants_ascii())
        return "\n".join([title, *bars])
    curves = {
        one["name"]: [(float(at["day"]), _or_nan(at[metric])) for at in one["ahead"]]
        for one in measured
    }
    return curve_chart(
        curves,
        title=title,
        width=width,
        height=min(_CHART_ROWS, height - 2),
        x_name="days ahead",
        colour=wants_colour(),
        ascii=wants_ascii(),
    )


def _or_nan(value: float | None) -> float:
    return float("nan") if value is None else value


def write_series(view: Mapping[str, Any]) -> None:
    """Print the forecasts of one series beside what came.

    Args:
        view: Of `engine.backtests.forecasts.series_view`.
    """
    asked = [one for one in view["origins"] if one["contenders"]]
    if not asked:
        write_text(f"{printable(view['series'])} was not asked at any origin: it is too short")
        return
    best = asked[0]["contenders"][0]["name"]
    write_text(_series_chart(view, asked, best))
    _write_series_scores(view)
    _write_days(asked)


def _series_chart(view: Mapping[str, Any], asked: Sequence[Mapping[str, Any]], name: str) -> str:
    """The forecasts that a contender gave last for each day, behind the days before."""
    width, height = terminal_size()
    history = view["history"][-max(14, int(width * _HISTORY_DAYS_A_COLUMN)) :]
    latest = _latest(asked, name)
    with_ends = all(one["lower"] is not None for one in latest.values())
    lower, upper = (
        [one[end] for one in latest.values()] if with_ends else None for end in ("lower", "upper")
    )
    return forecast_chart(
        [dt.date.fromisoformat(one["day"]) for one in history],
        [one["value"] for one in history],
        [dt.date.fromisoformat(day) for day in latest],
        [one["forecast"] for one in latest.values()],
        title=f"{view['series']}: {name} at {len(asked)} origins",
        width=width,
        height=min(_CHART_ROWS, height - 2),
        colour=wants_colour(),
        ascii=wants_ascii(),
        actual=[one["actual"] for one in latest.values()],
        lower=lower,
        upper=upper,
    )


def _latest(asked: Sequence[Mapping[str, Any]], name: str) -> dict[str, dict[str, Any]]:
    """Day to forecast, ends and actual value; of a day that was forecast twice, the later one."""
    found: dict[str, dict[str, Any]] = {}
    for one in asked:
        for said in one["contenders"]:
            if said["name"] != name:
                continue
            for at, day in enumerate(one["days"]):
                ends = {end: said[end][at] if said[end] else None for end in ("lower", "upper")}
                values = {"forecast": said["forecast"][at], "actual": one["actual"][at], **ends}
                found[day] = values
    return dict(sorted(found.items()))


def _write_series_scores(view: Mapping[str, Any]) -> None:
    from rich.table import Column, Table
    from rich.text import Text

    columns = [Column(name.upper(), justify="right") for name in ("mase", "rmsse", "mae", "bias")]
    shown = Table("", *columns, box=None, pad_edge=False)
    for one in view["contenders"]:
        numbers = (_number(one[name]) for name in ("mase", "rmsse", "mae"))
        shown.add_row(Text(printable(one["name"])), *numbers, _number(one["bias"], "+.3f"))
    write_table(shown)


def _write_days(asked: Sequence[Mapping[str, Any]]) -> None:
    from rich.table import Column, Table
    from rich.text import Text

    names = list(dict.fromkeys(said["name"] for one in asked for said in one["contenders"]))
    columns = [Column(Text(printable(name)), justify="right") for name in names]
    shown = Table("origin", "day", Column("actual", justify="right"), *columns, box=None)
    for one in asked:
        forecasts = {said["name"]: said["forecast"] for said in one["contenders"]}
        for at, day in enumerate(one["days"]):
            shown.add_row(
                one["origin"] if at == 0 else "",
                f"{dt.date.fromisoformat(day):%a %Y-%m-%d}",
                f"{one['actual'][at]:.2f}",
                *(f"{forecasts[name][at]:.2f}" if name in forecasts else "-" for name in names),
            )
    write_table(shown)
