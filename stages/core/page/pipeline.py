"""The stages as the report shows them: in an order to run them, what each does, and whose outputs it uses.

dvc.yaml says the same, but DVC lets no stage depend on that file, so that the report would not follow it. A test does.
"""

from typing import NamedTuple


class Stage(NamedTuple):
    does: str
    uses: tuple[str, ...] = ()


STAGES = {
    "check": Stage("Check all of params.yaml, before anything runs"),
    "fetch": Stage("Bring the raw files of the data set, verified by their SHA-256", ("check",)),
    "prepare": Stage(
        "Parse and check the raw files or your own; write inputs, targets and facts in one schema", ("fetch",)
    ),
    "audit": Stage("Look for what in the data would make the scores lies, before anything is trained", ("prepare",)),
    "weights": Stage("Bring the weights that a network of torchvision starts from, each checked to fit it", ("check",)),
    "cross_validate": Stage(
        "Train the recipe on all folds but one and score the one left out, k times", ("prepare", "audit", "weights")
    ),
    "lr_range": Stage("Train a little at growing learning rates, and suggest one", ("prepare", "audit", "weights")),
    "train": Stage(
        "Fit the model; keep the epoch that does best on a validation slice", ("prepare", "audit", "weights")
    ),
    "evaluate": Stage("Score the model on the test set, once", ("prepare", "train")),
    "export": Stage(
        "Write the model as one ONNX file that needs none of our code, and check it on the test set",
        ("prepare", "train", "evaluate"),
    ),
    "stress": Stage(
        "Score the model on test inputs made worse; see which columns of a table it needs", ("prepare", "train")
    ),
    "baselines": Stage(
        "Score simple models on the same parts, and judge the network beside them", ("prepare", "evaluate")
    ),
    "plot": Stage(
        "Draw the pictures from the tracked tables",
        ("prepare", "cross_validate", "lr_range", "train", "evaluate", "stress"),
    ),
    "report": Stage(
        "Write one page and a model card that say how good the model is, how sure that is, and where it fails",
        (
            "prepare",
            "audit",
            "cross_validate",
            "lr_range",
            "train",
            "evaluate",
            "export",
            "stress",
            "baselines",
            "plot",
        ),
    ),
}
