package kafkabroker

import (
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

//go:embed testdata/pom.xml
var pom string

// version is the one line of the pom that install.sh may have changed.
var version = regexp.MustCompile(`<kafka\.version>.*</kafka\.version>`)

// Lib is the folder of Kafka's jars as install.sh leaves it. Without them, or
// without java, the test is skipped, or fails where the list $IDPOOL_REQUIRE
// has kafka in it.
func Lib(t TB) string {
	t.Helper()
	return lib(t, "kafka")
}

// LibOf is the folder of the jars of a version that install.sh puts beside the
// pinned one, such as 4.1.0. Without them it does as Lib does.
func LibOf(t TB, number string) string {
	t.Helper()
	return lib(t, "kafka-"+number)
}

// lib is the folder of jars in one of install.sh's folders.
func lib(t TB, name string) string {
	t.Helper()
	root := os.Getenv("IDPOOL_CLIENTS")
	if root == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			t.Fatalf("kafkabroker: %v", err)
		}
		root = filepath.Join(cache, "idpool-clients")
	}
	dir := filepath.Join(root, name)
	missing := missing(dir)
	if missing == "" {
		return filepath.Join(dir, "lib")
	}
	if slices.Contains(strings.Split(os.Getenv("IDPOOL_REQUIRE"), ","), "kafka") {
		t.Fatalf("IDPOOL_REQUIRE wants kafka: %s", missing)
	}
	t.Skipf("skip: kafka: %s", missing)
	return ""
}

// missing says what is not there and what installs it; empty for nothing.
func missing(dir string) string {
	const install = "internal/kafkabroker/install.sh installs it"
	stamp, err := os.ReadFile(filepath.Join(dir, "installed"))
	switch {
	case err != nil:
		return fmt.Sprintf("it is not in %s; %s", dir, install)
	case version.ReplaceAllString(string(stamp), "") != version.ReplaceAllString(pom, ""):
		return fmt.Sprintf("what is in %s is not what testdata/pom.xml pins; %s", dir, install)
	}
	for program, debian := range map[string]string{"java": "default-jre-headless", "sh": "dash"} {
		if _, err := exec.LookPath(program); err != nil {
			return fmt.Sprintf("there is no %s (Debian: apt-get install %s)", program, debian)
		}
	}
	return ""
}
