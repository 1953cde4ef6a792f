"""scikit-learn on the pixels, from 0 to 1, in its own settings; examples and iterations as given."""

import time
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from benchmarks.peers.common import parser, report, tensors


def main() -> None:
    options = parser()
    options.add_argument("--model", choices=["svm", "logistic", "boosting"], required=True)
    options.add_argument("--iterations", type=int, required=True)
    arguments = options.parse_args()
    iterations, seed = arguments.iterations, arguments.seed
    models: dict[str, Any] = {
        "svm": LinearSVC(C=0.01, max_iter=iterations, random_state=seed),
        "logistic": LogisticRegression(max_iter=iterations, random_state=seed),
        "boosting": HistGradientBoostingClassifier(max_iter=iterations, random_state=seed),
    }
    model = models[arguments.model]
    (inputs, targets), (test_inputs, test_targets) = (
        (images.numpy().reshape(len(images), -1) / np.float32(255), labels.numpy())
        for images, labels in (tensors(arguments, train=True), tensors(arguments, train=False))
    )
    start = time.perf_counter()
    model.fit(inputs, targets)
    seconds = time.perf_counter() - start
    report(fit_seconds=seconds, test_accuracy=float(model.score(test_inputs, test_targets)))


if __name__ == "__main__":
    main()
