// Compares our .proto files (as protoc understands them) with the descriptors of Fabric's and raft's Go modules: every
// file, message, field, enum and method, in both directions.
//
// usage: proto <descriptor set of our files>
package main

import (
	"fmt"
	"os"
	"sort"
	"strings"

	_ "github.com/hyperledger/fabric-protos-go-apiv2/common"
	_ "github.com/hyperledger/fabric-protos-go-apiv2/discovery"
	_ "github.com/hyperledger/fabric-protos-go-apiv2/gateway"
	_ "github.com/hyperledger/fabric-protos-go-apiv2/gossip"
	_ "github.com/hyperledger/fabric-protos-go-apiv2/ledger/queryresult"
	_ "github.com/hyperledger/fabric-protos-go-apiv2/ledger/rwset"
	_ "github.com/hyperledger/fabric-protos-go-apiv2/ledger/rwset/kvrwset"
	_ "github.com/hyperledger/fabric-protos-go-apiv2/msp"
	_ "github.com/hyperledger/fabric-protos-go-apiv2/orderer"
	_ "github.com/hyperledger/fabric-protos-go-apiv2/orderer/etcdraft"
	_ "github.com/hyperledger/fabric-protos-go-apiv2/orderer/smartbft"
	_ "github.com/hyperledger/fabric-protos-go-apiv2/peer"
	_ "github.com/hyperledger/fabric-protos-go-apiv2/peer/lifecycle"
	_ "github.com/hyperledger/fabric-protos-go-apiv2/transientstore"
	_ "go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
)

// facts maps "what" to "how it is": two descriptors are the same when their facts are.
type facts map[string]string

func (f facts) enum(scope string, e *descriptorpb.EnumDescriptorProto) {
	name := scope + "." + e.GetName()
	f["enum "+name] = ""
	for _, v := range e.Value {
		f["value "+name+"."+v.GetName()] = fmt.Sprint(v.GetNumber())
	}
}

func (f facts) message(scope string, syntax string, m *descriptorpb.DescriptorProto) {
	name := scope + "." + m.GetName()
	f["message "+name] = ""
	for _, e := range m.EnumType {
		f.enum(name, e)
	}
	for _, n := range m.NestedType {
		f.message(name, syntax, n)
	}
	for _, field := range m.Field {
		one := ""
		if field.OneofIndex != nil && !field.GetProto3Optional() {
			one = " oneof " + m.OneofDecl[field.GetOneofIndex()].GetName()
		}
		packed := field.GetOptions().GetPacked()
		if syntax == "proto3" && (field.Options == nil || field.Options.Packed == nil) {
			packed = true // the default, where it means anything
		}
		f["field "+name+"."+field.GetName()] = fmt.Sprintf("%d %s %s %s packed=%v presence=%v%s", field.GetNumber(),
			field.GetLabel(), field.GetType(), field.GetTypeName(), packed, field.GetProto3Optional(), one)
	}
}

func (f facts) file(d *descriptorpb.FileDescriptorProto) {
	syntax := d.GetSyntax()
	if syntax == "" {
		syntax = "proto2"
	}
	scope := "." + d.GetPackage()
	f["syntax of the file of "+scope] = syntax
	for _, e := range d.EnumType {
		f.enum(scope, e)
	}
	for _, m := range d.MessageType {
		f.message(scope, syntax, m)
	}
	for _, s := range d.Service {
		for _, m := range s.Method {
			f["method "+scope+"."+s.GetName()+"/"+m.GetName()] = fmt.Sprintf("%s %v -> %s %v", m.GetInputType(),
				m.GetClientStreaming(), m.GetOutputType(), m.GetServerStreaming())
		}
	}
}

// upstream gives the descriptors of the linked modules, by our name of their file.
func upstream() map[string]*descriptorpb.FileDescriptorProto {
	files := map[string]*descriptorpb.FileDescriptorProto{}
	protoregistry.GlobalFiles.RangeFiles(func(d protoreflect.FileDescriptor) bool {
		if !strings.HasPrefix(d.Path(), "google/") && !strings.HasPrefix(d.Path(), "grpc/") {
			files[d.Path()] = protodesc.ToFileDescriptorProto(d)
		}
		return true
	})
	// raftpb's file has no folder in its name.
	files["raftpb/raft.proto"] = files["raft.proto"]
	delete(files, "raft.proto")
	return files
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func main() {
	raw, err := os.ReadFile(os.Args[1])
	check(err)
	set := &descriptorpb.FileDescriptorSet{}
	check(proto.Unmarshal(raw, set))
	ours := map[string]*descriptorpb.FileDescriptorProto{}
	for _, d := range set.File {
		ours[d.GetName()] = d
	}

	var wrong []string
	compared, seen := 0, 0
	for name, theirs := range upstream() {
		mine, ok := ours[name]
		if !ok {
			wrong = append(wrong, "file "+name+" is missing")
			continue
		}
		compared++
		want, got := facts{}, facts{}
		want.file(theirs)
		got.file(mine)
		seen += len(want)
		for what, how := range want {
			if have, ok := got[what]; !ok {
				wrong = append(wrong, name+": "+what+" is missing")
			} else if have != how {
				wrong = append(wrong, name+": "+what+" is \""+have+"\", upstream \""+how+"\"")
			}
		}
		for what := range got {
			if _, ok := want[what]; !ok {
				wrong = append(wrong, name+": "+what+" is not upstream's")
			}
		}
	}
	sort.Strings(wrong)
	for _, line := range wrong {
		fmt.Println(line)
	}
	if compared < 40 || seen < 1000 {
		check(fmt.Errorf("only %d files with %d facts were compared: upstream's descriptors were not found", compared, seen))
	}
	if len(wrong) > 0 {
		os.Exit(1)
	}
	fmt.Printf("%d files agree in %d facts\n", compared, seen)
}
