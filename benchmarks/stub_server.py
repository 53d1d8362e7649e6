"""A grader that costs one fixed delay a call: an OpenAI-compatible chat endpoint on loopback.

    python benchmarks/stub_server.py --port 8900 --latency 1.0

It answers in the shape the caller wants, so that a client's own work is all that is left to
measure. GET /stats counts calls, how many were in flight, and seconds from the first request to the
last reply; POST /reset starts again. A tool for benchmarks, no model.
"""

import argparse
import asyncio
import json
import re
import time
from typing import Any

VERIFIERS_LINE = re.compile(
    r"^- ([^:\n]+): .*?\(answer one of, worst to best: ([^()]*)\)$", re.MULTILINE | re.DOTALL
)

AXES = ("accuracy", "completeness", "communication_quality", "context_awareness")
WANTED = (
    ("Tells the reader when to see a doctor the same day", 8),
    ("Asks for the reader's age", 5),
    ("Names one sign of an emergency", 7),
    ("States the largest dose of a day in milligrams", 6),
    ("Says how sure the advice is", 4),
    ("Uses words that a layperson knows", 3),
    ("Offers a next step for tomorrow", 3),
    ("Recommends doubling a missed dose", -8),
)
RUBRIC = json.dumps(
    {
        "criteria": [
            {"criterion": text, "points": points, "axis": AXES[place % 4],
             "critical": False, "principle": place % 3}
            for place, (text, points) in enumerate(WANTED)
        ]
    }
)  # fmt: skip
"""What a rubric writer would get: rows that can be used as they are."""


class Stub:
    def __init__(self, latency: float) -> None:
        self.latency = latency
        self.reset()

    def reset(self) -> None:
        self.calls = self.in_flight = self.most_in_flight = self.prompt_characters = 0
        self.first = self.last = 0.0

    async def answer(self, body: dict[str, Any]) -> dict[str, Any]:
        began = time.perf_counter()
        self.first = self.first or began
        self.calls += 1
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        prompt = _prompt(body)
        self.prompt_characters += len(prompt)
        text = _reply(prompt, body)
        await asyncio.sleep(max(0.0, self.latency - (time.perf_counter() - began)))
        self.in_flight -= 1
        self.last = time.perf_counter()
        tokens = {"prompt_tokens": len(prompt) // 4, "completion_tokens": len(text) // 4 + 1}
        message = {"role": "assistant", "content": text, "refusal": None}
        choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
        return {
            "id": f"stub-{self.calls}",
            "object": "chat.completion",
            "created": 0,
            "model": body.get("model", "stub"),
            "choices": [choice],
            "usage": {**tokens, "total_tokens": sum(tokens.values())},
        }

    def stats(self) -> dict[str, Any]:
        return {
            "calls": self.calls,
            "most_in_flight": self.most_in_flight,
            "prompt_characters": self.prompt_characters,
            "seconds": round(self.last - self.first, 3),
        }


def _prompt(body: dict[str, Any]) -> str:
    parts = []
    for message in body.get("messages", []):
        content = message.get("content") or ""
        if isinstance(content, list):
            content = "".join(part.get("text", "") for part in content)
        parts.append(content)
    return "\n".join(parts)


def _reply(prompt: str, body: dict[str, Any]) -> str:
    """In our shape if a schema names one; else in the shape that a peer's last words ask for."""
    form = body.get("response_format") or {}
    if form.get("type") == "json_schema":
        schema = form["json_schema"]["schema"]
        if "criteria" in schema.get("properties", {}):
            return RUBRIC
        return json.dumps(_smallest(schema, schema))
    tail = prompt[-1600:]
    if '{"verdicts": [{"name"' in tail:
        lines = VERIFIERS_LINE.findall(prompt[prompt.rindex("\nCriteria:\n") :])
        told = [
            {"name": name, "reason": "stub", "verdict": choices.split(", ")[-1]}
            for name, choices in lines
        ]
        return json.dumps({"verdicts": told})
    if "GRADE: $LETTER" in tail:
        return "The criterion is met.\n\nGRADE: C"
    if '"steps"' in tail:
        return '{"steps": ["Read the answer.", "Check the criterion."]}'
    if '"score"' in tail and '"reason"' in tail:
        return '{"score": 10, "reason": "stub"}'
    if "criteria_met" in tail:
        return '```json\n{"explanation": "stub", "criteria_met": true}\n```'
    return "stub"


def _smallest(schema: dict[str, Any], root: dict[str, Any]) -> Any:
    """The smallest value that a JSON schema allows."""
    while "$ref" in schema:
        node = root
        for key in schema["$ref"].removeprefix("#/").split("/"):
            node = node[key]
        schema = node
    for key in ("const", "enum"):
        if key in schema:
            return schema[key] if key == "const" else schema["enum"][1 % len(schema["enum"])]
    for key in ("anyOf", "oneOf", "allOf"):
        if key in schema:
            return _smallest(schema[key][0], root)
    kind = schema.get("type")
    if kind == "object" or "properties" in schema:
        return {name: _smallest(one, root) for name, one in schema.get("properties", {}).items()}
    if kind == "array":
        return [_smallest(schema.get("items", {}), root)]
    if kind in ("integer", "number"):
        return schema.get("minimum", 1)
    return True if kind == "boolean" else "stub"


async def _serve(stub: Stub, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            found = re.search(rb"content-length: *(\d+)", head, re.IGNORECASE)
            body = await reader.readexactly(int(found[1])) if found else b""
            said = json.dumps(await _routed(stub, head.split(b" ")[1], body)).encode()
            writer.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                b"Content-Length: %d\r\n\r\n" % len(said) + said
            )
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def _routed(stub: Stub, path: bytes, body: bytes) -> dict[str, Any]:
    if path.endswith(b"/chat/completions"):
        return await stub.answer(json.loads(body))
    if path.endswith(b"/stats"):
        return stub.stats()
    if path.endswith(b"/reset"):
        stub.reset()
        return {"ok": True}
    return {"object": "list", "data": [{"id": "stub", "object": "model"}]}


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8900)
    parser.add_argument("--latency", type=float, default=1.0)
    given = parser.parse_args()
    stub = Stub(given.latency)
    server = await asyncio.start_server(
        lambda reader, writer: _serve(stub, reader, writer),
        "127.0.0.1", given.port, backlog=4096, limit=2**26,
    )  # fmt: skip
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
