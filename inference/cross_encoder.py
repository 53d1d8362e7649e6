"""Rates pairs of texts with an encoder that reads both at once, exported to ONNX.

What a figure means is the business of whoever trained the encoder; see `rubrics.distilled_judge`.
Training cuts texts into tokens by the same `PairTokenizer`, so that both see the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer

from inference.embedding import alike
from inference.errors import StorageError

Pair = tuple[str, str]
Inputs = dict[str, NDArray[np.int64]]
"""What an encoder takes, by name; shapes (pairs, tokens)."""


@dataclass(frozen=True)
class Rated:
    """Figures of pairs, in their order."""

    logits: NDArray[np.float32]
    """The higher, the likelier; one a pair."""
    cut: tuple[bool, ...]
    """Whether the end of the pair's second text was not seen."""


class PairTokenizer:
    """Cuts pairs into tokens; where they are too many, the end of the second text goes.

    Of the first text no more is seen than half of the tokens.
    """

    def __init__(self, written: str, most_tokens: int, pad_id: int = 0) -> None:
        """Read a tokenizer.

        Args:
            written: the content of a tokenizer.json.
            most_tokens: of a pair, marks between the texts included.
            pad_id: the token that fills up shorter pairs.

        Raises:
            StorageError: it is no tokenizer.
        """
        self.written, self.pad_id = written, pad_id
        self._half = most_tokens // 2
        try:
            self._plain, self._cutting = Tokenizer.from_str(written), Tokenizer.from_str(written)
        except Exception:  # the library raises nothing narrower
            raise StorageError("a tokenizer.json is damaged, or of another kind") from None
        for one in (self._plain, self._cutting):
            one.no_padding()
        self._plain.no_truncation()
        self._cutting.enable_truncation(most_tokens, strategy="only_second")

    def encoded(self, pairs: Sequence[Pair]) -> list[Encoding]:
        return list(self._cutting.encode_batch([(self._beginning(one), two) for one, two in pairs]))

    def fits(self, pair: Pair) -> bool:
        """Whether all of the second text is seen."""
        return not self.encoded([pair])[0].overflowing

    def inputs(self, encodings: Sequence[Encoding]) -> Inputs:
        """As an encoder takes them, filled up to the longest."""
        longest = max(len(one.ids) for one in encodings)
        ids = np.full((len(encodings), longest), self.pad_id, dtype=np.int64)
        mask, types = np.zeros_like(ids), np.zeros_like(ids)
        for row, one in enumerate(encodings):
            ids[row, : len(one.ids)] = one.ids
            mask[row, : len(one.ids)] = 1
            types[row, : len(one.ids)] = one.type_ids
        return {"input_ids": ids, "attention_mask": mask, "token_type_ids": types}

    def _beginning(self, text: str) -> str:
        if len(text.encode()) <= self._half:  # a token is a byte at least
            return text
        found = self._plain.encode(text, add_special_tokens=False)
        return text if len(found.ids) <= self._half else text[: found.offsets[self._half - 1][1]]


class CrossEncoder:
    """An exported encoder with one figure a pair."""

    def __init__(self, model: Path, tokenizer: PairTokenizer) -> None:
        """Load the model.

        Raises:
            StorageError: the file is no such model.
        """
        self._tokenizer = tokenizer
        options = onnxruntime.SessionOptions()
        # As of the embedder: threads that spin on slow down whatever comes next.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        providers = ["CPUExecutionProvider"]
        try:
            self._session = onnxruntime.InferenceSession(str(model), options, providers=providers)
        except Exception as error:  # the library has a class of its own for each way to fail
            told = type(error).__name__
            raise StorageError(f"{model} is missing or no ONNX model ({told})") from None
        self._wanted = [one.name for one in self._session.get_inputs()]

    def rated(self, pairs: Sequence[Pair]) -> Rated:
        encodings = self._tokenizer.encoded(pairs)
        logits = np.zeros(len(pairs), dtype=np.float32)
        for chosen in alike([len(one.ids) for one in encodings]):
            inputs = self._tokenizer.inputs([encodings[place] for place in chosen])
            (found,) = self._session.run(None, {name: inputs[name] for name in self._wanted})
            logits[chosen] = np.asarray(found, dtype=np.float32).reshape(-1)
        return Rated(logits, tuple(bool(one.overflowing) for one in encodings))
