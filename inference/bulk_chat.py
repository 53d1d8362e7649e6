"""The same chat model through openai's client alone: half the processor time a call.

For roles that make very many calls at once, such as a judge. Streaming and tools are not its
matter; see `inference.openai_compatible`.
"""

from functools import cached_property
from typing import Any

import openai

from inference.chat import Reply
from inference.openai_compatible import RETRIES, OpenAICompatibleChat, first_token
from inference.server_errors import LONGEST_WAIT_SECONDS, unreadable


class BulkChat(OpenAICompatibleChat):
    async def _ask(
        self, sent: list[tuple[str, str]], settings: dict[str, Any], extras: dict[str, Any]
    ) -> Reply:
        messages: Any = [{"role": role, "content": content} for role, content in sent]
        try:
            said = await self._openai.chat.completions.create(
                model=self.endpoint.model, messages=messages, extra_body=extras, **settings
            )
            return _reply(said)
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


def _reply(said: Any) -> Reply:
    choice, usage = said.choices[0], said.usage
    details = usage.prompt_tokens_details if usage else None
    return Reply(
        text=choice.message.content or "",
        truncated=choice.finish_reason == "length",
        prompt_tokens=usage.prompt_tokens if usage else 0,
        completion_tokens=usage.completion_tokens if usage else 0,
        cached_tokens=(details.cached_tokens or 0) if details else 0,
        first_token=first_token(choice.logprobs.model_dump() if choice.logprobs else None),
    )
