// What the JavaScript peers share: the schema, one HTTP client, resolvers and loaders.
import { readFileSync } from 'node:fs'
import DataLoader from 'dataloader'
import { Pool } from 'undici'

export const typeDefs = readFileSync(new URL('../schema.graphql', import.meta.url), 'utf8')
export const port = Number(process.env.PORT)

const pool = new Pool(process.env.UPSTREAM, { connections: 128 })

export async function get(path) {
  const { body } = await pool.request({ method: 'GET', path })
  return body.json()
}

async function addComment(postId, text) {
  const { body } = await pool.request({
    method: 'POST',
    path: '/comments',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ postId, text }),
  })
  return body.json()
}

export async function byIds(path, ids) {
  const rows = await get(`${path}?${ids.map((id) => `id=${id}`).join('&')}`)
  const found = new Map(rows.map((row) => [row.id, row]))
  return ids.map((id) => found.get(id) ?? null)
}

export const makeLoaders = () => ({
  users: new DataLoader((ids) => byIds('/users', ids)),
  stats: new DataLoader((ids) => byIds('/stats', ids)),
})

export const resolvers = {
  Query: {
    greeting: () => 'hello',
    posts: () => get('/posts'),
    post: (_root, { id }) => get(`/posts/${id}`),
    items: () => get('/items'),
    tree: () => get('/tree'),
    records: () => get('/records'),
  },
  Mutation: { addComment: (_root, { postId, text }) => addComment(postId, text) },
}

// For servers without loaders of their own.
export const loadedResolvers = {
  ...resolvers,
  Post: {
    user: (post, _args, context) => context.users.load(post.userId),
    stats: (post, _args, context) => context.stats.load(post.id),
  },
}
