-- The current row of each migration.
CREATE TABLE migration (
    tenant text NOT NULL,
    id text NOT NULL,
    partition int NOT NULL,
    requested_pos bigint NOT NULL,
    provider text NOT NULL,
    application text NOT NULL,
    wave text NOT NULL,
    labels json NOT NULL,
    depends_on json NOT NULL,
    limits json NOT NULL,
    source json NOT NULL,
    target json NOT NULL,
    options json NOT NULL,
    due_at bigint NOT NULL,
    on_failure text NOT NULL,
    approval boolean NOT NULL,
    rehearses text NOT NULL,
    requested_at bigint NOT NULL,
    requested_by text NOT NULL,
    correlation_id text NOT NULL,
    version int NOT NULL,
    head bytea NOT NULL,
    status text NOT NULL,
    status_since bigint NOT NULL,
    status_event text NOT NULL,
    mode text NOT NULL,
    ended boolean NOT NULL,
    updated_at bigint NOT NULL,
    updated_event text NOT NULL,
    step int NOT NULL,
    step_name text NOT NULL,
    steps int NOT NULL,
    steps_done int NOT NULL,
    round int NOT NULL,
    crossed boolean NOT NULL,
    wake_at bigint NOT NULL,
    ended_as text NOT NULL,
    archived_at bigint,
    reason text NOT NULL,
    problem json,
    work json NOT NULL,
    next_deadline bigint,
    plan_pos bigint NOT NULL,
    gate json,
    no_return json,
    way_back json,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX migration_by_status ON migration (tenant, status, requested_at, id);
CREATE INDEX migration_by_application ON migration (tenant, application, status, requested_at, id);
CREATE INDEX migration_by_due_date ON migration (tenant, ended, due_at, id) WHERE due_at > 0;
CREATE INDEX migration_with_work ON migration (tenant, next_deadline, id) WHERE next_deadline IS NOT NULL;

-- What a migration can be found by and never changes: its wave, provider, labels, and words. Written once.
CREATE TABLE migration_term (
    tenant text NOT NULL,
    term text COLLATE "C" NOT NULL,
    requested_at bigint NOT NULL,
    id text NOT NULL,
    PRIMARY KEY (tenant, term, requested_at, id)
);

-- One row a change of status: `status_from` held over the positions (since, pos]. With 2^(level-1) <= pos - since < 2^level,
-- the intervals that hold at a position are found by one short index range a level. Level 0: the migration began.
CREATE TABLE status_change (
    tenant text NOT NULL,
    partition int NOT NULL,
    level smallint NOT NULL,
    pos bigint NOT NULL,
    since bigint NOT NULL,
    id text NOT NULL,
    status_from text NOT NULL,
    status_to text NOT NULL,
    PRIMARY KEY (tenant, partition, level, pos)
);

-- How many migrations of a partition are in a status now; `block` is the last block of 1,024 offsets in which that changed.
CREATE TABLE status_count (
    tenant text NOT NULL,
    status text NOT NULL,
    partition int NOT NULL,
    count bigint NOT NULL,
    block bigint NOT NULL,
    PRIMARY KEY (tenant, status, partition)
);
-- How many there were at the beginning of each block in which the number changed.
CREATE TABLE status_count_before (
    tenant text NOT NULL,
    status text NOT NULL,
    partition int NOT NULL,
    block bigint NOT NULL,
    count bigint NOT NULL,
    PRIMARY KEY (tenant, status, partition, block)
);
