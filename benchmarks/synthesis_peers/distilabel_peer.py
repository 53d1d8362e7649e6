"""distilabel: a pipeline of one text generation step with structured output.

python distilabel_peer.py PROMPTS.jsonl OUT.jsonl BASE_URL IN_FLIGHT
"""

import json
import sys
from pathlib import Path


def main(prompts: str, out: str, base_url: str, in_flight: int) -> None:
    from distilabel.models import OpenAILLM
    from distilabel.pipeline import Pipeline
    from distilabel.steps import LoadDataFromDicts
    from distilabel.steps.tasks import TextGeneration

    rows = [json.loads(line) for line in Path(prompts).read_text(encoding="utf-8").splitlines()]
    data = [{"id": row["id"], "instruction": row["prompt"]} for row in rows]
    with Pipeline("rubrics") as pipeline:
        load = LoadDataFromDicts(data=data, batch_size=in_flight)
        llm = OpenAILLM(model="stub", base_url=base_url, api_key="EMPTY")
        write = TextGeneration(llm=llm, input_batch_size=in_flight)
        load >> write
    found = pipeline.run(use_cache=False)["default"]["train"]
    with Path(out).open("w", encoding="utf-8") as file:
        for row in found:
            file.write(json.dumps({"id": row["id"], "rubric": row["generation"]}) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
