-- Names sort by code point, as everywhere. What stands in no region (S3's keys, IAM) is listed by key only, so the
-- other orders leave it out.
ALTER TABLE records
    ALTER COLUMN kind    TYPE TEXT COLLATE "C", ALTER COLUMN account TYPE TEXT COLLATE "C",
    ALTER COLUMN region  TYPE TEXT COLLATE "C", ALTER COLUMN parent  TYPE TEXT COLLATE "C",
    ALTER COLUMN name    TYPE TEXT COLLATE "C", ALTER COLUMN uid     TYPE TEXT COLLATE "C",
    ALTER COLUMN state   TYPE TEXT COLLATE "C", ALTER COLUMN intent  TYPE TEXT COLLATE "C";
DROP INDEX records_by_name;
DROP INDEX records_by_created;
DROP INDEX records_by_modified;
DROP INDEX records_by_state;
CREATE INDEX records_by_name     ON records (kind, account, region, name, parent) WHERE region <> '';
CREATE INDEX records_by_created  ON records (kind, account, region, created, parent, name) WHERE region <> '';
CREATE INDEX records_by_modified ON records (kind, account, region, modified, parent, name) WHERE region <> '';
CREATE INDEX records_by_state    ON records (kind, account, region, state, created, parent, name) WHERE region <> '';
CREATE INDEX records_by_wish     ON records (kind, intent) WHERE intent <> 'run';
CREATE INDEX records_by_folded   ON records (kind, account, region, lower(name))
    WHERE region <> '' AND name <> lower(name);
-- A facet's records in the order in which most listings want them. Long values are kept as their digest.
DROP TABLE facets;
CREATE TABLE facets (
    kind    TEXT COLLATE "C" NOT NULL,
    account TEXT COLLATE "C" NOT NULL,
    region  TEXT COLLATE "C" NOT NULL,
    facet   TEXT COLLATE "C" NOT NULL,
    value   TEXT COLLATE "C" NOT NULL,
    created DOUBLE PRECISION NOT NULL,
    parent  TEXT COLLATE "C" NOT NULL,
    name    TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (kind, account, region, facet, value, created, parent, name)
);
ALTER TABLE leases ALTER COLUMN name TYPE TEXT COLLATE "C";
