"""The deployed versions and the log of what served: asked for in the background, shown at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.errors import EngineError
from tui import verbs
from tui.language import tr
from tui.models.facts import SERIES, Model, Move, models_of, moves_of

if TYPE_CHECKING:
    from tui.control_center import ControlCenter

# Runs after which there may be another version.
_DEPLOYING = ("deploy_flow", "full_flow")


@dataclass(frozen=True, slots=True)
class Checked:
    """What verifying the files and the golden forecast of a version found, and when."""

    at: float
    problem: str


class ModelBook:
    """What the last answers told. Each question is a process: it is asked when there is a reason.

    Args:
        app: The application.
        answered: Called with every answer, and when a question failed.

    Attributes:
        models: All versions.
        aliases: The alias of each version that has one: each data type has a champion.
        moves: Who let which version serve, the newest first; None before it was asked.
        wants_moves: Whether somebody looks at them.
        checks: What was verified from here, by version.
        verifying: Versions that are being verified.
        asked: Whether there was an answer yet.
        asking: Whether a question is under way.
        problem: Why the last question failed, "" if it did not.
        revision: Grows with every answer.
    """

    def __init__(self, app: ControlCenter, answered: Callable[[], None]) -> None:
        self._app = app
        self._answered = answered
        self.models: tuple[Model, ...] = ()
        self.aliases: dict[str, str] = {}
        self.moves: tuple[Move, ...] | None = None
        self.wants_moves = False
        self.checks: dict[str, Checked] = {}
        self.verifying: set[str] = set()
        self.asked = False
        self.asking = False
        self.problem = ""
        self.revision = 0
        self._is_wanted = False
        self._seen: tuple[float, ...] | None = None

    def alias(self, version: str) -> str:
        """The alias that names a version, "" for none."""
        return self.aliases.get(version, "")

    def get(self, version: str) -> Model | None:
        """A version by its id."""
        return next((model for model in self.models if model.id == version), None)

    def champion(self, data_type: str = SERIES) -> Model | None:
        """The version that serves a data type."""
        return self._named("champion", data_type)

    def previous(self, data_type: str = SERIES) -> Model | None:
        """The version that served it before."""
        return self._named("previous", data_type)

    def _named(self, alias: str, data_type: str) -> Model | None:
        named = (one for one in self.models if self.alias(one.id) == alias)
        return next((one for one in named if one.data_type == data_type), None)

    def take(self, models: Any, moves: Any = None) -> None:
        """Take in answers of `engine models --json` and of `engine models log --json`."""
        self.models, self.aliases = models_of(models)
        if moves is not None:
            self.moves = moves_of(moves)
        self.asked = True
        self.problem = ""
        self.revision += 1

    def look(self) -> None:
        """Ask if there may be something new: a run that deploys has ended, or files changed."""
        storage = self._app.workspace.central_storage
        signs = (
            _changed(storage / "aliases.db"),
            _changed(storage / "versions"),
            max((run.ended or 0.0 for run in self._deploying()), default=0.0),
        )
        if signs != self._seen or (self.wants_moves and self.moves is None and not self.problem):
            self._seen = signs
            self.ask()

    def ask(self) -> None:
        """Ask, in the background; what is known stays until the answer comes."""
        if not self._app.connects:
            return
        self._is_wanted = True
        self._app.link.look("models", self._ask)

    async def _ask(self) -> None:
        self.asking = True
        try:
            # What changed while an answer was under way may not be in it.
            while self._is_wanted:
                self._is_wanted = False
                models = await self._app.engine("models")
                moves = await self._app.engine("models", "log") if self.wants_moves else None
                self.take(models, moves)
                self._answered()
                self._app.changed()
        except EngineError as error:
            self.problem = str(error)
            self._answered()
        finally:
            self.asking = False

    def _deploying(self) -> Iterable[Any]:
        return (run for run in self._app.board.recent.values() if run.flow in _DEPLOYING)

    def verify(self, versions: list[str]) -> None:
        """Check files and golden forecasts, in the background."""
        command = " && ".join(f"engine models verify {version}" for version in versions)

        async def work() -> str:
            self.verifying.update(versions)
            try:
                for version in versions:
                    await self._verify(version)
            finally:
                self.verifying.difference_update(versions)
            return tr("verified: {names}", names=", ".join(versions))

        self._app.act(command, work)

    async def _verify(self, version: str) -> None:
        answer = await verbs.ask(self._app.workspace, "models", "verify", version)
        # What does not verify ends the command badly, and is told in its answer.
        found = answer.data if isinstance(answer.data, list) else []
        told = next((one for one in found if isinstance(one, dict)), None)
        if told is None:
            raise EngineError(" ".join(answer.problem.removeprefix("error: ").split()))
        problem = str(told.get("problem") or "")
        self.checks[version] = Checked(self._app.now(), problem)
        self.verifying.discard(version)
        if problem:
            raise EngineError(problem, where=f"version {version}")


def _changed(path: Any) -> float:
    try:
        return float(path.stat().st_mtime_ns)
    except OSError:
        return 0.0
