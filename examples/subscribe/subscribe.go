// Read every event and check it: go run subscribe.go BOOTSTRAP   (go get github.com/twmb/franz-go@latest)
package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"strconv"

	"github.com/twmb/franz-go/pkg/kgo"
)

func main() {
	topics := []string{}
	for _, name := range []string{"governance", "evidence", "identity", "capability", "production", "compliance", "rights", "delivery"} {
		topics = append(topics, "edgeprint."+name+".v1")
	}
	client, err := kgo.NewClient(
		kgo.SeedBrokers(os.Args[1]),
		kgo.ConsumeTopics(topics...),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
	)
	if err != nil {
		panic(err)
	}
	defer client.Close()
	seen := map[uint64]bool{} // told apart by ledger index, never by offset
	for {
		fetches := client.PollFetches(context.Background())
		for _, failed := range fetches.Errors() {
			fmt.Fprintln(os.Stderr, failed.Topic, failed.Partition, failed.Err)
		}
		fetches.EachRecord(func(record *kgo.Record) {
			headers := map[string]string{}
			for _, header := range record.Headers {
				headers[header.Key] = string(header.Value)
			}
			entry := record.Value
			if _, bare := headers["__value_schema_id"]; !bare {
				entry = entry[min(5, len(entry)):] // behind the framing
			}
			leaf := sha256.Sum256(append([]byte{0}, entry...))
			index, err := strconv.ParseUint(headers["ledger-index"], 10, 64)
			if err != nil || hex.EncodeToString(leaf[:]) != headers["leaf-hash"] {
				fmt.Printf("foreign record %s[%d]@%d\n", record.Topic, record.Partition, record.Offset)
			} else if !seen[index] {
				seen[index] = true
				fmt.Println(index, headers["ce_type"], headers["leaf-hash"])
			}
		})
	}
}
