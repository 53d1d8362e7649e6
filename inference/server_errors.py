"""Our words for what the client of a model server raises. None of them repeats what was sent."""

import openai

from inference.endpoint import Endpoint
from inference.errors import ModelError, ModelUnknown, ModelUnreachable

LONGEST_WAIT_SECONDS = 300.0


def told(error: openai.OpenAIError, endpoint: Endpoint) -> ModelError:
    """The client's error in our words."""
    where = endpoint.base_url
    match error:
        case openai.APITimeoutError():
            return ModelUnreachable(f"{where} did not answer within {LONGEST_WAIT_SECONDS:.0f} s")
        case openai.APIConnectionError():
            return ModelUnreachable(
                f"nothing answers at {where}; start the model server or set another --base-url"
            )
        case openai.NotFoundError():
            name = endpoint.model or f"the model at {where}"
            return ModelUnknown(f"{where} has no model {name!r}; set --model or CLINALIGN_MODEL")
        case openai.AuthenticationError() | openai.PermissionDeniedError():
            return ModelError(f"{where} refused the key; set CLINALIGN_API_KEY")
        case openai.APIStatusError():
            return ModelError(f"{where} answered HTTP {error.status_code}{_reason(error)}")
        case _:
            return unreadable(error, endpoint)


def unreadable(error: Exception, endpoint: Endpoint) -> ModelError:
    what = type(error).__name__
    return ModelError(f"{endpoint.base_url} gave a reply that cannot be read ({what})")


def _reason(error: openai.APIStatusError) -> str:
    # Only the one reason that a user can act on; other texts may quote the request.
    too_long = error.status_code == 400 and "context" in str(error).lower()
    return ": the messages are longer than the model's context" if too_long else ""
