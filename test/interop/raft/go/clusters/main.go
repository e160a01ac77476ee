// Plays clusters that mix nodes on etcd's library with nodes on ours.
//
//	clusters GO_NODE OUR_NODE FOLDER
//
// Every scenario runs with the two kinds in both roles. After each applied entry that nodes report, all nodes that ever
// reported that index must have had the same state. Nothing sleeps: the clock of a cluster goes on when all of its nodes
// have answered the last tick, so a slow machine makes a run slower and nothing else.
package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// Kinds by place: 0 is etcd's, 1 is ours.
func mixed(leader, other kind) []kind { return []kind{leader, other, other} }

var scenarios = []struct {
	name string
	play func(c *cluster, leader, other kind)
}{
	{"elects, takes 10,000 entries and hands over", func(c *cluster, leader, other kind) {
		c.found(mixed(leader, other))
		c.lead(1)
		c.propose(1, 10000)
		c.agree(10000)
		c.node(1).tell("transfer 2")
		c.until("node 2 leads", func() bool { return c.node(2).role == "Leader" })
		c.propose(2, 10000)
		c.agree(20000)
	}},
	{"survives kill -9 of followers and leaders under load", func(c *cluster, leader, other kind) {
		c.found([]kind{leader, other, leader, other, other})
		c.lead(1)
		seen := uint64(0)
		for round := 0; round < 4; round++ {
			at := c.anyLeader()
			c.start(at, 3000)
			c.until("some entries", func() bool { return c.node(at).count > seen+500 })
			victim := at
			if round%2 == 0 {
				victim = at%5 + 1
			}
			seen = c.highest()
			c.kill(victim)
			if victim == at {
				c.until("another leader", func() bool { return c.anyLeaderOrNone() != 0 && c.anyLeaderOrNone() != at })
				c.propose(c.anyLeader(), 500)
			} else {
				c.until("all entries", func() bool { return c.node(at).count >= seen+2000 || c.node(at).role != "Leader" })
			}
			c.restart(victim)
			c.propose(c.anyLeader(), 10)
			c.same()
		}
		if c.highest() < seen {
			fail("entries that had been applied are gone: %d, before %d", c.highest(), seen)
		}
	}},
	{"brings a node that lags up with a snapshot", func(c *cluster, leader, other kind) {
		c.found(mixed(leader, other))
		c.lead(1)
		c.propose(1, 300)
		c.agree(300)
		c.kill(3)
		c.propose(1, 1000)
		for _, id := range []uint64{1, 2} {
			c.until("everything applied", func() bool { return c.node(id).count == 1300 })
			c.node(id).tell("compact")
		}
		c.propose(1, 200)
		c.restart(3)
		c.until("the snapshot", func() bool { return c.node(3).installed > 0 })
		c.agree(1500)
		c.kill(3) // what was installed is on disk
		c.restart(3)
		c.propose(1, 10)
		c.agree(1510)
	}},
	{"adds a node, and removes nodes", func(c *cluster, leader, other kind) {
		c.found(mixed(leader, other))
		c.lead(1)
		c.propose(1, 500)
		c.agree(500)
		c.node(1).tell("compact") // the newcomers need a snapshot
		for id, what := range map[uint64]kind{4: other, 5: leader} {
			c.join(id, what)
			c.node(1).tell("add %d", id)
			c.until("the newcomer is a member", func() bool { return len(c.node(1).members) >= 4 && c.node(1).has(id) })
			c.propose(1, 100)
			c.until("the newcomer has it all", func() bool { return c.node(id).count == c.node(1).count })
		}
		c.agree(700)
		for _, id := range []uint64{2, 5} {
			c.node(1).tell("remove %d", id)
			c.until("the node is no member", func() bool { return !c.node(1).has(id) })
			c.kill(id)
			c.forget(id)
			c.propose(1, 100)
		}
		c.agree(900)
		c.node(1).tell("remove 1") // the leader itself
		c.until("the others know", func() bool { return !c.node(3).has(1) && !c.node(4).has(1) })
		c.kill(1)
		c.forget(1)
		c.propose(c.anyLeader(), 100)
		c.agree(1000)
	}},
	{"is not disturbed by a node that comes back (PreVote)", func(c *cluster, leader, other kind) {
		c.found(mixed(leader, other))
		c.lead(1)
		c.propose(1, 100)
		c.agree(100)
		term := c.node(1).term
		c.cut(3, 1, 2)
		for i := 0; i < 60; i++ { // six elections that it cannot win
			c.node(3).tick()
		}
		c.cut(3)
		c.propose(1, 100)
		c.agree(200)
		for id, n := range c.nodes {
			if n.term != term {
				fail("term %d at node %d, it was %d before", n.term, id, term)
			}
		}
	}},
	{"steps down without a quorum (CheckQuorum)", func(c *cluster, leader, other kind) {
		c.found(mixed(leader, other))
		c.lead(1)
		c.propose(1, 100)
		c.agree(100)
		c.cut(1, 2, 3)
		for i := 0; i < 20; i++ {
			c.node(1).tick()
		}
		c.state(1)
		if c.node(1).role == "Leader" {
			fail("node 1 still leads, alone")
		}
		c.until("another leader", func() bool { return c.node(2).role == "Leader" || c.node(3).role == "Leader" })
		c.propose(c.anyLeader(), 100)
		c.cut(1)
		c.agree(200)
	}},
}

func fail(format string, values ...any) {
	fmt.Printf("FAILED: "+format+"\n", values...)
	if current != nil {
		current.report()
		current.end()
	}
	os.Exit(1)
}

var current *cluster

func main() {
	programs := os.Args[1:3]
	for i, scenario := range scenarios {
		for leader := kind(0); leader < 2; leader++ {
			began := time.Now()
			current = &cluster{programs: programs, folder: fmt.Sprintf("%s/%d-%d", os.Args[3], i, leader),
				nodes: map[uint64]*node{}, history: map[uint64]string{}, events: make(chan event, 10000)}
			scenario.play(current, leader, 1-leader)
			current.end()
			who := []string{"etcd's", "our"}[leader]
			fmt.Printf("a cluster with %s node first %s: %.1f s\n", who, scenario.name, time.Since(began).Seconds())
		}
	}
}

// "applied INDEX COUNT HASH" and the like.
func (n *node) learn(words []string) {
	number := func(i int) uint64 {
		value, err := strconv.ParseUint(words[i], 10, 64)
		if err != nil {
			fail("node %d said %v", n.id, words)
		}
		return value
	}
	switch words[0] {
	case "role":
		n.role, n.leader, n.term = words[1], number(2), number(3)
	case "applied":
		n.applied, n.count = number(1), number(2)
		n.cluster.compare(n.id, n.applied, words[2]+" "+words[3])
	case "state":
		n.role, n.leader, n.term = words[1], number(2), number(3)
		n.applied, n.count = number(4), number(5)
		n.cluster.compare(n.id, n.applied, words[5]+" "+words[6])
		n.asked--
	case "members":
		n.members = strings.Split(words[1], ",")
	case "installed":
		n.installed = number(1)
	case "ticked":
		n.ticking--
	case "listening":
		n.port = words[1]
	case "refused":
	default:
		fail("node %d said %v", n.id, words)
	}
}
