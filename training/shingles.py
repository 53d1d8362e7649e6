"""Runs of words, as hashes: what tells near-duplicates and contamination without keeping text."""

import hashlib
from collections.abc import Iterator

from rubrics.parsing import plain


def shingles(text: str, size: int) -> Iterator[int]:
    """A 64-bit hash of every run of `size` words; of a shorter text, of the whole.

    A letter counts as a word in scripts without spaces.
    """
    words = plain(text).split()
    for start in range(max(1, len(words) - size + 1)) if words else ():
        run = " ".join(words[start : start + size])
        yield int.from_bytes(hashlib.blake2b(run.encode(), digest_size=8).digest())
