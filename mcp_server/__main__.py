"""`python -m mcp_server`: the same server as `clinalign serve`.

An entry point stands at the edge of the house, as the command line does: it alone imports upwards.
"""

from clinalign.commands.serve import run
from clinalign.settings import quiet_libraries

if __name__ == "__main__":
    quiet_libraries()
    run()
