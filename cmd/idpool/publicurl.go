package main

import (
	"net/url"
	"slices"

	"github.com/spf13/pflag"

	"github.com/idpool/idpool"
)

// urlFlags are the URLs that clients reach the identity provider by.
type urlFlags struct {
	public, inside []string
	ofAzure        bool // of the commands without a server: serve has --azure-names
}

func (f *urlFlags) add(flags *pflag.FlagSet) {
	f.addPublic(flags)
	flags.StringSliceVar(&f.inside, "inside-url", nil, "second `URL` of the http and of the https listener, by which clients inside a network reach it; tokens name the public one")
}

// addElsewhere is add for the commands that make and validate tokens themselves.
func (f *urlFlags) addElsewhere(flags *pflag.FlagSet) {
	f.addPublic(flags)
	flags.BoolVar(&f.ofAzure, "azure-names", false, "be about a serve --azure-names: tokens have Azure's issuer")
}

func (f *urlFlags) addPublic(flags *pflag.FlagSet) {
	flags.StringSliceVar(&f.public, "public-url", nil, "`URL` by which clients reach the http or the https listener, which is in the issuer of tokens; one for each, with a comma between")
}

// place has a config mint and validate tokens as a serve with these URLs does.
func (f urlFlags) place(command string, c *idpool.Config) error {
	if f.ofAzure {
		beAzure(c)
	}
	return f.apply(command, &c.Listeners)
}

// apply puts the URLs over the config's. An https URL is that of the http
// listener where the https listener is off: a proxy before it ends TLS then.
func (f urlFlags) apply(command string, l *idpool.Listeners) error {
	web, secure := place{"http", l.HTTP.Address, &l.HTTP.PublicURL}, place{"https", l.HTTPS.Address, &l.HTTPS.PublicURL}
	if secure.address == idpool.Off {
		secure = web
	}
	if err := placeURLs(command+": --public-url", f.public, web, secure); err != nil {
		return err
	}
	return placeURLs(command+": --inside-url", f.inside,
		place{"http", l.HTTP.Address, &l.HTTP.InsideURL}, place{"https", l.HTTPS.Address, &l.HTTPS.InsideURL})
}

// preferTo leaves out the http listener where only an https URL is given: what is
// made for the server is made for that URL.
func (f urlFlags) preferTo(l *idpool.Listeners) {
	given := func(url string) bool { return url != "" && slices.Contains(f.public, url) }
	if given(l.HTTPS.PublicURL) && !given(l.HTTP.PublicURL) {
		l.HTTP.Address = idpool.Off
	}
}

// place is where a URL of a listener goes.
type place struct {
	listener, address string
	url               *string
}

// placeURLs gives each of a flag's URLs to the listener of its scheme.
func placeURLs(flag string, urls []string, web, secure place) error {
	taken := map[string]string{}
	for _, one := range urls {
		u, err := url.Parse(one)
		if err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
			return usageError("", "%s: %q is no URL, want one such as http://localhost:8080", flag, one)
		}
		to := map[string]place{"http": web, "https": secure}[u.Scheme]
		first := taken[to.listener]
		switch {
		case to.address == idpool.Off:
			return usageError("", "%s: %q is for the %s listener, which is off", flag, one, to.listener)
		case first != "":
			return usageError("", "%s: %q and %q are both for the %s listener, want one", flag, first, one, to.listener)
		}
		taken[to.listener], *to.url = one, one
	}
	return nil
}
