// Mercurius: Fastify, compiled queries from the first request on, its own loaders.
import Fastify from 'fastify'
import mercurius from 'mercurius'
import { byIds, port, resolvers, typeDefs } from './backend.mjs'

const distinct = async (path, keys) => {
  const ids = [...new Set(keys)]
  const rows = await byIds(path, ids)
  const found = new Map(ids.map((id, at) => [id, rows[at]]))
  return keys.map((key) => found.get(key))
}

const app = Fastify()
app.register(mercurius, {
  schema: typeDefs,
  resolvers,
  loaders: {
    Post: {
      user: { loader: (queries) => distinct('/users', queries.map(({ obj }) => obj.userId)), opts: { cache: false } },
      stats: { loader: (queries) => distinct('/stats', queries.map(({ obj }) => obj.id)), opts: { cache: false } },
    },
  },
  jit: 1,
})
await app.listen({ port, host: '127.0.0.1' })
