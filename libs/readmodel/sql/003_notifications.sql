-- The current row of each delivery and subscription.
CREATE TABLE delivery (
    tenant text NOT NULL,
    id text NOT NULL,
    partition int NOT NULL,
    requested_pos bigint NOT NULL,
    subscription text NOT NULL,
    migration text NOT NULL,
    event_type text NOT NULL,
    event_id text NOT NULL,
    channel text NOT NULL,
    url text NOT NULL,
    key_generation int NOT NULL,
    requested_at bigint NOT NULL,
    correlation_id text NOT NULL,
    version int NOT NULL,
    head bytea NOT NULL,
    status text NOT NULL,
    updated_at bigint NOT NULL,
    updated_event text NOT NULL,
    attempts int NOT NULL,
    status_code int NOT NULL,
    error text NOT NULL,
    work json NOT NULL,
    next_deadline bigint,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX delivery_by_status ON delivery (tenant, status, requested_at, id);
CREATE INDEX delivery_by_migration ON delivery (tenant, migration, requested_at, id);
CREATE INDEX delivery_by_subscription ON delivery (tenant, subscription, requested_at, id);
CREATE INDEX delivery_with_work ON delivery (tenant, next_deadline, id) WHERE next_deadline IS NOT NULL;

CREATE TABLE subscription (
    tenant text NOT NULL,
    id text NOT NULL,
    partition int NOT NULL,
    requested_pos bigint NOT NULL,
    requested_at bigint NOT NULL,
    requested_by text NOT NULL,
    version int NOT NULL,
    head bytea NOT NULL,
    status text NOT NULL,
    updated_at bigint NOT NULL,
    updated_event text NOT NULL,
    url text NOT NULL,
    event_types json NOT NULL,
    channel text NOT NULL,
    description text NOT NULL,
    reason text NOT NULL,
    generation int NOT NULL,
    overlap_until bigint NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX subscription_by_status ON subscription (tenant, status, requested_at, id);
