"""A picture: where it is shown, what it says, and how it is drawn."""

from collections.abc import Callable
from dataclasses import dataclass

from matplotlib.figure import Figure

from stages.core.config.sections import PlotConfig
from stages.core.pictures.findings import Findings


def always(found: Findings) -> bool:
    return True


@dataclass(frozen=True)
class Picture:
    section: str
    order: int
    caption: str | Callable[[Findings], str]  # that of every run, or that of what was found
    draw: Callable[[Findings, PlotConfig], Figure]
    describe: Callable[[Findings], str]
    shown: Callable[[Findings], bool] = always

    def captioned(self, found: Findings) -> str:
        return self.caption if isinstance(self.caption, str) else self.caption(found)
