package bedside_test

import (
	"context"
	"fmt"
	"log"
	"net"
	"os"
	"strings"
	"testing"

	"google.golang.org/grpc"

	bedside "github.com/bedside-lm/bedside/clients/go"
	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
)

// address of the server that the examples call; in a program, "127.0.0.1:8001".
var address string

func ExampleClient_Stream() {
	client, err := bedside.Dial(address)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	for piece, err := range client.Stream(context.Background(), bedside.Ask("What is sinus tachycardia?")) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Print(piece.GetText())
	}
	// Output: You asked: What is sinus tachycardia?
}

func TestMain(m *testing.M) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	address = listener.Addr().String()
	echo := func(_ int, req *bedsidev1.GenerateRequest, out grpc.ServerStreamingServer[bedsidev1.StreamGenerateResponse]) error {
		answer := "You asked: " + req.GetChat().GetMessages()[0].GetContent()
		for word := range strings.SplitAfterSeq(answer, " ") {
			if err := out.Send(&bedsidev1.StreamGenerateResponse{Text: word}); err != nil {
				return err
			}
		}
		return nil
	}
	_, stop := serve(&scripted{stream: echo}, listener)
	code := m.Run()
	stop()
	os.Exit(code)
}
