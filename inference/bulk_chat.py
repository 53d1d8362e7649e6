"""The same chat model by plain requests, for far less processor time a call (see decision 12).

For roles that make very many calls at once, such as a judge. Tools are not its matter; see
`inference.openai_compatible`, from which it differs in the way only.
"""

import json
from collections.abc import AsyncIterator, Mapping
from functools import cached_property
from typing import Any

import aiohttp

from inference.chat import Reply
from inference.langchain_chat import MOST_REPLY_BYTES
from inference.openai_compatible import OpenAICompatibleChat
from inference.server_errors import (
    UNREADABLE,
    Refusal,
    TooMuch,
    asked_pause,
    broke_off,
    failed_midway,
    lost,
    unreadable,
)
from inference.thinking import Listener
from inference.wire import Figures, Request, error_event, thinks_apart


class BulkChat(OpenAICompatibleChat):
    async def aclose(self) -> None:
        """Close the connections."""
        await self._session.close()

    async def _ask(self, request: Request, listener: Listener) -> Reply:
        url = self.endpoint.base_url.rstrip("/") + "/chat/completions"
        figures = Figures()
        try:
            async with self._session.post(
                url, data=request.body(self.endpoint.model), allow_redirects=False
            ) as reply:
                if reply.status != 200:
                    said = (await _read(reply)).decode("utf-8", "replace")
                    wait = asked_pause(reply.headers.get("retry-after", ""))
                    raise Refusal(reply.status, said, wait)
                if reply.content_type == "text/event-stream":
                    await self._hear(reply, listener, figures)
                else:
                    _take(json.loads(await _read(reply)), "message", listener, figures)
                return figures.reply(listener)
        except aiohttp.ClientError as error:
            raise lost(error, self.endpoint) from error
        except UNREADABLE as error:
            raise unreadable(error, self.endpoint) from error

    async def _hear(
        self, reply: aiohttp.ClientResponse, listener: Listener, figures: Figures
    ) -> None:
        async for event in _events(reply):
            if error := event.get("error"):
                if listener.has_told:
                    raise failed_midway(self.endpoint)
                raise Refusal(*error_event(error))
            _take(event, "delta", listener, figures)
        if not figures.finish_reason:
            raise broke_off(self.endpoint)

    @cached_property
    def _session(self) -> aiohttp.ClientSession:
        key = f"Bearer {self.endpoint.api_key}"
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),  # callers bound their calls themselves
            timeout=aiohttp.ClientTimeout(),  # a call has one deadline, in `complete`
            headers={"Authorization": key, "Content-Type": "application/json"},
        )


def _take(said: Mapping[str, Any], part: str, listener: Listener, figures: Figures) -> None:
    """Read a reply, or an event of a stream; its last event has the costs alone."""
    choices = said["choices"]
    choice = choices[0] if choices or part == "message" else {}
    message = choice[part] if choices else {}
    if thinks_apart(message):
        listener.think_apart()
    figures.take(choice, said.get("usage"))
    listener.take(message.get("content") or "")


async def _parts(reply: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    seen = 0
    async for part in reply.content.iter_any():
        seen += len(part)
        if seen > MOST_REPLY_BYTES:
            raise TooMuch
        yield part


async def _read(reply: aiohttp.ClientResponse) -> bytes:
    return b"".join([part async for part in _parts(reply)])


async def _events(reply: aiohttp.ClientResponse) -> AsyncIterator[dict[str, Any]]:
    """The data of each server-sent event; such APIs write one line for each."""
    begun: list[bytes] = []
    async for part in _parts(reply):
        *lines, rest = part.split(b"\n")
        if lines:
            lines[0] = b"".join([*begun, lines[0]])
            begun = []
        begun.append(rest)
        for line in lines:
            data = line.strip().removeprefix(b"data:").strip()
            if data == b"[DONE]":
                return
            if line.startswith(b"data:") and data:
                yield json.loads(data)
