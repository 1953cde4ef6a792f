"""How many threads or processes share out the work: it changes how long that takes, and no byte."""

import os
import re

from stages.core.base.command import InputError


def thread_count(local_ranks: int = 1) -> int:
    """WORKERS of the environment, or the cores this process may use, divided among the ranks of this machine.

    Raises `InputError` where WORKERS is no whole number from 1 to 999999.
    """
    text = os.environ.get("WORKERS")
    if text is None:
        import joblib  # a fifth of a second

        cores = int(joblib.cpu_count())  # it knows a process's affinity and a container's quota
        return max(1, cores // local_ranks)
    if not re.fullmatch("0*[1-9][0-9]{0,5}", text):
        raise InputError(f"WORKERS = {text[:20]!r}: must be a whole number, 1 or more, of six digits at most")
    return int(text)
