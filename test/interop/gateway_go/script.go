package main

import (
	"encoding/json"
	"os"
	"sort"
	"time"

	"github.com/hyperledger/fabric-gateway/pkg/client"
	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/gateway"
	"github.com/hyperledger/fabric-protos-go-apiv2/msp"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/protobuf/proto"
)

// One call of a script; ../gateway_network writes it.
type scripted struct {
	Step, Do, Chaincode string
	Arguments           []string
	Transient           map[string]string
	Organizations       []string
	Until               string
}

func parsed[T proto.Message](bytes []byte, into T) T {
	if err := proto.Unmarshal(bytes, into); err != nil {
		panic(err)
	}
	return into
}

// Whose endorsements the gateway put into a transaction.
func endorsers(prepared []byte) []string {
	envelope := parsed(prepared, &gateway.PreparedTransaction{}).GetEnvelope()
	transaction := parsed(parsed(envelope.GetPayload(), &common.Payload{}).GetData(), &peer.Transaction{})
	action := parsed(transaction.GetActions()[0].GetPayload(), &peer.ChaincodeActionPayload{})
	var out []string
	for _, one := range action.GetAction().GetEndorsements() {
		out = append(out, parsed(one.GetEndorser(), &msp.SerializedIdentity{}).GetMspid())
	}
	sort.Strings(out)
	return out
}

func run(network *client.Network, file string) {
	var steps []scripted
	if err := json.Unmarshal(must(os.ReadFile(file)), &steps); err != nil {
		panic(err)
	}
	for _, one := range steps {
		contract := network.GetContract(one.Chaincode)
		options := []client.ProposalOption{client.WithArguments(one.Arguments[1:]...)}
		if len(one.Transient) > 0 {
			transient := map[string][]byte{}
			for key, value := range one.Transient {
				transient[key] = []byte(value)
			}
			options = append(options, client.WithTransient(transient))
		}
		if len(one.Organizations) > 0 {
			options = append(options, client.WithEndorsingOrganizations(one.Organizations...))
		}
		if one.Do == "evaluate" {
			answer, err := contract.Evaluate(one.Arguments[0], options...)
			// Another peer may commit a block later than the gateway's.
			for end := time.Now().Add(30 * time.Second); one.Until != "" && string(answer) != one.Until && time.Now().Before(end); {
				time.Sleep(20 * time.Millisecond)
				answer, err = contract.Evaluate(one.Arguments[0], options...)
			}
			told(one.Step, string(answer), err)
			continue
		}
		transaction, err := must(contract.NewProposal(one.Arguments[0], options...)).Endorse()
		if err != nil {
			told(one.Step, nil, err)
			continue
		}
		commit, err := transaction.Submit()
		if err != nil {
			told(one.Step, nil, err)
			continue
		}
		status, err := commit.Status()
		if err != nil {
			told(one.Step, nil, err)
			continue
		}
		say(one.Step, map[string]any{"answer": string(transaction.Result()), "endorsers": endorsers(must(transaction.Bytes())),
			"code": status.Code.String()})
	}
}
