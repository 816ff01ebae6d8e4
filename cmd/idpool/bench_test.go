package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/idpool/idpool"
	"github.com/idpool/idpool/idp"
	"github.com/idpool/idpool/pool"
)

const (
	tokenPath = "/67e9d472-7fbe-48f4-ade6-03e3f3c0dbe6/oauth2/v2.0/token"
	tokenForm = "client_id=75f2f796-363d-4de2-b299-713920db01a7&scope=api://be587d08-a466-45e9-a02a-dfdda6b4c765/.default&client_secret=yOZ8QPiSK_Zh9IA5HzicuY.lKnlkaVIkpuxc35&grant_type=client_credentials"
)

// binary builds the command once for a benchmark.
func binary(b *testing.B) string {
	b.Helper()
	path := filepath.Join(b.TempDir(), "idpool")
	if out, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	return path
}

// freeAddress is one that nobody listens at, below the ports that a system gives
// to connections meanwhile.
func freeAddress(b *testing.B) string {
	b.Helper()
	for tries := 0; ; tries++ {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 20000+rand.IntN(12000)))
		if err == nil {
			defer l.Close()
			return l.Addr().String()
		}
		if tries == 100 {
			b.Fatal(err)
		}
	}
}

// serveAt runs serve with the http and https listeners, unless
// the caller's arguments say otherwise.
func serveAt(b *testing.B, path, address string, args ...string) *exec.Cmd {
	b.Helper()
	cmd := exec.Command(path, append([]string{"serve", "--http", address, "--https", "127.0.0.1:0", "--admin", "off", "--kafka", "127.0.0.1:0", "--log-level", "off"}, args...)...)
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	return cmd
}

func stop(b *testing.B, cmd *exec.Cmd) {
	b.Helper()
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		b.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		b.Fatal(err)
	}
}

// firstToken asks until there is an answer.
func firstToken(b *testing.B, address string) {
	b.Helper()
	for deadline := time.Now().Add(patience); ; {
		if token(address) == nil {
			return
		}
		if time.Now().After(deadline) {
			b.Fatalf("no token within %v", patience)
		}
		time.Sleep(200 * time.Microsecond) // polling: another process starts
	}
}

func token(address string) error {
	response, err := http.Post("http://"+address+tokenPath, "application/x-www-form-urlencoded", strings.NewReader(tokenForm))
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil || response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s, %v", response.Status, err)
	}
	return nil
}

// BenchmarkExecToFirstToken: from exec of serve to the first token, against the
// same without https, and against exec of a command that does nothing.
func BenchmarkExecToFirstToken(b *testing.B) { execToFirstToken(b) }

// BenchmarkExecToFirstTokenLarge: the same with 10,000 applications and 1,000
// pools in the config.
func BenchmarkExecToFirstTokenLarge(b *testing.B) {
	file := filepath.Join(b.TempDir(), "large.yaml")
	if err := os.WriteFile(file, largeConfig(b, 10_000, 1_000), 0o600); err != nil {
		b.Fatal(err)
	}
	execToFirstToken(b, "--config", file)
}

func execToFirstToken(b *testing.B, args ...string) {
	path := binary(b)
	state := filepath.Join(b.TempDir(), "state")
	var ours, plain, bare time.Duration
	for b.Loop() {
		ours += timeFirstToken(b, path, append(args, "--state", state)...)
		plain += timeFirstToken(b, path, append(args, "--https", "off")...)
		begin := time.Now()
		if err := exec.Command(path, "version").Run(); err != nil {
			b.Fatal(err)
		}
		bare += time.Since(begin)
	}
	b.ReportMetric(float64(ours.Microseconds())/1000/float64(b.N), "ms/first-token")
	b.ReportMetric(float64(ours)/float64(plain), "×without-https")
	b.ReportMetric(float64(ours)/float64(bare), "×bare-exec")
}

func timeFirstToken(b *testing.B, path string, args ...string) time.Duration {
	b.Helper()
	address := freeAddress(b)
	begin := time.Now()
	cmd := serveAt(b, path, address, args...)
	firstToken(b, address)
	took := time.Since(begin)
	stop(b, cmd)
	return took
}

// largeConfig is Acme with more applications and pools, as a file in the usual
// layout of YAML.
func largeConfig(b *testing.B, applications, pools int) []byte {
	b.Helper()
	head, rest, ok := strings.Cut(string(idpool.AcmeYAML), "clusters:")
	if !ok {
		b.Fatal("acme.yaml has another layout")
	}
	var text strings.Builder
	text.WriteString(head)
	for i := range applications {
		fmt.Fprintf(&text, "      - displayName: Client %d\n        appId: 00000000-0000-4000-8000-%012d\n"+
			"        passwordCredentials: [{secretText: secret-%d}]\n        appRoleAssignments:\n"+
			"          - {resource: be587d08-a466-45e9-a02a-dfdda6b4c765, roles: [dev.environmentAdmin]}\n", i, i, i)
	}
	text.WriteString("clusters:" + rest)
	for i := range pools {
		fmt.Fprintf(&text, "      - id: pool-%d\n        identityClaim: claims.azp\n"+
			"        filter: \"'dev.environmentAdmin' in claims.roles && claims.azp == '%d'\"\n"+
			"        roleBindings: [{role: CloudClusterAdmin, cluster: lkc-acme}]\n", i, i)
	}
	return []byte(text.String())
}

// BenchmarkResident: the memory of serve after 10,000 tokens.
func BenchmarkResident(b *testing.B) {
	path := binary(b)
	for b.Loop() {
		address := freeAddress(b)
		cmd := serveAt(b, path, address, "--state", "off")
		firstToken(b, address)
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for range 1250 {
					if err := token(address); err != nil {
						b.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
		b.ReportMetric(resident(b, cmd.Process.Pid), "MB")
		stop(b, cmd)
	}
}

// resident is VmRSS in MB (10⁶ bytes).
func resident(b *testing.B, pid int) float64 {
	b.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Skip("no /proc here: ", err)
	}
	_, after, _ := strings.Cut(string(status), "VmRSS:")
	kB, err := strconv.Atoi(strings.Fields(after)[0])
	if err != nil {
		b.Fatal(err)
	}
	return float64(kB) * 1024 / 1e6
}

// BenchmarkConfigLoad: reading a large config, against JSON of the same values
// read by encoding/json.
func BenchmarkConfigLoad(b *testing.B) {
	data := largeConfig(b, 10_000, 1_000)
	c, err := idpool.Parse("large.yaml", data)
	if err != nil {
		b.Fatal(err)
	}
	var plain struct {
		Tenants []idp.Tenant
		Pools   []pool.Config
	}
	plain.Tenants, plain.Pools = c.Tenants, c.IdentityProviders[0].IdentityPools
	text, err := json.Marshal(plain)
	if err != nil {
		b.Fatal(err)
	}
	var ours, bare time.Duration
	for b.Loop() {
		begin := time.Now()
		if _, err := idpool.Parse("large.yaml", data); err != nil {
			b.Fatal(err)
		}
		middle := time.Now()
		if err := json.Unmarshal(text, &plain); err != nil {
			b.Fatal(err)
		}
		ours += middle.Sub(begin)
		bare += time.Since(middle)
	}
	b.ReportMetric(float64(ours)/float64(bare), "×json")
}
