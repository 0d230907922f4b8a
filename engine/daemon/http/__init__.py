"""The engine's own HTTP interface, for clients of the same user on its Unix socket.

Handlers translate: a request to a call, its result or error to an answer. What is asked is checked
by the types of `engine.schema`, nothing is coerced.
"""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.routing import Route

from engine.daemon.engine import Engine
from engine.daemon.http.answers import guarded, no_such_route
from engine.daemon.http.engine_routes import EngineRoutes
from engine.daemon.http.run_routes import RunRoutes
from engine.daemon.http.schedule_routes import ScheduleRoutes


def make_app(engine: Engine) -> Starlette:
    """The application over one engine."""
    engine_routes, run_routes = EngineRoutes(engine), RunRoutes(engine)
    schedule_routes = ScheduleRoutes(engine)
    routes = [
        ("GET", "/health", engine_routes.health),
        ("GET", "/status", engine_routes.status),
        ("POST", "/warm", engine_routes.warm),
        ("POST", "/down", engine_routes.down),
        ("GET", "/events", engine_routes.events),
        ("GET", "/notifications", engine_routes.notifications),
        ("POST", "/notifications/test", engine_routes.test_notifications),
        ("GET", "/flows", run_routes.flows),
        ("GET", "/runs", run_routes.runs),
        ("POST", "/runs", run_routes.launch),
        ("POST", "/runs/cancel", run_routes.cancel_all),
        ("POST", "/runs/delete", run_routes.delete),
        ("GET", "/runs/{run_id}", run_routes.run),
        ("POST", "/runs/{run_id}/cancel", run_routes.cancel),
        ("POST", "/runs/{run_id}/rerun", run_routes.rerun),
        ("GET", "/runs/{run_id}/log", run_routes.log),
        ("GET", "/runs/{run_id}/progress", run_routes.progress),
        ("GET", "/schedules", schedule_routes.list),
        ("POST", "/schedules", schedule_routes.add),
        ("PATCH", "/schedules/{name}", schedule_routes.change),
        ("DELETE", "/schedules/{name}", schedule_routes.remove),
    ]
    return Starlette(
        exception_handlers={404: no_such_route, 405: no_such_route},
        routes=[
            Route(path, guarded(handler), methods=[method]) for method, path, handler in routes
        ],
    )
