"""The worker loop: state names the work, results go back as commands (D3).

Runs up to N items at once under asyncio, waits for their start times, cancels what state no longer wants, and reports. Work that
goes on elsewhere holds no place meanwhile. A crash costs one repeat under the same work id; two executors at once are survived by the fence.
"""

import asyncio
import signal
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import structlog
from confluent_kafka import Producer
from prometheus_client import Counter, Gauge

from libs.contracts.envelope import CommandEnvelope
from libs.contracts.operations import ProgressReported
from libs.contracts.topics import AGGREGATES, COMMAND_MAX_BYTES, commands_of, state_of
from libs.contracts.waking import WAKES
from libs.runtime.clock import now_us
from libs.runtime.codec import Codec
from libs.runtime.errors import RegistryUnavailable
from libs.runtime.executor import Executor, Job, Sender
from libs.runtime.outbox import Outbox
from libs.runtime.state_feed import Update
from libs.runtime.watchdog import Watchdog

_log = structlog.get_logger()
DRAIN_S, HUNG_S = 8.0, 30.0
WAKE_AGAIN_S = 30.0
LONGEST_NAP_S = 60.0
AGAIN_S = 1.0
DEFECTS, BURST = 4, 16
REPORTS = Counter("whimbrel_reports_total", "Reports sent", ["worker"])
RUNNING = Gauge("whimbrel_work_running", "Work items being carried out", ["worker"])


class _Item:
    def __init__(self, job: Job, topic: str) -> None:
        self.job, self.topic = job, topic
        self.timer: asyncio.TimerHandle | None = None
        self.task: asyncio.Task[None] | None = None  # as long as it carries this out: then it goes on with another
        self.stop = False
        self.dropped = False
        self.reported = False
        self.defects = 0
        self.told_at = -1.0


class Worker:
    """Carries out the work of one service. `take` and `drop` are what the state feed calls, through the event loop."""

    def __init__(
        self,
        name: str,
        prefix: str,
        environment: str,
        codec: Codec,
        producer: Producer,
        executor: Executor,
        *,
        limit: int,
        at_stop: Callable[[], object] = lambda: None,
    ) -> None:
        self._name, self._prefix, self._environment, self._actor = name, prefix, environment, f"service:{name}"
        self._codec, self._producer, self._executor, self._limit, self._at_stop = codec, producer, executor, limit, at_stop
        self._items: dict[tuple[str, bytes], dict[tuple[str, int], _Item]] = {}
        self._places: dict[tuple[str, bytes], tuple[str, int]] = {}
        self._wakes: dict[tuple[str, bytes], asyncio.TimerHandle] = {}
        self._ready: deque[_Item] = deque()
        self._outbox = Outbox(producer)
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping = asyncio.Event()
        self._reports = REPORTS.labels(name)
        self._topics = {state_of(prefix, aggregate): commands_of(prefix, aggregate) for aggregate in AGGREGATES}

    def stop(self) -> None:
        """Start nothing further; `run` returns when what is running has ended or DRAIN_S have passed."""
        self._stopping.set()

    async def run(self) -> None:
        """Serve until `stop`, SIGTERM or SIGINT."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        watchdog = Watchdog()
        while not self._stopping.is_set():
            watchdog.beat("event loop", HUNG_S)
            self._producer.poll(0)
            RUNNING.labels(self._name).set(len(self._tasks))
            try:
                await asyncio.wait_for(self._stopping.wait(), 0.25)
            except TimeoutError:
                continue
        watchdog.beat("drain", HUNG_S + DRAIN_S)
        self._at_stop()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=DRAIN_S)
        self.drop(set(self._places.values()))
        self._outbox.hand_over()
        await asyncio.to_thread(self._producer.flush, DRAIN_S)

    def take(self, updates: list[Update]) -> None:
        """Follow the latest states: begin what is new, stop or forget what is no longer wanted."""
        for update in updates:
            self._follow(update)
        self._pump()

    def drop(self, places: set[tuple[str, int]]) -> None:
        """Forget partitions that another worker has now; what runs is cancelled and reports nothing."""
        for key in [key for key, place in self._places.items() if place in places]:
            for item in self._items.pop(key).values():
                self._forget(item)
            del self._places[key]
            self._unwake(key)

    def _follow(self, update: Update) -> None:
        key = (update.topic, update.key)
        items = self._items.get(key, {})
        do, halt = self._executor.wanted(update.state) if getattr(update.state, "pending", ()) else ([], [])
        wanted = {(work.work_id, work.attempt) for work in (*do, *halt)}
        for name in [name for name in items if name not in wanted]:
            self._forget(items.pop(name))
        self._unwake(key)
        if update.state is None or not (wanted or update.wake_at):
            self._items.pop(key, None)
            self._places.pop(key, None)
            return
        self._items[key] = items
        self._places[key] = (update.topic, update.partition)
        tenant, _, aggregate = update.key.decode().partition("/")
        for work in (*do, *halt):
            name = (work.work_id, work.attempt)
            if name not in items:
                items[name] = _Item(Job(tenant, aggregate, update.state, work, update.traceparent), update.topic)
                if work in do:
                    self._schedule(items[name])
        for work in halt:
            self._halt(items[work.work_id, work.attempt])
        if update.wake_at:
            self._wake_later(key, Sender(tenant, aggregate, update.state.stream.correlation_id, update.traceparent), update.wake_at)

    def _schedule(self, item: _Item) -> None:
        delay = (item.job.work.not_before - now_us()) / 1_000_000
        if delay <= 0:
            self._ready.append(item)
        else:
            item.timer = asyncio.get_running_loop().call_later(delay, self._due, item)

    def _due(self, item: _Item) -> None:
        self._ready.append(item)
        self._pump()

    def _pump(self) -> None:
        # One task carries out one item after the other, for most end without ever waiting. Right after the task's first step
        # this is asked again: what is ready then stands behind one that waits, and needs another task.
        if self._ready and len(self._tasks) < self._limit and not self._stopping.is_set():
            task = asyncio.create_task(self._carry_out_ready())
            self._tasks.add(task)
            task.add_done_callback(self._ended)
            asyncio.get_running_loop().call_soon(self._pump)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._pump()

    async def _carry_out_ready(self) -> None:
        for _ in range(BURST):  # then everything else has its turn
            if not self._ready or self._stopping.is_set():
                return
            item = self._ready.popleft()
            if item.dropped or item.stop:
                continue
            item.task = asyncio.current_task()
            try:
                await self._carry_out(item)
            except asyncio.CancelledError:
                if item.stop and not item.dropped:
                    self._report(item, self._executor.stopped(item.job))
                return
            except Exception as error:
                self._defect(item, error)
            finally:
                item.task = None
            if item.dropped or item.stop:  # the task was cancelled, if in vain: what was meant for this item must not reach the next
                return

    def _defect(self, item: _Item, error: Exception) -> None:
        _log.error("work ended with a defect", exc_info=error)
        item.defects += 1
        if item.dropped:
            return
        if item.stop:
            self._report(item, self._executor.stopped(item.job))
        elif item.defects >= DEFECTS:
            self._report(item, self._executor.defective(item.job, f"{type(error).__name__}: {error}"))
        else:
            item.timer = asyncio.get_running_loop().call_later(AGAIN_S * 2**item.defects, self._due, item)

    async def _carry_out(self, item: _Item) -> None:
        report = await self._executor.execute(item.job, partial(self._progress, item))
        if report is not None and not item.dropped:
            self._report(item, report)
        elif not item.dropped:
            left = (item.job.work.deadline - now_us()) / 1_000_000
            item.timer = asyncio.get_running_loop().call_later(left, self._overdue, item)

    def _overdue(self, item: _Item) -> None:
        self._report(item, self._executor.overdue(item.job))

    def _halt(self, item: _Item) -> None:
        if item.stop or item.reported:
            return
        item.stop = True
        if item.timer is not None:
            item.timer.cancel()
        if item.task is None:
            self._report(item, self._executor.stopped(item.job))
        else:
            item.task.cancel()

    def _forget(self, item: _Item) -> None:
        item.dropped = True
        if item.timer is not None:
            item.timer.cancel()
        if item.task is not None:
            item.task.cancel()

    def _wake_later(self, key: tuple[str, bytes], sender: Sender, wake_at: int) -> None:
        # Holds no state: what has ended sleeps for weeks, and there may be many. Naps are longer the longer it sleeps.
        left = max(0.0, (wake_at - now_us()) / 1_000_000)
        loop = asyncio.get_running_loop()
        self._wakes[key] = loop.call_later(min(left, max(LONGEST_NAP_S, left / 1_000)), self._wake, key, sender, wake_at)

    def _wake(self, key: tuple[str, bytes], sender: Sender, wake_at: int) -> None:
        if wake_at > now_us():  # timers stand still while a machine sleeps; what counts is the clock
            self._wake_later(key, sender, wake_at)
            return
        command_id = f"{sender.tenant}/{sender.aggregate}/wake/{wake_at}"
        self._send(sender, key[0], command_id, WAKES[key[0].rsplit(".", 2)[1]](wake_at=wake_at))
        self._wakes[key] = asyncio.get_running_loop().call_later(WAKE_AGAIN_S, self._wake, key, sender, wake_at)

    def _unwake(self, key: tuple[str, bytes]) -> None:
        timer = self._wakes.pop(key, None)
        if timer is not None:
            timer.cancel()

    def _report(self, item: _Item, body: Any) -> None:
        item.reported, job = True, item.job
        sender = Sender(job.tenant, job.aggregate, job.state.stream.correlation_id, job.traceparent)
        self._send(sender, item.topic, f"{job.work.work_id}#{job.work.attempt}", body, partial(self._executor.defective, job))
        self._reports.inc()

    def _send(self, sender: Sender, state_topic: str, command_id: str, body: Any, instead: Callable[[str], Any] | None = None) -> None:
        """Send a command, later where it cannot be now; `instead` makes another one where it can never be."""
        envelope = CommandEnvelope(
            command_id=command_id,
            tenant=sender.tenant,
            aggregate=sender.aggregate,
            environment=self._environment,
            actor=self._actor,
            correlation_id=sender.correlation_id,
            occurred_at=now_us() // 1_000 * 1_000,  # whole milliseconds: codecs here and downstream remember times that repeat
        )
        topic = self._topics[state_topic]
        try:
            record = self._codec.command(topic, envelope, body, sender.traceparent)
            if len(record.value) > COMMAND_MAX_BYTES:
                raise ValueError(f"it has {len(record.value)} bytes; a command may have {COMMAND_MAX_BYTES}")
            self._outbox.put(topic, record, more=bool(self._ready))
        except RegistryUnavailable as error:
            _log.warning("a command waits to be sent", command_id=command_id, error=str(error))
            asyncio.get_running_loop().call_later(AGAIN_S, self._send, sender, state_topic, command_id, body, instead)
        except (ValueError, TypeError, OverflowError, AttributeError) as error:
            _log.error("a command cannot be written", command_id=command_id, error=str(error))
            if instead is not None:
                self._send(sender, state_topic, command_id, instead(f"the report of this work cannot be written: {error}"))

    async def _progress(self, item: _Item, done: int, total: int, unit: str) -> None:
        now = asyncio.get_running_loop().time()
        if now - item.told_at >= 1.0 or done == total:
            item.told_at = now
            self._tell(item.job, done, total, unit)

    def _tell(self, job: Job, done: int, total: int, unit: str) -> None:
        step = str(job.work.step)
        body = ProgressReported(
            tenant=job.tenant, migration=job.aggregate, work_id=job.work.work_id, step=step, done=done, total=total, unit=unit, at=now_us()
        )
        topic = f"{self._prefix}.progress"
        with suppress(RegistryUnavailable, BufferError):  # nothing is decided by progress; the work must not fail for it
            record = self._codec.plain(topic, body, f"{job.tenant}/{job.aggregate}".encode(), [])
            self._producer.produce(topic, record.value, record.key, headers=record.headers)
