"""The blocks of the screen of the machine, the engine and what it keeps running."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from engine.charts.scales import format_duration
from engine.schema import ChildInfo, NotificationInfo, PoolInfo
from tui.language import tr
from tui.paint import Line, clean, clip, fit, shortened, wrap
from tui.panels import Block, Item, Target, age, gauge, one, spread
from tui.pulse.blocks import CHILD_LOOKS, schedule_line
from tui.states import moment, size
from tui.system.usage import Meter, Usage

if TYPE_CHECKING:
    from tui.control_center import ControlCenter

_LEVELS = "▁▂▃▄▅▆▇█"
_LABEL = 8
_PAIRS_FROM = 72
_CORES_SHOWN = 32
_FAILED_NOTIFICATIONS = 5
_WORKERS_SHOWN = 8


def machine_block(meter: Meter, gpus: Sequence[str], width: int) -> Block:
    """Processors, memory and swap."""
    usage = meter.now
    if usage is None:
        return Block(tr("Machine"), [one((f" {tr('asking')}", "dim"))])
    load = " ".join(f"{value:.2f}" for value in usage.load)
    used = f"{size(usage.memory_used)} / {size(usage.memory_total)}"
    lines = [
        _share_line("CPU", usage.cpu, f"{usage.cpu:.0%}", width),
        _history(meter.cpu, width),
        *_core_lines(usage, width),
        spread([(f" {fit(tr('load'), _LABEL)}", "dim"), (load, "")], [], width),
        _share_line(tr("memory"), usage.memory, used, width),
        _history(meter.memory, width),
        _swap_line(usage, width),
    ]
    lines += [[(f" {fit('GPU', _LABEL)}", "dim"), (clip(name, width - 10), "")] for name in gpus]
    return Block(tr("Machine"), [Item((line,)) for line in lines], note=_core_count(usage))


def _core_count(usage: Usage) -> str:
    return tr("{count} processors", count=len(usage.cores))


def _swap_line(usage: Usage, width: int) -> Line:
    if not usage.swap_total:
        return [(f" {fit(tr('swap'), _LABEL)}", "dim"), (tr("none"), "dim")]
    said = f"{size(usage.swap_used)} / {size(usage.swap_total)}"
    return _share_line(tr("swap"), usage.swap_used / usage.swap_total, said, width)


def _share_line(label: str, share: float, said: str, width: int) -> Line:
    look = "bad" if share >= 0.9 else "warn" if share >= 0.75 else "good"
    room = width - _LABEL - 2 - 22
    right: Line = [(fit(said, 20, "right"), ""), (" ", "")]
    left: Line = [(f" {fit(label, _LABEL)}", "dim"), *gauge(share, max(4, room), look)]
    return spread(left, right, width)


def _history(shares: Iterable[float], width: int) -> Line:
    """The last readings as a line, between nothing and everything."""
    room = max(4, width - _LABEL - 2 - 22)
    last = list(shares)[-room:]
    top = len(_LEVELS) - 1
    drawn = "".join(_LEVELS[min(top, int(share * len(_LEVELS)))] for share in last)
    return [(" " * (_LABEL + 1), ""), (fit(drawn, room, "right"), "accent")]


def _core_lines(usage: Usage, width: int) -> list[Line]:
    """A short bar for each processor, several in a line; of very many only one line of signs."""
    if len(usage.cores) > _CORES_SHOWN:
        top = len(_LEVELS) - 1
        drawn = "".join(_LEVELS[min(top, int(share * len(_LEVELS)))] for share in usage.cores)
        room = max(1, width - _LABEL - 2)
        parts = [drawn[at : at + room] for at in range(0, len(drawn), room)]
        return [[(" " * (_LABEL + 1), ""), (part, "run")] for part in parts]
    each = 17
    in_line = max(1, (width - _LABEL - 1) // each)
    lines: list[Line] = []
    for start in range(0, len(usage.cores), in_line):
        line: Line = [(" " * (_LABEL + 1), "")]
        for at, share in enumerate(usage.cores[start : start + in_line], start):
            line += [(f"{at:>2} ", "dim"), *gauge(share, 7, "run"), (f"{share:>5.0%}  ", "")]
        lines.append(line)
    return lines


def disk_block(usage: Usage | None, sizes: Mapping[str, int] | None, width: int) -> Block:
    """The disk of the workspace, and which part of the workspace takes how much of it."""
    title = tr("Disk of the workspace")
    if usage is None or not usage.disk_total:
        return Block(title, [one((f" {tr('asking')}", "dim"))], rank=1)
    taken = 1 - usage.disk_free / usage.disk_total
    free = tr("{size} free", size=size(usage.disk_free))
    items = [Item((_share_line(tr("disk"), taken, free, width),))]
    if sizes is None:
        return Block(title, [*items, one((f" {tr('adding up the folders')}", "dim"))], rank=1)
    largest = max(sizes.values(), default=0) or 1
    for name, taken_bytes in sorted(sizes.items(), key=lambda one: -one[1]):
        room = max(4, width - 18 - 12)
        left: Line = [(f" {fit(name, 16)} ", ""), *gauge(taken_bytes / largest, room, "accent")]
        items.append(Item((spread(left, [(size(taken_bytes), ""), (" ", "")], width),)))
    return Block(title, items, note=size(sum(sizes.values())), rank=1, least=len(items))


def engine_block(app: ControlCenter, width: int) -> Block:
    """The engine itself."""
    status = app.board.status
    items: list[Item] = []
    if status is None or app.board.lost is not None:
        why: Line = [(clip(f" {app.board.trouble or tr('connecting')}", width), "bad")]
        start: Line = [(" U", "key"), (f"  {tr('starts it')}", "")]
        items.append(Item((why, start)))
    if status is None:
        return Block(tr("Engine"), items)
    queue = tr("{running} of {most} run", running=status.running, most=status.max_concurrent)
    facts = {
        "version": status.version,
        "pid": str(status.pid),
        "up for": age(app.now() - status.started),
        "memory": size(status.memory),
        "CPU": "" if status.cpu_seconds is None else f"{status.cpu_seconds:.0f} s",
        "queue": f"{queue} · {tr('{count} wait', count=status.queued)}",
        "time zone": status.timezone,
        "MLflow": status.mlflow,
        "workspace": status.workspace,
    }
    given = [(tr(name), value) for name, value in facts.items() if value]
    # Two facts a line where there is room; the workspace is long, so it has one of its own.
    per_line = 2 if width >= _PAIRS_FROM else 1
    room = width // per_line
    for at in range(0, len(given) - 1, per_line):
        pair: Line = []
        for name, value in given[at : min(at + per_line, len(given) - 1)]:
            pair += [(f" {fit(name, 11)}", "dim"), (fit(value, room - 12), "")]
        items.append(Item((pair,)))
    name, value = given[-1]
    items.append(one((f" {fit(name, 11)}", "dim"), (clip(value, width - 13), "")))
    items += [
        one((f" {text}", "warn"))
        for problem in (*status.problems, *status.warnings)
        for text in wrap(problem, width - 2)
    ]
    return Block(tr("Engine"), items)


def children_block(app: ControlCenter, width: int) -> Block:
    """Every process that the engine keeps running."""
    status = app.board.status
    children = status.children if status else ()
    items = [_child(child, app.now(), width) for child in children]
    if status is not None and status.pool is not None:
        items.append(_pool(status.pool, app.now(), width))
    return Block(tr("Children"), items or [one((f" {tr('none')}", "dim"))], least=len(items) or 1)


def _child(child: ChildInfo, now: float, width: int) -> Item:
    mark, tone = CHILD_LOOKS.get(child.state, ("?", "magenta"))
    head: Line = [
        (f" {mark} ", tone),
        (fit(tr(child.name), 15), "strong"),
        (tr(child.state), tone),
    ]
    if child.state != "off":
        head.append((f"  {age(now - child.since)}", "dim"))
    lines = [spread(head, [(size(child.memory), ""), (" ", "")], width)]
    cpu = "" if child.cpu_seconds is None else f"CPU {format_duration(child.cpu_seconds)}"
    restarts = tr("{count} restarts", count=child.restarts) if child.restarts else ""
    pid = f"pid {child.pid}" if child.pid is not None else ""
    facts = " · ".join(text for text in (pid, cpu, restarts, child.address) if text)
    if facts:
        look = "warn" if child.restarts else "dim"
        lines += [[(f"   {text}", look)] for text in wrap(facts, width - 4)]
    ill = "bad" if child.state == "failed" else "warn"
    lines += [[(f"   {text}", ill)] for text in wrap(child.problem, width - 4) if child.problem]
    return Item(tuple(lines), Target("child", child.name))


def _pool(pool: PoolInfo, now: float, width: int) -> Item:
    """The work pool, and when each of its workers was heard of last."""
    mark, tone = CHILD_LOOKS["failed" if pool.problem else "ready"]
    name = tr("work pool {name}", name=clean(pool.name))
    lines: list[Line] = [[(f" {mark} ", tone), (clip(name, width - 3), "strong")]]
    for worker in pool.workers[:_WORKERS_SHOWN]:
        heard = age(max(now - worker.heard, 0.0))
        said = tr("{name}: heard of {time} ago", name=clean(worker.name), time=heard)
        lines.append([(clip(f"   {said}", width), "dim" if worker.online else "warn")])
    lines += [[(f"   {text}", "warn")] for text in wrap(pool.problem, width - 4) if pool.problem]
    return Item(tuple(lines), Target("pool", pool.name))


def addresses_block(app: ControlCenter, width: int) -> Block:
    """Where the engine and its children answer."""
    items = [
        Item(([(f" {fit(name, 15)}", ""), (clip(text, width - 17), "accent")],), Target(kind, text))
        for kind, name, text in addresses(app)
    ]
    none = one((clip(f" {tr('only inside this machine, through a socket')}", width), "dim"))
    return Block(tr("Addresses"), items or [none], rank=2)


def addresses(app: ControlCenter) -> list[tuple[str, str, str]]:
    """The kind, what answers there, and the address."""
    status = app.board.status
    if status is None:
        return []
    found = [("address", name, text) for name, text in sorted(status.addresses.items())]
    if status.prefect_url:
        found.append(("address", "Prefect", status.prefect_url))
    return found


def schedule_block(app: ControlCenter, width: int) -> Block:
    """The schedules, to be paused and resumed."""
    items = [
        Item((schedule_line(app, schedule, width),), Target("schedule", schedule.name))
        for schedule in app.board.schedules
    ]
    none = one((f" {tr('none')}", "dim"), ("   engine schedule add", "accent"))
    return Block(tr("Schedules"), items or [none], rank=3)


def doctor_block(app: ControlCenter, checks: Any, asked: float | None, width: int) -> Block:
    """What the doctor found: what is wrong first, each with what to do about it."""
    found = [one for one in checks if isinstance(one, dict)] if isinstance(checks, list) else None
    if found is None:
        return Block(tr("Doctor"), [one((f" {tr('examining')}", "dim"))], rank=1)
    order = {"error": 0, "warning": 1}
    found.sort(key=lambda check: order.get(str(check.get("state")), 2))
    items = [_finding(check, width) for check in found]
    ill = sum(1 for check in found if not check.get("ok"))
    note = tr("{count} to see to", count=ill) if ill else tr("all is well")
    when = moment(asked, app.time_mode, app.now(), app.zone)
    return Block(tr("Doctor"), items, note=f"{note} · {when}" if when else note, rank=1)


def _finding(check: Mapping[str, Any], width: int) -> Item:
    name, said = clean(check.get("name", "")), clean(check.get("message", ""))
    advice = clean(check.get("advice", ""))
    target = Target("check", name)
    if check.get("ok"):
        mark, look = ("!", "warn") if advice else ("✓", "good")
        line: Line = [(f" {mark} ", look), (fit(name, 15), ""), (clip(said, width - 19), "dim")]
        return Item((line, *_advice_lines(advice, width)), target)
    head: Line = [(" ✗ ", "bad"), (clip(name, width - 4), "bad")]
    lines: list[Line] = [[(f"   {part}", "")] for part in wrap(said, width - 4)]
    return Item((head, *lines, *_advice_lines(advice, width)), target)


def _advice_lines(advice: str, width: int) -> list[Line]:
    return [[(f"   {part}", "accent")] for part in wrap(advice, width - 4)] if advice else []


def notifications_block(
    app: ControlCenter, told: Sequence[NotificationInfo], width: int
) -> Block | None:
    """Messages that did not arrive; None where all did."""
    failed = [one for one in told if one.delivered is None and one.problem]
    if not failed:
        return None
    items = []
    for message in failed[:_FAILED_NOTIFICATIONS]:
        when = moment(message.created, app.time_mode, app.now(), app.zone)
        head: Line = [(" ✗ ", "bad"), (clean(message.target), "")]
        lines = [spread(head, [(when, "dim"), (" ", "")], width)]
        lines += [[(f"   {part}", "bad")] for part in shortened(message.problem, width - 4, 2)]
        items.append(Item(tuple(lines), Target("run", message.run_id)))
    return Block(tr("Messages that did not arrive"), items, note=str(len(failed)), rank=1)
