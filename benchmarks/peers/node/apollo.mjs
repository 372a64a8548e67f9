// Apollo Server on Fastify, its fastest integration of those it names.
import { ApolloServer } from '@apollo/server'
import fastifyApollo from '@as-integrations/fastify'
import Fastify from 'fastify'
import { loadedResolvers, makeLoaders, port, typeDefs } from './backend.mjs'

const server = new ApolloServer({
  typeDefs,
  resolvers: loadedResolvers,
  csrfPrevention: true,
  introspection: false,
})
await server.start()
const app = Fastify()
await app.register(fastifyApollo(server), { context: async () => makeLoaders() })
await app.listen({ port, host: '127.0.0.1' })
