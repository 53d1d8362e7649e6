"""A question goes to the address it was meant for, and nowhere else."""

import pytest

from inference.errors import ModelError
from inference.messages import Message
from tests.fake_server import serving
from tests.inference.conftest import Chat

ASKED = [Message(role="user", content="a secret")]


async def test_a_redirect_takes_no_question_elsewhere(chat: Chat) -> None:
    with serving() as other:
        away = (307, "", {"Location": f"{other.base_url}/chat/completions"})
        with serving(away) as server:
            with pytest.raises(ModelError):
                await chat(server).complete(ASKED)
            with pytest.raises(ModelError):
                await chat(server).complete(ASKED, heard=lambda _: None)

    assert server.asked
    assert other.asked == []


async def test_a_proxy_sees_no_question_to_this_machine(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving() as proxy, serving() as server:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.base_url.removesuffix("/v1"))
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        asked = chat(server)
        await asked.connected()
        await asked.complete(ASKED)

    assert (len(proxy.asked), len(server.asked)) == (0, 1)
