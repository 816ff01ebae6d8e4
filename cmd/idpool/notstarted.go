package main

import (
	"errors"
	"io/fs"
	"strings"

	"github.com/spf13/cobra"

	"github.com/idpool/idpool"
	"github.com/idpool/idpool/internal/ca"
	"github.com/idpool/idpool/internal/denied"
)

// flagsOfFields are the flags of serve by the fields of the config that they set.
var flagsOfFields = map[string]string{
	"listeners.http.address": "http", "listeners.https.address": "https", "listeners.admin.address": "admin", "listeners.kafka.address": "kafka",
	"listeners.http.publicUrl": "public-url", "listeners.https.publicUrl": "public-url",
	"listeners.http.insideUrl": "inside-url", "listeners.https.insideUrl": "inside-url",
	"listeners.kafka.advertised": "kafka-advertised", "kafka.data": "data", "kafka.upstream": "kafka-upstream", "state": "state",
}

// notStarted is why a stack did not start. A mistake in what a flag says goes by
// the flag's name, since no file has it, and one of the built-in config by none.
func (a *app) notStarted(cmd *cobra.Command, err error) error {
	var said *exitError // by what serve does before the stack answers
	if errors.As(err, &said) {
		return said
	}
	var mistakes idpool.ConfigErrors
	if !errors.As(err, &mistakes) {
		return &exitError{exitRefused, errors.New(err.Error() + whose(err) + otherState(err)), ""}
	}
	var lines []string
	for _, m := range mistakes {
		line := m.Error()
		switch flag := flagsOfFields[m.Field]; {
		case m.Line == 0 && flag != "" && cmd.Flags().Changed(flag):
			line = "serve: --" + flag + ": " + m.Message
		case m.Line == 0 && a.configFile == "":
			line = "serve: " + m.Field + ": " + m.Message
		}
		lines = append(lines, line)
	}
	return &exitError{exitRefused, errors.New(strings.Join(lines, "\n")), ""}
}

// whose says whose file it is that this process may not use; empty for another
// error.
func whose(err error) string {
	if !errors.Is(err, fs.ErrPermission) {
		return ""
	}
	var ofCA *ca.Error
	var ofFile *fs.PathError
	switch {
	case errors.As(err, &ofCA) && ofCA.Path != "":
		return denied.Detail(ofCA.Path)
	case errors.As(err, &ofFile):
		return denied.Detail(ofFile.Path)
	}
	return ""
}

// otherState names the setting of the folder that keeps the CA, if that is what
// is wrong.
func otherState(err error) string {
	var of *ca.Error
	if !errors.As(err, &of) || of.Path == "" {
		return ""
	}
	return ": choose another folder with --state DIR or the setting state"
}
