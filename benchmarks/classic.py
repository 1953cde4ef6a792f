"""scikit-learn on the pixels: a linear support vector machine, logistic regression, boosted trees."""

from benchmarks.bench import Bench, Part
from benchmarks.statistics import mean_std, ratio, spread

MODELS = {  # examples (0: all), iterations: so that each stays below half a minute
    "svm": ("linear SVM, C = 0.01", 0, 50),
    "logistic": ("logistic regression", 0, 50),
    "boosting": ("histogram gradient boosting", 10_000, 30),
}


def run(bench: Bench) -> Part:
    ours = [bench.trained("fast", seed) for seed in bench.rounds(2)]
    part = Part({"": []})
    for model, (name, examples, iterations) in MODELS.items():
        options: list[str | int] = ["--model", model, "--iterations", 3 if bench.quick else iterations]
        options += ["--examples", examples] if examples and not bench.quick else []
        jobs = [bench.peer("classic", *options, seed=seed) for seed in bench.rounds(2)]
        part.tables[""].append(
            {
                "": name,
                "examples": examples or 60_000,
                "iterations": iterations,
                "training (s)": spread([job.facts["fit_seconds"] for job in jobs]),
                "whole process (s)": spread([job.seconds for job in jobs]),
                "test accuracy": mean_std([job.facts["test_accuracy"] for job in jobs]),
                "process, its time / our fast recipe's": ratio(
                    [job.seconds for job in jobs], [job.seconds for _, job, _ in ours]
                ),
            }
        )
    part.notes = [
        "Pixels from 0 to 1, scikit-learn's own settings but for what the table says, all cores where it uses them. "
        "Iterations, and of the boosting the examples, are limited to keep the benchmark short: what each "
        "reaches with more of them was not measured."
    ]
    return part
