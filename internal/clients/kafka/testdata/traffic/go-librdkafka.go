package main

import (
	"fmt"
	"log"
	"os"
	"sync/atomic"
	"time"

	"github.com/confluentinc/confluent-kafka-go/v2/kafka"
)

// main sends a record every 20 ms for a while and reads along, beside the
// program that is printed: PROGRAM TOPIC GROUP DURATION.
func main() {
	topic, group := os.Args[1], os.Args[2]
	duration, err := time.ParseDuration(os.Args[3])
	if err != nil {
		log.Fatal(err)
	}
	config, reading := login(), login()
	producer, err := kafka.NewProducer(&config)
	if err != nil {
		log.Fatal(err)
	}
	reading["group.id"], reading["auto.offset.reset"] = group, "earliest"
	consumer, err := kafka.NewConsumer(&reading)
	if err != nil {
		log.Fatal(err)
	}
	if err := consumer.Subscribe(topic, nil); err != nil {
		log.Fatal(err)
	}
	var sent, failed, read atomic.Int64
	go func() {
		for {
			switch event := consumer.Poll(100).(type) {
			case *kafka.Message:
				read.Add(1)
			case kafka.Error:
				log.Println(event)
			}
		}
	}()
	go func() {
		for event := range producer.Events() {
			switch event := event.(type) {
			case *kafka.Message:
				sent.Add(1)
				if event.TopicPartition.Error != nil {
					failed.Add(1)
					log.Println(event.TopicPartition.Error)
				}
			case kafka.Error:
				log.Println(event)
			}
		}
	}()
	for end := time.Now().Add(duration); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		message := &kafka.Message{TopicPartition: kafka.TopicPartition{Topic: &topic, Partition: kafka.PartitionAny}, Value: []byte("order")}
		if err := producer.Produce(message, nil); err != nil {
			log.Fatal(err)
		}
	}
	if left := producer.Flush(60_000); left > 0 {
		log.Fatalf("%d records are left", left)
	}
	for end := time.Now().Add(time.Minute); read.Load() < sent.Load() && time.Now().Before(end); {
		time.Sleep(10 * time.Millisecond)
	}
	fmt.Printf("sent %d failed %d read %d\n", sent.Load(), failed.Load(), read.Load())
}
