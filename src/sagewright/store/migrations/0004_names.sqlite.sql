-- Which names hold which three letters, for NameContains. It follows the records by itself.
CREATE VIRTUAL TABLE grams USING fts5 (name, content = 'records', content_rowid = 'id', tokenize = 'trigram',
    detail = none, columnsize = 0);
INSERT INTO grams (rowid, name) SELECT id, name FROM records WHERE region <> '';
CREATE TRIGGER grams_of_new AFTER INSERT ON records WHEN new.region <> '' BEGIN
    INSERT INTO grams (rowid, name) VALUES (new.id, new.name);
END;
CREATE TRIGGER grams_of_old AFTER DELETE ON records WHEN old.region <> '' BEGIN
    INSERT INTO grams (grams, rowid, name) VALUES ('delete', old.id, old.name);
END;
