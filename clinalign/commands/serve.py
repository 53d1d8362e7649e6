"""`clinalign serve`: the MCP server over stdio."""

from clinalign.parts import open_server
from clinalign.settings import Settings


def run(overlay: str = "") -> None:
    """Serve until the client closes the pipe. Standard output belongs to the protocol.

    Raises:
        ClinalignError: a setting or the data folder cannot be used.
    """
    open_server(Settings.from_environment(overlay=overlay)).run("stdio")
