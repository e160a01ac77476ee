// Go's crypto/tls against tls_endpoint: what is refused is refused with the alert that tells why, and it arrives; exported
// keys are equal; the list of issuers is the one that Go itself would send.
package main

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

const label = "orderer v3 authentication label"

var failures int

func check(name string, good bool, detail string) {
	if good {
		fmt.Println("ok  ", name)
		return
	}
	failures++
	fmt.Println("FAIL", name, detail)
}

func must[T any](value T, err error) T {
	if err != nil {
		fmt.Println("cannot go on:", err)
		os.Exit(1)
	}
	return value
}

type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

var serial int64

func newAuthority(name string, curve elliptic.Curve) authority {
	key := must(ecdsa.GenerateKey(curve, rand.Reader))
	serial++
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name, Organization: []string{"Org"}},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, SubjectKeyId: []byte(name)}
	der := must(x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key))
	return authority{must(x509.ParseCertificate(der)), key}
}

func (a authority) issue(name string, curve elliptic.Curve, spoil func(*x509.Certificate)) tls.Certificate {
	key := must(ecdsa.GenerateKey(curve, rand.Reader))
	serial++
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"localhost"},
		IPAddresses: []net.IP{net.ParseIP("127.0.0.1")}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	if spoil != nil {
		spoil(template)
	}
	der := must(x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key))
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func write(folder, name string, certificate tls.Certificate) (string, string) {
	crt, key := filepath.Join(folder, name+".crt"), filepath.Join(folder, name+".key")
	var chain bytes.Buffer
	for _, der := range certificate.Certificate {
		pem.Encode(&chain, &pem.Block{Type: "CERTIFICATE", Bytes: der})
	}
	os.WriteFile(crt, chain.Bytes(), 0o600)
	// SEC 1, as old tools write it.
	sec1 := must(x509.MarshalECPrivateKey(certificate.PrivateKey.(*ecdsa.PrivateKey)))
	os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: sec1}), 0o600)
	return crt, key
}

// Dials, reads the greeting and returns it, or the first error; the connection's state as well.
func greet(address string, config *tls.Config) (string, tls.ConnectionState, error) {
	raw, err := net.DialTimeout("tcp", address, 10*time.Second)
	if err != nil {
		return "", tls.ConnectionState{}, err
	}
	defer raw.Close()
	raw.SetDeadline(time.Now().Add(20 * time.Second))
	connection := tls.Client(raw, config)
	if err := connection.Handshake(); err != nil {
		return "", tls.ConnectionState{}, err
	}
	// A real client writes before it reads: unread bytes at the server must not cost it the alert.
	connection.Write(bytes.Repeat([]byte("x"), 4096))
	line, err := bufio.NewReader(connection).ReadString('\n')
	return strings.TrimSpace(line), connection.ConnectionState(), err
}

func main() {
	endpoint, folder := os.Args[1], os.Args[2]
	ca, second, foreign := newAuthority("tlsca.org1", elliptic.P256()), newAuthority("tlsca.org2", elliptic.P384()), newAuthority("tlsca.org9", elliptic.P256())
	server := ca.issue("server", elliptic.P256(), nil)
	write(folder, "server", server)
	roots := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.cert.Raw}),
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: second.cert.Raw})...)
	os.WriteFile(filepath.Join(folder, "ca.crt"), roots, 0o600)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(roots)

	ours := exec.Command(endpoint, "serve", folder)
	ours.Stderr = os.Stderr
	out := must(ours.StdoutPipe())
	if err := ours.Start(); err != nil {
		fmt.Println("cannot start", endpoint, err)
		os.Exit(1)
	}
	lines := make(chan string, 10000)
	go func() {
		scanner := bufio.NewScanner(out)
		for scanner.Scan() {
			lines <- scanner.Text()
		}
		close(lines)
	}()
	var port string
	fmt.Sscanf(<-lines, "port %s", &port)
	address := "127.0.0.1:" + port

	goClients(address, ca, second, foreign, pool, lines)
	ourClients(endpoint, folder, ca, foreign, server, pool)
	ours.Process.Kill()
	ours.Wait()
	if failures > 0 {
		fmt.Println(failures, "failed")
		os.Exit(1)
	}
}

func goClients(address string, ca, second, foreign authority, pool *x509.CertPool, lines chan string) {
	good := ca.issue("app1", elliptic.P256(), nil)
	send := func(certificate *tls.Certificate) func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		return func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return certificate, nil }
	}
	config := func(version uint16, certificate *tls.Certificate) *tls.Config {
		return &tls.Config{RootCAs: pool, ServerName: "localhost", MinVersion: tls.VersionTLS12, MaxVersion: version,
			NextProtos: []string{"h2"}, GetClientCertificate: send(certificate)}
	}
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		name := tls.VersionName(version)
		greeting, state, err := greet(address, config(version, &good))
		exported, _ := state.ExportKeyingMaterial(label, []byte("context"), 32)
		check(name+": opens, and exports the same key", err == nil && greeting == hex.EncodeToString(exported), fmt.Sprint(err, greeting))
		check(name+": h2 is selected", state.NegotiatedProtocol == "h2", state.NegotiatedProtocol)
		<-lines

		for _, one := range []struct {
			what        string
			certificate tls.Certificate
			alert, code string
		}{
			{"no certificate", tls.Certificate{}, map[uint16]string{tls.VersionTLS12: "handshake failure", tls.VersionTLS13: "certificate required"}[version], "TLS-01"},
			{"one of a foreign CA", foreign.issue("app9", elliptic.P256(), nil), "unknown certificate authority", "TLS-02"},
			{"an expired one", ca.issue("old", elliptic.P256(), func(c *x509.Certificate) {
				c.NotBefore, c.NotAfter = time.Now().Add(-48*time.Hour), time.Now().Add(-24*time.Hour)
			}), "expired certificate", "TLS-07"},
			{"one for servers only", ca.issue("s", elliptic.P256(), func(c *x509.Certificate) {
				c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
			}), "unsupported certificate", "TLS-06"},
		} {
			const rounds = 30
			arrived, last := 0, ""
			for i := 0; i < rounds; i++ {
				_, _, err := greet(address, config(version, &one.certificate))
				if err != nil && strings.Contains(err.Error(), "remote error: tls: "+one.alert) {
					arrived++
				} else {
					last = fmt.Sprint(err)
				}
				if line := <-lines; !strings.HasPrefix(line, "failed "+one.code+" ") {
					last = line
					arrived--
				}
			}
			check(fmt.Sprintf("%s: %s is refused, and the client reads %q each time", name, one.what, one.alert), arrived == rounds,
				fmt.Sprintf("%d of %d; %s", arrived, rounds, last))
		}
	}

	var listed [][]byte
	request := config(tls.VersionTLS13, nil)
	request.GetClientCertificate = func(info *tls.CertificateRequestInfo) (*tls.Certificate, error) {
		listed = info.AcceptableCAs
		return &good, nil
	}
	greet(address, request)
	<-lines
	check("the issuers listed are those of the roots, in their order",
		len(listed) == 2 && bytes.Equal(listed[0], ca.cert.RawSubject) && bytes.Equal(listed[1], second.cert.RawSubject), fmt.Sprint(len(listed)))

	for _, group := range []tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP384, tls.CurveP521} {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			only := config(version, &good)
			only.CurvePreferences = []tls.CurveID{group}
			if version == tls.VersionTLS12 && group != tls.CurveP256 {
				only.CurvePreferences = append(only.CurvePreferences, tls.CurveP256) // the one of the server's key
			}
			_, state, err := greet(address, only)
			check(fmt.Sprint(tls.VersionName(version), ": group ", group), err == nil && (state.CurveID == group || version == tls.VersionTLS12), fmt.Sprint(err, state.CurveID))
			<-lines
		}
	}
	for _, curve := range []elliptic.Curve{elliptic.P384(), elliptic.P521()} {
		leaf := second.issue("big", curve, nil)
		_, _, err := greet(address, config(tls.VersionTLS13, &leaf))
		check("client key on "+curve.Params().Name+", signed by a CA on P-384", err == nil, fmt.Sprint(err))
		<-lines
	}
	for suite, accepted := range map[uint16]bool{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: true, tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384: true,
		tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256: false, tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA: false} {
		only := config(tls.VersionTLS12, &good)
		only.CipherSuites = []uint16{suite}
		_, _, err := greet(address, only)
		refused := err != nil && strings.Contains(err.Error(), "handshake failure")
		check(fmt.Sprintf("TLS 1.2: suite %s, accepted: %v", tls.CipherSuiteName(suite), accepted), accepted == (err == nil) && (accepted || refused), fmt.Sprint(err))
		<-lines
	}
	old := config(tls.VersionTLS11, &good)
	old.MinVersion = tls.VersionTLS10
	_, _, err := greet(address, old)
	check("TLS 1.1 is refused", err != nil && strings.Contains(err.Error(), "protocol version"), fmt.Sprint(err))
	line := <-lines
	check("and said so in Go's words", line == "failed TLS-48 tls: client offered only unsupported versions: [302 301]", line)
}

// One connection to a Go server: its error, and what our client printed.
func against(config *tls.Config, endpoint, folder, crt, key string) (error, string) {
	listener := must(net.Listen("tcp", "127.0.0.1:0"))
	defer listener.Close()
	verdict := make(chan error, 1)
	go func() {
		raw, err := listener.Accept()
		if err != nil {
			verdict <- err
			return
		}
		defer raw.Close()
		raw.SetDeadline(time.Now().Add(20 * time.Second))
		connection := tls.Server(raw, config)
		err = connection.Handshake()
		if err == nil {
			connection.Write([]byte("hello"))
			io.Copy(io.Discard, connection)
		} else {
			// What crypto/tls leaves to its caller: let the alert arrive.
			raw.(*net.TCPConn).CloseWrite()
			io.Copy(io.Discard, raw)
		}
		verdict <- err
	}()
	output, err := exec.Command(endpoint, "dial", folder, listener.Addr().String(), crt, key).Output()
	if err != nil {
		return err, string(output)
	}
	return <-verdict, strings.TrimSpace(string(output))
}

func ourClients(endpoint, folder string, ca, foreign authority, server tls.Certificate, pool *x509.CertPool) {
	good, goodKey := write(folder, "app1", ca.issue("app1", elliptic.P256(), nil))
	other, otherKey := write(folder, "app9", foreign.issue("app9", elliptic.P256(), nil))
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		name := tls.VersionName(version)
		config := &tls.Config{Certificates: []tls.Certificate{server}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool,
			MinVersion: tls.VersionTLS12, MaxVersion: version, NextProtos: []string{"h2"}}
		err, said := against(config, endpoint, folder, good, goodKey)
		check(name+": our client is accepted by Go", err == nil && strings.HasPrefix(said, "open TLS"), fmt.Sprint(err, said))
		err, said = against(config, endpoint, folder, "-", "-")
		check(name+": without a certificate it knows why it was refused", err != nil && strings.HasPrefix(said, "failed TLS-01 remote error: tls: "), fmt.Sprint(err, said))
		err, said = against(config, endpoint, folder, other, otherKey)
		check(name+": it presents a certificate that is not asked for, so that Go can say what is wrong", err != nil &&
			strings.Contains(err.Error(), "certificate signed by unknown authority") &&
			said == "failed TLS-02 remote error: tls: unknown certificate authority", fmt.Sprint(err, said))
		expired := ca.issue("server", elliptic.P256(), func(c *x509.Certificate) {
			c.NotBefore, c.NotAfter = time.Now().Add(-48*time.Hour), time.Now().Add(-24*time.Hour)
		})
		config.Certificates = []tls.Certificate{expired}
		err, said = against(config, endpoint, folder, good, goodKey)
		check(name+": it refuses an expired server as Go clients do", err != nil && err.Error() == "remote error: tls: bad certificate" &&
			strings.HasPrefix(said, "failed TLS-26 tls: failed to verify certificate: x509: certificate has expired"), fmt.Sprint(err, said))
	}
}
