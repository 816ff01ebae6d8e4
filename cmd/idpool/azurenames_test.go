package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/spf13/cobra"

	"github.com/idpool/idpool/idp"
)

// container are the surroundings of one: the mark of Docker, and an interface
// that is no device.
func container() surroundings {
	return surroundings{
		files:    machine(".dockerenv", "sys/class/net/eth0/iflink", "sys/class/net/lo/iflink"),
		pid:      7,
		variable: func(string) (string, bool) { return "", false },
	}
}

// machine has these files.
func machine(files ...string) fstest.MapFS {
	all := fstest.MapFS{}
	for _, name := range files {
		all[name] = &fstest.MapFile{}
	}
	return all
}

// network is a container network as a container sees it: names and interfaces.
func network(names map[string][]string, own ...string) azureNames {
	return azureNames{
		lookup: func(_ context.Context, host string) ([]string, error) {
			if found := names[host]; found != nil {
				return found, nil
			}
			return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
		},
		addresses: func() ([]net.Addr, error) {
			var all []net.Addr
			for _, one := range append(own, "127.0.0.1/8", "::1/128") {
				ip, n, err := net.ParseCIDR(one)
				if err != nil {
					return nil, err
				}
				all = append(all, &net.IPNet{IP: ip, Mask: n.Mask})
			}
			return all, nil
		},
		surroundings: container(),
	}
}

// aliases are Azure's names, all at the same addresses.
func aliases(addresses ...string) map[string][]string {
	names := map[string][]string{}
	for _, host := range idp.AzureHosts() {
		names[host] = addresses
	}
	return names
}

// TestAzureNamesAreOfAContainerAlone: --azure-names is refused wherever one of
// the names leads elsewhere, as on every host.
func TestAzureNamesAreOfAContainerAlone(t *testing.T) {
	half := aliases("172.18.0.2")
	half["sts.windows.net"] = []string{"20.190.128.1"}
	for _, row := range []struct {
		name string
		n    azureNames
		want string // part of the refusal; empty for none
	}{
		{"the aliases of a network", network(aliases("172.18.0.2"), "172.18.0.2/16"), ""},
		{"in two networks, with IPv6", network(aliases("172.18.0.2", "fd00::2"), "172.18.0.2/16", "fd00::2/64"), ""},
		{"a host", network(aliases("20.190.128.1"), "192.168.1.5/24"), "login.microsoftonline.com leads to 20.190.128.1 (another machine)"},
		{"a host without network", network(nil, "192.168.1.5/24"), "login.windows.net leads to nothing"},
		{"a host with a hosts file", network(aliases("127.0.0.1"), "192.168.1.5/24"), "sts.windows.net leads to 127.0.0.1 (loopback"},
		{"one name left out", network(half, "172.18.0.2/16"), ": sts.windows.net leads to 20.190.128.1 (another machine): "},
		{"a name of two containers", network(aliases("172.18.0.2", "172.18.0.3"), "172.18.0.2/16"), "172.18.0.3 (another machine)"},
		{"an answer that is no address", network(aliases("idpool"), "172.18.0.2/16"), "idpool (another machine)"},
		{"interfaces that nobody can see", azureNames{lookup: network(nil).lookup, surroundings: container(), addresses: func() ([]net.Addr, error) { return nil, errors.New("netlink") }}, "netlink"},
	} {
		err := row.n.check(t.Context())
		switch {
		case row.want == "" && err != nil:
			t.Errorf("%s: %v", row.name, err)
		case row.want != "" && (err == nil || !strings.Contains(err.Error(), row.want)):
			t.Errorf("%s: %v, want %q", row.name, err, row.want)
		case err != nil && !strings.HasPrefix(err.Error(), "serve: --azure-names: "):
			t.Errorf("%s: %v, want the flag first", row.name, err)
		}
	}
}

// TestAzureNamesOfAHost: a hosts file or a DNS that had the names at the host's own
// address, that of its network or of docker0, made the host Azure.
func TestAzureNamesOfAHost(t *testing.T) {
	const veth, device, bridge = "sys/class/net/eth0/iflink", "sys/class/net/enp3s0/device/vendor", "sys/class/net/docker0/bridge/stp_state"
	pod := func(name string) (string, bool) { return "10.0.0.1", name == "KUBERNETES_SERVICE_HOST" }
	for _, row := range []struct {
		name string
		surroundings
		want string // part of the refusal; empty for none
	}{
		{"Docker, with --init", surroundings{files: machine(".dockerenv", veth)}, ""},
		{"Podman", surroundings{files: machine("run/.containerenv", veth)}, ""},
		{"containerd", surroundings{files: machine(veth), pid: 1}, ""},
		{"a pod with a process namespace of several", surroundings{files: machine(veth), variable: pod}, ""},
		{"a host", surroundings{files: machine(device)}, "this is no container"},
		{"a host that has nothing like /sys", surroundings{files: machine()}, "this is no container"},
		{"a host with virtual interfaces alone", surroundings{files: machine(veth)}, "this is no container"},
		{"Docker, in the network of a host", surroundings{files: machine(".dockerenv", "sys/class/net/lo/iflink", device), pid: 1}, "this container is in the network of its host, which has the device enp3s0"},
		{"Podman, in the network of a host", surroundings{files: machine("run/.containerenv", device)}, "which has the device enp3s0"},
		{"a pod in the network of its node", surroundings{files: machine(veth, device), variable: pod}, "which has the device enp3s0"},
		{"in the network of a rootless daemon", surroundings{files: machine(".dockerenv", "sys/class/net/tap0/iflink", bridge)}, "which has the bridge docker0"},
		{"without a look at the interfaces", surroundings{files: machine(".dockerenv")}, "not to be seen in /sys/class/net"},
	} {
		n := network(aliases("192.168.1.5"), "192.168.1.5/24")
		n.surroundings = row.surroundings
		if row.pid == 0 {
			n.surroundings.pid = 7
		}
		if row.variable == nil {
			n.surroundings.variable = container().variable
		}
		err := n.check(t.Context())
		switch {
		case row.want == "" && err != nil:
			t.Errorf("%s: %v", row.name, err)
		case row.want != "" && (err == nil || !strings.Contains(err.Error(), row.want) || !strings.Contains(err.Error(), idp.AzureHost)):
			t.Errorf("%s: %v, want %q", row.name, err, row.want)
		}
	}
}

// TestAzureNamesOnThisMachine is the real look at names and interfaces: no
// machine that runs tests is Azure.
func TestAzureNamesOnThisMachine(t *testing.T) {
	var out, errs bytes.Buffer
	code := run(t.Context(), []string{"serve", "--azure-names", "--log-level", "off"}, strings.NewReader(""), &out, &errs)
	if code != exitUsage || !strings.Contains(errs.String(), "serve: --azure-names: ") || strings.Count(errs.String(), "\n") != 1 {
		t.Errorf("exit code %d: %s", code, errs.String())
	}
}

// served runs serve of an app until the test ends, and is what its ready-file
// says. What it has said by its end is for said, which may be nil.
func served(t *testing.T, a *app, said func(string), args ...string) readiness {
	t.Helper()
	file := filepath.Join(t.TempDir(), "ready.json")
	ctx, stop := context.WithCancel(t.Context())
	root := a.rootCommand()
	var errs bytes.Buffer
	root.SetOut(new(bytes.Buffer))
	root.SetErr(&errs)
	root.SetArgs(append(args, "--ready-file", file))
	ended := make(chan error, 1)
	go func() {
		defer stop() // so that nobody waits for its file
		ended <- root.ExecuteContext(ctx)
	}()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("serve: %v: %s", err, errs.String())
		}
		if said != nil {
			said(errs.String())
		}
	})
	text, err := whole(ctx, file, func(string) {})
	var r readiness
	if err == nil {
		err = json.Unmarshal(text, &r)
	}
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestServeAzureNames serves with the names, at typed addresses since a test has
// no right to Azure's ports.
func TestServeAzureNames(t *testing.T) {
	a := newApp()
	a.azureNames = network(aliases("172.18.0.2"), "172.18.0.2/16")
	config := filepath.Join(t.TempDir(), "idpool.yaml")
	if err := os.WriteFile(config, []byte("issuer: https://sts.example\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	a.environment = given(map[string]string{"IDPOOL_AZURE_NAMES": "true", "IDPOOL_CONFIG": config, "IDPOOL_ADMIN": "off", "IDPOOL_KAFKA": "off", "IDPOOL_STATE": "off"})
	warned := func(text string) {
		if want := `level=WARN msg="--azure-names replaces settings of the config" settings=issuer`; strings.Count(text, want) != 1 {
			t.Errorf("serve says %s, want %s", text, want)
		}
	}
	r := served(t, a, warned, "serve", "--http", "127.0.0.1:0", "--https", "127.0.0.1:0")
	if r.HTTP != "http://login.microsoftonline.com" || r.HTTPS != "https://login.microsoftonline.com" {
		t.Errorf("it says that it is at %s and %s", r.HTTP, r.HTTPS)
	}
}

// TestAzureNamesOverTheRest: Azure's ports replace the addresses of the image and
// of a config, and what is off, typed or in a variable of somebody's own stays.
// What is replaced of a config was so in silence.
func TestAzureNamesOverTheRest(t *testing.T) {
	const own = "issuer: https://sts.example\nlisteners: {http: {address: 127.0.0.1:1}, https: {publicUrl: https://idp.example}}\ntenants: [{id: 67e9d472-7fbe-48f4-ade6-03e3f3c0dbe6}]"
	image := []string{imageHTTP, imageHTTPS}
	for _, row := range []struct {
		name, flags, config string
		variables           []string // IDPOOL_HTTP and IDPOOL_HTTPS
		http, https, warned string
	}{
		{"as the image has it", "", "", image, azureHTTP, azureHTTPS, ""},
		{"with one listener off in the config", "", "listeners: {https: {address: off}}", image, azureHTTP, "off", ""},
		{"with one listener off by its variable", "", "", []string{imageHTTP, "off"}, azureHTTP, "off", ""},
		{"over a config", "", own, image, azureHTTP, azureHTTPS, "listeners.http.address, listeners.https.publicUrl, issuer"},
		{"a config that says the same", "", "issuer: azure\nlisteners: {https: {address: 0.0.0.0:443, publicUrl: https://login.microsoftonline.com}}", image, azureHTTP, azureHTTPS, ""},
		{"with an address that is typed", "--http 127.0.0.1:1", "", image, "127.0.0.1:1", azureHTTPS, ""},
		{"that of the image, typed", "--http 0.0.0.0:8080", own, image, imageHTTP, azureHTTPS, "listeners.http.address, listeners.https.publicUrl, issuer"},
		{"with variables that somebody has set", "", "", []string{"0.0.0.0:8081", "127.0.0.1:2"}, "0.0.0.0:8081", "127.0.0.1:2", ""},
	} {
		a := newApp()
		a.azureNames = network(aliases("172.18.0.2"), "172.18.0.2/16")
		a.environment = given(map[string]string{"IDPOOL_HTTP": row.variables[0], "IDPOOL_HTTPS": row.variables[1]})
		if row.config != "" {
			a.configFile = filepath.Join(t.TempDir(), "idpool.yaml")
			if err := os.WriteFile(a.configFile, []byte(row.config), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		var f serveFlags
		cmd := &cobra.Command{Use: "serve"}
		cmd.SetContext(t.Context())
		f.add(cmd.Flags())
		err := cmd.ParseFlags(strings.Fields("--azure-names " + row.flags))
		if err == nil {
			err = a.environment.apply(cmd)
		}
		if err == nil {
			err = a.azure(cmd, &f)
		}
		c, loadErr := a.load()
		warned := strings.Join(f.replaced(c), ", ")
		if err = errors.Join(err, loadErr); err == nil {
			err = f.apply(&c)
		}
		if err != nil {
			t.Errorf("%s: %v", row.name, err)
		}
		if l := c.Listeners; l.HTTP.Address != row.http || l.HTTPS.Address != row.https || c.Issuer != "azure" || l.HTTP.PublicURL != "http://login.microsoftonline.com" {
			t.Errorf("%s: %+v, issuer %q", row.name, l, c.Issuer)
		}
		if warned != row.warned {
			t.Errorf("%s: %q are said to be replaced, want %q", row.name, warned, row.warned)
		}
	}
}

// TestAddressesOfTheImage keeps the addresses that --azure-names replaces equal to
// those that the image has.
func TestAddressesOfTheImage(t *testing.T) {
	text, err := os.ReadFile("../../docker/Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"IDPOOL_HTTP=" + imageHTTP + " ", "IDPOOL_HTTPS=" + imageHTTPS + " "} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the Dockerfile has no %s", want)
		}
	}
}
