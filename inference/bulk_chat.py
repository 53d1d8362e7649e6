"""The same chat model by plain requests, for far less processor time a call (see decision 12).

For roles that make very many calls at once, such as a judge. Streaming and tools are not its
matter; see `inference.openai_compatible`.
"""

import asyncio
import json
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import aiohttp

from inference.chat import Reply
from inference.openai_compatible import RETRIES, OpenAICompatibleChat, first_token
from inference.server_errors import (
    LONGEST_WAIT_SECONDS,
    Refusal,
    too_slow,
    unreachable,
    unreadable,
)

PASSING = (408, 409, 429, 500, 502, 503, 504)  # statuses that may be gone the next time
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.5, 8.0


class BulkChat(OpenAICompatibleChat):
    async def aclose(self) -> None:
        """Close the connections."""
        await self._session.close()

    async def _ask(
        self, sent: list[tuple[str, str]], settings: dict[str, Any], extras: dict[str, Any]
    ) -> Reply:
        messages = [{"role": role, "content": content} for role, content in sent]
        body = {"model": self.endpoint.model, "messages": messages, **settings, **extras}
        status, said = await self._posted(json.dumps(body).encode("utf-8", "surrogatepass"))
        if status != 200:
            raise Refusal(status, said.decode("utf-8", "replace"))
        try:
            return _reply(json.loads(said))
        except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
            raise unreadable(error, self.endpoint) from error

    async def _posted(self, body: bytes) -> tuple[int, bytes]:
        """Status and text; a passing failure is tried again after a pause."""
        url = self.endpoint.base_url.rstrip("/") + "/chat/completions"
        for attempt in range(RETRIES + 1):
            pause = FIRST_PAUSE_SECONDS * 2**attempt
            try:
                async with self._session.post(url, data=body) as reply:
                    said = await reply.read()
                if reply.status not in PASSING or attempt == RETRIES:
                    return reply.status, said
                pause = _asked_pause(reply.headers.get("retry-after", "")) or pause
            except TimeoutError as error:
                raise too_slow(self.endpoint) from error
            except aiohttp.ClientError as error:
                if attempt == RETRIES:
                    raise unreachable(self.endpoint) from error
            await asyncio.sleep(min(pause, LONGEST_PAUSE_SECONDS))
        raise AssertionError("the last attempt returns or raises")

    @cached_property
    def _session(self) -> aiohttp.ClientSession:
        key = f"Bearer {self.endpoint.api_key}"
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),  # callers bound their calls themselves
            timeout=aiohttp.ClientTimeout(total=LONGEST_WAIT_SECONDS),
            headers={"Authorization": key, "Content-Type": "application/json"},
        )


def _asked_pause(retry_after: str) -> float:
    try:
        return float(retry_after)
    except ValueError:
        return 0.0


def _reply(said: Mapping[str, Any]) -> Reply:
    choice, usage = said["choices"][0], said.get("usage") or {}
    details = usage.get("prompt_tokens_details") or {}
    return Reply(
        text=choice["message"].get("content") or "",
        truncated=choice.get("finish_reason") == "length",
        prompt_tokens=usage.get("prompt_tokens") or 0,
        completion_tokens=usage.get("completion_tokens") or 0,
        cached_tokens=details.get("cached_tokens") or 0,
        first_token=first_token(choice.get("logprobs")),
    )
