// An unmodified Go client, as Fabric's own programs are: grpc-go on crypto/tls.
//
//	client call <address> <name or -> <CA file> <certificate or -> <key or ->   one call; prints how it ended
//	client calls <address> <CA file> {<certificate> <key>}                     one call with each; how each ended, a line each
//	client resume <address> <CA file> <certificate> <key>                      two connections; was the second resumed?
//	client deliver <address> <name or -> <CA file> <certificate> <key>         asks for blocks, with the hash of its certificate
//	client deliver_without ...                                                 the same without
//	client plain <address>                                                     the same in plaintext
//	client old <address> <CA file>                                             offers TLS 1.0 and 1.1 only
//	client flood <address> <CA file> <certificate> <key> <count>               handshakes that are to be refused
//
// With SELVAGE_TEST_TLS12 set it offers TLS 1.2 at most.
package main

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding"
	"google.golang.org/protobuf/encoding/protowire"
)

func must(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

type raw struct{}

func (raw) Marshal(v any) ([]byte, error)      { return v.([]byte), nil }
func (raw) Unmarshal(data []byte, v any) error {
	*v.(*[]byte) = append([]byte{}, data...)
	return nil
}
func (raw) Name() string                       { return "proto" }

func config(ca, certificate, key, name string) *tls.Config {
	pem, err := os.ReadFile(ca)
	must(err)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	c := &tls.Config{RootCAs: pool, ServerName: strings.TrimSuffix(name, "-")}
	if os.Getenv("SELVAGE_TEST_TLS12") != "" {
		c.MaxVersion = tls.VersionTLS12
	}
	if certificate != "-" {
		pair, err := tls.LoadX509KeyPair(certificate, key)
		must(err)
		c.Certificates = []tls.Certificate{pair}
	}
	return c
}

func call(address string, creds credentials.TransportCredentials) {
	encoding.RegisterCodec(raw{})
	conn, err := grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(creds))
	must(err)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	var out []byte
	fmt.Println(conn.Invoke(ctx, "/orderer.AtomicBroadcast/Nothing", []byte{}, &out))
}

// A request for blocks that names this hash of the client's TLS certificate; and what a client of Fabric sees of the answer.
func deliver(address string, creds credentials.TransportCredentials, hash []byte) {
	encoding.RegisterCodec(raw{})
	conn, err := grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(creds))
	must(err)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	stream, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, "/orderer.AtomicBroadcast/Deliver")
	must(err)
	field := func(to []byte, number protowire.Number, value []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(to, number, protowire.BytesType), value)
	}
	now := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), uint64(time.Now().Unix()))
	channel := field(field(nil, 3, now), 4, []byte("mychannel"))
	if len(hash) > 0 {
		channel = field(channel, 8, hash)
	}
	payload := field(nil, 1, field(nil, 1, channel))
	must(stream.SendMsg(field(nil, 1, payload)))
	var answer []byte
	must(stream.RecvMsg(&answer))
	_, _, skipped := protowire.ConsumeTag(answer)
	status, _ := protowire.ConsumeVarint(answer[skipped:])
	fmt.Printf("status %d, then %v\n", status, stream.RecvMsg(&answer))
}

// What a client reads after a handshake that TLS 1.3 lets it finish: the alert, or the noise of a connection cut too soon.
func flood(address string, c *tls.Config, count int) {
	said := map[string]int{}
	var mutex sync.Mutex
	var group sync.WaitGroup
	for worker := 0; worker < 8; worker++ {
		group.Add(1)
		go func() {
			defer group.Done()
			for i := 0; i < count/8; i++ {
				text := "accepted"
				conn, err := tls.Dial("tcp", address, c)
				if err == nil {
					// As grpc-go does: first its preface goes out, then it listens.
					_, err = conn.Write([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))
					if err == nil {
						conn.SetReadDeadline(time.Now().Add(20 * time.Second))
						_, err = conn.Read(make([]byte, 100))
					}
					conn.Close()
				}
				if err != nil {
					text = err.Error()
					if at := strings.Index(text, "->"); at >= 0 {
						text = text[strings.LastIndex(text, ": ")+2:]
					}
				}
				mutex.Lock()
				said[text]++
				mutex.Unlock()
			}
		}()
	}
	group.Wait()
	for text, times := range said {
		fmt.Printf("%d %s\n", times, text)
	}
}

func resume(address string, c *tls.Config) {
	conn, err := tls.Dial("tcp", address, c)
	must(err)
	defer conn.Close()
	_, err = conn.Write([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"))
	must(err)
	conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	_, err = conn.Read(make([]byte, 100)) // tickets come before the first data
	must(err)
	fmt.Println("resumed:", conn.ConnectionState().DidResume)
}

func main() {
	a := append(os.Args[1:], make([]string, 8)...)
	switch a[0] {
	case "call":
		call(a[1], credentials.NewTLS(config(a[3], a[4], a[5], a[2])))
	case "calls":
		for pairs := os.Args[4:]; len(pairs) > 1; pairs = pairs[2:] {
			call(a[1], credentials.NewTLS(config(a[2], pairs[0], pairs[1], "-")))
		}
	case "deliver", "deliver_without":
		c := config(a[3], a[4], a[5], a[2])
		var hash []byte
		if a[0] == "deliver" {
			sum := sha256.Sum256(c.Certificates[0].Certificate[0])
			hash = sum[:]
		}
		deliver(a[1], credentials.NewTLS(c), hash)
	case "resume":
		c := config(a[2], a[3], a[4], "localhost")
		c.NextProtos, c.ClientSessionCache = []string{"h2"}, tls.NewLRUClientSessionCache(4)
		resume(a[1], c)
		resume(a[1], c)
	case "plain":
		call(a[1], insecure.NewCredentials())
	case "old":
		c := config(a[2], "-", "-", "localhost")
		c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
		_, err := tls.Dial("tcp", a[1], c)
		fmt.Println(err)
	case "flood":
		c := config(a[2], a[3], a[4], "localhost")
		// Go withholds a certificate whose issuer the server does not list; this one goes out whatever it lists.
		own := c.Certificates[0]
		c.Certificates, c.GetClientCertificate = nil, func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &own, nil }
		count, err := strconv.Atoi(a[5])
		must(err)
		flood(a[1], c, count)
	}
}
