"""The stages `stress`, `baselines`, `lr_range`, `cross_validate` on made-up data: what they write, what they refuse."""

import hashlib
import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

import stages  # noqa: F401 - pins the numerics before torch is imported
from stages.core.base.artifacts import write_arrays
from stages.core.base.schemas import (
    BASELINES,
    CROSS_VALIDATE,
    FOLD_SCORES,
    IMPORTANCE,
    LEARNING_CURVE,
    LR_RANGE,
    STRESS,
    BaselinesMetrics,
    CrossValidateMetrics,
    InputColumn,
    LrRangeMetrics,
    PrepareFacts,
    StressMetrics,
)
from stages.core.config.recipe import Architecture
from stages.core.data.examples import Examples, normalisation
from stages.core.experiments.corruptions.images import CORRUPTIONS, OF_COLOURS
from stages.core.scores.predictions import Predictions, ValuePredictions
from stages.core.scores.score import significant
from tests.pipeline import warm

ROOT = Path(__file__).parents[2]
SMALL: dict[str, dict[str, Any]] = {
    "model": {"name": "linear", "hidden": []},
    "train": {"batch_size": 16},
    "stress": {"examples": 20},
    "lr_range": {"steps": 40},
}


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """The inputs of these stages: 40 images of two classes, and a model that has learned nothing."""
    import torch

    from stages.core.networks.model import build_model, describe_model

    generator = np.random.default_rng(0)
    targets = np.arange(40, dtype=np.int64) % 2
    inputs = generator.integers(0, 60, (40, 1, 10, 10), dtype=np.uint8)
    inputs[targets == 1, :, 3:7] = 220
    for part in ("train", "test"):
        write_arrays(tmp_path / f"data/prepared/{part}.safetensors", {"inputs": inputs, "targets": targets})
    facts = PrepareFacts(
        task="classification",
        dataset="mnist",
        classes=("a", "b"),
        input_shape=(1, 10, 10),
        train_sha256=hashlib.sha256((tmp_path / "data/prepared/train.safetensors").read_bytes()).hexdigest(),
    )
    facts.write(tmp_path / "data/prepared/facts.json")

    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    for section, keys in SMALL.items():
        params[section] |= keys
    write_arrays(tmp_path / "models/pretrained.safetensors", {})
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params))

    config = Architecture.model_validate({name: params["model"][name] for name in Architecture.model_fields})
    model = build_model(config, (1, 10, 10), 2, normalisation(inputs), torch.Generator().manual_seed(0))
    write_arrays(tmp_path / "models/model.safetensors", {k: v.numpy() for k, v in model.state_dict().items()})
    digest = hashlib.sha256((tmp_path / "models/model.safetensors").read_bytes()).hexdigest()
    description = describe_model(config, facts, normalisation(inputs), 1.0, "accuracy", 1, digest)
    description.write(tmp_path / "models/model.json")
    return tmp_path


@pytest.fixture
def table(workspace: Path) -> Path:
    """Instead of the images 200 rows of a table, whose first column is the target, and a model that has seen them."""
    generator = np.random.default_rng(0)
    inputs = np.concatenate([generator.normal(size=(200, 2)), generator.integers(0, 2, (200, 1))], axis=1)
    inputs[::20, 1] = np.nan
    arrays = {"inputs": inputs, "targets": 100 + 10 * inputs[:, 0]}
    for part in ("train", "test"):
        write_arrays(workspace / f"data/prepared/{part}.safetensors", arrays)
    facts = PrepareFacts(
        task="regression",
        dataset="table",
        columns=(InputColumn(name="all"), InputColumn(name="no"), InputColumn(name="c", categories=("x", "y"))),
        target="value",
        train_sha256=hashlib.sha256((workspace / "data/prepared/train.safetensors").read_bytes()).hexdigest(),
    )
    facts.write(workspace / "data/prepared/facts.json")
    change(workspace, "train", epochs=20, lr=0.1)
    result = stage("train", workspace)
    assert result.returncode == 0, result.stderr
    return workspace


def stage(name: str, workspace: Path, workers: int = 1) -> subprocess.CompletedProcess[str]:
    environment = warm.environment() | {"PYTHONPATH": str(ROOT), "WORKERS": str(workers)}
    command = ["python", "-m", f"stages.{name}"]
    return subprocess.run(command, cwd=workspace, env=environment, capture_output=True, text=True)


def change(workspace: Path, section: str, **keys: Any) -> None:
    path = workspace / "params.yaml"
    params = yaml.safe_load(path.read_text())
    params[section] |= keys
    path.write_text(yaml.safe_dump(params))


def outputs(name: str, workspace: Path) -> tuple[dict[str, Any], pd.DataFrame]:
    """The metrics and the table that a stage writes."""
    metrics = json.loads((workspace / f"metrics/{name}.json").read_text())
    return metrics, pd.read_csv(workspace / f"plots/{name}.csv")


def made_twice(name: str, workspace: Path) -> tuple[dict[str, Any], pd.DataFrame]:
    """The same, made by one worker and by three: that changes no byte."""
    made = []
    for workers in (1, 3):
        result = stage(name, workspace, workers)
        assert result.returncode == 0, result.stderr
        made.append([(workspace / path).read_bytes() for path in (f"metrics/{name}.json", f"plots/{name}.csv")])
    assert made[0] == made[1]
    return outputs(name, workspace)


def test_stress_writes_a_score_per_corruption_and_severity(workspace: Path) -> None:
    metrics, table = made_twice("stress", workspace)
    assert StressMetrics.read(workspace / "metrics/stress.json").model_dump(exclude_none=True) == metrics
    assert STRESS.read(workspace / "plots/stress.csv").equals(table)
    names = [name for name in CORRUPTIONS if name not in OF_COLOURS]
    assert table["corruption"].unique().tolist() == names
    assert table["severity"].tolist() == [0, 1, 2, 3, 4, 5] * len(names)
    assert table["score"].between(0, 1).all() and table["score"][table["severity"] == 0].nunique() == 1
    assert metrics["mean_corruption_accuracy"] == pytest.approx(table["score"][table["severity"] > 0].mean())
    assert set(table["examples"]) == {20}
    assert IMPORTANCE.read(workspace / "plots/importance.csv").empty  # there are no columns


def test_stress_of_a_table_says_which_columns_its_model_needs(table: Path) -> None:
    metrics, scores = made_twice("stress", table)
    assert StressMetrics.read(table / "metrics/stress.json").model_dump(exclude_none=True) == metrics
    assert metrics["mean_corruption_rmse"] == significant(scores["score"][scores["severity"] > 0].mean())
    assert scores["corruption"].unique().tolist() == ["noise", "missing_cells", "shuffled_categories"]
    clean, *_, worst = scores[scores["corruption"] == "noise"]["score"]
    assert clean < 3 and worst == pytest.approx(10, rel=0.3)
    importance = IMPORTANCE.read(table / "plots/importance.csv").set_index("column")
    assert importance["importance"]["all"] == pytest.approx(10 * 2**0.5, rel=0.2)
    assert importance["importance"].idxmax() == "all" and (importance["importance"][["no", "c"]] < 1).all()


def predicted(targets: np.ndarray) -> Predictions:
    """By a network that has half of the examples right."""
    return Predictions(targets, np.eye(2, dtype=np.float32)[np.arange(len(targets)) // 2 % 2])


def test_baselines_are_scored_beside_the_network(workspace: Path) -> None:
    predicted(np.arange(40, dtype=np.int64) % 2).write(workspace / "models/predictions.safetensors")
    metrics, table = made_twice("baselines", workspace)
    assert BaselinesMetrics.read(workspace / "metrics/baselines.json").model_dump(exclude_none=True) == metrics
    assert BASELINES.read(workspace / "plots/baselines.csv").equals(table)
    assert table["baseline"].unique().tolist() == ["majority_class", "logistic_regression"]
    of_accuracy = table[table["score"] == "accuracy"].set_index("baseline")
    assert of_accuracy["value"].to_dict() == {"majority_class": 0.5, "logistic_regression": 1}
    assert of_accuracy["verdict"].to_dict() == {"majority_class": "indistinguishable", "logistic_regression": "worse"}
    assert set(of_accuracy["model"]) == {0.5} and metrics == {"best_baseline_accuracy": 1}


def test_baselines_of_a_table_are_scored_in_its_unit(table: Path) -> None:
    targets = Examples.read(table / "data/prepared/test.safetensors").targets
    ValuePredictions(targets, targets + 1).write(table / "models/predictions.safetensors")
    metrics, found = made_twice("baselines", table)
    assert found["baseline"].unique().tolist() == ["median", "ridge_regression", "boosted_trees"]
    assert found["score"].unique().tolist() == ["rmse", "mae"] and (found["model"] == 1).all()
    assert metrics == {"best_baseline_rmse": pytest.approx(0.05, abs=0.05)}  # the ridge, which has seen the test part


def test_baselines_refuse_predictions_of_other_examples(workspace: Path) -> None:
    predicted(1 - np.arange(40, dtype=np.int64) % 2).write(workspace / "models/predictions.safetensors")
    result = stage("baselines", workspace)
    assert (result.returncode, result.stderr) == (
        1,
        "error: models/predictions.safetensors: not of the examples in data/prepared/test.safetensors; "
        "`dvc repro` makes both\n",
    )


def test_lr_range_writes_its_curve_and_a_rate_within_it(workspace: Path) -> None:
    metrics, table = made_twice("lr_range", workspace)
    assert LrRangeMetrics.read(workspace / "metrics/lr_range.json").model_dump() == metrics
    assert LR_RANGE.read(workspace / "plots/lr_range.csv").equals(table)
    assert table["learning_rate"].is_monotonic_increasing and 2 < len(table) <= 40
    assert table["learning_rate"].min() <= metrics["suggested_lr"] <= table["learning_rate"].max()


def test_cross_validate_writes_what_the_folds_say(workspace: Path) -> None:
    change(workspace, "cross_validate", folds=2, epochs=1, learning_curve=[])
    metrics, curves = made_twice("cross_validate", workspace)
    assert CrossValidateMetrics.read(workspace / "metrics/cross_validate.json").model_dump(exclude_none=True) == metrics
    assert CROSS_VALIDATE.read(workspace / "plots/cross_validate.csv").equals(curves)
    scores = FOLD_SCORES.read(workspace / "plots/fold_scores.csv").set_index("score")
    assert scores["mean"]["accuracy"] == metrics["accuracy"] == pytest.approx(curves["validation_score"].mean())
    gaps = curves["train_score"] - curves["validation_score"]
    assert metrics["accuracy_gap"] == pytest.approx(gaps.mean(), abs=1e-6)
    assert len(LEARNING_CURVE.read(workspace / "plots/learning_curve.csv")) == 2
    assert not list((workspace / ".dvc/tmp/checkpoints").iterdir())  # all is written


def test_cross_validate_shows_its_tables_after_each_fold(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At a fold's end, the tables of the folds before it lie there, valid and without the metrics of all."""
    from stages import cross_validate as script
    from stages.core.experiments import cross_validation

    seen: list[list[int]] = []

    def fit_and_look(*arguments: Any, **options: Any) -> Any:
        if (workspace / script.OUTPUTS["curves"]).exists():
            curves, scores = (
                CROSS_VALIDATE.read(script.OUTPUTS["curves"]),
                FOLD_SCORES.read(script.OUTPUTS["fold_scores"]),
            )
            seen.append([len(curves), len(LEARNING_CURVE.read(script.OUTPUTS["learning_curve"])), len(scores)])
        assert not script.OUTPUTS["metrics"].exists()
        return fit(*arguments, **options)

    fit = cross_validation.fit
    monkeypatch.setattr(cross_validation, "fit", fit_and_look)
    monkeypatch.chdir(workspace)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    change(workspace, "cross_validate", folds=3, epochs=1, learning_curve=[])
    script.main()
    assert seen == [[1, 1, 0], [2, 2, 3]]


def test_lr_range_survives_a_loss_that_explodes(workspace: Path) -> None:
    change(workspace, "train", optimizer="sgd", weight_decay=1.0, loss="multi_margin")
    change(workspace, "lr_range", low=5.0, steps=1000)
    result = stage("lr_range", workspace)
    assert result.returncode == 0, result.stderr
    assert len(outputs("lr_range", workspace)[1]) < 1000


@pytest.mark.parametrize(
    ("name", "section", "keys", "message"),
    [
        ("stress", "stress", {"examples": 0}, "stress.examples = 0: input should be greater than or equal to 1"),
        ("stress", "stress", {"example": 5}, "stress.example: unknown key, did you mean stress.examples?"),
        ("lr_range", "lr_range", {"low": -1.0}, "lr_range.low = -1.0: input should be greater than 0"),
        ("lr_range", "lr_range", {"low": 1.0, "high": 0.1}, "lr_range: low = 1.0 must be below high = 0.1"),
        ("lr_range", "lr_range", {"steps": 1.5}, "lr_range.steps = 1.5"),
        ("lr_range", "train", {"batch_size": 64}, "train.batch_size = 64: must be at most 40"),
    ],
)
def test_bad_parameters_are_refused(
    name: str, section: str, keys: dict[str, Any], message: str, workspace: Path
) -> None:
    change(workspace, section, **keys)
    result = stage(name, workspace)
    assert result.returncode == 1 and message in result.stderr and "Traceback" not in result.stderr


def test_stress_refuses_images_of_another_shape(workspace: Path) -> None:
    arrays = {"inputs": np.zeros((4, 1, 9, 10), dtype=np.uint8), "targets": np.arange(4)}
    write_arrays(workspace / "data/prepared/test.safetensors", arrays)
    result = stage("stress", workspace)
    assert result.returncode == 1
    assert "data/prepared/test.safetensors: inputs of shape (1, 9, 10), uint8, but models/model.json" in result.stderr


def test_stress_refuses_classes_that_the_model_does_not_know(workspace: Path) -> None:
    arrays = {"inputs": np.zeros((4, 1, 10, 10), dtype=np.uint8), "targets": np.arange(4)}
    write_arrays(workspace / "data/prepared/test.safetensors", arrays)
    result = stage("stress", workspace)
    assert result.returncode == 1 and "targets from 0 to 3, but models/model.json knows 2 classes" in result.stderr


@pytest.mark.parametrize(
    ("name", "file", "told"),
    [
        ("stress", "models/model.safetensors", "is not the file that models/model.json tells of"),
        ("stress", "models/model.json", "damaged"),
        ("lr_range", "data/prepared/facts.json", "damaged"),
    ],
)
def test_a_damaged_file_is_named(name: str, file: str, told: str, workspace: Path) -> None:
    content = (workspace / file).read_bytes()
    (workspace / file).write_bytes(content[: len(content) // 2])
    result = stage(name, workspace)
    assert result.returncode == 1 and f"{file}: {told}" in result.stderr
