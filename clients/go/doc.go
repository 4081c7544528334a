// Package bedside is the Go client of a Bedside server.
//
//	client, err := bedside.Dial("127.0.0.1:8001")
//	...
//	defer client.Close()
//	for piece, err := range client.Stream(ctx, bedside.Prompt("The patient")) {
//		...
//	}
//
// A [Client] is one connection pool; it is safe for concurrent use and meant to be kept.
// Every call is retried where that is harmless, has a deadline, and ends with its context.
// [WithTLS] and [WithTokenFile] are for servers that ask who is calling.
// Errors are gRPC status errors (google.golang.org/grpc/status); [Violations] and
// [RetryAfter] read the details that the server attaches.
package bedside
