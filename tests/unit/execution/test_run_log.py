"""The log takes over the descriptors of its process, so each case is a process of its own."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from engine.runs.log import LogCursor, log_size, read_log, segment_path, segments

_PRELUDE = """
import json, logging, os, sys, threading
from pathlib import Path
from engine.execution.run_log import RunLog, use_run_logging
from engine.masking import Masker

folder, secrets, most_bytes = Path(sys.argv[1]), json.loads(sys.argv[2]), int(sys.argv[3])
log = RunLog(folder, Masker(secrets), most_bytes=most_bytes)
log.attach()
use_run_logging()
"""
STAMP = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} [+-]\d{4}"


def run(
    folder: Path,
    code: str,
    *,
    secrets: tuple[str, ...] = (),
    most_bytes: int = 10**6,
    status: int = 0,
) -> list[str]:
    """Run code in a process that has a run's log; return the lines of the log."""
    process = subprocess.run(
        [sys.executable, "-c", _PRELUDE + code, str(folder), json.dumps(secrets), str(most_bytes)],
        capture_output=True,
        check=False,
    )
    lines = lines_of(folder)
    assert process.returncode == status, (process.stderr, lines)
    # Nothing goes past the log to whoever started the process.
    assert (process.stdout, process.stderr) == (b"", b"")
    return lines


def lines_of(folder: Path) -> list[str]:
    return read_log(folder, LogCursor(), most_bytes=10**9, ended=True).lines


def without_stamp(lines: list[str]) -> list[str]:
    return [re.sub(rf"^{STAMP} ", "", line) for line in lines]


def test_everything_that_is_printed_is_in_the_log_in_its_order(tmp_path: Path) -> None:
    lines = run(
        tmp_path,
        """
print("printed")
print("to the standard error", file=sys.stderr)
os.write(1, b"from C\\n")
os.write(2, b"from C to the standard error\\n")
os.system("echo from a child")
logging.getLogger("engine.tasks").info("logged")
sys.stdout.writelines(["one\\n", "two\\n"])
""",
    )

    assert without_stamp(lines) == [
        "printed",
        "to the standard error",
        "from C",
        "from C to the standard error",
        "from a child",
        "INFO    engine.tasks: logged",
        "one",
        "two",
    ]


def test_a_line_that_is_printed_in_pieces_is_one_line(tmp_path: Path) -> None:
    lines = run(
        tmp_path,
        """
print("one", end="")
print(" line", "재고", flush=True)
sys.stdout.write("two\\nthree\\nfo")
sys.stdout.write("ur\\n\\n")
""",
    )

    assert lines == ["one line 재고", "two", "three", "four"]


def test_the_last_line_needs_no_end_when_the_log_is_finished(tmp_path: Path) -> None:
    assert run(tmp_path, "print('the end', end=''); log.finish(); log.finish()") == ["the end"]


def test_each_state_of_a_progress_bar_is_a_line(tmp_path: Path) -> None:
    lines = run(
        tmp_path,
        r"""
for percent in (10, 20):
    print(f"\r{percent}%", end="")
print()
print("a line as Windows ends it\r\n", end="")
""",
    )

    assert lines == ["10%", "20%", "a line as Windows ends it"]


def test_what_would_act_on_a_terminal_is_escaped(tmp_path: Path) -> None:
    lines = run(
        tmp_path,
        r"""
print("\x1b[2J\x07\u202e\u2028\x85 end")
print("a\tb")
logging.getLogger("engine").warning("\x1b]0;title\x07")
print("\udcff.csv")
""",
    )

    assert without_stamp(lines) == [
        r"\x1b[2J\x07\u202e\u2028\x85 end",
        "a       b",
        r"WARNING engine: \x1b]0;title\x07",
        r"\udcff.csv",
    ]


def test_secrets_are_blanked_out_however_they_are_written(tmp_path: Path) -> None:
    lines = run(
        tmp_path,
        """
print("the secret is hunter2!")
print("in pieces: hun", end="")
print("ter2!")
logging.getLogger("engine").error("logged: %s", "hunter2!")
print("postgres://reader:anything@db/warehouse and password=anything")
try:
    raise RuntimeError("raised: hunter2!")
except RuntimeError:
    logging.getLogger("engine").exception("failed")
""",
        secrets=("hunter2!",),
    )

    assert "hunter2!" not in "\n".join(lines)
    assert without_stamp(lines)[:4] == [
        "the secret is ***",
        "in pieces: ***",
        "ERROR   engine: logged: ***",
        "postgres://reader:***@db/warehouse and password=***",
    ]
    assert lines[-1].endswith("RuntimeError: raised: ***")


def test_a_secret_is_blanked_out_also_when_its_letters_are_shown_in_another_form(
    tmp_path: Path,
) -> None:
    # The log composes what was written as a letter and its accent.
    secret = "passwo\u0308rter"

    assert run(tmp_path, f"print('the secret is {secret}')", secrets=(secret,)) == [
        "the secret is ***"
    ]


def test_a_log_entry_says_when_how_bad_and_from_which_step(tmp_path: Path) -> None:
    lines = run(
        tmp_path,
        """
logger = logging.getLogger("prefect.task_runs")
logger.info("from a step", extra={"task_run_name": "train_model", "flow_name": "train_flow"})
logger.error("from a flow", extra={"flow_name": "train_flow"})
logging.getLogger("somebody.else").warning("%d rows", 7)
""",
    )

    assert all(re.match(STAMP, line) for line in lines)
    assert without_stamp(lines) == [
        "INFO    train_model: from a step",
        "ERROR   train_flow: from a flow",
        "WARNING somebody.else: 7 rows",
    ]


@pytest.mark.parametrize("end", [r"\n", r"\r", r"\r\n", r"\x0b", r"\x85", r"\u2028"])
def test_no_message_can_pretend_to_be_another_entry(tmp_path: Path, end: str) -> None:
    entry = "2026-01-31 14:05:09.123 +0900 INFO    engine: all is well"

    lines = run(tmp_path, f'logging.getLogger("engine").error("failed{end}{entry}")')

    assert not any(line.startswith(entry) for line in lines)
    assert any(entry in line for line in lines)


def test_a_traceback_is_indented_below_its_entry(tmp_path: Path) -> None:
    lines = run(
        tmp_path,
        """
try:
    1 / 0
except ZeroDivisionError:
    logging.getLogger("engine").exception("first\\nsecond")
""",
    )

    assert without_stamp(lines)[:2] == ["ERROR   engine: first", "    second"]
    assert all(line.startswith("    ") for line in lines[1:])
    assert lines[-1] == "    ZeroDivisionError: division by zero"


def test_loggers_that_were_set_up_before_go_to_the_log_once(tmp_path: Path) -> None:
    lines = run(
        tmp_path,
        """
logger = logging.getLogger("prefect.flow_runs")
logger.addHandler(logging.StreamHandler(sys.stderr))
logger.propagate = False
logging.getLogger("of.another.library").addHandler(logging.StreamHandler(sys.stderr))
use_run_logging()
use_run_logging()
logger.info("said once")
logging.getLogger("of.another.library").warning("said once")
""",
    )

    assert without_stamp(lines) == [
        "INFO    prefect.flow_runs: said once",
        "WARNING of.another.library: said once",
    ]


def test_only_this_program_and_prefect_tell_what_is_not_a_warning(tmp_path: Path) -> None:
    lines = run(
        tmp_path,
        """
for name in ("prefect.engine", "engine.tasks", "models.base", "httpx", "numexpr.utils"):
    logging.getLogger(name).info("info")
    logging.getLogger(name).debug("debug")
""",
    )

    assert [line.split()[-2] for line in lines] == [
        "prefect.engine:",
        "engine.tasks:",
        "models.base:",
    ]


def test_pages_that_do_not_exist_are_not_pointed_at(tmp_path: Path) -> None:
    lines = run(
        tmp_path,
        """
logging.getLogger("prefect").info("View at http://127.0.0.1:4200/runs/1")
logging.getLogger("prefect").info("Beginning flow run")
""",
    )

    assert without_stamp(lines) == ["INFO    prefect: Beginning flow run"]


def test_an_entry_that_cannot_be_laid_out_is_reported_and_ends_nothing(tmp_path: Path) -> None:
    lines = run(
        tmp_path,
        """
logging.getLogger("engine").info("%d rows", "no number")
print("goes on")
""",
    )

    assert "--- Logging error ---" in lines
    assert lines[-1] == "goes on"


def test_a_crash_in_c_leaves_its_traceback(tmp_path: Path) -> None:
    lines = run(tmp_path, "import ctypes; print('before'); ctypes.string_at(0)", status=-11)

    assert lines[0] == "before"
    assert lines[1] == "Fatal Python error: Segmentation fault"


def test_an_error_that_nobody_caught_is_in_the_log(tmp_path: Path) -> None:
    lines = run(tmp_path, "raise RuntimeError('nobody caught it')", status=1)

    assert lines[0].startswith("Traceback")
    assert lines[-1] == "RuntimeError: nobody caught it"


def test_entries_of_several_threads_are_whole_lines(tmp_path: Path) -> None:
    lines = run(
        tmp_path,
        """
def work(name):
    for number in range(50):
        logging.getLogger("engine").info("%s %d %s", name, number, name * 100)
threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
for thread in threads: thread.start()
for thread in threads: thread.join()
""",
    )

    expected = {f"INFO    engine: {n} {i} {n * 100}" for n in "abcd" for i in range(50)}
    assert len(lines) == 200
    assert set(without_stamp(lines)) == expected


def test_the_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    run(tmp_path, "print('secret enough')")

    assert segment_path(tmp_path, 0).stat().st_mode & 0o777 == 0o600


def test_what_is_there_already_is_appended_to(tmp_path: Path) -> None:
    segment_path(tmp_path, 0).write_text("first\n")
    segment_path(tmp_path, 3).write_text("third\n")

    lines = run(tmp_path, "print('later')")

    assert segments(tmp_path) == [0, 3]
    assert (lines[0], lines[-2:]) == ("first", ["third", "later"])


@pytest.mark.parametrize("width", [30, 100, 1000])
def test_a_long_log_keeps_its_first_part_and_its_last(tmp_path: Path, width: int) -> None:
    lines = run(
        tmp_path, f"for n in range(400): print(str(n).ljust({width}, '.'))", most_bytes=10_000
    )

    assert log_size(tmp_path) <= 10_000 + 5 * width
    numbers = segments(tmp_path)
    assert numbers[0] == 0
    assert numbers[1] > 1  # what was between is gone
    assert lines[0].startswith("0.")
    assert lines[-1].startswith("399.")
    (notice,) = (n for n, line in enumerate(lines) if "removed to keep it within" in line)
    kept = [int(line.split(".")[0]) for line in lines[:notice] + lines[notice + 1 :]]
    assert kept[:notice] == [*range(notice)]
    assert kept[notice:] == [*range(400 - len(kept[notice:]), 400)]


def test_a_log_that_fits_is_kept_whole(tmp_path: Path) -> None:
    # As many bytes as it may have, in segments that are full to the last byte.
    lines = run(tmp_path, "for n in range(100): print(f'{n:09}')", most_bytes=1000)

    assert [int(line) for line in lines] == [*range(100)]
    assert segments(tmp_path) == [0, 1, 2, 3, 4]


def test_segments_that_are_full_to_the_last_byte_stay_within_the_size_too(tmp_path: Path) -> None:
    run(tmp_path, "for n in range(1000): print(f'{n:09}')", most_bytes=1000)

    assert log_size(tmp_path) <= 1000


def test_a_very_long_line_is_broken_and_the_next_one_is_whole(tmp_path: Path) -> None:
    lines = run(tmp_path, "print('a' * 200_000 + '\\nb'); print('c', 'd' * 10)", most_bytes=10**7)

    assert "".join(lines[:-2]) == "a" * 200_000
    assert max(map(len, lines)) == 64 * 1024
    assert lines[-2:] == ["b", "c dddddddddd"]


def test_a_line_that_never_ends_is_written_all_the_same(tmp_path: Path) -> None:
    lines = run(tmp_path, "for _ in range(100): sys.stdout.write('a' * 1000)", most_bytes=10**7)

    assert lines
    assert set("".join(lines)) == {"a"}


def test_a_full_disk_costs_lines_and_not_the_run(tmp_path: Path) -> None:
    lines = run(
        tmp_path,
        """
print("before")
kept = os.dup(1)
full = os.open("/dev/full", os.O_WRONLY)
os.dup2(full, 1)
print("lost")
logging.getLogger("engine").info("lost too\\nand a third")
os.dup2(kept, 1)
print("after")
print("later")
""",
    )

    assert lines == ["before", "... 3 line(s) could not be written here ...", "after", "later"]


def test_the_notice_of_lost_lines_is_a_line_of_its_own_when_half_a_line_did_fit(
    tmp_path: Path,
) -> None:
    lines = run(
        tmp_path,
        """
import resource
print("before")
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (os.fstat(1).st_size + 4, hard))
print("cut off after four letters")
print("lost")
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
print("after")
""",
    )

    assert lines == ["before", "cut ", "... 2 line(s) could not be written here ...", "after"]


def test_a_segment_that_cannot_be_begun_leaves_no_hole_in_the_numbers(tmp_path: Path) -> None:
    lines = run(
        tmp_path,
        """
import errno
real, failing = os.open, True
def full_disk(path, *args, **kwargs):
    if failing and "log." in str(path):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    return real(path, *args, **kwargs)
os.open = full_disk
for n in range(20): print(f"{n:09}")
failing = False
for n in range(20, 25): print(f"{n:09}")
""",
        most_bytes=500,
    )

    assert [int(line) for line in lines] == [*range(25)]
    assert segments(tmp_path) == [0, 1]


def test_nothing_is_lost_when_old_segments_cannot_make_room_for_a_new_one(tmp_path: Path) -> None:
    lines = run(
        tmp_path,
        """
import errno
real, failing = os.open, False
def full_disk(path, *args, **kwargs):
    if failing and "log." in str(path):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    return real(path, *args, **kwargs)
os.open = full_disk
for n in range(15): print(f"{n:09}")
failing = True
for n in range(15, 100): print(f"{n:09}")
""",
        most_bytes=500,
    )

    # The last segment cannot be left, so it is none of those that may be removed.
    assert lines[-1] == "000000099"
