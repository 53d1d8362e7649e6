"""The same chat model through openai's client alone: a third of the processor time a call.

For roles that make very many calls at once, such as a judge. Streaming and tools are not its
matter; see `inference.openai_compatible`.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import Any, cast

import openai

from inference.chat import Reply
from inference.openai_compatible import RETRIES, OpenAICompatibleChat, first_token
from inference.server_errors import LONGEST_WAIT_SECONDS, unreadable


class BulkChat(OpenAICompatibleChat):
    async def _ask(
        self, sent: list[tuple[str, str]], settings: dict[str, Any], extras: dict[str, Any]
    ) -> Reply:
        messages = [{"role": role, "content": content} for role, content in sent]
        body = {"model": self.endpoint.model, "messages": messages, **settings, **extras}
        try:
            # As it is: taking requests and replies through the client's types costs more than
            # all the rest of a call.
            said = await self._openai.post("/chat/completions", cast_to=object, body=body)
            return _reply(cast(Mapping[str, Any], said))
        except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
            raise unreadable(error, self.endpoint) from error

    @cached_property
    def _openai(self) -> openai.AsyncOpenAI:
        return openai.AsyncOpenAI(
            base_url=self.endpoint.base_url,
            api_key=self.endpoint.api_key,
            timeout=LONGEST_WAIT_SECONDS,
            max_retries=RETRIES,
            http_client=self._http,
        )


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
