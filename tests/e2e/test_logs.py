"""What a run writes: followed live, kept within its size, without secrets, safe to show."""

from __future__ import annotations

from engine.runs.log import log_size, segments
from tests.e2e.harness import TIMEOUT_SECONDS, Engine, Puppets

SECRET = "correct-horse-battery"


def test_the_log_holds_what_was_said_and_nothing_that_must_not_be(
    engine: Engine, puppet: Puppets
) -> None:
    engine.workspace.secrets.write_text(f"PUPPET_SECRET={SECRET}\n")
    engine.workspace.secrets.chmod(0o600)
    with engine.settings("run: {log_max_mb: 1}"):
        run_id = puppet("talk", f"--set=train.hparams.what=the key is {SECRET} indeed")
        engine.wait_closed(run_id)
    lines = engine.run("logs", run_id).stdout.splitlines()
    folder = engine.workspace.run_folder(run_id)

    assert "printed: the key is *** indeed ***" in lines
    assert r"password=*** \x1b]0;title\x07 \u202e" in lines
    assert "written past Python" in lines
    forged = lines.index("    2026-01-01 00:00:00 INFO forged: entry")
    assert lines[forged - 1].endswith("models.puppet: logged")
    assert "no line end" in lines
    assert any("were removed to keep it within its size" in line for line in lines)
    assert any(line.startswith("line 19999 ") for line in lines)
    assert len(segments(folder)) > 2
    assert log_size(folder) < 1.5 * 1024**2
    content = b"".join(path.read_bytes() for path in folder.glob("log*"))
    assert SECRET.encode() not in content
    assert b"\x1b" not in content


def test_a_log_is_followed_until_the_run_ends(engine: Engine, puppet: Puppets) -> None:
    run_id = puppet("wait")
    follower = engine.start("logs", "-f", run_id)
    engine.wait_until(lambda: engine.workspace.run_folder(run_id).joinpath("log").read_text())
    engine.json("cancel", run_id)
    out, err = follower.communicate(timeout=TIMEOUT_SECONDS)

    assert (follower.returncode, err) == (0, "")
    assert "Beginning flow run" in out
    assert out == engine.run("logs", run_id).stdout


def test_the_last_lines_are_enough(engine: Engine, full_run: dict[str, str]) -> None:
    everything = engine.run("logs", full_run["id"]).stdout.splitlines()

    assert engine.run("logs", "-n", "3", full_run["id"]).stdout.splitlines() == everything[-3:]


def test_a_run_is_watched_by_others_than_who_launched_it(engine: Engine, puppet: Puppets) -> None:
    run_id = puppet("wait")
    watcher = engine.start("watch", run_id, "--json")
    engine.json("cancel", run_id)
    out, _ = watcher.communicate(timeout=TIMEOUT_SECONDS)

    assert watcher.returncode == 130
    assert '"state": "CANCELLED"' in out
