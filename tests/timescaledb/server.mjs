// A PostgreSQL server for tests: TimescaleDB as WebAssembly (PGlite) behind a Unix socket.
//
//   node server.mjs NODE_MODULES SOCKET
//
// There is one backend. Clients take turns at it, a transaction each; the settings of a session
// are shared by all that are connected and reset when one leaves. Background jobs do not run
// (CALL run_job does), a query cannot be cancelled, and there is one database. So: good for what
// sql/ does on TimescaleDB, useless for speed and for concurrency.

import net from 'node:net'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import {
  CANCEL_REQUEST, GSS_REQUEST, SSL_REQUEST,
  copyIn, greeting, isCopyIn, message, split, text, typeOf, withStatementPrefix,
} from './protocol.mjs'

const [nodeModules, socketPath] = process.argv.slice(2)
const require = createRequire(join(nodeModules, 'resolved-from-here.js'))
const { PGlite } = require('@electric-sql/pglite')
const { timescaledb } = require('@electric-sql/pglite/timescaledb')

// A client finds a session as a server's would be; PGlite's own search_path is pg_catalog alone.
const FRESH_SESSION = `reset session authorization; reset role; reset all; unlisten *;
  set search_path to "$user", public; select pg_advisory_unlock_all();`

/** The one session of the database, and the client whose transaction it is in. */
class Backend {
  #owner = null
  #queue = []

  static async start() {
    const backend = new Backend()
    backend.database = await PGlite.create({ extensions: { timescaledb } })
    await backend.database.exec(FRESH_SESSION)
    const { rows } = await backend.database.query('show server_version')
    backend.parameters = {
      server_version: rows[0].server_version,
      server_encoding: 'UTF8',
      client_encoding: 'UTF8',
      DateStyle: 'ISO, MDY',
      IntervalStyle: 'postgres',
      TimeZone: 'UTC',
      integer_datetimes: 'on',
      standard_conforming_strings: 'on',
    }
    return backend
  }

  acquire(client) {
    if (this.#owner === null || this.#owner === client) {
      this.#owner = client
      return Promise.resolve()
    }
    return new Promise((resolve) => this.#queue.push([client, resolve]))
  }

  /** Messages to the database, its answers back; the turn ends with the transaction. */
  async run(client, messages) {
    await this.acquire(client)
    const answer = Buffer.from(await this.database.execProtocolRaw(Buffer.concat(messages)))
    const [answers] = split(answer)
    const ready = answers.findLast((one) => typeOf(one) === 'Z')
    if (ready !== undefined) client.inTransaction = String.fromCharCode(ready[5]) !== 'I'
    if (ready !== undefined && !client.inTransaction) this.#release()
    return answers
  }

  #release() {
    const [next, resolve] = this.#queue.shift() ?? [null, () => {}]
    this.#owner = next
    resolve()
  }
}

/** One connection: its messages are carried out one after the other. */
class Client {
  static #count = 0
  #id = ++Client.#count
  #unread = Buffer.alloc(0)
  #greeted = false
  #extended = [] // of the extended protocol, until Sync
  #copying = null // of a COPY ... FROM STDIN, until its end
  #statements = new Set()
  #work = Promise.resolve()
  inTransaction = false

  constructor(socket, backend) {
    this.socket = socket
    this.backend = backend
    socket.on('data', (bytes) => this.#then(() => this.#read(bytes)))
    socket.on('close', () => this.#then(() => this.#leave()))
    socket.on('error', () => {}) // close follows
  }

  #then(step) {
    this.#work = this.#work.then(step).catch((error) => {
      console.error(error) // the backend cannot be trusted any more
      process.exit(1)
    })
  }

  async #read(bytes) {
    this.#unread = Buffer.concat([this.#unread, bytes])
    while (!this.#greeted) {
      if (this.#unread.length < 8 || this.#unread.length < this.#unread.readInt32BE(0)) return
      this.#greet()
    }
    const [messages, rest] = split(this.#unread)
    this.#unread = rest
    for (const one of messages) await this.#handle(one)
  }

  #greet() {
    const code = this.#unread.readInt32BE(4)
    this.#unread = this.#unread.subarray(this.#unread.readInt32BE(0))
    if (code === SSL_REQUEST || code === GSS_REQUEST) {
      this.#send([Buffer.from('N')])
    } else if (code === CANCEL_REQUEST) {
      this.socket.destroy()
    } else {
      this.#greeted = true
      this.#send([greeting(this.backend.parameters, this.#id)])
    }
  }

  async #handle(one) {
    const type = typeOf(one)
    if (this.#copying !== null) {
      await this.#copy(type, one)
    } else if (type === 'Q') {
      await this.#query(one)
    } else if (type === 'X') {
      this.socket.end()
    } else {
      const [renamed, name] = withStatementPrefix(one, `c${this.#id}_`)
      if (name !== null) this.#statements.add(name)
      this.#extended.push(renamed)
      if (type === 'S' || type === 'H') {
        this.#send(await this.backend.run(this, this.#extended.splice(0)))
      }
    }
  }

  async #query(one) {
    const statement = one.toString('utf8', 5, one.length - 1)
    if (isCopyIn(statement)) {
      await this.backend.acquire(this)
      this.#copying = [one]
      this.#send([copyIn(statement)])
    } else {
      this.#send(await this.backend.run(this, [one]))
    }
  }

  /** The backend takes a COPY whole: the statement, its data and their end. */
  async #copy(type, one) {
    this.#copying.push(one)
    if (type !== 'c' && type !== 'f') return
    const messages = this.#copying.filter((kept) => !'SH'.includes(typeOf(kept)))
    this.#copying = null
    const answers = await this.backend.run(this, messages)
    this.#send(answers.filter((answer) => typeOf(answer) !== 'G')) // we gave that one
  }

  async #leave() {
    const own = [...this.#statements].map((name) => `deallocate "${name}";`).join('')
    for (const statement of [this.inTransaction ? 'rollback' : '', FRESH_SESSION, own]) {
      if (statement) await this.backend.run(this, [message('Q', text(statement))])
    }
  }

  #send(messages) {
    if (!this.socket.destroyed) this.socket.write(Buffer.concat(messages))
  }
}

const backend = await Backend.start()
const server = net.createServer((socket) => new Client(socket, backend))
server.listen(socketPath, () => console.log('ready'))
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => process.exit(0))
process.stdin.on('end', () => process.exit(0)).resume() // whoever started us is gone
