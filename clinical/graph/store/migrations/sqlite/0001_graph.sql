CREATE TABLE nodes (
  tenant TEXT NOT NULL, id TEXT NOT NULL, kind TEXT NOT NULL, system TEXT NOT NULL, code TEXT NOT NULL,
  name_en TEXT NOT NULL, name_zh TEXT NOT NULL,
  PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE grams (
  tenant TEXT NOT NULL, gram TEXT NOT NULL, node TEXT NOT NULL,
  PRIMARY KEY (tenant, gram, node)
) STRICT, WITHOUT ROWID;

CREATE TABLE triples (
  tenant TEXT NOT NULL, key TEXT NOT NULL, subject TEXT NOT NULL, predicate TEXT NOT NULL,
  object TEXT NOT NULL, type TEXT NOT NULL, value TEXT NOT NULL,
  PRIMARY KEY (tenant, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX triples_by_subject ON triples (tenant, subject, predicate, key);
CREATE INDEX triples_by_object ON triples (tenant, object, predicate, key) WHERE object <> '';
CREATE INDEX triples_by_predicate ON triples (tenant, predicate, key);

CREATE TABLE provenance (
  tenant TEXT NOT NULL, key TEXT NOT NULL, record TEXT NOT NULL, source TEXT NOT NULL, method TEXT NOT NULL,
  made_by TEXT NOT NULL, at_time TEXT NOT NULL, confidence REAL NOT NULL,
  PRIMARY KEY (tenant, key, record, source, method, made_by, at_time)
) STRICT, WITHOUT ROWID;
