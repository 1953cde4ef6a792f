"""An environment in which a stage or DVC starts in a moment: as a fork of a process that has loaded torch and the rest.

Nearly all of a small run is such loading. It is as this environment but for its `python` and `dvc`, which are first on
PATH where `environment` is used; a test of the process itself, of its start, its end, its costs or the files it loads,
takes `sys.executable`. Where the code of a project is not this repository's, the stage is no fork either.
"""

import atexit
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
CLIENT = f"""#!{sys.executable} -IS
import json, os, sys

given = [*{{before!r}}, *sys.argv[1:]]
arguments = given[given[:1] == ["-u"] :]  # as torchrun starts a rank
if len(arguments) < 2 or arguments[0] != "-m" or not (arguments[1] == "dvc" or arguments[1].startswith("stages.")):
    os.execv({sys.executable!r}, [{sys.executable!r}, *given])

import socket

with socket.socket(socket.AF_UNIX) as server:
    server.connect({{address!r}})
    socket.send_fds(server, [b"."], [0, 1, 2])
    server.sendall(json.dumps([arguments[1:], os.getcwd(), dict(os.environ)]).encode())
    server.shutdown(socket.SHUT_WR)
    code = server.makefile().read()
if code == "OTHER":
    os.execv({sys.executable!r}, [{sys.executable!r}, *given])
sys.exit(int(code) % 256 if code else "the tests have ended")
"""
SERVER = '''
import atexit, contextlib, gc, importlib, json, os, pkgutil, runpy, select, socket, sys, traceback
from pathlib import Path

import stages  # pins the numerics
import dvc.api, dvc.commands, dvc.repo, dvc.stage
import stages.core
from stages.core.base.recorded import digests

for package in (stages.core, dvc.commands, dvc.repo, dvc.stage):
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        importlib.import_module(module.name)


def code(folder):
    return {str(Path(name).relative_to(folder)): digest for name, digest in digests([folder / "stages"]).items()}


here = code(Path.cwd())
gc.freeze()  # what is loaded stays as it is, in pages that the forks share


def serve(client):
    """Start what a client asks for, unless its project has other code: then it does so itself."""
    _, descriptors, *_ = socket.recv_fds(client, 1, 3)
    try:
        command, folder, environment = json.loads(client.makefile().read())  # nothing, if it was killed
        there = Path(folder)
        if command[0] != "dvc" and (there / "stages").exists() and code(there) != here:
            return tell(client, "OTHER")
        if child := os.fork():
            running[os.pidfd_open(child)] = child, client
            return None
    except (OSError, ValueError):
        return tell(client, "")
    finally:
        if os.getpid() == server_process:
            for descriptor in descriptors:
                os.close(descriptor)
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
        os.close(descriptor)
    for inherited in (server, client, *(other for _, other in running.values())):
        inherited.close()
    for ended in running:
        os.close(ended)
    os.chdir(there)
    numerics = {name: os.environ[name] for name in [*stages.NUMERICS, *stages.NUMERICS_X86] if name in os.environ}
    os.environ.clear()
    os.environ.update(environment | numerics)
    run(*command)


def run(stage, *arguments):
    """As its end takes as long as the loading did, where Python tidies up all that was loaded: without that."""
    status, sys.argv[1:] = 0, arguments
    try:
        runpy.run_module(stage, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
        status = 1
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def tell(client, text):
    with client, contextlib.suppress(OSError):  # it may have been killed
        client.sendall(text.encode())


running = {}  # process and client, by what says that the process has ended
server_process = os.getpid()
with socket.socket(socket.AF_UNIX) as server:
    server.bind(sys.argv[1])
    server.listen()
    print("ready", flush=True)
    while sys.stdin not in (ready := select.select([server, sys.stdin, *running], [], [])[0]):  # until the tests end
        for ended in running.keys() & ready:
            child, client = running.pop(ended)
            os.close(ended)
            tell(client, str(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])))
        if server in ready:
            serve(server.accept()[0])
'''


def environment(others: Mapping[str, str] = os.environ) -> dict[str, str]:
    own = folder() / "bin"
    return {**others, "PATH": f"{own}{os.pathsep}{others['PATH']}", "PYTHON_EXEC": str(own / "python")}  # of torchrun


@cache
def folder() -> Path:
    """The environment; the process behind it ends with this one."""
    temporary, real = tempfile.TemporaryDirectory(prefix="warm-"), Path(sys.prefix)
    own = Path(temporary.name)
    (own / "bin").mkdir()
    for there in (*real.glob("lib*"), *real.glob("bin/*")):
        (own / there.relative_to(real)).symlink_to(there)
    for name in ("pyvenv.cfg", "requirements.lock", "bin/activate"):
        (own / name).unlink(missing_ok=True)
        (own / name).write_text((real / name).read_text().replace(str(real), str(own)))
    for name, before in {"python": [], "dvc": ["-m", "dvc"]}.items():
        (own / "bin" / name).unlink()
        (own / "bin" / name).write_text(CLIENT.format(address=str(own / "socket"), before=before))
        (own / "bin" / name).chmod(0o755)
    server = subprocess.Popen(
        [sys.executable, "-c", SERVER, str(own / "socket")],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8:backslashreplace"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdin and server.stdout
    assert server.stdout.readline() == "ready\n"

    def end() -> None:
        with server:
            server.stdin.close()
        temporary.cleanup()

    atexit.register(end)
    return own
