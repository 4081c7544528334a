CREATE TABLE nodes (
  tenant TEXT COLLATE "C" NOT NULL, id TEXT COLLATE "C" NOT NULL, kind TEXT COLLATE "C" NOT NULL, system TEXT COLLATE "C" NOT NULL, code TEXT COLLATE "C" NOT NULL,
  name_en TEXT COLLATE "C" NOT NULL, name_zh TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (tenant, id)
);

CREATE TABLE grams (
  tenant TEXT COLLATE "C" NOT NULL, gram TEXT COLLATE "C" NOT NULL, node TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (tenant, gram, node)
);

CREATE TABLE triples (
  tenant TEXT COLLATE "C" NOT NULL, key TEXT COLLATE "C" NOT NULL, subject TEXT COLLATE "C" NOT NULL, predicate TEXT COLLATE "C" NOT NULL,
  object TEXT COLLATE "C" NOT NULL, type TEXT COLLATE "C" NOT NULL, value TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (tenant, key)
);
CREATE INDEX triples_by_subject ON triples (tenant, subject, predicate, key);
CREATE INDEX triples_by_object ON triples (tenant, object, predicate, key) WHERE object <> '';
CREATE INDEX triples_by_predicate ON triples (tenant, predicate, key);

CREATE TABLE provenance (
  tenant TEXT COLLATE "C" NOT NULL, key TEXT COLLATE "C" NOT NULL, record TEXT COLLATE "C" NOT NULL, source TEXT COLLATE "C" NOT NULL, method TEXT COLLATE "C" NOT NULL,
  made_by TEXT COLLATE "C" NOT NULL, at_time TEXT COLLATE "C" NOT NULL, confidence DOUBLE PRECISION NOT NULL,
  PRIMARY KEY (tenant, key, record, source, method, made_by, at_time)
);
