"""Apicurio Registry behind its Confluent-compatible API, stored in PostgreSQL."""

from pathlib import Path

from deploy.embedded.component import Component
from deploy.embedded.install import Installed
from deploy.embedded.ports import LOOPBACK, get
from deploy.embedded.processes import Launch, base_env
from deploy.embedded.servers.postgres import SUPERUSER, Postgres

DATABASE = "registry"


class Registry(Component):
    """The schema registry.

    It keeps its schemas in a database of our PostgreSQL: durable at every commit, one thing less to back up, and
    independent of the log it describes (its H2 file storage loses the last moments at a kill, Kafka storage makes
    each start wait for the broker). Every subject is checked FULL_TRANSITIVE unless set otherwise.
    """

    name = "registry"
    needs = ("postgres",)

    def __init__(self, port: int, data_dir: Path, log: Path, installed: Installed, postgres: Postgres) -> None:
        self.port: int = port
        self.log, self._home = log, data_dir
        self._installed, self._postgres = installed, postgres

    @property
    def url(self) -> str:
        """Base address for Confluent-compatible clients."""
        return f"http://{LOOPBACK}:{self.port}/apis/ccompat/v7"

    def prepare(self) -> None:
        self._home.mkdir(parents=True, exist_ok=True)

    def launch(self) -> Launch:
        flags = ("-Xmx256m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
        program = self._installed.registry / "quarkus-run.jar"
        return Launch((str(self._installed.java), *flags, "-jar", str(program)), base_env() | self._settings(), self._home)

    def _settings(self) -> dict[str, str]:
        return {
            "QUARKUS_HTTP_HOST": LOOPBACK,
            "QUARKUS_HTTP_PORT": str(self.port),
            "QUARKUS_HTTP_ACCESS_LOG_ENABLED": "false",
            "QUARKUS_MANAGEMENT_HOST": LOOPBACK,
            "QUARKUS_MANAGEMENT_PORT": "0",
            "APICURIO_STORAGE_KIND": "sql",
            "APICURIO_STORAGE_SQL_KIND": "postgresql",
            "APICURIO_DATASOURCE_URL": f"jdbc:postgresql://{LOOPBACK}:{self._postgres.port}/{DATABASE}",
            "APICURIO_DATASOURCE_USERNAME": SUPERUSER,
            "APICURIO_DATASOURCE_PASSWORD": self._postgres.password,
            "APICURIO_RULES_GLOBAL_COMPATIBILITY": "FULL_TRANSITIVE",
        }

    def healthy(self, uptime: float) -> bool:
        """Whether it answers with the compatibility rule of all subjects."""
        answer = get(self.port, "/apis/ccompat/v7/config")
        return answer is not None and answer[0] == 200
