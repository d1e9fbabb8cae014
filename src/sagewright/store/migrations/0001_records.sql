-- Records: one row each, the newest version. Leases: who may act, until when.
-- Plain SQL that SQLite and PostgreSQL read alike. Migrations are appended, never edited.
CREATE TABLE records (
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
    tags     TEXT NOT NULL
);
CREATE UNIQUE INDEX records_by_parent   ON records (kind, account, region, parent, name);
CREATE INDEX        records_by_name     ON records (kind, account, region, name, parent);
CREATE INDEX        records_by_created  ON records (kind, account, region, created, parent, name);
CREATE INDEX        records_by_modified ON records (kind, account, region, modified, parent, name);
CREATE INDEX        records_by_state    ON records (kind, account, region, state, created, parent, name);
CREATE TABLE leases (
    name    TEXT NOT NULL PRIMARY KEY,
    owner   TEXT NOT NULL,
    expires DOUBLE PRECISION NOT NULL
);
