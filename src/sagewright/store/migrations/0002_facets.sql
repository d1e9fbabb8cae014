-- Facets: what listings find records by beyond key and state. One row per record and facet, rewritten with the record.
ALTER TABLE records ADD COLUMN facets TEXT NOT NULL DEFAULT '{}';
CREATE TABLE facets (
    kind    TEXT NOT NULL,
    account TEXT NOT NULL,
    region  TEXT NOT NULL,
    facet   TEXT NOT NULL,
    value   TEXT NOT NULL,
    parent  TEXT NOT NULL,
    name    TEXT NOT NULL
);
CREATE UNIQUE INDEX facets_by_value  ON facets (kind, account, region, facet, value, parent, name);
CREATE INDEX        facets_by_record ON facets (kind, account, region, parent, name);
