package main

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/idpool/idpool"
	"github.com/idpool/idpool/idp"
)

// Where the listeners are that go by Azure's names: those who have the names in
// their programs add no port.
const (
	azureHTTP  = "0.0.0.0:80"
	azureHTTPS = "0.0.0.0:443"
)

// The addresses that the image has in its environment, for those who give none.
const (
	imageHTTP  = "0.0.0.0:8080"
	imageHTTPS = "0.0.0.0:8443"
)

// azureNames tells whether Azure's names are this container's own. The zero value
// asks the machine.
type azureNames struct {
	lookup       func(ctx context.Context, host string) ([]string, error)
	addresses    func() ([]net.Addr, error)
	surroundings surroundings
}

// resolveIn is how long a name may take.
const resolveIn = 5 * time.Second

// azure prepares serve --azure-names. It is a flag and nothing that a config could
// say, and it needs a container whose network has the names for it: a host that
// took itself for Azure would keep all its users out.
func (a *app) azure(cmd *cobra.Command, f *serveFlags) error {
	if !f.azureNames {
		return nil
	}
	if len(f.public) > 0 {
		return usageError("", "serve: --azure-names and --public-url both say what the public URL is: leave one out")
	}
	if err := a.azureNames.check(cmd.Context()); err != nil {
		return err
	}
	a.settle(cmd, &f.webFlags)
	return nil
}

// settle drops the addresses that the image has in its environment where Azure's
// own ports are asked for. What is typed counts, and so does any other variable:
// somebody has set it.
func (a *app) settle(cmd *cobra.Command, f *webFlags) {
	for _, one := range []struct {
		flag, image string
		address     *string
	}{{"http", imageHTTP, &f.http}, {"https", imageHTTPS, &f.https}} {
		if f.azureNames && !a.typed(cmd, one.flag) && *one.address == one.image {
			*one.address = ""
		}
	}
}

// replaced are the settings of a config that --azure-names takes the place of. Every
// flag is over the config, but this one is over more than its name says.
func (f serveFlags) replaced(c idpool.Config) []string {
	if !f.azureNames {
		return nil
	}
	l := c.Listeners
	var out []string
	for _, one := range []struct{ field, is, becomes string }{
		{"listeners.http.address", l.HTTP.Address, cmp.Or(f.http, azureHTTP)},
		{"listeners.http.publicUrl", l.HTTP.PublicURL, azureURL("http")},
		{"listeners.https.address", l.HTTPS.Address, cmp.Or(f.https, azureHTTPS)},
		{"listeners.https.publicUrl", l.HTTPS.PublicURL, azureURL("https")},
		{"issuer", c.Issuer, azureIssuer},
	} {
		if one.is != "" && one.is != idpool.Off && one.is != one.becomes {
			out = append(out, one.field)
		}
	}
	return out
}

// warnOfReplaced logs them.
func warnOfReplaced(log *slog.Logger, settings []string) {
	if len(settings) > 0 {
		log.Warn("--azure-names replaces settings of the config", "settings", strings.Join(settings, ", "))
	}
}

// check is an error unless this is a container, in a network of its own, and each
// of the names leads to it alone.
func (n azureNames) check(ctx context.Context) error {
	own, err := n.own()
	if err != nil {
		return &exitError{exitRefused, fmt.Errorf("serve: --azure-names: the addresses of this machine: %v", err), ""}
	}
	lookup := n.lookup
	if lookup == nil {
		lookup = net.DefaultResolver.LookupHost
	}
	ctx, cancel := context.WithTimeout(ctx, resolveIn)
	defer cancel()
	var wrong []string
	for _, host := range idp.AzureHosts() {
		found, err := lookup(ctx, host)
		if reason := elsewhere(found, err, own); reason != "" {
			wrong = append(wrong, host+" leads to "+reason)
		}
	}
	if reason := n.surroundings.host(); reason != "" {
		wrong = append(wrong, reason)
	}
	if len(wrong) == 0 {
		return nil
	}
	return usageError("", "serve: --azure-names: %s: it is for a container that has %s as aliases in a network of containers: give it them there (--network-alias, or aliases: in a compose file), or use docker compose --profile azure",
		strings.Join(wrong, ", "), strings.Join(idp.AzureHosts(), ", "))
}

// own are the addresses of this machine's network interfaces without loopback.
func (n azureNames) own() (map[netip.Addr]bool, error) {
	list := n.addresses
	if list == nil {
		list = net.InterfaceAddrs
	}
	all, err := list()
	own := map[netip.Addr]bool{}
	for _, one := range all {
		if p, err := netip.ParsePrefix(one.String()); err == nil && !p.Addr().IsLoopback() {
			own[p.Addr().Unmap()] = true
		}
	}
	return own, err
}

// elsewhere says where a name leads to if not here; empty for here.
func elsewhere(found []string, err error, own map[netip.Addr]bool) string {
	if err != nil || len(found) == 0 {
		return "nothing"
	}
	for _, one := range found {
		ip, err := netip.ParseAddr(one)
		switch {
		case err == nil && ip.IsLoopback():
			return one + " (loopback, as a hosts file has it)"
		case err != nil || !own[ip.Unmap()]:
			return one + " (another machine)"
		}
	}
	return ""
}

// placePublic puts the URLs over the config, and with --azure-names the issuer too.
func (f serveFlags) placePublic(c *idpool.Config) error {
	if f.azureNames {
		beAzure(c)
	}
	return f.urlFlags.apply("serve", &c.Listeners)
}

// beAzure gives a config the URLs and the issuer of Azure AD.
func beAzure(c *idpool.Config) {
	c.Listeners.HTTP.PublicURL, c.Listeners.HTTPS.PublicURL = azureURL("http"), azureURL("https")
	c.Issuer = azureIssuer
}

// azureIssuer is the setting for Azure's own issuers.
const azureIssuer = "azure"

func azureURL(scheme string) string { return scheme + "://" + idp.AzureHost }
