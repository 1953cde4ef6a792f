"""Findings made up for one picture, with its tables as they read back from their files."""

from typing import Any

import numpy as np
import pandas as pd

from stages.core.base import schemas
from stages.core.base.schemas import DataDescription
from stages.core.config.sections import PlotConfig
from stages.core.pictures.findings import Findings

CONFIG = PlotConfig(dpi=60, mistakes=12)


def findings(names: tuple[str, ...] = (), selected_epoch: int = 1, score: str = "accuracy", **rest: Any) -> Findings:
    """Of a classifier of images; `rest` are tables by name, besides `metrics`, `mistakes` and `inputs`."""
    own = {name: rest.pop(name) for name in ("metrics", "mistakes", "inputs") if name in rest}
    known: dict[str, Any] = {"metrics": {}} | own
    data = DataDescription(task="classification", classes=names or ("a", "b"), input_shape=(1, 4, 4))
    tables = {name: getattr(schemas, name.upper()).checked(table, name) for name, table in rest.items()}
    return Findings(data=data, tables=tables, selected_epoch=selected_epoch, score=score, **known)


def confusion(counts: np.ndarray, classes: list[str]) -> Findings:
    rows = [(actual, said, counts[i, j]) for i, actual in enumerate(classes) for j, said in enumerate(classes)]
    return findings(tuple(classes), confusion=pd.DataFrame(rows, columns=["actual", "predicted", "count"]))
