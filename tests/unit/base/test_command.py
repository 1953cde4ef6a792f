import pytest

from stages.core.base.command import InputError, run


def test_a_users_mistake_ends_with_one_line_and_exit_code_1():
    def main() -> None:
        raise InputError("train.lr = -1: must be above 0")

    with pytest.raises(SystemExit) as exit_:
        run(main)
    assert (
        exit_.value.code == "error: train.lr = -1: must be above 0"
    )  # Python prints a text to stderr and exits with 1


def test_a_bug_of_ours_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError):
        run(lambda: 1 / 0)


def test_a_good_run_just_ends():
    calls = []
    run(lambda: calls.append("main"))
    assert calls == ["main"]
