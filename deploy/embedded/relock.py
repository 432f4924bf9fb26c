"""Write artifacts.sha256 anew after a version was changed here: python -m deploy.embedded.relock."""

import tempfile
from pathlib import Path

from jgo.maven import Dependency, MavenContext

from deploy.embedded.artifacts import LIST, Artifact, sha256_of

KAFKA = (("org.apache.kafka", "kafka_2.13", "4.3.1"), ("org.slf4j", "slf4j-simple", "1.7.36"))
REGISTRY = ("io.apicurio", "apicurio-registry-app", "3.3.3", "all", "tar.gz")
_HEADER = """\
# Every file the embedded stack downloads: server, SHA-256, Maven coordinate.
# Made by `python -m deploy.embedded.relock`; review each changed line before you commit it.
"""


def relock(target: Path = LIST) -> int:
    """Resolve the versions above with their dependencies, download each file, write its sum; return how many."""
    with tempfile.TemporaryDirectory() as scratch:
        context = MavenContext(repo_cache=Path(scratch), timeout=60)
        found = sorted([*_kafka(context), _registry(context)], key=lambda artifact: (artifact.bundle, str(artifact)))
    target.write_text(_HEADER + "".join(_line(artifact) for artifact in found))
    return len(found)


def _line(artifact: Artifact) -> str:
    return f"{artifact.bundle} {artifact.sha256} {artifact}\n"


def _kafka(context: MavenContext) -> list[Artifact]:
    asked = [Dependency(context.project(g, a).at_version(v).artifact()) for g, a, v in KAFKA]
    direct, transitive = context.resolver.resolve(asked)
    needed = [d.artifact for d in direct + transitive if d.scope in (None, "compile", "runtime")]
    return [Artifact("kafka", sha256_of(a.resolve()), a.groupId, a.artifactId, a.version, a.classifier, a.packaging) for a in needed]


def _registry(context: MavenContext) -> Artifact:
    group, name, version, classifier, packaging = REGISTRY
    found = context.project(group, name).at_version(version).artifact(classifier=classifier, packaging=packaging).resolve()
    return Artifact("registry", sha256_of(found), *REGISTRY)


if __name__ == "__main__":
    print(f"{relock()} artefacts")
