"""A host for the score card, for tests: the host's side of MCP Apps in one page of a browser.

It frames the view as hosts do (sandboxed, with a policy that allows inline code alone), answers
`ui/initialize`, keeps all the view sends, and says what a test tells it to say. It calls no tool:
the test answers `tools/call` itself. Source: MCP Apps, specification 2026-01-26 (SEP-1865).
"""

import json
import time
from collections.abc import Callable
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

from playwright.sync_api import Frame, Page

Json = dict[str, Any]
Kind = TypeVar("Kind")

VIEW = (files("mcp_server") / "app" / "score_card.html").read_text(encoding="utf-8")
POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'"
PAGE = """<!doctype html><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>A host for the score card</title>
<style>body {{ margin: 0; }} iframe {{ display: block; width: 100%; border: 0; }}</style>
<script>
  const heard = [], welcome = {welcome};
  const view = () => document.querySelector("iframe");
  const say = message => view().contentWindow.postMessage({{ jsonrpc: "2.0", ...message }}, "*");
  addEventListener("message", ({{ source, data }}) => {{
    if (source !== view().contentWindow) return;
    heard.push(data);
    if (data.method === "ui/initialize") say({{ id: data.id, ...welcome }});
    if (data.method === "ui/notifications/size-changed") view().height = data.params.height;
  }});
</script>
<iframe title="Score card" sandbox="allow-scripts" srcdoc="{view}"></iframe>
"""
PATIENCE_SECONDS = 10.0
# The contrast of every visible text with what lies behind it, by WCAG 2's formula.
FAINT = """() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = colour => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = colour => {
    const [r, g, b] = rgba(colour).map(one => one / 255)
      .map(one => one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = one => {
    const colour = getComputedStyle(one).backgroundColor;
    return rgba(colour)[3] === 255 ? colour : behind(one.parentElement);
  };
  return [...document.querySelectorAll("main *")].filter(one => one.checkVisibility()
      && [...one.childNodes].some(node => node.nodeType === 3 && node.data.trim())).map(one => {
    const [a, b] = [light(getComputedStyle(one).color), light(behind(one))].sort((x, y) => y - x);
    return [(a + 0.05) / (b + 0.05), one.textContent];
  }).filter(([contrast]) => contrast < 4.5);
}"""


class ScoreCardHost:
    """One view in one page, after its handshake."""

    def __init__(
        self,
        page: Page,
        folder: Path,
        *,
        theme: str | None = "light",
        capabilities: Json | None = None,
        refuse: str = "",
    ) -> None:
        welcome = _refusal(refuse) if refuse else _welcome(theme, capabilities)
        made = folder / "host.html"
        shown = PAGE.format(
            policy=POLICY, welcome=json.dumps(welcome), view=escape(VIEW, quote=True)
        )
        made.write_text(shown, encoding="utf-8")
        self.page = page
        page.goto(made.as_uri())
        self._requests_made = 0
        if not refuse:
            self.heard("ui/notifications/initialized")

    @property
    def view(self) -> Frame:
        return self.page.frames[1]

    def heard(self, method: str, *, at_least: int = 1) -> list[Json]:
        """All messages of the method so far, once there are as many."""
        return self._until(
            lambda: _enough(self._all("method", method), at_least), f"{at_least} of {method}"
        )

    def heard_now(self, method: str) -> list[Json]:
        """All messages of the method that came before the view's next answer."""
        self.ask("ping")
        return self._all("method", method)

    def say(self, message: Json) -> None:
        self.page.evaluate("message => say(message)", message)

    def notify(self, method: str, **params: Any) -> None:
        self.say({"method": method, "params": params})

    def ask(self, method: str) -> Json:
        """A request to the view, and what it answers."""
        self._requests_made += 1
        number = f"host-{self._requests_made}"
        self.say({"id": number, "method": method, "params": {}})
        return self._until(lambda: next(iter(self._all("id", number)), None), f"answer to {method}")

    def show(self, structured: Json | None, *, text: str = "", is_error: bool = False) -> None:
        """The end of the tool call, and the time that drawing it takes."""
        self.notify("ui/notifications/tool-result", **tool_result(structured, text, is_error))
        self.ask("ping")

    def answer_call(self, call: Json, structured: Json | None, **more: Any) -> None:
        self.say({"id": call["id"], "result": tool_result(structured, **more)})
        self.ask("ping")

    def faint_texts(self) -> list[Any]:
        """What does not reach level AA, with its contrast."""
        found: list[Any] = self.view.evaluate(FAINT)
        return found

    def _all(self, name: str, value: str) -> list[Json]:
        found: list[Json] = self.page.evaluate(
            "([name, value]) => heard.filter(one => one[name] === value)", [name, value]
        )
        return found

    def _until(self, look: Callable[[], Kind | None], what: str) -> Kind:
        end = time.monotonic() + PATIENCE_SECONDS
        while (found := look()) is None:
            heard = self.page.evaluate("heard.map(one => one.method ?? 'an answer')")
            assert time.monotonic() < end, f"no {what} from the view, which said {heard}"
        return found


def tool_result(structured: Json | None, text: str = "", is_error: bool = False) -> Json:
    """In the shape of `CallToolResult`."""
    result: Json = {"content": [{"type": "text", "text": text}], "isError": is_error}
    return result if structured is None else {**result, "structuredContent": structured}


def _enough(found: list[Json], at_least: int) -> list[Json] | None:
    return found if len(found) >= at_least else None


def _welcome(theme: str | None, capabilities: Json | None) -> Json:
    return {
        "result": {
            "protocolVersion": "2026-01-26",
            "hostInfo": {"name": "test host", "version": "1"},
            "hostCapabilities": {"serverTools": {}} if capabilities is None else capabilities,
            "hostContext": {"theme": theme} if theme else {},
        }
    }


def _refusal(why: str) -> Json:
    return {"error": {"code": -32000, "message": why}}
