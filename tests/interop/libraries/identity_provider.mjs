// An OpenID provider at which every name may log in: `node identity_provider.mjs CONFIGURATION`.
import { createServer } from 'node:http'
import Provider from 'oidc-provider'

const { port, clientId, clientSecret, redirectUri, groups } = JSON.parse(process.argv[2])
const issuer = `http://127.0.0.1:${port}`

const provider = new Provider(issuer, {
  clients: [{ client_id: clientId, client_secret: clientSecret, redirect_uris: [redirectUri] }],
  claims: {
    openid: ['sub', 'groups'],
    profile: ['name', 'preferred_username'],
    email: ['email', 'email_verified'],
  },
  cookies: { keys: ['a key of this test'] },
  features: { devInteractions: { enabled: true } },
  pkce: { required: () => true },
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({
      sub: id,
      name: `The ${id}`,
      preferred_username: id,
      email: `${id}@corp.example`,
      email_verified: true,
      groups: groups[id] ?? [],
    }),
  }),
})

createServer(provider.callback()).listen(port, '127.0.0.1', () => console.log('ready'))
