package kafka

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/confluentinc/confluent-kafka-go/v2/kafka"

	"github.com/idpool/idpool/internal/clientsettings"
)

// properties gives librdkafka the lines of a properties file.
func properties(_ *testing.T, text string, s clientsettings.Settings) (string, error) {
	config := kafka.ConfigMap{}
	for line := range strings.Lines(text) {
		if key, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "="); ok && !strings.HasPrefix(key, "#") {
			config[key] = value
		}
	}
	return librdkafka(config, s)
}

// entry is a line of the dictionary in the program for .NET.
var entry = regexp.MustCompile(`(?m)^    \["([a-z.]+)"\] = "(.*)",$`)

// dotnet gives librdkafka what the program for .NET gives it. The program itself
// is not run: there is no .NET here.
func dotnet(t *testing.T, text string, s clientsettings.Settings) (string, error) {
	config := kafka.ConfigMap{}
	for _, m := range entry.FindAllStringSubmatch(text, -1) {
		config[m[1]] = strings.NewReplacer(`\\`, `\`, `\"`, `"`).Replace(m[2])
	}
	if len(config) < 9 {
		t.Fatalf("%d settings in the program, want 9 or more", len(config))
	}
	return librdkafka(config, s)
}

// librdkafka sends, reads, and commits.
func librdkafka(config kafka.ConfigMap, s clientsettings.Settings) (string, error) {
	if err := send(config, s.Topic, 100); err != nil {
		return "", err
	}
	config["group.id"], config["auto.offset.reset"], config["enable.auto.commit"] = s.Group, "earliest", false
	consumer, err := kafka.NewConsumer(&config)
	if err != nil {
		return "", err
	}
	defer consumer.Close()
	if err := consumer.Subscribe(s.Topic, nil); err != nil {
		return "", err
	}
	end := time.Now().Add(time.Minute)
	for read := 0; read < 100; {
		switch event := consumer.Poll(1000).(type) {
		case *kafka.Message:
			read++
		case kafka.Error:
			return "", event
		}
		if time.Now().After(end) {
			return "", fmt.Errorf("only %d records were read within a minute", read)
		}
	}
	if _, err := consumer.Commit(); err != nil {
		return "", err
	}
	return "sent 100\nread 100\ncommitted 100\n", nil
}

func send(config kafka.ConfigMap, topic string, records int) error {
	producer, err := kafka.NewProducer(&config)
	if err != nil {
		return err
	}
	defer producer.Close()
	for range records {
		message := &kafka.Message{TopicPartition: kafka.TopicPartition{Topic: &topic, Partition: kafka.PartitionAny}, Value: []byte("order")}
		if err := producer.Produce(message, nil); err != nil {
			return err
		}
	}
	timeout := time.After(time.Minute)
	for delivered := 0; delivered < records; {
		select {
		case event := <-producer.Events():
			switch event := event.(type) {
			case *kafka.Message:
				if event.TopicPartition.Error != nil {
					return event.TopicPartition.Error
				}
				delivered++
			case kafka.Error:
				return event
			}
		case <-timeout:
			return errors.New("nothing was delivered within a minute")
		}
	}
	return nil
}
