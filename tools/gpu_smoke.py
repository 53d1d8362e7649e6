"""A GRPO run on a GPU: Qwen3 of about 0.5 B with random weights, bf16, LoRA; speed and memory.

    python tools/gpu_smoke.py [--steps 5]

The judge is a rule (a fake): it looks for letters. What is measured is the plumbing and its speed.
Where there is no GPU it says so and ends with 2. Put what it prints into training/LOG.md.
"""

import argparse
import json
import sys
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from transformers import Qwen3Config, Qwen3ForCausalLM

sys.path.insert(0, str(Path(__file__).parent.parent))

from clinalign.models import open_vectors
from clinalign.parts import open_reader
from clinalign.settings import Settings
from principle_store.loading import load_library, load_taxonomy
from principle_store.memory import InMemoryPrincipleStore
from tests.training_runs.kit import RuleJudge, judging, questions, run_file, trained, write_rows
from tools.build_tiny_model import VOCABULARY, tokenizer
from training.judges import Judges
from training.run_folder import RunFolder

SETTINGS = {
    "per_device_train_batch_size": 16,
    "num_generations": 8,
    "max_completion_length": 256,
    "learning_rate": 1e-5,
    "save_strategy": "no",
}


def half_billion(folder: Path) -> Path:
    """The shape of Qwen3-0.6B with a small vocabulary."""
    words = tokenizer()
    torch.manual_seed(0)
    config = Qwen3Config(
        vocab_size=VOCABULARY,
        hidden_size=1024,
        intermediate_size=3072,
        num_hidden_layers=28,
        num_attention_heads=16,
        num_key_value_heads=8,
        head_dim=128,
        tie_word_embeddings=True,
        eos_token_id=words.eos_token_id,
        pad_token_id=words.pad_token_id,
    )
    words.save_pretrained(folder)
    Qwen3ForCausalLM(config).to(torch.bfloat16).save_pretrained(folder)
    return folder


def opened(folder: Path) -> "partial[AbstractContextManager[Judges]]":
    settings = Settings(data_dir=folder)
    vectors = open_vectors(settings)
    library = load_library(load_taxonomy())
    store = InMemoryPrincipleStore(library, vectors.questions, vectors.texts)
    return partial(judging, store, open_reader(settings, vectors), RuleJudge())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=5)
    given = parser.parse_args()
    if not torch.cuda.is_available():
        print("no GPU is here; nothing was run")
        sys.exit(2)
    with TemporaryDirectory() as name:
        folder = Path(name)
        data = {"train": str(write_rows(folder / "train.jsonl", questions(held_out=False)))}
        file = run_file(
            folder / "run.toml",
            "grpo",
            half_billion(folder / "model"),
            data=data,
            trainer=SETTINGS | {"max_steps": given.steps},
            **{"model.lora": {"rank": 16}},
        )
        text = file.read_text(encoding="utf-8").replace(
            "[model]\n", '[model]\ndtype = "bfloat16"\n'
        )
        file.write_text(text, encoding="utf-8")
        ended = trained(file, folder / "run", opened(folder / "data"))
        rows = [row for row in RunFolder(folder / "run").rows("log.jsonl") if "step_time" in row]
    tokens = rows[-1]["num_tokens"] - rows[0]["num_tokens"]
    told = {
        "gpu": torch.cuda.get_device_name(),
        "steps": ended.steps,
        "tokens_a_second": round(tokens / sum(row["step_time"] for row in rows[1:])),
        "most_memory_gib": round(torch.cuda.max_memory_allocated() / 2**30, 2),
        "torch": torch.__version__,
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
