// What the FAPI 2.0 security profile asks of a client, by oauth4webapi: private_key_jwt, PAR, PKCE, DPoP, iss.
import * as oauth from 'oauth4webapi'
import { visit, done } from './conversation.mjs'

const [issuer, resource] = process.argv.slice(2)
const insecure = { [oauth.allowInsecureRequests]: true }
const callback = 'http://127.0.0.1:53682/callback'

const url = new URL(issuer)
const discovered = await oauth.discoveryRequest(url, { ...insecure, algorithm: 'oauth2' })
const as = await oauth.processDiscoveryResponse(url, discovered)

const keys = await oauth.generateKeyPair('ES256', { extractable: true })
const { kty, crv, x, y } = await crypto.subtle.exportKey('jwk', keys.publicKey)
const registration = await oauth.dynamicClientRegistrationRequest(
  as,
  {
    client_name: 'oauth4webapi',
    redirect_uris: [callback],
    grant_types: ['authorization_code', 'refresh_token'],
    token_endpoint_auth_method: 'private_key_jwt',
    token_endpoint_auth_signing_alg: 'ES256',
    jwks: { keys: [{ kty, crv, x, y, kid: 'a-key' }] },
    dpop_bound_access_tokens: true,
    require_pushed_authorization_requests: true,
  },
  insecure,
)
const client = await oauth.processDynamicClientRegistrationResponse(registration)
const authentication = oauth.PrivateKeyJwt({ key: keys.privateKey, kid: 'a-key' })
const DPoP = oauth.DPoP(client, await oauth.generateKeyPair('ES256'))
const options = { ...insecure, DPoP }
let challenges = 0

/** Once more where the server gave a nonce to use. */
async function answered(request, process) {
  try {
    return await process(await request())
  } catch (error) {
    if (!oauth.isDPoPNonceError(error)) throw error
    challenges += 1
    return process(await request())
  }
}

const verifier = oauth.generateRandomCodeVerifier()
const state = oauth.generateRandomState()
const parameters = new URLSearchParams({
  response_type: 'code',
  redirect_uri: callback,
  scope: 'openid notes:read',
  resource,
  state,
  code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
  code_challenge_method: 'S256',
})
const pushed = await answered(
  () => oauth.pushedAuthorizationRequest(as, client, authentication, parameters, options),
  (response) => oauth.processPushedAuthorizationResponse(as, client, response),
)
const authorize = new URL(as.authorization_endpoint)
authorize.searchParams.set('client_id', client.client_id)
authorize.searchParams.set('request_uri', pushed.request_uri)
const back = oauth.validateAuthResponse(as, client, await visit(authorize), state)
const tokens = await answered(
  () => oauth.authorizationCodeGrantRequest(as, client, authentication, back, callback, verifier, options),
  (response) => oauth.processAuthorizationCodeResponse(as, client, response),
)
const { sub } = oauth.getValidatedIdTokenClaims(tokens)
const userinfo = await answered(
  () => oauth.userInfoRequest(as, client, tokens.access_token, options),
  (response) => oauth.processUserInfoResponse(as, client, sub, response),
)
const refreshed = await answered(
  () => oauth.refreshTokenGrantRequest(as, client, authentication, tokens.refresh_token, options),
  (response) => oauth.processRefreshTokenResponse(as, client, response),
)
const introspected = await oauth.processIntrospectionResponse(
  as,
  client,
  await oauth.introspectionRequest(as, client, authentication, refreshed.access_token, insecure),
)
const signed = await oauth.introspectionRequest(as, client, authentication, refreshed.access_token, {
  ...insecure,
  requestJwtResponse: true,
})
await oauth.processIntrospectionResponse(
  as,
  { ...client, introspection_signed_response_alg: 'RS256' },
  signed,
)
await oauth.validateApplicationLevelSignature(as, signed, insecure)
await oauth.processRevocationResponse(
  await oauth.revocationRequest(as, client, authentication, refreshed.access_token, insecure),
)
done({ type: tokens.token_type, sub: userinfo.sub, bound: Boolean(introspected.cnf?.jkt), challenges })
