"""`clinalign serve --chat`: the agent as a model for chat pages and OpenAI clients."""

from collections.abc import AsyncIterator

from agent.chat_server import serve_chat
from agent.events import Event
from agent.graph import follow
from agent.state import Limits
from clinalign.desk import open_desk
from clinalign.settings import Settings
from inference.messages import Conversation
from mcp_server.door import Door


async def serve(settings: Settings, door: Door) -> None:
    """Serve until the process is told to stop.

    Raises:
        ClinalignError: a model, the data folder or the address cannot be used.
    """
    limits = Limits()
    async with open_desk(settings) as desk:
        agent = desk.agent(limits)

        def work(asked: Conversation) -> AsyncIterator[Event]:
            return follow(agent, asked, limits)

        await serve_chat(work, door)
