// grpc-go's own interop cases against our server ("client <directory> <port>"), and its interop server for our client
// ("server <directory>"), both over mutual TLS.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/encoding/gzip"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/interop"
	pb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"
)

func must(err error) {
	if err != nil {
		fmt.Println("FAIL", err)
		os.Exit(1)
	}
}

func config(directory, name string) *tls.Config {
	pair, err := tls.LoadX509KeyPair(filepath.Join(directory, name+".pem"), filepath.Join(directory, name+".key"))
	must(err)
	ca, err := os.ReadFile(filepath.Join(directory, "ca.pem"))
	must(err)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	return &tls.Config{Certificates: []tls.Certificate{pair}, RootCAs: pool, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert}
}

func dial(directory, port string, change func(*tls.Config), more ...grpc.DialOption) *grpc.ClientConn {
	c := config(directory, "client")
	if change != nil {
		change(c)
	}
	conn, err := grpc.NewClient("dns:///localhost:"+port, append(more, grpc.WithTransportCredentials(credentials.NewTLS(c)))...)
	must(err)
	return conn
}

func client(directory, port string) {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	conn := dial(directory, port, nil)
	tc := pb.NewTestServiceClient(conn)
	run := func(name string, body func()) {
		body() // grpc-go's functions end the process when they fail
		fmt.Println("ok  ", name)
	}
	run("empty_unary", func() { interop.DoEmptyUnaryCall(ctx, tc) })
	run("large_unary", func() { interop.DoLargeUnaryCall(ctx, tc) })
	run("client_streaming", func() { interop.DoClientStreaming(ctx, tc) })
	run("server_streaming", func() { interop.DoServerStreaming(ctx, tc) })
	run("ping_pong", func() { interop.DoPingPong(ctx, tc) })
	run("empty_stream", func() { interop.DoEmptyStream(ctx, tc) })
	run("timeout_on_sleeping_server", func() { interop.DoTimeoutOnSleepingServer(ctx, tc) })
	run("cancel_after_begin", func() { interop.DoCancelAfterBegin(ctx, tc) })
	run("cancel_after_first_response", func() { interop.DoCancelAfterFirstResponse(ctx, tc) })
	run("custom_metadata", func() { interop.DoCustomMetadata(ctx, tc) })
	run("status_code_and_message", func() { interop.DoStatusCodeAndMessage(ctx, tc) })
	run("special_status_message", func() { interop.DoSpecialStatusMessage(ctx, tc) })
	run("unimplemented_method", func() { interop.DoUnimplementedMethod(ctx, conn) })
	run("unimplemented_service", func() { interop.DoUnimplementedService(ctx, pb.NewUnimplementedServiceClient(conn)) })
	run("large_unary with gzip", func() { interop.DoLargeUnaryCall(ctx, tc, grpc.UseCompressor(gzip.Name)) })
	run("answers in gzip to whom asks in gzip", func() { compressed(ctx, directory, port) })
	run("ping_pong with gzip", func() { interop.DoPingPong(ctx, tc, grpc.UseCompressor(gzip.Name)) })
	run("many calls at once", func() { many(ctx, tc) })
	run("messages of 20 MiB", func() { large(ctx, tc) })
	run("health", func() {
		answer, err := healthpb.NewHealthClient(conn).Check(ctx, &healthpb.HealthCheckRequest{Service: "grpc.testing.TestService"})
		must(err)
		if answer.Status != healthpb.HealthCheckResponse_SERVING {
			must(fmt.Errorf("health: %v", answer))
		}
	})
	for _, group := range []tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP384, tls.CurveP521} {
		run(fmt.Sprintf("TLS 1.3 with group %v", group), func() {
			interop.DoEmptyUnaryCall(ctx, pb.NewTestServiceClient(dial(directory, port, func(c *tls.Config) { c.CurvePreferences = []tls.CurveID{group} })))
		})
	}
	run("TLS 1.2", func() {
		interop.DoPingPong(ctx, pb.NewTestServiceClient(dial(directory, port, func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 })))
	})
	refused(ctx, directory, port)
	run("refused clients all read the alert", func() {})
}

// Counts messages that came compressed.
type counter struct{ compressed, plain atomic.Int32 }

func (c *counter) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context   { return ctx }
func (c *counter) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }
func (c *counter) HandleConn(context.Context, stats.ConnStats)                       {}
func (c *counter) HandleRPC(_ context.Context, s stats.RPCStats) {
	if in, ok := s.(*stats.InPayload); ok {
		if in.CompressedLength < in.Length {
			c.compressed.Add(1)
		} else {
			c.plain.Add(1)
		}
	}
}

func compressed(ctx context.Context, directory, port string) {
	seen := &counter{}
	tc := pb.NewTestServiceClient(dial(directory, port, nil, grpc.WithStatsHandler(seen)))
	interop.DoLargeUnaryCall(ctx, tc, grpc.UseCompressor(gzip.Name))
	interop.DoServerStreaming(ctx, tc, grpc.UseCompressor(gzip.Name))
	if seen.compressed.Load() < 4 { // one of nine bytes grows
		must(fmt.Errorf("%d answers were compressed, %d not", seen.compressed.Load(), seen.plain.Load()))
	}
	plain := seen.plain.Load()
	interop.DoLargeUnaryCall(ctx, tc)
	if seen.plain.Load() != plain+1 {
		must(fmt.Errorf("an answer was compressed without being asked for"))
	}
}

func many(ctx context.Context, tc pb.TestServiceClient) {
	var wait sync.WaitGroup
	var bad atomic.Int32
	for i := 0; i < 100; i++ {
		wait.Add(1)
		go func() {
			defer wait.Done()
			for j := 0; j < 20; j++ {
				answer, err := tc.UnaryCall(ctx, &pb.SimpleRequest{ResponseSize: int32(j * 100), Payload: &pb.Payload{Body: make([]byte, i*50)}})
				if err != nil || len(answer.GetPayload().GetBody()) != j*100 {
					bad.Add(1)
				}
			}
		}()
	}
	wait.Wait()
	if bad.Load() > 0 {
		must(fmt.Errorf("%d calls failed", bad.Load()))
	}
}

func large(ctx context.Context, tc pb.TestServiceClient) {
	const size = 20 << 20
	answer, err := tc.UnaryCall(ctx, &pb.SimpleRequest{ResponseSize: size, Payload: &pb.Payload{Body: make([]byte, size)}},
		grpc.MaxCallRecvMsgSize(size+1024), grpc.MaxCallSendMsgSize(size+1024))
	must(err)
	if len(answer.Payload.Body) != size {
		must(fmt.Errorf("got %d bytes", len(answer.Payload.Body)))
	}
}

// A client without a certificate must get to read the alert every time, not now and then a broken pipe.
func refused(ctx context.Context, directory, port string) {
	for i := 0; i < 40; i++ {
		conn := dial(directory, port, func(c *tls.Config) { c.Certificates = nil })
		_, err := pb.NewTestServiceClient(conn).EmptyCall(ctx, &pb.Empty{})
		conn.Close()
		if status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), "certificate required") {
			must(fmt.Errorf("refused client %d: %v", i, err))
		}
	}
}

func main() {
	switch os.Args[1] {
	case "client":
		client(os.Args[2], os.Args[3])
	case "server":
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		must(err)
		server := grpc.NewServer(grpc.Creds(credentials.NewTLS(config(os.Args[2], "server"))))
		pb.RegisterTestServiceServer(server, interop.NewTestServer())
		go server.Serve(listener)
		fmt.Println("listening", listener.Addr().(*net.TCPAddr).Port)
		io.Copy(io.Discard, os.Stdin)
	}
}
