"""What servers tell of the context's length and of how they count, in each one's own way."""

from typing import Any

import pytest

from inference.messages import Message
from tests.fake_server import serving
from tests.inference.conftest import Chat

ASKED = [Message(role="user", content="Is a cold dangerous?")]
NOTHING: dict[str, Any] = {"/none": {}}


@pytest.mark.parametrize(
    ("row", "pages", "tokens"),
    [
        ({"max_model_len": 32768}, NOTHING, 32768),
        ({"context_length": 131072, "max_context_length": 262144}, NOTHING, 131072),
        (
            {"meta": {"n_ctx_train": 131072}},
            {"/props": {"default_generation_settings": {"n_ctx": 8192}}},
            8192,
        ),
        ({"meta": {"n_ctx_train": 131072}}, NOTHING, 131072),
        (
            {},
            {
                "/api/v0/models": {
                    "data": [
                        {"id": "other", "loaded_context_length": 1},
                        {"id": "m", "max_context_length": 131072, "loaded_context_length": 4096},
                    ]
                }
            },
            4096,
        ),
        ({}, {"/api/v0/models": {"data": [{"id": "m", "max_context_length": 32768}]}}, 32768),
        ({}, {"/api/ps": {"models": [{"name": "m:latest", "context_length": 16384}]}}, 16384),
        (
            {},
            {
                "/api/ps": {"models": []},
                "/api/show": {"parameters": 'stop "<|im_end|>"\nnum_ctx                8192'},
            },
            8192,
        ),
        ({}, {"/api/ps": {"models": []}, "/api/show": {"parameters": ""}}, 4096),
        ({}, NOTHING, None),
        ({"max_model_len": "long"}, {"/props": "<html>", "/api/ps": [1, 2]}, None),
    ],
    ids=[
        "vLLM",
        "hosted",
        "llama.cpp",
        "llama.cpp without its properties",
        "LM Studio",
        "LM Studio before it loads",
        "Ollama",
        "Ollama before it loads",
        "Ollama with nothing set",
        "none",
        "nonsense",
    ],
)
async def test_the_context_is_as_long_as_the_server_says(
    chat: Chat, row: dict[str, Any], pages: dict[str, Any], tokens: int | None
) -> None:
    with serving(models=[{"id": "m", **row}]) as fake:
        fake.pages = pages
        connected = await chat(fake, "m").connected()

    assert connected.context_tokens == tokens


async def test_a_model_left_open_brings_its_context(chat: Chat) -> None:
    with serving(models=[{"id": "m", "max_model_len": 2048}]) as fake:
        connected = await chat(fake, "").connected()

    assert (connected.name, connected.context_tokens) == ("m", 2048)


async def test_a_server_that_counts_is_asked_to(chat: Chat) -> None:
    with serving() as fake:
        fake.pages = {"/tokenize": lambda asked: {"count": len(asked["messages"][0]["content"])}}
        counted = await chat(fake).tokens_in(ASKED)

    assert counted == len(ASKED[0].content)


@pytest.mark.parametrize("page", [None, {"tokens": [1, 2]}, "<html>", {"count": "many"}])
async def test_a_server_that_does_not_count_says_nothing(chat: Chat, page: Any) -> None:
    with serving() as fake:
        fake.pages = {"/tokenize": page}

        assert await chat(fake).tokens_in(ASKED) is None
