"""The last line of a run: what was found, how fast it recovered, how much was put through."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from libs.testing.chaos.checker import ANOMALIES
from libs.testing.chaos.nemesis import KILL, PAUSE, Struck
from libs.testing.chaos.scene import Evidence
from libs.testing.chaos.watching import Watcher, percentile

ENDS = {"MigrationCompleted", "MigrationRolledBack", "MigrationCancelled", "MigrationRejected"}


def report(evidence: Evidence, watcher: Watcher, struck: Sequence[Struck]) -> dict[str, Any]:
    """One JSON object: every anomaly by name, then recovery in seconds, then counts."""
    recording, journal, effects, findings = evidence
    kills = [one for one in struck if one.fault.action == KILL]
    recovered = {one: watcher.recovery_s(one) for one in kills}
    times = [seconds for seconds in recovered.values() if seconds is not None]
    validator = [s for one, s in recovered.items() if s is not None and one.fault.target.startswith("validator")]
    broker = [s for one, s in recovered.items() if s is not None and one.fault.target == "kafka"]
    kinds = Counter(event.kind for event in recording.events)
    return {
        "kills": len(kills),
        **{name: findings.counts[name] for name in ANOMALIES},
        "recovery_p50_s": percentile(times, 0.5),
        "recovery_max_s": percentile(times, 1.0),
        "validator_recovery_p50_s": percentile(validator, 0.5),
        "validator_recovery_max_s": percentile(validator, 1.0),
        "broker_recovery_max_s": percentile(broker, 1.0),
        "pauses": sum(one.fault.action == PAUSE for one in struck),
        "killed": dict(Counter(one.fault.target for one in kills)),
        "acknowledged": sum(entry.what == "acknowledged" for entry in journal),
        "commands": len(recording.commands),
        "events": len(recording.events),
        "migrations": kinds["MigrationRequested"],
        "ended": {kind: kinds[kind] for kind in sorted(ENDS)},
        "refused": kinds["CommandRefused"],
        "effects": sum(effect.changed for effect in effects),
    }
