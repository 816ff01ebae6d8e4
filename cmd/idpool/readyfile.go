package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/idpool/idpool"
)

// readiness is the JSON of --ready-file. A listener that is off is absent.
type readiness struct {
	HTTP        string `json:"http,omitempty"`
	HTTPS       string `json:"https,omitempty"`
	Admin       string `json:"admin,omitempty"`
	Kafka       string `json:"kafka,omitempty"`
	KafkaInside string `json:"kafkaInside,omitempty"`
	PID         int    `json:"pid"`
}

// readinessOf is where a stack listens.
func readinessOf(s *idpool.Stack) readiness {
	r := readiness{HTTP: s.HTTP, HTTPS: s.HTTPS, Admin: s.Admin, Kafka: s.Kafka, KafkaInside: s.KafkaInside, PID: os.Getpid()}
	if s.Config().Listeners.HTTP.Address == idpool.Off {
		r.HTTP = ""
	}
	return r
}

// writeWhole writes a file by rename, so that nobody reads half of it.
func writeWhole(name string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	temporary, err := os.CreateTemp(filepath.Dir(name), ".ready-*")
	if err != nil {
		return &exitError{exitRefused, fmt.Errorf("serve: --ready-file: %v", notRead(filepath.Dir(name), err)), ""}
	}
	_, err = temporary.Write(append(data, '\n'))
	err = errors.Join(err, temporary.Close())
	if err == nil {
		err = os.Rename(temporary.Name(), name)
	}
	if err != nil {
		return &exitError{exitRefused, fmt.Errorf("serve: --ready-file: %v%s", notRead(name, err), notRemoved(temporary.Name())), ""}
	}
	return nil
}

// notRemoved takes away a file that came to nothing, and says if that fails.
func notRemoved(name string) string {
	if err := os.Remove(name); err != nil {
		return fmt.Sprintf(" (and %v)", err)
	}
	return ""
}

// readyFlag is of the commands that need no server and fit one that runs.
func readyFlag(cmd *cobra.Command, file *string) {
	cmd.Flags().StringVar(file, "ready-file", "", "take the addresses from this `FILE` of a running serve")
}

// readReady reads what a running serve has written.
func readReady(cmd *cobra.Command, name string) (readiness, error) {
	var r readiness
	data, err := os.ReadFile(name)
	if err == nil {
		err = json.Unmarshal(data, &r)
	}
	if err == nil && r.HTTP+r.HTTPS+r.Admin+r.Kafka == "" {
		err = errors.New("it names no listener, as what serve --ready-file writes does")
	}
	if err != nil {
		return r, &exitError{exitRefused, fmt.Errorf("%s: --ready-file %s: %v", commandName(cmd), name, err), ""}
	}
	return r, nil
}

// place has a config mint and validate tokens as the server that runs does.
func (r readiness) place(c *idpool.Config) {
	web, secure := &c.Listeners.HTTP, &c.Listeners.HTTPS
	web.Address, web.PublicURL = placed(r.HTTP)
	secure.Address, secure.PublicURL = placed(r.HTTPS)
}

// placed is the address and the public URL of a listener that is at a URL, or
// off.
func placed(url string) (address, publicURL string) {
	if url == "" {
		return idpool.Off, ""
	}
	return "", url
}

// loadPlaced is load for the server that has written a file, if one is named, or
// else for one that has these public URLs.
func (a *app) loadPlaced(cmd *cobra.Command, file string, urls urlFlags) (idpool.Config, readiness, error) {
	c, err := a.load()
	if err == nil {
		err = urls.place(commandName(cmd), &c)
	}
	if err != nil || !cmd.Flags().Changed("ready-file") {
		return c, readiness{}, err
	}
	r, err := readReady(cmd, file)
	if err == nil {
		r.place(&c)
	}
	return c, r, err
}
