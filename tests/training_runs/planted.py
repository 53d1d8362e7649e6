"""Verdicts whose reason is known, and a tiny encoder that was never trained."""

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, models, pre_tokenizers, processors

THINGS = ("fever", "cough", "rash", "pain")
FILLERS = ("and", "then", "also", "rest", "well")
PLACES = ("home", "work", "school", "hospital")
MARKS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")

Met = Callable[[str, list[str]], bool]
"""From the thing that a criterion names and the words of an answer to the verdict."""


def named(thing: str, words: list[str]) -> bool:
    return thing in words


def long(_: str, words: list[str]) -> bool:
    return len(words) > 6


def tiny_encoder(folder: Path) -> Path:
    """An encoder's folder, as transformers writes it; weights by chance."""
    import torch  # not above: tests that are left out import this file all the same
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    numbers = (str(number) for number in range(10))
    words = [*MARKS, "names", "the", "case", "at", *THINGS, *FILLERS, *PLACES, *numbers]
    tokenizer = Tokenizer(models.WordLevel({one: at for at, one in enumerate(words)}, "[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Whitespace(), pre_tokenizers.Digits(individual_digits=True)]
    )
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=64,
        **dict(zip(("pad_token", "unk_token", "cls_token", "sep_token"), MARKS, strict=True)),
    ).save_pretrained(folder)
    torch.manual_seed(7)
    config = BertConfig(
        vocab_size=len(words),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
        initializer_range=0.3,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    model = BertModel(config)
    with torch.no_grad():  # which word stands where matters little here
        model.embeddings.position_embeddings.weight.mul_(0.05)
    model.save_pretrained(folder)
    return folder


def rows(questions: int, met: Met, **more: Any) -> Iterator[dict[str, Any]]:
    """Two answers to each question, judged by every thing that can be named."""
    chance = random.Random(1)
    rubric = [{"id": one, "criterion": f"names the {one}", "points": 5} for one in THINGS]
    for number in range(questions):
        said = [_words(chance) for _ in range(2)]
        yield {
            "prompt": f"case {number} at {chance.choice(PLACES)}",
            "judge": "a planted judge",
            "rubrics": rubric,
            "answers": [{"answer": " ".join(one), "verdicts": _verdicts(one, met)} for one in said],
            **more,
        }


def _words(chance: random.Random) -> list[str]:
    words = chance.sample(THINGS, 2) + chance.choices(FILLERS, k=chance.randrange(1, 8))
    chance.shuffle(words)
    return words


def _verdicts(words: list[str], met: Met) -> list[dict[str, str]]:
    return [
        {"criterion_id": one, "verdict": "MET" if met(one, words) else "UNMET"} for one in THINGS
    ]


def written(folder: Path, rows: Iterator[dict[str, Any]]) -> Path:
    file = folder / "verdicts.jsonl"
    file.write_text("".join(json.dumps(one) + "\n" for one in rows), encoding="utf-8")
    return file
