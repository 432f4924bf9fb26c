"""Apache Kafka: one KRaft node, broker and controller in one process."""

import base64
import logging
import secrets
import shutil
import subprocess
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from deploy.embedded.component import Component
from deploy.embedded.errors import StackError
from deploy.embedded.host import write_atomically
from deploy.embedded.install import Installed
from deploy.embedded.ports import LOOPBACK, answers, free_port
from deploy.embedded.processes import Launch, base_env

# 2 MiB for a message plus what a dead letter adds to the one it carries.
MAX_MESSAGE_BYTES = 2 * 1024 * 1024 + 64 * 1024
# The second compiler goes on for many minutes, and on few processors what it takes is more than what its code gives back.
_FIRST_COMPILER = "-XX:TieredStopAtLevel=1"
_LASTING = (_FIRST_COMPILER, "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20")
_LIGHT = (_FIRST_COMPILER, "-XX:+UseSerialGC")
_QUIET = logging.getLogger("deploy.embedded.kafka")
_QUIET.addHandler(logging.NullHandler())
_QUIET.propagate = False

_PROPERTIES = {
    "process.roles": "broker,controller",
    "node.id": 1,
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    # One broker: internal topics of one replica, and few partitions, for each is loaded at every start.
    "offsets.topic.replication.factor": 1,
    "offsets.topic.num.partitions": 4,
    "transaction.state.log.replication.factor": 1,
    "transaction.state.log.min.isr": 1,
    "transaction.state.log.num.partitions": 4,
    "share.coordinator.state.topic.replication.factor": 1,
    "share.coordinator.state.topic.min.isr": 1,
    "share.coordinator.state.topic.num.partitions": 1,
    # Back after a crash in seconds: a dead transaction is aborted at once, a group does not wait for members.
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": 1000,
    "group.initial.rebalance.delay.ms": 0,
    # A killed broker is let in again only once its last session is over; the default is 9 s.
    "broker.session.timeout.ms": 2000,
    "broker.heartbeat.interval.ms": 400,
    # The controller's sign of life in its log twice a second is for followers, and there are none.
    "metadata.max.idle.interval.ms": 0,
    "num.recovery.threads.per.data.dir": 2,
    # Nothing is dropped because the stack was off for a while; a topic expires only by its own setting.
    "log.retention.ms": -1,
    "offsets.retention.minutes": 5_256_000,
    "auto.create.topics.enable": "false",
    "message.max.bytes": MAX_MESSAGE_BYTES,
    "replica.fetch.max.bytes": MAX_MESSAGE_BYTES,
    # The default of 128 MiB is a quarter of the heap.
    "log.cleaner.dedupe.buffer.size": 16 * 1024 * 1024,
}


class Kafka(Component):
    """The broker.

    Each of `proxy_ports` adds a listener, at `proxied[port]`, whose clients are told to come back through that port:
    what listens there (a fault-injecting proxy) must pass them on.
    """

    name = "kafka"

    def __init__(
        self,
        port: int,
        data_dir: Path,
        log: Path,
        installed: Installed,
        *,
        heap_mb: int = 512,
        fsync: bool = False,
        short_lived: bool = False,
        proxy_ports: Sequence[int] = (),
    ) -> None:
        self.port: int = port
        self.log, self._home = log, data_dir
        self._java, self._classpath = installed.java, f"{installed.kafka}/*"
        self._heap_mb, self._fsync, self._short_lived = heap_mb, fsync, short_lived
        self._controller_port = free_port()
        self.proxied = {told: free_port() for told in proxy_ports}

    @property
    def bootstrap(self) -> str:
        """Address for clients."""
        return f"{LOOPBACK}:{self.port}"

    def prepare(self) -> None:
        """Format the storage once, with the transaction protocol that fences late commits (transaction.version 2)."""
        if (self._home / "data").is_dir():
            return
        fresh = self._home / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        properties = self._write_properties(fresh)
        command = [
            *(str(self._java), *_LIGHT, "-cp", self._classpath),
            *("kafka.tools.StorageTool", "format", "-t", _new_cluster_id(), "-c", str(properties)),
            *("--feature", "transaction.version=2"),
        ]
        done = subprocess.run(command, env=base_env(), cwd=self._home, capture_output=True, text=True)
        if done.returncode:
            raise StackError(f"kafka: cannot format {fresh}: {done.stderr.strip() or done.stdout.strip()}")
        fresh.rename(self._home / "data")

    def launch(self) -> Launch:
        properties = self._write_properties(self._home / "data")
        memory = (f"-Xms{self._heap_mb // 2}m", f"-Xmx{self._heap_mb}m")
        flags = (*memory, *(_LIGHT if self._short_lived else _LASTING))
        log_flags = (
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=info",
            "-Dorg.slf4j.simpleLogger.showDateTime=true",
            "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSZ",
            # Their INFO is a page of settings at every start, or a line for every client that comes and goes.
            "-Dorg.slf4j.simpleLogger.log.org.apache.kafka.common.config=warn",
            "-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaConfig=warn",
            "-Dorg.slf4j.simpleLogger.log.state.change.logger=warn",
        )
        return Launch(
            (str(self._java), *flags, *log_flags, "-cp", self._classpath, "kafka.Kafka", str(properties)),
            base_env(),
            self._home,
        )

    def healthy(self, uptime: float) -> bool:
        """Whether it lists itself as a broker of the cluster that our data directory belongs to."""
        if not answers(self.port):
            return False
        try:
            metadata = self._admin.list_topics(timeout=1)
        except KafkaException:
            return False
        return bool(metadata.brokers) and metadata.cluster_id == self._cluster_id

    @cached_property
    def _admin(self) -> AdminClient:
        quick = {"reconnect.backoff.ms": 50, "reconnect.backoff.max.ms": 200}
        return AdminClient({"bootstrap.servers": self.bootstrap, **quick}, logger=_QUIET)

    @cached_property
    def _cluster_id(self) -> str:
        lines = (self._home / "data" / "meta.properties").read_text().splitlines()
        return next(line.partition("=")[2] for line in lines if line.startswith("cluster.id="))

    def _write_properties(self, log_dir: Path) -> Path:
        controller = f"{LOOPBACK}:{self._controller_port}"
        listeners = {"PLAINTEXT": self.port, "CONTROLLER": self._controller_port}
        advertised = {"PLAINTEXT": self.port}
        for number, (told, own) in enumerate(self.proxied.items()):
            listeners[f"PROXY{number}"], advertised[f"PROXY{number}"] = own, told
        chosen: dict[str, object] = {
            "log.dirs": log_dir,
            "controller.quorum.voters": f"1@{controller}",
            "listener.security.protocol.map": ",".join(f"{name}:PLAINTEXT" for name in listeners),
            "listeners": _listeners(listeners),
            "advertised.listeners": _listeners(advertised),
        }
        if self._fsync:
            chosen["log.flush.interval.messages"] = 1
        path = self._home / "server.properties"
        write_atomically(path, "".join(f"{key}={value}\n" for key, value in (_PROPERTIES | chosen).items()))
        return path


def _listeners(ports: dict[str, int]) -> str:
    return ",".join(f"{name}://{LOOPBACK}:{port}" for name, port in ports.items())


def _new_cluster_id() -> str:
    raw = bytearray(secrets.token_bytes(16))
    raw[0] &= 0x7F  # so that it never begins with '-', which the formatter would take for an option
    return base64.urlsafe_b64encode(raw).decode()[:22]
