package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/spf13/cobra"

	"github.com/idpool/idpool"
	"github.com/idpool/idpool/internal/ca"
)

// trustGuide says how one system or library is made to trust the CA. In its
// texts {ca} is the certificate's file as a shell takes it, {path} the same
// unquoted, and {name} the certificate's common name.
type trustGuide struct {
	For      string   `json:"for"`
	Note     string   `json:"note,omitempty"`
	Commands []string `json:"commands"`
	Undo     []string `json:"undo,omitempty"` // empty: leave the setting out again
}

// trustGuides are the guides, systems first. What Kafka clients take is from
// kafka-oauthbearer.md 5 (librdkafka) and from Kafka's JaasOptionsUtils, which
// reads ssl.* among the options of the login module.
var trustGuides = []trustGuide{
	{"Debian, Ubuntu", "For every program that uses the system's certificates.", []string{
		"sudo install -m 644 {ca} /usr/local/share/ca-certificates/idpool.crt",
		"sudo update-ca-certificates",
	}, []string{
		"sudo rm /usr/local/share/ca-certificates/idpool.crt",
		"sudo update-ca-certificates --fresh",
	}},
	{"RHEL, Fedora", "For every program that uses the system's certificates.", []string{
		"sudo install -m 644 {ca} /etc/pki/ca-trust/source/anchors/idpool.pem",
		"sudo update-ca-trust extract",
	}, []string{
		"sudo rm /etc/pki/ca-trust/source/anchors/idpool.pem",
		"sudo update-ca-trust extract",
	}},
	{"macOS", "For every program that uses the system's certificates.", []string{
		"sudo security add-trusted-cert -d -r trustRoot -k /Library/Keychains/System.keychain {ca}",
	}, []string{
		"sudo security delete-certificate -c '{name}' -t /Library/Keychains/System.keychain",
	}},
	{"Windows", "For the programs of the current user.", []string{
		`certutil -user -addstore Root "{path}"`,
	}, []string{
		`certutil -user -delstore Root "{name}"`,
	}},
	{"curl", "", []string{
		"curl --cacert {ca} https://localhost:8443/common/discovery/v2.0/keys",
	}, nil},
	{"Go", "In a Go test, Stack.Client() trusts it already. SSL_CERT_FILE replaces the system's certificates, on Linux and the BSDs only; in code, everywhere:", []string{
		"export SSL_CERT_FILE={ca}",
		"pem, err := os.ReadFile(`{path}`)",
		"roots := x509.NewCertPool()",
		"roots.AppendCertsFromPEM(pem)",
		"client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}",
	}, nil},
	{"Python", "REQUESTS_CA_BUNDLE is for requests, and so for MSAL and azure-identity; SSL_CERT_FILE is for ssl, urllib and httpx. Each replaces the usual certificates. Where REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE is set it wins over the verify of a session, and so over that of MSAL too: point it here, or unset it.", []string{
		"export REQUESTS_CA_BUNDLE={ca}",
		"export SSL_CERT_FILE={ca}",
	}, nil},
	{"Node.js", "Read once, when the process starts; added to the usual certificates.", []string{
		"export NODE_EXTRA_CA_CERTS={ca}",
	}, nil},
	{"Java", "The truststore replaces the JDK's for that process.", []string{
		"keytool -importcert -noprompt -alias idpool -file {ca} -keystore idpool.p12 -storetype PKCS12 -storepass changeit",
		"java -Djavax.net.ssl.trustStore=idpool.p12 -Djavax.net.ssl.trustStorePassword=changeit -jar app.jar",
	}, []string{
		"rm idpool.p12",
	}},
	{".NET", "On Linux, SSL_CERT_FILE replaces the system's certificates; on Windows and macOS, trust it there as above. In code, everywhere (.NET 8 and later):", []string{
		"export SSL_CERT_FILE={ca}",
		"var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };",
		`policy.CustomTrustStore.Add(X509Certificate2.CreateFromPem(File.ReadAllText(@"{path}")));`,
		"var client = new HttpClient(new SocketsHttpHandler { SslOptions = { CertificateChainPolicy = policy } });",
	}, nil},
	// The settings are those of azure-ad.md 6.1. Without them a library asks the
	// real login.microsoftonline.com whether it knows the host.
	{"MSAL for Python", "instance_discovery=False keeps it from asking login.microsoftonline.com about the host. verify is enough only where REQUESTS_CA_BUNDLE and CURL_CA_BUNDLE are not set.", []string{
		`app = msal.ConfidentialClientApplication(client_id, authority="https://localhost:8443/TENANT-ID", client_credential=secret, instance_discovery=False, verify=r"{path}")`,
	}, nil},
	{"azure-identity for Python", "The authority is a host and a port.", []string{
		"export REQUESTS_CA_BUNDLE={ca}",
		`credential = ClientSecretCredential(tenant_id, client_id, secret, authority="localhost:8443", disable_instance_discovery=True)`,
	}, nil},
	{"MSAL for Go", "client is an http.Client that trusts the CA, as under Go; with SSL_CERT_FILE none is needed.", []string{
		"export SSL_CERT_FILE={ca}",
		`app, err := confidential.New("https://localhost:8443/TENANT-ID", clientID, credential, confidential.WithInstanceDiscovery(false), confidential.WithHTTPClient(client))`,
	}, nil},
	{"azidentity for Go", "AZURE_AUTHORITY_HOST=https://localhost:8443 can stand for Cloud, and DisableInstanceDiscovery is needed all the same. With SSL_CERT_FILE, Transport is not.", []string{
		"export SSL_CERT_FILE={ca}",
		`options := azcore.ClientOptions{Cloud: cloud.Configuration{ActiveDirectoryAuthorityHost: "https://localhost:8443/"}, Transport: client}`,
		"credential, err := azidentity.NewClientSecretCredential(tenantID, clientID, secret, &azidentity.ClientSecretCredentialOptions{ClientOptions: options, DisableInstanceDiscovery: true})",
	}, nil},
	{"MSAL for Node.js", `The port in knownAuthorities is required: ["localhost"] fails with endpoints_resolution_error.`, []string{
		"export NODE_EXTRA_CA_CERTS={ca}",
		`const app = new ConfidentialClientApplication({auth: {clientId, clientSecret, authority: "https://localhost:8443/TENANT-ID", knownAuthorities: ["localhost:8443"]}});`,
	}, nil},
	{"@azure/identity for Node.js", "", []string{
		"export NODE_EXTRA_CA_CERTS={ca}",
		`const credential = new ClientSecretCredential(tenantId, clientId, clientSecret, {authorityHost: "https://localhost:8443", disableInstanceDiscovery: true});`,
	}, nil},
	{"MSAL for Java", "Run with the truststore, as under Java. The authority ends with a slash.", []string{
		"keytool -importcert -noprompt -alias idpool -file {ca} -keystore idpool.p12 -storetype PKCS12 -storepass changeit",
		`var app = ConfidentialClientApplication.builder(clientId, ClientCredentialFactory.createFromSecret(secret)).authority("https://localhost:8443/TENANT-ID/").validateAuthority(false).instanceDiscovery(false).build();`,
	}, []string{
		"rm idpool.p12",
	}},
	{"MSAL and Azure.Identity for .NET", "Trust as under .NET; where SSL_CERT_FILE does not work, .WithHttpClientFactory takes such a client, and Transport of the options (HttpClientTransport).", []string{
		"export SSL_CERT_FILE={ca}",
		`var app = ConfidentialClientApplicationBuilder.Create(clientId).WithClientSecret(secret).WithAuthority("https://localhost:8443/TENANT-ID", validateAuthority: false).WithInstanceDiscovery(false).Build();`,
		`var credential = new ClientSecretCredential(tenantId, clientId, secret, new ClientSecretCredentialOptions { AuthorityHost = new Uri("https://localhost:8443"), DisableInstanceDiscovery = true });`,
	}, nil},
	{"Kafka client, librdkafka", "Properties of the client. ssl.ca.location is for the brokers alone, and the token endpoint needs its own.", []string{
		"https.ca.location={path}",
	}, nil},
	{"Kafka client, Java", "Options of the login module in sasl.jaas.config: ssl.* beside it, as a property of the client, is for the brokers alone.", []string{
		`sasl.jaas.config=org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required clientId="…" clientSecret="…" ssl.truststore.type="PEM" ssl.truststore.location="{path}";`,
	}, nil},
	{"Docker", "A copy that the container's user may read, mounted, and the variables of what runs there. Other containers get the CA from GET /v1/ca of the admin listener.", []string{
		"install -m 644 {ca} idpool-ca.pem",
		"docker run -v \"$PWD/idpool-ca.pem:/idpool-ca.pem:ro\" -e SSL_CERT_FILE=/idpool-ca.pem -e REQUESTS_CA_BUNDLE=/idpool-ca.pem -e NODE_EXTRA_CA_CERTS=/idpool-ca.pem IMAGE",
	}, []string{
		"rm idpool-ca.pem",
	}},
}

// filledGuides are the guides for the CA in a file, by its common name.
func filledGuides(path, name string) []trustGuide {
	fill := strings.NewReplacer("{ca}", shellWord(path), "{path}", path, "{name}", name)
	lines := func(in []string) []string {
		var out []string
		for _, line := range in {
			out = append(out, fill.Replace(line))
		}
		return out
	}
	guides := make([]trustGuide, len(trustGuides))
	for i, g := range trustGuides {
		guides[i] = trustGuide{g.For, g.Note, lines(g.Commands), lines(g.Undo)}
	}
	return guides
}

// shellWord quotes a path that a shell would take apart.
func shellWord(path string) string {
	plain := func(r rune) bool {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("/._-+=@%:,~", r)
	}
	if strings.IndexFunc(path, func(r rune) bool { return !plain(r) }) < 0 {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}

// fetchedCA is the file of a CA that was got from a running serve.
const fetchedCA = "idpool-ca.pem"

// fetchCA is the command that gets it, by the admin listener's URL.
func fetchCA(admin string) string { return "curl " + admin + "/v1/ca > " + fetchedCA }

// fetchedGuides are the guides for a CA that only a running serve has. The
// first of them gets it.
func fetchedGuides(c idpool.Config) []trustGuide {
	get := trustGuide{For: "First: get the CA",
		Note: `While serve runs; it makes another CA at its next start, which "serve --state DIR" prevents. The second line says the name that stands for NAME below.`}
	if c.Listeners.Admin.Address == idpool.Off {
		get.Note = "The config has the admin listener off: leave that out, since the CA has no other source. " + get.Note
	}
	get.Commands = []string{fetchCA(adminURL(c)), "openssl x509 -noout -subject -in " + fetchedCA}
	return append([]trustGuide{get}, filledGuides(fetchedCA, "idpool CA NAME")...)
}

// adminURL is how this machine reaches the admin listener of a serve with the
// config, as far as the config says it.
func adminURL(c idpool.Config) string {
	l := c.Listeners.Admin
	if l.PublicURL != "" {
		return strings.TrimSuffix(l.PublicURL, "/")
	}
	address := l.Address
	if address == "" || address == idpool.Off {
		address = defaultAdmin
	}
	host, port, err := net.SplitHostPort(connectable(address))
	if err == nil && port == "0" {
		port = "PORT" // serve prints it
	}
	return "http://" + net.JoinHostPort(host, port)
}

// connectable is an address that is listened at as one to connect to from this
// machine: that of all interfaces is none.
func connectable(address string) string {
	host, port, err := net.SplitHostPort(address)
	if ip := net.ParseIP(host); err == nil && (host == "" || ip != nil && ip.IsUnspecified()) {
		return net.JoinHostPort("localhost", port)
	}
	return address
}

func (a *app) trustHelp(cmd *cobra.Command, state string) error {
	c, err := a.load()
	if err != nil {
		return err
	}
	authority, err := a.authority(c, state)
	if errors.Is(err, errNotKept) {
		return a.trustHelpFetched(cmd, c, err)
	}
	if err != nil {
		return err
	}
	if a.json() {
		return printJSON(cmd.OutOrStdout(), filledGuides(authority.Path(), authority.Certificate().Subject.CommonName))
	}
	printTrustHelp(cmd.OutOrStdout(), authority)
	return nil
}

// trustHelpFetched is trust-help where no file has the CA, with the reason.
func (a *app) trustHelpFetched(cmd *cobra.Command, c idpool.Config, reason error) error {
	w, guides := cmd.OutOrStdout(), fetchedGuides(c)
	if a.json() {
		return printJSON(w, guides)
	}
	fmt.Fprintf(w, "Note: %v.\nA running serve gives its CA out at /v1/ca of the admin listener.\n\n%s", reason, trustWarning)
	printGuides(w, guides)
	return nil
}

// trustWarning stands before the guides.
const trustWarning = "Who has the key of the CA can pretend to be any site to whoever trusts the CA.\n" +
	"Trust it on machines for tests, rather in one program than in the system, and take\nthe trust away afterwards.\n"

func printTrustHelp(w io.Writer, authority *ca.Authority) {
	p, c := paintFor(w), authority.Certificate()
	fmt.Fprintf(w, "%s, until %s\n  file    %s\n  SHA-256 %s\n", p.bold(c.Subject.CommonName), c.NotAfter.Format("2006-01-02"), authority.Path(), authority.Fingerprint())
	fmt.Fprint(w, "\n"+trustWarning)
	printGuides(w, filledGuides(authority.Path(), c.Subject.CommonName))
	fmt.Fprintf(w, "\n%s\n  Where no undo is given, leave the setting out again. Removing the files ends the CA:\n    rm %s %s\n",
		p.bold("To be rid of it"), shellWord(authority.Path()), shellWord(authority.KeyPath()))
}

func printGuides(w io.Writer, guides []trustGuide) {
	p := paintFor(w)
	for _, g := range guides {
		fmt.Fprintf(w, "\n%s\n", p.bold(g.For))
		if g.Note != "" {
			fmt.Fprintf(w, "  %s\n", g.Note)
		}
		for _, line := range g.Commands {
			fmt.Fprintf(w, "    %s\n", line)
		}
		if len(g.Undo) > 0 {
			fmt.Fprintf(w, "  %s\n    %s\n", p.faint("undo:"), strings.Join(g.Undo, "\n    "))
		}
	}
}
