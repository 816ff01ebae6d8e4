package ca

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// The files of a folder.
const (
	certificateFile = "ca.pem"
	keyFile         = "ca.key"
)

// maxFile is far more than either file has.
const maxFile = 64 << 10

// CertificatePath is the file of the certificate in a folder, whether it is
// there or not.
func CertificatePath(dir string) string { return filepath.Join(dir, certificateFile) }

// Open reads the authority of a folder, and makes folder and authority when
// they are not there. Processes that do so at once agree on one authority. What
// is there and is no authority of idpool, or no longer a valid one, is refused
// and left as it is: a person trusts the authority by hand, and must learn that
// it is another.
func Open(dir string, now time.Time) (*Authority, error) {
	if dir == "" {
		return nil, &Error{Problem: "no folder is given to keep the authority in"}
	}
	if err := makeFolder(dir); err != nil {
		return nil, err
	}
	f := folder{key: filepath.Join(dir, keyFile), certificate: CertificatePath(dir)}
	// The key is always written first. So a certificate that is seen before its
	// key is looked for has lost it, however many processes start at once.
	certificate, err := read(f.certificate)
	if err != nil {
		return nil, err
	}
	if foreign(certificate) { // before its key is missed, or found too open
		return nil, f.elsewhere(f.certificate, "is not a certificate that idpool made")
	}
	key, err := f.ownKey(certificate != nil)
	if err != nil {
		return nil, err
	}
	if certificate == nil {
		if certificate, err = f.newCertificate(key, now); err != nil {
			return nil, err
		}
	}
	return f.authority(certificate, key, now)
}

// folder names the two files.
type folder struct{ key, certificate string }

// The modes of what is made. The certificate is for everybody; that nobody else
// can use the key is its own mode's doing, not the folder's.
const (
	folderMode      fs.FileMode = 0o755
	certificateMode fs.FileMode = 0o644
	keyMode         fs.FileMode = 0o600
)

// makeFolder makes a folder that is not there, and those above it for its user
// alone. One that is there keeps its mode.
func makeFolder(dir string) error {
	// MkdirAll takes one that it cannot look at for one that is missing.
	_, err := os.Stat(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) {
		return ioError(dir, "read the folder", err)
	}
	if err != nil {
		err = os.MkdirAll(filepath.Dir(dir), 0o700)
	}
	if err == nil {
		err = os.MkdirAll(dir, folderMode) // refuses what is there and no folder
	}
	if err != nil {
		return ioError(dir, "make the folder", err)
	}
	return nil
}

// elsewhere is the error about a file that another program or person made, and
// that must not be removed: most likely the folder is another than was meant.
func (f folder) elsewhere(path, what string) error {
	return &Error{Path: path, Problem: fmt.Sprintf("%s: is %q the right --state folder? idpool leaves the file as it is", what, filepath.Dir(path))}
}

// startOver ends the messages about files that hold something wrong.
func (f folder) startOver() string {
	return fmt.Sprintf("to get a new authority, which must be trusted anew, remove %q and %q", f.certificate, f.key)
}

// ownKey reads the key, or makes it when nothing depends on it yet.
func (f folder) ownKey(hasCertificate bool) (*ecdsa.PrivateKey, error) {
	data, err := read(f.key)
	if err == nil && data == nil && hasCertificate {
		return nil, &Error{Path: f.key, Problem: "is missing beside its certificate; " + f.startOver()}
	}
	if err == nil && data == nil {
		data, err = newKey(f.key)
	}
	if err != nil {
		return nil, err
	}
	key, err := f.parseKey(data)
	if err != nil {
		return nil, err
	}
	return key, private(f.key)
}

// newKey writes a key, or reads that of another process which was faster.
func newKey(name string) ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, &Error{Problem: "generate a key: " + err.Error()}
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, &Error{Problem: "encode a key: " + err.Error()}
	}
	return writeOnce(name, keyMode, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}))
}

func (f folder) newCertificate(key *ecdsa.PrivateKey, now time.Time) ([]byte, error) {
	certificate, err := selfSign(key, now)
	if err != nil {
		return nil, err
	}
	return writeOnce(f.certificate, certificateMode, encodeCertificate(certificate))
}

func (f folder) parseKey(data []byte) (*ecdsa.PrivateKey, error) {
	wrong := func(what string) error {
		return &Error{Path: f.key, Problem: what + "; " + f.startOver()}
	}
	if foreign(data) {
		return nil, f.elsewhere(f.key, "is not a key that idpool made, which is ECDSA P-256 in PKCS #8")
	}
	der, ok := onlyBlock(data, "PRIVATE KEY")
	if !ok {
		return nil, wrong("is not exactly one PRIVATE KEY in PEM: it is cut off, or not idpool's")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	key, ok := parsed.(*ecdsa.PrivateKey)
	if err != nil || !ok { // another kind was foreign
		return nil, wrong("holds no key that can be read")
	}
	return key, nil
}

// authority checks that certificate and key are one that idpool made and that
// clients accept today.
func (f folder) authority(data []byte, key *ecdsa.PrivateKey, now time.Time) (*Authority, error) {
	wrong := func(format string, args ...any) (*Authority, error) {
		return nil, &Error{Path: f.certificate, Problem: fmt.Sprintf(format, args...) + "; " + f.startOver()}
	}
	der, ok := onlyBlock(data, "CERTIFICATE")
	if !ok {
		return wrong("is not exactly one CERTIFICATE in PEM: it is cut off, or not idpool's")
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return wrong("holds no certificate that can be read")
	}
	switch {
	case foreign(data):
		return nil, f.elsewhere(f.certificate, "is not a certificate that idpool made")
	case !key.PublicKey.Equal(c.PublicKey):
		return wrong("does not belong to the key in %q", f.key)
	case c.CheckSignatureFrom(c) != nil:
		return wrong("has been changed: its signature is wrong")
	case now.After(c.NotAfter):
		return wrong("ended %s", c.NotAfter.Format(time.DateOnly))
	case now.Before(c.NotBefore):
		return wrong("begins %s, and the clock of this machine says %s: set the clock right", c.NotBefore.Format(time.RFC3339), now.UTC().Format(time.RFC3339))
	}
	return &Authority{certificate: c, key: key, path: f.certificate}, nil
}

// foreign says whether a file has a key or certificate that can be read and that
// idpool did not make. What is cut off or changed may have been its own.
func foreign(data []byte) bool {
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		switch block.Type {
		case "CERTIFICATE":
			c, err := x509.ParseCertificate(block.Bytes)
			if err == nil && !(c.IsCA && strings.HasPrefix(c.Subject.CommonName, subject)) {
				return true
			}
		case "PRIVATE KEY":
			parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
			if key, ok := parsed.(*ecdsa.PrivateKey); err == nil && !(ok && key.Curve == elliptic.P256()) {
				return true
			}
		default: // such as RSA PRIVATE KEY
			return true
		}
	}
	return false
}

// onlyBlock decodes a text that is one PEM block of a type and nothing else.
func onlyBlock(data []byte, kind string) ([]byte, bool) {
	block, rest := pem.Decode(data)
	if block == nil || block.Type != kind || len(bytes.TrimSpace(rest)) > 0 || !bytes.HasPrefix(data, []byte("-----BEGIN ")) {
		return nil, false
	}
	return block.Bytes, true
}

// private refuses a key that others than its owner may use: who has it can
// pretend to be any site to whoever trusts the authority. That of another user
// may be read by the group, since nobody but that user could change it.
func private(name string) error {
	if runtime.GOOS == "windows" {
		return nil // has no such bits
	}
	info, err := os.Stat(name)
	if err != nil {
		return ioError(name, "look at the key", err)
	}
	others := fs.FileMode(0o077)
	if byGroup(info) {
		others = 0o037
	}
	if mode := info.Mode().Perm(); mode&others != 0 {
		return &Error{Path: name, Problem: fmt.Sprintf("is open to others than its owner (mode %04o): run chmod 600 on it; if somebody may have read it, a new authority is better", mode)}
	}
	return nil
}

// read reads a small file. nil means that there is none.
func read(name string) ([]byte, error) {
	info, err := os.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, ioError(name, "read", err)
	}
	if !info.Mode().IsRegular() { // to open a pipe would wait for its writer
		return nil, &Error{Path: name, Problem: "is no file but a folder, a device or the like"}
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, ioError(name, "read", err)
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil {
		return nil, ioError(name, "read", err)
	}
	if len(data) > maxFile {
		return nil, &Error{Path: name, Problem: fmt.Sprintf("has more than %d bytes: it is not idpool's", maxFile)}
	}
	return append([]byte{}, data...), nil
}

// writeOnce makes a file that appears whole or not at all, and returns what is
// in it: the data, or what another process wrote first.
func writeOnce(name string, mode fs.FileMode, data []byte) ([]byte, error) {
	temporary, err := os.CreateTemp(filepath.Dir(name), ".ca-*") // with mode 0600
	if err != nil {
		return nil, ioError(name, "write", err)
	}
	defer os.Remove(temporary.Name())
	_, err = temporary.Write(data)
	if mode != keyMode {
		_ = temporary.Chmod(mode) // a file system without modes has others read it anyway
	}
	if err = errors.Join(err, temporary.Sync(), temporary.Close()); err != nil {
		return nil, ioError(name, "write", err)
	}
	err = os.Link(temporary.Name(), name)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		err = writeExclusive(name, mode, data) // a file system without hard links
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, ioError(name, "write", err)
	}
	return read(name)
}

// writeExclusive lets one process win too, but others may see half a file.
func writeExclusive(name string, mode fs.FileMode, data []byte) error {
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	return errors.Join(err, file.Close())
}

// ioError says which file and why, once: the operating system's error has the
// path too.
func ioError(path, doing string, err error) error {
	reason := err
	var ofPath *fs.PathError
	var ofLink *os.LinkError
	switch {
	case errors.As(err, &ofPath):
		reason = ofPath.Err
	case errors.As(err, &ofLink):
		reason = ofLink.Err
	}
	return &Error{Path: path, Problem: fmt.Sprintf("cannot %s: %v", doing, reason), Err: err}
}
