"""Both ends of the MCP tools: the server and its typed client."""
