"""The stages of the pipeline. Importing this package pins the CPU numerics, before torch or NumPy can load.

Every x86-64 processor with AVX2 then computes the same bits: one thread inside an operator, AVX2 kernels and no
wider ones, and MKL's one code path that Intel and AMD share. The values are set, not defaulted: what stands in the
environment must not change a result.
"""

import ctypes
import os
import platform
import sys
from pathlib import Path


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
os.environ.update(NUMERICS)

if platform.machine().lower() in {"x86_64", "amd64"}:  # on others each machine has kernels of its own
    _CPUINFO = Path("/proc/cpuinfo")
    if _missing := missing_features(_CPUINFO.read_text() if _CPUINFO.exists() else ""):
        # Told kernels it does not have, torch would die of an illegal instruction.
        raise ImportError(f"this processor has no {' and no '.join(_missing)}: x86-64 must come with AVX2 and FMA here")
    os.environ.update(NUMERICS_X86)

# Speed only: glibc hands the large buffers of a training step back to the system and every step faults them in anew.
if sys.platform == "linux" and hasattr(_libc := ctypes.CDLL(None), "mallopt"):
    _M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
    for _option in (_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD):
        _libc.mallopt(_option, 1 << 30)
