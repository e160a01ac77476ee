module bench/go_tls

go 1.21
