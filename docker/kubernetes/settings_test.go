package kubernetes_test

import (
	"bytes"
	"fmt"
	"maps"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// settings are the variables of the container, as the kubelet puts them together.
func (w whole) settings(t *testing.T, secrets map[string]map[string][]byte) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, from := range w.container().EnvFrom {
		maps.Copy(all, w.config(t, from.ConfigMapRef.Name))
	}
	for _, e := range w.container().Env {
		all[e.Name] = e.Value
		if e.ValueFrom == nil {
			continue
		}
		value, ok := secrets[e.ValueFrom.SecretKeyRef.Name][e.ValueFrom.SecretKeyRef.Key]
		if !ok {
			t.Fatalf("%s: no key %s in the Secret %s", e.Name, e.ValueFrom.SecretKeyRef.Key, e.ValueFrom.SecretKeyRef.Name)
		}
		all[e.Name] = string(value)
	}
	return all
}

// config is what is in a ConfigMap.
func (w whole) config(t *testing.T, name string) map[string]string {
	t.Helper()
	for _, c := range w.configs {
		if c.Name == name {
			return c.Data
		}
	}
	t.Fatalf("no ConfigMap %s", name)
	return nil
}

// TestVariables finds each variable of the manifests among those of the command,
// and the address of each listener among the variables: none is left to the image.
func TestVariables(t *testing.T) {
	help, err := exec.Command(command(t), "serve", "--help").Output()
	if err != nil {
		t.Fatal(err)
	}
	known := variables(string(help))
	eachFolder(t, func(t *testing.T, _ string, all []object) {
		settings := decoded(t, all).settings(t, secrets(t))
		for _, problem := range settingFaults(known, settings) {
			t.Error(problem)
		}
		settings["IDPOOL_PUBLICURL"] = settings["IDPOOL_PUBLIC_URL"]
		delete(settings, "IDPOOL_HTTP")
		if got := settingFaults(known, settings); !slices.Equal(got, []string{"no IDPOOL_HTTP", "serve has no IDPOOL_PUBLICURL"}) {
			t.Errorf("two mistakes: %q", got)
		}
	})
}

// variables are those of the flags that a help text lists.
func variables(help string) []string {
	var all []string
	for _, m := range regexp.MustCompile(`(?m)^ +(?:-\w, )?--([a-z-]+)`).FindAllStringSubmatch(help, -1) {
		all = append(all, "IDPOOL_"+strings.ToUpper(strings.ReplaceAll(m[1], "-", "_")))
	}
	return all
}

func settingFaults(known []string, settings map[string]string) (faults []string) {
	for _, listener := range []string{"IDPOOL_HTTP", "IDPOOL_HTTPS", "IDPOOL_ADMIN", "IDPOOL_KAFKA"} {
		if settings[listener] == "" {
			faults = append(faults, "no "+listener)
		}
	}
	for name := range settings {
		if !slices.Contains(known, name) {
			faults = append(faults, "serve has no "+name)
		}
	}
	slices.Sort(faults)
	return faults
}

// address is that of a listener in a setting.
var address = regexp.MustCompile(`\b(0\.0\.0\.0|127\.0\.0\.1):(\d+)`)

// TestPorts compares the ports that serve listens at with those that the
// container, and with it the Services and policies, name.
func TestPorts(t *testing.T) {
	eachFolder(t, func(t *testing.T, _ string, all []object) {
		w := decoded(t, all)
		listened, named := []string{}, []string{}
		for _, value := range w.settings(t, secrets(t)) {
			for _, m := range address.FindAllStringSubmatch(value, -1) {
				if m[1] == "0.0.0.0" {
					listened = append(listened, m[2])
				}
			}
		}
		for _, p := range w.container().Ports {
			named = append(named, strconv.Itoa(int(p.ContainerPort)))
		}
		slices.Sort(listened)
		slices.Sort(named)
		if !slices.Equal(listened, named) {
			t.Errorf("serve listens at %q, and the container's ports are %q", listened, named)
		}
	})
}

// TestAdvertised finds the way to every URL and address that clients are told.
func TestAdvertised(t *testing.T) {
	eachFolder(t, func(t *testing.T, _ string, all []object) {
		w, told := decoded(t, all), 0
		for name, value := range w.settings(t, secrets(t)) {
			for _, at := range clientAddresses(t, name, value) {
				told++
				if _, err := w.containerPort(at); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
		}
		if told < 2 {
			t.Errorf("clients are told %d addresses", told)
		}
	})
}

// clientAddresses are those of a setting that clients connect to.
func clientAddresses(t *testing.T, name, value string) (all []string) {
	t.Helper()
	for one := range strings.SplitSeq(value, ",") {
		switch {
		case strings.HasSuffix(name, "_URL"):
			u, err := url.Parse(one)
			if err != nil || u.Port() == "" {
				t.Fatalf("%s: %q is no URL with a port", name, one)
			}
			all = append(all, u.Host)
		case strings.HasSuffix(name, "_ADVERTISED"):
			all = append(all, one)
		case strings.HasSuffix(name, "_BROKERS"):
			parts := strings.Split(one, "=")
			if len(parts) != 3 || !strings.HasSuffix(parts[1], parts[2][strings.LastIndex(parts[2], ":"):]) {
				t.Fatalf("%s: %q, want ID=ADDR=HOST:PORT with one port", name, one)
			}
			all = append(all, parts[2])
		}
	}
	return all
}

// containerPort is where a connection to an address arrives: by the Service of
// that name in the cluster, or by the one of the load balancer.
func (w whole) containerPort(at string) (int32, error) {
	host, number, err := net.SplitHostPort(at)
	if err != nil {
		return 0, err
	}
	for _, s := range w.services {
		if s.Name+"."+s.Namespace+".svc" != host && (s.Spec.Type != "LoadBalancer" || host != "idpool.example.com") {
			continue
		}
		for _, p := range s.Spec.Ports {
			if strconv.Itoa(int(p.Port)) == number {
				return w.port(p.TargetPort.StrVal), nil
			}
		}
		return 0, fmt.Errorf("the Service %s has no port %s", s.Name, number)
	}
	return 0, fmt.Errorf("no Service is %q", host)
}

// TestConfigCheck lets the command check the config of the ConfigMap, and one with
// a mistake.
func TestConfigCheck(t *testing.T) {
	eachFolder(t, func(t *testing.T, _ string, all []object) {
		config := []byte(decoded(t, all).config(t, named(t, all, "ConfigMap", "idpool-config").Metadata.Name)["idpool.yaml"])
		if out, err := check(t, config); err != nil {
			t.Errorf("%v: %s", err, out)
		}
		if out, err := check(t, bytes.Replace(config, []byte("tenants:"), []byte("tenant:"), 1)); err == nil || !strings.Contains(out, `"tenants"`) {
			t.Errorf("a mistake: %v: %s", err, out)
		}
	})
}

func check(t *testing.T, config []byte) (string, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "idpool.yaml")
	if err := os.WriteFile(file, config, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(command(t), "config", "check", "--config", file).CombinedOutput()
	return string(out), err
}

// TestSameTenant compares the config with the one that is built in.
func TestSameTenant(t *testing.T) {
	var text [2]string
	for i, name := range []string{"base/idpool.yaml", "../../acme.yaml"} {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		_, after, _ := strings.Cut(string(data), "\ntenants:\n")
		text[i] = after
	}
	if text[0] != text[1] || text[0] == "" {
		t.Errorf("base/idpool.yaml is not acme.yaml:\n%s", text[0])
	}
}
