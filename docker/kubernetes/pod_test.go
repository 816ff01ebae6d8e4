package kubernetes_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// built is the folder of the command that TestMain builds.
var built string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	var err error
	if built, err = os.MkdirTemp("", "idpool-kubernetes-"); err != nil {
		log.Print(err)
		return 1
	}
	defer os.RemoveAll(built)
	if err := os.Chmod(built, 0o755); err != nil { // the command runs as another user
		log.Print(err)
		return 1
	}
	build := exec.Command("go", "build", "-o", filepath.Join(built, "idpool"), "./cmd/idpool")
	build.Dir = "../.."
	if out, err := build.CombinedOutput(); err != nil {
		log.Printf("go build: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// command is the path of idpool.
func command(t *testing.T) string {
	t.Helper()
	return filepath.Join(built, "idpool")
}

// secrets are those that README.md tells to make.
func secrets(t *testing.T) map[string]map[string][]byte {
	t.Helper()
	dir := t.TempDir()
	if out, err := exec.Command(command(t), "ca", "--state", dir).CombinedOutput(); err != nil {
		t.Fatalf("idpool ca: %v\n%s", err, out)
	}
	files := map[string][]byte{}
	for _, name := range []string{"ca.pem", "ca.key"} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		files[name] = data
	}
	return map[string]map[string][]byte{"idpool-ca": files, "idpool-admin": {"token": []byte("a-token-of-the-test")}}
}

// pod is a process that runs as the container of a pod does: the same arguments,
// variables, files and user. Only ports are others, since all pods have one
// address here, and folders are below one.
type pod struct {
	whole
	env     []string
	ports   map[int32]string // where a port of the container is listened at
	held    []net.Listener   // of those ports, until the process begins, so that no two are the same
	served  atomic.Int32     // connections by which it has answered
	process *exec.Cmd
	log     bytes.Buffer // to be read when the process has ended
	ended   chan struct{}
	err     error // how it has ended
}

// cluster is what pods share.
type cluster struct {
	whole
	secrets map[string]map[string][]byte
	names   map[string]string // addresses of other Services that idpool connects to
	pods    []*pod
	next    atomic.Uint32
}

func newCluster(t *testing.T, folder string) *cluster {
	t.Helper()
	return &cluster{whole: decoded(t, build(t, folder)), secrets: secrets(t)}
}

// start starts a pod, and waits for its startup probe as the kubelet does.
func (c *cluster) start(t *testing.T) *pod {
	t.Helper()
	root, err := os.MkdirTemp("", "idpool-pod-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(root) })
	p := &pod{whole: c.whole, ports: map[int32]string{}, ended: make(chan struct{})}
	c.mount(t, root)
	p.translate(t, c.settings(t, c.secrets), root, c.names)
	for _, l := range p.held {
		_ = l.Close()
	}
	p.process = p.run(p.container().Args)
	p.process.Stdout, p.process.Stderr = &p.log, &p.log
	if err := p.process.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.err = p.process.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() { _ = p.end(t, syscall.SIGKILL) })
	p.await(t, p.container().StartupProbe)
	c.pods = append(c.pods, p)
	return p
}

// mount makes the volumes in a folder, with the modes that the kubelet gives them.
func (c *cluster) mount(t *testing.T, root string) {
	t.Helper()
	try := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	try(os.Chmod(root, 0o755))
	for _, m := range c.container().VolumeMounts {
		at := filepath.Join(root, m.MountPath)
		files, mode, group := c.files(t, m.Name)
		try(os.MkdirAll(filepath.Join(at, "..1"), 0o755))
		try(os.Symlink("..1", filepath.Join(at, "..data")))
		for name, data := range files {
			file := filepath.Join(at, "..1", name)
			try(os.WriteFile(file, data, mode))
			if os.Geteuid() == 0 {
				try(os.Chown(file, 0, group))
			}
			try(os.Chmod(file, mode)) // whatever umask says
			try(os.Symlink(filepath.Join("..data", name), filepath.Join(at, name)))
		}
	}
}

// files are those of a volume.
func (c *cluster) files(t *testing.T, name string) (files map[string][]byte, mode os.FileMode, group int) {
	t.Helper()
	spec := c.deployment.Spec.Template.Spec
	i := slices.IndexFunc(spec.Volumes, func(v corev1.Volume) bool { return v.Name == name })
	if i < 0 {
		t.Fatalf("no volume %s", name)
	}
	files, group = map[string][]byte{}, int(*spec.SecurityContext.FSGroup)
	v := spec.Volumes[i]
	if v.ConfigMap != nil {
		for key, text := range c.config(t, v.ConfigMap.Name) {
			files[key] = []byte(text)
		}
		return files, 0o644, group
	}
	for secret, data := range c.secrets {
		if v.Secret.SecretName == secret || strings.HasPrefix(v.Secret.SecretName, secret+"-") {
			files = data
		}
	}
	// With an fsGroup, the group may read whatever the mode says. Without root
	// the files are the user's own, and nobody else needs to.
	mode = os.FileMode(*v.Secret.DefaultMode) | 0o440
	if os.Geteuid() != 0 {
		mode &= 0o700
	}
	return files, mode, group
}

// translate sets the variables, with free ports and the folder of the volumes.
func (p *pod) translate(t *testing.T, settings map[string]string, root string, names map[string]string) {
	t.Helper()
	for name, value := range settings {
		for _, m := range p.container().VolumeMounts {
			if value == m.MountPath || strings.HasPrefix(value, m.MountPath+"/") {
				value = root + value
			}
		}
		if there, ok := names[value]; ok {
			value = there
		} else {
			value = address.ReplaceAllStringFunc(value, func(at string) string { return p.freePort(t, at) })
		}
		p.env = append(p.env, name+"="+value)
	}
}

// freePort is an address with a port that is free, in place of the container's. It
// is below those that a system gives to connections and to whoever asks for any
// port, since the process listens there later.
func (p *pod) freePort(t *testing.T, at string) string {
	t.Helper()
	host, number, _ := net.SplitHostPort(at)
	free, err := "", errors.New("no try")
	for try := 0; err != nil && try < 100; try++ {
		var l net.Listener
		free = strconv.Itoa(20000 + rand.IntN(12000))
		if l, err = net.Listen("tcp", net.JoinHostPort(host, free)); err == nil {
			p.held = append(p.held, l)
			t.Cleanup(func() { _ = l.Close() })
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.ParseInt(number, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	p.ports[int32(port)] = net.JoinHostPort("127.0.0.1", free)
	return net.JoinHostPort(host, free)
}

// run is the command as a process of the container.
func (p *pod) run(args []string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(built, "idpool"), args...)
	cmd.Env, cmd.Dir = p.env, "/"
	user := p.deployment.Spec.Template.Spec.SecurityContext
	if os.Geteuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(*user.RunAsUser),
			Gid: uint32(*user.RunAsGroup), Groups: []uint32{uint32(*user.FSGroup)}}}
	}
	return cmd
}

// probe runs a probe once.
func (p *pod) probe(probe *corev1.Probe) error {
	words := probe.Exec.Command
	if words[0] != "/idpool" {
		return fmt.Errorf("%q is not what the image has", words[0])
	}
	out, err := p.run(words[1:]).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%v: %s", err, out)
	}
	return nil
}

// await runs a probe until it succeeds, as long as it may fail.
func (p *pod) await(t *testing.T, probe *corev1.Probe) {
	t.Helper()
	deadline := time.Now().Add(time.Duration(probe.FailureThreshold*probe.PeriodSeconds) * time.Second)
	for {
		err := p.probe(probe)
		if err == nil {
			return
		}
		select {
		case <-p.ended:
			t.Fatalf("the pod has ended: %v\n%s", p.err, p.log.String())
		default:
		}
		if time.Now().After(deadline) {
			_ = p.end(t, syscall.SIGKILL)
			t.Fatalf("%v\n%s", err, p.log.String())
		}
	}
}

// end sends a signal, and says how the process ended.
func (p *pod) end(t *testing.T, signal syscall.Signal) error {
	t.Helper()
	_ = p.process.Process.Signal(signal) // it may have ended
	select {
	case <-p.ended:
		return p.err
	case <-time.After(time.Duration(*p.deployment.Spec.Template.Spec.TerminationGracePeriodSeconds) * time.Second):
		t.Errorf("%s: the pod has not ended", signal)
		return p.process.Process.Kill()
	}
}

// dial connects to a Service, by which one pod after the other is reached. One
// that takes no connection is passed over.
func (c *cluster) dial(ctx context.Context, network, at string) (net.Conn, error) {
	port, err := c.containerPort(at)
	if err != nil {
		return nil, err
	}
	first := int(c.next.Add(1))
	var d net.Dialer
	for i := range c.pods {
		var conn net.Conn
		p := c.pods[(first+i)%len(c.pods)]
		if conn, err = d.DialContext(ctx, network, p.ports[port]); err == nil {
			return &counted{Conn: conn, pod: p}, nil
		}
	}
	return nil, fmt.Errorf("%s: no pod: %v", at, err)
}

// counted is a connection that tells its pod of the first answer.
type counted struct {
	net.Conn
	pod  *pod
	once sync.Once
}

// Read reads from the pod.
func (c *counted) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 {
		c.once.Do(func() { c.pod.served.Add(1) })
	}
	return n, err
}

// only is the cluster as seen by who reaches one pod alone.
func (c *cluster) only(p *pod) *cluster {
	return &cluster{whole: c.whole, secrets: c.secrets, pods: []*pod{p}}
}
