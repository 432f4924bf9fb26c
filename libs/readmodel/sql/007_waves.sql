-- The current row of each wave. `roster` and `state` are what libs/readmodel/wave.py folds: members as they were added, and the rest.
CREATE TABLE wave (
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
    roster bytea NOT NULL,
    state bytea NOT NULL,
    PRIMARY KEY (tenant, id)
);

-- How each member stands, and the event since which it does. `number` is its place in the order in which members were added.
CREATE TABLE wave_member (
    tenant text NOT NULL,
    wave text NOT NULL,
    number int NOT NULL,
    migration text NOT NULL,
    depends_on json NOT NULL,
    state text NOT NULL,
    since bigint NOT NULL,
    since_event text NOT NULL,
    reason text NOT NULL,
    PRIMARY KEY (tenant, wave, number)
) WITH (fillfactor = 70);
CREATE INDEX wave_member_by_state ON wave_member (tenant, wave, state, number);
