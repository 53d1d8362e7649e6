"""Plain LangChain: `.abatch` of a chat model with structured output, rows written at the end.

python abatch_peer.py PROMPTS.jsonl OUT.jsonl BASE_URL IN_FLIGHT
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any


def main(prompts: str, out: str, base_url: str, in_flight: int) -> None:
    rows = [json.loads(line) for line in Path(prompts).read_text(encoding="utf-8").splitlines()]
    found = asyncio.run(answered(rows, base_url, in_flight))
    with Path(out).open("w", encoding="utf-8") as file:
        for row, rubric in zip(rows, found, strict=True):
            file.write(json.dumps({"id": row["id"], "rubric": rubric}) + "\n")


async def answered(rows: list[dict[str, Any]], base_url: str, in_flight: int) -> list[Any]:
    from langchain_openai import ChatOpenAI

    chat = ChatOpenAI(model="stub", base_url=base_url, api_key="EMPTY", temperature=0)
    asked = chat.with_structured_output(rows[0]["schema"], method="json_schema")
    prompts = [row["prompt"] for row in rows]
    return list(await asked.abatch(prompts, config={"max_concurrency": in_flight}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
