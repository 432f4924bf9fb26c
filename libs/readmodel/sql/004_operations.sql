-- Messages that a reader could not take, those of the projector itself included.
CREATE TABLE dead_letter (
    reader text NOT NULL,
    topic text NOT NULL,
    partition int NOT NULL,
    pos bigint NOT NULL,
    reason text NOT NULL,
    detail text NOT NULL,
    key bytea,
    value bytea,
    headers json NOT NULL,
    read_at bigint NOT NULL,
    tenant text NOT NULL,
    status text NOT NULL DEFAULT 'open',
    PRIMARY KEY (reader, topic, partition, pos)
);
CREATE INDEX dead_letter_by_status ON dead_letter (tenant, status, read_at, reader, topic, partition, pos);
CREATE INDEX dead_letter_by_reason ON dead_letter (tenant, reason, status, read_at, reader, topic, partition, pos);
-- What operators made of them. Apart, because in a rebuild it can come before the projector's own reject that it is about.
CREATE TABLE dead_letter_resolution (
    reader text NOT NULL,
    topic text NOT NULL,
    partition int NOT NULL,
    pos bigint NOT NULL,
    resolution text NOT NULL,
    reason text NOT NULL,
    actor text NOT NULL,
    resolved_at bigint NOT NULL,
    PRIMARY KEY (reader, topic, partition, pos)
);

-- How far work items are; of an ended migration nothing is kept.
CREATE TABLE progress (
    tenant text NOT NULL,
    migration text NOT NULL,
    work_id text NOT NULL,
    step text NOT NULL,
    done bigint NOT NULL,
    total bigint NOT NULL,
    unit text NOT NULL,
    at bigint NOT NULL,
    PRIMARY KEY (tenant, migration, work_id)
);
