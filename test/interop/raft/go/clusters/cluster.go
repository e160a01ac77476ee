package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

type kind int

// How long anything may take before the run counts as stuck.
const patience = 60 * time.Second

// Real time from one tick to the next, at least.
const tickEvery = 10 * time.Millisecond

type node struct {
	cluster   *cluster
	id        uint64
	what      kind
	process   *exec.Cmd
	stdin     io.WriteCloser
	port      string
	role      string
	leader    uint64
	term      uint64
	applied   uint64
	count     uint64
	installed uint64
	members   []string
	ticking   int // ticks that are not answered
	asked     int // questions that are not answered
	cut       bool
}

type event struct {
	from *node
	line string // empty: the process has ended
}

type cluster struct {
	programs []string
	folder   string
	nodes    map[uint64]*node // those that run
	history  map[uint64]string
	founders string
	events   chan event
	lastTick time.Time
	batch    int
}

func (c *cluster) node(id uint64) *node {
	if c.nodes[id] == nil {
		fail("node %d does not run", id)
	}
	return c.nodes[id]
}

func (n *node) tell(format string, values ...any) { fmt.Fprintf(n.stdin, format+"\n", values...) }

func (n *node) has(id uint64) bool { return slices.Contains(n.members, fmt.Sprint(id)) }

// Time goes on for one node only.
func (n *node) tick() {
	n.ticking++
	n.tell("tick")
	n.cluster.wait("a tick", func() bool { return n.ticking == 0 })
}

// Everybody who applied this entry had the same state.
func (c *cluster) compare(id, index uint64, state string) {
	if known, seen := c.history[index]; seen && known != state {
		fail("two histories: node %d is at %s after entry %d, others at %s", id, state, index, known)
	}
	c.history[index] = state
}

// Handles events until it is so. Time stands still.
func (c *cluster) wait(what string, so func() bool) {
	deadline := time.After(patience)
	for !so() {
		select {
		case e := <-c.events:
			c.handle(e)
		case <-deadline:
			fail("waited too long for %s", what)
		}
	}
}

func (c *cluster) handle(e event) {
	if c.nodes[e.from.id] != e.from {
		return // it was killed
	}
	if e.line == "" {
		fail("node %d ended", e.from.id)
	}
	e.from.learn(strings.Fields(e.line))
}

// The same while time goes on for everybody who is not cut off.
func (c *cluster) until(what string, so func() bool) {
	deadline := time.After(patience)
	for !so() {
		ready := true
		for _, n := range c.nodes {
			ready = ready && n.ticking == 0
		}
		var next <-chan time.Time
		if ready {
			next = time.After(time.Until(c.lastTick.Add(tickEvery)))
		}
		select {
		case e := <-c.events:
			c.handle(e)
		case <-next:
			c.lastTick = time.Now()
			for _, n := range c.nodes {
				n.ticking++
				n.tell("tick")
			}
		case <-deadline:
			fail("waited too long for %s", what)
		}
	}
}

func (c *cluster) spawn(id uint64, what kind) *node {
	n := &node{cluster: c, id: id, what: what, role: "Follower"}
	n.process = exec.Command(c.programs[what], fmt.Sprint(id), fmt.Sprintf("%s/%d", c.folder, id))
	n.process.Stderr = os.Stderr
	var err error
	if n.stdin, err = n.process.StdinPipe(); err != nil {
		fail("%v", err)
	}
	output, err := n.process.StdoutPipe()
	if err != nil {
		fail("%v", err)
	}
	if err := os.MkdirAll(c.folder, 0o755); err != nil {
		fail("%v", err)
	}
	if err := n.process.Start(); err != nil {
		fail("%v", err)
	}
	c.nodes[id] = n
	go func() {
		scanner := bufio.NewScanner(output)
		for scanner.Scan() {
			c.events <- event{n, scanner.Text()}
		}
		c.events <- event{n, ""}
	}()
	c.wait("a listener", func() bool { return n.port != "" })
	for _, other := range c.nodes {
		if other != n {
			other.tell("peer %d %s", id, n.port)
			n.tell("peer %d %s", other.id, other.port)
		}
	}
	return n
}

func (c *cluster) found(kinds []kind) {
	var ids []string
	for i := range kinds {
		ids = append(ids, fmt.Sprint(i+1))
	}
	c.founders = strings.Join(ids, ",")
	for i, what := range kinds {
		c.spawn(uint64(i+1), what)
	}
	for _, n := range c.nodes {
		n.tell("start %s", c.founders)
	}
	c.wait("the members", func() bool {
		for _, n := range c.nodes {
			if len(n.members) != len(kinds) {
				return false
			}
		}
		return true
	})
}

func (c *cluster) join(id uint64, what kind) { c.spawn(id, what).tell("join") }

func (c *cluster) kill(id uint64) {
	n := c.node(id)
	delete(c.nodes, id)
	_ = n.process.Process.Kill()
	_ = n.process.Wait()
	c.gone(n)
}

var kinds = map[uint64]kind{}

func (c *cluster) gone(n *node) { kinds[n.id] = n.what }

func (c *cluster) restart(id uint64) { c.spawn(id, kinds[id]).tell("start %s", c.founders) }

// It is no member any more and will not be back.
func (c *cluster) forget(id uint64) { delete(kinds, id) }

// Node `id` cannot reach `others` any more, nor they it; without others all is well again.
func (c *cluster) cut(id uint64, others ...uint64) {
	var words []string
	for _, other := range others {
		words = append(words, fmt.Sprint(other))
		c.node(other).tell("cut %d", id)
	}
	if len(others) == 0 {
		for _, n := range c.nodes {
			n.tell("cut")
		}
	}
	c.node(id).tell("cut %s", strings.Join(words, " "))
}

func (c *cluster) lead(id uint64) {
	c.node(id).tell("campaign")
	c.until("a leader", func() bool { return c.node(id).role == "Leader" })
}

func (c *cluster) anyLeaderOrNone() uint64 {
	leader, term := uint64(0), uint64(0)
	for id, n := range c.nodes {
		if n.role == "Leader" && n.term > term {
			leader, term = id, n.term
		}
	}
	return leader
}

func (c *cluster) anyLeader() uint64 {
	c.until("a leader", func() bool { return c.anyLeaderOrNone() != 0 })
	return c.anyLeaderOrNone()
}

// Node `id` begins to propose.
func (c *cluster) start(id uint64, count int) {
	c.batch++
	c.node(id).tell("propose %d batch%d", count, c.batch)
}

// Node `id` proposes and has applied it all; should it lose the leadership, the run has failed.
func (c *cluster) propose(id uint64, count int) {
	c.state(id)
	goal := c.node(id).count + uint64(count)
	c.start(id, count)
	c.until(fmt.Sprintf("%d entries at node %d", goal, id), func() bool {
		if c.node(id).role != "Leader" {
			fail("node %d does not lead any more", id)
		}
		return c.node(id).count >= goal
	})
}

func (c *cluster) state(id uint64) {
	n := c.node(id)
	n.asked++
	n.tell("state")
	c.wait("a state", func() bool { return n.asked == 0 })
}

// Everybody has exactly so many entries.
func (c *cluster) agree(count uint64) {
	c.same()
	for id, n := range c.nodes {
		if n.count != count {
			fail("node %d has %d entries instead of %d", id, n.count, count)
		}
	}
}

// Everybody gets to the same state.
func (c *cluster) same() {
	c.until("the same state everywhere", func() bool {
		states := map[uint64]bool{}
		for id := range c.nodes {
			c.state(id)
			states[c.nodes[id].applied] = true
		}
		return len(states) == 1
	})
}

func (c *cluster) highest() uint64 {
	most := uint64(0)
	for _, n := range c.nodes {
		most = max(most, n.count)
	}
	return most
}

func (c *cluster) report() {
	for id, n := range c.nodes {
		fmt.Printf("  node %d (%s): %s of term %d, leader %d, applied %d, %d entries, members %v\n", id,
			[]string{"etcd's", "ours"}[n.what], n.role, n.term, n.leader, n.applied, n.count, n.members)
	}
}

func (c *cluster) end() {
	for id := range c.nodes {
		c.kill(id)
	}
}
