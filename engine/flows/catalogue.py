"""The five flows, by the names that configurations, commands and HTTP requests use."""

from __future__ import annotations

from typing import Any

from prefect import Flow

from engine.flows.data import data_flow
from engine.flows.deploy import deploy_flow
from engine.flows.eval import eval_flow
from engine.flows.full import full_flow
from engine.flows.train import train_flow

FLOWS: dict[str, Flow[..., Any]] = {
    flow.name: flow for flow in (data_flow, train_flow, eval_flow, deploy_flow, full_flow)
}
