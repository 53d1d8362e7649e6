"""Who scores the completions of a run."""

from dataclasses import dataclass

from anyio.from_thread import BlockingPortal

from inference.chat import ChatModel
from mcp_server.client import HealthTools


@dataclass(frozen=True)
class Judges:
    """Opened in an event loop of their own, since TRL has one too."""

    portal: BlockingPortal
    tools: HealthTools
    library: str
    """Its hash."""
    examiner: HealthTools | None = None
    compares: ChatModel | None = None
    """Breaks ties."""
