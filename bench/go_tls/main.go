// CPU of one full mutual TLS 1.3 handshake in a server on Go's standard library, P-256, without sockets: the time of the
// server's thread alone, so that its collector's other threads and the client are not counted.
//
//	go run . [handshakes]
package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"os"
	"runtime"
	"strconv"
	"syscall"
	"time"
)

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func issue(name string, parent *x509.Certificate, signer *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), BasicConstraintsValid: true,
		DNSNames: []string{"localhost"}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth}}
	if parent == nil {
		template.IsCA, template.KeyUsage, template.ExtKeyUsage = true, x509.KeyUsageCertSign, nil
		parent, signer = template, key
	}
	der := must(x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer))
	return must(x509.ParseCertificate(der)), key
}

func cpu() time.Duration {
	var usage syscall.Rusage
	must(0, syscall.Getrusage(1, &usage)) // RUSAGE_THREAD
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func main() {
	count := 3000
	if len(os.Args) > 1 {
		count = must(strconv.Atoi(os.Args[1]))
	}
	ca, signer := issue("tlsca.org1", nil, nil)
	pool := x509.NewCertPool()
	pool.AddCert(ca)
	pair := func(name string) []tls.Certificate {
		certificate, key := issue(name, ca, signer)
		return []tls.Certificate{{Certificate: [][]byte{certificate.Raw}, PrivateKey: key, Leaf: certificate}}
	}
	server := &tls.Config{Certificates: pair("peer0"), ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert,
		SessionTicketsDisabled: true, NextProtos: []string{"h2"}} // as Fabric has it
	client := &tls.Config{Certificates: pair("app1"), RootCAs: pool, ServerName: "localhost", NextProtos: []string{"h2"}}

	connections := make(chan net.Conn)
	go func() {
		for theirs := range connections {
			connection := tls.Client(theirs, client)
			must(0, connection.Handshake())
			must(connection.Read(make([]byte, 1)))
		}
	}()
	runtime.LockOSThread()
	once := func() {
		ours, theirs := net.Pipe()
		connections <- theirs
		connection := tls.Server(ours, server)
		must(0, connection.Handshake())
		must(connection.Write([]byte{0}))
		ours.Close()
	}
	for i := 0; i < 100; i++ {
		once()
	}
	start := cpu()
	for i := 0; i < count; i++ {
		once()
	}
	fmt.Printf("Go %s, mutual_handshake_server_side/TLS13: %.0f us of %d\n", runtime.Version(),
		float64((cpu()-start).Microseconds())/float64(count), count)
}
