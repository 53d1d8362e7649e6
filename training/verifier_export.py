"""Writes a trained verifier as ONNX with its card, and makes sure that both say the same."""

import importlib.metadata
import warnings
from collections.abc import Sequence
from pathlib import Path

from inference.cross_encoder import CrossEncoder, Pair
from inference.errors import BadInput, ClinalignError
from rubrics.verifier_card import CARD, MODEL, TOKENIZER, VerifierCard
from training.verifier import EXPECTED, WHERE, Verifier

OPSET = 17
NEAR = 1e-4  # the most by which the figures of the two may differ
LIBRARIES = ("torch", "transformers", "onnxruntime", "tokenizers")


class ExportDiffers(ClinalignError):
    """The exported model says something else than the trained one."""


def export(verifier: Verifier, folder: Path, sample: Sequence[Pair]) -> None:
    """Write model and tokenizer.

    Args:
        verifier: what was trained.
        folder: where they go.
        sample: pairs of different lengths, which both have to rate the same.

    Raises:
        BadInput: an encoder of this kind cannot be exported.
        ExportDiffers: the two differ by more than 1e-4.
    """
    model, tokenizer = folder / MODEL, folder / TOKENIZER
    verifier.model.to("cpu")
    _write_onnx(verifier, model, sample[:2])
    tokenizer.write_text(verifier.encoder.tokenizer.written, encoding="utf-8")
    again = CrossEncoder(model, verifier.encoder.tokenizer).rated(sample)
    trained = verifier.logits(sample)
    apart = max(abs(one - float(two)) for one, two in zip(trained, again.logits, strict=True))
    if not apart <= NEAR:
        told = f"the exported model's figures differ by {apart:.1e}, expected at most {NEAR:.0e}"
        raise ExportDiffers(f"{told}; try another encoder")


def versions() -> dict[str, str]:
    """Of the libraries that the figures depend on."""
    return {name: importlib.metadata.version(name) for name in LIBRARIES}


def write_card(card: VerifierCard, folder: Path) -> None:
    """Write what the verifier says of itself; last, since it makes the folder a verifier's."""
    (folder / CARD).write_text(card.model_dump_json(indent=1) + "\n", encoding="utf-8")


def _write_onnx(verifier: Verifier, path: Path, sample: Sequence[Pair]) -> None:
    import torch

    inputs = verifier.inputs(sample)
    grows = {name: {0: "pairs", 1: "tokens"} for name in inputs}
    with warnings.catch_warnings():
        # That this exporter is the older one, and what it makes of loops that we do not have.
        warnings.simplefilter("ignore")
        try:
            torch.onnx.export(
                verifier.model,
                (),
                str(path),
                kwargs=inputs,
                input_names=list(inputs),
                output_names=["figure"],
                dynamic_axes={**grows, "figure": {0: "pairs"}},
                opset_version=OPSET,
                dynamo=False,
            )
        except (RuntimeError, torch.onnx.OnnxExporterError) as error:
            told = f"{EXPECTED} that can be exported ({type(error).__name__})"
            raise BadInput(f"{WHERE} {verifier.encoder.folder}", told) from None
