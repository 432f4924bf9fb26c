-- Settings of capacities among all their events, and dead letters by the key of whom they were for: few rows each.
CREATE INDEX event_of_setting ON event (tenant, aggregate, pos) WHERE type IN ('CapacitySet', 'FreezeOverridden');
CREATE INDEX dead_letter_by_key ON dead_letter USING hash (key);
