package kafkabroker

import (
	"os"
	"os/exec"
	"syscall"
	"time"
)

// process is a program that dies with this one, however that ends.
type process struct {
	cmd   *exec.Cmd
	leash *os.File
	done  chan struct{} // closed when the program has ended
}

// leashed becomes the program, beside a shell that waits at its end of a pipe:
// a line means that the program has ended, and no line that whoever started it
// has, killed or by os.Exit, without stopping it.
const leashed = `exec 3<&0
{ read -r _ <&3 || kill -9 $$; } >/dev/null 2>&1 &
exec "$@" 3<&- </dev/null`

// launch starts a program that prints to a file.
func launch(out *os.File, program string, arguments ...string) (*process, error) {
	held, leash, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command("sh", append([]string{"-c", leashed, "sh", program}, arguments...)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = held, out, out
	cmd.Env = environment()
	err = cmd.Start()
	_ = held.Close()
	if err != nil {
		_ = leash.Close()
		return nil, err
	}
	p := &process{cmd: cmd, leash: leash, done: make(chan struct{})}
	go p.wait()
	return p, nil
}

// environment is what a JVM needs of this process's: options for other JVMs are
// none of the brokers'.
func environment() []string {
	var kept []string
	for _, name := range []string{"PATH", "HOME", "LANG", "TMPDIR", "JAVA_HOME"} {
		if value, ok := os.LookupEnv(name); ok {
			kept = append(kept, name+"="+value)
		}
	}
	return kept
}

func (p *process) wait() {
	_ = p.cmd.Wait()
	_, _ = p.leash.WriteString("\n")
	_ = p.leash.Close()
	close(p.done)
}

// running is false for a program that has ended and for none.
func (p *process) running() bool {
	if p == nil {
		return false
	}
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// terminate asks the program to end and waits. It is false, and the program is
// killed, when that takes too long.
func (p *process) terminate(limit time.Duration) bool {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
		return true
	case <-time.After(limit):
		p.kill()
		return false
	}
}

// kill ends the program at once and waits.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}
