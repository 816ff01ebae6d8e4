// Acquires tokens with Microsoft's libraries for Node and prints a line of JSON
// for each case: its name, and the token or the error. The environment says
// from where; child_test.go sets it. CommonJS, because only require looks for
// modules in NODE_PATH.
"use strict";

const crypto = require("node:crypto");
const fs = require("node:fs");
const msal = require("@azure/msal-node");
const azure = require("@azure/identity");

const env = process.env;
const authority = `${env.IDPOOL_HOST}/${env.IDPOOL_TENANT}`;
const key = fs.readFileSync(env.IDPOOL_KEY, "utf8");
const certificate = fs.readFileSync(env.IDPOOL_CERTIFICATE, "utf8");
const thumbprintSha256 = new crypto.X509Certificate(certificate).fingerprint256.replaceAll(":", "");
const assertion = fs.readFileSync(env.IDPOOL_FEDERATED_TOKEN, "utf8");

const scopes = [env.IDPOOL_SCOPE];

function application(clientId, credential) {
  const auth = { clientId, authority, knownAuthorities: [new URL(authority).host], ...credential };
  return new msal.ConfidentialClientApplication({ auth });
}

async function byMSAL(clientId, credential) {
  const result = await application(clientId, credential).acquireTokenByClientCredential({ scopes });
  return result.accessToken;
}

async function fromCache() {
  const app = application(env.IDPOOL_CLIENT_ID, { clientSecret: env.IDPOOL_SECRET });
  const first = await app.acquireTokenByClientCredential({ scopes });
  const second = await app.acquireTokenByClientCredential({ scopes });
  if (!second.fromCache || second.accessToken !== first.accessToken) {
    throw new Error("the second token is not the cached one");
  }
  return second.accessToken;
}

async function byIdentity(credential) {
  return (await credential.getToken(scopes)).token;
}

const options = { authorityHost: env.IDPOOL_HOST, disableInstanceDiscovery: true };
const client = [env.IDPOOL_TENANT, env.IDPOOL_CLIENT_ID];
const pem = { certificatePath: env.IDPOOL_PEM };

const cases = {
  "msal secret": () => byMSAL(env.IDPOOL_CLIENT_ID, { clientSecret: env.IDPOOL_SECRET }),
  "msal cache": fromCache,
  "msal certificate": () => byMSAL(env.IDPOOL_CLIENT_ID, { clientCertificate: { thumbprintSha256, privateKey: key } }),
  "msal certificate chain": () =>
    byMSAL(env.IDPOOL_CLIENT_ID, { clientCertificate: { thumbprintSha256, privateKey: key, x5c: certificate } }),
  "msal federated": () => byMSAL(env.IDPOOL_WORKLOAD, { clientAssertion: async () => assertion }),
  "msal wrong secret": () => byMSAL(env.IDPOOL_CLIENT_ID, { clientSecret: "wrong" }),
  "azure secret": () => byIdentity(new azure.ClientSecretCredential(...client, env.IDPOOL_SECRET, options)),
  "azure certificate": () => byIdentity(new azure.ClientCertificateCredential(...client, pem, options)),
  "azure certificate chain": () =>
    byIdentity(new azure.ClientCertificateCredential(...client, pem, { ...options, sendCertificateChain: true })),
  "azure workload": () =>
    byIdentity(
      new azure.WorkloadIdentityCredential({
        ...options,
        tenantId: env.IDPOOL_TENANT,
        clientId: env.IDPOOL_WORKLOAD,
        tokenFilePath: env.IDPOOL_FEDERATED_TOKEN,
      }),
    ),
  "azure wrong secret": () => byIdentity(new azure.ClientSecretCredential(...client, "wrong", options)),
  "azure managed identity": () => byIdentity(new azure.ManagedIdentityCredential()),
  "azure managed identity by client id": () =>
    byIdentity(new azure.ManagedIdentityCredential({ clientId: env.IDPOOL_IDENTITY })),
  "azure managed identity by resource id": () =>
    byIdentity(new azure.ManagedIdentityCredential({ resourceId: env.IDPOOL_IDENTITY_RESOURCE })),
};

async function main() {
  for (const [name, acquire] of Object.entries(cases)) {
    const line = { case: name };
    try {
      line.token = await acquire();
    } catch (error) {
      line.error = String(error.message);
    }
    console.log(JSON.stringify(line));
  }
}

main();
