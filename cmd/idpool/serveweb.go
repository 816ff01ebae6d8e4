package main

import (
	"cmp"

	"github.com/spf13/pflag"

	"github.com/idpool/idpool"
)

// webFlags are the flags of serve that are about the http and https listeners,
// which health has too.
type webFlags struct {
	http, https string
	azureNames  bool
}

func (f *webFlags) add(flags *pflag.FlagSet) {
	flags.StringVar(&f.http, "http", "", "`ADDR` of the http listener, or off (default \""+defaultHTTP+"\")")
	flags.StringVar(&f.https, "https", "", "`ADDR` of the https listener, or off (default \""+defaultHTTPS+"\")")
	flags.BoolVar(&f.azureNames, "azure-names", false, "be login.microsoftonline.com inside a container network that has this container by Azure's names: http at port 80, https at 443, issuer azure; refused on a host")
}

// apply puts the addresses over the config's.
func (f webFlags) apply(l *idpool.Listeners) {
	web, secure := cmp.Or(l.HTTP.Address, defaultHTTP), cmp.Or(l.HTTPS.Address, defaultHTTPS)
	if f.azureNames && web != idpool.Off {
		web = azureHTTP
	}
	if f.azureNames && secure != idpool.Off {
		secure = azureHTTPS
	}
	l.HTTP.Address, l.HTTPS.Address = cmp.Or(f.http, web), cmp.Or(f.https, secure)
}
