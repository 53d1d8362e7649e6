"""Our words for what the client of a model server raises. None of them repeats what was sent."""

import re

import aiohttp
import httpx2
import openai

from inference.endpoint import LONGEST_WAIT_SECONDS as LONGEST_WAIT_SECONDS
from inference.endpoint import Endpoint
from inference.errors import ModelError, ModelUnknown, ModelUnreachable

GATEWAYS = (502, 503, 504)
"""Statuses that say that nothing answers behind the address."""

UNREADABLE = (ValueError, KeyError, TypeError, IndexError, AttributeError)
"""What reading a reply raises that is not in the API's shape."""

_BEYOND = re.compile(
    r"context (?:length|size|window)|maximum model length|max_model_len|exceed_context_size|n_ctx",
    re.IGNORECASE,
)
# The wordings of vLLM, OpenAI, llama.cpp, its Python server, and LM Studio, in this order.
_LIMIT = re.compile(
    r"maximum context length (?:is |\()(\d+)|maximum model length of (\d+)|max_model_len=(\d+)"
    r"|context length is only (\d+)|available context size \((\d+)"
    r"|\bn_ctx\W{1,4}(\d+)|context window of (\d+)|context length of only (\d+)"
)
_SENT = re.compile(
    r"(\d+) in the messages|Input length \((\d+)\)|prompt \(length (\d+)\)"
    r"|(?<!at least )\b(\d+) input tokens|request \((\d+) tokens\)|n_prompt_tokens\W{1,4}(\d+)"
    r"|Requested tokens \((\d+)\)|n_keep: (\d+)|keep the first (\d+) tokens"
)


class Refusal(Exception):
    """A server answered with a status that is no success."""

    def __init__(self, status: int, said: str, wait_seconds: float = 0.0) -> None:
        super().__init__(status)
        self.status = status
        self.said = said
        """Its own words; they may quote the request and are shown to nobody."""
        self.wait_seconds = wait_seconds
        """How long it asks to wait before the next try; 0: it does not say."""

    @property
    def too_long(self) -> bool:
        """The messages, and the answer asked for, do not fit into the model's context."""
        return self.status in (400, 413, 500) and bool(_BEYOND.search(self.said))


class ContextExceeded(ModelError):
    """The messages, and the answer asked for, do not fit into the model's context."""

    def __init__(self, told: str, limit_tokens: int | None, sent_tokens: int | None) -> None:
        super().__init__(told)
        self.limit_tokens = limit_tokens
        """The context, if the server says how long it is."""
        self.sent_tokens = sent_tokens
        """What the messages came to, if the server says so."""


class TooMuch(Exception):
    """A reply grew beyond every answer."""


def asked_pause(retry_after: str) -> float:
    """The seconds of a `Retry-After` header; 0 for none, and for a date."""
    try:
        return max(0.0, float(retry_after))
    except ValueError:
        return 0.0


def told(error: openai.OpenAIError, endpoint: Endpoint) -> ModelError:
    """The client's error in our words."""
    match error:
        case openai.APIConnectionError():
            return lost(error, endpoint)
        case openai.APIStatusError():
            return told_status(Refusal(error.status_code, str(error)), endpoint)
        case _:
            return unreadable(error, endpoint)


def lost(error: BaseException, endpoint: Endpoint) -> ModelError:
    """A connection that could not be made, or did not last, in our words.

    By the first cause: on the way up, clients call a refused connection a time-out.
    """
    causes = [error]
    while cause := causes[-1].__cause__:
        causes.append(cause)
    if any(isinstance(one, TooMuch) for one in causes):
        return too_much(endpoint)
    if any(isinstance(one, aiohttp.ClientConnectorError) for one in causes):
        return unreachable(endpoint)
    if isinstance(causes[-1], TimeoutError):
        return too_slow(endpoint)
    broken = (aiohttp.ClientError, httpx2.ReadError, httpx2.RemoteProtocolError)
    if any(isinstance(one, broken) for one in causes):
        return broke_off(endpoint)
    return unreachable(endpoint)


def told_status(refusal: Refusal, endpoint: Endpoint) -> ModelError:
    """A server's refusal in our words."""
    where = endpoint.base_url
    if refusal.too_long:
        limit = _number(_LIMIT, refusal.said)
        context = f"context of {limit:,} tokens" if limit else "context"
        why = (
            f"{where} answered HTTP {refusal.status}: the messages, with the answer asked for, are"
            f" longer than the model's {context}; shorten them, or serve the model with a longer"
            " context"
        )
        return ContextExceeded(why, limit, _number(_SENT, refusal.said))
    match refusal.status:
        case 404:
            name = endpoint.model or f"the model at {where}"
            return ModelUnknown(f"{where} has no model {name!r}; set --model or CLINALIGN_MODEL")
        case 401 | 403:
            return ModelError(f"{where} refused the key; set CLINALIGN_API_KEY")
        case status if status in GATEWAYS:
            return ModelUnreachable(f"{where} answered HTTP {status}")
        case status:
            return ModelError(f"{where} answered HTTP {status}")


def too_slow(endpoint: Endpoint) -> ModelError:
    return ModelUnreachable(
        f"{endpoint.base_url} did not answer within {endpoint.longest_wait_seconds:g} s"
    )


def unreachable(endpoint: Endpoint) -> ModelError:
    where = endpoint.base_url
    return ModelUnreachable(
        f"nothing answers at {where}; start the model server or set another --base-url"
    )


def broke_off(endpoint: Endpoint) -> ModelError:
    return ModelUnreachable(f"{endpoint.base_url} broke off in the middle of its answer")


def failed_midway(endpoint: Endpoint) -> ModelError:
    return ModelError(f"{endpoint.base_url} ended its answer with an error")


def too_much(endpoint: Endpoint) -> ModelError:
    return ModelError(f"{endpoint.base_url} sent more than any answer can be")


def unreadable(error: Exception, endpoint: Endpoint) -> ModelError:
    what = type(error).__name__
    return ModelError(f"{endpoint.base_url} gave a reply that cannot be read ({what})")


def _number(pattern: re.Pattern[str], said: str) -> int | None:
    """The first number that the server's words give in one of these places."""
    found = pattern.search(said)
    return next((int(one) for one in found.groups() if one), None) if found else None
