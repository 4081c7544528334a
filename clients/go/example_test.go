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

func ExampleClient_PrepareRecords() {
	client, err := bedside.Dial(address)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	requests := func(yield func(*bedsidev1.PrepareRecordsRequest) bool) {
		for _, text := range []string{`{"resourceType": "Bundle", "type": "collection"}`, "no record"} {
			source := &bedsidev1.RecordSource{Source: &bedsidev1.RecordSource_FhirJson{FhirJson: text}}
			if !yield(&bedsidev1.PrepareRecordsRequest{Source: source}) {
				return
			}
		}
	}
	for answer, err := range client.PrepareRecords(context.Background(), requests) {
		if err != nil {
			log.Fatal(err)
		}
		if failure := answer.GetFailure(); failure != nil {
			fmt.Println("not prepared:", failure.GetMessage())
			continue
		}
		for _, report := range answer.GetPrepared().GetReports() {
			fmt.Println(report.GetStage(), report.GetCounts())
		}
	}
	// Output:
	// duplicates map[duplicate:2]
	// not prepared: it must be a FHIR resource
}

// exampleAnswer takes every object for a record with two duplicates.
func exampleAnswer(req *bedsidev1.PrepareRecordsRequest) *bedsidev1.PrepareRecordsResponse {
	if !strings.HasPrefix(req.GetSource().GetFhirJson(), "{") {
		return failed("it must be a FHIR resource")
	}
	report := &bedsidev1.StageReport{Stage: "duplicates", Counts: map[string]int32{"duplicate": 2}}
	return &bedsidev1.PrepareRecordsResponse{Result: &bedsidev1.PrepareRecordsResponse_Prepared{
		Prepared: &bedsidev1.PreparedRecord{Reports: []*bedsidev1.StageReport{report}},
	}}
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
	_, stop := serve(&scripted{stream: echo, prepare: answering(exampleAnswer)}, listener)
	code := m.Run()
	stop()
	os.Exit(code)
}
