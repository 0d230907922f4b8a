"""The predictor's client, against the predictor's real process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.errors import DataError, NotFoundError, ServerError
from engine.pictures import decode
from engine.predictor_client import PredictorClient, ServingClassifier
from engine.workspace import Workspace
from tests.faults.predictor_process import predictor_process
from tests.unit.picture_bundles import colour_picture, deploy_pictures, make_picture_bundle, png


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    workspace = Workspace(tmp_path_factory.mktemp("client") / "workspace").create()
    with predictor_process(workspace):
        yield workspace


def test_pictures_are_classified_once_there_is_a_model(
    workspace: Workspace, tmp_path: Path
) -> None:
    red = png(colour_picture("red", 20, seed=9))
    with PredictorClient(workspace) as client:
        with pytest.raises(NotFoundError, match="no model of images is deployed"):
            client.serving_classifier()
        with pytest.raises(ServerError, match="404"):
            client.classify(red)
        version = deploy_pictures(workspace, make_picture_bundle(tmp_path / "bundle"))
        while True:
            try:
                serving = client.serving_classifier()
                break
            except NotFoundError:
                continue  # a tenth of a second at most

        assert serving == ServingClassifier(
            version.id, "MeanPicture", ("blue", "green", "red"), 16, 16, 3
        )
        answer = client.classify(red, name='a "picture"\r\n.png')
        assert (answer.version, answer.prediction) == (version.id, "red")
        assert answer.confidence > 0.9
        assert (answer.overlaid_png, answer.heat_map_png) == (None, None)
        assert answer.latency_ms > 0

        whole = client.classify(red, heat_map=True)
        assert whole.overlaid_png is not None
        assert whole.heat_map_png is not None
        assert decode(whole.overlaid_png, where="the answer").shape == (20, 20, 3)

        with pytest.raises(DataError, match=r"é\.png: this is a GIF, not a PNG or JPEG"):
            client.classify(b"GIF89a" + bytes(20), name="é.png")
        assert client.classify(red).prediction == "red"  # on the same connection
