"""`engine doctor`."""

from __future__ import annotations

import click

from engine.cli.options import CommandLine, json_option, pass_command_line, workspace_option


@click.command("doctor")
@json_option
@workspace_option
@pass_command_line
def doctor(line: CommandLine) -> int:
    """Check this machine and this workspace; every finding says what to do."""
    from engine.cli.exit_codes import ExitCode
    from engine.cli.output import wants_ascii, write_json, write_text
    from engine.doctor import examine

    findings = examine(line.workspace)
    healthy = all(finding.ok for finding in findings)
    if line.json:
        write_json({"ok": healthy, "checks": [finding.to_dict() for finding in findings]})
    else:
        good, bad = ("ok", "!!") if wants_ascii() else ("✓", "✗")
        for finding in findings:
            write_text(f"{good if finding.ok else bad} {finding.name}: {finding.found}")
            if finding.fix:
                write_text(f"    {finding.fix}")
    return ExitCode.OK if healthy else ExitCode.FAILED
