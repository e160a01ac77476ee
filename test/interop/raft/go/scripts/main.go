// Writes random scripts for etcd's raft library in the form of its testdata, with the output that the library gives.
// What comes out is as good as a file of testdata: our core has to give the same output, line by line.
//
//	scripts -seed N -count N -dir FOLDER
//
// A script is made while it runs: what may follow depends on what the nodes are doing. It stays inside what Fabric uses,
// and ends early where the library panics (as it does when nobody is left to vote).
package main

import (
	"flag"
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"unsafe"

	"github.com/cockroachdb/datadriven"
	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/rafttest"
)

const nodesMax = 6

// The library offers this to its own tests only.
func setElectionTimeout(node *raft.RawNode, ticks int) {
	state := reflect.ValueOf(node).Elem().FieldByName("raft")
	field := reflect.NewAt(state.Type(), unsafe.Pointer(state.UnsafeAddr())).Elem().Elem().FieldByName("randomizedElectionTimeout")
	*(*int)(unsafe.Pointer(field.UnsafeAddr())) = ticks
}

type script struct {
	random  *rand.Rand
	env     *rafttest.InteractionEnv
	options string
	text    strings.Builder
	datum   int
}

// Runs a command and notes it with its output; false when the library panicked.
func (s *script) run(line, input string) (ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	command, arguments, err := datadriven.ParseLine(line)
	if err != nil {
		panic(err)
	}
	output := s.env.Handle(&testing.T{}, datadriven.TestData{Cmd: command, CmdArgs: arguments, Input: input})
	if strings.Contains(output, "can't apply snapshot and entries at the same time") {
		return false // rafttest cannot, though the library asks for it
	}
	if !strings.HasSuffix(output, "\n") {
		output += "\n"
	}
	if strings.Contains(output, "\n\n") {
		panic("a blank line would end the output")
	}
	if input != "" {
		input += "\n"
	}
	fmt.Fprintf(&s.text, "%s\n%s----\n%s\n", line, input, output)
	return true
}

func (s *script) node() int { return 1 + s.random.Intn(len(s.env.Nodes)) }

func (s *script) leader() int {
	leader, term := 0, uint64(0)
	for i, node := range s.env.Nodes {
		status := node.BasicStatus()
		if status.RaftState == raft.StateLeader && status.Term > term {
			leader, term = i+1, status.Term
		}
	}
	return leader
}

// Mostly the leader, so that something happens.
func (s *script) likelyLeader() int {
	if leader := s.leader(); leader != 0 && s.random.Intn(8) != 0 {
		return leader
	}
	return s.node()
}

func (s *script) tick(how string) bool {
	node := s.node()
	if s.random.Intn(2) == 0 {
		node = s.likelyLeader()
	}
	// The library draws timeouts; only one that was set can be repeated.
	return s.run(fmt.Sprintf("set-randomized-election-timeout %d timeout=%d", node, 3+s.random.Intn(3)), "") &&
		s.run(fmt.Sprintf("%s %d", how, node), "")
}

func (s *script) deliver() bool {
	waiting := map[uint64]map[string]bool{}
	for _, message := range s.env.Messages {
		if int(message.To) <= len(s.env.Nodes) {
			if waiting[message.To] == nil {
				waiting[message.To] = map[string]bool{}
			}
			waiting[message.To][message.Type.String()] = true
		}
	}
	var deliver, drop []string
	var types []string
	for id := 1; id <= len(s.env.Nodes); id++ {
		if waiting[uint64(id)] == nil {
			continue
		}
		switch s.random.Intn(5) {
		case 0:
			drop = append(drop, fmt.Sprint(id))
		case 1:
		default:
			deliver = append(deliver, fmt.Sprint(id))
		}
		for _, kind := range []string{"MsgApp", "MsgAppResp", "MsgHeartbeat", "MsgHeartbeatResp", "MsgVote", "MsgPreVote", "MsgSnap"} {
			if waiting[uint64(id)][kind] {
				types = append(types, kind)
			}
		}
	}
	if len(deliver)+len(drop) == 0 {
		return true
	}
	line := strings.TrimSpace("deliver-msgs " + strings.Join(deliver, " "))
	if len(types) > 0 && s.random.Intn(3) == 0 {
		line += " type=" + types[s.random.Intn(len(types))]
	}
	if len(drop) > 0 {
		line += " drop=(" + strings.Join(drop, ", ") + ")"
	}
	return s.run(line, "")
}

func (s *script) ready() bool {
	var line string
	for id := 1; id <= len(s.env.Nodes); id++ {
		if s.env.Nodes[id-1].HasReady() && s.random.Intn(2) == 0 {
			line += fmt.Sprintf(" %d", id)
		}
	}
	return line == "" || s.run("process-ready"+line, "")
}

func (s *script) stabilize() bool {
	line := "stabilize"
	if s.random.Intn(3) != 0 {
		for id := 1; id <= len(s.env.Nodes); id++ {
			if s.random.Intn(3) != 0 {
				line += fmt.Sprintf(" %d", id)
			}
		}
	}
	return s.run(line, "")
}

func (s *script) change() bool {
	kind := "v"
	if s.random.Intn(2) == 0 {
		kind = "r"
	}
	who := 1 + s.random.Intn(len(s.env.Nodes))
	if kind == "v" && len(s.env.Nodes) < nodesMax && s.random.Intn(2) == 0 {
		if !s.run("add-nodes 1"+s.options, "") {
			return false
		}
		who = len(s.env.Nodes)
	}
	return s.run(fmt.Sprintf("propose-conf-change %d v1=true", s.likelyLeader()), fmt.Sprintf("%s%d", kind, who))
}

func (s *script) compact() bool {
	node := s.node()
	if s.env.Nodes[node-1].HasReady() && node != s.leader() {
		return true // what it shows may be about to be overwritten
	}
	first, _ := s.env.Nodes[node-1].Storage.FirstIndex()
	applied := s.env.Nodes[node-1].BasicStatus().Applied
	last, _ := s.env.Nodes[node-1].Storage.LastIndex()
	if committed := s.env.Nodes[node-1].BasicStatus().Commit; applied < first || committed > last {
		return true // nothing to forget, or a snapshot that is not written yet
	}
	return s.run(fmt.Sprintf("compact %d %d", node, first+uint64(s.random.Intn(int(applied-first+1)))), "")
}

func (s *script) log() bool {
	node := s.node()
	if s.env.Nodes[node-1].HasReady() {
		return true // it would show what is on disk only
	}
	return s.run(fmt.Sprintf("raft-log %d", node), "")
}

func (s *script) step() bool {
	switch dice := s.random.Intn(100); {
	case dice < 18:
		return s.ready()
	case dice < 38:
		return s.deliver()
	case dice < 48:
		return s.stabilize()
	case dice < 62:
		s.datum++
		return s.run(fmt.Sprintf("propose %d datum%d", s.likelyLeader(), s.datum), "")
	case dice < 67:
		return s.run(fmt.Sprintf("campaign %d", s.node()), "")
	case dice < 74:
		return s.tick("tick-heartbeat")
	case dice < 80:
		return s.tick("tick-election")
	case dice < 85:
		return s.change()
	case dice < 88:
		return s.run(fmt.Sprintf("transfer-leadership from=%d to=%d", s.likelyLeader(), s.node()), "")
	case dice < 91:
		return s.run(fmt.Sprintf("report-unreachable %d %d", s.likelyLeader(), s.node()), "")
	case dice < 93:
		if leader, to := s.leader(), s.node(); leader != 0 && leader != to {
			return s.run(fmt.Sprintf("send-snapshot %d %d", leader, to), "")
		}
		return true
	case dice < 96:
		return s.compact()
	case dice < 97:
		return s.log()
	case dice < 98:
		return s.run("raft-state", "")
	default:
		return s.run(fmt.Sprintf("status %d", s.likelyLeader()), "")
	}
}

func (s *script) write() string {
	size := 1 + s.random.Intn(5)
	var voters []string
	for id := 1; id <= size; id++ {
		voters = append(voters, fmt.Sprint(id))
	}
	for _, option := range []string{"prevote", "checkquorum", "step-down-on-removal"} {
		s.options += fmt.Sprintf(" %s=%v", option, s.random.Intn(2) == 0)
	}
	if s.random.Intn(2) == 0 {
		s.options += fmt.Sprintf(" inflight=%d", 1+s.random.Intn(4))
	}
	start := fmt.Sprintf("add-nodes %d voters=(%s) index=%d%s", size, strings.Join(voters, ", "), 2+s.random.Intn(9), s.options)
	if !s.run(start, "") || !s.run("campaign 1", "") || !s.run("stabilize", "") {
		panic("a script that cannot start")
	}
	for length := 20 + s.random.Intn(80); length > 0 && s.step(); length-- {
	}
	return s.text.String()
}

func main() {
	seed := flag.Int64("seed", 1, "of the first script")
	count := flag.Int64("count", 1, "scripts, each with a seed one higher")
	folder := flag.String("dir", ".", "where they go")
	flag.Parse()
	for i := *seed; i < *seed+*count; i++ {
		s := script{
			random: rand.New(rand.NewSource(i)),
			env: rafttest.NewInteractionEnv(&rafttest.InteractionOpts{
				OnConfig:                     func(config *raft.Config) { config.DisableProposalForwarding = true }, // as Fabric has it
				SetRandomizedElectionTimeout: setElectionTimeout,
			}),
		}
		if err := os.WriteFile(filepath.Join(*folder, fmt.Sprintf("%d.txt", i)), []byte(s.write()), 0o644); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}
