module selvage/test/interop/proto

go 1.23

require (
	github.com/hyperledger/fabric-protos-go-apiv2 v0.3.7
	go.etcd.io/raft/v3 v3.6.0
	google.golang.org/protobuf v1.36.6
)

require (
	github.com/gogo/protobuf v1.3.2 // indirect
	github.com/golang/protobuf v1.5.4 // indirect
	golang.org/x/net v0.34.0 // indirect
	golang.org/x/sys v0.29.0 // indirect
	golang.org/x/text v0.21.0 // indirect
	google.golang.org/genproto/googleapis/rpc v0.0.0-20250115164207-1a7da9e5054f // indirect
	google.golang.org/grpc v1.67.3 // indirect
)
