"""Logs with everything in them that can happen: migrations that wander, deliveries, subscriptions, capacities, refusals."""

from random import Random  # noqa: TID251 - always seeded

from libs.contracts import capacity as k
from libs.contracts import delivery as d
from libs.contracts import subscription as s
from libs.contracts.migration import commands as c
from libs.contracts.wave import commands as w
from libs.contracts.wave.plan import Member, WaveSettings
from libs.testing.log_writer import LogWriter
from libs.testing.migrations import act, approval, check, final, pause_of, plan_of

TENANTS = ("acme", "globex")
WAVES = ("w1", "w2")
CAPACITIES = ("calendar/prod", "limit/host=a", "rate/starts")


def wander(writer: LogWriter, seed: int, *, migrations: int = 12, steps: int = 250, name: str = "mig") -> None:
    """Tell a story of chance; the same seed tells the same."""
    chance, slots, waves = Random(seed), Random(seed + 1_000), Random(seed + 2_000)
    alive: list[tuple[str, str]] = []
    for number in range(steps):
        if len(alive) < migrations and chance.random() < 0.15:
            alive.append(_begin(writer, chance, f"{name}-{len(alive)}"))
        elif alive:
            writer.wander(*chance.choice(alive), chance)
        if chance.random() < 0.1:
            writer.tell("migration", "acme", f"ghost-{number}", c.PauseMigration(reason="nobody there"))
        if chance.random() < 0.2:
            _notify(writer, chance)
        limit(writer, slots)
        move_together(writer, waves)
    writer.flush()


def _begin(writer: LogWriter, chance: Random, id_: str) -> tuple[str, str]:
    tenant = chance.choice(TENANTS)
    steps = [act(f"step_{i}", attempts=2) for i in range(3)]
    extra = [check("look", attempts=1), act("rows", chunks=5, window=2), pause_of("settle", 50), approval("agree", 100_000)]
    plan = plan_of(*steps, *chance.sample(extra, chance.randrange(4)), final("done"))
    writer.request(
        tenant,
        id_,
        plan,
        application=chance.choice(["billing", "billing-api", "Shop.Front"]),
        wave=chance.choice(["", "w1", "w2"]),
        provider=chance.choice(["rehearsal", "postgres"]),
        labels={"team": chance.choice(["core", "edge"])} if chance.random() < 0.7 else {},
        due_at=chance.choice([0, writer.now + chance.randrange(10**9)]),
        on_failure=chance.choice(["rollback", "hold"]),
    )
    return tenant, id_


def _notify(writer: LogWriter, chance: Random) -> None:
    tenant, id_ = chance.choice(TENANTS), f"sub-{chance.randrange(3)}"
    interest = s.Interest(url=f"https://example.org/{chance.randrange(9)}", event_types=("migration.*",))
    commands = [s.CreateSubscription(interest=interest), s.ChangeSubscription(interest=interest), s.RotateSecret()]
    commands += [s.DisableSubscription(reason="holiday"), s.EnableSubscription(), s.DeleteSubscription()]
    weights = [6, 2, 2, 2, 2, 1]
    writer.tell("subscription", tenant, id_, chance.choices(commands, weights)[0])
    delivery_id = f"del-{chance.randrange(6)}"
    message = d.Message(
        subscription=id_,
        channel="webhook",
        url="https://example.org/",
        event_type="migration.completed",
        event_id="e1",
        migration="mig-1",
        payload="{}",
    )
    writer.tell("delivery", tenant, delivery_id, d.RequestDelivery(message=message))
    pending = writer.states["delivery", tenant, delivery_id].pending
    if pending:
        outcome, code = chance.choice([("delivered", 200), ("failed", 503), ("gone", 410)])
        report = d.ReportDelivery(
            work_id=pending[0].work_id, attempt=pending[0].attempt, outcome=outcome, status_code=code, error="no answer"
        )
        writer.tell("delivery", tenant, delivery_id, report)
    elif chance.random() < 0.3:
        writer.tell("delivery", tenant, delivery_id, d.ReplayDelivery(reason="again"))


def limit(writer: LogWriter, chance: Random) -> None:
    """Something that may happen to a capacity: mostly a migration that asks for a slot or gives one back."""
    tenant, id_, holder = chance.choice(TENANTS), chance.choice(CAPACITIES), f"mig-{chance.randrange(9)}"
    state = writer.states.get(("capacity", tenant, id_), k.CapacityState())
    roll = chance.random()
    if state.wake_at and state.wake_at <= writer.now:
        writer.tell("capacity", tenant, id_, k.WakeCapacity(wake_at=state.wake_at))
    elif roll < 0.5:
        writer.tell("capacity", tenant, id_, k.AcquireSlot(holder=holder))
    elif roll < 0.85:
        writer.tell("capacity", tenant, id_, k.ReleaseSlot(holder=holder))
    elif roll < 0.95:
        soon = writer.now + chance.randrange(100_000)
        freezes = (k.Freeze(begins=soon, ends=soon + 50_000, label="audit"),) if chance.random() < 0.5 else ()
        settings = k.CapacitySettings(
            limit=chance.randrange(4), per_minute=chance.choice([0, 5]), freezes=freezes, on_close=chance.choice(["pause", "finish"])
        )
        writer.tell("capacity", tenant, id_, k.SetCapacity(settings=settings))
    else:
        writer.tell("capacity", tenant, id_, k.OverrideFreeze(until=writer.now + 40_000, reason="agreed"))


OUTCOMES = ("begun", "begun", "completed", "completed", "completed", "failed", "running", "rolled_back", "rejected", "waiting", "stuck")


def move_together(writer: LogWriter, chance: Random) -> None:
    """Something that may happen to a wave: mostly a member that tells how it gets on."""
    tenant, id_, roll = chance.choice(TENANTS), chance.choice(WAVES), chance.random()
    settings = WaveSettings(max_failures=chance.randrange(6), max_running=chance.randrange(5))
    status = writer.states["wave", tenant, id_].status if ("wave", tenant, id_) in writer.states else ""
    operations = [w.StartWave(), w.StartWave(), w.StartWave(), w.ResumeWave(), w.ResumeWave(), w.PauseWave(reason="lunch")]
    operations += [w.RollBackWave(reason="wrong network")] if chance.random() < 0.1 else []
    if not status or roll < 0.05:
        writer.tell("wave", tenant, id_, w.PlanWave(settings=settings))
    elif roll < 0.25:
        number = chance.randrange(12)
        depends_on = tuple(f"mig-{other}" for other in {chance.randrange(12), chance.randrange(12)} if other < number)
        writer.tell("wave", tenant, id_, w.AddMembers(members=(Member(migration=f"mig-{number}", depends_on=depends_on),)))
    elif roll < 0.45:
        writer.tell("wave", tenant, id_, chance.choice(operations))
    else:
        note = w.NoteMember(migration=f"mig-{chance.randrange(12)}", outcome=chance.choice(OUTCOMES), reason="so it went")
        writer.tell("wave", tenant, id_, note)
