"""The only way in to a running engine: for the command line, the terminal and scripts.

    from engine.client import EngineClient, calls

    with EngineClient(workspace) as engine:
        reply = engine.send(calls.launch("full_flow", flags={"model_type": "LSTM"}))
        for event in engine.events(run_id=reply.run.id):
            ...

A call is a value, the same for the synchronous client and the asynchronous one. An engine that does
not run is started.
"""

from engine.client import calls
from engine.client.aio import AsyncEngineClient
from engine.client.sync import EngineClient

__all__ = ["AsyncEngineClient", "EngineClient", "calls"]
