"""Where a bundle starts: the same as `python -m mcp_server`, with the bundle's folder on the path.

A host may start this file by its path, which `python -m` would not survive.
"""

import runpy

if __name__ == "__main__":
    runpy.run_module("mcp_server", run_name="__main__")
