module selvage.test/tls

go 1.21
