// GraphQL Yoga on node's own server; `JIT=1` compiles queries with graphql-jit.
import { createServer } from 'node:http'
import { useGraphQlJit } from '@envelop/graphql-jit'
import { createSchema, createYoga } from 'graphql-yoga'
import { loadedResolvers, makeLoaders, port, typeDefs } from './backend.mjs'

const yoga = createYoga({
  schema: createSchema({ typeDefs, resolvers: loadedResolvers }),
  context: makeLoaders,
  logging: false,
  graphiql: false,
  landingPage: false,
  plugins: process.env.JIT ? [useGraphQlJit()] : [],
})
createServer(yoga).listen(port, '127.0.0.1')
