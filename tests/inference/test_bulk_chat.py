import threading
from collections.abc import AsyncIterator

import pytest

from inference import bulk_chat
from inference.bulk_chat import BulkChat
from inference.endpoint import Endpoint
from inference.errors import ModelError, ModelUnreachable
from inference.messages import Message
from tests.fake_server import serving

ASKED = [Message(role="user", content="SECRET cough \ud800 since Monday")]


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_chat, "FIRST_PAUSE_SECONDS", 0.001)


@pytest.fixture
async def chats() -> AsyncIterator[list[BulkChat]]:
    made: list[BulkChat] = []
    yield made
    for one in made:
        await one.aclose()


def connected(base_url: str, chats: list[BulkChat]) -> BulkChat:
    chats.append(BulkChat(Endpoint(base_url=base_url, model="fake")))
    return chats[-1]


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504])
async def test_a_failure_that_passes_is_tried_again(status: int, chats: list[BulkChat]) -> None:
    with serving((status, "busy"), (status, "busy"), "At last.") as fake:
        reply = await connected(fake.base_url, chats).complete(ASKED)

    assert reply.text == "At last."
    assert len(fake.asked) == 3


async def test_a_failure_that_stays_is_told_after_three_calls(chats: list[BulkChat]) -> None:
    with serving((503, "SECRET")) as fake, pytest.raises(ModelError, match=r"HTTP 503$"):
        await connected(fake.base_url, chats).complete(ASKED)

    assert len(fake.asked) == 3


async def test_a_refusal_is_not_tried_again(chats: list[BulkChat]) -> None:
    with serving((400, "SECRET")) as fake, pytest.raises(ModelError, match=r"HTTP 400$"):
        await connected(fake.base_url, chats).complete(ASKED)

    assert len(fake.asked) == 1


async def test_a_server_that_is_gone_is_told(chats: list[BulkChat]) -> None:
    with serving() as fake:
        pass  # its port is closed again

    with pytest.raises(ModelUnreachable, match="nothing answers at http://127"):
        await connected(fake.base_url, chats).complete(ASKED)


async def test_a_server_that_takes_too_long_is_told(
    chats: list[BulkChat], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_chat, "LONGEST_WAIT_SECONDS", 0.05)
    with serving(_slowly) as fake, pytest.raises(ModelUnreachable, match="did not answer within"):
        await connected(fake.base_url, chats).complete(ASKED)


def _slowly(_: object) -> str:
    threading.Event().wait(0.3)
    return "late"


@pytest.mark.parametrize(
    "body",
    ["", "null", "[]", "{", '{"choices": [{}]}', '{"choices": [{"message": null}]}', "\xff", "42"],
)
async def test_a_reply_out_of_shape_is_told_and_never_quoted(
    body: str, chats: list[BulkChat]
) -> None:
    with serving((200, body)) as fake, pytest.raises(ModelError, match="cannot be read"):
        await connected(fake.base_url, chats).complete(ASKED)
