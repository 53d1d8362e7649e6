"""The least that an MCP server can be: the SDK's own, over stdio, without a tool.

python empty_server.py
"""

from mcp.server import MCPServer

if __name__ == "__main__":
    MCPServer("empty").run("stdio")
