"""The progress bar of a training run."""

from tqdm import tqdm

from stages.core.training.parallel import Workers


class StepBar(tqdm):  # type: ignore[type-arg]  # generic in tqdm's stubs alone
    """Counts steps, up to `total`; of several ranks the first alone shows it."""

    def __init__(self, title: str, total: int, workers: Workers) -> None:
        super().__init__(desc=title, total=total, unit="step", mininterval=1, disable=workers.rank > 0)

    def resume(self, steps: int) -> None:
        """Begin at `steps`, which an earlier process has done, so that the rate is that of this one."""
        self.initial = self.n = self.last_print_n = steps
        self.refresh()
