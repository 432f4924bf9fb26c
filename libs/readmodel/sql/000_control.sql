-- What every generation of read models shares: which one is live, and how far each was read.

CREATE SCHEMA IF NOT EXISTS whimbrel;

-- One row a topic prefix. `live` names the PostgreSQL schema that readers use.
CREATE TABLE IF NOT EXISTS whimbrel.generation (
    prefix text PRIMARY KEY,
    live text NOT NULL
);

-- The next offset each reader needs of each partition, moved in the transaction that writes the rows.
-- Everything committed to the partition before `caught_up_at` (microseconds, the reader's clock) had been read by then.
CREATE TABLE IF NOT EXISTS whimbrel.reader_position (
    reader text NOT NULL,
    topic text NOT NULL,
    partition int NOT NULL,
    next_offset bigint NOT NULL,
    caught_up_at bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (reader, topic, partition)
) WITH (fillfactor = 50);
