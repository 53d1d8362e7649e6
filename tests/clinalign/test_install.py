"""`clinalign install`: our server goes into other programs' files, all else stays."""

import json
import os
import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some
from typer.testing import CliRunner, Result

from clinalign.__main__ import app
from clinalign.client_configs import CLIENTS, Machine, own_command
from clinalign.commands import install as command
from clinalign.json_edit import put
from clinalign.json_text import JsonProblem, read_json_text
from inference.errors import BadInput, StorageError
from tests.conftest import ROOT

OWN = ["/opt/env/bin/clinalign", "serve"]
ENTRY = {"command": OWN[0], "args": ["serve"]}
TYPED = {"type": "stdio", **ENTRY}

Install = Callable[..., str]


def machine(home: Path, platform: str = "linux", **environment: str) -> Machine:
    return Machine(platform, home, environment)


@pytest.fixture
def add(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Install:
    """Installs for a client and tells what was said."""

    def add(
        client: str,
        only_print: bool = False,
        name: str = "clinalign",
        env: tuple[str, ...] = (),
        here: Machine | None = None,
    ) -> str:
        command.run(client, only_print, name, env, OWN, here or machine(tmp_path))
        return capsys.readouterr().out

    return add


def written(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode("utf-8"))
    return path


def backups(path: Path) -> list[Path]:
    return sorted(path.parent.glob(f"{path.name}.backup-*"))


DESKTOP = ".config/Claude/claude_desktop_config.json"
ZED = ".config/zed/settings.json"
MAC = "Library/Application Support"
ROAMING = "AppData/Roaming"


@pytest.mark.parametrize(
    ("client", "linux", "darwin", "win32"),
    [
        (
            "claude-desktop",
            DESKTOP,
            f"{MAC}/Claude/claude_desktop_config.json",
            f"{ROAMING}/Claude/claude_desktop_config.json",
        ),
        ("claude-code", ".claude.json", ".claude.json", ".claude.json"),
        ("cursor", ".cursor/mcp.json", ".cursor/mcp.json", ".cursor/mcp.json"),
        (
            "vscode",
            ".config/Code/User/mcp.json",
            f"{MAC}/Code/User/mcp.json",
            f"{ROAMING}/Code/User/mcp.json",
        ),
        ("windsurf", *[".codeium/windsurf/mcp_config.json"] * 3),
        ("gemini-cli", *[".gemini/settings.json"] * 3),
        ("zed", ZED, ZED, f"{ROAMING}/Zed/settings.json"),
    ],
)
def test_every_client_gets_its_own_file_and_form_on_every_platform(
    client: str, linux: str, darwin: str, win32: str, tmp_path: Path, add: Install
) -> None:
    section = {"vscode": "servers", "zed": "context_servers"}.get(client, "mcpServers")
    entry = TYPED if client in ("claude-code", "vscode") else ENTRY

    for platform, place in {"linux": linux, "darwin": darwin, "win32": win32}.items():
        home = tmp_path / platform
        home.mkdir()
        said = add(client, here=machine(home, platform))

        assert json.loads((home / place).read_text("utf-8")) == {section: {"clinalign": entry}}
        assert str(home / place) in said


def test_variables_that_move_configuration_are_followed(tmp_path: Path, add: Install) -> None:
    moved = machine(
        tmp_path / "home", XDG_CONFIG_HOME=str(tmp_path / "xdg"), CLAUDE_CONFIG_DIR=str(tmp_path)
    )
    windows = machine(tmp_path / "home", "win32", APPDATA=str(tmp_path / "roaming"))
    for client in ("zed", "vscode", "claude-code"):
        add(client, here=moved)
    add("zed", here=windows)

    assert (tmp_path / "xdg" / "zed" / "settings.json").is_file()
    assert (tmp_path / "xdg" / "Code" / "User" / "mcp.json").is_file()
    assert (tmp_path / ".claude.json").is_file()
    assert (tmp_path / "roaming" / "Zed" / "settings.json").is_file()
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize(
    ("folders", "expected"),
    [
        ([], ["classic"]),
        (["classic"], ["classic"]),
        (["store"], ["store"]),
        (["classic", "store"], ["classic", "store"]),
        (["package"], ["store"]),
        (["classic", "package"], ["classic"]),
    ],
)
def test_claude_desktop_on_windows_has_two_places_and_those_there_are_used(
    folders: list[str], expected: list[str], tmp_path: Path, add: Install
) -> None:
    package = tmp_path / "AppData" / "Local" / "Packages" / "Claude_pzs8sxrjxfjjc"
    places = {
        "classic": tmp_path / "AppData" / "Roaming" / "Claude",
        "package": package,
        "store": package / "LocalCache" / "Roaming" / "Claude",
    }
    for folder in folders:
        places[folder].mkdir(parents=True)

    add("claude-desktop", here=machine(tmp_path, "win32"))

    found = {str(path.parent) for path in tmp_path.rglob("claude_desktop_config.json")}
    assert found == {str(places[one]) for one in expected}


def test_all_else_in_the_file_stays_to_the_letter(tmp_path: Path, add: Install) -> None:
    before = (
        '{\n\t"zeta": 1.50,\n\t"mcpServers": {\n\t\t"other": {"command": "npx", "args": []}\n\t},\n'
        '\t"name": "Ä \\u00e4",\n\t"alpha": [ 1,2 ]\n}\n'
    )
    path = written(tmp_path / DESKTOP, before)

    add("claude-desktop")

    inserted = (
        ',\n\t\t"clinalign": {\n\t\t\t"command": "/opt/env/bin/clinalign",\n'
        '\t\t\t"args": [\n\t\t\t\t"serve"\n\t\t\t]\n\t\t}'
    )
    place = before.index("}\n\t},") + 1
    assert path.read_text("utf-8") == before[:place] + inserted + before[place:]


def test_a_byte_order_mark_and_line_ends_of_windows_stay(tmp_path: Path, add: Install) -> None:
    path = written(tmp_path / DESKTOP, '\ufeff{\r\n  "a": 1\r\n}\r\n')

    add("claude-desktop")

    raw = path.read_bytes()
    assert raw.startswith(b'\xef\xbb\xbf{\r\n  "a": 1,\r\n  "mcpServers": {\r\n')
    assert raw.count(b"\n") == raw.count(b"\r\n")
    assert json.loads(raw)["mcpServers"] == {"clinalign": ENTRY}


COMMENTED = """\
// Zed settings
{
  "theme": "One", // the dark one
  /* servers */
  "context_servers": {
    // "old": {},
    "other": { "command": "x" }, // mine, with a // inside
  },
}
"""


def test_comments_survive_and_keep_their_lines(tmp_path: Path, add: Install) -> None:
    path = written(tmp_path / ZED, COMMENTED)

    add("zed")

    changed = path.read_text("utf-8")
    added = [line for line in changed.split("\n") if line not in COMMENTED.split("\n")]
    lines = iter(changed.split("\n"))
    assert all(line in lines for line in COMMENTED.split("\n"))
    assert "".join(added).replace(" ", "") == (
        '"clinalign":{"command":"/opt/env/bin/clinalign","args":["serve"]},'
    )


@pytest.mark.parametrize("text", ["", "  \n", "// nothing yet\n", "{}", "{ // empty\n}\n"])
def test_an_empty_file_is_filled(text: str, tmp_path: Path, add: Install) -> None:
    path = written(tmp_path / ZED, text)

    add("zed")

    root = read_json_text(path.read_text("utf-8"), relaxed=True)
    assert root is not None
    assert root.value == {"context_servers": {"clinalign": ENTRY}}
    assert all(comment in path.read_text("utf-8") for comment in re.findall("// .*", text))


@pytest.mark.parametrize("client", CLIENTS)
def test_the_second_time_changes_nothing_and_says_so(
    client: str, tmp_path: Path, add: Install
) -> None:
    add(client)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    said = add(client)

    assert "nothing was changed" in said
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_each_change_leaves_one_backup_of_what_was_there(tmp_path: Path, add: Install) -> None:
    path = written(tmp_path / DESKTOP, '{"a": 1}')
    add("claude-desktop")
    first = path.read_bytes()
    add("claude-desktop", name="again")
    add("claude-desktop", name="again")

    kept = backups(path)
    assert {one.read_bytes() for one in kept} == {b'{"a": 1}', first}
    assert len(kept) == 2
    assert all(re.search(r"\.backup-\d{8}-\d{6}(-\d)?$", one.name) for one in kept)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('{\n  "mcpServers": {\n    "a": 1\n    "b": 2\n  }\n}', "line 4, column 5"),
        ('{"a": 1,}', "line 1, column 8"),
        ("{'a': 1}", "line 1, column 2"),
        ('{\n  "a": tru\n}', "line 2, column 8"),
        ('{"a": 1', "line 1, column 8"),
        ('{"a": 1}}', "line 1, column 9"),
        ('// why\n{"a": 1}', "line 1, column 1"),
        ('{"a": NaN}', "line 1, column 7"),
        ("[" * 5000, "line 1, column 202"),
    ],
)
def test_broken_json_is_refused_with_its_place_and_stays(
    text: str, place: str, tmp_path: Path, add: Install
) -> None:
    path = written(tmp_path / DESKTOP, text)

    with pytest.raises(BadInput, match=f"claude_desktop_config.json, {place}: expected"):
        add("claude-desktop")

    assert path.read_text("utf-8") == text
    assert backups(path) == []


def test_one_broken_file_of_two_leaves_both_alone(tmp_path: Path, add: Install) -> None:
    store = tmp_path / "AppData/Local/Packages/Claude_x/LocalCache/Roaming/Claude"
    classic = written(tmp_path / ROAMING / "Claude/claude_desktop_config.json", "{}")
    written(store / "claude_desktop_config.json", "{")

    with pytest.raises(BadInput, match="line 1, column 2"):
        add("claude-desktop", here=machine(tmp_path, "win32"))

    assert classic.read_text("utf-8") == "{}"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("[]", "claude_desktop_config.json: expected an object"),
        ('{"mcpServers": []}', "mcpServers: expected an object"),
        ('{"mcpServers": {"clinalign": "x"}}', "mcpServers.clinalign: expected an object"),
        (
            '{"mcpServers": {"clinalign": {"env": 3, "command": "x"}}}',
            "mcpServers.clinalign.env: expected an object",
        ),
        (
            '{"mcpServers": {"clinalign": {"url": "http://127.0.0.1:1/mcp"}}}',
            "choose another --name",
        ),
    ],
)
def test_what_is_no_place_for_a_server_is_refused_and_stays(
    text: str, place: str, tmp_path: Path, add: Install
) -> None:
    path = written(tmp_path / DESKTOP, text)

    with pytest.raises(BadInput, match=re.escape(place)):
        add("claude-desktop", env=("A=1",))

    assert path.read_text("utf-8") == text
    assert backups(path) == []


def test_a_file_that_is_not_utf_8_is_refused_and_stays(tmp_path: Path, add: Install) -> None:
    path = written(tmp_path / DESKTOP, "")
    path.write_bytes('{"a": 1}'.encode("utf-16"))

    with pytest.raises(BadInput, match="UTF-8"):
        add("claude-desktop")

    assert path.read_bytes() == '{"a": 1}'.encode("utf-16")


def test_an_entry_that_is_there_is_mended_and_keeps_what_it_says_besides(
    tmp_path: Path, add: Install
) -> None:
    there = {
        "disabled": False,
        "command": "/gone/clinalign",
        "args": ["serve", "--overlay", "/mine"],
        "env": {"CLINALIGN_MODEL": "m", "OLD": "1"},
    }
    path = written(tmp_path / DESKTOP, json.dumps({"mcpServers": {"clinalign": there}}))

    add("claude-desktop", env=("OLD=2", "NEW=a=b"))

    expected = {
        **there,
        "command": OWN[0],
        "env": {"CLINALIGN_MODEL": "m", "OLD": "2", "NEW": "a=b"},
    }
    found = json.loads(path.read_text("utf-8"))["mcpServers"]["clinalign"]
    assert found == expected
    assert list(found) == list(there)


def test_the_file_keeps_its_mode_and_a_new_one_is_its_owners(tmp_path: Path, add: Install) -> None:
    path = written(tmp_path / DESKTOP, "{}")
    path.chmod(0o640)

    add("claude-desktop")
    add("cursor")

    (backup,) = backups(path)
    modes = [stat.S_IMODE(one.stat().st_mode) for one in (path, backup)]
    assert modes == [0o640, 0o640]
    assert stat.S_IMODE((tmp_path / ".cursor/mcp.json").stat().st_mode) == 0o600


def test_a_link_stays_a_link_and_its_file_is_changed(tmp_path: Path, add: Install) -> None:
    real = written(tmp_path / "dotfiles" / "zed.json", "{}")
    link = tmp_path / ZED
    link.parent.mkdir(parents=True)
    link.symlink_to(real)

    add("zed")

    assert link.readlink() == real
    assert "clinalign" in real.read_text("utf-8")
    assert len(backups(real)) == 1


def test_a_write_that_fails_leaves_the_file_and_no_backup(
    tmp_path: Path, add: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path / DESKTOP, "{}")
    replace = Path.replace

    def full(self: Path, target: Path) -> Path:
        if target == path:
            raise OSError(28, "No space left on device")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(StorageError, match=r"No space left on device.*--print"):
        add("claude-desktop")

    assert path.read_text("utf-8") == "{}"
    assert list(path.parent.iterdir()) == [path]


def test_a_file_that_changes_meanwhile_is_not_overwritten(
    tmp_path: Path, add: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path / DESKTOP, "{}")
    make = command._make

    def late(*arguments: Any) -> None:
        path.write_text('{"by": "the client"}', "utf-8")
        make(*arguments)

    monkeypatch.setattr(command, "_make", late)
    with pytest.raises(StorageError, match="run this again"):
        add("claude-desktop")

    assert list(path.parent.iterdir()) == [path]
    assert path.read_text("utf-8") == '{"by": "the client"}'


def test_print_shows_the_entry_and_the_place_and_touches_nothing(
    tmp_path: Path, add: Install
) -> None:
    path = written(tmp_path / DESKTOP, '{"mcpServers": {"x": {"env": {"KEY": "secret"}}}}')

    said = add("claude-desktop", only_print=True, env=("A=1",))
    add("cursor", only_print=True)

    shown = json.loads(said[said.index("{") :])
    assert shown == {"mcpServers": {"clinalign": {**ENTRY, "env": {"A": "1"}}}}
    assert said.startswith(str(path))
    assert "secret" not in said
    assert [one for one in tmp_path.rglob("*") if one.is_file()] == [path]


def test_a_variable_without_a_value_is_refused_and_not_repeated(
    tmp_path: Path, add: Install
) -> None:
    with pytest.raises(BadInput, match="--env, number 2: expected KEY=VALUE") as refused:
        add("cursor", env=("A=1", "sk-secret"))

    assert "sk-secret" not in str(refused.value)
    assert list(tmp_path.iterdir()) == []


def test_the_command_is_the_script_of_the_environment_or_its_python(tmp_path: Path) -> None:
    python = tmp_path / "python"
    module = [str(python), "-m", "clinalign", "serve"]
    assert own_command(machine(tmp_path), tmp_path, python) == module

    written(tmp_path / "clinalign", "")
    written(tmp_path / "clinalign.exe", "")

    script = [str(tmp_path / "clinalign"), "serve"]
    assert own_command(machine(tmp_path), tmp_path, python) == script
    script = [str(tmp_path / "clinalign.exe"), "serve"]
    assert own_command(machine(tmp_path, "win32"), tmp_path, python) == script


def called(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["install", *arguments])


def test_the_command_line_writes_what_starts_this_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))

    done = called("cursor", "--name", "health", "--env", "A=1")

    assert done.exit_code == 0
    entry = json.loads((tmp_path / ".cursor/mcp.json").read_text("utf-8"))["mcpServers"]["health"]
    assert Path(entry["command"]).is_absolute()
    assert os.access(entry["command"], os.X_OK)
    assert entry["args"][-1] == "serve"
    assert entry["env"] == {"A": "1"}


def test_an_unknown_client_is_a_usage_error_that_names_those_there_are() -> None:
    done = called("emacs")

    assert done.exit_code == 2
    assert "client is 'emacs'; expected one of claude-desktop, claude-code, cursor" in done.stderr


def test_the_repositorys_own_file_for_vs_code_starts_what_mcp_json_starts() -> None:
    (server,) = json.loads((ROOT / ".vscode/mcp.json").read_text("utf-8"))["servers"].items()
    (other,) = json.loads((ROOT / "mcp.json").read_text("utf-8"))["mcpServers"].items()

    name, entry = server
    command = entry["command"].removeprefix("${workspaceFolder}/")
    assert (name, {**entry, "command": command}) == (other[0], {"type": "stdio", **other[1]})


GAPS = some.sampled_from(["", " ", "\n", "\r\n\t", ' // why { "\n', "/* , */", "\n  /*\n*/ "])
PLAIN: some.SearchStrategy[Any] = (
    some.none() | some.booleans() | some.integers() | some.text(max_size=5)
)
NAMES = some.sampled_from(["servers", "clinalign", "a", "ä", "//", ""])
DOCUMENTS = some.dictionaries(
    NAMES,
    some.recursive(
        PLAIN, lambda inner: some.lists(inner, max_size=3) | some.dictionaries(NAMES, inner)
    ),
)


@some.composite
def texts(draw: some.DrawFn) -> tuple[dict[str, Any], str]:
    """A document, and a text of it with blanks, comments and commas as people leave them."""

    def text(value: Any) -> str:
        if not isinstance(value, dict | list):
            return gap() + json.dumps(value, ensure_ascii=draw(some.booleans())) + gap()
        if isinstance(value, list):
            return gap() + "[" + together([text(one) for one in value]) + "]" + gap()
        rows = [f"{gap()}{json.dumps(name)}{gap()}:{text(one)}" for name, one in value.items()]
        return gap() + "{" + together(rows) + "}" + gap()

    def together(rows: list[str]) -> str:
        trailing = draw(some.sampled_from(["", ","])) if rows else ""
        return ",".join(rows) + trailing + gap()

    def gap() -> str:
        return draw(GAPS)

    document = draw(DOCUMENTS)
    return document, text(document)


@given(texts(), PLAIN)
def test_whatever_the_text_one_value_changes_and_every_comment_stays(
    given: tuple[dict[str, Any], str], value: Any
) -> None:
    document, text = given
    servers = document.get("servers", {})
    if not isinstance(servers, dict) or isinstance(servers.get("clinalign"), dict | list):
        return

    changed = put(text, ("servers", "clinalign"), value, relaxed=True)

    root = read_json_text(changed, relaxed=True)
    assert root is not None
    assert root.value == {**document, "servers": {**servers, "clinalign": value}}
    for comment in (" // why", "/* , */", "/*\n*/"):
        assert changed.count(comment) >= text.count(comment)


@given(some.text(alphabet='{}[]",:/*\\ \n1eE.-tnau', max_size=30))
def test_it_reads_just_what_json_is(text: str) -> None:
    try:
        expected = [json.loads(text)]
    except ValueError:
        expected = []
    if text.strip(" \n") == "" or "Na" in text:
        return

    try:
        root = read_json_text(text, relaxed=False)
        found = [root.value] if root else []
    except JsonProblem:
        found = []

    assert found == expected
