// An OpenID provider at which every name may log in: `node identity_provider.mjs CONFIGURATION`.
// A line of JSON on stdin changes who is in which groups, and whose accounts are deleted; it is answered with `done`.
import { createServer } from 'node:http'
import { createInterface } from 'node:readline'
import Provider from 'oidc-provider'

const { port, client, groups } = JSON.parse(process.argv[2])
const issuer = `http://127.0.0.1:${port}`
const people = { groups, missing: [] }

const provider = new Provider(issuer, {
  clients: [client],
  claims: {
    openid: ['sub', 'groups'],
    profile: ['name', 'preferred_username'],
    email: ['email', 'email_verified'],
  },
  cookies: { keys: ['a key of this test'] },
  features: {
    devInteractions: { enabled: true },
    rpInitiatedLogout: { enabled: true },
    backchannelLogout: { enabled: true },
  },
  pkce: { required: () => true },
  rotateRefreshToken: true,
  // Its own dispatcher sends nothing to this machine.
  fetch: (url, { dispatcher, ...options }) => fetch(url, options),
  findAccount: (_, id) =>
    people.missing.includes(id)
      ? undefined
      : {
          accountId: id,
          claims: () => ({
            sub: id,
            name: `The ${id}`,
            preferred_username: id,
            email: `${id}@corp.example`,
            email_verified: !id.startsWith('unverified'),
            groups: people.groups[id] ?? [],
          }),
        },
})

createServer(provider.callback()).listen(port, '127.0.0.1', () => console.log('ready'))
for await (const line of createInterface({ input: process.stdin })) {
  Object.assign(people, JSON.parse(line))
  console.log('done')
}
