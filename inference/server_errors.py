"""Our words for what the client of a model server raises. None of them repeats what was sent."""

import openai

from inference.endpoint import Endpoint
from inference.errors import ModelError, ModelUnknown, ModelUnreachable

LONGEST_WAIT_SECONDS = 300.0


class Refusal(Exception):
    """A server answered with a status that is no success."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(status)
        self.status = status
        self.said = said
        """Its own words; they may quote the request and are shown to nobody."""


def told(error: openai.OpenAIError, endpoint: Endpoint) -> ModelError:
    """The client's error in our words."""
    match error:
        case openai.APITimeoutError():
            return too_slow(endpoint)
        case openai.APIConnectionError():
            return unreachable(endpoint)
        case openai.APIStatusError():
            return told_status(Refusal(error.status_code, str(error)), endpoint)
        case _:
            return unreadable(error, endpoint)


def told_status(refusal: Refusal, endpoint: Endpoint) -> ModelError:
    """A server's refusal in our words."""
    where = endpoint.base_url
    match refusal.status:
        case 404:
            name = endpoint.model or f"the model at {where}"
            return ModelUnknown(f"{where} has no model {name!r}; set --model or CLINALIGN_MODEL")
        case 401 | 403:
            return ModelError(f"{where} refused the key; set CLINALIGN_API_KEY")
        case status:
            return ModelError(f"{where} answered HTTP {status}{_reason(refusal)}")


def too_slow(endpoint: Endpoint) -> ModelError:
    return ModelUnreachable(
        f"{endpoint.base_url} did not answer within {LONGEST_WAIT_SECONDS:.0f} s"
    )


def unreachable(endpoint: Endpoint) -> ModelError:
    where = endpoint.base_url
    return ModelUnreachable(
        f"nothing answers at {where}; start the model server or set another --base-url"
    )


def unreadable(error: Exception, endpoint: Endpoint) -> ModelError:
    what = type(error).__name__
    return ModelError(f"{endpoint.base_url} gave a reply that cannot be read ({what})")


def _reason(refusal: Refusal) -> str:
    # Only the one reason that a user can act on; other texts may quote the request.
    too_long = refusal.status == 400 and "context" in refusal.said.lower()
    return ": the messages are longer than the model's context" if too_long else ""
