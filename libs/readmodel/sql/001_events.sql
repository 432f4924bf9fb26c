-- The log as rows. `record` is the Avro body exactly as it stands in the log, under schema `type` version `schema`;
-- kind, partition and pos say where. `client_command` is set only where a client asked.
CREATE TABLE event (
    kind smallint NOT NULL,
    partition int NOT NULL,
    pos bigint NOT NULL,
    tenant text NOT NULL,
    aggregate text NOT NULL,
    version int NOT NULL,
    type text NOT NULL,
    schema smallint NOT NULL,
    recorded_at bigint NOT NULL,
    client_command text,
    record bytea NOT NULL,
    PRIMARY KEY (kind, partition, pos)
);
-- Compressing plans costs more than it saves.
ALTER TABLE event ALTER COLUMN record SET STORAGE EXTERNAL;
CREATE INDEX event_of_aggregate ON event (kind, tenant, aggregate, pos);
CREATE INDEX event_of_command ON event (tenant, client_command) WHERE client_command IS NOT NULL;
