"""Acquires tokens with Microsoft's libraries for Python and prints a line of
JSON for each case: its name, and the token or the error. The environment says
from where; child_test.go sets it, REQUESTS_CA_BUNDLE included."""

import json
import os
import tempfile

import azure.identity
import msal
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.serialization import pkcs12

env = os.environ
HOST, TENANT, CLIENT = env["IDPOOL_HOST"], env["IDPOOL_TENANT"], env["IDPOOL_CLIENT_ID"]
SECRET, SCOPE, PEM = env["IDPOOL_SECRET"], env["IDPOOL_SCOPE"], env["IDPOOL_PEM"]
OPTIONS = {"authority": HOST, "disable_instance_discovery": True}


def read(path):
    with open(path, "rb") as f:
        return f.read()


KEY, CERTIFICATE = read(env["IDPOOL_KEY"]), read(env["IDPOOL_CERTIFICATE"])
LEAF = x509.load_pem_x509_certificate(CERTIFICATE)
ASSERTION = read(env["IDPOOL_FEDERATED_TOKEN"]).decode()


def application(client, credential):
    return msal.ConfidentialClientApplication(
        client, authority=f"{HOST}/{TENANT}", client_credential=credential, instance_discovery=False
    )


def token(answer):
    if "access_token" not in answer:
        raise RuntimeError(answer["error_description"])
    return answer["access_token"]


def by_msal(client, credential):
    return token(application(client, credential).acquire_token_for_client([SCOPE]))


def from_cache():
    app = application(CLIENT, SECRET)
    first = token(app.acquire_token_for_client([SCOPE]))
    second = app.acquire_token_for_client([SCOPE])
    if second.get("token_source") != "cache" or token(second) != first:
        raise RuntimeError("the second token is not the cached one")
    return first


def by_thumbprint(**more):
    """The older form, which signs with RS256 and names the key by SHA-1."""
    thumbprint = LEAF.fingerprint(hashes.SHA1()).hex()
    return by_msal(CLIENT, {"thumbprint": thumbprint, "private_key": KEY.decode(), **more})


def by_pfx(**more):
    """The newer form, which signs with PS256 and names the key by SHA-256."""
    key = serialization.load_pem_private_key(KEY, None)
    bundle = pkcs12.serialize_key_and_certificates(
        b"service", key, LEAF, None, serialization.BestAvailableEncryption(b"test")
    )
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "service.pfx")
        with open(path, "wb") as f:
            f.write(bundle)
        return by_msal(CLIENT, {"private_key_pfx_path": path, "passphrase": "test", **more})


def by_identity(credential):
    return credential.get_token(SCOPE).token


def certificate(**more):
    return azure.identity.CertificateCredential(TENANT, CLIENT, PEM, **OPTIONS, **more)


def workload():
    return azure.identity.WorkloadIdentityCredential(
        tenant_id=TENANT, client_id=env["IDPOOL_WORKLOAD"], token_file_path=env["IDPOOL_FEDERATED_TOKEN"], **OPTIONS
    )


def managed(**which):
    return by_identity(azure.identity.ManagedIdentityCredential(**which))


CASES = {
    "msal secret": lambda: by_msal(CLIENT, SECRET),
    "msal cache": from_cache,
    "msal certificate": by_thumbprint,
    "msal certificate chain": lambda: by_thumbprint(public_certificate=CERTIFICATE.decode()),
    "msal pfx": by_pfx,
    "msal pfx chain": lambda: by_pfx(public_certificate=True),
    "msal federated": lambda: by_msal(env["IDPOOL_WORKLOAD"], {"client_assertion": ASSERTION}),
    "msal wrong secret": lambda: by_msal(CLIENT, "wrong"),
    "azure secret": lambda: by_identity(azure.identity.ClientSecretCredential(TENANT, CLIENT, SECRET, **OPTIONS)),
    "azure certificate": lambda: by_identity(certificate()),
    "azure certificate chain": lambda: by_identity(certificate(send_certificate_chain=True)),
    "azure workload": lambda: by_identity(workload()),
    "azure wrong secret": lambda: by_identity(azure.identity.ClientSecretCredential(TENANT, CLIENT, "wrong", **OPTIONS)),
    "azure managed identity": managed,
    "azure managed identity by client id": lambda: managed(client_id=env["IDPOOL_IDENTITY"]),
    "azure managed identity by resource id": lambda: managed(
        identity_config={"resource_id": env["IDPOOL_IDENTITY_RESOURCE"]}
    ),
}

for name, acquire in CASES.items():
    line = {"case": name}
    try:
        line["token"] = acquire()
    except Exception as error:  # whatever a library raises is what the test looks at
        line["error"] = str(error)
    print(json.dumps(line), flush=True)
