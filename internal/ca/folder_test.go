package ca

import (
	"bytes"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// open makes the authority of a new folder.
func open(t *testing.T) (string, *Authority) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "a", "state")
	a, err := Open(dir, now)
	if err != nil {
		t.Fatal(err)
	}
	return dir, a
}

func TestAFolderKeepsItsAuthority(t *testing.T) {
	dir, first := open(t)
	second, err := Open(dir, now.AddDate(5, 0, 0))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first.PEM(), second.PEM()) || !first.key.Equal(second.key) {
		t.Error("opened again, it is another")
	}
	if second.Path() != filepath.Join(dir, "ca.pem") || second.Path() != CertificatePath(dir) {
		t.Errorf("path %q", second.Path())
	}
	if key := second.KeyPath(); key != filepath.Join(dir, "ca.key") || fresh(t).KeyPath() != "" {
		t.Errorf("key %q", key)
	}
	written, err := os.ReadFile(second.Path())
	if err != nil || !bytes.Equal(written, second.PEM()) {
		t.Errorf("%v: the file is not what PEM gives", err)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 2 {
		t.Errorf("%v, %v: want two files and nothing temporary", left, err)
	}
}

func TestPermissionBits(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such bits")
	}
	dir, _ := open(t)
	for name, want := range map[string]fs.FileMode{filepath.Join(dir, "ca.pem"): 0o644, filepath.Join(dir, "ca.key"): 0o600} {
		info, err := os.Stat(name)
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: mode %v (%v), want %v", name, info.Mode().Perm(), err, want)
		}
	}
	for mode, fine := range map[fs.FileMode]bool{0o644: false, 0o640: false, 0o660: false, 0o620: false, 0o601: false, 0o600: true, 0o400: true} {
		if err := os.Chmod(filepath.Join(dir, "ca.key"), mode); err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprintf("is open to others than its owner (mode %04o): run chmod 600", mode)
		if _, err := Open(dir, now); (err == nil) != fine || !fine && !strings.Contains(err.Error(), want) {
			t.Errorf("mode %04o: %v", mode, err)
		}
	}
}

// TestACrashBetweenTheFiles: a key without a certificate is what a process
// leaves that ends at the wrong moment, and nobody trusts it yet.
func TestACrashBetweenTheFiles(t *testing.T) {
	dir, first := open(t)
	if err := os.Remove(first.Path()); err != nil {
		t.Fatal(err)
	}
	second, err := Open(dir, now)
	if err != nil || !second.key.Equal(first.key) {
		t.Errorf("%v, want a certificate for the key that is there", err)
	}
}

func TestWhatAFolderMayNotHold(t *testing.T) {
	good, _ := open(t)
	read := func(name string) string {
		data, err := os.ReadFile(filepath.Join(good, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	certificate, key := read("ca.pem"), read("ca.key")
	other, _ := open(t)
	otherKey, err := os.ReadFile(filepath.Join(other, "ca.key"))
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := fresh(t).Issue([]string{"localhost"}, now)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name, certificate, key string // "-" leaves the file out
		now                    time.Time
		file, want             string
	}{
		{"half a certificate", certificate[:len(certificate)/2], key, now, "ca.pem", "is not exactly one CERTIFICATE in PEM: it is cut off"},
		{"an empty certificate", "", key, now, "ca.pem", "is not exactly one CERTIFICATE"},
		{"two certificates", certificate + certificate, key, now, "ca.pem", "is not exactly one CERTIFICATE"},
		{"a certificate with text before it", "Subject: x\n" + certificate, key, now, "ca.pem", "is not exactly one CERTIFICATE"},
		{"rubbish in PEM", "-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n", key, now, "ca.pem", "holds no certificate that can be read"},
		{"the key in the certificate's place", key, key, now, "ca.pem", "is not exactly one CERTIFICATE"},
		{"somebody else's certificate", string(encodeCertificate(leaf.Leaf)), key, now, "ca.pem", "is not a certificate that idpool made"},
		{"a large certificate", strings.Repeat("x", 70_000), key, now, "ca.pem", "has more than 65536 bytes"},
		{"half a key", certificate, key[:len(key)/2], now, "ca.key", "is not exactly one PRIVATE KEY in PEM: it is cut off"},
		{"an empty key", certificate, "", now, "ca.key", "is not exactly one PRIVATE KEY"},
		{"rubbish in PEM for a key", certificate, "-----BEGIN PRIVATE KEY-----\naGVsbG8=\n-----END PRIVATE KEY-----\n", now, "ca.key", "holds no key that can be read"},
		{"another kind of key", certificate, ed25519Key, now, "ca.key", "is not a key that idpool made"},
		{"the key of another authority", certificate, string(otherKey), now, "ca.pem", "does not belong to the key in"},
		{"no key", certificate, "-", now, "ca.key", "is missing beside its certificate"},
		{"an authority that has ended", certificate, key, now.AddDate(10, 0, 1), "ca.pem", "ended 2036-11-23"},
		{"a clock before its begin", certificate, key, now.AddDate(-21, 0, 0), "ca.pem", "begins 2006-11-23T15:00:00Z, and the clock of this machine says 2005-11-23T15:00:00Z: set the clock right"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			for name, text := range map[string]string{"ca.pem": tc.certificate, "ca.key": tc.key} {
				if text == "-" {
					continue
				}
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			_, err := Open(dir, tc.now)
			var of *Error
			if !errors.As(err, &of) || of.Err != nil || of.Path != filepath.Join(dir, tc.file) || !strings.Contains(of.Problem, tc.want) {
				t.Fatalf("got %v, want %s: %s", err, tc.file, tc.want)
			}
			if strings.Contains(err.Error(), "BEGIN") || tc.key != "" && tc.key != "-" && strings.Contains(err.Error(), tc.key[30:60]) {
				t.Errorf("the message has what the file has: %v", err)
			}
			if tc.file == "ca.pem" && tc.key == key { // it is left as it was
				if now, err := os.ReadFile(of.Path); err != nil || string(now) != tc.certificate {
					t.Errorf("the file was changed (%v)", err)
				}
			}
		})
	}
}

// ed25519Key is a key of the right form and of no use here; it is of nobody.
const ed25519Key = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f\n-----END PRIVATE KEY-----\n"

func TestAChangedCertificateIsRefused(t *testing.T) {
	dir, a := open(t)
	der := bytes.Clone(a.Certificate().Raw)
	der[len(der)-1] ^= 1 // in the signature
	changed := *a.Certificate()
	changed.Raw = der
	if err := os.WriteFile(a.Path(), encodeCertificate(&changed), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, now); err == nil || !strings.Contains(err.Error(), "has been changed") {
		t.Errorf("%v", err)
	}
}

// TestWhatCannotBeReadOrWritten: the operating system's reasons can be matched,
// so that a command may do without a folder.
func TestWhatCannotBeReadOrWritten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var of *Error
	if _, err := Open(filepath.Join(file, "below"), now); !errors.As(err, &of) || of.Err == nil || !strings.Contains(err.Error(), "cannot make the folder") {
		t.Errorf("below a file: %v", err)
	}
	if _, err := Open("", now); !errors.As(err, &of) || of.Err != nil {
		t.Errorf("no folder: %v", err)
	}
	loop := filepath.Join(t.TempDir(), "loop")
	if err := os.Symlink("loop", loop); err == nil { // Windows may refuse
		if _, err := Open(filepath.Join(loop, "state"), now); !errors.As(err, &of) || of.Err == nil || !strings.Contains(err.Error(), "cannot read the folder") {
			t.Errorf("below what cannot be looked at: %v", err)
		}
	}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "ca.pem"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, now); err == nil || !strings.Contains(err.Error(), "is no file but a folder") {
		t.Errorf("a folder for a file: %v", err)
	}
}

// TestTheWrongFolder: people who keep a CA of their own by these names must not
// be told to remove it.
func TestTheWrongFolder(t *testing.T) {
	_, a := open(t)
	keyPEM, err := os.ReadFile(a.KeyPath())
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := a.Issue([]string{"localhost"}, now)
	if err != nil {
		t.Fatal(err)
	}
	own, key, theirs := string(a.PEM()), string(keyPEM), string(encodeCertificate(leaf.Leaf))
	rsaKey := string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: []byte("of no use")}))
	for _, tc := range []struct{ name, certificate, key, file string }{
		{"another's certificate, without a key", theirs, "", "ca.pem"},
		{"another's certificate and key", theirs, rsaKey, "ca.pem"},
		{"another's certificate beside idpool's key", theirs, key, "ca.pem"},
		{"a bundle", own + theirs, key, "ca.pem"},
		{"text before the certificate", "Certificate:\n" + theirs, key, "ca.pem"},
		{"another's key alone", "", rsaKey, "ca.key"},
		{"another's key in PKCS #8", own, ed25519Key, "ca.key"},
		{"an encrypted key", own, strings.ReplaceAll(rsaKey, "RSA", "ENCRYPTED"), "ca.key"},
	} {
		dir := t.TempDir()
		for name, text := range map[string]string{"ca.pem": tc.certificate, "ca.key": tc.key} {
			if text == "" {
				continue
			}
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil { // as others' often are
				t.Fatal(err)
			}
		}
		_, err := Open(dir, now)
		var of *Error
		if !errors.As(err, &of) || of.Path != filepath.Join(dir, tc.file) || !strings.Contains(of.Problem, "the right --state folder?") || strings.Contains(of.Problem, "remove") {
			t.Errorf("%s: %v, want the question whether the folder is right, about %s", tc.name, err, tc.file)
		}
	}
}

// opener is the environment variable by which the test runs itself to open a
// folder.
const opener = "IDPOOL_TEST_CA_OPEN"

// TestMain is the other process of TestProcessesThatStartAtOnce, where the
// variable is set.
func TestMain(m *testing.M) {
	dir := os.Getenv(opener)
	if dir == "" {
		os.Exit(m.Run())
	}
	a, err := Open(dir, now)
	if err != nil {
		os.Stderr.WriteString(err.Error())
		os.Exit(1)
	}
	os.Stdout.WriteString(a.Fingerprint())
}

// TestProcessesThatStartAtOnce agree on one authority, also when they start
// where nothing is.
func TestProcessesThatStartAtOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	got := make([]string, 8)
	var wg sync.WaitGroup
	for i := range got {
		wg.Go(func() {
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), opener+"="+dir)
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Errorf("%v: %s", err, out)
			}
			got[i] = string(out)
		})
	}
	wg.Wait()
	for _, one := range got {
		if one != got[0] || len(one) != 95 {
			t.Fatalf("the processes have the authorities %q", got)
		}
	}
}

// TestThreadsThatStartAtOnce is the same race, much tighter.
func TestThreadsThatStartAtOnce(t *testing.T) {
	for range 20 {
		dir := filepath.Join(t.TempDir(), "state")
		got := make([]string, 8)
		var wg sync.WaitGroup
		for i := range got {
			wg.Go(func() {
				a, err := Open(dir, now)
				if err != nil {
					t.Error(err)
					return
				}
				got[i] = a.Fingerprint()
			})
		}
		wg.Wait()
		for _, one := range got {
			if one != got[0] {
				t.Fatalf("the authorities %q", got)
			}
		}
	}
}

// FuzzFolder reads whatever files: no panic, and what is accepted is an
// authority that can sign.
func FuzzFolder(f *testing.F) {
	dir := f.TempDir()
	if _, err := Open(dir, now); err != nil {
		f.Fatal(err)
	}
	certificate, err := os.ReadFile(filepath.Join(dir, "ca.pem"))
	if err != nil {
		f.Fatal(err)
	}
	key, err := os.ReadFile(filepath.Join(dir, "ca.key"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(certificate, key)
	f.Add(key, certificate)
	f.Add([]byte("-----BEGIN CERTIFICATE-----\n"), []byte(ed25519Key))
	f.Fuzz(func(t *testing.T, certificate, key []byte) {
		at := folder{key: "ca.key", certificate: "ca.pem"}
		private, err := at.parseKey(key)
		if err != nil {
			return
		}
		a, err := at.authority(certificate, private, now)
		if err != nil {
			return
		}
		if _, err := a.Issue([]string{"localhost"}, now); err != nil {
			t.Errorf("accepted, and cannot sign: %v", err)
		}
	})
}

// BenchmarkOpen is what each start with a folder pays.
func BenchmarkOpen(b *testing.B) {
	dir := b.TempDir()
	for b.Loop() {
		a, err := Open(dir, now)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := a.Issue([]string{"localhost"}, now); err != nil {
			b.Fatal(err)
		}
	}
}
