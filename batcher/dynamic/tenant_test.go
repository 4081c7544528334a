package dynamic

import (
	"fmt"
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestTenants(t *testing.T) {
	one := Config{MaxBatchSize: 1, MaxQueue: 4}
	weighted := Config{MaxBatchSize: 1, TenantWeights: map[string]float64{"w": 2}}
	playAll(t, []knobCase{
		{"turns alternate, whoever came first", one, []step{
			{0, "x:1 tenant=a", "[x]"}, {0, "a:1 tenant=a", ""}, {0, "b:1 tenant=a", ""}, {0, "c:1 tenant=b", ""}, {0, "d:1 tenant=b", ""},
			{1, "done x", "[c] x"}, {2, "done c", "[a] c"}, {3, "done a", "[d] a"}, {4, "done d", "[b] d"},
		}},
		{"a weight of two has two turns for one", weighted, []step{
			{0, "x:1 tenant=x", "[x]"}, {0, "a:1 tenant=a", ""}, {0, "b:1 tenant=a", ""}, {0, "c:1 tenant=a", ""},
			{0, "u:1 tenant=w", ""}, {0, "v:1 tenant=w", ""}, {0, "w:1 tenant=w", ""}, {0, "y:1 tenant=w", ""},
			{1, "done x", "[a] x"}, {2, "done a", "[u] a"}, {3, "done u", "[v] u"}, {4, "done v", "[b] v"},
			{5, "done b", "[w] b"}, {6, "done w", "[y] w"}, {7, "done y", "[c] y"},
		}},
		{"turns are paid in rows", Config{MaxBatchSize: 4}, []step{
			{0, "x:1 tenant=x", "[x]"}, {0, "a:4 tenant=a", ""}, {0, "b:4 tenant=a", ""},
			{0, "c:2 tenant=b", ""}, {0, "d:3 tenant=b", ""}, {0, "e:4 tenant=b", ""},
			{1, "done x", "[a] x"}, {2, "done a", "[c] a"}, {3, "done c", "[d] c"}, {4, "done d", "[b] d"}, {5, "done b", "[e] b"},
		}},
		{"within a batch too", Config{MaxBatchSize: 4}, []step{
			{0, "x:1 tenant=x", "[x]"}, {0, "a:1 b:1 c:1 d:1 tenant=a", ""}, {0, "e:1 f:1 g:1 h:1 tenant=b", ""},
			{1, "done x", "[a e b f] x"}, {2, "done a", "[c g d h] a e b f"},
		}},
		{"turns not taken are not saved up", one, []step{
			{0, "x:1 tenant=a", "[x]"}, {1, "done x", "x"}, {1, "y:1 tenant=a", "[y]"}, {2, "done y", "y"},
			{2, "z:1 tenant=a", "[z]"}, {2, "a:1 tenant=a", ""}, {2, "b:1 tenant=b", ""}, {2, "c:1 tenant=b", ""},
			{3, "done z", "[b] z"}, {4, "done b", "[a] b"}, {5, "done a", "[c] a"},
		}},
		{"a full queue has room for one who uses less than its share", one, []step{
			{0, "x:1 tenant=a", "[x]"}, {0, "a:1 b:1 c:1 d:1 tenant=a", ""}, {0, "e:1 tenant=a", "error: queue_full"},
			{0, "f:1 tenant=b", "displaced:d"}, {0, "g:1 tenant=b", "displaced:c"}, {0, "h:1 tenant=b", "error: queue_full"},
			{1, "cancel a", ""}, {1, "h:1 tenant=b", ""}, {1, "i:1 tenant=a", "displaced:h"},
		}},
		{"for several parts or for none", one, []step{
			{0, "x:1 tenant=a", "[x]"}, {0, "a:1 b:1 c:1 d:1 tenant=a", ""}, {0, "e:1 f:1 g:1 tenant=b", "error: queue_full"},
			{0, "e:1 f:1 tenant=b", "displaced:d displaced:c"},
		}},
		{"but not for one who has its share, though another has more", Config{MaxQueue: 6}, []step{
			{0, "x:1 tenant=a", "[x]"}, {0, "a:1 b:1 c:1 tenant=a", ""}, {0, "d:1 e:1 tenant=b", ""}, {0, "f:1 tenant=c", ""},
			{0, "g:1 tenant=b", "error: queue_full"}, {0, "g:1 tenant=c", "displaced:c"},
		}},
		{"by weight", Config{MaxQueue: 3, TenantWeights: map[string]float64{"w": 2}}, []step{
			{0, "x:1 tenant=a", "[x]"}, {0, "a:1 b:1 c:1 tenant=a", ""},
			{0, "u:1 v:1 tenant=w", "displaced:c displaced:b"}, {0, "w:1 tenant=w", "error: queue_full"},
		}},
		{"nobody gives way to a lower level", Config{MaxQueue: 2, PriorityLevels: 2, DefaultPriorityLevel: 2}, []step{
			{0, "x:1 tenant=a", "[x]"}, {0, "a:1 tenant=a", ""}, {0, "b:1 tenant=a prio=1", ""},
			{0, "c:1 tenant=b", "displaced:a"}, {0, "d:1 tenant=c", "error: queue_full"},
		}},
		{"a level's bound is shared too", withPolicy(Config{PriorityLevels: 2, DefaultPriorityLevel: 2}, QueuePolicy{MaxQueueSize: 2}), []step{
			{0, "x:1 tenant=a", "[x]"}, {0, "a:1 b:1 tenant=a", ""}, {0, "c:1 d:1 tenant=a prio=1", ""},
			{0, "e:1 tenant=b", "displaced:b"},
		}},
	})
}

// Tenants beyond MaxTenants share one account; those that are gone make room for others.
func TestMaxTenants(t *testing.T) {
	s, err := NewScheduler(Config{MaxTenants: 2, TenantWeights: map[string]float64{"named": 3}})
	if err != nil {
		t.Fatal(err)
	}
	admit := func(tenant string) *Entry {
		e := &Entry{Item: Item{Size: 1, Tenant: tenant}}
		if err := s.Admit(t0, e); err != nil {
			t.Fatal(err)
		}
		return e
	}
	a, b, c, d := admit("a"), admit("b"), admit("c"), admit("d")
	if a.tenant == b.tenant || b.tenant == c.tenant || c.tenant != d.tenant {
		t.Fatal("the third tenant should share the fourth one's account, and no other")
	}
	if named := admit("named"); named.tenant == c.tenant || named.tenant.weight != 3 {
		t.Fatal("a tenant with a weight should have an account of its own")
	}
	s.Cancel(t0, a)
	if e := admit("e"); e.tenant == c.tenant {
		t.Fatal("a tenant that has left should make room")
	}
	for i := range 1000 {
		s.Cancel(t0, admit(fmt.Sprint("more", i)))
	}
	if len(s.tenants) > 3 {
		t.Fatalf("%d tenants are tracked", len(s.tenants))
	}
}

// Tenants that always have something waiting get service by their weights: at any time, the difference between two is at
// most what one request of each costs (the bound of start-time fair queueing), whatever came first and in whatever sizes.
func TestTenantsShareByWeight(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tenants := rapid.IntRange(2, 4).Draw(t, "tenants")
		cfg := Config{MaxBatchSize: rapid.IntRange(1, 8).Draw(t, "batch"), TenantWeights: map[string]float64{}}
		// Requests of one row let batches be filled in the order of turns; larger ones may be passed over.
		largest := 1
		if cfg.MaxBatchSize == 1 || rapid.Bool().Draw(t, "in tokens") {
			cfg.MaxBatchSize, largest = 1, 50
		}
		weights := make([]float64, tenants)
		for i := range weights {
			weights[i] = float64(rapid.IntRange(1, 5).Draw(t, "weight"))
			cfg.TenantWeights[fmt.Sprint(i)] = weights[i]
		}
		s, err := NewScheduler(cfg)
		if err != nil {
			t.Fatal(err)
		}
		served := make([]float64, tenants)
		admit := func(i int) {
			item := Item{Size: 1, Tokens: rapid.IntRange(1, largest).Draw(t, "tokens"), Tenant: fmt.Sprint(i)}
			if err := s.Admit(t0, &Entry{Item: item, Owner: i}); err != nil {
				t.Fatal(err)
			}
		}
		first := &Entry{Item: Item{Size: 1, Tokens: 1, Tenant: "first"}, Owner: -1}
		if err := s.Admit(t0, first); err != nil {
			t.Fatal(err)
		}
		plan := s.Plan(t0)
		for i := range weights {
			for range cfg.MaxBatchSize + rapid.IntRange(1, 5).Draw(t, "backlog") {
				admit(i)
			}
		}
		for range 60 {
			for _, e := range plan.Batches[0].Entries {
				if i, _ := e.Owner.(int); i >= 0 {
					served[i] += e.cost / weights[i]
					admit(i)
				}
			}
			s.Complete(t0, plan.Batches[0])
			plan = s.Plan(t0)
			for i := range served {
				for j := range served[:i] {
					bound := float64(largest)/weights[i] + float64(largest)/weights[j] + 1e-9
					if math.Abs(served[i]-served[j]) > bound {
						t.Fatalf("tenant %d had %v for its weight and tenant %d %v: more than %v apart", i, served[i], j, served[j], bound)
					}
				}
			}
		}
	})
}

// A tenant floods the queue; another sends one request at a time, of up to a whole batch. That one is never refused, and
// runs in one of the next two batches that start: behind at most one that evens out what it had before.
func TestFloodHarmsNobodyElse(t *testing.T) {
	s, err := NewScheduler(Config{MaxBatchSize: 8, MaxQueue: 100})
	if err != nil {
		t.Fatal(err)
	}
	now, refused := t0, 0
	flood := func() {
		for i := range 150 {
			if s.Admit(now, &Entry{Item: Item{Size: 1 + i%8, Tenant: "flood"}}) != nil {
				refused++
			}
		}
	}
	flood()
	batch := s.Plan(now).Batches[0]
	for round := range 200 {
		lone := &Entry{Item: Item{Size: 1 + round*5%8, Tenant: "lone"}}
		if err := s.Admit(now, lone); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		for batches := 0; lone.state != running; batches++ {
			if batches == 2 {
				t.Fatalf("round %d: the lone request is not in the next two batches", round)
			}
			now = now.Add(ms(1))
			s.Complete(now, batch)
			flood()
			batch = s.Plan(now).Batches[0]
		}
	}
	if refused == 0 {
		t.Fatal("the flood was never refused")
	}
}
