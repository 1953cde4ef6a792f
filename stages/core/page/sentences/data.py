"""How much data there are, what became of them, and how they are split."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stages.core.config.builtin import BuiltinFolder, BuiltinImages
from stages.core.config.datasets import datasets
from stages.core.config.sections import OWN, OWN_FOLDER
from stages.core.pictures.findings import Findings
from stages.core.pictures.wording import count, listed, plain

_CLASSES = 20  # named


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


def source(dataset: str, params: Mapping[str, Any]) -> str:
    """Where the data come from: a built-in set by its name, a file or folder of your own by that alone."""
    if kind := OWN.get(params["data"]["dataset"]):
        return f"The data are those of the {kind} {dataset}."
    return f"The data set is {dataset}, which the stage fetch brings, and accepts by the SHA-256 of its files alone."


def classes(found: Findings) -> str:
    """The classes, with how many training examples each has; nothing of a regression."""
    if not found.classes:
        return ""
    counts = found.metrics["prepare"]["train"].get("class_counts") or ()
    named = [f"{name} ({number:,})" for name, number in zip(found.classes, counts, strict=True)] if counts else []
    named = named or list(found.classes)
    shown = [*named[:_CLASSES], *([f"{len(named) - _CLASSES:,} more"] if len(named) > _CLASSES else [])]
    of = f", with their training {found.things}" if counts else ""
    return f"The classes{of}: {listed(shown)}."


def has_test_path(data: Mapping[str, Any]) -> bool:
    """Whether the test part is a file or folder of the user's own; `data` is that section of params.yaml.

    Built-in images know theirs.
    """
    builtin = datasets().get(data["dataset"])
    return data["test_path"] != OWN_FOLDER and not isinstance(builtin, BuiltinImages | BuiltinFolder)


def split(found: Findings, params: Mapping[str, Any]) -> str:
    """How test part, folds and validation slice are made; `params` are all of params.yaml, settled."""
    data, held_out, table = params["data"], params["train"]["val_fraction"], found.data.kind == "table"
    if table and data["time"]:
        how = f"by time, so that what is tested has a later {data['time']} than all that is trained on"
    elif found.groups is not None:
        how = f"by group, so that {found.things} with the same {data['group'] or 'group'} stay together"
    else:
        how = f"at random, stratified by {'class' if found.classes else 'the size of the number to predict'}"
    again = how
    if isinstance(datasets().get(data["dataset"]), BuiltinImages):
        test = "The test part is the data set's own."
    elif has_test_path(data):
        test = f"The test part is a {'file' if table else 'folder'} of its own, {Path(data['test_path']).name}."
    elif data["dataset"] == "images":  # which of both is in no file that the stages write
        test = f"The test part is the folder's own, or where it has none was split off {how}."
    else:
        test, again = f"The test part was split off {how}.", "in the same way"
    told = f"{test} The training part was cut into the folds of the cross-validation {again}"
    epoch = f"{found.selected_epoch} of {len(found.tables['training'])}"
    if not held_out:
        return f"{told}. The model learned from all of that part; its last epoch was kept, {epoch}."
    return f"{told}; a slice of about {100 * held_out:g}%, held out likewise, chose the model's epoch, {epoch}."
