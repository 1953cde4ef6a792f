"""A test set that does not fit the model is refused with a message that names both files."""

import numpy as np
import pytest

from stages.core.command import InputError
from stages.evaluate import check_fit

DESCRIPTION = {"classes": ["a", "b", "c"], "input_shape": [1, 4, 4]}


def made_up(shape: tuple[int, ...] = (1, 4, 4), targets: tuple[int, ...] = (0, 1)) -> dict[str, np.ndarray]:
    return {"inputs": np.zeros((len(targets), *shape), np.uint8), "targets": np.array(targets)}


def test_a_fitting_test_set_passes() -> None:
    check_fit(made_up(), DESCRIPTION)


@pytest.mark.parametrize(
    ("test", "message"),
    [
        (made_up(shape=(3, 4, 4)), r"test.safetensors: inputs of shape \[3, 4, 4\], but .*model.json .* \[1, 4, 4\]"),
        (made_up(targets=(0, 3)), r"test.safetensors: targets from 0 to 3, but .*model.json knows 3 classes: 0 to 2"),
        (made_up(targets=(-1, 1)), r"test.safetensors: targets from -1 to 1, but"),
        (made_up(targets=(1, 1)), r"test.safetensors: all targets are class 'b'; scoring needs two classes"),
    ],
)
def test_one_that_does_not_fit_is_refused(test: dict[str, np.ndarray], message: str) -> None:
    with pytest.raises(InputError, match=message):
        check_fit(test, DESCRIPTION)
