// A Raft node on etcd's library, driven by lines on stdin; raft_node (../../node.cc) is the same on ours.
//
//	node ID FOLDER
//
// Commands: peer ID PORT | start IDS | join | tick | campaign | propose COUNT PREFIX | add ID | remove ID | transfer ID
// | compact | cut IDS | state.  Time is what the driver says it is: a tick is a line, and is answered.
// Events: listening PORT | ticked | role ROLE LEADER TERM | applied INDEX COUNT HASH | members IDS | installed INDEX
// | state ROLE LEADER TERM INDEX COUNT HASH.
//
// The state machine is the number of entries and a hash over all of them.
package main

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"sort"
	"strconv"
	"strings"

	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"
)

const window = 300 // proposals on their way

type machine struct {
	count uint64
	hash  [32]byte
}

func (m *machine) apply(data []byte) {
	m.count++
	m.hash = sha256.Sum256(append(m.hash[:], data...))
}
func (m *machine) save() []byte {
	return append(binary.BigEndian.AppendUint64(nil, m.count), m.hash[:]...)
}
func (m *machine) load(state []byte) {
	m.count = binary.BigEndian.Uint64(state)
	copy(m.hash[:], state[8:])
}

type node struct {
	id       uint64
	raw      *raft.RawNode
	storage  *raft.MemoryStorage
	file     *os.File
	fresh    bool
	state    machine
	applied  uint64
	conf     pb.ConfState
	soft     raft.SoftState
	term     uint64
	cut      map[uint64]bool
	peers    map[uint64]*peer
	incoming chan pb.Message
	failed   chan failure
	todo     int
	made     int
	flying   int
	prefix   string
}

type failure struct {
	to       uint64
	snapshot bool
	ok       bool
}

func say(format string, values ...any) { fmt.Printf(format+"\n", values...) }

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// ---- disk: a file of messages {HardState as term, vote and commit; entries; snapshot}; a torn one at the end is cut off

func (n *node) open(folder string) {
	check(os.MkdirAll(folder, 0o755))
	file, err := os.OpenFile(folder+"/log", os.O_RDWR|os.O_CREATE, 0o644)
	check(err)
	n.file = file
	bytes, err := io.ReadAll(file)
	check(err)
	n.fresh = len(bytes) == 0
	at := 0
	for len(bytes)-at >= 4 {
		size := int(binary.BigEndian.Uint32(bytes[at:]))
		var record pb.Message
		if size > len(bytes)-at-4 || record.Unmarshal(bytes[at+4:at+4+size]) != nil {
			break
		}
		n.keep(record)
		at += 4 + size
	}
	check(file.Truncate(int64(at)))
	_, err = file.Seek(int64(at), io.SeekStart)
	check(err)
	snapshot, err := n.storage.Snapshot()
	check(err)
	if !raft.IsEmptySnap(snapshot) {
		n.state.load(snapshot.Data)
		n.applied = snapshot.Metadata.Index
		n.conf = snapshot.Metadata.ConfState
	}
}

func (n *node) keep(record pb.Message) {
	if record.Snapshot != nil && record.Index == 0 {
		check(n.storage.ApplySnapshot(*record.Snapshot))
	} else if record.Snapshot != nil { // our own
		meta := record.Snapshot.Metadata
		_, err := n.storage.CreateSnapshot(meta.Index, &meta.ConfState, record.Snapshot.Data)
		check(err)
		check(n.storage.Compact(meta.Index))
	}
	check(n.storage.Append(record.Entries))
	if record.Term != 0 {
		check(n.storage.SetHardState(pb.HardState{Term: record.Term, Vote: record.Vote, Commit: record.Commit}))
	}
}

func (n *node) write(record pb.Message, sync bool) {
	bytes, err := record.Marshal()
	check(err)
	_, err = n.file.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(bytes))), bytes...))
	check(err)
	if sync {
		check(n.file.Sync())
	}
	n.keep(record)
}

// ---- network

type peer struct {
	id    uint64
	port  string
	queue chan pb.Message
}

func (n *node) serve(listener net.Listener) {
	for {
		connection, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			reader := bufio.NewReader(connection)
			for {
				var size [4]byte
				if _, err := io.ReadFull(reader, size[:]); err != nil {
					return
				}
				bytes := make([]byte, binary.BigEndian.Uint32(size[:]))
				if _, err := io.ReadFull(reader, bytes); err != nil {
					return
				}
				var message pb.Message
				check(message.Unmarshal(bytes))
				n.incoming <- message
			}
		}()
	}
}

func (n *node) deliver(p *peer, port string, queue chan pb.Message) {
	var connection net.Conn
	for message := range queue {
		var err error
		if connection == nil {
			if connection, err = net.Dial("tcp", "127.0.0.1:"+port); err != nil {
				connection = nil
			}
		}
		if connection != nil {
			bytes, _ := message.Marshal()
			if _, err = connection.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(bytes))), bytes...)); err != nil {
				connection.Close()
				connection = nil
			}
		}
		if connection == nil || message.Type == pb.MsgSnap {
			n.failed <- failure{p.id, message.Type == pb.MsgSnap, connection != nil}
		}
	}
	if connection != nil {
		connection.Close()
	}
}

func (n *node) send(messages []pb.Message) {
	for _, message := range messages {
		p := n.peers[message.To]
		if message.Type == pb.MsgSnap {
			message.Snapshot.Metadata.ConfState = n.conf
		}
		if p == nil || n.cut[message.To] {
			n.unsent(message)
			continue
		}
		select {
		case p.queue <- message:
		default:
			n.unsent(message)
		}
	}
}

func (n *node) unsent(message pb.Message) {
	n.raw.ReportUnreachable(message.To)
	if message.Type == pb.MsgSnap {
		n.raw.ReportSnapshot(message.To, raft.SnapshotFailure)
	}
}

// ---- raft

func (n *node) start(members []raft.Peer) {
	raw, err := raft.NewRawNode(&raft.Config{
		ID: n.id, ElectionTick: 10, HeartbeatTick: 1, Storage: n.storage, Applied: n.applied, MaxSizePerMsg: 64 << 10,
		MaxInflightMsgs: 16, MaxUncommittedEntriesSize: 1 << 30, PreVote: true, CheckQuorum: true, DisableProposalForwarding: true,
		Logger: &raft.DefaultLogger{Logger: log.New(io.Discard, "", 0)},
	})
	check(err)
	n.raw = raw
	if n.fresh && len(members) > 0 {
		check(raw.Bootstrap(members))
	}
}

func (n *node) work() {
	for n.raw != nil {
		for n.todo > 0 && n.flying < window && n.soft.RaftState == raft.StateLeader {
			data := fmt.Sprintf("%s %d %s", n.prefix, n.made, strings.Repeat("x", 100))
			if n.raw.Propose([]byte(data)) != nil {
				break
			}
			n.todo, n.made, n.flying = n.todo-1, n.made+1, n.flying+1
		}
		if !n.raw.HasReady() {
			return
		}
		ready := n.raw.Ready()
		record := pb.Message{Entries: ready.Entries, Term: ready.HardState.Term, Vote: ready.HardState.Vote, Commit: ready.HardState.Commit}
		if !raft.IsEmptySnap(ready.Snapshot) {
			record.Snapshot = &ready.Snapshot
			n.state.load(ready.Snapshot.Data)
			n.applied = ready.Snapshot.Metadata.Index
			n.conf = ready.Snapshot.Metadata.ConfState
			say("installed %d", n.applied)
		}
		n.write(record, ready.MustSync || record.Snapshot != nil)
		if !raft.IsEmptyHardState(ready.HardState) {
			n.term = ready.HardState.Term
		}
		if ready.SoftState != nil {
			n.soft = *ready.SoftState
			if n.soft.RaftState != raft.StateLeader {
				n.todo, n.flying = 0, 0
			}
			say("role %s %d %d", role(n.soft.RaftState), n.soft.Lead, n.term)
		}
		n.send(ready.Messages)
		for _, entry := range ready.CommittedEntries {
			n.apply(entry)
		}
		n.raw.Advance(ready)
	}
}

func role(state raft.StateType) string { return strings.TrimPrefix(state.String(), "State") }

func (n *node) apply(entry pb.Entry) {
	n.applied = entry.Index
	if entry.Type == pb.EntryConfChange {
		var change pb.ConfChange
		check(change.Unmarshal(entry.Data))
		n.conf = *n.raw.ApplyConfChange(change)
		sort.Slice(n.conf.Voters, func(i, j int) bool { return n.conf.Voters[i] < n.conf.Voters[j] })
		say("members %s", strings.Trim(strings.ReplaceAll(fmt.Sprint(n.conf.Voters), " ", ","), "[]"))
	} else if len(entry.Data) > 0 {
		n.state.apply(entry.Data)
		if strings.HasPrefix(string(entry.Data), n.prefix+" ") && n.flying > 0 {
			n.flying--
		}
	}
	if entry.Index%50 == 0 || n.flying == 0 {
		say("applied %d %d %s", n.applied, n.state.count, hex.EncodeToString(n.state.hash[:6]))
	}
}

func (n *node) compact() {
	snapshot, err := n.storage.Snapshot()
	check(err)
	if snapshot.Metadata.Index >= n.applied {
		return
	}
	term, err := n.storage.Term(n.applied)
	check(err)
	own := pb.Snapshot{Data: n.state.save(), Metadata: pb.SnapshotMetadata{ConfState: n.conf, Index: n.applied, Term: term}}
	n.write(pb.Message{Index: n.applied, Snapshot: &own}, true)
}

func (n *node) command(words []string) {
	number := func(i int) uint64 {
		value, err := strconv.ParseUint(words[i], 10, 64)
		check(err)
		return value
	}
	switch words[0] {
	case "peer":
		if old := n.peers[number(1)]; old != nil {
			close(old.queue)
		}
		p := &peer{number(1), words[2], make(chan pb.Message, 4096)}
		n.peers[p.id] = p
		go n.deliver(p, p.port, p.queue)
	case "start":
		var members []raft.Peer
		for _, id := range strings.Split(words[1], ",") {
			value, _ := strconv.ParseUint(id, 10, 64)
			members = append(members, raft.Peer{ID: value})
		}
		n.start(members)
	case "join":
		n.start(nil)
	case "tick":
		n.raw.Tick()
		say("ticked")
	case "campaign":
		check(n.raw.Campaign())
	case "propose":
		n.todo, n.flying, n.prefix = int(number(1)), 0, words[2]
	case "add", "remove":
		kind := pb.ConfChangeAddNode
		if words[0] == "remove" {
			kind = pb.ConfChangeRemoveNode
		}
		if err := n.raw.ProposeConfChange(pb.ConfChange{Type: kind, NodeID: number(1)}); err != nil {
			say("refused %v", err)
		}
	case "transfer":
		n.raw.TransferLeader(number(1))
	case "compact":
		n.compact()
	case "cut":
		n.cut = map[uint64]bool{}
		for _, id := range words[1:] {
			value, _ := strconv.ParseUint(id, 10, 64)
			n.cut[value] = true
		}
	case "state":
		say("state %s %d %d %d %d %s", role(n.soft.RaftState), n.soft.Lead, n.term, n.applied, n.state.count, hex.EncodeToString(n.state.hash[:6]))
	default:
		log.Fatalf("unknown command %v", words)
	}
}

func main() {
	id, err := strconv.ParseUint(os.Args[1], 10, 64)
	check(err)
	n := &node{id: id, storage: raft.NewMemoryStorage(), cut: map[uint64]bool{}, peers: map[uint64]*peer{},
		incoming: make(chan pb.Message, 4096), failed: make(chan failure, 4096)}
	n.open(os.Args[2])
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	go n.serve(listener)
	say("listening %d", listener.Addr().(*net.TCPAddr).Port)
	lines := make(chan string, 100)
	go func() {
		scanner := bufio.NewScanner(os.Stdin)
		for scanner.Scan() {
			lines <- scanner.Text()
		}
		os.Exit(0)
	}()
	for {
		select {
		case line := <-lines:
			n.command(strings.Fields(line))
		case message := <-n.incoming:
			if n.raw != nil && !n.cut[message.From] {
				_ = n.raw.Step(message)
			}
		case f := <-n.failed:
			if n.raw == nil {
				break
			}
			if f.snapshot && f.ok {
				n.raw.ReportSnapshot(f.to, raft.SnapshotFinish)
			} else {
				n.raw.ReportUnreachable(f.to)
				if f.snapshot {
					n.raw.ReportSnapshot(f.to, raft.SnapshotFailure)
				}
			}
		}
		n.work()
	}
}
