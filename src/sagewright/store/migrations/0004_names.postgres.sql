-- Which names hold which three letters, for NameContains.
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE INDEX records_by_grams ON records USING gin (lower(name) gin_trgm_ops) WHERE region <> '';
