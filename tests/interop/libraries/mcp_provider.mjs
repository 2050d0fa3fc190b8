// The authorization server of an MCP server, which registers clients: `node mcp_provider.mjs CONFIGURATION`.
// Each line on stdin is answered with a line of JSON: what it has registered and issued so far.
import { createServer } from 'node:http'
import { createInterface } from 'node:readline'
import Provider from 'oidc-provider'

const { port, resource, scope } = JSON.parse(process.argv[2])
const issued = { registrations: [], grants: [], access_tokens: [] }

const provider = new Provider(`http://127.0.0.1:${port}`, {
  cookies: { keys: ['a key of this test'] },
  features: {
    devInteractions: { enabled: true },
    registration: { enabled: true },
    revocation: { enabled: true },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (_, indicator) => ({
        scope: indicator === resource ? scope : '',
        accessTokenFormat: 'opaque',
      }),
      useGrantedResource: () => true,
    },
  },
  pkce: { required: () => true },
  rotateRefreshToken: true,
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
})

provider.on('registration_create.success', (_, client) => issued.registrations.push(client.clientId))
provider.on('grant.success', (ctx) => {
  issued.grants.push(ctx.oidc.params.grant_type)
  issued.access_tokens.push(ctx.body.access_token)
})

createServer(provider.callback()).listen(port, '127.0.0.1', () => console.log('ready'))
for await (const _ of createInterface({ input: process.stdin })) console.log(JSON.stringify(issued))
