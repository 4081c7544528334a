package store

import "strings"

// statements are the queries, written for one database.
type statements struct {
	putNodes, putGrams, putTriples, putProvenance string

	nodes, search, provenance string
	outgoing, incoming        string
	around                    string
	page                      string
	similar, shared           string
	count                     string

	match map[shape]string
}

// shape says which parts of a triple a search has.
type shape struct{ subject, predicate, object, value bool }

const (
	columns = "t.key, t.subject, t.predicate, t.object, t.type, t.value"
	// A list that is empty stands for all.
	ofPredicates = " AND (?5 = '[]' OR t.predicate {in 5})"
	ofKinds      = " AND (?6 = '[]' OR EXISTS (SELECT 1 FROM nodes n WHERE n.tenant = ?1 AND n.kind {in 6} AND n.id = "
	afterRow     = " AND (t.predicate > ?3 OR t.predicate = ?3 AND t.key > ?4)"
	byPredicate  = " ORDER BY t.predicate, t.key LIMIT ?7"
)

func (d dialect) statements() statements {
	s := statements{
		// What is known of a node stays; what a later graph knows besides is added.
		putNodes: `INSERT INTO nodes (tenant, id, kind, system, code, name_en, name_zh)
SELECT ?1, x.id, x.kind, x.system, x.code, x.name_en, x.name_zh FROM {rows 2 id kind system code name_en name_zh} x WHERE true
ON CONFLICT (tenant, id) DO UPDATE SET
  kind = CASE WHEN nodes.kind = 'external' THEN excluded.kind ELSE nodes.kind END,
  system = CASE WHEN nodes.system = '' THEN excluded.system ELSE nodes.system END,
  code = CASE WHEN nodes.code = '' THEN excluded.code ELSE nodes.code END,
  name_en = CASE WHEN nodes.name_en = '' THEN excluded.name_en ELSE nodes.name_en END,
  name_zh = CASE WHEN nodes.name_zh = '' THEN excluded.name_zh ELSE nodes.name_zh END`,
		putGrams: `INSERT INTO grams (tenant, gram, node)
SELECT ?1, x.gram, x.node FROM {rows 2 gram node} x WHERE true ON CONFLICT DO NOTHING`,
		putTriples: `INSERT INTO triples (tenant, key, subject, predicate, object, type, value)
SELECT ?1, x.key, x.subject, x.predicate, x.object, x.type, x.value FROM {rows 2 key subject predicate object type value} x WHERE true
ON CONFLICT DO NOTHING`,
		putProvenance: `INSERT INTO provenance (tenant, key, record, source, method, made_by, at_time, confidence)
SELECT ?1, x.key, x.record, x.source, x.method, x.made_by, x.at_time, CAST(x.confidence AS DOUBLE PRECISION)
FROM {rows 2 key record source method made_by at_time confidence} x WHERE true
ON CONFLICT (tenant, key, record, source, method, made_by, at_time) DO UPDATE SET confidence = excluded.confidence`,

		nodes: `SELECT id, kind, system, code, name_en, name_zh FROM nodes WHERE tenant = ?1 AND id {in 2}`,
		search: `SELECT n.id, n.kind, n.system, n.code, n.name_en, n.name_zh, h.hits
FROM (SELECT g.node, COUNT(*) AS hits FROM grams g WHERE g.tenant = ?1 AND g.gram {in 2} GROUP BY g.node HAVING COUNT(*) >= ?4) h
JOIN nodes n ON n.tenant = ?1 AND n.id = h.node
WHERE ?3 = '[]' OR n.kind {in 3}
ORDER BY h.hits DESC, LENGTH(n.name_en), n.id LIMIT ?5 OFFSET ?6`,
		provenance: `SELECT key, record, source, method, made_by, at_time, confidence FROM (
  SELECT p.*, ROW_NUMBER() OVER (PARTITION BY key ORDER BY confidence DESC, record, source, method, made_by, at_time) AS place
  FROM provenance p WHERE p.tenant = ?1 AND p.key {in 2}) q WHERE place <= ?3 ORDER BY key, place`,
		outgoing: "SELECT " + columns + " FROM triples t WHERE t.tenant = ?1 AND t.subject = ?2" + afterRow + ofPredicates + ofKinds + "t.object))" + byPredicate,
		incoming: "SELECT " + columns + " FROM triples t WHERE t.tenant = ?1 AND t.object = ?2 AND t.object <> ''" + afterRow + ofPredicates + ofKinds + "t.subject))" + byPredicate,
		around: `SELECT ` + columns + ` FROM triples t WHERE t.tenant = ?1 AND t.subject {in 2} AND t.object <> ''
  AND (?3 = '[]' OR t.predicate {in 3})
UNION ALL
SELECT ` + columns + ` FROM triples t WHERE t.tenant = ?1 AND t.object {in 2} AND t.object <> ''
  AND (?3 = '[]' OR t.predicate {in 3}) LIMIT ?4`,
		page: "SELECT " + columns + " FROM triples t WHERE t.tenant = ?1 AND t.key > ?2 ORDER BY t.key LIMIT ?3",
		similar: `WITH mine AS (SELECT predicate, object FROM triples WHERE tenant = ?1 AND subject = ?2 AND object <> '' AND predicate {in 3}),
others AS (
  SELECT t.subject AS id, COUNT(*) AS n FROM mine JOIN triples t ON t.tenant = ?1 AND t.object = mine.object AND t.predicate = mine.predicate
  WHERE t.object <> '' AND t.subject <> ?2 GROUP BY t.subject ORDER BY n DESC, t.subject LIMIT ?4)
SELECT o.id, o.n, (SELECT COUNT(*) FROM mine),
  (SELECT COUNT(*) FROM triples a WHERE a.tenant = ?1 AND a.subject = o.id AND a.object <> '' AND a.predicate {in 3})
FROM others o JOIN nodes k ON k.tenant = ?1 AND k.id = o.id AND k.kind = 'patient'`,
		shared: `SELECT ` + columns + ` FROM triples t JOIN triples m
  ON m.tenant = ?1 AND m.subject = ?2 AND m.predicate = t.predicate AND m.object = t.object
WHERE t.tenant = ?1 AND t.subject {in 3} AND t.object <> '' AND t.predicate {in 4} ORDER BY t.subject, t.predicate, t.object LIMIT ?5`,
		count: `SELECT (SELECT COUNT(*) FROM nodes WHERE tenant = ?1), (SELECT COUNT(*) FROM triples WHERE tenant = ?1)`,
		match: map[shape]string{},
	}
	for _, text := range []*string{
		&s.putNodes, &s.putGrams, &s.putTriples, &s.putProvenance, &s.nodes, &s.search, &s.provenance, &s.outgoing, &s.incoming, &s.around,
		&s.page, &s.similar, &s.shared, &s.count,
	} {
		*text = d.translate(*text)
	}
	for _, sh := range shapes() {
		s.match[sh] = d.translate(sh.text())
	}
	return s
}

// shapes are all that a search may have.
func shapes() (out []shape) {
	for i := range 16 {
		sh := shape{subject: i&1 > 0, predicate: i&2 > 0, object: i&4 > 0, value: i&8 > 0}
		if !sh.object || !sh.value {
			out = append(out, sh)
		}
	}
	return out
}

// text is the query of a shape. All take the same parameters, so each must use them all; PostgreSQL wants to know what
// an unused one is.
func (sh shape) text() string {
	var b strings.Builder
	b.WriteString("SELECT " + columns + " FROM triples t WHERE t.tenant = ?1")
	for _, part := range []struct {
		have      bool
		use, none string
	}{
		{sh.subject, "t.subject {in 2}", "?2 = '[]'"},
		{sh.predicate, "t.predicate {in 3}", "?3 = '[]'"},
		{sh.object, "t.object {in 4} AND t.object <> ''", "?4 = '[]'"},
		{sh.value, "t.type = ?5 AND t.value = ?6", "?5 = '' AND ?6 = ''"},
	} {
		b.WriteString(" AND ")
		if part.have {
			b.WriteString(part.use)
		} else {
			b.WriteString(part.none)
		}
	}
	b.WriteString(" ORDER BY t.key LIMIT ?7")
	return b.String()
}
