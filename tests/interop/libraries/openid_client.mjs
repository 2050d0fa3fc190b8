// Drives the server with openid-client, whose checks of every answer are what is tested.
import * as oidc from 'openid-client'
import { visit, ask, done } from './conversation.mjs'

const [issuer, resource, flow] = process.argv.slice(2)
const execute = [oidc.allowInsecureRequests]
const callback = 'http://127.0.0.1:53682/callback'
const scope = 'openid profile offline_access notes:read'

const newKey = () =>
  crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify'])

async function publicJwk({ publicKey }) {
  const { kty, crv, x, y } = await crypto.subtle.exportKey('jwk', publicKey)
  return { kty, crv, x, y, kid: 'a-key', use: 'sig', alg: 'ES256' }
}

const register = (metadata, authentication) =>
  oidc.dynamicClientRegistration(
    new URL(issuer),
    { client_name: 'openid-client', redirect_uris: [callback], ...metadata },
    authentication,
    { execute },
  )

async function code(config, { authorize, dpop } = {}) {
  const pkceCodeVerifier = oidc.randomPKCECodeVerifier()
  const expected = { pkceCodeVerifier, expectedState: oidc.randomState(), expectedNonce: oidc.randomNonce() }
  const parameters = {
    redirect_uri: callback,
    scope,
    resource,
    state: expected.expectedState,
    nonce: expected.expectedNonce,
    code_challenge: await oidc.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: 'S256',
    max_age: '3600',
  }
  const url = await (authorize ?? oidc.buildAuthorizationUrl)(config, parameters)
  const back = await visit(url)
  const checks = { ...expected, idTokenExpected: true, maxAge: Number(parameters.max_age) }
  return oidc.authorizationCodeGrant(config, back, checks, undefined, dpop)
}

async function used(config, tokens, options) {
  const { sub } = tokens.claims()
  const userinfo = await oidc.fetchUserInfo(config, tokens.access_token, sub, options)
  const refreshed = await oidc.refreshTokenGrant(config, tokens.refresh_token, undefined, options)
  return { type: tokens.token_type, userinfo, refreshed: refreshed.scope, access_token: refreshed.access_token }
}

async function keyed(metadata = {}) {
  const key = await newKey()
  const config = await register(
    {
      token_endpoint_auth_method: 'private_key_jwt',
      grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
      jwks: { keys: [await publicJwk(key)] },
      ...metadata,
    },
    oidc.PrivateKeyJwt({ key: key.privateKey, kid: 'a-key' }),
  )
  return { key, config }
}

const flows = {
  async secret() {
    const config = await register(
      { token_endpoint_auth_method: 'client_secret_post', grant_types: ['authorization_code', 'refresh_token'] },
    )
    const result = await used(config, await code(config))
    const before = await oidc.tokenIntrospection(config, result.access_token)
    await oidc.tokenRevocation(config, result.access_token)
    const after = await oidc.tokenIntrospection(config, result.access_token)
    return { ...result, before: before.active, after: after.active }
  },
  async public() {
    const config = await register({
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', 'refresh_token'],
      id_token_signed_response_alg: 'ES256',
    })
    return used(config, await code(config))
  },
  async pushed() {
    const { config } = await keyed({ require_pushed_authorization_requests: true })
    return used(config, await code(config, { authorize: oidc.buildAuthorizationUrlWithPAR }))
  },
  async signed() {
    const { config, key } = await keyed({ require_signed_request_object: true })
    const sign = { key: key.privateKey, kid: 'a-key' }
    const authorize = (c, p) => oidc.buildAuthorizationUrlWithJAR(c, p, sign)
    return used(config, await code(config, { authorize }))
  },
  async bound() {
    const { config } = await keyed({ dpop_bound_access_tokens: true })
    const DPoP = oidc.getDPoPHandle(config, await newKey())
    const authorize = (c, p) => oidc.buildAuthorizationUrlWithPAR(c, p, { DPoP })
    return used(config, await code(config, { authorize, dpop: { DPoP } }), { DPoP })
  },
  async credentials() {
    const { config } = await keyed({ redirect_uris: undefined, grant_types: ['client_credentials'] })
    const tokens = await oidc.clientCredentialsGrant(config, { resource, scope: 'notes:read' })
    return { type: tokens.token_type, access_token: tokens.access_token }
  },
  async device() {
    const config = await register({
      redirect_uris: undefined,
      token_endpoint_auth_method: 'none',
      grant_types: ['urn:ietf:params:oauth:grant-type:device_code', 'refresh_token'],
    })
    const shown = await oidc.initiateDeviceAuthorization(config, { scope: 'openid notes:read', resource })
    await ask({ type: shown.user_code, at: shown.verification_uri })
    const tokens = await oidc.pollDeviceAuthorizationGrant(config, { ...shown, interval: 1 })
    return { type: tokens.token_type, sub: tokens.claims().sub }
  },
}

done(await flows[flow]())
