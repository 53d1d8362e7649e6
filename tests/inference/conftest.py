"""What the tests of model servers share: both adapters on a fake server, with short pauses."""

from collections.abc import AsyncIterator, Callable

import pytest

from inference import openai_compatible
from inference.bulk_chat import BulkChat
from inference.endpoint import Endpoint
from inference.openai_compatible import OpenAICompatibleChat
from tests.fake_server import FakeServer

Chat = Callable[..., OpenAICompatibleChat]


@pytest.fixture
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openai_compatible, "FIRST_PAUSE_SECONDS", 0.001)


@pytest.fixture(params=[OpenAICompatibleChat, BulkChat])
async def chat(request: pytest.FixtureRequest, short_pauses: None) -> AsyncIterator[Chat]:
    """Makes a chat with a fake server, by either adapter."""
    made: list[OpenAICompatibleChat] = []

    def chat(fake: FakeServer, model: str = "fake", **endpoint: object) -> OpenAICompatibleChat:
        where = Endpoint.model_validate(
            {"base_url": fake.base_url, "model": model, "longest_wait_seconds": 10.0, **endpoint}
        )
        made.append(request.param(where))
        return made[-1]

    yield chat
    for one in made:
        await one.aclose()
