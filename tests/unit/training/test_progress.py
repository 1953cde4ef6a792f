"""The bar of a run that goes on: its rate is that of the steps of this process."""

from stages.core.training.parallel import Workers
from stages.core.training.progress import StepBar


def test_steps_of_an_earlier_process_do_not_count_for_the_rate(capsys):
    with Workers(1) as workers, StepBar("train", 1000, workers) as bar:
        bar.resume(900)
        bar.update(10)
        assert bar.format_dict["n"] == 910 and bar.format_dict["initial"] == 900
    assert "910/1000" in capsys.readouterr().err


def test_only_the_first_rank_shows_it(capsys):
    with StepBar("train", 10, Workers(1, rank=1, ranks=2)) as bar:
        bar.resume(5)
        bar.update(1)
    assert capsys.readouterr().err == ""
