from __future__ import annotations

import re

import pytest

from tests.unit.daemon.loop import in_event_loop
from tests.unit.predictor.conftest import Predictor


@in_event_loop
async def test_64_the_page_and_its_parts_come_from_here_and_nowhere_else(
    predictor: Predictor,
) -> None:
    page = await predictor.ask("GET", "/docs")
    parts = [
        await predictor.ask("GET", f"/{path}")
        for path in re.findall(r'(?:src|href)="(docs/[^"]+)"', page.text)
    ]

    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "http" not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert [part.status_code for part in parts] == [200, 200, 200]
    assert {part.headers["content-type"].partition(";")[0] for part in parts} == {
        "text/css",
        "text/javascript",
    }
    script = max(parts, key=lambda part: len(part.content)).text
    assert "SwaggerUIBundle" in script
    assert 'url: "openapi.json"' in parts[-1].text


@pytest.mark.parametrize(
    "path", ["/docs/", "/docs/..%2fapp.py", "/docs/main.py", "/docs/swagger-ui.css/x", "/docs/%00"]
)
@in_event_loop
async def test_there_is_nothing_else_below_it(predictor: Predictor, path: str) -> None:
    assert (await predictor.ask("GET", path)).status_code == 404
