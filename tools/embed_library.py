"""Embeds the library with the bundled embedder, so that no start has to.

python tools/embed_library.py
"""

from pathlib import Path

from inference.embedding import OnnxEmbedder
from inference.vectors import shippable
from principle_store.loading import LIBRARY_VECTORS, load_library, load_taxonomy

TARGET = Path(str(LIBRARY_VECTORS))


def main() -> None:
    texts = load_library(load_taxonomy()).searched_texts()
    TARGET.write_bytes(shippable(OnnxEmbedder(), texts))
    print(f"{TARGET.name}: {len(texts)} texts, {TARGET.stat().st_size // 1024} KiB")


if __name__ == "__main__":
    main()
