import com.azure.json.JsonProviders;
import com.azure.json.JsonWriter;
import com.microsoft.aad.msal4j.ClientCredentialFactory;
import com.microsoft.aad.msal4j.ClientCredentialParameters;
import com.microsoft.aad.msal4j.ConfidentialClientApplication;
import com.microsoft.aad.msal4j.IClientCredential;
import com.microsoft.aad.msal4j.ManagedIdentityApplication;
import com.microsoft.aad.msal4j.ManagedIdentityId;
import com.microsoft.aad.msal4j.ManagedIdentityParameters;
import java.io.IOException;
import java.io.InputStream;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocketFactory;
import javax.net.ssl.TrustManagerFactory;

/**
 * Acquires tokens with Microsoft's library for Java and prints a line of JSON for each case: its
 * name, and the token or the error. The environment says from where; child_test.go sets it.
 *
 * <p>The library's own cache is not among the cases: 1.26 stores a token under the authority's host
 * and port and looks it up under the host, so that it is used only at port 443.
 */
public final class Acquire {
    private static final Map<String, String> ENV = System.getenv();
    private static final Set<String> SCOPES = Set.of(ENV.get("IDPOOL_SCOPE"));

    private final SSLSocketFactory tls = trusting(ENV.get("IDPOOL_CA"));
    private final PrivateKey key = readKey(ENV.get("IDPOOL_KEY"));
    private final X509Certificate certificate = readCertificate(ENV.get("IDPOOL_CERTIFICATE"));

    private Acquire() throws Exception {}

    public static void main(String[] arguments) throws Exception {
        new Acquire().run();
        System.exit(0); // the library's own threads would keep the process for a minute
    }

    private void run() throws Exception {
        String client = ENV.get("IDPOOL_CLIENT_ID");
        String federated = Files.readString(Path.of(ENV.get("IDPOOL_FEDERATED_TOKEN")));
        Map<String, Callable<String>> cases = new LinkedHashMap<>();
        cases.put("msal secret", () -> byMsal(client, ClientCredentialFactory.createFromSecret(ENV.get("IDPOOL_SECRET"))));
        cases.put("msal certificate chain", () -> byMsal(client, ClientCredentialFactory.createFromCertificate(key, certificate)));
        cases.put("msal certificate", () -> application(client, ClientCredentialFactory.createFromCertificate(key, certificate))
                .sendX5c(false).build().acquireToken(parameters()).get().accessToken());
        cases.put("msal federated", () -> byMsal(ENV.get("IDPOOL_WORKLOAD"), ClientCredentialFactory.createFromClientAssertion(federated)));
        cases.put("msal wrong secret", () -> byMsal(client, ClientCredentialFactory.createFromSecret("wrong")));
        cases.put("msal managed identity", () -> managed(ManagedIdentityId.systemAssigned()));
        cases.put("msal managed identity by client id", () -> managed(ManagedIdentityId.userAssignedClientId(ENV.get("IDPOOL_IDENTITY"))));
        cases.put("msal managed identity by resource id", () -> managed(ManagedIdentityId.userAssignedResourceId(ENV.get("IDPOOL_IDENTITY_RESOURCE"))));
        for (Map.Entry<String, Callable<String>> one : cases.entrySet()) {
            print(one.getKey(), one.getValue());
        }
    }

    private ConfidentialClientApplication.Builder application(String client, IClientCredential credential) throws Exception {
        return ConfidentialClientApplication.builder(client, credential)
                .authority(ENV.get("IDPOOL_HOST") + "/" + ENV.get("IDPOOL_TENANT") + "/")
                .validateAuthority(false)
                .instanceDiscovery(false)
                .sslSocketFactory(tls);
    }

    private static ClientCredentialParameters parameters() {
        return ClientCredentialParameters.builder(SCOPES).build();
    }

    private String byMsal(String client, IClientCredential credential) throws Exception {
        return application(client, credential).build().acquireToken(parameters()).get().accessToken();
    }

    private static String managed(ManagedIdentityId id) throws Exception {
        String resource = ENV.get("IDPOOL_SCOPE").replace("/.default", "");
        return ManagedIdentityApplication.builder(id).build()
                .acquireTokenForManagedIdentity(ManagedIdentityParameters.builder(resource).build()).get().accessToken();
    }

    private static void print(String name, Callable<String> acquire) throws IOException {
        StringWriter line = new StringWriter();
        try (JsonWriter json = JsonProviders.createWriter(line)) {
            json.writeStartObject().writeStringField("case", name);
            try {
                json.writeStringField("token", acquire.call());
            } catch (ExecutionException e) {
                json.writeStringField("error", e.getCause().getMessage());
            } catch (Exception e) {
                json.writeStringField("error", e.toString());
            }
            json.writeEndObject();
        }
        System.out.println(line);
    }

    /** Trusts one certificate authority and no other. */
    private static SSLSocketFactory trusting(String file) throws Exception {
        KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null, null);
        store.setCertificateEntry("idpool", readCertificate(file));
        TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(store);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, trust.getTrustManagers(), null);
        return context.getSocketFactory();
    }

    private static X509Certificate readCertificate(String file) throws Exception {
        try (InputStream in = Files.newInputStream(Path.of(file))) {
            return (X509Certificate) CertificateFactory.getInstance("X.509").generateCertificate(in);
        }
    }

    private static PrivateKey readKey(String file) throws Exception {
        String pem = Files.readString(Path.of(file)).replaceAll("-----[A-Z ]+-----|\\s", "");
        return KeyFactory.getInstance("RSA").generatePrivate(new PKCS8EncodedKeySpec(Base64.getDecoder().decode(pem)));
    }
}
