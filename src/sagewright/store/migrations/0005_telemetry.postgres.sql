-- What servers that share a database tell of what they run: see telemetry/ for what is what.
CREATE TABLE metric (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, place TEXT NOT NULL, namespace TEXT NOT NULL,
    name TEXT NOT NULL, dimensions TEXT NOT NULL, UNIQUE (place, namespace, name, dimensions)
);
CREATE INDEX metric_by_namespace ON metric (place, namespace, name, id);
CREATE INDEX metric_by_place ON metric (place, namespace, id);
CREATE TABLE point (
    metric BIGINT NOT NULL, time DOUBLE PRECISION NOT NULL, seq BIGINT NOT NULL, count DOUBLE PRECISION NOT NULL,
    sum DOUBLE PRECISION NOT NULL, minimum DOUBLE PRECISION NOT NULL, maximum DOUBLE PRECISION NOT NULL,
    unit TEXT NOT NULL, PRIMARY KEY (metric, time, seq)
);
CREATE TABLE coarse (step INTEGER PRIMARY KEY, upto DOUBLE PRECISION NOT NULL);
CREATE TABLE component_series (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, component TEXT NOT NULL, name TEXT COLLATE "C" NOT NULL,
    count BIGINT NOT NULL, mean DOUBLE PRECISION NOT NULL, squares DOUBLE PRECISION NOT NULL,
    minimum DOUBLE PRECISION NOT NULL, maximum DOUBLE PRECISION NOT NULL, last DOUBLE PRECISION NOT NULL,
    time DOUBLE PRECISION NOT NULL, UNIQUE (component, name)
);
CREATE TABLE component_point (
    series BIGINT NOT NULL, seq BIGINT NOT NULL, time DOUBLE PRECISION NOT NULL, step BIGINT,
    value DOUBLE PRECISION NOT NULL, PRIMARY KEY (series, seq)
);
CREATE TABLE component_taken (
    component TEXT NOT NULL, source TEXT NOT NULL, upto BIGINT NOT NULL, PRIMARY KEY (component, source)
);
CREATE TABLE log_group (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, place TEXT NOT NULL, name TEXT COLLATE "C" NOT NULL,
    info TEXT NOT NULL, UNIQUE (place, name)
);
CREATE TABLE log_stream (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    grp BIGINT NOT NULL REFERENCES log_group (id) ON DELETE CASCADE, name TEXT COLLATE "C" NOT NULL,
    created BIGINT NOT NULL, first BIGINT, last BIGINT, ingested BIGINT, size BIGINT NOT NULL DEFAULT 0,
    source BIGINT NOT NULL DEFAULT 0, next BIGINT NOT NULL DEFAULT 0, UNIQUE (grp, name)
);
CREATE TABLE log_event (
    stream BIGINT NOT NULL REFERENCES log_stream (id) ON DELETE CASCADE, time BIGINT NOT NULL, seq BIGINT NOT NULL,
    ingested BIGINT NOT NULL, message TEXT NOT NULL, PRIMARY KEY (stream, time, seq)
);
CREATE TABLE neighbour (
    service TEXT NOT NULL, account TEXT NOT NULL, region TEXT NOT NULL, modules TEXT NOT NULL, moto TEXT NOT NULL,
    state BYTEA NOT NULL, version BIGINT NOT NULL, PRIMARY KEY (service, account, region)
);
CREATE TABLE neighbour_answer (
    server TEXT NOT NULL, number BIGINT NOT NULL, bytes BYTEA NOT NULL, at TIMESTAMPTZ NOT NULL DEFAULT now(),
    PRIMARY KEY (server, number)
);
CREATE SEQUENCE neighbour_version;
