-- The current row of each capacity.
CREATE TABLE capacity (
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
    settings json NOT NULL,
    set_at bigint NOT NULL,
    set_by text NOT NULL,
    rate_since bigint NOT NULL,
    override_until bigint NOT NULL,
    override_reason text NOT NULL,
    override_by text NOT NULL,
    held int NOT NULL,
    queued int NOT NULL,
    wake_at bigint NOT NULL,
    PRIMARY KEY (tenant, id)
);

-- Every stay in a capacity: waiting from one event to another, or holding. `from_pos` and `to_pos` are offsets of the
-- capacity's partition; `to_pos` is null while it lasts. `level` is the length of the stay in binary digits, so that those of
-- a past moment are found in one short range of the index a level.
CREATE TABLE capacity_slot (
    tenant text NOT NULL,
    capacity text NOT NULL,
    holder text NOT NULL,
    state text NOT NULL,
    partition int NOT NULL,
    from_pos bigint NOT NULL,
    since bigint NOT NULL,
    waited_us bigint NOT NULL,
    to_pos bigint,
    level smallint,
    ended_by text NOT NULL,
    PRIMARY KEY (tenant, capacity, from_pos)
);
CREATE INDEX capacity_slot_now ON capacity_slot (tenant, capacity, state, from_pos) WHERE to_pos IS NULL;
CREATE INDEX capacity_slot_of_holder ON capacity_slot (tenant, holder, capacity, state) WHERE to_pos IS NULL;
CREATE INDEX capacity_slot_then ON capacity_slot (tenant, capacity, state, level, from_pos) WHERE to_pos IS NOT NULL;
CREATE INDEX capacity_slot_granted ON capacity_slot (tenant, capacity, since) WHERE state = 'holding';
