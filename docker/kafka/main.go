// Command kafka is the entrypoint of the image idpool-kafka, in which there is
// no shell: it formats Kafka's storage unless that is done, and becomes Kafka.
//
// It takes the settings where the image apache/kafka takes them, in
// /mnt/shared/config/server.properties, and the heap by KAFKA_HEAP_OPTS and the
// cluster's id by CLUSTER_ID as that one does, so that a compose file runs with
// either.
package main

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
)

// What build.sh puts into the image, and the file that is mounted.
const (
	java     = "/opt/java/bin/java"
	jars     = "/opt/kafka/libs/*"
	logging  = "/opt/kafka/config/log4j2.properties"
	settings = "/mnt/shared/config/server.properties"
)

// defaultCluster is any id: a cluster of one broker is not mistaken for another.
const defaultCluster = "MkU3OEVBNTcwNTJENDM2Qk"

func main() {
	if err := start(); err != nil {
		fmt.Fprintln(os.Stderr, "kafka:", err)
		os.Exit(1)
	}
}

// start returns only when Kafka cannot be started.
func start() error {
	if _, err := os.Stat(settings); err != nil {
		return fmt.Errorf("there are no settings: mount a folder with server.properties at /mnt/shared/config: %w", err)
	}
	cluster := cmp.Or(os.Getenv("CLUSTER_ID"), defaultCluster)
	format := exec.Command(java, arguments("kafka.tools.StorageTool", "format", "--ignore-formatted", "--cluster-id", cluster, "--config", settings)...)
	format.Stdout, format.Stderr = os.Stdout, os.Stderr
	if err := format.Run(); err != nil {
		return fmt.Errorf("the storage cannot be formatted: %w", err)
	}
	// Kafka takes this process over, and with it the signals to stop.
	return syscall.Exec(java, append([]string{java}, arguments("kafka.Kafka", settings)...), os.Environ())
}

// arguments are those of the JVM that runs a class of Kafka's: soon there, and
// small.
func arguments(class string, more ...string) []string {
	heap := strings.Fields(cmp.Or(os.Getenv("KAFKA_HEAP_OPTS"), "-Xmx256m"))
	options := append(heap, "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData",
		"-Dlog4j2.configurationFile="+logging, "-cp", jars, class)
	return append(options, more...)
}
