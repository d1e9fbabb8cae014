-- Rows get a number of their own that VACUUM leaves alone: the index of names refers to it.
-- What stands in no region (S3's keys, IAM) is listed by key only, so the other orders leave it out.
CREATE TABLE records_with_id (
    id       INTEGER PRIMARY KEY,
    kind     TEXT NOT NULL,
    account  TEXT NOT NULL,
    region   TEXT NOT NULL,
    parent   TEXT NOT NULL,
    name     TEXT NOT NULL,
    uid      TEXT NOT NULL,
    version  BIGINT NOT NULL,
    created  DOUBLE PRECISION NOT NULL,
    modified DOUBLE PRECISION NOT NULL,
    state    TEXT NOT NULL,
    intent   TEXT NOT NULL,
    spec     TEXT NOT NULL,
    status   TEXT NOT NULL,
    tags     TEXT NOT NULL,
    facets   TEXT NOT NULL
);
INSERT INTO records_with_id (kind, account, region, parent, name, uid, version, created, modified, state, intent, spec,
    status, tags, facets)
SELECT kind, account, region, parent, name, uid, version, created, modified, state, intent, spec, status, tags, facets
FROM records ORDER BY rowid;
DROP TABLE records;
ALTER TABLE records_with_id RENAME TO records;
CREATE UNIQUE INDEX records_by_parent ON records (kind, account, region, parent, name);
CREATE INDEX records_by_name     ON records (kind, account, region, name, parent) WHERE region <> '';
CREATE INDEX records_by_created  ON records (kind, account, region, created, parent, name) WHERE region <> '';
CREATE INDEX records_by_modified ON records (kind, account, region, modified, parent, name) WHERE region <> '';
CREATE INDEX records_by_state    ON records (kind, account, region, state, created, parent, name) WHERE region <> '';
CREATE INDEX records_by_wish     ON records (kind, intent) WHERE intent <> 'run';
CREATE INDEX records_by_folded   ON records (kind, account, region, lower(name))
    WHERE region <> '' AND name <> lower(name);
-- A facet's records in the order in which most listings want them. Long values are kept as their digest.
CREATE TABLE facets_in_order (
    kind    TEXT NOT NULL,
    account TEXT NOT NULL,
    region  TEXT NOT NULL,
    facet   TEXT NOT NULL,
    value   TEXT NOT NULL,
    created DOUBLE PRECISION NOT NULL,
    parent  TEXT NOT NULL,
    name    TEXT NOT NULL,
    PRIMARY KEY (kind, account, region, facet, value, created, parent, name)
) WITHOUT ROWID;
INSERT INTO facets_in_order SELECT f.kind, f.account, f.region, f.facet, f.value, r.created, f.parent, f.name
FROM facets f JOIN records r
ON (r.kind, r.account, r.region, r.parent, r.name) = (f.kind, f.account, f.region, f.parent, f.name);
DROP TABLE facets;
ALTER TABLE facets_in_order RENAME TO facets;
