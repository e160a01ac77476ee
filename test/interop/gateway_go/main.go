// Fabric's public Go client, unmodified, as an application of the Gateway over mutual TLS. What each step came to is printed
// as one JSON line; ../gateway_kit.py judges it.
//
//	client <setup.json> [script.json]
//
// With a script it makes the calls of that instead.
package main

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/hyperledger/fabric-gateway/pkg/client"
	"github.com/hyperledger/fabric-gateway/pkg/hash"
	"github.com/hyperledger/fabric-gateway/pkg/identity"
	"github.com/hyperledger/fabric-protos-go-apiv2/gateway"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"
)

type setup struct {
	Address, ServerName, TLSRoot, TLSCertificate, TLSKey string
	MSPID, Certificate, Key                              string
	Channel, Chaincode                                   string
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func say(step string, fields map[string]any) {
	fields["step"] = step
	fmt.Println(string(must(json.Marshal(fields))))
}

func told(step string, answer any, err error) {
	if err == nil {
		say(step, map[string]any{"answer": answer})
		return
	}
	fields := map[string]any{"error": err.Error()}
	if s := status.Convert(errors.Unwrap(err)); s != nil {
		fields["code"], fields["message"] = s.Code().String(), s.Message()
	}
	var details []map[string]string
	for _, detail := range status.Convert(err).Details() {
		if d, ok := detail.(*gateway.ErrorDetail); ok {
			details = append(details, map[string]string{"address": d.Address, "mspId": d.MspId, "message": d.Message})
		}
	}
	fields["details"] = details
	var commit *client.CommitError
	if errors.As(err, &commit) {
		fields["commit"] = commit.Code.String()
	}
	say(step, fields)
}

func main() {
	var s setup
	if err := json.Unmarshal(must(os.ReadFile(os.Args[1])), &s); err != nil {
		panic(err)
	}
	pair := must(tls.LoadX509KeyPair(s.TLSCertificate, s.TLSKey))
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(must(os.ReadFile(s.TLSRoot)))
	connection := must(grpc.NewClient("dns:///"+s.Address, grpc.WithTransportCredentials(credentials.NewTLS(
		&tls.Config{Certificates: []tls.Certificate{pair}, RootCAs: roots, ServerName: s.ServerName}))))
	defer connection.Close()

	id := must(identity.NewX509Identity(s.MSPID, must(identity.CertificateFromPEM(must(os.ReadFile(s.Certificate))))))
	sign := must(identity.NewPrivateKeySign(must(identity.PrivateKeyFromPEM(must(os.ReadFile(s.Key))))))
	leaf, _ := pem.Decode(must(os.ReadFile(s.TLSCertificate)))
	tlsHash := sha256.Sum256(leaf.Bytes)
	gw := must(client.Connect(id, client.WithSign(sign), client.WithHash(hash.SHA256), client.WithClientConnection(connection),
		client.WithTLSClientCertificateHash(tlsHash[:]), client.WithEvaluateTimeout(20*time.Second),
		client.WithEndorseTimeout(20*time.Second), client.WithSubmitTimeout(20*time.Second),
		client.WithCommitStatusTimeout(60*time.Second)))
	defer gw.Close()
	network := gw.GetNetwork(s.Channel)
	if len(os.Args) > 2 {
		run(network, os.Args[2])
		return
	}
	contract := network.GetContract(s.Chaincode)
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()

	text := func(b []byte, err error) (string, error) { return string(b), err }
	step := func(name string, b []byte, err error) { answer, e := text(b, err); told(name, answer, e) }

	b, err := contract.SubmitTransaction("put", "k", "one")
	step("submit", b, err)
	b, err = contract.EvaluateTransaction("get", "k")
	step("evaluate", b, err)

	// Submitted now, committed later.
	b, commit, err := contract.SubmitAsync("put", client.WithArguments("k", "two"))
	step("async submit", b, err)
	firstBlock := uint64(0)
	if err == nil {
		committed, err := commit.Status()
		if err == nil {
			firstBlock = committed.BlockNumber
			told("async commit", committed.Successful && committed.TransactionID == commit.TransactionID(), nil)
		} else {
			told("async commit", nil, err)
		}
	}

	told("offline signing", offline(gw, id, sign, contract), nil)

	// Events from a block that is there already, then on with a checkpointer.
	follow, stop := context.WithCancel(ctx)
	events, err := network.ChaincodeEvents(follow, s.Chaincode, client.WithStartBlock(firstBlock))
	if err != nil {
		told("chaincode event", nil, err)
	} else {
		b, err = contract.SubmitTransaction("event", "happened", "42")
		step("event submit", b, err)
		event := <-events
		told("chaincode event", fmt.Sprintf("%s=%s", event.EventName, event.Payload), nil)
		checkpointer := must(client.NewFileCheckpointer(filepath.Join(filepath.Dir(os.Args[1]), "checkpoint.json")))
		_ = checkpointer.CheckpointChaincodeEvent(event)
		stop()
		b, err = contract.SubmitTransaction("event", "again", "43")
		step("second event submit", b, err)
		again, stop := context.WithCancel(ctx)
		events, err = network.ChaincodeEvents(again, s.Chaincode, client.WithCheckpoint(checkpointer), client.WithStartBlock(0))
		if err == nil {
			event = <-events
			told("event after checkpoint", fmt.Sprintf("%s=%s", event.EventName, event.Payload), nil)
		} else {
			told("event after checkpoint", nil, err)
		}
		stop()
		_ = checkpointer.Close()
	}

	stop2 := func(name string, run func(context.Context) (any, error)) {
		inner, done := context.WithTimeout(ctx, 20*time.Second)
		defer done()
		answer, err := run(inner)
		told(name, answer, err)
	}
	stop2("block event", func(c context.Context) (any, error) {
		blocks, err := network.BlockEvents(c, client.WithStartBlock(0))
		if err != nil {
			return nil, err
		}
		block := <-blocks
		return block.GetHeader().GetNumber(), nil
	})
	stop2("filtered block event", func(c context.Context) (any, error) {
		blocks, err := network.FilteredBlockEvents(c, client.WithStartBlock(firstBlock))
		if err != nil {
			return nil, err
		}
		block := <-blocks
		return fmt.Sprintf("%s %d %s", block.GetChannelId(), block.GetNumber()-firstBlock,
			block.GetFilteredTransactions()[0].GetTxValidationCode()), nil
	})
	stop2("block and private data event", func(c context.Context) (any, error) {
		blocks, err := network.BlockAndPrivateDataEvents(c, client.WithStartBlock(firstBlock))
		if err != nil {
			return nil, err
		}
		block := <-blocks
		return block.GetBlock().GetHeader().GetNumber() - firstBlock, nil
	})

	// What goes wrong, and how it is told.
	b, err = contract.EvaluateTransaction("no such function")
	step("evaluate error", b, err)
	b, err = contract.SubmitTransaction("no such function")
	step("endorse error", b, err)
	b, err = network.GetContract("nosuchchaincode").EvaluateTransaction("get", "k")
	step("unknown chaincode", b, err)
	b, err = gw.GetNetwork("nosuchchannel").GetContract(s.Chaincode).EvaluateTransaction("get", "k")
	step("unknown channel", b, err)
	b, err = contract.Submit("put", client.WithArguments("k", "three"), client.WithEndorsingOrganizations("Org1MSP", "Org9MSP"))
	step("unknown organisation", b, err)
	b, err = contract.Submit("put", client.WithArguments("k", "three"), client.WithEndorsingOrganizations("Org1MSP"))
	step("too few endorsements", b, err)
	b, err = contract.EvaluateTransaction("get", "k")
	step("unchanged", b, err)
}

// Every message is made by one gateway, signed elsewhere and sent by the first again.
func offline(gw *client.Gateway, id identity.Identity, sign identity.Sign, contract *client.Contract) any {
	proposal := must(contract.NewProposal("put", client.WithArguments("k", "offline")))
	signed := must(gw.NewSignedProposal(must(proposal.Bytes()), must(sign(proposal.Digest()))))
	transaction, err := signed.Endorse()
	if err != nil {
		return err.Error()
	}
	ready := must(gw.NewSignedTransaction(must(transaction.Bytes()), must(sign(transaction.Digest()))))
	commit, err := ready.Submit()
	if err != nil {
		return err.Error()
	}
	waiting := must(gw.NewSignedCommit(must(commit.Bytes()), must(sign(commit.Digest()))))
	status, err := waiting.Status()
	if err != nil {
		return err.Error()
	}
	_ = hex.EncodeToString(commit.Digest())
	return status.Code.String()
}
