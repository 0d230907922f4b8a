"""What pictures the predictor is asked about, right and wrong, and what it answers."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import random
from pathlib import Path
from typing import Any

import httpx
import msgspec
import numpy as np
import pytest

from engine.pictures import decode
from engine.predictor.feedback import ServedClassification
from engine.store import AliasRegistry
from models.data_types import IMAGE
from models.imaging.pictures import PixelArray
from tests.unit.daemon.loop import in_event_loop, running, until
from tests.unit.deployments import deploy
from tests.unit.picture_bundles import bomb, colour_picture, deploy_pictures, jpeg, png
from tests.unit.predictor.conftest import TOKEN, WINDOW, Predictor, classifying

RED = png(colour_picture("red", seed=90))
BLUE = png(colour_picture("blue", seed=91))
FIELDS = {
    "model_name",
    "prediction",
    "overlaid_img",
    "raw_hm_img",
    "message",
    "confidence",
    "probabilities",
}


@pytest.fixture(autouse=True)
def champion(predictor: Predictor, picture_bundles: list[Path]) -> None:
    deploy_pictures(predictor.workspace, picture_bundles[0])


def drawn(text: str) -> PixelArray:
    return decode(base64.b64decode(text, validate=True), where="the answer")


def refused(answer: httpx.Response, status: int) -> str:
    """The message of a refusal in the whole schema of a picture."""
    body = answer.json()
    assert (answer.status_code, body.keys()) == (status, FIELDS), answer.text
    assert body["probabilities"] == {}
    assert {body[name] for name in FIELDS - {"message", "probabilities"}} == {None}
    return str(body["message"])


@in_event_loop
async def test_the_answer_has_the_names_that_users_know_and_how_sure_the_model_is(
    predictor: Predictor,
) -> None:
    async with classifying(predictor) as name:
        answer = await predictor.predict_image(RED)

    body = answer.json()
    assert (answer.status_code, body.keys()) == (200, FIELDS)
    assert (body["model_name"], body["prediction"]) == (name, "red")
    assert body["message"] == "예측 성공"
    assert next(iter(body["probabilities"])) == "red"
    assert set(body["probabilities"]) == {"red", "green", "blue"}
    assert body["confidence"] == body["probabilities"]["red"] > 0.9
    assert sum(body["probabilities"].values()) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("size", "shown"), [((16, 16), (16, 16)), ((40, 30), (40, 30)), ((700, 1400), (256, 512))]
)
@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
@in_event_loop
async def test_the_heat_map_is_shaped_like_the_picture_but_never_large(
    predictor: Predictor,
    picture_bundles: list[Path],
    size: tuple[int, int],
    shown: tuple[int, int],
    fit: str,
) -> None:
    deploy_pictures(predictor.workspace, picture_bundles[1], fit=fit)
    picture = np.full((*size, 3), (220, 20, 30), np.uint8)
    async with classifying(predictor):
        body = (await predictor.predict_image(jpeg(picture))).json()

    assert body["prediction"] == "red"
    assert drawn(body["overlaid_img"]).shape == (*shown, 3)
    assert drawn(body["raw_hm_img"]).shape[:2] == shown


@in_event_loop
async def test_what_speaks_for_the_class_is_warm_and_the_rest_of_the_picture_is_as_it_was(
    predictor: Predictor,
) -> None:
    picture = colour_picture("red", noise=0)
    picture[:, :8] = (200, 60, 60)
    async with classifying(predictor):
        body = (await predictor.predict_image(png(picture))).json()

    heat, overlaid = drawn(body["raw_hm_img"]).mean(axis=2), drawn(body["overlaid_img"])
    assert heat[:, 13:].min() > heat[:, :3].max() + 50
    change = np.abs(overlaid.astype(int) - picture).max(axis=2)
    assert change[heat == heat.min()].max() <= 1
    assert change[:, 13:].min() > 50


@pytest.mark.parametrize(
    "asked", [{"params": {"heat_map": "false"}}, {"data": {"heat_map": "false"}}]
)
@in_event_loop
async def test_without_a_heat_map_there_are_no_images(
    predictor: Predictor, asked: dict[str, Any]
) -> None:
    async with classifying(predictor):
        without = (await predictor.predict_image(RED, **asked)).json()
        whole = (await predictor.predict_image(RED)).json()

    assert (without["overlaid_img"], without["raw_hm_img"]) == (None, None)
    assert without["probabilities"] == whole["probabilities"]


@pytest.mark.parametrize("kind", ["image/png", "IMAGE/JPEG; q=1"])
@in_event_loop
async def test_the_file_alone_may_be_the_body(predictor: Predictor, kind: str) -> None:
    async with classifying(predictor):
        answer = await predictor.ask(
            "POST", "/predict_image", content=BLUE, headers={"content-type": kind}
        )

    assert (answer.status_code, answer.json()["prediction"]) == (200, "blue")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "file: it is empty"),
        (b"hello", "a.png: this is no PNG or JPEG"),
        (b"GIF89a" + bytes(20), "a.png: this is a GIF, not a PNG or JPEG"),
        (RED[:-30], "a.png: "),
        (jpeg(colour_picture("red", 64))[:400], "a.png: "),
        (bomb(6000, 6000), "36,000,000 pixels"),
        (bomb(20_000, 8), "16,384 on a side"),
    ],
)
@in_event_loop
async def test_what_is_no_picture_or_too_large_a_one_is_refused(
    predictor: Predictor, content: bytes, said: str
) -> None:
    async with classifying(predictor):
        message = refused(await predictor.predict_image(content), 422)
        after = await predictor.predict_image(RED)

    assert (
        said.replace("36,000,000 pixels", "6,000 x 6,000 pixels, more than 25,000,000") in message
    )
    assert after.json()["prediction"] == "red"


FORM = {"content-type": "multipart/form-data; boundary=b"}


@pytest.mark.parametrize(
    ("options", "status", "said"),
    [
        ({"json": {}}, 415, "send a form with the picture in the field `file`"),
        ({"content": RED}, 415, "image/png or image/jpeg"),
        ({"content": RED, "headers": {"content-type": "image/gif"}}, 415, "image/png"),
        (
            {"content": RED, "headers": {"content-type": "image/png", "content-encoding": "gzip"}},
            415,
            "without Content-Encoding",
        ),
        ({"content": b"", "headers": {"content-type": "image/png"}}, 422, "the body: it is empty"),
        ({"content": b"", "headers": {"content-type": "multipart/form-data"}}, 400, "boundary"),
        ({"content": b"--b", "headers": FORM}, 400, "part 1"),
        (
            {"content": b"--b--", "headers": FORM},
            422,
            "file: send one picture in this field, not 0",
        ),
        ({"files": {"picture": RED}}, 422, "unknown field 'picture'; there is file and heat_map"),
        ({"files": [("file", RED), ("file", RED)]}, 422, "not 2; several at once go to POST"),
        ({"files": {"file": RED}, "data": {"heat_map": "no"}}, 422, "heat_map: true or false"),
        ({"files": {"file": RED}, "params": {"heat_map": ""}}, 422, "heat_map: true or false"),
        ({"files": {"file": RED}, "params": {"heat": "1"}}, 422, "unknown field 'heat'"),
        (
            {"files": {"file": RED}, "params": {"heat_map": "true"}, "data": {"heat_map": "true"}},
            422,
            "said 2 times",
        ),
        ({"files": {"file": bytes(10 * 1024 * 1024)}}, 413, "larger than 10240 kB"),
        (
            {"files": {"file": RED}, "headers": {"origin": "https://evil.example"}},
            403,
            "a web page of another server",
        ),
        ({"files": {"file": RED}, "headers": {"origin": "null"}}, 403, "a web page"),
    ],
)
@in_event_loop
async def test_a_request_without_exactly_one_picture_is_refused_with_what_to_do(
    predictor: Predictor, options: dict[str, Any], status: int, said: str
) -> None:
    async with classifying(predictor):
        assert said in refused(await predictor.ask("POST", "/predict_image", **options), status)


@in_event_loop
async def test_our_own_page_may_ask(predictor: Predictor) -> None:
    async with classifying(predictor):
        answer = await predictor.predict_image(RED, headers={"origin": "http://127.0.0.1"})

    assert answer.status_code == 200


@in_event_loop
async def test_without_a_model_the_schema_is_whole_and_says_what_to_do(
    predictor: Predictor, bundles: list[Path]
) -> None:
    deploy(predictor.workspace, bundles[0])  # one of series is none for pictures

    one = refused(await predictor.predict_image(RED), 404)
    many = await predictor.classify(RED)

    assert "engine run full_flow" in one
    assert (many.status_code, many.json()["model_name"], many.json()["pictures"]) == (404, None, [])


@in_event_loop
async def test_many_are_answered_in_order_and_a_bad_one_costs_only_itself(
    predictor: Predictor,
) -> None:
    async with classifying(predictor) as name:
        answer = await predictor.classify(*[RED, BLUE] * 10, b"hello", BLUE, RED[:-30])
        alone = (await predictor.predict_image(BLUE)).json()

    body = answer.json()
    assert (answer.status_code, body["model_name"]) == (200, name)
    assert body["message"] == "예측 성공 (2 of 23 pictures cannot be used)"
    pictures = body["pictures"]
    assert [one["name"] for one in pictures] == [f"{number}.png" for number in range(23)]
    assert [one["prediction"] for one in pictures] == ["red", "blue"] * 10 + [None, "blue", None]
    assert pictures[1]["probabilities"] == pytest.approx(alone["probabilities"])
    assert pictures[1]["error"] is None
    assert "20.png: this is no PNG or JPEG" in pictures[20]["error"]
    assert (pictures[20]["confidence"], pictures[20]["probabilities"]) == (None, {})


@in_event_loop
async def test_of_many_that_are_all_bad_each_is_told_why(predictor: Predictor) -> None:
    async with classifying(predictor):
        answer = await predictor.classify(b"hello", b"GIF89a")

    assert answer.status_code == 422
    assert "none of the 2 pictures" in answer.json()["message"]
    assert all(one["error"] for one in answer.json()["pictures"])


@pytest.mark.parametrize(
    ("options", "status", "said"),
    [
        ({"files": [("files", RED)] * 65}, 422, "1 to 64 pictures are classified at once, not 65"),
        ({"content": b"--b--", "headers": FORM}, 422, "not 0"),
        ({"files": {"picture": RED}}, 422, "unknown field 'picture'; there is files"),
        ({"content": RED, "headers": {"content-type": "image/png"}}, 415, "multipart/form-data"),
        ({"files": {"files": bytes(32 * 1024 * 1024)}}, 413, "larger than 32768 kB"),
        ({"files": {"files": RED}, "headers": {"origin": "https://evil.example"}}, 403, "a web"),
    ],
)
@in_event_loop
async def test_a_request_for_many_is_refused_in_its_own_schema(
    predictor: Predictor, options: dict[str, Any], status: int, said: str
) -> None:
    async with classifying(predictor):
        answer = await predictor.ask("POST", "/classify", **options)

    body = answer.json()
    assert (answer.status_code, body["model_name"], body["pictures"]) == (status, None, [])
    assert said in body["message"]


@in_event_loop
async def test_twenty_at_once_each_get_their_own_while_series_are_forecast(
    predictor: Predictor, bundles: list[Path]
) -> None:
    deploy(predictor.workspace, bundles[0])
    names = ["red", "green", "blue"] * 7
    async with classifying(predictor):
        answers = await asyncio.gather(
            *(
                predictor.predict_image(png(colour_picture(name, 200, seed=place)))
                for place, name in enumerate(names[:20])
            ),
            predictor.forecast({"input_data": [1.0] * WINDOW}),
        )

    assert {answer.status_code for answer in answers} == {200}
    assert [answer.json()["prediction"] for answer in answers[:20]] == names[:20]
    assert answers[20].json()["prediction"] == [1.0] * 7


@in_event_loop
async def test_each_kind_follows_its_own_alias(
    predictor: Predictor, bundles: list[Path], picture_bundles: list[Path]
) -> None:
    series = deploy(predictor.workspace, bundles[0])
    newer = deploy_pictures(predictor.workspace, picture_bundles[1])
    aliases = AliasRegistry(predictor.workspace.central_storage, IMAGE)
    async with classifying(predictor), running(predictor.updates.follow()):
        older = aliases.roll_back().champion
        await until(lambda: predictor.switched[-1] == older)
        answer = (await predictor.predict_image(RED)).json()
        forecast = (await predictor.forecast({"input_data": [1.0] * WINDOW})).json()
        models = (await predictor.ask("GET", "/models")).json()
        health = await predictor.ask("GET", "/health_check")

    assert (answer["model_name"], forecast["model_name"]) == (older, series.id)
    assert (models["champion"], models["serving"]["model_name"]) == (series.id, series.id)
    image = models["image"]
    assert (image["champion"], image["previous"]) == (older, newer.id)
    assert image["serving"]["classes"] == ["blue", "green", "red"]
    assert (image["serving"]["height"], image["serving"]["channels"]) == (16, 3)
    assert health.json()["models"] == {"timeseries": series.id, "image": older}
    assert health.json()["model_name"] == series.id


@in_event_loop
async def test_with_a_model_of_images_only_the_predictor_is_healthy(predictor: Predictor) -> None:
    async with classifying(predictor) as name:
        health = await predictor.ask("GET", "/health_check")
        forecast = await predictor.forecast({"input_data": [1.0] * WINDOW})

    assert (health.status_code, health.json()["model_name"]) == (200, name)
    assert health.json()["models"] == {"timeseries": None, "image": name}
    assert (forecast.status_code, forecast.json()["model_name"]) == (404, None)


@in_event_loop
async def test_a_champion_that_does_not_verify_leaves_the_old_one_answering(
    predictor: Predictor, picture_bundles: list[Path]
) -> None:
    async with classifying(predictor) as name:
        newer = deploy_pictures(predictor.workspace, picture_bundles[1])
        (newer.bundle / "model.onnx").write_bytes(b"something else")
        await predictor.updates.refresh()
        answer = (await predictor.predict_image(RED)).json()
        health = await predictor.ask("GET", "/health_check")

    assert (answer["model_name"], answer["prediction"]) == (name, "red")
    assert health.status_code == 200
    assert newer.id in health.json()["problem"]


@in_event_loop
async def test_who_has_the_token_lets_another_version_of_images_answer(
    predictor: Predictor, bundles: list[Path], picture_bundles: list[Path]
) -> None:
    series = deploy(predictor.workspace, bundles[0])
    deploy_pictures(predictor.workspace, picture_bundles[1])
    aliases = AliasRegistry(predictor.workspace.central_storage, IMAGE)
    older = aliases.read().previous
    async with classifying(predictor):
        answer = await predictor.ask(
            "PUT",
            f"/update_model/{older}/manifest.json",
            headers={"authorization": f"Bearer {TOKEN}"},
        )
        told = (await predictor.predict_image(RED)).json()

    assert (answer.status_code, answer.json()["message"]) == (200, "Update the model successfully")
    assert told["model_name"] == aliases.read().champion == older
    assert AliasRegistry(predictor.workspace.central_storage).read().champion == series.id


@in_event_loop
async def test_classes_are_kept_with_the_features_of_the_pictures_but_without_these(
    predictor: Predictor,
) -> None:
    async with classifying(predictor) as name:
        await predictor.predict_image(RED)
        await predictor.predict_image(b"hello")
        await predictor.classify(BLUE)
    predictor.seen.write()

    content = (predictor.workspace.predictor / "pictures.jsonl").read_bytes()
    decode_line = msgspec.json.Decoder(ServedClassification).decode
    kept = [decode_line(line) for line in content.splitlines()]
    assert [(one.model_name, one.prediction) for one in kept] == [(name, "red"), (name, "blue")]
    assert kept[0].sha256 == hashlib.sha256(RED).hexdigest()
    assert kept[0].features["red"] == pytest.approx(220, abs=3)
    assert kept[1].features["blue"] == pytest.approx(220, abs=3)
    assert len(content) < 2 * 400


@in_event_loop
async def test_damaged_files_are_refused_and_the_model_goes_on_answering(
    predictor: Predictor,
) -> None:
    chance = random.Random(7)
    sources = [png(colour_picture("red", 40)), jpeg(colour_picture("blue", 40)), bomb(64, 64)]
    statuses = set()
    async with classifying(predictor) as name:
        for number in range(200):
            content = bytearray(sources[number % len(sources)])
            # Within the head, where a change is never without consequence for long.
            for _ in range(chance.randint(1, 6)):
                content[chance.randrange(12)] = chance.randrange(256)
            whole = bytes(content[: chance.randint(1, len(content) - 1)])
            statuses.add((await predictor.predict_image(whole)).status_code)
        answer = (await predictor.predict_image(RED)).json()

    assert statuses == {422}
    assert (answer["model_name"], answer["prediction"]) == (name, "red")
