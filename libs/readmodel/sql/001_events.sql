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

-- The position up to which everything was recorded at or before a moment: recorded_at never decreases within a partition.
CREATE FUNCTION position_at(of_kind smallint, of_partition int, moment bigint) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
DECLARE
    low bigint := 0;
    high bigint;
    middle bigint;
    found record;
BEGIN
    SELECT pos + 1 INTO high FROM event WHERE kind = of_kind AND partition = of_partition ORDER BY pos DESC LIMIT 1;
    WHILE low < coalesce(high, 0) LOOP
        middle := (low + high) / 2;
        SELECT pos, recorded_at INTO found FROM event WHERE kind = of_kind AND partition = of_partition AND pos >= middle ORDER BY pos LIMIT 1;
        IF found.recorded_at <= moment THEN
            low := found.pos + 1;
        ELSE
            high := middle;
        END IF;
    END LOOP;
    RETURN low;
END
$$;
