// Package kafka holds no code: it is where idpool is tried with the released
// clients of Kafka, unmodified. For each of them its tests write the settings
// that "idpool client" prints, run the client with exactly these against a
// running stack, and look at what came of it.
//
// It is a module of its own, so that users of idpool need neither cgo nor the
// clients. confluent-kafka-go, franz-go, sarama and kafka-go are in its go.mod;
// those of other languages are pinned below testdata and installed by
// internal/clients/install.sh kafka-java, kafka-python, kafka-node and spring.
// What is not installed is skipped by name; $IDPOOL_REQUIRE, a list such as
// kafka-java,kafka-node, makes that a failure.
package kafka
