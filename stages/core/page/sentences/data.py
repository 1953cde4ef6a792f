"""How much data there are, and what became of them."""

from stages.core.pictures.findings import Findings
from stages.core.pictures.wording import count, listed, plain


def told(found: Findings) -> str:
    """Training and test part, what is predicted, and what became of a file's rows, or of the files of a folder."""
    counts = found.metrics["prepare"]
    train, test = counts["train"]["examples"], counts["test"]["examples"]
    what = f"one of {count(len(found.classes), 'class', 'classes')}" if found.classes else "a number"
    sentences = [f"{count(train, found.thing)} to learn from and {test:,} to test on."]
    if found.data.target:
        sentences.append(f"What is predicted is the column {found.target}, {what}.")
    else:
        sentences.append(f"Each is {what}.")
    if rows := counts.get("rows"):
        dropped = [f"{number:,} ({plain(reason)})" for reason, number in sorted(rows["dropped"].items()) if number]
        lost = f"dropped were {listed(dropped)}" if dropped else "none was dropped"
        sentences.append(f"Of {count(rows['in_file'], 'row')} that were read {rows['used']:,} are used; {lost}.")
    if files := counts.get("files"):
        others = [f"{files['duplicate']:,} (duplicate)"] * (files["duplicate"] > 0)
        for state in ("refused", "left_out"):
            others += [f"{number:,} ({reason})" for reason, number in sorted(files[state].items())]
        lost = f"not used are {listed(others)}" if others else "none was lost"
        sentences.append(
            f"Of {count(files['in_folder'], 'file')} in the folder {files['used']:,} are used; {lost}. "
            "What became of each is in data/prepared/files.csv."
        )
    return " ".join(sentences)


def flipped(found: Findings, flip: str) -> str:
    """What to think of where training images are mirrored; nothing where none is."""
    if flip == "none":
        return ""
    if found.classes and all(len(name) == 1 for name in found.classes):
        doubt = "The classes are digits or letters, and a mirrored one is another, or none: better leave that off."
    else:
        doubt = "That is right where a mirrored image is of the same class; of digits and text it is not."
    often = "Three of four training images are" if flip == "both" else "Every other training image is"
    return f" {often} mirrored (augment.flip = {flip}). {doubt}"
