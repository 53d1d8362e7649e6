"""`clinalign train card`: says what a trained model was made of."""

from pathlib import Path

from clinalign.commands.files import write_text
from training.card import card_of
from training.run_folder import RunFolder


def run(path: str) -> None:
    """Write the card beside the model.

    Raises:
        BadInput: the folder holds no run that has ended.
        StorageError: the card cannot be written.
    """
    folder = RunFolder(Path(path))
    write_text(folder.model / "README.md", card_of(folder))
    print(folder.model / "README.md")
