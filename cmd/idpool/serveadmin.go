package main

import (
	"cmp"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/idpool/idpool"
)

// adminTokenVariable is the environment variable of the admin token, for serve
// and for the commands that talk to it.
const adminTokenVariable = "IDPOOL_ADMIN_TOKEN"

// serveAdminFlags are the flags of serve that are about the admin listener.
type serveAdminFlags struct {
	admin, token string
	insecure     bool
	flags        *pflag.FlagSet // tells a flag that is empty from one that is absent
}

func (f *serveAdminFlags) add(flags *pflag.FlagSet) {
	f.flags = flags
	flags.StringVar(&f.admin, "admin", "", "`ADDR` of the admin listener, or off (default \""+defaultAdmin+"\")")
	flags.StringVar(&f.token, "admin-token", "", "`TOKEN` that the admin API asks for; ps shows it to every user of the machine, "+adminTokenVariable+" does not")
	flags.BoolVar(&f.insecure, "insecure-admin-without-token", false, "let everybody who reaches the admin listener mint tokens and read secrets")
}

// apply puts the flags over the config.
func (f serveAdminFlags) apply(l *idpool.AdminListener) error {
	token, err := givenToken(f.flags, f.token)
	if err != nil {
		return err
	}
	f.admin = listenable(f.admin)
	l.Address = cmp.Or(f.admin, l.Address, defaultAdmin)
	l.Token = cmp.Or(token, l.Token)
	l.InsecureWithoutToken = l.InsecureWithoutToken || f.insecure
	if !isListen(l.Address) {
		from := "--admin"
		if f.admin == "" {
			from = "listeners.admin.address"
		}
		return usageError("", "serve: %s: %q is no address, want HOST:PORT such as %s, or off", from, l.Address, defaultAdmin)
	}
	if f.admin != "" && fromNetwork(f.admin) && l.Token == "" && !l.InsecureWithoutToken {
		return usageError("set "+adminTokenVariable+" or --admin-token, or --insecure-admin-without-token where nobody else is",
			"serve: --admin: %s is reached from the network, where anybody could mint tokens", f.admin)
	}
	return nil
}

// givenToken is the admin token of the flag, which has it from the environment
// where it is not on the command line.
func givenToken(flags *pflag.FlagSet, token string) (string, error) {
	if flags.Changed("admin-token") && token == "" { // a shell variable that is not set
		return "", usageError("leave the flag out for no token", "--admin-token is empty")
	}
	if strings.ContainsAny(token, " \t\r\n") {
		return "", usageError("", "--admin-token: a token has no white space")
	}
	return token, nil
}

// listenable is the address in the URL of an admin listener, as the commands that
// ask it have it: they and serve share a variable. What is no http URL stays.
func listenable(admin string) string {
	return strings.TrimSuffix(strings.TrimPrefix(admin, "http://"), "/")
}

// isListen says whether a listener can be at an address, or is off.
func isListen(address string) bool {
	_, port, err := net.SplitHostPort(address)
	_, notNumber := strconv.ParseUint(port, 10, 16)
	return address == idpool.Off || err == nil && notNumber == nil && !strings.ContainsAny(address, " /")
}

// fromNetwork says whether an address is reached from other machines. What is
// no address is for the config's check to refuse.
func fromNetwork(address string) bool {
	host, _, err := net.SplitHostPort(address)
	ip := net.ParseIP(host)
	return err == nil && host != "localhost" && (ip == nil || !ip.IsLoopback())
}

// warnOfAdmin says loudly what an admin API without a token is.
func warnOfAdmin(w io.Writer, c idpool.Config, url string) {
	if l := c.Listeners.Admin; l.InsecureWithoutToken && l.Token == "" && url != "" {
		p := paintFor(w)
		fmt.Fprintf(w, "%s the admin API at %s asks for no token: whoever reaches it, also by a web page that a\nbrowser here shows, can mint every token and read every secret of the config\n", p.bold(p.red("WARNING:")), url)
	}
}

// behindAdmin says in a word whether the admin API asks for a token.
func behindAdmin(c idpool.Config) string {
	switch l := c.Listeners.Admin; {
	case l.Address == idpool.Off:
		return ""
	case l.Token != "":
		return " (asks for its token)"
	case l.InsecureWithoutToken:
		return " (OPEN: asks for no token)"
	}
	return ""
}
