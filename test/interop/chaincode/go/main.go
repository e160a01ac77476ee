// Chaincode on Fabric's own Go shim: as a service with client authentication, or dialling its peer. Its functions and answers are those of
// ../node/chaincode.js: the test asks both the same.
package main

import (
	"encoding/hex"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/hyperledger/fabric-chaincode-go/v2/pkg/statebased"
	"github.com/hyperledger/fabric-chaincode-go/v2/shim"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
)

type chaincode struct{}

func (chaincode) Init(stub shim.ChaincodeStubInterface) *peer.Response {
	return answer("initialised", stub.PutState("init", []byte("done")))
}

func (chaincode) Invoke(stub shim.ChaincodeStubInterface) *peer.Response {
	function, args := stub.GetFunctionAndParameters()
	if f, ok := functions[function]; ok {
		text, err := f(stub, args)
		return answer(text, err)
	}
	switch function {
	case "status":
		status, _ := strconv.Atoi(args[0])
		return &peer.Response{Status: int32(status), Message: "as asked", Payload: []byte("payload")}
	case "exit":
		os.Exit(3)
	}
	return shim.Error("no function " + function)
}

func answer(text string, err error) *peer.Response {
	if err != nil {
		return shim.Error(err.Error())
	}
	return shim.Success([]byte(text))
}

func rows(it shim.StateQueryIteratorInterface, err error) (string, error) {
	if err != nil {
		return "", err
	}
	defer it.Close()
	var out []string
	for it.HasNext() {
		kv, err := it.Next()
		if err != nil {
			return "", err
		}
		out = append(out, strings.ReplaceAll(kv.Key, "\x00", "/")+"="+string(kv.Value))
	}
	return strings.Join(out, ","), nil
}

func orgPolicy(orgs []string) ([]byte, error) {
	policy, err := statebased.NewStateEP(nil)
	if err != nil {
		return nil, err
	}
	if err := policy.AddOrgs(statebased.RoleTypePeer, orgs...); err != nil {
		return nil, err
	}
	return policy.Policy()
}

func page(it shim.StateQueryIteratorInterface, meta *peer.QueryResponseMetadata, err error) (string, error) {
	text, err := rows(it, err)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s|%d|%s", text, meta.FetchedRecordsCount, meta.Bookmark), nil
}

var functions = map[string]func(shim.ChaincodeStubInterface, []string) (string, error){
	"put": func(s shim.ChaincodeStubInterface, a []string) (string, error) {
		return "", s.PutState(a[0], []byte(a[1]))
	},
	"get": func(s shim.ChaincodeStubInterface, a []string) (string, error) {
		v, err := s.GetState(a[0])
		return string(v), err
	},
	"del": func(s shim.ChaincodeStubInterface, a []string) (string, error) { return "", s.DelState(a[0]) },
	"putmany": func(s shim.ChaincodeStubInterface, a []string) (string, error) {
		n, _ := strconv.Atoi(a[1])
		for i := 0; i < n; i++ {
			if err := s.PutState(fmt.Sprintf("%s%04d", a[0], i), []byte("v"+strconv.Itoa(i))); err != nil {
				return "", err
			}
		}
		return "", nil
	},
	"batch": func(s shim.ChaincodeStubInterface, a []string) (string, error) {
		s.StartWriteBatch()
		for _, key := range a {
			if err := s.PutState(key, []byte("batched")); err != nil {
				return "", err
			}
		}
		return "", s.FinishWriteBatch()
	},
	"getmany": func(s shim.ChaincodeStubInterface, a []string) (string, error) {
		values, err := s.GetMultipleStates(a...)
		var out []string
		for _, v := range values {
			out = append(out, string(v))
		}
		return strings.Join(out, ","), err
	},
	"range": func(s shim.ChaincodeStubInterface, a []string) (string, error) {
		return rows(s.GetStateByRange(a[0], a[1]))
	},
	"count": func(s shim.ChaincodeStubInterface, a []string) (string, error) {
		text, err := rows(s.GetStateByRange(a[0], a[1]))
		return strconv.Itoa(strings.Count(text, "=")), err
	},
	"compositepage": func(s shim.ChaincodeStubInterface, a []string) (string, error) {
		size, _ := strconv.Atoi(a[1])
		return page(s.GetStateByPartialCompositeKeyWithPagination(a[0], a[3:], int32(size), a[2]))
	},
	"allcomposite": func(s shim.ChaincodeStubInterface, a []string) (string, error) {
		size, _ := strconv.Atoi(a[0])
		return page(s.GetAllStatesCompositeKeyWithPagination(int32(size), a[1]))
	},
	"getmanyprivate": func(s shim.ChaincodeStubInterface, a []string) (string, error) {
		values, err := s.GetMultiplePrivateData(a[0], a[1:]...)
		var out []string
		for _, v := range values {
			out = append(out, string(v))
		}
		return strings.Join(out, ","), err
	},
	"rangeprivate": func(s shim.ChaincodeStubInterface, a []string) (string, error) {
		return rows(s.GetPrivateDataByRange(a[0], a[1], a[2]))
	},
	"purgeprivate": func(s shim.ChaincodeStubInterface, a []string) (string, error) {
		return "", s.PurgePrivateData(a[0], a[1])
	},
	"setprivatepolicy": func(s shim.ChaincodeStubInterface, a []string) (string, error) {
		return "", s.SetPrivateDataValidationParameter(a[0], a[1], []byte(a[2]))
	},
	"getprivatepolicy": func(s shim.ChaincodeStubInterface, a []string) (string, error) {
		v, err := s.GetPrivateDataValidationParameter(a[0], a[1])
		return string(v), err
	},
	"batchprivate": func(s shim.ChaincodeStubInterface, a []string) (string, error) {
		s.StartWriteBatch()
		for _, key := range a[1:] {
			if err := s.PutPrivateData(a[0], key, []byte("batched")); err != nil {
				return "", err
			}
		}
		return "", s.FinishWriteBatch()
	},
	"decorations": func(s shim.ChaincodeStubInterface, a []string) (string, error) {
		return strconv.Itoa(len(s.GetDecorations())), nil
	},
	"page": func(s shim.ChaincodeStubInterface, a []string) (string, error) {
		size, _ := strconv.Atoi(a[2])
		return page(s.GetStateByRangeWithPagination(a[0], a[1], int32(size), a[3]))
	},
	"putcomposite": func(s shim.ChaincodeStubInterface, a []string) (string, error) {
		key, err := s.CreateCompositeKey(a[0], a[1:])
		if err != nil {
			return "", err
		}
		return "", s.PutState(key, []byte("c"))
	},
	"composite": func(s shim.ChaincodeStubInterface, a []string) (string, error) {
		return rows(s.GetStateByPartialCompositeKey(a[0], a[1:]))
	},
	"history": func(s shim.ChaincodeStubInterface, a []string) (string, error) {
		it, err := s.GetHistoryForKey(a[0])
		if err != nil {
			return "", err
		}
		defer it.Close()
		var out []string
		for it.HasNext() {
			m, err := it.Next()
			if err != nil {
				return "", err
			}
			out = append(out, fmt.Sprintf("%s:%v", m.Value, m.IsDelete))
		}
		return strings.Join(out, ","), nil
	},
	"putprivate": func(s shim.ChaincodeStubInterface, a []string) (string, error) {
		transient, err := s.GetTransient()
		if err != nil {
			return "", err
		}
		return "", s.PutPrivateData(a[0], a[1], transient["value"])
	},
	"getprivate": func(s shim.ChaincodeStubInterface, a []string) (string, error) {
		v, err := s.GetPrivateData(a[0], a[1])
		return string(v), err
	},
	"hashprivate": func(s shim.ChaincodeStubInterface, a []string) (string, error) {
		v, err := s.GetPrivateDataHash(a[0], a[1])
		return hex.EncodeToString(v), err
	},
	"delprivate": func(s shim.ChaincodeStubInterface, a []string) (string, error) {
		return "", s.DelPrivateData(a[0], a[1])
	},
	"setpolicy": func(s shim.ChaincodeStubInterface, a []string) (string, error) {
		return "", s.SetStateValidationParameter(a[0], []byte(a[1]))
	},
	// Who must endorse a key from now on: a peer of each organisation.
	"setorgs": func(s shim.ChaincodeStubInterface, a []string) (string, error) {
		policy, err := orgPolicy(a[1:])
		if err != nil {
			return "", err
		}
		return "", s.SetStateValidationParameter(a[0], policy)
	},
	"orgpolicy": func(s shim.ChaincodeStubInterface, a []string) (string, error) {
		policy, err := orgPolicy(a)
		return hex.EncodeToString(policy), err
	},
	"getpolicy": func(s shim.ChaincodeStubInterface, a []string) (string, error) {
		v, err := s.GetStateValidationParameter(a[0])
		return string(v), err
	},
	"event": func(s shim.ChaincodeStubInterface, a []string) (string, error) {
		return "", s.SetEvent(a[0], []byte(a[1]))
	},
	"call": func(s shim.ChaincodeStubInterface, a []string) (string, error) {
		var args [][]byte
		for _, arg := range a[2:] {
			args = append(args, []byte(arg))
		}
		r := s.InvokeChaincode(a[0], args, a[1])
		return fmt.Sprintf("%d:%s:%s", r.Status, r.Payload, r.Message), nil
	},
	"creator": func(s shim.ChaincodeStubInterface, a []string) (string, error) {
		c, err := s.GetCreator()
		return strconv.FormatBool(strings.Contains(string(c), "Org1MSP") && strings.Contains(string(c), "BEGIN CERTIFICATE")), err
	},
	"query": func(s shim.ChaincodeStubInterface, a []string) (string, error) { return rows(s.GetQueryResult(a[0])) },
}

func read(variable string) []byte {
	bytes, err := os.ReadFile(os.Getenv(variable))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return bytes
}

func main() {
	if os.Getenv("CHAINCODE_SERVER_ADDRESS") == "" {
		if err := shim.Start(chaincode{}); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	server := &shim.ChaincodeServer{
		CCID:    os.Getenv("CHAINCODE_ID"),
		Address: os.Getenv("CHAINCODE_SERVER_ADDRESS"),
		CC:      chaincode{},
		TLSProps: shim.TLSProperties{
			Key: read("CHAINCODE_TLS_KEY"), Cert: read("CHAINCODE_TLS_CERT"), ClientCACerts: read("CHAINCODE_CLIENT_CA_CERT"),
		},
	}
	if err := server.Start(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
