"""Images in files, your own or a built-in set: from a folder to training and test part, and a ledger of every file.

Parts, limits and counts are settled by the files' names and targets alone; the pixels stay in a file.
"""

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from stages.core.base.command import InputError
from stages.core.base.schemas import FILES, SCHEMA, DataDescription, FileCounts, PictureForm
from stages.core.config.builtin import AnyBuiltin, BuiltinFolder
from stages.core.config.plain import shown
from stages.core.config.sections import OWN_FOLDER, DataConfig
from stages.core.data.decoder import Outcome
from stages.core.data.decoders import Decoders
from stages.core.data.decoding import Scratch, forms
from stages.core.data.examples import Examples, Prepared, limited, normalisation
from stages.core.data.folders import File, classes_of, listed
from stages.core.data.pictures import Form, Look
from stages.core.data.splits import check_classes, split_off

LEAST, LARGEST, SIDE = 4, 128, 64  # images; pixels of a side that is kept, and of one that is settled
_NAMED = 6  # files in a message

_log = logging.getLogger(__name__)


def settled(data: DataConfig, raw: Path, builtin: AnyBuiltin | None) -> DataConfig:
    """`data` as it is for images of your own; a `builtin` set lies in `raw`, in a folder per class."""
    if not isinstance(builtin, BuiltinFolder):
        return data
    known = {"path": str(raw), "test_path": OWN_FOLDER, "task": "classification", "target": "", "group": ""}
    return data.model_copy(update=known)


def prepared(
    data: DataConfig, limit: int, seed: int, keep: Callable[[pd.DataFrame], object]
) -> tuple[Prepared, Scratch]:
    """Both parts of the images at `data.path`, cut to `limit` training images (0: all), and the scratch they lie in.

    `keep` gets the ledger, as FILES, also where files are then refused.
    Raises `InputError` for whatever cannot be used.
    """
    files = listed(data)
    candidates = [place for place, file in enumerate(files) if file.state == "used"]
    with Decoders(len(candidates), sum(files[place].size for place in candidates)) as decoders:
        look = look_of(data, [files[place] for place in candidates], decoders)
        scratch = Scratch([files[place].path for place in candidates], look)
        pixels, outcomes = scratch.decoded(decoders)
    files, row_of = _judged(files, candidates, outcomes)
    keep(ledger(files))
    _refuse_or_tell_bad(files, data)
    train, test, classes = _parts(files, data, limit, seed)
    part_of = {int(place): name for name, part in (("train", train), ("test", test)) for place in part.inputs}
    for place, file in enumerate(files):
        if place in part_of:
            files[place] = replace(file, part=part_of[place])
        elif file.state == "used":
            files[place] = file.lost("left out", "beyond prepare.limit")
    keep(ledger(files))

    def with_pixels(part: Examples) -> Examples:
        rows = np.array([row_of[int(place)] for place in part.inputs], np.int64)
        return Examples(pixels.take(rows), part.targets, part.groups)

    train, test = with_pixels(train), with_pixels(test)
    normalisation(train.inputs)  # refuses data that training could not normalise
    form = PictureForm(fit=data.fit, background=data.background, max_pixels=data.max_pixels)
    description = DataDescription(task=data.task, classes=classes, input_shape=look.shape, form=form)
    schema = pd.DataFrame(columns=list(SCHEMA.columns))
    return Prepared(train, test, description, schema, files=counted(files)), scratch


def look_of(data: DataConfig, files: Sequence[File], decoders: Decoders) -> Look:
    """What pictures are brought to: what is `auto` is settled by the headers of those that are not for testing."""
    found: list[Form] = []
    if "auto" in (data.size, data.channels):
        known = [file.path for file in files if file.part != "test"]
        found = forms(known, data.max_pixels, decoders)
    height, width = (SIDE, SIDE) if data.size == "auto" else data.size
    sizes = {(form.height, form.width) for form in found}
    if data.size == "auto" and len(sizes) == 1 and all(8 <= side <= LARGEST for side in min(sizes)):
        ((height, width),) = sizes
    channels = data.channels
    if channels == "auto":
        channels = 3 if any(form.colour for form in found) else 1
    return Look(channels, height, width, data.fit, data.background, data.max_pixels)


def ledger(files: Sequence[File]) -> pd.DataFrame:
    """A row a file, as FILES."""
    rows = [(file.told, file.part, file.target, file.state, file.why) for file in files]
    return pd.DataFrame(rows, columns=list(FILES.columns))


def counted(files: Sequence[File]) -> FileCounts:
    """How many files ended how."""
    states = Counter(file.state for file in files)

    def reasons(state: str) -> dict[str, int]:
        return dict(Counter(file.why.partition(":")[0] for file in files if file.state == state))

    return FileCounts(
        in_folder=len(files),
        used=states["used"],
        duplicate=states["duplicate"],
        refused=reasons("refused"),
        left_out=reasons("left out"),
    )


def _judged(
    files: Sequence[File], candidates: Sequence[int], outcomes: Sequence[Outcome]
) -> tuple[list[File], dict[int, int]]:
    """The files by what came of decoding them, and of each place among them its row of the pixels.

    A file with the bytes of an earlier one of its part, target and group is its duplicate; with another target it
    stays, and the audit tells of the contradiction.
    """
    judged, first = list(files), dict[tuple[str, str, str, str], File]()
    row_of = {}
    for row, (place, outcome) in enumerate(zip(candidates, outcomes, strict=True)):
        file = files[place]
        row_of[place] = row
        if outcome.why:
            judged[place] = file.lost("refused", outcome.why)
            continue
        same = first.setdefault((outcome.digest, file.part, file.target, file.group), file)
        if same is not file:
            judged[place] = file.lost("duplicate", f"the same bytes as: {same.told}")
    return judged, row_of


def _refuse_or_tell_bad(files: Sequence[File], data: DataConfig) -> None:
    bad = [file for file in files if file.state == "refused"]
    if not bad:
        return
    what = f"{data.path}: {'1 file' if len(bad) == 1 else f'{len(bad):,} files'} of {len(files):,} cannot be used"
    if data.bad_files == "drop":
        reasons = ", ".join(f"{number:,} {why}" for why, number in counted(files).refused.items())
        _log.warning("%s: %s; data/prepared/files.csv says which", what, reasons)
        return
    named = [f"{shown(file.told)}: {file.why}" for file in bad[:_NAMED]]
    more = [f"and {len(bad) - _NAMED:,} more, all of them in data/prepared/files.csv"] * (len(bad) > _NAMED)
    told = "\n  ".join([*named, *more])
    raise InputError(f"{what}; `bad_files: drop` in section data leaves them out\n  {told}")


def _parts(
    files: Sequence[File], data: DataConfig, limit: int, seed: int
) -> tuple[Examples, Examples, tuple[str, ...] | None]:
    """Training and test part, whose inputs are places among `files`, and the names of the classes."""
    used = [place for place, file in enumerate(files) if file.state == "used"]
    if len(used) < LEAST:
        raise InputError(f"{data.path}: must have {LEAST} images that can be used at least, found {len(used)}")
    classes = classes_of(files, data) if data.task == "classification" else None
    if classes:
        codes = {name: code for code, name in enumerate(classes)}
        targets = np.array([codes[files[place].target] for place in used], np.int64)
    else:
        targets = np.array([float(files[place].target) for place in used], np.float64)
    groups = None
    if any(files[place].group for place in used):
        _, groups = np.unique([files[place].group for place in used], return_inverse=True)
        groups = groups.astype(np.int64)
    examples = Examples(np.array(used, np.int64), targets, groups)
    parts = np.array([files[place].part for place in used])
    if (parts != "").any():
        halves = np.flatnonzero(parts == "train"), np.flatnonzero(parts == "test")
        for part, half in zip(("training", "test"), halves, strict=True):
            if not len(half):
                raise InputError(f"{data.path}: the {part} part has no image that can be used, must have one")
    else:
        halves = split_off(examples, classes, data.test_fraction, seed, "image")
    train, test = (examples.take(half) for half in halves)
    check_classes(train.targets, test.targets, classes or (), data.path, "image")
    if not classes and (train.targets == train.targets[0]).all():
        raise InputError(f"{data.path}: a target must vary, all of the training part are {train.targets[0]:g}")
    return *limited(train, test, limit, seed), classes
