"""The stages of the pipeline. Importing this package pins the CPU numerics, before torch or NumPy can load.

Every x86-64 processor with AVX2 then computes the same bits: one thread inside an operator, AVX2 kernels and no
wider ones, and MKL's one code path that Intel and AMD share. The values are set, not defaulted, and what else the
environment tells the libraries is removed: it must neither change a result nor stop a stage.
"""

import signal
import sys

if sys.argv[:1] == ["-m"] and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    # Until `command.run`: Ctrl-C ends a stage as SIGTERM does, where Python would give a traceback of imports.
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # not where nohup and the like ignore it

import ctypes
import io
import os
import platform
from pathlib import Path

from stages.core.base import process, recorded  # noqa: F401 - `recorded` notes the code before more of it is loaded


def missing_features(cpuinfo: str) -> list[str]:
    """What an x86-64 processor lacks for the kernels we pin, by the text of /proc/cpuinfo; [] if that lists nothing."""
    flags = next((line.split() for line in cpuinfo.splitlines() if line.startswith("flags")), None)
    return [name for name in ("avx2", "fma") if flags is not None and name not in flags]


_HEAVY = {"numpy", "torch"} & sys.modules.keys()
if _HEAVY and "pytest" not in sys.modules:
    raise ImportError(f"import stages before {' and '.join(sorted(_HEAVY))}: they read the numerics as they load")

NUMERICS = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",  # on a GPU: what torch's deterministic matrix products require
}
NUMERICS_X86 = {
    "ATEN_CPU_CAPABILITY": "avx2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "MKL_CBWR": "COMPATIBLE",
    "OPENBLAS_CORETYPE": "Haswell",
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",
}
# Not ours to obey: other numerics, logs in between, where a notebook shows pictures, how bars and pictures should look.
_FOREIGN = ("ATEN_", "DNNL_", "GOMP_", "JOBLIB_", "KMP_", "LOKY_", "MKL_", "MPLBACKEND", "NPY_", "NVIDIA_TF32_", "OMP_",
            "ONEDNN_", "OPENBLAS_", "TORCH_", "TQDM_")  # fmt: skip
for _name in [name for name in os.environ if name.startswith(_FOREIGN) and name != "TORCH_HOME"]:  # a folder
    del os.environ[_name]
os.environ["MATPLOTLIBRC"] = os.devnull
os.environ.update(NUMERICS)

# Clusters set some of these for programs of their own, and some may be left over: torchrun sets them all.
_TORCHRUN = {
    "TORCHELASTIC_RUN_ID",
    "MASTER_ADDR",
    "MASTER_PORT",
    "RANK",
    "WORLD_SIZE",
    "LOCAL_RANK",
    "LOCAL_WORLD_SIZE",
}
if not _TORCHRUN <= os.environ.keys():
    for _name in _TORCHRUN & os.environ.keys():
        del os.environ[_name]

if platform.machine().lower() in {"x86_64", "amd64"}:  # on others each machine has kernels of its own
    try:
        _cpuinfo = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:  # no Linux, or a sandbox
        _cpuinfo = ""
    if _missing := missing_features(_cpuinfo):
        # Told kernels it does not have, torch would die of an illegal instruction.
        raise ImportError(f"this processor has no {' and no '.join(_missing)}: x86-64 must come with AVX2 and FMA here")
    os.environ.update(NUMERICS_X86)

# Speed only: glibc hands the large buffers of a training step back to the system and every step faults them in anew.
if sys.platform == "linux" and hasattr(_libc := ctypes.CDLL(None), "mallopt"):
    _M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
    for _option in (_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD):
        _libc.mallopt(_option, 1 << 30)

if sys.argv[:1] == ["-m"]:  # this is `python -m stages.NAME`, and not yet at the script
    for _stream in (sys.stdout, sys.stderr):  # the same bytes whatever the locale, and no character that it lacks
        if isinstance(_stream, io.TextIOWrapper):
            _stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    process.end_with_starter()
