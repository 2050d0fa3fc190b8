// node-oidc-provider with Redis, as it is deployed: `node oidc_provider.mjs CONFIGURATION`.
// Every login succeeds and every client is consented to, at once: the pages are not measured.
import { createServer } from 'node:http'
import Redis from 'ioredis'
import Provider from 'oidc-provider'

const { port, redis, clients, resource } = JSON.parse(process.argv[2])
const issuer = `http://127.0.0.1:${port}`
const store = new Redis(redis)
const byGrant = new Set(['AccessToken', 'AuthorizationCode', 'RefreshToken', 'DeviceCode', 'BackchannelAuthenticationRequest'])

// Its interface is described in the documentation of oidc-provider, "adapter".
class RedisAdapter {
  constructor(name) {
    this.name = name
  }
  key(id) {
    return `${this.name}:${id}`
  }
  async upsert(id, payload, expiresIn) {
    const write = store.multi()
    if (expiresIn) write.set(this.key(id), JSON.stringify(payload), 'EX', expiresIn)
    else write.set(this.key(id), JSON.stringify(payload))
    if (byGrant.has(this.name) && payload.grantId) {
      write.rpush(`grant:${payload.grantId}`, this.key(id))
      if (expiresIn) write.expire(`grant:${payload.grantId}`, Math.max(expiresIn, 86_400))
    }
    if (payload.uid) write.set(`uid:${payload.uid}`, id, 'EX', expiresIn ?? 86_400)
    await write.exec()
  }
  async find(id) {
    const found = await store.get(this.key(id))
    return found ? JSON.parse(found) : undefined
  }
  async findByUid(uid) {
    const id = await store.get(`uid:${uid}`)
    return id ? this.find(id) : undefined
  }
  async findByUserCode() {
    return undefined
  }
  async consume(id) {
    const found = await this.find(id)
    const left = await store.ttl(this.key(id))
    const consumed = JSON.stringify({ ...found, consumed: Math.floor(Date.now() / 1000) })
    if (left > 0) await store.set(this.key(id), consumed, 'EX', left)
    else await store.set(this.key(id), consumed)
  }
  async destroy(id) {
    await store.del(this.key(id))
  }
  async revokeByGrantId(grantId) {
    const keys = await store.lrange(`grant:${grantId}`, 0, -1)
    await store.del(`grant:${grantId}`, ...keys)
  }
}

const provider = new Provider(issuer, {
  adapter: RedisAdapter,
  clients,
  cookies: { keys: ['a key of this benchmark'] },
  features: {
    devInteractions: { enabled: false },
    introspection: { enabled: true },
    clientCredentials: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => resource,
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({ scope: 'notes:read notes:write', audience: resource, accessTokenFormat: 'opaque' }),
    },
  },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  issueRefreshToken: (_, client) => client.grantTypeAllowed('refresh_token'),
  // Consent is remembered.
  loadExistingGrant: async ctx => {
    const { client, session } = ctx.oidc
    const known = session.grantIdFor(client.clientId)
    const grant = known
      ? await provider.Grant.find(known)
      : new provider.Grant({ clientId: client.clientId, accountId: session.accountId })
    if (!known) {
            grant.addResourceScope(resource, 'notes:read notes:write')
      await grant.save()
    }
    return grant
  },
  pkce: { required: () => true },
  rotateRefreshToken: true,
  ttl: { AccessToken: 600, AuthorizationCode: 60, Grant: 86_400, RefreshToken: 86_400, Session: 86_400 },
})

const answer = provider.callback()
createServer(async (request, response) => {
  if (!request.url.startsWith('/interaction/')) return answer(request, response)
  const result = { login: { accountId: 'wesen' } }
  await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false })
}).listen(port, '127.0.0.1', () => console.log('ready'))
