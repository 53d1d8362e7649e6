"""Fits a small encoder to a judge's verdicts, reading criterion, question and answer at once.

The encoder is any folder of transformers with weights and a fast tokenizer; nothing is downloaded.
`training.verifier_export` writes what comes of it.
"""

import importlib
import math
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from inference.cross_encoder import Pair, PairTokenizer
from inference.errors import BadInput, ClinalignError
from inference.extras import needed
from inference.words import Word

if TYPE_CHECKING:
    import torch

LIBRARIES = ("transformers", "torch", "onnx")  # the last one for the export, which comes late
WARM_UP = 0.1  # of the steps, with a rate that rises
STEEPEST = 1.0  # longest gradient that is followed
READ_AT_ONCE = 32  # pairs
USUAL_TOKENS = 512
WHERE = "--encoder"
EXPECTED = (
    "a folder with an encoder of transformers: config.json, tokenizer.json, model.safetensors"
)

Advance = Callable[[int], None]


class Recipe(Word):
    """How the weights are fitted."""

    epochs: int = Field(default=3, ge=1, le=1000)
    batch: int = Field(default=16, ge=1, le=1024)
    learning_rate: float = Field(default=5e-5, gt=0, lt=1)
    most_tokens: int = Field(default=0, ge=0)
    """Of criterion, question and answer; 0: as many as the encoder reads, at most 512."""
    seed: int = Field(default=0, ge=0)


class DivergedError(ClinalignError):
    """The weights ran away."""


@dataclass(frozen=True)
class Encoder:
    """An encoder's folder that can be learnt with."""

    folder: Path
    tokenizer: PairTokenizer
    most_tokens: int


@dataclass(frozen=True)
class Verifier:
    """A trained encoder with one figure a pair."""

    encoder: Encoder
    model: "torch.nn.Module"
    takes: tuple[str, ...]
    """The names of its inputs, in the model's order."""

    def logits(self, pairs: Sequence[Pair]) -> list[float]:
        import torch

        found: list[float] = []
        self.model.eval()
        with torch.inference_mode():
            for start in range(0, len(pairs), READ_AT_ONCE):
                found += self.rated(pairs[start : start + READ_AT_ONCE]).tolist()
        return found

    def rated(self, pairs: Sequence[Pair]) -> "torch.Tensor":
        """One figure a pair, of shape (pairs,)."""
        return rated_by(self.model, self.inputs(pairs))

    def inputs(self, pairs: Sequence[Pair]) -> "dict[str, torch.Tensor]":
        import torch

        found = self.encoder.tokenizer.inputs(self.encoder.tokenizer.encoded(pairs))
        device = next(self.model.parameters()).device
        return {name: torch.from_numpy(found[name]).to(device) for name in self.takes}


def rated_by(model: Any, inputs: "dict[str, torch.Tensor]") -> "torch.Tensor":
    found: torch.Tensor = model(**inputs).logits.squeeze(-1)
    return found


def open_encoder(folder: Path, most_tokens: int = 0) -> Encoder:
    """The tokenizer of an encoder, and how much it reads; makes sure of all libraries.

    Raises:
        BadInput: the folder holds no encoder, or one that reads less.
        Lacking: a library is not installed.
    """
    for library in LIBRARIES:
        with needed(library, "training"):
            importlib.import_module(library)
    import transformers

    with _loading(folder):
        config = transformers.AutoConfig.from_pretrained(folder, local_files_only=True)
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
        written = tokenizer.backend_tokenizer.to_str()
    kinds = transformers.models.auto.modeling_auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES
    if config.model_type not in kinds or config.is_encoder_decoder:
        raise BadInput(f"{WHERE} {folder}", f"{EXPECTED}; {config.model_type} is no encoder")
    reads = min(
        getattr(config, "max_position_embeddings", USUAL_TOKENS), tokenizer.model_max_length
    )
    if most_tokens > reads:
        raise BadInput("--most-tokens", f"at most {reads}, which this encoder reads", most_tokens)
    most = most_tokens or min(reads, USUAL_TOKENS)
    return Encoder(folder, PairTokenizer(written, most, tokenizer.pad_token_id or 0), most)


def trained(
    encoder: Encoder,
    pairs: Sequence[Pair],
    labels: Sequence[bool],
    recipe: Recipe,
    advance: Advance,
) -> Verifier:
    """Fit the encoder to labels; the same input gives the same weights on the same machine.

    Both kinds of label weigh the same, however many there are of each.

    Args:
        encoder: where it begins.
        pairs: what it reads.
        labels: one a pair, of both kinds.
        recipe: how.
        advance: hears how many pairs were gone through, each time through.

    Raises:
        BadInput: the folder holds no encoder.
        DivergedError: the loss is no number any more.
    """
    import torch

    verifier = _fresh(encoder, recipe.seed)
    unmet, met = labels.count(False), labels.count(True)
    device = next(verifier.model.parameters()).device
    loss_of = torch.nn.BCEWithLogitsLoss(pos_weight=torch.tensor(unmet / met, device=device))
    optimizer = torch.optim.AdamW(verifier.model.parameters(), lr=recipe.learning_rate)
    rate = torch.optim.lr_scheduler.LambdaLR(optimizer, _rates(len(pairs), recipe))
    verifier.model.train()
    for places in _batches(len(pairs), recipe):
        wanted = torch.tensor([float(labels[one]) for one in places], device=device)
        loss = loss_of(verifier.rated([pairs[one] for one in places]), wanted)
        if not math.isfinite(loss.item()):
            raise DivergedError("training ran away: the loss is no number; lower --learning-rate")
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(verifier.model.parameters(), STEEPEST)
        optimizer.step()
        rate.step()
        advance(len(places))
    verifier.model.eval()
    return verifier


def _fresh(encoder: Encoder, seed: int) -> Verifier:
    """The encoder with a new head of one figure."""
    import torch
    import transformers

    torch.manual_seed(seed)
    with _loading(encoder.folder):
        model, told = transformers.AutoModelForSequenceClassification.from_pretrained(
            encoder.folder,
            num_labels=1,
            local_files_only=True,
            attn_implementation="eager",  # the one that every opset can say
            ignore_mismatched_sizes=True,  # a head for other labels is no use here
            output_loading_info=True,
        )
    prefix = f"{model.base_model_prefix}."
    misfits = [one[0] for one in told["mismatched_keys"]]
    lacking = [one for one in (*told["missing_keys"], *misfits) if one.startswith(prefix)]
    if weights := sorted(one for one in lacking if "pool" not in one):
        # transformers would go on with weights by chance
        raise BadInput(f"{WHERE} {encoder.folder}", f"{EXPECTED}; {weights[0]} is not among them")
    model.to("cuda" if torch.cuda.is_available() else "cpu")
    has_types = getattr(model.config, "type_vocab_size", 0) > 1
    types = ("token_type_ids",) if has_types else ()
    return Verifier(encoder, model, ("input_ids", "attention_mask", *types))


def _rates(pairs: int, recipe: Recipe) -> Callable[[int], float]:
    """Up in a line, then down in a line to nothing."""
    steps = recipe.epochs * math.ceil(pairs / recipe.batch)
    rising = max(1, round(steps * WARM_UP))

    def rate(step: int) -> float:
        return min((step + 1) / rising, (steps - step) / max(1, steps - rising))

    return rate


def _batches(pairs: int, recipe: Recipe) -> Iterator[list[int]]:
    chance = random.Random(recipe.seed)
    for _ in range(recipe.epochs):
        order = list(range(pairs))
        chance.shuffle(order)
        yield from (order[start : start + recipe.batch] for start in range(0, pairs, recipe.batch))


@contextmanager
def _loading(folder: Path) -> Iterator[None]:
    """Turn what goes wrong with an encoder's folder into one sentence, and hush its loader."""
    from transformers.utils import logging

    before = logging.get_verbosity()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    except Exception as error:  # transformers raises whatever its files make it raise
        raise BadInput(f"{WHERE} {folder}", f"{EXPECTED} ({type(error).__name__})") from None
    finally:
        logging.set_verbosity(before)
