package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// main sends a record every 20 ms for a while and reads along, beside the
// program that is printed: PROGRAM TOPIC GROUP DURATION.
func main() {
	topic, group := os.Args[1], os.Args[2]
	duration, err := time.ParseDuration(os.Args[3])
	if err != nil {
		log.Fatal(err)
	}
	client, err := kgo.NewClient(append(login(), kgo.DefaultProduceTopic(topic), kgo.ConsumeTopics(topic), kgo.ConsumerGroup(group))...)
	if err != nil {
		log.Fatal(err)
	}
	var sent, failed, read atomic.Int64
	ctx, cancel := context.WithTimeout(context.Background(), duration+2*time.Minute)
	defer cancel()
	go func() {
		for ctx.Err() == nil {
			fetches := client.PollFetches(ctx)
			fetches.EachError(func(_ string, _ int32, err error) {
				if ctx.Err() == nil {
					log.Println(err)
				}
			})
			read.Add(int64(fetches.NumRecords()))
		}
	}()
	for end := time.Now().Add(duration); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		client.Produce(ctx, kgo.StringRecord("order"), func(_ *kgo.Record, err error) {
			sent.Add(1)
			if err != nil {
				failed.Add(1)
				log.Println(err)
			}
		})
	}
	if err := client.Flush(ctx); err != nil {
		log.Fatal(err)
	}
	for end := time.Now().Add(time.Minute); read.Load() < sent.Load() && time.Now().Before(end); {
		time.Sleep(10 * time.Millisecond)
	}
	fmt.Printf("sent %d failed %d read %d\n", sent.Load(), failed.Load(), read.Load())
}
