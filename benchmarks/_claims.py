"""What every benchmark prints: claims, each with its goal and a peer measured in the same run."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Claim:
    """One measured number.

    Attributes:
        claim: What was measured.
        value: The number.
        unit: Its unit.
        goal: What it should be, such as "<= 0.35"; "" where there is only a comparison.
        peer: What it is compared with.
        peer_value: The peer's number, None where there is no peer.
        ok: Whether the goal is reached.
    """

    claim: str
    value: float
    unit: str
    goal: str
    peer: str
    peer_value: float | None
    ok: bool


def at_most(
    claim: str, value: float, unit: str, limit: float, peer: str, peer_value: float | None
) -> Claim:
    """A number that should not be larger than a limit."""
    return Claim(
        claim, _short(value), unit, f"<= {limit:g}", peer, _short(peer_value), value <= limit
    )


def at_least(
    claim: str, value: float, unit: str, limit: float, peer: str, peer_value: float | None
) -> Claim:
    """A number that should not be smaller than a limit."""
    return Claim(
        claim, _short(value), unit, f">= {limit:g}", peer, _short(peer_value), value >= limit
    )


def within(
    claim: str,
    value: float,
    unit: str,
    low: float,
    high: float,
    peer: str,
    peer_value: float | None,
) -> Claim:
    """A number that should lie between two limits, either included."""
    goal = f"{low:g} to {high:g}"
    ok = low <= value <= high
    return Claim(claim, _short(value), unit, goal, peer, _short(peer_value), ok)


def beside(claim: str, value: float, unit: str, peer: str, peer_value: float) -> Claim:
    """A number that should not be larger than the peer's."""
    return Claim(
        claim, _short(value), unit, "<= peer", peer, _short(peer_value), value <= peer_value
    )


def compared(claim: str, value: float, unit: str, peer: str, peer_value: float) -> Claim:
    """A number with its peer's and no goal."""
    return Claim(claim, _short(value), unit, "", peer, _short(peer_value), True)


def measured(claim: str, value: float, unit: str) -> Claim:
    """A number with neither a goal nor a peer."""
    return Claim(claim, _short(value), unit, "", "", None, True)


def parser_of(doc: str | None) -> argparse.ArgumentParser:
    """The parser of a benchmark's options, with `--json`."""
    parser = argparse.ArgumentParser(description=(doc or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="one line of JSON a claim")
    return parser


def report(claims: Sequence[Claim], *, as_json: bool) -> int:
    """Print the claims; return the exit status, 1 when a goal is missed."""
    for claim in claims:
        if as_json:
            print(json.dumps(asdict(claim)), flush=True)
            continue
        verdict = "ok" if claim.ok else "MISSED"
        peer = "" if claim.peer_value is None else f"; {claim.peer}: {claim.peer_value:g}"
        goal = f"goal {claim.goal}" if claim.goal else "no goal"
        value = f"{claim.value:g} {claim.unit}".rstrip()
        print(f"{verdict:>6}  {claim.claim}: {value} ({goal}{peer})", flush=True)
    return 0 if all(claim.ok for claim in claims) else 1


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of the values does not exceed."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


def _short(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.4g}")
