// A token bound to a key, from the authorization server to the resource server, by oauth4webapi.
import * as oauth from 'oauth4webapi'
import * as oidc from 'openid-client'
import { visit, done } from './conversation.mjs'

const [issuer, resource] = process.argv.slice(2)
const insecure = { [oauth.allowInsecureRequests]: true }
const callback = 'http://127.0.0.1:53682/callback'

const resourceUrl = new URL(resource)
const announced = await oauth.processResourceDiscoveryResponse(
  resourceUrl,
  await oauth.resourceDiscoveryRequest(resourceUrl, insecure),
)
const url = new URL(announced.authorization_servers[0])
const as = await oauth.processDiscoveryResponse(
  url,
  await oauth.discoveryRequest(url, { ...insecure, algorithm: 'oauth2' }),
)
const client = await oauth.processDynamicClientRegistrationResponse(
  await oauth.dynamicClientRegistrationRequest(
    as,
    { client_name: 'oauth4webapi', redirect_uris: [callback], token_endpoint_auth_method: 'none' },
    insecure,
  ),
)
const keys = await oauth.generateKeyPair('ES256')
const DPoP = oauth.DPoP(client, keys)
const options = { ...insecure, DPoP }
const nonces = { server: 0, resource: 0 }

/** Once more where a nonce was given to use. */
async function answered(who, request) {
  try {
    return await request()
  } catch (error) {
    if (!oauth.isDPoPNonceError(error)) throw error
    nonces[who] += 1
    return request()
  }
}

const verifier = oauth.generateRandomCodeVerifier()
const state = oauth.generateRandomState()
const authorize = new URL(as.authorization_endpoint)
authorize.search = new URLSearchParams({
  response_type: 'code',
  client_id: client.client_id,
  redirect_uri: callback,
  scope: 'notes:read notes:write',
  resource,
  state,
  code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
  code_challenge_method: 'S256',
})
const back = oauth.validateAuthResponse(as, client, await visit(authorize), state)
const tokens = await answered('server', async () =>
  oauth.processAuthorizationCodeResponse(
    as,
    client,
    await oauth.authorizationCodeGrantRequest(as, client, oauth.None(), back, callback, verifier, options),
  ),
)

const call = (name) => ({
  headers: new Headers({
    accept: 'application/json, text/event-stream',
    'content-type': 'application/json',
    'mcp-protocol-version': '2026-07-28',
    'mcp-method': 'tools/call',
    'mcp-name': name,
  }),
  body: JSON.stringify({
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/call',
    params: {
      name,
      arguments: {},
      _meta: {
        'io.modelcontextprotocol/protocolVersion': '2026-07-28',
        'io.modelcontextprotocol/clientInfo': { name: 'oauth4webapi', version: '1' },
        'io.modelcontextprotocol/clientCapabilities': {},
      },
    },
  }),
})
const hello = new URL('/hello', resource)
const ask = (method, at, { headers, body } = {}, more = options) =>
  answered('resource', () => oauth.protectedResourceRequest(tokens.access_token, method, at, headers, body, more))

const greeting = await (await ask('GET', hello)).json()
const answer = await (await ask('POST', resourceUrl, call('whoami'))).text()

/** The challenges that a request is answered with. */
async function challenges(request) {
  try {
    await request()
  } catch (error) {
    return error.cause.map(({ scheme, parameters }) => [scheme, parameters.error])
  }
}
const downgraded = await challenges(() => ask('GET', hello, {}, insecure))
const thief = { ...insecure, DPoP: oauth.DPoP(client, await oauth.generateKeyPair('ES256')) }
const stolen = await challenges(() => ask('GET', hello, {}, thief))

// The same key in the hands of another library.
const config = new oidc.Configuration({ ...as, issuer }, client.client_id, undefined, oidc.None())
oidc.allowInsecureRequests(config)
const handle = oidc.getDPoPHandle(config, keys)
const again = await oidc.fetchProtectedResource(config, tokens.access_token, hello, 'GET', undefined, undefined, {
  DPoP: handle,
})
done({
  type: tokens.token_type,
  algorithms: announced.dpop_signing_alg_values_supported,
  greeting: greeting.message,
  answer,
  again: again.status,
  downgraded,
  stolen,
  nonces,
})
