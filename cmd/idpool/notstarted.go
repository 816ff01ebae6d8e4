package main

import (
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"github.com/idpool/idpool"
)

// flagsOfFields are the flags of serve by the fields of the config that they set.
var flagsOfFields = map[string]string{
	"listeners.http.address": "http", "listeners.https.address": "https", "listeners.admin.address": "admin", "listeners.kafka.address": "kafka",
	"listeners.http.publicUrl": "public-url", "listeners.https.publicUrl": "public-url",
	"listeners.http.insideUrl": "inside-url", "listeners.https.insideUrl": "inside-url",
	"listeners.kafka.advertised": "kafka-advertised", "kafka.data": "data", "kafka.upstream": "kafka-upstream", "state": "state",
}

// notStarted is why a stack did not start. A mistake in what a flag says goes by
// the flag's name, since no file has it.
func notStarted(cmd *cobra.Command, err error) error {
	var mistakes idpool.ConfigErrors
	if !errors.As(err, &mistakes) {
		return &exitError{exitRefused, err, ""}
	}
	var lines []string
	for _, m := range mistakes {
		line := m.Error()
		if flag := flagsOfFields[m.Field]; m.Line == 0 && flag != "" && cmd.Flags().Changed(flag) {
			line = "serve: --" + flag + ": " + m.Message
		}
		lines = append(lines, line)
	}
	return &exitError{exitRefused, errors.New(strings.Join(lines, "\n")), ""}
}
