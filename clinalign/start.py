"""Where the installed command begins. An MCP client that starts the server waits for no more."""

import sys


def main() -> None:
    """Serve over stdio, if that alone is asked for; else start the command line."""
    if sys.argv[1:] != ["serve"]:
        from clinalign.__main__ import main as start

        return start()
    from clinalign.commands.serve import run
    from clinalign.settings import quiet_libraries
    from clinalign.telling import told

    quiet_libraries()
    told(run, debug=False)


if __name__ == "__main__":
    main()
