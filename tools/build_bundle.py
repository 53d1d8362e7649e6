"""Packs the server into one file for desktop clients, and describes it to the MCP registry.

python tools/build_bundle.py                     writes dist/clinalign-VERSION.mcpb
python tools/build_bundle.py --server-json URL   and dist/server.json, for that bundle at that URL

The same files give the same bytes: names are sorted, times are fixed.

Source: MCPB manifest 0.4, server type uv; the registry's server.json of 2025-12-11.
"""

import argparse
import hashlib
import json
import re
import tomllib
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
PACKAGING = ROOT / "packaging"
WORDING = ROOT / "mcp_server" / "wording"
KINDS = {".css", ".html", ".js", ".json", ".md", ".npz", ".onnx", ".py", ".svg", ".toml", ".yaml"}
AT_THE_TOP = ("LICENSE", "NOTICE", "README.md")
BEGINNING_OF_TIME = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip file can say
RELEASE = re.compile(
    r"(?P<home>https://github\.com/(?P<owner>[\w.-]+)/[\w.-]+)/releases/download/.+\.mcpb"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--into", type=Path, default=ROOT / "dist", metavar="FOLDER")
    parser.add_argument("--server-json", default="", metavar="URL", help="where the bundle will be")
    parser.add_argument("--name", default="", help="in the registry; default io.github.OWNER/...")
    said = parser.parse_args()
    said.into.mkdir(parents=True, exist_ok=True)
    bundle = write_bundle(said.into)
    size = bundle.stat().st_size / 1e6
    print(f"{bundle}: {size:.1f} MB, sha256 {sha256(bundle)}")
    if said.server_json:
        listing = server_json(bundle, said.server_json, said.name)
        target = said.into / "server.json"
        target.write_text(_json(listing), encoding="utf-8")
        print(f"{target}: {listing['name']} {listing['version']}")


def project() -> dict[str, Any]:
    """The project's own description of itself."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def manifest() -> dict[str, Any]:
    """`packaging/manifest.json`, with what stands elsewhere in the project."""
    known, written = project()["project"], _read(PACKAGING / "manifest.json")
    written["compatibility"]["runtimes"] = {"python": known["requires-python"]}
    for prompt in written["prompts"]:
        wording = (WORDING / f"{prompt['name']}.md").read_text(encoding="utf-8")
        prompt["text"] = wording.replace("{{", "${arguments.").replace("}}", "}")
    return written | {"name": known["name"], "version": known["version"]}


def bundled_project() -> str:
    """The bundle's `pyproject.toml`: what to install, at the versions that were tested together.

    The project itself is not installed, so that a start builds nothing; extras are left out, since
    uv would look for versions of all of them.
    """
    known = project()["project"]
    kept = {key: known[key] for key in ("name", "version", "description", "requires-python")}
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    tables = {
        "project": kept | {"dependencies": known["dependencies"]},
        "tool.uv": {"package": False, "constraint-dependencies": pins},
    }
    return "\n".join(f"[{name}]\n{_toml(table)}" for name, table in tables.items())


def contents() -> dict[str, bytes]:
    """The bundle's files by their names in it."""
    files = {name: (ROOT / name).read_bytes() for name in AT_THE_TOP}
    files |= {name: (PACKAGING / name).read_bytes() for name in ("icon.png", "start.py")}
    for package in project()["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]:
        found = (path for path in (ROOT / package).rglob("*") if _belongs(path))
        files |= {path.relative_to(ROOT).as_posix(): path.read_bytes() for path in found}
    files["manifest.json"] = _json(manifest()).encode()
    files["pyproject.toml"] = bundled_project().encode()
    return files


def write_bundle(folder: Path) -> Path:
    """Write `clinalign-VERSION.mcpb` into a folder that is there."""
    known = project()["project"]
    target = folder / f"{known['name']}-{known['version']}.mcpb"
    with zipfile.ZipFile(target, "w") as packed:
        for name, content in sorted(contents().items()):
            entry = zipfile.ZipInfo(name, BEGINNING_OF_TIME)
            entry.create_system = 3  # Unix, wherever this runs
            entry.external_attr = 0o644 << 16
            packed.writestr(entry, content, zipfile.ZIP_DEFLATED, compresslevel=9)
    return target


def server_json(bundle: Path, url: str, name: str = "") -> dict[str, Any]:
    """What the registry is told: the root's `server.json`, with the bundle's address and hash.

    Raises:
        SystemExit: no name is given, and the address does not say whose bundle it is.
    """
    listing = _read(ROOT / "server.json")
    release = RELEASE.fullmatch(url)
    if release:
        listing["repository"] = {"url": release["home"], "source": "github"}
        name = name or f"io.github.{release['owner']}/{project()['project']['name']}"
    if not name:
        raise SystemExit(f"{url!r} is no bundle of a GitHub release; give --name NAMESPACE/NAME")
    package = {
        "registryType": "mcpb",
        "identifier": url,
        "fileSha256": sha256(bundle),
        "transport": {"type": "stdio"},
        "environmentVariables": environment_variables(manifest()),
    }
    return listing | {"name": name, "packages": [package]}


def environment_variables(manifest: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The manifest's options, as the registry words them."""
    options = manifest["user_config"]
    return [
        {
            "name": variable,
            "description": (option := options[_option(value)])["description"],
            "isRequired": option["required"],
            "isSecret": option.get("sensitive", False),
            "format": "filepath" if option["type"] == "directory" else "string",
        }
        for variable, value in manifest["server"]["mcp_config"]["env"].items()
    ]


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _option(value: str) -> str:
    """The name in `${user_config.NAME}`."""
    return value.removeprefix("${user_config.").removesuffix("}")


def _belongs(path: Path) -> bool:
    shown = not any(part.startswith((".", "__pycache__")) for part in path.relative_to(ROOT).parts)
    return shown and path.is_file() and path.suffix in KINDS


def _read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _toml(table: Mapping[str, object]) -> str:
    """Texts, truth values and lists of texts are written alike in JSON and TOML."""
    return "".join(f"{key} = {json.dumps(value)}\n" for key, value in table.items())


if __name__ == "__main__":
    main()
